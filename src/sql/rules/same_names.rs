//! Stops filters above a projection with duplicate column names.
//!
//! DataFusion 55.2 pushes physical filters through a projection by column name. If two columns have the same name, as after a join whose
//! sides were swapped, a filter on both such as `(a.v IS NULL) <> (b.v IS NULL)` would compare the first with itself, and rows would be
//! missing. While filters are pushed down, such a projection hides behind a node that no filter passes.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;

use crate::adapter::passing::{Passing, PassingExec};
use crate::walk::Tree;

/// The same rules, with the filter pushdown rules made safe.
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
            true => Ok(Transformed::yes(PassingExec::over(plan, Hidden))),
            false => Ok(Transformed::no(plan)),
        };
        let show = |plan: Arc<dyn ExecutionPlan>| match plan.downcast_ref::<PassingExec<Hidden>>() {
            Some(hidden) => Ok(Transformed::yes(Arc::clone(hidden.input()))),
            None => Ok(Transformed::no(plan)),
        };
        self.0.optimize(plan.changed_up(hide).data()?, options)?.changed_up(show).data()
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

/// A node that filters do not pass; not passing is the default for a node.
#[derive(Debug)]
struct Hidden;

impl Passing for Hidden {
    fn name(&self) -> &'static str {
        "HiddenProjection"
    }
}
