//! Gives `round(amount, 1)` of a decimal the same type before and after optimisation.
//!
//! The type depends on the number of places. DataFusion knows it only for a literal of exactly the expected type; any other literal is
//! cast, and the number is unknown until the cast is folded. By then the other side of a comparison has been coerced to the type assumed
//! first.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, LogicalPlan, lit};
use datafusion::optimizer::AnalyzerRule;

use super::each_expression;
use crate::sql::call::constant;

/// Runs before type coercion.
#[derive(Debug)]
pub struct KnownPlaces;

impl AnalyzerRule for KnownPlaces {
    fn name(&self) -> &'static str {
        "known_places"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(each_expression(plan, |mut expression, _| {
            if let Expr::ScalarFunction(call) = &mut expression
                && call.name() == "round"
                && let [_, places] = call.args.as_mut_slice()
                && let Ok(Some(value)) = constant(places, &SimplifyContext::default())
                && value.data_type() != DataType::Int32
                && let Ok(known) = value.cast_to(&DataType::Int32)
            {
                *places = lit(known);
                return Ok(Transformed::yes(expression));
            }
            Ok(Transformed::no(expression))
        })?
        .data)
    }
}
