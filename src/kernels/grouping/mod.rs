//! Which group each row belongs to: keys become numbers counted from 0, in the order in which they are first seen.
//!
//! All threads share one numbering. So what each thread adds up for group 7 belongs together, and joining the threads is adding arrays
//! from front to back; no key is looked up a second time.
//!
//! ```text
//! integers in a narrow range ─▶ Direct: an array, a slot per integer
//! integers                   ─▶ Words:  a hash table of 64-bit keys
//! texts                      ─▶ Texts:  a hash table of Arrow's 128-bit views; longer texts aside
//! two columns                ─▶ each column's numbers, then a table of the pairs
//! ```
//! Every table is read by many threads at once and extended by one. A batch is looked up in whole passes of independent loads, so that the
//! processor waits for many cache lines at the same time instead of for one after another.

mod direct;
mod table;
mod texts;
mod words;

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::buffer::NullBuffer;
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use parking_lot::RwLock;

use table::Table;

/// The number of a row whose key is not known and was not let in.
pub const UNKNOWN: u32 = u32::MAX;

/// The most groups there can be: their tables have up to 2³² slots.
const MOST_GROUPS: usize = 1 << 31;

/// Decides whether a table may take so many bytes more.
pub type Room<'a> = dyn FnMut(usize) -> bool + 'a;

/// The integers of a column, as far as is known before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub least: i64,
    pub greatest: i64,
}

impl Range {
    /// How many integers it has.
    pub fn slots(self) -> usize {
        usize::try_from(self.greatest.abs_diff(self.least)).unwrap_or(usize::MAX - 1) + 1
    }
}

/// The groups of one or two columns.
#[derive(Debug)]
pub struct Groups {
    columns: Vec<Column>,
    /// Pairs of the columns' numbers, if there are two.
    pairs: RwLock<Table<u64>>,
}

impl Groups {
    /// No groups yet. A range makes its column an array instead of a hash table; keys outside are found all the same.
    ///
    /// # Errors
    /// A type that [`takes`] does not take.
    pub fn new(columns: &[(DataType, Option<Range>)]) -> Result<Self, ArrowError> {
        let columns = columns.iter().map(|(data_type, range)| Column::new(data_type, *range)).collect::<Result<_, _>>()?;
        Ok(Self { columns, pairs: RwLock::default() })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self.columns.as_slice() {
            [one] => one.len(),
            _ => self.pairs.read().len(),
        }
    }

    /// Writes the group of each row; a key that is not known becomes a group if there is `room` for it, or else [`UNKNOWN`].
    ///
    /// # Errors
    /// More groups than numbers.
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
        // Room has run out: a pair with a part that has no number is no group yet.
        self.pairs.read().find_each(&pairs, groups);
        Ok(())
    }

    /// The keys of all groups, a column each.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn keys(&self) -> Result<Vec<ArrayRef>, ArrowError> {
        let [first, second] = self.columns.as_slice() else { return Ok(vec![self.columns[0].keys()?]) };
        let pairs = self.pairs.read();
        let part = |column: &Column, part: fn(u64) -> u32| {
            let numbers = UInt32Array::from_iter_values(pairs.keys().iter().map(|pair| part(*pair)));
            take(&column.keys()?, &numbers, None)
        };
        Ok(vec![part(first, |pair| (pair >> 32) as u32)?, part(second, |pair| pair as u32)?])
    }

    /// What each column's keys are looked up in, to show.
    pub fn describe(columns: &[(DataType, Option<Range>)]) -> String {
        let each = columns.iter().map(|(data_type, range)| match range {
            Some(Range { least, greatest }) if words::holds(data_type) => format!("array {least}..={greatest}"),
            _ if words::holds(data_type) => "hash table of integers".into(),
            _ => "hash table of texts".into(),
        });
        each.collect::<Vec<String>>().join(", ")
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
    /// The number of NULL: it takes the place of a value that no row has.
    null: RwLock<Option<u32>>,
}

#[derive(Debug)]
enum Values {
    Direct(direct::Direct),
    Words(RwLock<Table<u64>>),
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

    fn keys(&self) -> Result<ArrayRef, ArrowError> {
        let null = *self.null.read();
        let nulls = |total: usize| null.map(|null| (0..total).map(|number| number != null as usize).collect::<NullBuffer>());
        match &self.values {
            Values::Direct(direct) => {
                let keys = direct.keys();
                words::array(&self.data_type, &keys, nulls(keys.len()))
            }
            Values::Words(table) => {
                let table = table.read();
                words::array(&self.data_type, table.keys(), nulls(table.len()))
            }
            Values::Texts(texts) => {
                let texts = texts.read();
                texts::array(&self.data_type, &texts, nulls(texts.len()).as_ref())
            }
        }
    }
}

fn too_many() -> ArrowError {
    ArrowError::ComputeError(format!("more than {MOST_GROUPS} groups"))
}

#[cfg(test)]
mod tests;
