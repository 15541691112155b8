//! Adds sorts where a node needs ordered input and does not have it.
//!
//! Above a join, DataFusion 55.2 forgets that a column of the right side is constant. It removed the column from a sort that it pushed
//! below the join, and then found the order missing above: a window over such a join failed with an error about its plan. This rule adds a
//! sort wherever an order is still missing in the finished plan.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use crate::walk::Tree;

/// Runs after DataFusion has placed its sorts.
#[derive(Debug)]
pub struct MissingSorts;

impl PhysicalOptimizerRule for MissingSorts {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.changed_up(|node| {
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
