//! Structs, maps and lists in formats whose cells are text. They are written as JSON, because without quotes a string with a comma could not
//! be distinguished from two strings.

use std::fmt::Write;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::Value;

/// True for types whose values consist of other values.
pub fn is_nested(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Struct(_) | DataType::Map(..) | DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..)
    )
}

/// True for bytes, which are written as `\x616263`: hexadecimal digits alone could be a number, and could not be read back.
pub fn is_bytes(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_))
}

/// Appends a value as JSON, with spaces after commas and colons, as `to_jsonb` writes it.
///
/// # Errors
/// A value cannot be written as text.
pub fn write(array: &dyn Array, row: usize, options: &FormatOptions<'_>, text: &mut String) -> Result<(), ArrowError> {
    if array.logical_nulls().is_some_and(|nulls| nulls.is_null(row)) {
        text.push_str("null");
        return Ok(());
    }
    match array.data_type() {
        DataType::Struct(fields) => {
            text.push('{');
            for (place, (field, column)) in fields.iter().zip(array.as_struct().columns()).enumerate() {
                text.push_str(if place == 0 { "" } else { ", " });
                let _ = write!(text, "{}: ", Value::from(field.name().as_str()));
                write(column, row, options, text)?;
            }
            text.push('}');
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            let names = ArrayFormatter::try_new(keys, options)?;
            text.push('{');
            for entry in 0..keys.len() {
                text.push_str(if entry == 0 { "" } else { ", " });
                let _ = write!(text, "{}: ", Value::from(names.value(entry).try_to_string()?));
                write(values, entry, options, text)?;
            }
            text.push('}');
        }
        DataType::List(_) => write_list(&array.as_list::<i32>().value(row), options, text)?,
        DataType::LargeList(_) => write_list(&array.as_list::<i64>().value(row), options, text)?,
        DataType::FixedSizeList(..) => write_list(&array.as_fixed_size_list().value(row), options, text)?,
        data_type => {
            let mut value = ArrayFormatter::try_new(array, options)?.value(row).try_to_string()?;
            if is_bytes(data_type) {
                value.insert_str(0, "\\x");
            }
            // NaN and Infinity are no numbers in JSON.
            let is_plain = *data_type == DataType::Boolean
                || data_type.is_numeric() && value.ends_with(|last: char| last.is_ascii_digit() || last == '.');
            let _ = if is_plain { write!(text, "{value}") } else { write!(text, "{}", Value::from(value)) };
        }
    }
    Ok(())
}

fn write_list(items: &ArrayRef, options: &FormatOptions<'_>, text: &mut String) -> Result<(), ArrowError> {
    text.push('[');
    for item in 0..items.len() {
        text.push_str(if item == 0 { "" } else { ", " });
        write(items, item, options, text)?;
    }
    text.push(']');
    Ok(())
}
