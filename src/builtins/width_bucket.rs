//! `width_bucket`, as in PostgreSQL: the number of the bucket that a value falls in, of those of equal width or of a list of their lower ends.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Int64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::dates::arrays;
use super::scalar::Scalar;
use crate::error::{SqlState, in_rows};

pub static WIDTH_BUCKET: Scalar = Scalar {
    name: "width_bucket",
    takes: |types| match types {
        [numbers @ .., count] if numbers.len() == 3 && numbers.iter().all(is_number) && is_number(count) => {
            Ok(vec![DataType::Float64, DataType::Float64, DataType::Float64, DataType::Int64])
        }
        [value, DataType::List(bounds) | DataType::LargeList(bounds) | DataType::FixedSizeList(bounds, _)] => {
            let bound = bounds.data_type();
            let common = if is_number(value) && is_number(bound) {
                DataType::Float64
            } else if is_time(value) && is_time(bound) {
                DataType::Timestamp(TimeUnit::Microsecond, None)
            } else {
                return plan_err!(
                    "width_bucket takes a number and a list of numbers, or a time and a list of times, got {types:?}"
                );
            };
            Ok(vec![common.clone(), DataType::new_list(common, true)])
        }
        _ => plan_err!("width_bucket takes a number, two bounds and a count, or a number and a list of bounds, got {types:?}"),
    },
    gives: |_| Ok(DataType::Int64),
    compute,
    written: |_| None,
};

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric() || data_type.is_null()
}

fn is_time(data_type: &DataType) -> bool {
    data_type.is_null() || matches!(data_type, DataType::Date32 | DataType::Timestamp(_, None))
}

fn compute(arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let arrays = arrays(arguments)?;
    if let [values, lists] = arrays.as_slice() {
        return match values.data_type() {
            DataType::Float64 => in_lists::<Float64Type>(values, lists),
            _ => in_lists::<TimestampMicrosecondType>(values, lists),
        };
    }
    let numbers = |place: usize| arrays[place].as_primitive::<Float64Type>();
    let (values, lows, highs, counts) = (numbers(0), numbers(1), numbers(2), arrays[3].as_primitive::<Int64Type>());
    let is_valid = |row: usize| arrays.iter().all(|array| array.is_valid(row));
    let buckets = (0..arguments.number_rows).map(|row| {
        if !is_valid(row) || values.value(row).is_nan() {
            return Ok(None);
        }
        bucket(values.value(row), lows.value(row), highs.value(row), counts.value(row)).map(Some).map_err(|problem| {
            let rule = "takes two different bounds and a count of at least 1";
            in_rows(SqlState::INVALID_PARAMETER_VALUE, WIDTH_BUCKET.name, rule, problem)
        })
    });
    Ok(ColumnarValue::Array(Arc::new(buckets.collect::<Result<Int64Array>>()?)))
}

/// How many of the lower ends each value has reached.
fn in_lists<T: ArrowPrimitiveType>(values: &ArrayRef, lists: &ArrayRef) -> Result<ColumnarValue> {
    let (values, lists) = (values.as_primitive::<T>(), lists.as_list::<i32>());
    let buckets = (0..values.len()).map(|row| {
        // NaN is not comparable with anything, not even with itself.
        if values.is_null(row) || lists.is_null(row) || values.value(row).partial_cmp(&values.value(row)).is_none() {
            return Ok(None);
        }
        let list = lists.value(row);
        let (bounds, value) = (list.as_primitive::<T>(), values.value(row));
        if bounds.null_count() > 0 || !bounds.values().is_sorted() {
            let rule = "takes a list of bounds in rising order, without NULL";
            return Err(in_rows(
                SqlState::INVALID_PARAMETER_VALUE,
                WIDTH_BUCKET.name,
                rule,
                "the bounds must rise and not be NULL",
            ));
        }
        let reached = bounds.values().partition_point(|bound| *bound <= value);
        Ok(i64::try_from(reached).ok())
    });
    Ok(ColumnarValue::Array(Arc::new(buckets.collect::<Result<Int64Array>>()?)))
}

/// The buckets fall from `low` if that is above `high`.
fn bucket(value: f64, low: f64, high: f64, count: i64) -> Result<i64, String> {
    if !low.is_finite() || !high.is_finite() || low == high {
        return Err(format!("low and high must be two different numbers, got {low} and {high}"));
    }
    if count < 1 {
        return Err(format!("count must be at least 1, got {count}"));
    }
    let (value, low, high) = if low < high { (value, low, high) } else { (-value, -low, -high) };
    Ok(match value {
        value if value < low => 0,
        value if value >= high => count.saturating_add(1),
        value => {
            // Halves, because the width may be beyond the largest number.
            let share = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
            ((share * count as f64) as i64).min(count - 1) + 1
        }
    })
}

#[cfg(test)]
mod tests {
    use super::bucket;

    #[test]
    fn buckets_rise_or_fall_from_low() {
        for (value, low, high, expected) in [
            (5.0, 0.0, 10.0, 3),
            (0.0, 0.0, 10.0, 1),
            (10.0, 0.0, 10.0, 6),
            (10.0_f64.next_down(), 0.0, 10.0, 5),
            (-1.0, 0.0, 10.0, 0),
            (5.0, 10.0, 0.0, 3),
            (10.0, 10.0, 0.0, 1),
            (0.0, 10.0, 0.0, 6),
            (11.0, 10.0, 0.0, 0),
            (f64::INFINITY, 10.0, 0.0, 0),
            (0.0, -f64::MAX, f64::MAX, 3),
        ] {
            assert_eq!(bucket(value, low, high, 5), Ok(expected), "{value} of {low} to {high}");
        }
        assert!(bucket(5.0, 5.0, 5.0, 3).is_err());
        assert!(bucket(5.0, 0.0, f64::NAN, 3).is_err());
        assert!(bucket(5.0, 0.0, 10.0, 0).is_err());
    }
}
