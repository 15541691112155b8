//! Uses smaller batches when a constant is large.
//!
//! A constant is repeated in each row of a batch. A text of 60 MB, such as `repeat('x', 60000000)` after constant folding, would take 490
//! GB in 8,192 rows, and a column of strings cannot exceed 2 GB at all. A plan with such a constant runs with so few rows per batch that
//! its column remains small.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, stream};

use crate::adapter::passing::{Passing, PassingExec};
use crate::walk::Tree;

/// The most bytes that a constant's column may take in one batch.
const MOST: usize = 32 << 20;

/// Puts [`FewRows`] above a plan with a large constant.
#[derive(Debug)]
pub struct NarrowBatches;

impl PhysicalOptimizerRule for NarrowBatches {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let mut widest = 0;
        plan.each_part(|node| {
            widest = widest.max(widest_constant(node.as_ref())?);
            Ok(TreeNodeRecursion::Continue)
        })?;
        let batch_size: usize = options.execution.batch_size.into();
        let rows = (MOST / widest.max(1)).max(1);
        if rows >= batch_size {
            return Ok(plan);
        }
        let narrow = plan.changed_up(|node| {
            // A filter fixes its batch size when it is planned.
            let node = match node.downcast_ref::<FilterExec>() {
                Some(filter) => Arc::new(FilterExecBuilder::from(filter).with_batch_size(rows).build()?),
                None => node,
            };
            // Some sources do so too, so the batches of the children are also split.
            if widest_constant(node.as_ref())? * batch_size <= MOST {
                return Ok(Transformed::no(node));
            }
            let few = |plan: &Arc<dyn ExecutionPlan>| PassingExec::over(Arc::clone(plan), FewRows { rows });
            let children = node.children().into_iter().map(few).collect();
            let recompute = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
            Ok(Transformed::yes(node.replace_children(children, recompute)?))
        });
        Ok(PassingExec::over(narrow.data()?, FewRows { rows }))
    }

    fn name(&self) -> &str {
        "narrow_batches"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The size in bytes of the largest constant in a node's expressions.
fn widest_constant(node: &dyn ExecutionPlan) -> Result<usize> {
    let mut widest = 0;
    node.apply_expressions(&mut |expression| {
        expression.each_part(|part| {
            if let Some(literal) = part.downcast_ref::<Literal>() {
                widest = widest.max(literal.value().size());
            }
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(widest)
}

/// Runs a plan with a smaller batch size than the session has, and splits batches that are still larger.
#[derive(Debug)]
struct FewRows {
    rows: usize,
}

impl Passing for FewRows {
    fn name(&self) -> &'static str {
        "FewRows"
    }

    fn describe(&self) -> String {
        format!("FewRows: {} in a batch", self.rows)
    }

    fn pass(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        task: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let narrow = TaskContext::new(
            task.task_id(),
            task.session_id(),
            task.session_config().clone().with_batch_size(self.rows),
            task.scalar_functions().clone(),
            task.higher_order_functions().clone(),
            task.aggregate_functions().clone(),
            task.window_functions().clone(),
            task.runtime_env(),
        );
        let rows = self.rows;
        let split = input.execute(partition, Arc::new(narrow))?.flat_map(move |batch| match batch {
            Ok(batch) => {
                let starts = (0..batch.num_rows().max(1)).step_by(rows);
                let part = |start: usize| Ok(batch.slice(start, rows.min(batch.num_rows() - start)));
                stream::iter(starts.map(part).collect::<Vec<_>>())
            }
            Err(error) => stream::iter(vec![Err(error)]),
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(input.schema(), split)))
    }
}
