//! Compares lists and structs by `<` and the like as ORDER BY sorts them, see [`crate::builtins::nested`].

use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::Between;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, not};
use datafusion::optimizer::AnalyzerRule;

use super::each_expression;
use crate::builtins::nested::compared;

/// Runs after type coercion.
#[derive(Debug)]
pub struct OrderOfNested;

impl AnalyzerRule for OrderOfNested {
    fn name(&self) -> &'static str {
        "order_of_nested"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(each_expression(plan, |expression, schema| {
            Ok(match expression {
                Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_order(op) && are_nested([&left, &right], schema) => {
                    Transformed::yes(compared(*left, op, *right))
                }
                Expr::Between(Between { expr, negated, low, high }) if are_nested([&expr, &low, &high], schema) => {
                    let within = compared(*expr.clone(), Operator::GtEq, *low).and(compared(*expr, Operator::LtEq, *high));
                    Transformed::yes(if negated { not(within) } else { within })
                }
                other => Transformed::no(other),
            })
        })?
        .data)
    }
}

fn is_order(operator: Operator) -> bool {
    matches!(operator, Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq)
}

/// True for values of one type of lists or structs.
fn are_nested<const N: usize>(values: [&Expr; N], schema: &DFSchema) -> bool {
    let mut types = values.into_iter().map(|value| value.get_type(schema));
    let Some(Ok(first)) = types.next() else { return false };
    first.is_nested() && types.all(|other| other.is_ok_and(|other| first.equals_datatype(&other)))
}
