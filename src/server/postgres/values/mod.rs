//! Converts values of Arrow columns to the form that PostgreSQL's clients read, and their values to ours.
//!
//! A [`Writer`] is made once per column of a batch and called once per value, without building rows in between.

mod arrays;
mod binary;
mod intervals;
mod json;
mod numbers;
mod parameters;
mod records;
mod text;
mod times;

use datafusion::arrow::array::Array;
use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::Result;

use crate::postgres_types::{Seen, seen};

pub use parameters::{TEXT, data_type_of, parameter};

/// The format of values in messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As text, as `psql` shows it.
    Text,
    /// Binary, in network byte order.
    Binary,
}

impl Format {
    /// The format with this protocol code.
    pub fn of(code: i16) -> Option<Self> {
        match code {
            0 => Some(Self::Text),
            1 => Some(Self::Binary),
            _ => None,
        }
    }

    /// Its protocol code.
    pub fn code(self) -> i16 {
        match self {
            Self::Text => 0,
            Self::Binary => 1,
        }
    }
}

/// Writes the non-NULL value of a row.
type Write<'a> = Box<dyn Fn(usize, &mut Vec<u8>) + Send + Sync + 'a>;

/// Writes the values of one column.
pub struct Writer<'a> {
    /// The NULL mask, also for dictionary values.
    nulls: Option<NullBuffer>,
    write: Write<'a>,
}

impl<'a> Writer<'a> {
    /// A writer for a column of a batch; instants are shown in `zone`.
    ///
    /// # Errors
    /// The type has no such form.
    pub fn new(field: &'a Field, array: &'a dyn Array, format: Format, zone: Tz) -> Result<Self> {
        let seen = seen(field);
        let write = match format {
            Format::Text => text::writer(array, seen, zone)?,
            Format::Binary => binary::writer(array, seen)?,
        };
        Ok(Self { nulls: array.logical_nulls(), write })
    }

    fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// Appends the value of a row preceded by its length, as in messages; -1 means NULL.
    pub fn append(&self, row: usize, out: &mut Vec<u8>) {
        if self.is_null(row) {
            out.extend_from_slice(&(-1_i32).to_be_bytes());
            return;
        }
        with_length(out, |out| (self.write)(row, out));
    }

    /// Appends the value of a row without its length; returns false for NULL.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) -> bool {
        let is_there = !self.is_null(row);
        if is_there {
            (self.write)(row, out);
        }
        is_there
    }
}

/// Appends what `write` appends, preceded by its length in 4 bytes.
fn with_length(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let begin = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let length = i32::try_from(out.len() - begin - 4).unwrap_or(i32::MAX);
    out[begin..begin + 4].copy_from_slice(&length.to_be_bytes());
}

/// True for types whose values are stored in another array: dictionaries and runs.
fn is_packed(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::Dictionary(_, values) => Some(values),
        DataType::RunEndEncoded(_, values) => Some(values.data_type()),
        _ => None,
    }
}

/// True when the column is an array of PostgreSQL: a list, or a vector of the catalog.
fn is_array(seen: Seen) -> bool {
    seen.is_array || matches!(seen.base.name, "int2vector" | "oidvector")
}

#[cfg(test)]
mod tests;
