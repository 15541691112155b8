//! Amounts of any number type as integers in one unit, so that their sums are exact.
//!
//! The unit is 1 for integers, the last digit of the scale for decimals, and 2⁻⁶⁴ for floats. Floats that are too large, or no multiple
//! of that, are called odd ([`fixed_point`]) and are summed separately.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::{Result, internal_err};
use datafusion::error::DataFusionError;

use crate::error::{invalid, unusable};
use crate::kernels::fixed_point;
use crate::kernels::fixed_point::to_fixed_point;
use crate::kernels::superaccumulator::Superaccumulator;

/// The type that amounts are converted to before they are summed.
pub fn amount_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => DataType::Decimal128(*precision, *scale),
        DataType::Decimal128(precision, scale) => DataType::Decimal128(*precision, *scale),
        DataType::Decimal256(_, scale) => DataType::Decimal128(DECIMAL128_MAX_PRECISION, *scale),
        DataType::UInt64 => DataType::Decimal128(20, 0),
        integer if integer.is_integer() => DataType::Int64,
        _ => DataType::Float64,
    }
}

/// The values of a column.
#[derive(Debug)]
pub struct Amounts {
    /// The integer number of units of each value; 0 for an odd float.
    pub whole: Vec<i128>,
    /// The rows whose floats are odd, in ascending order.
    pub odd: Vec<(usize, f64)>,
}

/// One argument whose values are summed.
#[derive(Debug, Clone, Copy)]
pub struct Amount {
    pub function: &'static str,
    pub argument: &'static str,
}

impl Amount {
    /// Rejects a type that is not a number. NULL is allowed.
    pub fn check(self, data_type: &DataType) -> Result<()> {
        if data_type.is_numeric() || data_type.is_null() {
            return Ok(());
        }
        let Self { function, argument } = self;
        Err(invalid(
            function,
            format!("{argument} must be a number, got {data_type}; convert it with CAST({argument} AS DOUBLE)"),
        ))
    }

    /// The values of a column without NULLs, as integers.
    pub fn read(self, column: &ArrayRef) -> Result<Amounts> {
        let amounts = cast(column, &amount_type(column.data_type()))?;
        if amounts.null_count() > 0 {
            return Err(self.too_large());
        }
        let whole = match amounts.data_type() {
            DataType::Int64 => amounts.as_primitive::<Int64Type>().values().iter().map(|value| i128::from(*value)).collect(),
            DataType::Decimal128(_, _) => amounts.as_primitive::<Decimal128Type>().values().to_vec(),
            DataType::Float64 => return self.floats(amounts.as_primitive::<Float64Type>().values()),
            other => return internal_err!("{other} cannot be summed"),
        };
        Ok(Amounts { whole, odd: vec![] })
    }

    /// The same for weights, which must not be negative.
    pub fn read_weights(self, column: &ArrayRef) -> Result<Amounts> {
        let weights = self.read(column)?;
        let odd = || weights.odd.iter().find(|(_, weight)| *weight < 0.0).map(|(row, _)| *row);
        match weights.whole.iter().position(|weight| *weight < 0).or_else(odd) {
            None => Ok(weights),
            Some(row) => {
                let shown = array_value_to_string(column, row)?;
                let problem =
                    format!("{} must not be negative, got {shown}; leave such rows out with FILTER or WHERE", self.argument);
                Err(unusable(self.function, problem))
            }
        }
    }

    fn floats(self, values: &[f64]) -> Result<Amounts> {
        let mut amounts = Amounts { whole: Vec::with_capacity(values.len()), odd: vec![] };
        for (row, value) in values.iter().enumerate() {
            let units = to_fixed_point(*value);
            amounts.whole.push(units.unwrap_or(0));
            if units.is_none() {
                amounts.odd.push((row, *value));
            }
        }
        // Infinities and NaN are always among the odd values.
        match amounts.odd.iter().find(|(_, value)| !value.is_finite()) {
            None => Ok(amounts),
            Some((_, value)) => {
                let problem =
                    format!("{} must be a finite number, got {value}; leave such rows out with FILTER or WHERE", self.argument);
                Err(unusable(self.function, problem))
            }
        }
    }

    /// The error of a sum that does not fit.
    pub fn too_large(self) -> DataFusionError {
        let problem = format!("the sum of {} is too large; divide it by a constant", self.argument);
        unusable(self.function, problem)
    }
}

/// The number of units in 1, for amounts of that type.
pub fn units(data_type: &DataType) -> f64 {
    match amount_type(data_type) {
        DataType::Decimal128(_, scale) => 10f64.powi(i32::from(scale)),
        DataType::Int64 => 1.0,
        _ => fixed_point::UNITS,
    }
}

/// The type of a state that holds sums of odd floats; empty bytes if there were none.
pub const ODD_STATE: DataType = DataType::Binary;

/// Sums of odd floats as a state.
pub fn odd_state<'a>(sums: impl Iterator<Item = Option<&'a Superaccumulator>>) -> ArrayRef {
    let bytes = |sum: &Superaccumulator| sum.words().iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    Arc::new(BinaryArray::from_iter_values(sums.map(|sum| sum.map(bytes).unwrap_or_default())))
}

/// The words of each sum in a state, for [`Superaccumulator::merge_words`]; empty if there were no odd floats.
pub fn read_odd_state(state: &ArrayRef) -> impl Iterator<Item = Vec<i64>> {
    let words = |bytes: &[u8]| bytes.as_chunks::<8>().0.iter().map(|word| i64::from_le_bytes(*word)).collect();
    state.as_binary::<i32>().iter().map(move |bytes| bytes.map(words).unwrap_or_default())
}
