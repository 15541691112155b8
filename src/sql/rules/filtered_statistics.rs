//! `count(*) FILTER (WHERE n > 1)` over `SELECT max(a) AS n FROM 'orders.parquet'`: an aggregate of an aggregate that a file knows.
//!
//! DataFusion 55.2 replaces an aggregate by what is known of its input. One with FILTER cannot be, but the search goes on below it, and the
//! inner aggregate takes the place of the outer one. Here, plans with such a FILTER are computed.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;

use crate::walk::Tree;

type Rule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

/// The engine's rule, made safe.
pub fn guard(rules: &mut [Rule]) {
    for rule in rules.iter_mut().filter(|rule| rule.name() == "aggregate_statistics") {
        *rule = Arc::new(Guarded(Arc::clone(rule)));
    }
}

#[derive(Debug)]
struct Guarded(Rule);

impl PhysicalOptimizerRule for Guarded {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let mut is_filtered = false;
        plan.each_part(|node| {
            if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
                let is_of_all = aggregate.group_expr().expr().is_empty();
                is_filtered |= is_of_all && aggregate.filter_expr().iter().any(Option::is_some);
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        if is_filtered { Ok(plan) } else { self.0.optimize(plan, options) }
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}
