//! The arguments and FILTERs of aggregates: each expression is computed once per batch, however many aggregates have it.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr_common::physical_expr::is_volatile;

use crate::kernels::grouping::words;

/// Decimals of up to this many digits are integers of 64 bits.
pub const DIGITS_OF_WORD: u8 = 18;

/// Different expressions over the rows of the input.
#[derive(Debug, Default)]
pub struct Inputs {
    expressions: Vec<Arc<dyn PhysicalExpr>>,
}

impl Inputs {
    /// The place of an expression, which is added if it is new or differs between calls, as `random()` does.
    pub fn place(&mut self, expression: &Arc<dyn PhysicalExpr>) -> usize {
        let known = self.expressions.iter().position(|known| known == expression && !is_volatile(known));
        known.unwrap_or_else(|| {
            self.expressions.push(Arc::clone(expression));
            self.expressions.len() - 1
        })
    }

    pub fn expressions(&self) -> impl Iterator<Item = &Arc<dyn PhysicalExpr>> {
        self.expressions.iter()
    }

    /// Their values in a batch, none of which is computed yet.
    pub fn of<'a>(&'a self, batch: &'a RecordBatch) -> Values<'a> {
        let count = self.expressions.len();
        Values { inputs: self, batch, arrays: vec![None; count], integers: vec![None; count], magnitudes: vec![None; count] }
    }
}

/// The values of the inputs in one batch.
pub struct Values<'a> {
    inputs: &'a Inputs,
    batch: &'a RecordBatch,
    arrays: Vec<Option<ArrayRef>>,
    integers: Vec<Option<Integers>>,
    magnitudes: Vec<Option<u128>>,
}

/// Integers, decimals and times without their units.
#[derive(Clone)]
pub enum Integers {
    Narrow(ScalarBuffer<u64>),
    Wide(ScalarBuffer<i128>),
}

impl Values<'_> {
    /// The values of the input at this place.
    pub fn array(&mut self, place: usize) -> Result<ArrayRef> {
        if let Some(known) = &self.arrays[place] {
            return Ok(Arc::clone(known));
        }
        let array = self.inputs.expressions[place].evaluate(self.batch)?.into_array(self.batch.num_rows())?;
        Ok(Arc::clone(self.arrays[place].insert(array)))
    }

    /// The same as integers, narrow ones where the type allows and all values fit.
    pub fn integers(&mut self, place: usize) -> Result<Integers> {
        if let Some(known) = &self.integers[place] {
            return Ok(known.clone());
        }
        let array = self.array(place)?;
        let integers = match array.data_type() {
            DataType::Decimal128(digits, _) => of_decimals(array.as_primitive(), *digits),
            _ => Integers::Narrow(words::words(&array)?),
        };
        Ok(self.integers[place].insert(integers).clone())
    }

    /// See [`Integers::magnitude`].
    pub fn magnitude(&mut self, place: usize) -> Result<u128> {
        let integers = self.integers(place)?;
        Ok(*self.magnitudes[place].get_or_insert_with(|| integers.magnitude()))
    }

    /// The rows that pass the FILTER at this place.
    pub fn passing(&mut self, place: usize) -> Result<BooleanBuffer> {
        let array = self.array(place)?;
        let filter = array.as_boolean();
        Ok(filter.nulls().map_or_else(|| filter.values().clone(), |nulls| filter.values() & nulls.inner()))
    }

    /// The rows in which the input at this place has a value; `None` if all have one.
    pub fn valued(&mut self, place: usize) -> Result<Option<NullBuffer>> {
        Ok(self.array(place)?.logical_nulls().filter(|nulls| nulls.null_count() > 0))
    }
}

fn of_decimals(column: &Decimal128Array, digits: u8) -> Integers {
    let values = match column.nulls() {
        Some(valued) => column.values().iter().zip(valued).map(|(value, is_valued)| if is_valued { *value } else { 0 }).collect(),
        None => column.values().clone(),
    };
    // A file may hold values with more digits than their type has, and Arrow does not check it.
    let fit = |values: &ScalarBuffer<i128>| values.iter().fold(true, |all, value| all & (i128::from(*value as i64) == *value));
    if digits > DIGITS_OF_WORD || !fit(&values) {
        return Integers::Wide(values);
    }
    Integers::Narrow(values.iter().map(|value| *value as u64).collect())
}

impl Integers {
    /// At least the distance of each value from 0, at most twice the greatest one.
    fn magnitude(&self) -> u128 {
        // A negative number and its complement differ by one.
        match self {
            Self::Narrow(words) => {
                let bits = words.iter().map(|word| *word as i64).fold(0, |bits, value| bits | (value ^ (value >> 63)) as u64);
                1 << (u64::BITS - bits.leading_zeros())
            }
            Self::Wide(values) => {
                let bits = values.iter().fold(0, |bits, value| bits | (value ^ (value >> 127)) as u128);
                1_u128.checked_shl(u128::BITS - bits.leading_zeros()).unwrap_or(u128::MAX)
            }
        }
    }

    /// The values of these rows.
    pub fn of_rows(&self, rows: &[u32]) -> Self {
        match self {
            Self::Narrow(words) => Self::Narrow(rows.iter().map(|row| words[*row as usize]).collect()),
            Self::Wide(values) => Self::Wide(rows.iter().map(|row| values[*row as usize]).collect()),
        }
    }
}
