//! OFFSET passes over rows in their order: `SELECT sum(a) FROM (SELECT a FROM t ORDER BY b OFFSET 10)`.
//!
//! The engine takes a sort away whose columns nobody reads above, unless LIMIT gives the sort a number of rows; OFFSET alone then passes over whichever
//! rows come first. Here such a sort has somebody who wants its order, for as long as sorts are taken away: the engine's own node for what a
//! query promises, which a rule of its own takes out again.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::physical_expr::{LexRequirement, OrderingRequirements};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::output_requirements::OutputRequirementExec;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{Distribution, ExecutionPlan};

/// Before the rules that take sorts away.
#[derive(Debug)]
pub struct OrderOfOffsets;

impl PhysicalOptimizerRule for OrderOfOffsets {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let Some(limit) = plan.downcast_ref::<GlobalLimitExec>() else { return Ok(Transformed::no(plan)) };
            if limit.fetch().is_some() {
                return Ok(Transformed::no(plan));
            }
            match in_order(limit.input())? {
                Some(input) => with_child(&plan, input).map(Transformed::yes),
                None => Ok(Transformed::no(plan)),
            }
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "order_of_offsets"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The same rows, of a sort whose order is wanted; nothing where they come in no order.
fn in_order(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(sort) = plan.downcast_ref::<SortExec>() {
        let order = OrderingRequirements::new(LexRequirement::from(sort.expr().clone()));
        let wanted = OutputRequirementExec::new(Arc::clone(plan), Some(order), Distribution::SinglePartition, None);
        return Ok(Some(Arc::new(wanted)));
    }
    match (plan.children().as_slice(), plan.maintains_input_order().as_slice()) {
        ([child], [true]) => match in_order(child)? {
            Some(child) => with_child(plan, child).map(Some),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

fn with_child(plan: &Arc<dyn ExecutionPlan>, child: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    Arc::clone(plan).replace_children(vec![child], ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
}
