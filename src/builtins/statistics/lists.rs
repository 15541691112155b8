//! Statistics of the values of a list, for aggregates written as `skewness_of(array_agg(x))`: the same to the last bit in any
//! order of the values.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, UInt64Array};
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use crate::builtins::dates::arrays;
use crate::builtins::scalar::Scalar;
use crate::builtins::spans::lengths;

macro_rules! of_numbers {
    ($name:literal, $called:literal, $compute:expr) => {
        Scalar {
            name: $name,
            takes: |types| match types {
                [DataType::List(item)] if item.data_type().is_numeric() || item.data_type().is_null() => {
                    Ok(vec![DataType::List(Arc::new(Field::new_list_field(DataType::Float64, true)))])
                }
                _ => plan_err!("{} takes numbers, got {types:?}", $called),
            },
            gives: |_| Ok(DataType::Float64),
            compute: |arguments| numbers(arguments, $compute),
            written: |_| None,
        }
    };
}

pub static KURTOSIS: Scalar = of_numbers!("kurtosis_of", "kurtosis", kurtosis);
pub static SKEWNESS: Scalar = of_numbers!("skewness_of", "skewness", skewness);
pub static PRODUCT: Scalar = of_numbers!("product_of", "product", product);
pub static DEVIATION: Scalar = of_numbers!("deviation_of", "mad", deviation);

pub static MOST_FREQUENT: Scalar = Scalar {
    name: "most_frequent_of",
    takes: |types| match types {
        [list @ DataType::List(_)] => Ok(vec![list.clone()]),
        _ => plan_err!("mode takes one value, got {types:?}"),
    },
    gives: |types| match types {
        [DataType::List(item)] => Ok(item.data_type().clone()),
        _ => plan_err!("mode takes one value"),
    },
    compute: most_frequent,
    written: |_| None,
};

pub static ENTROPY: Scalar = Scalar {
    name: "entropy_of",
    takes: |types| match types {
        [list @ DataType::List(_)] => Ok(vec![list.clone()]),
        _ => plan_err!("entropy takes one value, got {types:?}"),
    },
    gives: |_| Ok(DataType::Float64),
    compute: entropy,
    written: |_| None,
};

fn numbers(arguments: &ScalarFunctionArgs, of: fn(&[f64]) -> Option<f64>) -> Result<ColumnarValue> {
    let lists = &arrays(arguments)?[0];
    let results = lists.as_list::<i32>().iter().map(|values| -> Result<Option<f64>> {
        let Some(values) = values else { return Ok(None) };
        let values = cast(&values, &DataType::Float64)?;
        let mut values: Vec<f64> = values.as_primitive::<Float64Type>().iter().flatten().collect();
        values.sort_unstable_by(f64::total_cmp);
        Ok(of(&values))
    });
    Ok(ColumnarValue::Array(Arc::new(results.collect::<Result<Float64Array>>()?)))
}

/// The mean powers of the distances from the mean.
fn moments(values: &[f64]) -> (f64, f64, f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let power = |power: i32| values.iter().map(|value| (value - mean).powi(power)).sum::<f64>() / count;
    (count, power(2), power(3), power(4))
}

fn skewness(values: &[f64]) -> Option<f64> {
    if values.len() < 3 || values.first() == values.last() {
        return None;
    }
    let (count, second, third, _) = moments(values);
    Some((count * (count - 1.0)).sqrt() / (count - 2.0) * third / second.powf(1.5))
}

fn kurtosis(values: &[f64]) -> Option<f64> {
    if values.len() < 4 || values.first() == values.last() {
        return None;
    }
    let (count, second, _, fourth) = moments(values);
    let excess = fourth / (second * second) - 3.0;
    Some((count - 1.0) / ((count - 2.0) * (count - 3.0)) * ((count + 1.0) * excess + 6.0))
}

fn product(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().product())
}

/// The middle of sorted values.
fn middle(values: &[f64]) -> Option<f64> {
    let half = values.len() / 2;
    let upper = *values.get(half)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *values.get(half.checked_sub(1)?)?;
    Some(lower + (upper - lower) / 2.0)
}

fn deviation(values: &[f64]) -> Option<f64> {
    let center = middle(values)?;
    let mut distances: Vec<f64> = values.iter().map(|value| (value - center).abs()).collect();
    distances.sort_unstable_by(f64::total_cmp);
    middle(&distances)
}

/// The entropy of the values in bits.
fn entropy(arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let lists = &arrays(arguments)?[0];
    let lists = lists.as_list::<i32>();
    let values: &ArrayRef = lists.values();
    let keys = lengths(values)?;
    let rows = RowConverter::new(vec![SortField::new(keys.data_type().clone())])?.convert_columns(&[keys])?;
    let mut entropies: Vec<Option<f64>> = Vec::with_capacity(lists.len());
    for (number, bounds) in lists.value_offsets().windows(2).enumerate() {
        if lists.is_null(number) {
            entropies.push(None);
            continue;
        }
        let (from, to) = (usize::try_from(bounds[0]).unwrap_or(0), usize::try_from(bounds[1]).unwrap_or(0));
        let mut places: Vec<usize> = (from..to).filter(|place| values.is_valid(*place)).collect();
        places.sort_unstable_by(|one, other| rows.row(*one).cmp(&rows.row(*other)));
        let count = places.len() as f64;
        // In the order of the counts, the sum does not depend on the values.
        let mut runs: Vec<usize> = places.chunk_by(|one, other| rows.row(*one) == rows.row(*other)).map(<[usize]>::len).collect();
        runs.sort_unstable();
        let bits: f64 = runs.iter().map(|run| *run as f64 / count).map(|share| share * -share.log2()).sum();
        entropies.push(Some(bits.abs()));
    }
    Ok(ColumnarValue::Array(Arc::new(Float64Array::from(entropies))))
}

/// The most frequent value; ties: the smallest.
fn most_frequent(arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let lists = &arrays(arguments)?[0];
    let lists = lists.as_list::<i32>();
    let values: &ArrayRef = lists.values();
    let keys = lengths(values)?;
    let rows = RowConverter::new(vec![SortField::new(keys.data_type().clone())])?.convert_columns(&[keys])?;
    // Of equal values that are written differently, such as 24 hours and 1 day, always the same one.
    let written = RowConverter::new(vec![SortField::new(values.data_type().clone())])?.convert_columns(&[Arc::clone(values)])?;
    let mut chosen: Vec<Option<u64>> = Vec::with_capacity(lists.len());
    for (number, bounds) in lists.value_offsets().windows(2).enumerate() {
        let (from, to) = (usize::try_from(bounds[0]).unwrap_or(0), usize::try_from(bounds[1]).unwrap_or(0));
        let mut places: Vec<usize> =
            if lists.is_valid(number) { (from..to).filter(|place| values.is_valid(*place)).collect() } else { vec![] };
        places.sort_unstable_by(|one, other| {
            rows.row(*one).cmp(&rows.row(*other)).then_with(|| written.row(*one).cmp(&written.row(*other)))
        });
        let mut best: Option<(usize, usize)> = None;
        for run in places.chunk_by(|one, other| rows.row(*one) == rows.row(*other)) {
            if best.is_none_or(|(count, _)| run.len() > count) {
                best = Some((run.len(), run[0]));
            }
        }
        chosen.push(best.and_then(|(_, place)| u64::try_from(place).ok()));
    }
    Ok(ColumnarValue::Array(take(values, &UInt64Array::from(chosen), None)?))
}
