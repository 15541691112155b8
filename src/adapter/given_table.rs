//! Tables as arguments of ordinary functions: `words(text, dictionary => my_words)`.
//!
//! The name of the table becomes a scalar subquery, `(SELECT array_agg(…) FROM my_words)`: a list of structs, or of plain values if there
//! is only one column. It runs once per call, whatever the number of rows, and takes the memory of `array_agg`. Every batch of every
//! partition gets the same list, so what a function builds from it is [cached](Compiled) as long as the list stays the same.

use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringViewArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, internal_datafusion_err};

use crate::error::invalid;

/// Whether a list has these columns; with one column, the list may contain the values themselves.
pub fn has_columns(rows: &ArrayRef, columns: &[&str]) -> bool {
    match rows.data_type() {
        DataType::Struct(fields) => columns.iter().all(|column| fields.find(column).is_some()),
        _ => columns.len() == 1,
    }
}

fn column<'a>(rows: &'a ArrayRef, name: &str) -> Result<&'a ArrayRef> {
    match rows.as_struct_opt() {
        Some(rows) => rows.column_by_name(name).ok_or_else(|| internal_datafusion_err!("a table was let through without {name}")),
        None => Ok(rows),
    }
}

/// A column as strings.
///
/// # Errors
/// Its values are not strings.
pub fn texts(function: &str, rows: &ArrayRef, name: &str) -> Result<StringViewArray> {
    let values = column(rows, name)?;
    let texts = cast(values, &DataType::Utf8View);
    let texts =
        texts.map_err(|_| invalid(function, format!("{name} must be text, got {}; convert it with CAST", values.data_type())))?;
    Ok(texts.as_string_view().clone())
}

/// A column as numbers.
///
/// # Errors
/// Its values are not numbers.
pub fn numbers(function: &str, rows: &ArrayRef, name: &str) -> Result<Float64Array> {
    let values = column(rows, name)?;
    if !values.data_type().is_numeric() && !values.data_type().is_null() {
        return Err(invalid(function, format!("{name} must be a number, got {}; convert it with CAST", values.data_type())));
    }
    Ok(cast(values, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

/// The number of tables for which a function caches what it built.
const KEPT: usize = 8;

/// A cache of what a function built from the last tables it was given.
#[derive(Debug)]
pub struct Compiled<T>(Mutex<Vec<(ArrayRef, Arc<T>)>>);

impl<T> Compiled<T> {
    /// An empty cache.
    pub const fn new() -> Self {
        Self(Mutex::new(vec![]))
    }

    /// Returns what `make` builds from the rows, from the cache if the list is one of the last.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn of(&self, rows: &ArrayRef, make: impl FnOnce(&ArrayRef) -> Result<T>) -> Result<Arc<T>> {
        // The lock is held while building: other partitions wait instead of building it too.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Lists are compared by address: the rows of a call are always the same buffers, and comparing their values would be slow.
        let data = rows.to_data();
        if let Some((_, made)) = kept.iter().find(|(other, _)| other.to_data().ptr_eq(&data)) {
            return Ok(Arc::clone(made));
        }
        let made = Arc::new(make(rows)?);
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((Arc::clone(rows), Arc::clone(&made)));
        Ok(made)
    }
}
