//! Amounts of any number type as whole numbers of one unit, so that their sums are exact.
//!
//! Integers count 1, decimals the last digit of their scale, floats 2⁻⁶⁴ ([`fixed_point`]).

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::{Result, internal_err};
use datafusion::error::DataFusionError;

use crate::error::{failed, invalid};
use crate::kernels::fixed_point;
use crate::kernels::fixed_point::to_fixed_point;

/// The type that amounts are brought to before they are added up.
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

/// One argument whose values are added up.
#[derive(Debug, Clone, Copy)]
pub struct Amount {
    pub function: &'static str,
    pub argument: &'static str,
}

impl Amount {
    /// Says what is wrong with a type that is no number. NULL may stand for one.
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

    /// The values as whole numbers; none of them is NULL.
    pub fn read(self, column: &ArrayRef) -> Result<Vec<i128>> {
        let amounts = cast(column, &amount_type(column.data_type()))?;
        if amounts.null_count() > 0 {
            return Err(self.too_large());
        }
        match amounts.data_type() {
            DataType::Int64 => Ok(amounts.as_primitive::<Int64Type>().values().iter().map(|value| i128::from(*value)).collect()),
            DataType::Decimal128(_, _) => Ok(amounts.as_primitive::<Decimal128Type>().values().to_vec()),
            DataType::Float64 => amounts.as_primitive::<Float64Type>().values().iter().map(|value| self.float(*value)).collect(),
            other => internal_err!("{other} is not added up"),
        }
    }

    /// The same for numbers that count how much, which cannot be below zero.
    pub fn read_weights(self, column: &ArrayRef) -> Result<Vec<i128>> {
        let weights = self.read(column)?;
        match weights.iter().position(|weight| *weight < 0) {
            None => Ok(weights),
            Some(row) => {
                let shown = array_value_to_string(column, row)?;
                let problem =
                    format!("{} must not be negative, got {shown}; leave such rows out with FILTER or WHERE", self.argument);
                Err(failed(self.function, problem))
            }
        }
    }

    fn float(self, value: f64) -> Result<i128> {
        if !value.is_finite() {
            let problem =
                format!("{} must be a finite number, got {value}; leave such rows out with FILTER or WHERE", self.argument);
            return Err(failed(self.function, problem));
        }
        let (amount, too_large) = to_fixed_point(value);
        if too_large { Err(self.too_large()) } else { Ok(amount) }
    }

    /// The error of a sum that does not fit.
    pub fn too_large(self) -> DataFusionError {
        let problem = format!("the sum of {} is too large; divide it by a constant", self.argument);
        failed(self.function, problem)
    }
}

/// How many units make 1, for amounts of that type.
pub fn units(data_type: &DataType) -> f64 {
    match amount_type(data_type) {
        DataType::Decimal128(_, scale) => 10f64.powi(i32::from(scale)),
        DataType::Int64 => 1.0,
        _ => fixed_point::UNITS,
    }
}
