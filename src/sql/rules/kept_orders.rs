//! Keeps the order of sorted rows from which a result is computed.
//!
//! `SELECT f(x) FROM (SELECT x FROM t ORDER BY x)`, and columns of `pg_catalog` that are shown by name, have a projection above the sort.
//! DataFusion 55.2 asks for the order at the sort alone: it spread the sorted rows over the partitions to compute the projection side by
//! side, and the result had them as they came. This rule computes it in one partition.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, Partitioning};

/// Runs after DataFusion has spread the work over partitions.
#[derive(Debug)]
pub struct KeptOrders;

impl PhysicalOptimizerRule for KeptOrders {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(together(&plan)?.unwrap_or(plan))
    }

    fn name(&self) -> &'static str {
        "kept_orders"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The plan without the node that spreads sorted rows, if every node above that one passes rows on in their order; `None` if there is none.
fn together(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let children = plan.children();
    let [child] = children.as_slice() else { return Ok(None) };
    if let Some(spread) = plan.downcast_ref::<RepartitionExec>() {
        let takes_turns = matches!(spread.partitioning(), Partitioning::RoundRobinBatch(_));
        return Ok((takes_turns && is_sorted(child)).then(|| Arc::clone(child)));
    }
    let keeps_order = plan.maintains_input_order() == [true] || plan.downcast_ref::<CoalescePartitionsExec>().is_some();
    let Some(child) = keeps_order.then(|| together(child)).transpose()?.flatten() else { return Ok(None) };
    let recompute = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    Arc::clone(plan).replace_children(vec![child], recompute).map(Some)
}

/// True for one partition of rows in the order of a sort.
fn is_sorted(plan: &Arc<dyn ExecutionPlan>) -> bool {
    if plan.output_partitioning().partition_count() > 1 {
        return false;
    }
    if plan.downcast_ref::<SortExec>().is_some() || plan.downcast_ref::<SortPreservingMergeExec>().is_some() {
        return true;
    }
    let children = plan.children();
    matches!(children.as_slice(), [child] if plan.maintains_input_order() == [true] && is_sorted(child))
}
