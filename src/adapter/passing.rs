//! A node of a physical plan that passes the rows of its input on.
//!
//! Our rules put such nodes between those of the engine: to reserve memory for the rows, to make batches smaller, or to block
//! a rule. What they do with the rows is a [`Passing`]; what the engine asks of a node is the same for all of them and is
//! written here.

use std::fmt::{self, Debug};
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};

/// What is done with the rows that are passed on. It never changes which rows they are, or their order.
pub trait Passing: Debug + Send + Sync + 'static {
    /// The name of the node in plans.
    fn name(&self) -> &'static str;

    /// The description shown by EXPLAIN.
    fn describe(&self) -> String {
        self.name().into()
    }

    /// The rows of one partition.
    ///
    /// # Errors
    /// Those of the input.
    fn pass(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        task: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        input.execute(partition, task)
    }
}

/// The node.
#[derive(Debug)]
pub struct PassingExec<P> {
    passing: Arc<P>,
    input: Arc<dyn ExecutionPlan>,
}

impl<P: Passing> PassingExec<P> {
    /// Puts the node on top of `input`.
    pub fn over(input: Arc<dyn ExecutionPlan>, passing: P) -> Arc<dyn ExecutionPlan> {
        Arc::new(Self { passing: Arc::new(passing), input })
    }

    /// The plan that the rows come from.
    pub fn input(&self) -> &Arc<dyn ExecutionPlan> {
        &self.input
    }
}

impl<P: Passing> DisplayAs for PassingExec<P> {
    fn fmt_as(&self, _style: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.passing.describe())
    }
}

impl<P: Passing> ExecutionPlan for PassingExec<P> {
    fn name(&self) -> &str {
        self.passing.name()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let passing = Arc::clone(&self.passing);
        Ok(children.into_iter().next().map_or(self, |input| Arc::new(Self { passing, input })))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, task: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.passing.pass(&self.input, partition, task)
    }
}
