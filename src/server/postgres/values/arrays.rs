//! Arrays: in text form, `{1,2,NULL}`, and in binary form.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, new_empty_array};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;

use super::{Write, binary, text, with_length};
use crate::error::failed;
use crate::postgres_types::{PostgresType, Seen, named};

/// The elements of each row in a list column.
type Elements<'a> = Box<dyn Fn(usize) -> ArrayRef + Send + Sync + 'a>;

fn elements<'a>(array: &'a dyn Array) -> Result<Elements<'a>> {
    Ok(match array.data_type() {
        DataType::List(_) => Box::new(|row| array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => Box::new(|row| array.as_list::<i64>().value(row)),
        DataType::FixedSizeList(..) => Box::new(|row| array.as_fixed_size_list().value(row)),
        DataType::ListView(_) => Box::new(|row| array.as_list_view::<i32>().value(row)),
        DataType::LargeListView(_) => Box::new(|row| array.as_list_view::<i64>().value(row)),
        other => return Err(failed("result", format!("{other} is not a list"))),
    })
}

/// The type of the elements; the catalog's vector types have a different element type.
fn element(seen: Seen) -> Seen {
    let base: &'static PostgresType = match seen.base.name {
        "int2vector" => named("int2").unwrap_or(seen.base),
        "oidvector" => named("oid").unwrap_or(seen.base),
        _ => seen.base,
    };
    Seen { base, is_array: false, modifier: seen.modifier }
}

/// A writer of the text form.
pub fn text<'a>(array: &'a dyn Array, seen: Seen, zone: super::Tz) -> Result<Write<'a>> {
    let (elements, of) = (elements(array)?, element(seen));
    // Vectors are written with spaces and without braces.
    let is_vector = !seen.is_array;
    // Fail here, rather than for each row, if the element type has no text form.
    drop(text::writer(&new_empty_array(&item(array.data_type())), of, zone)?);
    Ok(Box::new(move |row, out| {
        let values = elements(row);
        let Ok(write) = text::writer(values.as_ref(), of, zone) else { return };
        if !is_vector {
            out.push(b'{');
        }
        let (mut value, nulls) = (vec![], values.logical_nulls());
        for place in 0..values.len() {
            if place > 0 {
                out.push(if is_vector { b' ' } else { b',' });
            }
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(place)) {
                out.extend_from_slice(b"NULL");
                continue;
            }
            value.clear();
            write(place, &mut value);
            quoted(&value, out);
        }
        if !is_vector {
            out.push(b'}');
        }
    }))
}

/// Appends an element, quoted where necessary.
fn quoted(value: &[u8], out: &mut Vec<u8>) {
    let is_special = |byte: &u8| matches!(byte, b'{' | b'}' | b',' | b'"' | b'\\') || byte.is_ascii_whitespace() || *byte == 0x0b;
    if !value.is_empty() && !value.eq_ignore_ascii_case(b"null") && !value.iter().any(is_special) {
        return out.extend_from_slice(value);
    }
    out.push(b'"');
    for byte in value {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// A writer of the binary form: number of dimensions, NULL flag, element type; then, for the one dimension, its length and lower bound.
pub fn binary<'a>(array: &'a dyn Array, seen: Seen) -> Result<Write<'a>> {
    let (elements, of) = (elements(array)?, element(seen));
    let first = i32::from(seen.is_array);
    drop(binary::writer(&new_empty_array(&item(array.data_type())), of)?);
    Ok(Box::new(move |row, out| {
        let values = elements(row);
        let Ok(write) = binary::writer(values.as_ref(), of) else { return };
        let number = |value: i32, out: &mut Vec<u8>| out.extend_from_slice(&value.to_be_bytes());
        number(i32::from(!values.is_empty()), out);
        let nulls = values.logical_nulls();
        number(i32::from(nulls.as_ref().is_some_and(|nulls| nulls.null_count() > 0)), out);
        out.extend_from_slice(&of.base.oid.to_be_bytes());
        if values.is_empty() {
            return;
        }
        number(i32::try_from(values.len()).unwrap_or(i32::MAX), out);
        number(first, out);
        for place in 0..values.len() {
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(place)) {
                number(-1, out);
            } else {
                with_length(out, |out| write(place, out));
            }
        }
    }))
}

/// The type of the elements of a list.
fn item(data_type: &DataType) -> DataType {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => item.data_type().clone(),
        other => other.clone(),
    }
}
