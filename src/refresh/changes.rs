//! What changed since the refresh before: the rows to publish, and the values that are no more.
//!
//! | before | now | rows of the history |
//! |---|---|---|
//! | – | `a` | `a` opens at the time of the refresh |
//! | `a` | `a` | nothing: `a` keeps its beginning and the version of the tag that gave it |
//! | `a` | `b`, or `a` under a new name | `a` closes, `b` opens |
//! | `a` | NULL, or no row of the customer | `a` closes |
//! | `a` | the customer left the profile, or the tag was dropped | `a` closes |
//! | several values | several values | each value of a tag with `multiple` opens and closes by itself |

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, RecordBatch, RecordBatchOptions, Scalar, StringViewArray,
    TimestampMicrosecondArray, UInt32Array, new_null_array,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::kernels::cmp::not_distinct;
use datafusion::arrow::compute::kernels::zip::zip;
use datafusion::arrow::compute::{and, cast, filter, filter_record_batch, is_not_null, not, nullif, take};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, ScalarValue};

use super::align::PRESENT;
use super::combine::{KEY, conflict_of};
use crate::catalog::snapshots::{ColumnRole, PublishedColumn};
use crate::error::failed;

/// Beginnings and ends.
pub const MOMENT: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// The columns of the plan of a refresh, and of the files it makes, by what they belong to.
pub mod names {
    /// An attribute or tag as computed now.
    pub fn value(name: &str) -> String {
        format!("value:{name}")
    }
    /// The version of the definition that gave a value which was not computed anew.
    pub fn kept_version(name: &str) -> String {
        format!("kept_version:{name}")
    }
    /// A tag before.
    pub fn was(name: &str) -> String {
        format!("was:{name}")
    }
    /// Since when a value holds; in the files, and before.
    pub fn since(name: &str) -> String {
        format!("since:{name}")
    }
    /// The version of the definition that gave a value; in the files, and before.
    pub fn version(name: &str) -> String {
        format!("version:{name}")
    }
    /// Whether a segment's condition holds now; in the files, since when.
    pub fn segment(name: &str) -> String {
        format!("segment:{name}")
    }
    /// Since when a customer was in a segment before.
    pub fn was_in(name: &str) -> String {
        format!("was_in:{name}")
    }
}

/// A tag to be recorded.
#[derive(Debug, Clone)]
pub struct TagToRecord {
    pub name: String,
    pub version: i64,
    pub multiple: bool,
    pub computed_at: i64,
}

/// A tag of the state before that is no more.
#[derive(Debug, Clone)]
pub struct Dropped {
    pub tag: String,
    /// The name its columns go by.
    pub column: String,
    pub multiple: bool,
}

/// What is recorded of each batch.
#[derive(Debug)]
pub struct Recorder {
    pub profile: String,
    pub key: String,
    /// Microseconds since 1970.
    pub as_of: i64,
    pub attributes: Vec<String>,
    pub tags: Vec<TagToRecord>,
    /// Tags of the state before that are no more.
    pub dropped: Vec<Dropped>,
    /// Name and version.
    pub segments: Vec<(String, i64)>,
    pub counted: Counted,
}

/// What was counted on the way.
#[derive(Debug, Default, Clone)]
pub struct Counted {
    pub rows: i64,
    pub entered: i64,
    pub left: i64,
    /// Values that opened or closed.
    pub changes: i64,
    filled: Vec<i64>,
}

/// The batches that one batch becomes.
pub struct Recorded {
    pub rows: RecordBatch,
    pub closed: Vec<RecordBatch>,
}

/// How values of this type are kept in files.
pub fn stored(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, values) => stored(values),
        DataType::List(field) => DataType::List(Arc::new(Field::new_list_field(stored(field.data_type()), true))),
        data_type if data_type.is_string() => DataType::Utf8View,
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        other => other.clone(),
    }
}

/// The schema of the history's files.
pub fn history_schema(key_type: &DataType) -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new(KEY, key_type.clone(), false),
        Field::new("tag", DataType::Utf8View, false),
        Field::new("value", DataType::Utf8View, false),
        Field::new("valid_from", MOMENT, false),
        Field::new("valid_to", MOMENT, true),
        Field::new("tag_version", DataType::Int64, false),
    ]))
}

/// A tag's values of one batch: now, and what was opened and closed.
struct Compared {
    value: ArrayRef,
    since: ArrayRef,
    version: ArrayRef,
    closed: Option<Closed>,
    opened: usize,
}

/// Values that are no more: the rows of the batch they are of, and what they were.
struct Closed {
    rows: Vec<u32>,
    values: ArrayRef,
    since: ArrayRef,
    version: ArrayRef,
}

impl Recorder {
    /// The columns to publish, after all batches.
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
        columns.extend(self.attributes.iter().map(|name| column(ColumnRole::Attribute, name, 0, next(), self.as_of)));
        for tag in &self.tags {
            let role = if tag.multiple { ColumnRole::Tags } else { ColumnRole::Tag };
            columns.push(column(role, &tag.name, tag.version, next(), tag.computed_at));
        }
        columns
            .extend(self.segments.iter().map(|(name, version)| column(ColumnRole::Segment, name, *version, next(), self.as_of)));
        columns
    }

    /// The schema of the rows.
    pub fn schema(&self, plan: &Schema) -> Result<SchemaRef> {
        let field = |name: &str, column: String, nullable| -> Result<Field> {
            Ok(Field::new(name, stored(plan.field_with_name(&column)?.data_type()), nullable))
        };
        let mut fields = vec![field(KEY, KEY.to_string(), false)?];
        for name in &self.attributes {
            fields.push(field(&names::value(name), names::value(name), true)?);
        }
        for tag in &self.tags {
            let list = |item: DataType| DataType::List(Arc::new(Field::new_list_field(item, true)));
            let (moment, number) = if tag.multiple { (list(MOMENT), list(DataType::Int64)) } else { (MOMENT, DataType::Int64) };
            fields.push(field(&names::value(&tag.name), names::value(&tag.name), true)?);
            fields.push(Field::new(names::since(&tag.name), moment, true));
            fields.push(Field::new(names::version(&tag.name), number, true));
        }
        fields.extend(self.segments.iter().map(|(name, _)| Field::new(names::segment(name), MOMENT, true)));
        Ok(Arc::new(Schema::new(fields)))
    }

    /// Compares a batch of the plan with what was before.
    ///
    /// # Errors
    /// A tag without `multiple` has two values of one customer.
    pub fn record(&mut self, batch: &RecordBatch, schema: &SchemaRef) -> Result<Recorded> {
        let key = required(batch, KEY)?;
        let present = required(batch, PRESENT)?.as_boolean().clone();
        let key_type = key.data_type().clone();
        let mut columns: Vec<ArrayRef> = vec![Arc::clone(&key)];
        let mut counts = vec![];
        for name in &self.attributes {
            let value = required(batch, &names::value(name))?;
            columns.push(cast(&value, &stored(value.data_type()))?);
            counts.push(columns.len() - 1);
        }
        let mut closed = vec![];
        let mut changes = 0;
        let was_there = self.was_there(batch)?;
        for tag in &self.tags {
            self.refuse_second_value(tag, batch, &key)?;
            let compared = self.compare(tag, batch, &present)?;
            counts.push(columns.len());
            columns.extend([compared.value, compared.since, compared.version]);
            changes += compared.opened;
            closed.extend(compared.closed.map(|closed| (tag.name.as_str(), closed)));
        }
        for Dropped { tag, column: name, multiple } in &self.dropped {
            let was = required(batch, &names::was(name))?;
            let (since, version) = (required(batch, &names::since(name))?, required(batch, &names::version(name))?);
            let gone = if *multiple {
                close_all_of_lists(&was, &since, &version)?
            } else {
                close(&is_not_null(&was)?, &was, &since, &version)?
            };
            closed.push((tag.as_str(), gone));
        }
        let now = Scalar::new(TimestampMicrosecondArray::from_value(self.as_of, 1));
        for (name, _) in &self.segments {
            let holds = required(batch, &names::segment(name))?;
            let holds = cast(&holds, &DataType::Boolean)?;
            let holds = and(&only_true(holds.as_boolean()), &present)?;
            let was_in = optional(batch, &names::was_in(name), &MOMENT);
            let known = is_not_null(&was_in)?;
            let since = zip(&known, &was_in, &now)?;
            counts.push(columns.len());
            columns.push(nullif(&since, &not(&holds)?)?);
        }
        let mut batches = vec![];
        for (tag, gone) in closed {
            changes += gone.rows.len();
            batches.extend(self.history(tag, gone, &key, &key_type)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let all = RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options);
        let rows = filter_record_batch(&all?, &present)?;
        self.count(&rows, &counts, &present, &was_there, changes);
        Ok(Recorded { rows, closed: batches })
    }

    fn count(&mut self, rows: &RecordBatch, counts: &[usize], present: &BooleanArray, was_there: &BooleanArray, changes: usize) {
        let counted = &mut self.counted;
        counted.filled.resize(counts.len(), 0);
        for (filled, column) in counted.filled.iter_mut().zip(counts) {
            let column = rows.column(*column);
            *filled += count(column.len() - column.null_count());
        }
        counted.rows += count(rows.num_rows());
        counted.changes += count(changes);
        for (is, was) in present.values().iter().zip(was_there.values().iter()) {
            counted.entered += i64::from(is && !was);
            counted.left += i64::from(was && !is);
        }
    }

    /// Whether a customer was in the profile before: the state before leads a row of its own for each.
    fn was_there(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        match batch.column_by_name(WAS_THERE) {
            Some(column) => Ok(only_true(column.as_boolean())),
            None => Ok(BooleanArray::from(vec![false; batch.num_rows()])),
        }
    }

    fn refuse_second_value(&self, tag: &TagToRecord, batch: &RecordBatch, key: &ArrayRef) -> Result<()> {
        let Some(other) = batch.column_by_name(&conflict_of(&names::value(&tag.name))) else { return Ok(()) };
        let Some(row) = (0..other.len()).find(|row| other.is_valid(*row)) else { return Ok(()) };
        let value = required(batch, &names::value(&tag.name))?;
        let text = |array: &ArrayRef| ScalarValue::try_from_array(array, row).map(|value| value.to_string());
        Err(failed(
            &format!("tag {}", tag.name),
            format!(
                "{} {} of profile {} has two values, \"{}\" and \"{}\"; a tag has one, unless it is made WITH (multiple = true)",
                self.key,
                text(key)?,
                self.profile,
                text(&value)?,
                text(other)?
            ),
        ))
    }

    fn compare(&self, tag: &TagToRecord, batch: &RecordBatch, present: &BooleanArray) -> Result<Compared> {
        let value = required(batch, &names::value(&tag.name))?;
        let value = cast(&value, &stored(value.data_type()))?;
        let value = nullif(&value, &not(present)?)?;
        let rows = batch.num_rows();
        let version: ArrayRef = match batch.column_by_name(&names::kept_version(&tag.name)) {
            Some(kept) => Arc::clone(kept),
            None => Arc::new(Int64Array::from_value(tag.version, rows)),
        };
        let was = batch.column_by_name(&names::was(&tag.name)).cloned();
        if tag.multiple {
            return self.compare_lists(&value, was.as_ref(), batch, &tag.name, tag.version);
        }
        let is_value = is_not_null(&value)?;
        let now: ArrayRef = Arc::new(TimestampMicrosecondArray::from_value(self.as_of, rows));
        let Some(was) = was else {
            let since = nullif(&now, &not(&is_value)?)?;
            let version = nullif(&version, &not(&is_value)?)?;
            return Ok(Compared { opened: is_value.true_count(), value, since, version, closed: None });
        };
        let (since, was_version) = (required(batch, &names::since(&tag.name))?, required(batch, &names::version(&tag.name))?);
        let same = match was.data_type() == value.data_type() {
            true => not_distinct(&value, &was)?,
            // The type changed with the definition: the same text is the same value.
            false => not_distinct(&cast(&value, &DataType::Utf8View)?, &cast(&was, &DataType::Utf8View)?)?,
        };
        let gone = and(&is_not_null(&was)?, &not(&same)?)?;
        let closed = close(&gone, &was, &since, &was_version)?;
        let opened = and(&is_value, &not(&same)?)?.true_count();
        let since = nullif(&zip(&same, &since, &now)?, &not(&is_value)?)?;
        let version = nullif(&zip(&same, &was_version, &version)?, &not(&is_value)?)?;
        Ok(Compared { value, since, version, closed: Some(closed), opened })
    }

    /// A tag of several values: each is looked for among those before.
    fn compare_lists(
        &self,
        value: &ArrayRef,
        was: Option<&ArrayRef>,
        batch: &RecordBatch,
        tag: &str,
        version: i64,
    ) -> Result<Compared> {
        let now = value.as_list::<i32>();
        let texts = cast(now.values(), &DataType::Utf8View)?;
        let texts = texts.as_string_view();
        let before = match was {
            Some(was) => Some(Before::read(was, &required(batch, &names::since(tag))?, &required(batch, &names::version(tag))?)?),
            None => None,
        };
        let (mut since, mut versions) = (vec![], vec![]);
        let mut gone = Gone::default();
        let mut opened = 0;
        for row in 0..now.len() {
            let range = |list: &ListArray| match list.is_valid(row) {
                true => {
                    usize::try_from(list.value_offsets()[row]).unwrap_or(0)
                        ..usize::try_from(list.value_offsets()[row + 1]).unwrap_or(0)
                }
                false => 0..0,
            };
            let here = range(now);
            let there = before.as_ref().map_or(0..0, |before| range(&before.list));
            // NULL lists keep their place in the values: those are skipped by the offsets of the result.
            for place in here.clone() {
                let found = before.as_ref().and_then(|before| {
                    let found = there.clone().find(|other| before.texts.value(*other) == texts.value(place));
                    found.map(|other| (before.since.value(other), before.version.value(other)))
                });
                opened += usize::from(found.is_none());
                let (start, own) = found.unwrap_or((self.as_of, version));
                since.push(start);
                versions.push(own);
            }
            if let Some(before) = &before {
                let missing = there.filter(|other| !here.clone().any(|place| texts.value(place) == before.texts.value(*other)));
                missing.for_each(|other| gone.add(row, before, other));
            }
        }
        let lengths =
            (0..now.len()).map(|row| if now.is_valid(row) { usize::try_from(now.value_length(row)).unwrap_or(0) } else { 0 });
        let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
        let list = |values: ArrayRef| -> Result<ArrayRef> {
            let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
            Ok(Arc::new(ListArray::try_new(field, offsets.clone(), values, now.nulls().cloned())?))
        };
        Ok(Compared {
            value: Arc::clone(value),
            since: list(Arc::new(TimestampMicrosecondArray::from(since)))?,
            version: list(Arc::new(Int64Array::from(versions)))?,
            closed: Some(gone.finish()),
            opened,
        })
    }

    /// The rows of the history for values that are no more.
    fn history(&self, tag: &str, gone: Closed, key: &ArrayRef, key_type: &DataType) -> Result<Option<RecordBatch>> {
        let rows = gone.rows.len();
        if rows == 0 {
            return Ok(None);
        }
        let places = UInt32Array::from(gone.rows);
        let columns: Vec<ArrayRef> = vec![
            take(key, &places, None)?,
            Arc::new(StringViewArray::from_iter_values(std::iter::repeat_n(tag, rows))),
            cast(&gone.values, &DataType::Utf8View)?,
            gone.since,
            Arc::new(TimestampMicrosecondArray::from_value(self.as_of, rows)),
            gone.version,
        ];
        Ok(Some(RecordBatch::try_new(history_schema(key_type), columns)?))
    }
}

/// The column that is true for customers of the state before.
pub const WAS_THERE: &str = "was_there";

/// Lists before: values as text, and their beginnings.
struct Before {
    list: ListArray,
    texts: StringViewArray,
    since: TimestampMicrosecondArray,
    version: Int64Array,
}

impl Before {
    fn read(was: &ArrayRef, since: &ArrayRef, version: &ArrayRef) -> Result<Self> {
        let list = was.as_list::<i32>().clone();
        let texts = cast(list.values(), &DataType::Utf8View)?.as_string_view().clone();
        // The three lists have the same lengths; their offsets may differ where a list is NULL.
        let since = since.as_list::<i32>().values().as_primitive::<TimestampMicrosecondType>().clone();
        let version = version.as_list::<i32>().values().as_primitive::<Int64Type>().clone();
        Ok(Self { list, texts, since, version })
    }
}

#[derive(Default)]
struct Gone {
    rows: Vec<u32>,
    values: Vec<String>,
    since: Vec<i64>,
    version: Vec<i64>,
}

impl Gone {
    fn add(&mut self, row: usize, before: &Before, place: usize) {
        self.rows.push(u32::try_from(row).unwrap_or(u32::MAX));
        self.values.push(before.texts.value(place).to_string());
        self.since.push(before.since.value(place));
        self.version.push(before.version.value(place));
    }

    fn finish(self) -> Closed {
        Closed {
            rows: self.rows,
            values: Arc::new(StringViewArray::from_iter_values(self.values)),
            since: Arc::new(TimestampMicrosecondArray::from(self.since)),
            version: Arc::new(Int64Array::from(self.version)),
        }
    }
}

fn close(gone: &BooleanArray, was: &ArrayRef, since: &ArrayRef, version: &ArrayRef) -> Result<Closed> {
    let gone = only_true(gone);
    let rows = gone.values().set_indices().map(|row| u32::try_from(row).unwrap_or(u32::MAX)).collect();
    Ok(Closed { rows, values: filter(was, &gone)?, since: filter(since, &gone)?, version: filter(version, &gone)? })
}

fn close_all_of_lists(was: &ArrayRef, since: &ArrayRef, version: &ArrayRef) -> Result<Closed> {
    let before = Before::read(was, since, version)?;
    let mut gone = Gone::default();
    for row in (0..before.list.len()).filter(|row| before.list.is_valid(*row)) {
        let offsets = before.list.value_offsets();
        let places = usize::try_from(offsets[row]).unwrap_or(0)..usize::try_from(offsets[row + 1]).unwrap_or(0);
        places.for_each(|place| gone.add(row, &before, place));
    }
    Ok(gone.finish())
}

/// NULL is not true.
fn only_true(mask: &BooleanArray) -> BooleanArray {
    match mask.nulls() {
        Some(nulls) => BooleanArray::new(mask.values() & nulls.inner(), None),
        None => mask.clone(),
    }
}

fn required(batch: &RecordBatch, name: &str) -> Result<ArrayRef> {
    match batch.column_by_name(name) {
        Some(column) => Ok(Arc::clone(column)),
        None => datafusion::common::internal_err!("the refresh has no column {name}"),
    }
}

fn optional(batch: &RecordBatch, name: &str, data_type: &DataType) -> ArrayRef {
    match batch.column_by_name(name) {
        Some(column) => Arc::clone(column),
        None => new_null_array(data_type, batch.num_rows()),
    }
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
