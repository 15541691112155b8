//! Rewrites files without certain rows, in every snapshot that refers to them.
//!
//! A statement's changes appear in the newest snapshot only; earlier ones stay as they are. Here, rows are removed from all snapshots: each
//! file with such rows is rewritten without them, in the same order and with the same columns, and replaces the old file everywhere it is
//! referred to ([`super::erasure`]). The values of other rows do not change, except those that refer to what goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::kernels::cmp::{eq, lt};
use datafusion::arrow::compute::{cast, filter_record_batch, not, nullif, or, prep_null_mask_filter};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::memory_pool::MemoryReservation;

use super::Catalog;
use super::compaction::{batches, columns};
use super::data::{DataFile, Pinned, Written};
use super::key_sets::KeySet;
use super::output::Output;
use super::snapshots::{Part, SnapshotOf};
use super::state_columns;

/// Which rows are removed.
#[derive(Debug, Clone)]
pub enum Rule {
    /// Rows with one of these values in one of these columns.
    Values { columns: Vec<String>, values: Vec<ScalarValue> },
    /// Rows with a time before this one, in microseconds since 1970.
    Before { column: String, at: i64 },
    /// None: where one of these columns has one of these values, it becomes NULL. `in_others` says that the rows are those of other persons.
    Empties { columns: Vec<String>, values: Vec<ScalarValue>, in_others: bool },
    /// Rows whose columns have, by position, one of these keys: removed, or emptied of it.
    Refers { columns: Vec<String>, keys: Arc<KeySet>, empties: bool },
}

/// A rewritten file.
pub struct Rewritten {
    pub of: SnapshotOf,
    pub name: String,
    pub old: DataFile,
    pub new: Written,
    /// The number of removed rows.
    pub rows: i64,
    /// The removed values per column of a profile's state: of attributes and tags, and of segments.
    pub filled: Filled,
    /// The texts in the removed rows, by column; none for history files.
    pub texts: BTreeSet<(String, String)>,
}

/// The number of non-NULL values, by whether the column is a segment and by name.
pub type Filled = BTreeMap<(bool, String), i64>;

impl Rule {
    /// The columns that the rule compares.
    pub fn columns(&self) -> &[String] {
        match self {
            Self::Values { columns, .. } | Self::Empties { columns, .. } | Self::Refers { columns, .. } => columns,
            Self::Before { column, .. } => std::slice::from_ref(column),
        }
    }

    /// True for a rule that removes rows.
    pub fn removes(&self) -> bool {
        match self {
            Self::Values { .. } | Self::Before { .. } => true,
            Self::Empties { .. } => false,
            Self::Refers { empties, .. } => !empties,
        }
    }

    /// True for a rule about rows of the person, whether they are removed or not.
    fn is_of_person(&self) -> bool {
        match self {
            Self::Values { .. } | Self::Before { .. } | Self::Refers { .. } => true,
            Self::Empties { in_others, .. } => !in_others,
        }
    }

    /// For each row of a batch, whether one of the columns has one of the values.
    fn is_met(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        if let Self::Refers { columns, keys, .. } = self {
            return keys.is_in(batch, columns);
        }
        let mut is_met = BooleanArray::from(vec![false; batch.num_rows()]);
        for name in self.columns() {
            let Some(column) = batch.column_by_name(name) else { continue };
            is_met = or(&is_met, &self.is_in(column)?)?;
        }
        Ok(is_met)
    }

    fn is_in(&self, column: &ArrayRef) -> Result<BooleanArray> {
        let none = BooleanArray::from(vec![false; column.len()]);
        let values = self.values_as(column.data_type());
        values.iter().try_fold(none, |all, value| Ok(or(&all, &self.is(column, value)?)?))
    }

    /// The values that a column of this type is compared with.
    fn values_as(&self, data_type: &DataType) -> Vec<ScalarValue> {
        match self {
            Self::Values { values, .. } | Self::Empties { values, .. } => {
                values.iter().filter_map(|value| as_type(value, data_type)).collect()
            }
            Self::Before { at, .. } => time_as(*at, data_type).into_iter().collect(),
            // Whole keys are compared.
            Self::Refers { .. } => vec![],
        }
    }

    fn is(&self, column: &ArrayRef, value: &ScalarValue) -> Result<BooleanArray> {
        let plain = cast(column, &value.data_type())?;
        let value = value.to_scalar()?;
        let is = match self {
            Self::Values { .. } | Self::Empties { .. } | Self::Refers { .. } => eq(&plain, &value)?,
            Self::Before { .. } => lt(&plain, &value)?,
        };
        Ok(if is.null_count() > 0 { prep_null_mask_filter(&is) } else { is })
    }
}

/// A key converted to the type of a column; `None` when no value of that type equals the key.
pub fn as_type(key: &ScalarValue, data_type: &DataType) -> Option<ScalarValue> {
    let plain = match data_type {
        DataType::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    if !(plain.is_integer() || plain.is_floating() || plain.is_decimal() || plain.is_string()) {
        return None;
    }
    let there = key.cast_to(plain).ok().filter(|there| !there.is_null())?;
    // Convert back to compare: the text `007` must not match the number 7.
    (there.cast_to(&key.data_type()).ok().as_ref() == Some(key)).then_some(there)
}

/// A time converted to the type of a column.
fn time_as(at: i64, data_type: &DataType) -> Option<ScalarValue> {
    match data_type {
        DataType::Timestamp(_, zone) => ScalarValue::TimestampMicrosecond(Some(at), zone.clone()).cast_to(data_type).ok(),
        DataType::Date32 | DataType::Date64 => {
            let day = ScalarValue::Date32(i32::try_from(at.div_euclid(86_400_000_000)).ok());
            day.cast_to(data_type).ok().filter(|day| !day.is_null())
        }
        _ => None,
    }
}

/// True for types that a time can be compared with.
pub fn is_time(data_type: &DataType) -> bool {
    time_as(0, data_type).is_some()
}

/// For each row of a batch, whether any of the rules is met.
///
/// # Errors
/// A column cannot be compared.
pub fn are_met<'a>(batch: &RecordBatch, rules: impl IntoIterator<Item = &'a Rule>) -> Result<BooleanArray> {
    let none = BooleanArray::from(vec![false; batch.num_rows()]);
    rules.into_iter().try_fold(none, |all, rule| Ok(or(&all, &rule.is_met(batch)?)?))
}

/// The columns of a file after rules have emptied some of them, which may have been NOT NULL when the file was written.
fn with_nulls(schema: &SchemaRef, rules: &[&Rule]) -> SchemaRef {
    let is_emptied = |field: &Field| rules.iter().any(|rule| rule.columns().contains(field.name()));
    if schema.fields().iter().all(|field| field.is_nullable() || !is_emptied(field)) {
        return Arc::clone(schema);
    }
    let fields = schema.fields().iter().map(|field| Field::clone(field).with_nullable(field.is_nullable() || is_emptied(field)));
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()))
}

/// The rows of a batch, with NULL where these rules are met.
fn emptied(batch: &RecordBatch, rules: &[&Rule], schema: &SchemaRef) -> Result<RecordBatch> {
    let mut columns = batch.columns().to_vec();
    for rule in rules {
        if let Rule::Refers { .. } = rule {
            let is_met = rule.is_met(batch)?;
            for (field, column) in batch.schema().fields().iter().zip(&mut columns) {
                if rule.columns().contains(field.name()) {
                    *column = nullif(column, &is_met)?;
                }
            }
            continue;
        }
        for (field, column) in batch.schema().fields().iter().zip(&mut columns) {
            if rule.columns().contains(field.name()) {
                *column = nullif(column, &rule.is_in(column)?)?;
            }
        }
    }
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// The positions of the columns that rules compare.
pub fn looked_at(schema: &Schema, rules: &[Rule]) -> Vec<usize> {
    let is_named = |name: &String| rules.iter().any(|rule| rule.columns().contains(name));
    let fields = schema.fields().iter().enumerate();
    fields.filter(|(_, field)| is_named(field.name())).map(|(place, _)| place).collect()
}

/// The rows of a file that the rules match, and that belong to the person.
///
/// # Errors
/// The file cannot be read, or has changed.
pub fn rows_of(file: &Pinned, rules: &[Rule]) -> Result<Vec<RecordBatch>> {
    let mut found = vec![];
    if looked_at(&file.schema, rules).is_empty() {
        return Ok(found);
    }
    for batch in batches(file)? {
        let batch = batch?;
        let own = rules.iter().filter(|rule| rule.is_of_person());
        let meant = filter_record_batch(&batch, &are_met(&batch, own)?)?;
        if meant.num_rows() > 0 {
            found.push(meant);
        }
    }
    Ok(found)
}

/// Whether a file has a row that one of the rules is about.
///
/// # Errors
/// The file cannot be read, or has changed.
pub fn is_met_in(file: &Pinned, rules: &[Rule]) -> Result<bool> {
    let looked_at = looked_at(&file.schema, rules);
    if looked_at.is_empty() {
        return Ok(false);
    }
    for batch in columns(file, &looked_at)? {
        if are_met(&batch?, rules)?.true_count() > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Catalog {
    /// Rewrites a file without the rows that the rules match, and with NULL where they say so; `None` when there are none.
    ///
    /// # Errors
    /// The file is damaged, the disk is full or fails, or memory runs out.
    pub async fn without_rows(
        &self,
        (of, name): (SnapshotOf, &str),
        (part, file): (Part, &DataFile),
        rules: &[Rule],
        memory: &MemoryReservation,
    ) -> Result<Option<Rewritten>> {
        if file.rows == 0 {
            return Ok(None);
        }
        let pinned = self.data.pin(file)?;
        let looked_at = looked_at(&pinned.schema, rules);
        if looked_at.is_empty() {
            return Ok(None);
        }
        // The file is read into memory as a whole.
        memory.try_resize(usize::try_from(pinned.bytes).unwrap_or(usize::MAX))?;
        let mut is_there = false;
        for batch in columns(&pinned, &looked_at)? {
            is_there = are_met(&batch?, rules)?.true_count() > 0;
            if is_there {
                break;
            }
            // A point at which the statement can be cancelled.
            tokio::task::consume_budget().await;
        }
        if !is_there {
            return Ok(None);
        }
        let is_state = of == SnapshotOf::Profile && part == Part::Rows;
        let (removing, emptying): (Vec<&Rule>, Vec<&Rule>) = rules.iter().partition(|rule| rule.removes());
        let schema = with_nulls(&pinned.schema, &emptying);
        let mut output = Output::new(self, &schema, is_state.then_some(0), memory)?;
        let (mut rows, mut filled, mut texts) = (0, Filled::new(), BTreeSet::new());
        for batch in batches(&pinned)? {
            let batch = RecordBatch::try_new(pinned.schema.clone(), batch?.columns().to_vec())?;
            let goes = are_met(&batch, removing.iter().copied())?;
            rows += i64::try_from(goes.true_count()).unwrap_or(0);
            if goes.true_count() > 0 {
                let gone = filter_record_batch(&batch, &goes)?;
                if is_state {
                    count_filled(&mut filled, &gone);
                }
                if part == Part::Rows {
                    add_texts(&mut texts, &gone)?;
                }
            }
            output.write(&emptied(&filter_record_batch(&batch, &not(&goes)?)?, &emptying, &schema)?)?;
            tokio::task::consume_budget().await;
        }
        memory.free();
        let new = output.finish()?;
        Ok(Some(Rewritten { of, name: name.into(), old: file.clone(), new, rows, filled, texts }))
    }
}

/// A text column as strings; `None` for other types.
fn texts_of(column: &ArrayRef) -> Result<Option<ArrayRef>> {
    let is_text = match column.data_type() {
        DataType::Dictionary(_, values) => values.is_string(),
        other => other.is_string(),
    };
    Ok(if is_text { Some(cast(column, &DataType::Utf8)?) } else { None })
}

fn add_texts(texts: &mut BTreeSet<(String, String)>, batch: &RecordBatch) -> Result<()> {
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if let Some(column) = texts_of(column)? {
            texts.extend(column.as_string::<i32>().iter().flatten().map(|text| (field.name().clone(), text.to_string())));
        }
    }
    Ok(())
}

/// Removes the texts that occur in a file from a set.
///
/// # Errors
/// The file cannot be read, or has changed.
pub fn without_texts_of(file: &Pinned, texts: &mut BTreeSet<(String, String)>) -> Result<()> {
    let is_wanted = |name: &String| texts.iter().any(|(column, _)| column == name);
    let fields = file.schema.fields().iter().enumerate();
    let places: Vec<usize> = fields.filter(|(_, field)| is_wanted(field.name())).map(|(place, _)| place).collect();
    if places.is_empty() {
        return Ok(());
    }
    for batch in columns(file, &places)? {
        let batch = batch?;
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            if let Some(column) = texts_of(column)? {
                let column = column.as_string::<i32>();
                texts.retain(|(name, text)| name != field.name() || !column.iter().flatten().any(|other| other == text));
            }
        }
    }
    Ok(())
}

/// Counts the non-NULL values per column of a profile's state.
fn count_filled(filled: &mut Filled, batch: &RecordBatch) {
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let value = field.name().strip_prefix(&state_columns::value("")).map(|name| (false, name));
        let segment = || field.name().strip_prefix(&state_columns::segment("")).map(|name| (true, name));
        if let Some((is_segment, name)) = value.or_else(segment) {
            let values = i64::try_from(column.len() - column.logical_null_count()).unwrap_or(0);
            *filled.entry((is_segment, name.to_string())).or_default() += values;
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int32Array, Int64Array, StringArray, StringDictionaryBuilder};
    use datafusion::arrow::datatypes::{Int32Type, TimeUnit};

    use super::*;

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        let fields = columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        RecordBatch::try_new(schema, columns.into_iter().map(|(_, column)| column).collect()).unwrap()
    }

    fn found(batch: &RecordBatch, key: ScalarValue) -> Vec<bool> {
        let columns = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        let goes = are_met(batch, &[Rule::Values { columns, values: vec![key] }]).unwrap();
        assert_eq!(goes.null_count(), 0);
        goes.iter().flatten().collect()
    }

    #[test]
    fn a_key_is_found_in_columns_of_other_types_that_can_hold_it() {
        let numbers = batch(vec![("n", Arc::new(Int64Array::from(vec![Some(7), None, Some(8)])))]);
        let texts = batch(vec![("t", Arc::new(StringArray::from(vec![Some("7"), Some("007"), None])))]);
        let mut words = StringDictionaryBuilder::<Int32Type>::new();
        ["7", "8", "7"].iter().for_each(|word| words.append_value(word));
        let words = batch(vec![("d", Arc::new(words.finish()))]);
        let (number, text) = (ScalarValue::Int64(Some(7)), |text: &str| ScalarValue::Utf8View(Some(text.into())));
        assert_eq!(found(&numbers, number.clone()), [true, false, false]);
        assert_eq!(found(&numbers, text("7")), [true, false, false]);
        assert_eq!(found(&numbers, text("007")), [false; 3]);
        assert_eq!(found(&numbers, text("C7")), [false; 3]);
        assert_eq!(found(&texts, number.clone()), [true, false, false]);
        assert_eq!(found(&texts, text("007")), [false, true, false]);
        assert_eq!(found(&words, number), [true, false, true]);
        assert_eq!(found(&batch(vec![("b", Arc::new(BooleanArray::from(vec![true])))]), ScalarValue::Int64(Some(1))), [false]);
    }

    #[test]
    fn rows_before_a_time_go() {
        let day = 86_400_000_000;
        let seconds =
            cast(&Int64Array::from(vec![Some(86_399), Some(86_400), None]), &DataType::Timestamp(TimeUnit::Second, None));
        let days = cast(&Int32Array::from(vec![0, 1, 2]), &DataType::Date32).unwrap();
        let batch = batch(vec![("at", seconds.unwrap()), ("day", days)]);
        let before = |column: &str, at| {
            let goes = are_met(&batch, &[Rule::Before { column: column.into(), at }]).unwrap();
            goes.iter().flatten().collect::<Vec<_>>()
        };
        assert_eq!(before("at", day), [true, false, false]);
        assert_eq!(before("day", 2 * day - 1), [true, false, false]);
        assert_eq!(before("day", 2 * day), [true, true, false]);
        assert!(is_time(&DataType::Date32) && !is_time(&DataType::Int64));
    }
}
