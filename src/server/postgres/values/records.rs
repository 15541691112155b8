//! Rows, which `ROW(1, 'a')` makes: in text form, `(1,a,)`, and in binary form.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::Result;

use super::{Write, binary, text, with_length};
use crate::postgres_types::{Seen, seen};

/// A field of a row: how it is seen, where it is NULL, and what writes it.
struct Part<'a> {
    seen: Seen,
    nulls: Option<NullBuffer>,
    write: Write<'a>,
}

impl Part<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }
}

fn parts<'a>(array: &'a dyn Array, of: impl Fn(&'a dyn Array, Seen) -> Result<Write<'a>>) -> Result<Vec<Part<'a>>> {
    let rows = array.as_struct();
    let columns = rows.fields().iter().zip(rows.columns());
    let part = |(field, column): (&FieldRef, &'a ArrayRef)| -> Result<Part<'a>> {
        let seen = seen(field);
        Ok(Part { seen, nulls: column.logical_nulls(), write: of(column.as_ref(), seen)? })
    };
    columns.map(part).collect()
}

/// A writer of the text form.
pub fn text<'a>(array: &'a dyn Array, zone: super::Tz) -> Result<Write<'a>> {
    let parts = parts(array, |column, seen| text::writer(column, seen, zone))?;
    Ok(Box::new(move |row, out| {
        out.push(b'(');
        let mut value = vec![];
        for (place, part) in parts.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            // Nothing at all is NULL.
            if part.is_null(row) {
                continue;
            }
            value.clear();
            (part.write)(row, &mut value);
            quoted(&value, out);
        }
        out.push(b')');
    }))
}

/// Appends a field, quoted where necessary.
fn quoted(value: &[u8], out: &mut Vec<u8>) {
    let is_special = |byte: &u8| matches!(byte, b'(' | b')' | b',' | b'"' | b'\\') || byte.is_ascii_whitespace() || *byte == 0x0b;
    if !value.is_empty() && !value.iter().any(is_special) {
        return out.extend_from_slice(value);
    }
    out.push(b'"');
    for byte in value {
        if matches!(byte, b'"' | b'\\') {
            out.push(*byte);
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// A writer of the binary form: the number of fields; for each, its type and its value with its length.
pub fn binary<'a>(array: &'a dyn Array) -> Result<Write<'a>> {
    let parts = parts(array, binary::writer)?;
    Ok(Box::new(move |row, out| {
        out.extend_from_slice(&i32::try_from(parts.len()).unwrap_or(i32::MAX).to_be_bytes());
        for part in &parts {
            out.extend_from_slice(&part.seen.oid().to_be_bytes());
            if part.is_null(row) {
                out.extend_from_slice(&(-1_i32).to_be_bytes());
            } else {
                with_length(out, |out| (part.write)(row, out));
            }
        }
    }))
}
