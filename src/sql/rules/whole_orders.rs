//! Top-k over several partitions sorts by all keys.
//!
//! When a column is constant within a partition, DataFusion 55.2 leaves it out of that partition's sort: with `ORDER BY a, b LIMIT 1` over
//! a UNION ALL whose sides have different constants for `a`, each side sorts by `b` alone. But the partitions share a dynamic filter with
//! the best rows so far, and without `a` it would discard the wrong rows, so the first row of the result could be missing. This rule
//! restores the columns of such a sort.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;

use crate::walk::Tree;

/// Runs before filters are pushed down, because the dynamic filter is one of them.
#[derive(Debug)]
pub struct WholeOrders;

impl PhysicalOptimizerRule for WholeOrders {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.changed_up(|node| {
            let Some(merge) = node.downcast_ref::<SortPreservingMergeExec>() else { return Ok(Transformed::no(node)) };
            let Some(sort) = merge.input().downcast_ref::<SortExec>() else { return Ok(Transformed::no(node)) };
            if sort.fetch().is_none() || sort.expr() == merge.expr() {
                return Ok(Transformed::no(node));
            }
            let whole = SortExec::new(merge.expr().clone(), Arc::clone(sort.input()))
                .with_fetch(sort.fetch())
                .with_preserve_partitioning(sort.preserve_partitioning());
            let recompute = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
            Ok(Transformed::yes(node.replace_children(vec![Arc::new(whole)], recompute)?))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "whole_orders"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
