//! Turns the rows of a refresh into the rows to publish and the rows for the history.
//!
//! A row of the plan has a customer's current and previous values. Each batch becomes one batch of the new state, with the customers that
//! are in the profile, and one batch of the history for each tag that had values close.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, Scalar, StringViewArray, TimestampMicrosecondArray,
    UInt32Array, new_null_array,
};
use datafusion::arrow::compute::kernels::zip::zip;
use datafusion::arrow::compute::{and, cast, filter_record_batch, is_not_null, not, nullif, take};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::common::{Result, ScalarValue, internal_err};

use super::changes::{Before, Closed, Compared, Values, compare, only_true, same_version, versions_beside};
use super::columns::{self, KEY, MOMENT, PRESENT, WAS_THERE};
use super::history::history_schema;
use crate::catalog::snapshots::{ColumnRole, PublishedColumn};
use crate::error::{SqlState, in_rows};

/// A tag to be recorded.
#[derive(Debug, Clone)]
pub struct TagToRecord {
    pub name: String,
    pub version: i64,
    pub multiple: bool,
    pub computed_at: i64,
}

/// An attribute to be recorded.
#[derive(Debug, Clone)]
pub struct AttributeToRecord {
    pub name: String,
    /// The version of the profile when changes of the attribute are kept; 0 otherwise.
    pub version: i64,
}

impl AttributeToRecord {
    /// The attribute as a tag, when its changes are kept in the history.
    pub fn with_history(&self, computed_at: i64) -> Option<TagToRecord> {
        let Self { name, version } = self;
        (*version > 0).then(|| TagToRecord { name: name.clone(), version: *version, multiple: false, computed_at })
    }
}

/// A tag of the previous state that no longer exists: all of its values close.
#[derive(Debug, Clone)]
pub struct DroppedTag {
    pub tag: String,
    /// The name that its columns have in the plan.
    pub column: String,
}

/// Records the batches of a refresh.
#[derive(Debug)]
pub struct Recorder {
    pub profile: String,
    /// The name of the key column.
    pub key: String,
    /// Microseconds since 1970.
    pub as_of: i64,
    pub attributes: Vec<AttributeToRecord>,
    pub tags: Vec<TagToRecord>,
    pub dropped: Vec<DroppedTag>,
    /// Name and version.
    pub segments: Vec<(String, i64)>,
    pub counted: Counted,
}

/// Counts over all batches.
#[derive(Debug, Default, Clone)]
pub struct Counted {
    pub rows: i64,
    pub entered: i64,
    pub left: i64,
    /// Values that opened or closed.
    pub changes: i64,
    /// The number of customers with a value, for each attribute, tag and segment in order.
    filled: Vec<i64>,
}

/// The batches made of one input batch.
pub struct Recorded {
    pub rows: RecordBatch,
    pub closed: Vec<RecordBatch>,
}

/// The columns of the new state being built.
#[derive(Default)]
struct NewColumns {
    columns: Vec<ArrayRef>,
    /// The positions of the columns whose non-NULL values are counted.
    counted: Vec<usize>,
}

impl NewColumns {
    fn add(&mut self, column: ArrayRef) {
        self.columns.push(column);
    }

    fn add_counted(&mut self, column: ArrayRef) {
        self.counted.push(self.columns.len());
        self.columns.push(column);
    }
}

/// The type in which values of this type are stored in files.
pub fn stored(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, values) => stored(values),
        DataType::List(field) => DataType::List(Arc::new(Field::new_list_field(stored(field.data_type()), true))),
        data_type if data_type.is_string() => DataType::Utf8View,
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        other => other.clone(),
    }
}

/// True for types that store the same values; a file may have another form of text.
pub fn is_same_type(one: &DataType, other: &DataType) -> bool {
    one == other || one.is_string() && other.is_string()
}

impl Recorder {
    /// The columns to publish, once all batches are recorded.
    pub fn columns(&self) -> Vec<PublishedColumn> {
        let column = |role, name: &str, version, filled, computed_at| PublishedColumn {
            role,
            name: name.to_string(),
            version,
            filled,
            computed_at,
        };
        let mut filled = self.counted.filled.iter().copied();
        let mut next = || filled.next().unwrap_or(0);
        let mut columns = vec![column(ColumnRole::Key, &self.key, 0, self.counted.rows, self.as_of)];
        let attributes = self.attributes.iter();
        columns.extend(
            attributes
                .map(|AttributeToRecord { name, version }| column(ColumnRole::Attribute, name, *version, next(), self.as_of)),
        );
        for tag in &self.tags {
            let role = if tag.multiple { ColumnRole::Tags } else { ColumnRole::Tag };
            columns.push(column(role, &tag.name, tag.version, next(), tag.computed_at));
        }
        columns
            .extend(self.segments.iter().map(|(name, version)| column(ColumnRole::Segment, name, *version, next(), self.as_of)));
        columns
    }

    /// The schema of the rows to publish.
    ///
    /// # Errors
    /// Internal errors only.
    pub fn schema(&self, plan: &Schema) -> Result<SchemaRef> {
        let field = |column: &str, nullable| -> Result<Field> {
            Ok(Field::new(column, stored(plan.field_with_name(column)?.data_type()), nullable))
        };
        let mut fields = vec![field(KEY, false)?];
        for AttributeToRecord { name, version } in &self.attributes {
            fields.push(field(&columns::value(name), true)?);
            if *version > 0 {
                fields.push(Field::new(columns::since(name), MOMENT, true));
                fields.push(Field::new(columns::version(name), DataType::Int64, true));
            }
        }
        for tag in &self.tags {
            let list = |item: DataType| DataType::List(Arc::new(Field::new_list_field(item, true)));
            let (moment, number) = if tag.multiple { (list(MOMENT), list(DataType::Int64)) } else { (MOMENT, DataType::Int64) };
            fields.push(field(&columns::value(&tag.name), true)?);
            fields.push(Field::new(columns::since(&tag.name), moment, true));
            fields.push(Field::new(columns::version(&tag.name), number, true));
        }
        fields.extend(self.segments.iter().map(|(name, _)| Field::new(columns::segment(name), MOMENT, true)));
        Ok(Arc::new(Schema::new(fields)))
    }

    /// Compares a batch of the plan with the previous state.
    ///
    /// # Errors
    /// A tag without `multiple` has two values for one customer.
    pub fn record(&mut self, batch: &RecordBatch, schema: &SchemaRef) -> Result<Recorded> {
        let key = required(batch, KEY)?;
        let present = required(batch, PRESENT)?.as_boolean().clone();
        let mut new = NewColumns::default();
        new.add(Arc::clone(&key));
        let mut closed = vec![];
        let mut changes = 0;
        for attribute in &self.attributes {
            let Some(kept) = attribute.with_history(self.as_of) else {
                let value = required(batch, &columns::value(&attribute.name))?;
                new.add_counted(cast(&value, &stored(value.data_type()))?);
                continue;
            };
            let compared = self.compare(&kept, batch, &present)?;
            new.add_counted(compared.value);
            new.add(compared.since);
            new.add(compared.version);
            changes += compared.opened;
            closed.extend(compared.closed.map(|closed| (attribute.name.as_str(), closed)));
        }
        for tag in &self.tags {
            self.refuse_second_value(tag, batch, &key)?;
            let compared = self.compare(tag, batch, &present)?;
            new.add_counted(compared.value);
            new.add(compared.since);
            new.add(compared.version);
            changes += compared.opened;
            closed.extend(compared.closed.map(|closed| (tag.name.as_str(), closed)));
        }
        for DroppedTag { tag, column } in &self.dropped {
            if let Some(before) = before_of(batch, column)? {
                closed.push((tag.as_str(), before.all_closed()?));
            }
        }
        for (name, _) in &self.segments {
            new.add_counted(self.member_since(name, batch, &present)?);
        }
        let mut history = vec![];
        for (tag, closed) in closed {
            changes += closed.rows.len();
            history.extend(self.history(tag, closed, &key)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let all = RecordBatch::try_new_with_options(Arc::clone(schema), new.columns, &options)?;
        let rows = filter_record_batch(&all, &present)?;
        self.count(&rows, &new.counted, batch, &present, changes);
        Ok(Recorded { rows, closed: history })
    }

    fn count(&mut self, rows: &RecordBatch, filled: &[usize], batch: &RecordBatch, present: &BooleanArray, changes: usize) {
        let counted = &mut self.counted;
        counted.filled.resize(filled.len(), 0);
        for (total, column) in counted.filled.iter_mut().zip(filled) {
            let column = rows.column(*column);
            *total += count(column.len() - column.null_count());
        }
        counted.rows += count(rows.num_rows());
        counted.changes += count(changes);
        let was_there = match batch.column_by_name(WAS_THERE) {
            Some(column) => only_true(column.as_boolean()),
            None => BooleanArray::from(vec![false; batch.num_rows()]),
        };
        for (is, was) in present.values().iter().zip(was_there.values().iter()) {
            counted.entered += i64::from(is && !was);
            counted.left += i64::from(was && !is);
        }
    }

    fn refuse_second_value(&self, tag: &TagToRecord, batch: &RecordBatch, key: &ArrayRef) -> Result<()> {
        let name = columns::value(&tag.name);
        let Some(other) = batch.column_by_name(&columns::second(&name)) else { return Ok(()) };
        let Some(row) = (0..other.len()).find(|row| other.is_valid(*row)) else { return Ok(()) };
        let value = required(batch, &name)?;
        let text = |array: &ArrayRef| ScalarValue::try_from_array(array, row).map(|value| value.to_string());
        Err(in_rows(
            SqlState::CARDINALITY_VIOLATION,
            &format!("tag {}", tag.name),
            "a customer has two values, but a tag has only one per customer unless it is created WITH (multiple = true)",
            format!(
                "{} {} of profile {} has two values, \"{}\" and \"{}\"; a tag has only one, unless it is created WITH (multiple = true)",
                self.key,
                text(key)?,
                self.profile,
                text(&value)?,
                text(other)?
            ),
        ))
    }

    fn compare(&self, tag: &TagToRecord, batch: &RecordBatch, present: &BooleanArray) -> Result<Compared> {
        // Kept values are read for customers that have left, too.
        let left = not(present)?;
        let value = required(batch, &columns::value(&tag.name))?;
        let value = nullif(&cast(&value, &stored(value.data_type()))?, &left)?;
        let values = Values::of(&value, tag.multiple)?;
        let versions = match batch.column_by_name(&columns::kept_version(&tag.name)) {
            Some(kept) => versions_beside(&nullif(kept, &left)?, tag.multiple)?,
            None => same_version(&values, tag.version),
        };
        let before = before_of(batch, &tag.name)?;
        compare(&values, &versions, self.as_of, before.as_ref())
    }

    /// Since when customers are in a segment; NULL for non-members.
    fn member_since(&self, segment: &str, batch: &RecordBatch, present: &BooleanArray) -> Result<ArrayRef> {
        let holds = cast(&required(batch, &columns::segment(segment))?, &DataType::Boolean)?;
        let holds = and(&only_true(holds.as_boolean()), present)?;
        let was_in = match batch.column_by_name(&columns::was_in(segment)) {
            Some(column) => Arc::clone(column),
            None => new_null_array(&MOMENT, batch.num_rows()),
        };
        let now = Scalar::new(TimestampMicrosecondArray::from_value(self.as_of, 1));
        let since = zip(&is_not_null(&was_in)?, &was_in, &now)?;
        Ok(nullif(&since, &not(&holds)?)?)
    }

    /// The history rows for closed values.
    fn history(&self, tag: &str, closed: Closed, key: &ArrayRef) -> Result<Option<RecordBatch>> {
        let rows = closed.rows.len();
        if rows == 0 {
            return Ok(None);
        }
        let columns: Vec<ArrayRef> = vec![
            take(key, &UInt32Array::from(closed.rows), None)?,
            Arc::new(StringViewArray::from_iter_values(std::iter::repeat_n(tag, rows))),
            cast(&closed.values, &DataType::Utf8View)?,
            closed.since,
            Arc::new(TimestampMicrosecondArray::from_value(self.as_of, rows)),
            closed.version,
        ];
        Ok(Some(RecordBatch::try_new(history_schema(key.data_type()), columns)?))
    }
}

/// The previous values of the tag whose columns have this name; `None` when the previous state lacks it. The tag may have had several
/// values then and have one now, or the other way round: only lists hold several.
fn before_of(batch: &RecordBatch, name: &str) -> Result<Option<Before>> {
    let Some(was) = batch.column_by_name(&columns::was(name)) else { return Ok(None) };
    let (since, version) = (required(batch, &columns::since(name))?, required(batch, &columns::version(name))?);
    Before::of(was, &since, &version, matches!(was.data_type(), DataType::List(_))).map(Some)
}

fn required(batch: &RecordBatch, name: &str) -> Result<ArrayRef> {
    match batch.column_by_name(name) {
        Some(column) => Ok(Arc::clone(column)),
        None => internal_err!("the refresh has no column {name}"),
    }
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
