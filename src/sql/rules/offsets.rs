//! OFFSET skips rows in the order of the sort: `SELECT sum(a) FROM (SELECT a FROM t ORDER BY b OFFSET 10)`.
//!
//! DataFusion removes a sort when nothing above reads its columns, unless LIMIT bounds the sort. With OFFSET alone, arbitrary rows would
//! then be skipped. This rule puts a node above such a sort that requires its order while sorts are being removed: DataFusion's own output
//! requirement node, which one of its later rules takes out again.
//!
//! What needs another order, such as a window above, would have DataFusion sort below the OFFSET, since that keeps the order of its rows: other
//! rows would be skipped. A second node, above, requires an order by a constant, which all rows have and no other order agrees with.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::config::ConfigOptions;
use datafusion::physical_expr::expressions::lit;
use datafusion::physical_expr::{LexRequirement, OrderingRequirements, PhysicalSortRequirement};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::output_requirements::OutputRequirementExec;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{Distribution, ExecutionPlan};

use crate::walk::Tree;

/// Runs before the rules that remove sorts.
#[derive(Debug)]
pub struct OrderOfOffsets;

impl PhysicalOptimizerRule for OrderOfOffsets {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.changed_up(|plan| {
            let Some(limit) = plan.downcast_ref::<GlobalLimitExec>() else { return Ok(Transformed::no(plan)) };
            if limit.fetch().is_some() {
                return Ok(Transformed::no(plan));
            }
            match in_order(limit.input())? {
                Some(input) => {
                    let constant = LexRequirement::from([PhysicalSortRequirement::new(lit(1), None)]);
                    let (order, parts) = (OrderingRequirements::new(constant), Distribution::UnspecifiedDistribution);
                    let closed = OutputRequirementExec::new(with_child(&plan, input)?, Some(order), parts, None);
                    Ok(Transformed::yes(Arc::new(closed) as Arc<dyn ExecutionPlan>))
                }
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

/// The plan with its sort's order required; `None` when its rows are not sorted.
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
