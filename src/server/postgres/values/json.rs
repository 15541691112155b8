//! JSON for types that PostgreSQL does not have: structs, maps, nested lists.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, make_array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::arrow::json::writer::{EncoderOptions, make_encoder};
use datafusion::common::Result;

use super::Write;

/// A writer of JSON.
pub fn writer<'a>(array: &'a dyn Array) -> Result<Write<'a>> {
    let plain = plain(array.data_type());
    let array: ArrayRef = if plain == *array.data_type() { make_array(array.to_data()) } else { cast(array, &plain)? };
    let field: FieldRef = Arc::new(Field::new("value", plain, true));
    // Members that are NULL are written, too, as in other formats.
    let options = EncoderOptions::default().with_explicit_nulls(true);
    // The encoder borrows the array, so one is created per row, which is acceptable as such values are few and large.
    make_encoder(&field, array.as_ref(), &options)?;
    Ok(Box::new(move |row, out| {
        if let Ok(mut encoder) = make_encoder(&field, array.as_ref(), &options) {
            encoder.encode(row, out);
        }
    }))
}

/// The same type without dictionaries and views, which makes no difference in JSON.
fn plain(data_type: &DataType) -> DataType {
    let field = |field: &FieldRef| Arc::new(field.as_ref().clone().with_data_type(plain(field.data_type())));
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        DataType::RunEndEncoded(_, values) => plain(values.data_type()),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect()),
        DataType::List(item) => DataType::List(field(item)),
        DataType::LargeList(item) => DataType::LargeList(field(item)),
        DataType::FixedSizeList(item, length) => DataType::FixedSizeList(field(item), *length),
        other => other.clone(),
    }
}
