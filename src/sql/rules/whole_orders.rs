//! The first rows of several partitions are sought in the whole order.
//!
//! Where a column is the same in all rows of a partition, DataFusion 55.2 sorts the partition without it: `ORDER BY a, b LIMIT 1` of a UNION
//! ALL whose sides have constants of their own for `a` sorts each by `b`. The partitions tell one another up to which row they need to look,
//! however, and that is another row when `a` is left out: the first of the whole would be missing. Here such a sort gets its columns back.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;

/// Before filters are pushed: what the partitions tell one another is one of them.
#[derive(Debug)]
pub struct WholeOrders;

impl PhysicalOptimizerRule for WholeOrders {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
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
