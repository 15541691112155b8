//! Conditions as bitmaps: where they hold, 64 rows a word.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::datatypes::DataType;

/// The rows where a condition holds; NULL does not, and a condition that is NULL of every row never does.
pub(super) fn holds(condition: &ArrayRef) -> BooleanBuffer {
    match condition.data_type() {
        DataType::Boolean => {
            let condition = condition.as_boolean();
            match condition.nulls() {
                Some(nulls) => condition.values() & nulls.inner(),
                None => condition.values().clone(),
            }
        }
        _ => BooleanBuffer::new_unset(condition.len()),
    }
}

/// Words of 64 rows, from the first bit on; the last is filled up with zeros.
pub(super) fn words(bits: &BooleanBuffer) -> Vec<u64> {
    let chunks = bits.bit_chunks();
    chunks.iter_padded().collect()
}
