//! Filters stop above a projection that gives two columns one name.
//!
//! DataFusion 55.2 pushes filters of the physical plan through a projection by the names of its columns. Where two have one name, as after
//! a join whose sides were swapped, a filter over both, `(a.v IS NULL) <> (b.v IS NULL)`, would compare the first with itself: rows would be
//! missing. For as long as filters are pushed, such a projection hides behind a node that nothing passes.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};

/// The same rules, those that push filters made safe.
pub fn guard(optimizer: PhysicalOptimizer) -> PhysicalOptimizer {
    let guarded = |rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>| match rule.name().starts_with("FilterPushdown") {
        true => Arc::new(Guarded(rule)) as Arc<dyn PhysicalOptimizerRule + Send + Sync>,
        false => rule,
    };
    PhysicalOptimizer::with_rules(optimizer.rules.into_iter().map(guarded).collect())
}

#[derive(Debug)]
struct Guarded(Arc<dyn PhysicalOptimizerRule + Send + Sync>);

impl PhysicalOptimizerRule for Guarded {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let hide = |plan: Arc<dyn ExecutionPlan>| match plan.name() == "ProjectionExec" && has_same_names(plan.as_ref()) {
            true => Ok(Transformed::yes(Arc::new(Hidden(plan)) as Arc<dyn ExecutionPlan>)),
            false => Ok(Transformed::no(plan)),
        };
        let show = |plan: Arc<dyn ExecutionPlan>| match plan.name() == HIDDEN {
            true => Ok(Transformed::yes(Arc::clone(plan.children()[0]))),
            false => Ok(Transformed::no(plan)),
        };
        self.0.optimize(plan.transform_up(hide).data()?, options)?.transform_up(show).data()
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

fn has_same_names(plan: &dyn ExecutionPlan) -> bool {
    let schema = plan.schema();
    let mut names = HashSet::new();
    !schema.fields().iter().all(|field| names.insert(field.name()))
}

const HIDDEN: &str = "HiddenProjection";

/// A projection that filters do not pass, as a node does unless it says otherwise.
#[derive(Debug)]
struct Hidden(Arc<dyn ExecutionPlan>);

impl DisplayAs for Hidden {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl ExecutionPlan for Hidden {
    fn name(&self) -> &str {
        HIDDEN
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.0.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.0]
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
        Ok(children.into_iter().next().map_or(self, |child| Arc::new(Self(child))))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, task: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.0.execute(partition, task)
    }
}
