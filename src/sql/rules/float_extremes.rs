//! Uses our `max` and `min` for floats, see [`crate::builtins::float_extremes`]. For other types DataFusion's stay, because its optimizer
//! rules know them.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use super::each_expression;
use crate::builtins::float_extremes::of_floats;

/// Runs after type coercion.
#[derive(Debug)]
pub struct ExtremesOfFloats;

impl AnalyzerRule for ExtremesOfFloats {
    fn name(&self) -> &'static str {
        "extremes_of_floats"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(each_expression(plan, |mut expression, schema| {
            if let Expr::AggregateFunction(call) = &mut expression
                && let [number] = call.params.args.as_slice()
                && number.get_type(schema)?.is_floating()
                && let Some(ours) = of_floats(&call.func)
            {
                call.func = Arc::new(ours);
                return Ok(Transformed::yes(expression));
            }
            Ok(Transformed::no(expression))
        })?
        .data)
    }
}
