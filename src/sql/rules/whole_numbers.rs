//! Casts to integers round to the nearest, as in PostgreSQL: 2.5 as a decimal becomes 3. DataFusion truncates.
//!
//! Halves are rounded away from zero for decimals and for numbers of the statement, and to even for other floats. Casts of floats to decimals
//! round the digits of the float, see [`decimals`], and texts with an exponent are read as decimals too.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::functions::math::round;
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, lit};
use datafusion::optimizer::AnalyzerRule;

use super::each_expression;
use crate::builtins::{decimals, exponents, nearest};

/// Runs after type coercion.
#[derive(Debug)]
pub struct NearestWholeNumbers;

impl AnalyzerRule for NearestWholeNumbers {
    fn name(&self) -> &'static str {
        "nearest_whole_numbers"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(each_expression(plan, |mut expression, schema| {
            let (number, to) = match &mut expression {
                Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) => (expr, field.data_type()),
                _ => return Ok(Transformed::no(expression)),
            };
            let from = number.get_type(schema)?;
            if to.is_decimal()
                && from.is_string()
                && let Some(text) = exponents::written_out(number)
            {
                **number = text;
                return Ok(Transformed::yes(expression));
            }
            if to.is_decimal() && matches!(from, DataType::Float32 | DataType::Float64) {
                let (number, to) = (std::mem::take(number.as_mut()), to.clone());
                return Ok(Transformed::yes(match expression {
                    Expr::TryCast(_) => decimals::try_of_float(number, &to),
                    _ => decimals::of_float(number, &to)?,
                }));
            }
            // The digits of a number of the statement are read once, not divided by a power of ten.
            if to.is_floating()
                && from.is_decimal()
                && let Some(text) = decimals::text_of(number)
            {
                **number = text;
                return Ok(Transformed::yes(expression));
            }
            if !to.is_integer() || nearest::is_rounded(number) || !(from.is_decimal() || from.is_floating()) {
                return Ok(Transformed::no(expression));
            }
            let places = std::mem::take(number.as_mut());
            **number = match decimals::of_number(&places) {
                // A number of the statement is a decimal, as it is in comparisons.
                Some((exact, DataType::Decimal128(_, 1..))) => round().call(vec![exact, lit(0_i32)]),
                _ if from.is_decimal() => round().call(vec![places, lit(0_i32)]),
                _ => nearest::of_float(places),
            };
            Ok(Transformed::yes(expression))
        })?
        .data)
    }
}
