//! Rows as clients read them: Arrow, with types that some clients do not know replaced.
//!
//! Dictionaries, views and run-end encoded arrays become the plain type of their values, 32 and 64 bit decimals become 128 bit, and large
//! lists lists. Nothing is lost.

use std::sync::Arc;

use arrow_flight::FlightData;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use datafusion::common::Result;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use tonic::Status;

/// The type in which a type is sent.
pub fn plain(data_type: &DataType) -> DataType {
    let inner = |field: &FieldRef| Arc::new(plain_field(field));
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        DataType::RunEndEncoded(_, values) => plain(values.data_type()),
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => DataType::Decimal128(*precision, *scale),
        // arrow-flight writes the schema of a large list as that of a list, and clients refuse its rows.
        DataType::List(field) | DataType::ListView(field) | DataType::LargeList(field) | DataType::LargeListView(field) => {
            DataType::List(inner(field))
        }
        DataType::FixedSizeList(field, length) => DataType::FixedSizeList(inner(field), *length),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect::<Fields>()),
        DataType::Map(entries, is_sorted) => DataType::Map(inner(entries), *is_sorted),
        other => other.clone(),
    }
}

fn plain_field(field: &FieldRef) -> Field {
    field.as_ref().clone().with_data_type(plain(field.data_type()))
}

/// The columns as they are sent. All are nullable, so that queries with the same columns always have the same schema.
pub fn columns(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| Field::new(field.name(), plain(field.data_type()), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Casts rows to these columns.
///
/// # Errors
/// A value does not fit.
pub fn in_columns(batch: &RecordBatch, columns: &SchemaRef) -> Result<RecordBatch> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let arrays = batch.columns().iter().zip(columns.fields()).map(|(array, field)| {
        if array.data_type() == field.data_type() {
            return Ok(Arc::clone(array));
        }
        Ok(cast_with_options(array, field.data_type(), &options)?)
    });
    let arrays = arrays.collect::<Result<Vec<ArrayRef>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(columns), arrays, &options)?)
}

/// Rows as messages, which are encoded as they are read.
pub fn messages(
    columns: SchemaRef,
    rows: impl Stream<Item = Result<RecordBatch, Status>> + Send + 'static,
) -> BoxStream<'static, Result<FlightData, Status>> {
    let rows = rows.map_err(|status| FlightError::Tonic(Box::new(status)));
    FlightDataEncoderBuilder::new().with_schema(columns).build(rows).map_err(Status::from).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{DictionaryArray, StringArray, StringViewArray, cast::AsArray};
    use datafusion::arrow::datatypes::Int32Type;

    #[test]
    fn types_that_clients_do_not_know_are_plain() {
        let words: DictionaryArray<Int32Type> = ["a", "b", "a"].into_iter().collect();
        let views = StringViewArray::from(vec![Some("上海"), None, Some("x")]);
        let batch = RecordBatch::try_from_iter([("w", Arc::new(words) as ArrayRef), ("v", Arc::new(views) as ArrayRef)]).unwrap();
        let columns = columns(&batch.schema());
        let sent = in_columns(&batch, &columns).unwrap();
        assert_eq!(sent.column(0).as_string::<i32>(), &StringArray::from(vec!["a", "b", "a"]));
        assert_eq!(sent.column(1).as_string::<i32>(), &StringArray::from(vec![Some("上海"), None, Some("x")]));
    }

    #[test]
    fn what_is_within_is_plain_too() {
        let view = Arc::new(Field::new("item", DataType::Utf8View, true));
        let list = DataType::Struct(vec![Field::new("a", DataType::List(view), true)].into());
        assert!(!format!("{}", plain(&list)).contains("View"));
        assert_eq!(plain(&DataType::Decimal64(12, 2)), DataType::Decimal128(12, 2));
        let item = Arc::new(Field::new("item", DataType::Int64, true));
        assert_eq!(plain(&DataType::LargeList(Arc::clone(&item))), DataType::List(item));
    }
}
