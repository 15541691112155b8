//! `date_part` of intervals: the fraction of a second counts, however long the interval is, and the epoch has years of 365.25 days and months
//! of 30, as in PostgreSQL and DuckDB.
//!
//! DataFusion takes the fraction from nanoseconds in 32 bits, and leaves it out where the interval has more than two seconds. Its years have 360
//! days.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Int32Type, IntervalMonthDayNanoType, IntervalUnit};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions::datetime;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl};

use crate::builtins::of_engine::of_engine;

/// The function, by its name.
pub fn date_part() -> (&'static str, ScalarUDF) {
    ("date_part", ScalarUDF::from(DatePart { engine: datetime::date_part() }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DatePart {
    engine: Arc<ScalarUDF>,
}

/// The nanoseconds of a unit that is shorter than a second.
fn below_a_second(part: &str) -> Option<i64> {
    match part.trim_matches(['\'', '"']).to_ascii_lowercase().as_str() {
        "millisecond" | "milliseconds" | "msec" | "msecs" | "ms" => Some(1_000_000),
        "microsecond" | "microseconds" | "usec" | "usecs" | "us" => Some(1_000),
        "nanosecond" | "nanoseconds" | "nsec" | "nsecs" | "ns" => Some(1),
        _ => None,
    }
}

/// The part of a minute that is not whole minutes, in units of so many nanoseconds.
fn within_minutes(intervals: &ArrayRef, length: i64) -> ArrayRef {
    let of_each = intervals.as_primitive::<IntervalMonthDayNanoType>();
    let parts: Int64Array = of_each.unary(|interval| interval.nanoseconds % 60_000_000_000 / length);
    match length {
        1 => Arc::new(parts),
        // A minute has 60,000,000 microseconds.
        _ => Arc::new(parts.unary::<_, Int32Type>(|part| part as i32)),
    }
}

/// The seconds of intervals.
fn epoch(intervals: &ArrayRef) -> ArrayRef {
    let of_each = intervals.as_primitive::<IntervalMonthDayNanoType>();
    let seconds: Float64Array = of_each.unary(|interval| {
        let years = f64::from(interval.months / 12) * 365.25;
        let days = f64::from(interval.months % 12) * 30.0 + f64::from(interval.days);
        (years + days) * 86_400.0 + interval.nanoseconds as f64 / 1e9
    });
    Arc::new(seconds)
}

impl ScalarUDFImpl for DatePart {
    of_engine!(name, aliases, signature, return_type, return_field_from_args, documentation);

    fn preimage(&self, arguments: &[Expr], literal: &Expr, context: &SimplifyContext) -> Result<PreimageResult> {
        self.engine.inner().preimage(arguments, literal, context)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [ColumnarValue::Scalar(part), intervals] = arguments.args.as_slice() else {
            return self.engine.inner().invoke_with_args(arguments);
        };
        let part = part.try_as_str().flatten().unwrap_or_default();
        let is_epoch = part.trim_matches(['\'', '"']).eq_ignore_ascii_case("epoch");
        let length = below_a_second(part);
        if intervals.data_type() != DataType::Interval(IntervalUnit::MonthDayNano) || !is_epoch && length.is_none() {
            return self.engine.inner().invoke_with_args(arguments);
        }
        let of = |intervals: &ArrayRef| length.map_or_else(|| epoch(intervals), |length| within_minutes(intervals, length));
        Ok(match intervals {
            ColumnarValue::Array(intervals) => ColumnarValue::Array(of(intervals)),
            ColumnarValue::Scalar(interval) => ColumnarValue::Scalar(ScalarValue::try_from_array(&of(&interval.to_array()?), 0)?),
        })
    }
}
