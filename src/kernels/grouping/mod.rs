//! Assigns a group number to each row: keys are numbered from 0 in the order in which they are first seen.
//!
//! All threads share one numbering. Group 7 of one thread is therefore group 7 of all threads, and their partial results are
//! merged by adding arrays element by element; no key is looked up a second time.
//!
//! ```text
//! integers in a narrow range ─▶ Direct: an array with one slot per integer
//! integers                   ─▶ Words:  a hash table of 64-bit keys
//! strings                    ─▶ Texts:  a hash table of Arrow's 128-bit views; long strings are stored separately
//! two columns                ─▶ the numbers of each column, then a hash table of the pairs
//! ```
//! Common aggregates of the groups are kept in [`rows`], which lie in [`chunks`] of memory.
//!
//! Many threads read a table at the same time; only one at a time extends it. A batch is looked up in passes of independent
//! loads, so that the processor waits for many cache lines at once instead of one after another.

pub mod chunks;
mod direct;
pub mod rows;
mod table;
mod texts;
pub mod words;

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::buffer::NullBuffer;
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use parking_lot::RwLock;

use table::Words;

/// The number of a row whose key is unknown and was not added, because memory ran out.
pub const UNKNOWN: u32 = u32::MAX;

/// Maximum number of groups: the lines of their tables are numbered in 32 bits.
const MOST_GROUPS: usize = 1 << 31;

/// Decides whether a table may take this many more bytes.
pub type Room<'a> = dyn FnMut(usize) -> bool + 'a;

/// The range of a column's integers, as known from statistics before the column is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub least: i64,
    pub greatest: i64,
}

impl Range {
    /// Number of integers in the range.
    pub fn slots(self) -> usize {
        usize::try_from(self.greatest.abs_diff(self.least)).unwrap_or(usize::MAX - 1) + 1
    }
}

/// The groups of one or two columns.
#[derive(Debug)]
pub struct Groups {
    columns: Vec<Column>,
    /// Pairs of the columns' numbers; used only with two columns.
    pairs: RwLock<Words>,
}

impl Groups {
    /// Starts without groups. A column with a range uses an array instead of a hash table; keys outside the range still work.
    ///
    /// # Errors
    /// Fails on a type that [`takes`] rejects.
    pub fn new(columns: &[(DataType, Option<Range>)]) -> Result<Self, ArrowError> {
        let columns = columns.iter().map(|(data_type, range)| Column::new(data_type, *range)).collect::<Result<_, _>>()?;
        Ok(Self { columns, pairs: RwLock::default() })
    }

    /// Number of groups.
    pub fn len(&self) -> usize {
        match self.columns.as_slice() {
            [one] => one.len(),
            _ => self.pairs.read().len(),
        }
    }

    /// Writes the group of each row. An unknown key becomes a new group if there is `room` for it; otherwise its rows get
    /// [`UNKNOWN`].
    ///
    /// # Errors
    /// Fails if there are more groups than can be numbered.
    pub fn find(&self, columns: &[ArrayRef], groups: &mut Vec<u32>, room: &mut Room<'_>) -> Result<(), ArrowError> {
        let [first, second] = columns else { return self.columns[0].find(&columns[0], groups, room) };
        self.columns[0].find(first, groups, room)?;
        let mut others = Vec::new();
        self.columns[1].find(second, &mut others, room)?;
        let unknown = groups.iter().zip(&others).any(|(first, second)| *first == UNKNOWN || *second == UNKNOWN);
        let pairs: Vec<u64> =
            groups.iter().zip(&others).map(|(first, second)| u64::from(*first) << 32 | u64::from(*second)).collect();
        if !unknown {
            return table::find_or_insert(&self.pairs, &pairs, groups, room);
        }
        // Room has run out: some columns' keys have no number, so no new pair is added in this batch.
        self.pairs.read().find_each(&pairs, groups);
        Ok(())
    }

    /// The keys of all groups in the order of their numbers, one array per column. The tables are no longer needed, so that most keys are
    /// not copied.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn into_keys(self) -> Result<Vec<ArrayRef>, ArrowError> {
        let keys = self.columns.into_iter().map(Column::into_keys).collect::<Result<Vec<_>, _>>()?;
        let [first, second] = keys.as_slice() else { return Ok(keys) };
        let pairs = self.pairs.into_inner().into_keys();
        let part = |keys: &ArrayRef, part: fn(u64) -> u32| {
            let numbers = UInt32Array::from_iter_values(pairs.iter().map(|pair| part(*pair)));
            take(keys, &numbers, None)
        };
        Ok(vec![part(first, |pair| (pair >> 32) as u32)?, part(second, |pair| pair as u32)?])
    }

    /// Describes the structure that holds the keys of a column, for display.
    pub fn describe(data_type: &DataType, range: Option<Range>) -> String {
        match range {
            Some(Range { least, greatest }) if words::holds(data_type) => format!("array {least}..={greatest}"),
            _ if words::holds(data_type) => "hash table of integers".into(),
            _ => "hash table of texts".into(),
        }
    }
}

/// Whether a column of this type can be a key.
pub fn takes(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => texts::holds(values),
        other => words::holds(other) || texts::holds(other),
    }
}

/// Whether keys of this type can have a [`Range`].
pub fn takes_range(data_type: &DataType) -> bool {
    words::holds(data_type)
}

/// The numbers of one column's values, NULL among them.
#[derive(Debug)]
struct Column {
    data_type: DataType,
    values: Values,
    /// The number of NULL. Its entry among the values is a placeholder that no lookup finds.
    null: RwLock<Option<u32>>,
}

#[derive(Debug)]
enum Values {
    Direct(direct::Direct),
    Words(RwLock<Words>),
    Texts(RwLock<texts::Texts>),
}

impl Column {
    fn new(data_type: &DataType, range: Option<Range>) -> Result<Self, ArrowError> {
        let values = match range {
            _ if !takes(data_type) => {
                return Err(ArrowError::InvalidArgumentError(format!("cannot group by {data_type}")));
            }
            Some(range) if words::holds(data_type) => Values::Direct(direct::Direct::new(range)),
            _ if words::holds(data_type) => Values::Words(RwLock::default()),
            _ => Values::Texts(RwLock::default()),
        };
        Ok(Self { data_type: data_type.clone(), values, null: RwLock::default() })
    }

    fn len(&self) -> usize {
        match &self.values {
            Values::Direct(direct) => direct.len(),
            Values::Words(words) => words.read().len(),
            Values::Texts(texts) => texts.read().len(),
        }
    }

    fn find(&self, column: &ArrayRef, numbers: &mut Vec<u32>, room: &mut Room<'_>) -> Result<(), ArrowError> {
        let column = match column.data_type() {
            DataType::Dictionary(_, values) => &cast(column, values)?,
            _ => column,
        };
        let Some(nulls) = column.logical_nulls().filter(|nulls| nulls.null_count() > 0) else {
            return self.find_values(column, numbers, room);
        };
        let rows: UInt32Array = nulls.valid_indices().map(|row| row as u32).collect();
        let mut found = Vec::new();
        self.find_values(&take(column, &rows, None)?, &mut found, room)?;
        let null = self.number_of_null(room)?;
        numbers.clear();
        numbers.resize(column.len(), null);
        for (row, number) in rows.values().iter().zip(found) {
            numbers[*row as usize] = number;
        }
        Ok(())
    }

    fn find_values(&self, column: &ArrayRef, numbers: &mut Vec<u32>, room: &mut Room<'_>) -> Result<(), ArrowError> {
        match &self.values {
            Values::Direct(direct) => direct.find(&words::words(column)?, numbers, room),
            Values::Words(table) => table::find_or_insert(table, &words::words(column)?, numbers, room),
            Values::Texts(texts) => texts::find_or_insert(texts, &texts::views(column)?, numbers, room),
        }
    }

    fn number_of_null(&self, room: &mut Room<'_>) -> Result<u32, ArrowError> {
        if let Some(known) = *self.null.read() {
            return Ok(known);
        }
        let mut null = self.null.write();
        if null.is_none() && room(0) {
            *null = Some(match &self.values {
                Values::Direct(direct) => direct.reserve()?,
                Values::Words(table) => table.write().reserve()?,
                Values::Texts(texts) => texts.write().reserve()?,
            });
        }
        Ok(null.unwrap_or(UNKNOWN))
    }

    fn into_keys(self) -> Result<ArrayRef, ArrowError> {
        let null = self.null.into_inner();
        let nulls = |total: usize| null.map(|null| (0..total).map(|number| number != null as usize).collect::<NullBuffer>());
        let words = match self.values {
            Values::Direct(direct) => direct.into_keys(),
            Values::Words(table) => table.into_inner().into_keys(),
            Values::Texts(texts) => {
                let texts = texts.into_inner();
                return texts::array(&self.data_type, &texts, nulls(texts.len()).as_ref());
            }
        };
        let nulls = nulls(words.len());
        words::array(&self.data_type, words, nulls)
    }
}

fn too_many() -> ArrowError {
    ArrowError::ComputeError(format!("more than {MOST_GROUPS} groups"))
}

#[cfg(test)]
mod tests;
