//! What needs rows in an order gets them sorted.
//!
//! DataFusion 55.2 forgets above a join that a column of its right side is constant. It had left the column out of a sort that it moved below
//! the join, and then found the order missing above: a window over such a join ended in an error about its plan. Whatever order is missing
//! when the plan is done, a sort is put there.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

/// When the engine has placed its sorts.
#[derive(Debug)]
pub struct MissingSorts;

impl PhysicalOptimizerRule for MissingSorts {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let mut changed = false;
            let mut children = vec![];
            for (child, order) in node.children().into_iter().zip(node.required_input_ordering()) {
                let mut sorted = Arc::clone(child);
                if let Some(order) = order.map(|order| order.into_single())
                    && !child.equivalence_properties().ordering_satisfy_requirement(order.clone())?
                {
                    let parts = child.output_partitioning().partition_count() > 1;
                    sorted = Arc::new(SortExec::new(order.into(), sorted).with_preserve_partitioning(parts));
                    changed = true;
                }
                children.push(sorted);
            }
            if !changed {
                return Ok(Transformed::no(node));
            }
            let recompute = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
            Ok(Transformed::yes(node.replace_children(children, recompute)?))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "missing_sorts"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
