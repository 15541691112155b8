//! Values that are NULL where they cannot be computed are put out of reach of the rules, which could evaluate parts of them elsewhere.
//!
//! Runs last in the optimizer, so that all other rules have seen what is in them.

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::each_expression;
use crate::builtins::or_null::kept;
pub use crate::builtins::or_null::or_null;

/// Replaces marked values by functions of their columns.
#[derive(Debug)]
pub struct KeptValues;

impl OptimizerRule for KeptValues {
    fn name(&self) -> &'static str {
        "kept_values"
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let options = config.options();
        each_expression(plan, |part, schema| kept(part, schema, &options))
    }
}
