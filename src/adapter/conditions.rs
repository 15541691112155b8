//! Conditions as bitmaps of the rows where they are true, 64 rows per word, and lists of counts as states of aggregates.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::common::utils::SingleRowListArrayBuilder;

/// The rows where a condition is true. NULL is not true; a condition that is NULL in every row is never true.
pub fn holds(condition: &ArrayRef) -> BooleanBuffer {
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

/// Words of 64 rows, starting at the first bit; the last word is padded with zeros.
pub fn words(bits: &BooleanBuffer) -> Vec<u64> {
    let chunks = bits.bit_chunks();
    chunks.iter_padded().collect()
}

/// Counts as a list, the state of an aggregate.
pub fn list_of(counts: Vec<i64>) -> ScalarValue {
    SingleRowListArrayBuilder::new(Arc::new(Int64Array::from(counts))).build_list_scalar()
}

/// Adds states made by [`list_of`] to counts.
pub fn add_lists(counts: &mut [i64], states: &ArrayRef) {
    let lists = states.as_list::<i32>();
    for row in (0..lists.len()).filter(|row| lists.is_valid(*row)) {
        let more = lists.value(row);
        for (count, more) in counts.iter_mut().zip(more.as_primitive::<Int64Type>().values()) {
            *count += more;
        }
    }
}
