//! Keys of rows that go, to be found in the columns that refer to them.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::row::{OwnedRow, RowConverter, Rows, SortField};
use datafusion::common::Result;

use super::compaction::columns;
use super::data::Pinned;
use super::rewriting::{Rule, are_met, looked_at};

/// A set of keys of one or more columns. A key with a NULL is in no set: it refers to nothing.
pub struct KeySet {
    converter: RowConverter,
    types: Vec<DataType>,
    keys: HashSet<OwnedRow>,
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySet({})", self.keys.len())
    }
}

impl KeySet {
    /// The keys of the rows that rules remove from any of these files, apart from those that rows of the newest files keep; `None` when
    /// there are none.
    ///
    /// # Errors
    /// A file is damaged.
    pub fn gone(all: &[Arc<Pinned>], newest: &[Arc<Pinned>], names: &[String], rules: &[Rule]) -> Result<Option<Self>> {
        let Some(mut set) = newest.iter().chain(all).find_map(|file| Self::of(file, names)).transpose()? else { return Ok(None) };
        for file in all {
            set.each(file, names, rules, |keys, key, goes| {
                if goes {
                    keys.insert(key);
                }
            })?;
        }
        for file in newest {
            set.each(file, names, rules, |keys, key, goes| {
                if !goes {
                    keys.remove(&key);
                }
            })?;
        }
        Ok((!set.keys.is_empty()).then_some(set))
    }

    /// An empty set of keys of the types that the columns have in a file; `None` when it lacks one.
    fn of(file: &Pinned, names: &[String]) -> Option<Result<Self>> {
        let data_type = |name: &String| match file.schema.field_with_name(name).ok()?.data_type() {
            DataType::Dictionary(_, values) => Some(values.as_ref().clone()),
            other => Some(other.clone()),
        };
        let types = names.iter().map(data_type).collect::<Option<Vec<_>>>()?;
        let made = || -> Result<Self> {
            let converter = RowConverter::new(types.iter().cloned().map(SortField::new).collect())?;
            Ok(Self { converter, types: types.clone(), keys: HashSet::new() })
        };
        Some(made())
    }

    /// The number of keys.
    pub fn size(&self) -> usize {
        self.keys.len()
    }

    /// Passes each key of a file on, with whether the rules remove its row.
    fn each(
        &mut self,
        file: &Pinned,
        names: &[String],
        rules: &[Rule],
        mut pass: impl FnMut(&mut HashSet<OwnedRow>, OwnedRow, bool),
    ) -> Result<()> {
        let mut places = looked_at(&file.schema, rules);
        places.extend(names.iter().filter_map(|name| file.schema.index_of(name).ok()));
        for batch in columns(file, &places)? {
            let batch = batch?;
            let Some((rows, is_whole)) = self.rows(&batch, names)? else { return Ok(()) };
            let goes = are_met(&batch, rules)?;
            for place in is_whole.set_indices() {
                pass(&mut self.keys, rows.row(place).owned(), goes.value(place));
            }
        }
        Ok(())
    }

    /// The keys in some columns of a batch, and which of them have no NULL; `None` when it lacks a column.
    fn rows(&self, batch: &RecordBatch, names: &[String]) -> Result<Option<(Rows, BooleanBuffer)>> {
        let mut arrays: Vec<ArrayRef> = vec![];
        for (name, data_type) in names.iter().zip(&self.types) {
            let Some(column) = batch.column_by_name(name) else { return Ok(None) };
            // What is no value of the type equals no key.
            arrays.push(cast(column, data_type)?);
        }
        let is_whole = |place: usize| arrays.iter().all(|array| array.is_valid(place));
        let is_whole = BooleanBuffer::collect_bool(batch.num_rows(), is_whole);
        Ok(Some((self.converter.convert_columns(&arrays)?, is_whole)))
    }

    /// For each row of a batch, whether its columns of these names have one of the keys.
    ///
    /// # Errors
    /// A column cannot be compared with the keys.
    pub fn is_in(&self, batch: &RecordBatch, names: &[String]) -> Result<BooleanArray> {
        let Some((rows, is_whole)) = self.rows(batch, names)? else {
            return Ok(BooleanArray::from(vec![false; batch.num_rows()]));
        };
        let is_in = |place: usize| is_whole.value(place) && self.keys.contains(&rows.row(place).owned());
        Ok(BooleanArray::from(BooleanBuffer::collect_bool(batch.num_rows(), is_in)))
    }
}
