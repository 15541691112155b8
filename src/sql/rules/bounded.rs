//! Bounded functions wherever a plan calls the engine's.
//!
//! A call that SQL writes by its name finds the bounded function; those that the planner makes itself, `OVERLAY(…)`, `[1, 2]`, `a || b`, and
//! those of plans made by a program do not. Here they are exchanged, once types are settled.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, ScalarUDF};
use datafusion::optimizer::AnalyzerRule;

use crate::builtins::bounded::is_bounded;

/// Exchanges functions of the engine for the bounded ones of these.
#[derive(Debug)]
pub struct CallBounded {
    functions: HashMap<String, Arc<ScalarUDF>>,
}

impl CallBounded {
    /// With the bounded functions among those of a session.
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
        let plan = plan.transform_up_with_subqueries(|plan| {
            let mut schema = merge_schema(&plan.inputs());
            if let LogicalPlan::TableScan(scan) = &plan {
                schema.merge(&DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?);
            }
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expression| {
                let name = names.save(&expression);
                let rewritten = expression.transform_up(|part| self.exchanged(part, &schema))?;
                Ok(rewritten.update_data(|rewritten| name.restore(rewritten)))
            })
        })?;
        Ok(plan.data)
    }
}
