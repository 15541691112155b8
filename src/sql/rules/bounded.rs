//! Replaces DataFusion's functions by bounded ones everywhere in a plan.
//!
//! A call by name in SQL already finds the bounded function. This rule handles the calls that the planner itself creates, for
//! `OVERLAY(…)`, `[1, 2]` or `a || b`, and those in plans built by programs. It runs after type coercion.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, ScalarUDF};
use datafusion::optimizer::AnalyzerRule;

use super::each_expression;
use crate::builtins::bounded::is_bounded;

/// Replaces DataFusion's functions by the bounded ones in `functions`.
#[derive(Debug)]
pub struct CallBounded {
    functions: HashMap<String, Arc<ScalarUDF>>,
}

impl CallBounded {
    /// Takes the bounded functions among those of a session.
    pub fn of(functions: &[Arc<ScalarUDF>]) -> Self {
        let bounded = functions.iter().filter(|function| is_bounded(function));
        Self { functions: bounded.map(|function| (function.name().to_string(), Arc::clone(function))).collect() }
    }

    fn exchanged(&self, expression: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
        let (function, arguments) = match expression {
            Expr::ScalarFunction(ScalarFunction { func, args }) => {
                match self.functions.get(func.name()).filter(|_| !is_bounded(&func)) {
                    Some(bounded) => (bounded, args),
                    None => return Ok(Transformed::no(Expr::ScalarFunction(ScalarFunction { func, args }))),
                }
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }) => {
                let is_text = |side: &Expr| {
                    let data_type = side.get_type(schema);
                    matches!(data_type, Ok(DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View))
                };
                match self.functions.get("||").filter(|_| is_text(&left) && is_text(&right)) {
                    Some(bounded) => (bounded, vec![*left, *right]),
                    None => {
                        let same = BinaryExpr { left, op: Operator::StringConcat, right };
                        return Ok(Transformed::no(Expr::BinaryExpr(same)));
                    }
                }
            }
            other => return Ok(Transformed::no(other)),
        };
        Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(function), arguments))))
    }
}

impl AnalyzerRule for CallBounded {
    fn name(&self) -> &'static str {
        "call_bounded"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(each_expression(plan, |part, schema| self.exchanged(part, schema))?.data)
    }
}
