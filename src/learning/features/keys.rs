//! Keys of rows: a hash of each that depends only on the key, and a check that keys are unique.

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, ScalarValue};

use crate::adapter::keys::bits;
use crate::kernels::random::mix;

/// Hashes keys. The same key has the same hash in every run and on every machine.
pub struct Hasher {
    converter: Option<RowConverter>,
}

impl Hasher {
    pub fn new(data_type: &DataType) -> Result<Self> {
        let converter = match data_type.is_integer() {
            true => None,
            false => Some(RowConverter::new(vec![SortField::new(data_type.clone())])?),
        };
        Ok(Self { converter })
    }

    pub fn hashes(&self, keys: &ArrayRef) -> Result<Vec<u64>> {
        let Some(converter) = &self.converter else {
            return Ok(bits(keys)?.values().iter().map(|key| mix(*key as u64)).collect());
        };
        let rows = converter.convert_columns(&[ArrayRef::clone(keys)])?;
        Ok(rows.iter().map(|row| hash(row.data())).collect())
    }
}

/// FNV-1a, followed by a mixing step.
fn hash(bytes: &[u8]) -> u64 {
    let folded =
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    mix(folded)
}

/// A key that occurs twice, if any.
pub fn duplicate(keys: &[ArrayRef], hashes: &[u64]) -> Result<Option<ScalarValue>> {
    let mut sorted = hashes.to_vec();
    sorted.sort_unstable();
    for pair in sorted.windows(2).filter(|pair| pair[0] == pair[1]) {
        let places = hashes.iter().enumerate().filter(|(_, hash)| **hash == pair[0]).map(|(row, _)| row);
        let found = places.map(|row| key_of(keys, row)).collect::<Result<Vec<_>>>()?;
        // Equal hashes are not sufficient: different keys can have the same hash.
        if let Some((place, key)) = found.iter().enumerate().find(|(place, key)| found[..*place].contains(key)) {
            debug_assert!(place > 0);
            return Ok(Some(key.clone()));
        }
    }
    Ok(None)
}

/// The key at a row number, counted over all batches.
pub fn key_of(keys: &[ArrayRef], mut row: usize) -> Result<ScalarValue> {
    for batch in keys {
        if row < batch.len() {
            return ScalarValue::try_from_array(batch, row);
        }
        row -= batch.len();
    }
    Ok(ScalarValue::Null)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Int64Array, UInt64Array};

    use super::*;

    #[test]
    fn large_unsigned_keys_have_hashes_of_their_own() {
        let of = |keys: ArrayRef| Hasher::new(keys.data_type()).unwrap().hashes(&keys).unwrap();
        let hashes = of(Arc::new(UInt64Array::from(vec![0, 7, 1 << 63, u64::MAX - 1, u64::MAX])));
        assert!((0..hashes.len()).all(|row| !hashes[..row].contains(&hashes[row])));
        assert_eq!(hashes[..2], of(Arc::new(Int64Array::from(vec![0, 7]))));
    }
}
