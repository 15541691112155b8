//! `first_value(a ORDER BY b DESC, b)` orders by `b` once.
//!
//! DataFusion 55.2 drops the repeated expression from the order, but not from the state of the aggregate, and then fails because their
//! columns differ in number.

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{AggregateFunction, Sort};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use super::each_expression;

/// Runs after type coercion, which may make two expressions equal.
#[derive(Debug)]
pub struct OrderedOnce;

impl AnalyzerRule for OrderedOnce {
    fn name(&self) -> &'static str {
        "ordered_once"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(each_expression(plan, |mut expression, _schema| {
            let Expr::AggregateFunction(AggregateFunction { params, .. }) = &mut expression else {
                return Ok(Transformed::no(expression));
            };
            let given = params.order_by.len();
            let mut kept: Vec<Sort> = Vec::with_capacity(given);
            for sort in std::mem::take(&mut params.order_by) {
                // Rows that are equal in an expression are equal in it again, whatever the direction.
                if sort.expr.is_volatile() || kept.iter().all(|earlier| earlier.expr != sort.expr) {
                    kept.push(sort);
                }
            }
            let changed = kept.len() < given;
            params.order_by = kept;
            Ok(if changed { Transformed::yes(expression) } else { Transformed::no(expression) })
        })?
        .data)
    }
}
