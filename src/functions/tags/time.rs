//! Times as calendar days, and as ticks of their own unit.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Date32Type, Int64Type, TimeUnit};
use datafusion::common::Result;
use datafusion::error::DataFusionError;

use crate::error::{invalid, unusable};

/// The error for a type that is not a time. The type NULL is accepted.
pub fn check_time(function: &str, data_type: &DataType) -> Result<()> {
    match data_type {
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _) | DataType::Null => Ok(()),
        other => Err(invalid(
            function,
            format!("time must be a DATE or TIMESTAMP, got {other}; convert it with CAST(time AS TIMESTAMP)"),
        )),
    }
}

/// The number of ticks in a day for a type.
pub fn ticks_a_day(data_type: &DataType) -> i64 {
    let seconds = 86_400;
    match data_type {
        DataType::Timestamp(TimeUnit::Second, _) => seconds,
        DataType::Timestamp(TimeUnit::Millisecond, _) | DataType::Date64 => seconds * 1_000,
        DataType::Timestamp(TimeUnit::Microsecond, _) => seconds * 1_000_000,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => seconds * 1_000_000_000,
        _ => 1,
    }
}

/// Ticks since 1970-01-01 UTC, in the unit of the type; days for DATE. The values must not be NULL.
pub fn ticks(column: &ArrayRef) -> Result<Vec<i64>> {
    // Arrow casts DATE to 64 bits only by way of its own 32.
    let own = if column.data_type() == &DataType::Date32 { cast(column, &DataType::Int32)? } else { Arc::clone(column) };
    Ok(cast(&own, &DataType::Int64)?.as_primitive::<Int64Type>().values().to_vec())
}

/// Days since 1970-01-01, as a calendar in the time's own zone shows them; without a zone, in UTC.
pub fn days(function: &str, column: &ArrayRef) -> Result<Vec<i32>> {
    let too_far = |shown: String| too_far(function, &shown);
    if matches!(column.data_type(), DataType::Timestamp(_, Some(_))) {
        let days = cast(column, &DataType::Date32)?;
        if days.null_count() > 0 {
            return Err(too_far("a time".into()));
        }
        return Ok(days.as_primitive::<Date32Type>().values().to_vec());
    }
    let a_day = ticks_a_day(column.data_type());
    let day = |tick: i64| i32::try_from(tick.div_euclid(a_day)).map_err(|_| too_far(format!("{tick} ticks")));
    ticks(column)?.into_iter().map(day).collect()
}

fn too_far(function: &str, shown: &str) -> DataFusionError {
    unusable(function, format!("time is outside the calendar, got {shown}; leave such rows out with FILTER or WHERE"))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Date32Array, Date64Array, TimestampNanosecondArray, TimestampSecondArray};

    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        let seconds = vec![-1, 0, 86_399, 86_400, 16 * 3_600];
        let utc: ArrayRef = Arc::new(TimestampSecondArray::from(seconds.clone()));
        assert_eq!(days("f", &utc).unwrap(), [-1, 0, 0, 1, 0]);
        let shanghai: ArrayRef = Arc::new(TimestampSecondArray::from(seconds).with_timezone("Asia/Shanghai"));
        assert_eq!(days("f", &shanghai).unwrap(), [0, 0, 1, 1, 1]);
        let nanoseconds: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![-1, i64::MAX, i64::MIN]));
        assert_eq!(days("f", &nanoseconds).unwrap(), [-1, 106_751, -106_752]);
        let dates: ArrayRef = Arc::new(Date32Array::from(vec![7, -7]));
        assert_eq!((days("f", &dates).unwrap(), ticks(&dates).unwrap()), (vec![7, -7], vec![7, -7]));
        let milliseconds: ArrayRef = Arc::new(Date64Array::from(vec![86_400_000]));
        assert_eq!((days("f", &milliseconds).unwrap(), ticks(&milliseconds).unwrap()), (vec![1], vec![86_400_000]));
    }

    #[test]
    fn what_is_outside_the_calendar_is_said() {
        let far: ArrayRef = Arc::new(TimestampSecondArray::from(vec![i64::MAX]));
        assert!(days("purchase_cycle", &far).unwrap_err().to_string().contains("purchase_cycle: time is outside the calendar"));
        let far: ArrayRef = Arc::new(TimestampSecondArray::from(vec![i64::MAX]).with_timezone("+08:00"));
        assert!(days("purchase_cycle", &far).is_err());
    }
}
