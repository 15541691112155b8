//! Values that JSON has no form for, at every depth: bytes, and keys of maps that are not texts.

use std::io;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, LargeListArray, ListArray, MapArray, RecordBatch, StringArray, StructArray,
};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::ArrayFormatter;

use super::cells::format_options;
use super::into_io;
use super::nested::is_bytes;

/// The rows with such values as texts: bytes as `\x616263`, keys as they are shown.
pub fn for_json(batch: RecordBatch) -> io::Result<RecordBatch> {
    let schema = batch.schema();
    if !schema.fields().iter().any(|field| has_no_form(field.data_type())) {
        return Ok(batch);
    }
    let columns: Vec<ArrayRef> = batch.columns().iter().map(with_texts).collect::<Result<_, _>>().map_err(into_io)?;
    let fields: Vec<FieldRef> = schema.fields().iter().zip(&columns).map(|(field, column)| of_type(field, column)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(into_io)
}

fn has_no_form(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => has_no_form(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_no_form(field.data_type())),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) => {
                pair.iter().any(|field| has_no_form(field.data_type()))
                    || pair.first().is_some_and(|key| !key.data_type().is_string())
            }
            _ => false,
        },
        other => is_bytes(other),
    }
}

fn with_texts(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if !has_no_form(array.data_type()) {
        return Ok(Arc::clone(array));
    }
    let nulls = array.nulls().cloned();
    match array.data_type() {
        DataType::List(item) => {
            let list = array.as_list::<i32>();
            let values = with_texts(list.values())?;
            Ok(Arc::new(ListArray::try_new(of_type(item, &values), list.offsets().clone(), values, nulls)?))
        }
        DataType::LargeList(item) => {
            let list = array.as_list::<i64>();
            let values = with_texts(list.values())?;
            Ok(Arc::new(LargeListArray::try_new(of_type(item, &values), list.offsets().clone(), values, nulls)?))
        }
        DataType::FixedSizeList(item, size) => {
            let values = with_texts(array.as_fixed_size_list().values())?;
            Ok(Arc::new(FixedSizeListArray::try_new(of_type(item, &values), *size, values, nulls)?))
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns().iter().map(with_texts).collect::<Result<Vec<ArrayRef>, ArrowError>>()?;
            Ok(Arc::new(StructArray::try_new(of_types(fields, &columns), columns, nulls)?))
        }
        DataType::Map(entries, is_sorted) => {
            let map = array.as_map();
            let keys = if map.keys().data_type().is_string() { Arc::clone(map.keys()) } else { texts(map.keys())? };
            let columns = vec![keys, with_texts(map.values())?];
            let pairs = StructArray::try_new(of_types(map.entries().fields(), &columns), columns, None)?;
            let entries = Arc::new(Field::clone(entries).with_data_type(pairs.data_type().clone()));
            Ok(Arc::new(MapArray::try_new(entries, map.offsets().clone(), pairs, nulls, *is_sorted)?))
        }
        _ => texts(array),
    }
}

/// The values as texts.
fn texts(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let options = format_options();
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options)?;
    let sign = if is_bytes(array.data_type()) { "\\x" } else { "" };
    let text = |row: usize| array.is_valid(row).then(|| format!("{sign}{}", formatter.value(row)));
    Ok(Arc::new((0..array.len()).map(text).collect::<StringArray>()))
}

fn of_types(fields: &Fields, columns: &[ArrayRef]) -> Fields {
    fields.iter().zip(columns).map(|(field, column)| of_type(field, column)).collect()
}

/// The field with the type of its values.
fn of_type(field: &FieldRef, values: &ArrayRef) -> FieldRef {
    Arc::new(Field::clone(field).with_data_type(values.data_type().clone()))
}
