//! `width_bucket`, as in PostgreSQL: the number of the bucket of equal width that a value falls in.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Int64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
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
        _ => plan_err!("width_bucket takes a number, two bounds and a count, got {types:?}"),
    },
    gives: |_| Ok(DataType::Int64),
    compute,
    written: |_| None,
};

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric() || data_type.is_null()
}

fn compute(arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let arrays = arrays(arguments)?;
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
