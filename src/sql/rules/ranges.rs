//! Sort keys whose order the engine can follow: `ORDER BY abs(a - b), id LIMIT 3`.

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::{input_schema, keeping_names};
use crate::builtins::ranged::give_range;
use crate::walk::{PlanTree, Tree};

/// Gives the functions in sort keys ranges, see [`crate::builtins::ranged`]. Runs last in the optimizer, whose rules know functions by type.
#[derive(Debug)]
pub struct RangesOfSortKeys;

impl OptimizerRule for RangesOfSortKeys {
    fn name(&self) -> &'static str {
        "ranges_of_sort_keys"
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        plan.changed_up_with_subqueries(|plan| {
            let has_keys = match &plan {
                LogicalPlan::Sort(_) | LogicalPlan::Window(_) => true,
                LogicalPlan::Aggregate(aggregate) => aggregate.aggr_expr.iter().any(is_ordered),
                _ => false,
            };
            if !has_keys {
                return Ok(Transformed::no(plan));
            }
            let schema = input_schema(&plan)?;
            keeping_names(plan, |expression| {
                expression.changed_up(|mut part| {
                    let is_given = match part.get_type(&schema) {
                        Ok(data_type) => give_range(&mut part, &data_type),
                        Err(_) => false,
                    };
                    Ok(if is_given { Transformed::yes(part) } else { Transformed::no(part) })
                })
            })
        })
    }
}

/// True for an aggregate with ORDER BY.
fn is_ordered(expression: &Expr) -> bool {
    match expression {
        Expr::AggregateFunction(call) => !call.params.order_by.is_empty(),
        Expr::Alias(alias) => is_ordered(&alias.expr),
        _ => false,
    }
}
