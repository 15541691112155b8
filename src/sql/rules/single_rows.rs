//! `FROM orders CROSS JOIN (SELECT sum(amount) FROM orders)`: a join with one row.
//!
//! DataFusion's cross join returns a batch for each row of its left side, and exchanges its sides only where it knows how large both are. With one
//! row on the right, each row of the left would be a batch of its own, in one partition. Here the one row goes to the left; then the rows of the
//! other side stay in their batches and partitions.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::joins::CrossJoinExec;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::projection::ProjectionExec;

use crate::walk::Tree;

/// Runs before partitions are distributed for the nodes that read them.
#[derive(Debug)]
pub struct SingleRowsFirst;

impl PhysicalOptimizerRule for SingleRowsFirst {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.changed_up(|plan| match plan.downcast_ref::<CrossJoinExec>() {
            Some(join) if is_one_row(join.right()) && !is_one_row(join.left()) => join.swap_inputs().map(Transformed::yes),
            _ => Ok(Transformed::no(plan)),
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "single_rows_first"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// True for an aggregate of all rows, with or without expressions over it.
fn is_one_row(plan: &Arc<dyn ExecutionPlan>) -> bool {
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        let is_whole = !matches!(aggregate.mode(), AggregateMode::Partial | AggregateMode::PartialReduce);
        return is_whole && aggregate.group_expr().expr().is_empty();
    }
    match plan.downcast_ref::<ProjectionExec>() {
        Some(projection) => is_one_row(projection.input()),
        None => plan.is::<PlaceholderRowExec>(),
    }
}
