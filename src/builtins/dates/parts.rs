//! `date_part` of intervals: the fraction of a second counts, however long the interval is.
//!
//! DataFusion takes the fraction from nanoseconds in 32 bits, and leaves it out where the interval has more than two seconds.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array};
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

impl ScalarUDFImpl for DatePart {
    of_engine!(name, aliases, signature, return_type, return_field_from_args, documentation);

    fn preimage(&self, arguments: &[Expr], literal: &Expr, context: &SimplifyContext) -> Result<PreimageResult> {
        self.engine.inner().preimage(arguments, literal, context)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [ColumnarValue::Scalar(part), intervals] = arguments.args.as_slice() else {
            return self.engine.inner().invoke_with_args(arguments);
        };
        let length = part.try_as_str().flatten().and_then(below_a_second);
        let (Some(length), DataType::Interval(IntervalUnit::MonthDayNano)) = (length, intervals.data_type()) else {
            return self.engine.inner().invoke_with_args(arguments);
        };
        Ok(match intervals {
            ColumnarValue::Array(intervals) => ColumnarValue::Array(within_minutes(intervals, length)),
            ColumnarValue::Scalar(interval) => {
                ColumnarValue::Scalar(ScalarValue::try_from_array(&within_minutes(&interval.to_array()?, length), 0)?)
            }
        })
    }
}
