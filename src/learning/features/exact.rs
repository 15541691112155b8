//! Values with more digits than a double, as integers: integers, decimals in units of their last digit, days, ticks.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Int64Type, UInt64Type};
use datafusion::common::{Result, internal_err};

use crate::kernels::tree::numbers::Numbers;

/// A feature whose values are kept as integers.
#[derive(Debug)]
pub struct Exact {
    /// Its position among the features.
    pub feature: usize,
    pub data_type: DataType,
    keys: Keys,
    /// The rows without a value, until [`fill`](Self::fill).
    missing: Vec<usize>,
}

#[derive(Debug)]
enum Keys {
    Short(Vec<i64>),
    Long(Vec<i128>),
}

impl Exact {
    pub fn new(feature: usize, data_type: &DataType) -> Self {
        let is_long = matches!(data_type, DataType::UInt64 | DataType::Decimal128(_, _));
        let keys = if is_long { Keys::Long(vec![]) } else { Keys::Short(vec![]) };
        Self { feature, data_type: data_type.clone(), keys, missing: vec![] }
    }

    /// Adds the values of a batch's column.
    pub fn add(&mut self, column: &ArrayRef) -> Result<()> {
        let before = match &self.keys {
            Keys::Short(keys) => keys.len(),
            Keys::Long(keys) => keys.len(),
        };
        if column.null_count() > 0 {
            self.missing.extend((0..column.len()).filter(|row| column.is_null(*row)).map(|row| before + row));
        }
        match (&mut self.keys, column.data_type()) {
            (Keys::Long(keys), DataType::UInt64) => {
                keys.extend(column.as_primitive::<UInt64Type>().values().iter().map(|value| i128::from(*value)));
            }
            (Keys::Long(keys), DataType::Decimal128(_, _)) => keys.extend(column.as_primitive::<Decimal128Type>().values()),
            (Keys::Short(keys), data_type) => {
                // DATE can be cast only to its own 32-bit integer.
                let own = if data_type == &DataType::Date32 { cast(column, &DataType::Int32)? } else { ArrayRef::clone(column) };
                keys.extend(cast(&own, &DataType::Int64)?.as_primitive::<Int64Type>().values());
            }
            (Keys::Long(_), other) => return internal_err!("{other} cannot be compared directly"),
        }
        Ok(())
    }

    /// Replaces missing values by the mean, rounded down, and returns it; `None` if no value is missing, or if all are.
    pub fn fill(&mut self) -> Option<i128> {
        if self.missing.is_empty() {
            return None;
        }
        let missing = &self.missing;
        let mean = match &self.keys {
            Keys::Short(keys) => mean(keys.iter().map(|key| i128::from(*key)), missing),
            Keys::Long(keys) => mean(keys.iter().copied(), missing),
        }?;
        match &mut self.keys {
            Keys::Short(keys) => missing.iter().for_each(|row| keys[*row] = mean as i64),
            Keys::Long(keys) => missing.iter().for_each(|row| keys[*row] = mean),
        }
        Some(mean)
    }

    /// The values, for a tree.
    pub fn numbers(&self) -> Numbers<'_> {
        match &self.keys {
            Keys::Short(keys) => Numbers::Short(keys),
            Keys::Long(keys) => Numbers::Long(keys),
        }
    }
}

/// The mean of all keys except those of the missing rows, which are listed in ascending order.
fn mean(keys: impl ExactSizeIterator<Item = i128>, missing: &[usize]) -> Option<i128> {
    let count = (keys.len() - missing.len()) as i128;
    if count == 0 {
        return None;
    }
    let mut missing = missing.iter().peekable();
    // Each key is divided before it is summed, because the sum of the keys might overflow.
    let (mut whole, mut rest) = (0, 0);
    for (row, key) in keys.enumerate() {
        if missing.next_if(|place| **place == row).is_none() {
            whole += key.div_euclid(count);
            rest += key.rem_euclid(count);
        }
    }
    Some(whole + rest.div_euclid(count))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Decimal128Array, Int64Array};

    use super::*;

    #[test]
    fn missing_values_get_the_mean() {
        let mut exact = Exact::new(0, &DataType::Int64);
        exact.add(&(Arc::new(Int64Array::from(vec![Some(i64::MAX), None])) as ArrayRef)).unwrap();
        exact.add(&(Arc::new(Int64Array::from(vec![None, Some(i64::MAX - 3)])) as ArrayRef)).unwrap();
        assert_eq!(exact.fill(), Some(i128::from(i64::MAX) - 2));
        let keys: Vec<Option<i128>> = (0..4).map(|row| exact.numbers().key(row)).collect();
        assert_eq!(keys, [0, 2, 2, 3].map(|less| Some(i128::from(i64::MAX) - less)));

        let most = 10_i128.pow(38) - 1;
        let mut exact = Exact::new(0, &DataType::Decimal128(38, 2));
        let column = Decimal128Array::from(vec![Some(most), Some(most), Some(most - 1), None]);
        exact.add(&(Arc::new(column.with_precision_and_scale(38, 2).unwrap()) as ArrayRef)).unwrap();
        assert_eq!(exact.fill(), Some(most - 1));
        assert_eq!(mean([7].into_iter(), &[0]), None);
    }
}
