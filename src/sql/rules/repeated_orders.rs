//! `first_value(a ORDER BY b DESC, b)` orders by `b` once, and so does `SELECT DISTINCT ON (b) … ORDER BY b DESC, b`, which becomes one.
//!
//! DataFusion 55.2 drops the repeated expression from the order, but not from the state of the aggregate, and then fails because their
//! columns differ in number.

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{AggregateFunction, Sort};
use datafusion::logical_expr::{Distinct, DistinctOn, Expr, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use super::each_expression;
use crate::walk::PlanTree;

/// Runs after type coercion, which may make two expressions equal.
#[derive(Debug)]
pub struct OrderedOnce;

impl AnalyzerRule for OrderedOnce {
    fn name(&self) -> &'static str {
        "ordered_once"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = each_expression(plan, |mut expression, _schema| {
            let Expr::AggregateFunction(AggregateFunction { params, .. }) = &mut expression else {
                return Ok(Transformed::no(expression));
            };
            let changed = once(&mut params.order_by);
            Ok(if changed { Transformed::yes(expression) } else { Transformed::no(expression) })
        })?;
        let distinct = plan.data.changed_up_with_subqueries(|mut plan| {
            let changed = match &mut plan {
                LogicalPlan::Distinct(Distinct::On(DistinctOn { sort_expr: Some(sorts), .. })) => once(sorts),
                _ => false,
            };
            Ok(if changed { Transformed::yes(plan) } else { Transformed::no(plan) })
        })?;
        Ok(distinct.data)
    }
}

/// Leaves the first of each expression; true if there were others.
fn once(sorts: &mut Vec<Sort>) -> bool {
    let given = sorts.len();
    let mut kept: Vec<Sort> = Vec::with_capacity(given);
    for sort in std::mem::take(sorts) {
        // Rows that are equal in an expression are equal in it again, whatever the direction.
        if sort.expr.is_volatile() || kept.iter().all(|earlier| earlier.expr != sort.expr) {
            kept.push(sort);
        }
    }
    *sorts = kept;
    sorts.len() < given
}
