//! Dates and coarser timestamps compared with timestamps in nanoseconds, which end in the year 2262. Values beyond their range compare as
//! earlier or later than all of them.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use datafusion::common::{Result, internal_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs};

use super::scalar::Scalar;

static IN_NANOSECONDS: Scalar = Scalar {
    name: "in_nanoseconds",
    takes: |types| match types {
        [DataType::Date32 | DataType::Date64 | DataType::Timestamp(..)] => Ok(types.to_vec()),
        _ => plan_err!("expected a date or a timestamp"),
    },
    gives: |types| match types {
        [DataType::Timestamp(_, zone)] => Ok(DataType::Timestamp(TimeUnit::Nanosecond, zone.clone())),
        _ => Ok(DataType::Timestamp(TimeUnit::Nanosecond, None)),
    },
    compute,
    written: |_| None,
};

/// The functions of this module.
pub static ALL: [&Scalar; 1] = [&IN_NANOSECONDS];

/// Converts a date, or a timestamp of a coarser unit, for a comparison with timestamps in nanoseconds.
pub fn in_nanoseconds(time: Expr) -> Expr {
    IN_NANOSECONDS.call(vec![time])
}

/// One day less than the range, so that a value beyond it can still be moved between time zones.
const LAST: i64 = i64::MAX - 86_400_000_000_000;

fn compute(arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let times = arguments.args[0].to_array(arguments.number_rows)?;
    let (times, zone) = match times.data_type() {
        DataType::Timestamp(_, zone) => (Arc::clone(&times), zone.clone()),
        _ => (cast(&times, &DataType::Timestamp(TimeUnit::Second, None))?, None),
    };
    let nanoseconds = match times.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => of::<TimestampSecondType>(&times, 1_000_000_000),
        DataType::Timestamp(TimeUnit::Millisecond, _) => of::<TimestampMillisecondType>(&times, 1_000_000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => of::<TimestampMicrosecondType>(&times, 1_000),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => return Ok(ColumnarValue::Array(times)),
        other => return internal_err!("expected a timestamp, got {other}"),
    };
    Ok(ColumnarValue::Array(Arc::new(nanoseconds.with_timezone_opt(zone))))
}

fn of<T>(times: &ArrayRef, factor: i64) -> PrimitiveArray<TimestampNanosecondType>
where
    T: ArrowPrimitiveType<Native = i64>,
{
    times.as_primitive::<T>().unary(|time| match time.checked_mul(factor) {
        Some(nanoseconds) => nanoseconds.clamp(-LAST, LAST),
        None => LAST * time.signum(),
    })
}
