//! The first groups by a float, as of `SELECT DISTINCT x … ORDER BY x DESC LIMIT 3`, where NaN is a group.
//!
//! DataFusion 55.2 keeps only as many groups as are wanted, and finds a group again by `==`: a NaN is never found, so that each is a group of
//! its own, and the program ends when one of them has to make room. Here, floats are grouped whole, as they are without a LIMIT.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;

use crate::walk::Tree;

/// The name of the engine's rule that keeps the first groups.
pub const AFTER: &str = "LimitAggregation";

/// Runs after the engine's rule.
#[derive(Debug)]
pub struct WholeFloatGroups;

impl PhysicalOptimizerRule for WholeFloatGroups {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.changed_up(|node| {
            let Some(aggregate) = node.downcast_ref::<AggregateExec>() else { return Ok(Transformed::no(node)) };
            let is_first = aggregate.limit_options().is_some_and(|options| options.descending.is_some());
            if !is_first || !has_float_key(aggregate)? {
                return Ok(Transformed::no(node));
            }
            Ok(Transformed::yes(Arc::new(aggregate.with_new_limit_options(None)) as Arc<dyn ExecutionPlan>))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "whole_float_groups"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn has_float_key(aggregate: &AggregateExec) -> Result<bool> {
    let schema = aggregate.input().schema();
    for (key, _) in aggregate.group_expr().expr() {
        if key.data_type(&schema)?.is_floating() {
            return Ok(true);
        }
    }
    Ok(false)
}
