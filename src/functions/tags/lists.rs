//! States that are lists of the items that a group has seen.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, LargeListArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;

/// The type of a state with items of this type.
pub fn of(item: DataType) -> DataType {
    DataType::LargeList(field(item))
}

fn field(item: DataType) -> FieldRef {
    Arc::new(Field::new("item", item, true))
}

/// One list per group, with these lengths.
pub fn from_items(items: ArrayRef, lengths: &[usize]) -> Result<ArrayRef> {
    let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
    Ok(Arc::new(LargeListArray::try_new(field(items.data_type().clone()), offsets, items, None)?))
}

/// The items of all lists, and the length of each list. For a slice of a longer column, only its own items.
pub fn items(lists: &ArrayRef) -> (ArrayRef, Vec<usize>) {
    let lists = lists.as_list::<i64>();
    let offsets = lists.value_offsets();
    let lengths = offsets.windows(2).map(|ends| (ends[1] - ends[0]) as usize).collect();
    let (start, end) = (offsets[0] as usize, offsets[offsets.len() - 1] as usize);
    (lists.values().slice(start, end - start), lengths)
}
