//! Itemsets as Arrow lists.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, ListArray, UInt32Array};
use datafusion::arrow::buffer::{OffsetBuffer, ScalarBuffer};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::Field;
use datafusion::common::Result;

/// A list column under construction: item codes, and where each list ends.
#[derive(Debug)]
pub struct Lists {
    codes: Vec<u32>,
    offsets: Vec<i32>,
}

impl Lists {
    pub fn new() -> Self {
        Self { codes: vec![], offsets: vec![0] }
    }

    /// Adds a list.
    pub fn push(&mut self, codes: impl IntoIterator<Item = u32>) {
        self.codes.extend(codes);
        self.offsets.push(i32::try_from(self.codes.len()).unwrap_or(i32::MAX));
    }

    /// The column, with the items that the codes stand for.
    pub fn finish(self, items: &ArrayRef) -> Result<ArrayRef> {
        lists(self.codes, self.offsets, items)
    }
}

/// A list column from codes and offsets.
pub fn lists(codes: Vec<u32>, offsets: Vec<i32>, items: &ArrayRef) -> Result<ArrayRef> {
    let values = take(items, &UInt32Array::from(codes), None)?;
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Ok(Arc::new(ListArray::try_new(field, offsets, values, None)?))
}
