//! A merge step that aligns several inputs by their key.
//!
//! Every input is sorted by its key, which is its first column; each key occurs at most once. The inputs are read together, as in a merge
//! join: one pass, and one batch of each input in memory, however many customers there are. The result has one row for every key of the
//! *leading* inputs (the profile and its previous state). The columns of the other inputs are filled in where they have the key, and are
//! NULL elsewhere.
//!
//! Keys are compared in Arrow's row format, whose bytes sort as the values do, so that one loop serves every key type. All inputs must have
//! the same key type and be sorted ascending with NULL first; this step checks neither.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, new_null_array};
use datafusion::arrow::compute::kernels::zip::zip;
use datafusion::arrow::compute::{interleave, is_not_null};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::row::{OwnedRow, Row, RowConverter, Rows, SortField};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::metrics::{Count, Time};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::adapter::plain::{Plain, untold};
use crate::adapter::step::{Reads, Step, StepContext, Streams};
use crate::adapter::usable_rows::rows_without;
use crate::error::{SqlState, in_rows};

/// The column that says whether the key is in the first input.
pub const PRESENT: &str = "present";

/// Aligns several inputs by their key.
#[derive(Debug, Serialize, Deserialize)]
pub struct Align {
    /// The profile's name, for errors.
    #[serde(with = "untold")]
    pub profile: String,
    /// The name of the key column.
    pub key: String,
    /// A label for each input, shown in EXPLAIN.
    pub inputs: Vec<String>,
    /// For each input, whether it leads: every key of a leading input appears in the result. The first input is the profile.
    #[serde(with = "untold")]
    pub leads: Vec<bool>,
}

impl Plain for Align {
    const NAME: &'static str = "AlignByKey";
}

impl Align {
    /// The plan of this step: the key, the boolean column `presence` (whether the key is in the first input), then the columns of each
    /// input without its key.
    pub fn plan(self, presence: &str, inputs: Vec<LogicalPlan>) -> Result<LogicalPlan> {
        let mut fields = vec![];
        for (index, input) in inputs.iter().enumerate() {
            let mut columns = input.schema().fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
            let key = columns.next();
            if index == 0 {
                fields.extend(key);
                fields.push(Field::new(presence, DataType::Boolean, false));
            }
            fields.extend(columns);
        }
        let schema = Arc::new(DFSchema::try_from(Schema::new(fields))?);
        self.over(inputs, schema)
    }
}

impl Step for Align {
    fn reads(&self) -> Reads {
        Reads::OneStream
    }

    fn sorted_by(&self) -> Option<usize> {
        Some(0)
    }

    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let left_out = context.left_out(rows_without(&self.key));
        let timer = context.timer();
        let mut cursors = vec![];
        for (stream, leads) in inputs.into_iter().flatten().zip(&self.leads) {
            cursors.push(Cursor::new(stream, *leads)?);
        }
        let schema = Arc::clone(&context.schema);
        let merge = Merge {
            profile: self.profile.clone(),
            key: self.key.clone(),
            cursors,
            schema: Arc::clone(&schema),
            batch_size: context.batch_size,
            memory: context.memory,
            left_out,
            timer,
        };
        let batches = futures::stream::try_unfold(merge, |mut merge| async move {
            let batch = merge.next().await?;
            Ok(batch.map(|batch| (batch, merge)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

struct Merge {
    profile: String,
    key: String,
    cursors: Vec<Cursor>,
    schema: SchemaRef,
    batch_size: usize,
    memory: MemoryReservation,
    left_out: Count,
    timer: Time,
}

/// One input and how far it has been read. `keys` holds the keys of `batch`; `row` is the next row in both.
struct Cursor {
    stream: SendableRecordBatchStream,
    leads: bool,
    converter: RowConverter,
    batch: Option<RecordBatch>,
    keys: Option<Rows>,
    row: usize,
    /// The last key of the previous batch: the two copies of a duplicate key may lie on both sides of a batch boundary.
    before: Option<OwnedRow>,
    ended: bool,
    /// The rows of this input that go into the batch being built.
    taken: TakenRows,
}

/// Rows taken from an input, in output order. They are stored as positions rather than copies: the values are gathered column by column
/// once a batch is full.
#[derive(Default)]
struct TakenRows {
    batches: Vec<RecordBatch>,
    /// Batch and row, both from 0; `None` where the input does not have the key.
    rows: Vec<Option<(usize, usize)>>,
}

impl Cursor {
    fn new(stream: SendableRecordBatchStream, leads: bool) -> Result<Self> {
        let key = stream.schema().field(0).data_type().clone();
        let converter = RowConverter::new(vec![SortField::new(key)])?;
        Ok(Self {
            stream,
            leads,
            converter,
            batch: None,
            keys: None,
            row: 0,
            before: None,
            ended: false,
            taken: TakenRows::default(),
        })
    }

    /// Loads batches until there is a current row or the input has ended. Rows with a NULL key sort first and are skipped.
    async fn load(&mut self, left_out: Option<&Count>) -> Result<()> {
        while !self.ended && self.batch.as_ref().is_none_or(|batch| self.row >= batch.num_rows()) {
            match self.stream.next().await.transpose()? {
                None => {
                    self.ended = true;
                    self.batch = None;
                    self.keys = None;
                }
                Some(batch) => {
                    let key = batch.column(0);
                    let last = self.keys.as_ref().and_then(|keys| Some((keys, keys.num_rows().checked_sub(1)?)));
                    self.before = last.map(|(keys, last)| keys.row(last).owned()).or(self.before.take());
                    self.row = key.null_count();
                    if let Some(left_out) = left_out {
                        left_out.add(self.row);
                    }
                    self.keys = Some(self.converter.convert_columns(std::slice::from_ref(key))?);
                    self.batch = Some(batch);
                }
            }
        }
        Ok(())
    }

    fn key(&self) -> Option<Row<'_>> {
        self.keys.as_ref().filter(|keys| self.row < keys.num_rows()).map(|keys| keys.row(self.row))
    }

    /// Adds the current row to the taken rows.
    fn take(&mut self) {
        if let Some(batch) = &self.batch {
            // A batch is recognised by its first array: the current one is either the batch taken from last, or a new one.
            let is_last = self.taken.batches.last().is_some_and(|last| Arc::ptr_eq(last.column(0), batch.column(0)));
            if !is_last {
                self.taken.batches.push(batch.clone());
            }
            self.taken.rows.push(Some((self.taken.batches.len() - 1, self.row)));
            self.row += 1;
        }
    }

    fn memory(&self) -> usize {
        let batches = self.taken.batches.iter().chain(&self.batch);
        batches.map(RecordBatch::get_array_memory_size).sum::<usize>() + self.keys.as_ref().map_or(0, Rows::size)
    }
}

impl TakenRows {
    /// One column of the taken rows.
    fn column(&self, index: usize, data_type: &DataType) -> Result<ArrayRef> {
        if let Some((batch, first)) = self.is_one_run() {
            return Ok(self.batches[batch].column(index).slice(first, self.rows.len()));
        }
        let null = new_null_array(data_type, 1);
        let mut arrays: Vec<&dyn Array> = vec![null.as_ref()];
        arrays.extend(self.batches.iter().map(|batch| batch.column(index).as_ref()));
        let places: Vec<(usize, usize)> =
            self.rows.iter().map(|row| row.map_or((0, 0), |(batch, row)| (batch + 1, row))).collect();
        Ok(interleave(&arrays, &places)?)
    }

    /// The batch and first row when all taken rows are consecutive rows of one batch, which can be sliced instead of copied.
    fn is_one_run(&self) -> Option<(usize, usize)> {
        let (batch, first) = self.rows.first().copied().flatten()?;
        let mut expected = (first..).map(|row| Some((batch, row)));
        self.rows.iter().all(|row| expected.next().as_ref() == Some(row)).then_some((batch, first))
    }
}

impl Merge {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let mut rows = 0;
        let mut same: Vec<bool> = Vec::with_capacity(self.cursors.len());
        let mut present = Vec::with_capacity(self.batch_size);
        self.cursors.iter_mut().for_each(|cursor| cursor.taken = TakenRows::default());
        while rows < self.batch_size {
            let mut loaded = false;
            for (index, cursor) in self.cursors.iter_mut().enumerate() {
                if cursor.key().is_none() && !cursor.ended {
                    cursor.load((index == 0).then_some(&self.left_out)).await?;
                    loaded = true;
                }
            }
            if loaded {
                self.memory.try_resize(self.cursors.iter().map(Cursor::memory).sum())?;
            }
            let _timer = self.timer.timer();
            // While every input has a current row, nothing needs to be awaited.
            let leads = |cursors: &[Cursor]| {
                let keys = cursors.iter().enumerate().filter(|(_, cursor)| cursor.leads);
                let keys = keys.filter_map(|(index, cursor)| cursor.key().map(|key| (key, index)));
                keys.min().map(|(_, index)| index)
            };
            let Some(lead) = leads(&self.cursors) else { break };
            let mut wait = false;
            // Skip smaller keys of the other inputs: they belong to no customer of a leading input.
            for index in 0..self.cursors.len() {
                while !self.cursors[index].leads && compare(&self.cursors, index, lead) == Some(Ordering::Less) {
                    self.cursors[index].row += 1;
                }
                wait |= self.cursors[index].key().is_none() && !self.cursors[index].ended;
            }
            // An input at the end of its batch may have the current key first in its next batch, so load that before comparing.
            if wait {
                continue;
            }
            same.clear();
            same.extend((0..self.cursors.len()).map(|index| compare(&self.cursors, index, lead) == Some(Ordering::Equal)));
            if same[0] {
                self.refuse_double()?;
            }
            present.push(same[0]);
            for (cursor, same) in self.cursors.iter_mut().zip(&same) {
                if *same {
                    cursor.take();
                } else {
                    cursor.taken.rows.push(None);
                }
            }
            rows += 1;
            // End the output batch at a batch boundary of the profile: its columns can then be sliced instead of copied.
            let first = &self.cursors[0];
            if first.key().is_none() && !first.ended && rows > self.batch_size / 2 {
                break;
            }
        }
        if rows == 0 {
            return Ok(None);
        }
        let _timer = self.timer.timer();
        self.batch(rows, present).map(Some)
    }

    /// Returns an error when the profile's query gives the current key a second time. As the input is sorted, only the previous key is
    /// compared.
    fn refuse_double(&self) -> Result<()> {
        let first = &self.cursors[0];
        let (Some(key), Some(batch), Some(keys)) = (first.key(), &first.batch, &first.keys) else { return Ok(()) };
        let is_double = match first.row.checked_sub(1) {
            Some(before) => keys.row(before) == key,
            None => first.before.as_ref().is_some_and(|before| before.row() == key),
        };
        if is_double {
            let value = ScalarValue::try_from_array(batch.column(0), first.row)?;
            return Err(in_rows(
                SqlState::CARDINALITY_VIOLATION,
                &format!("profile {}", self.profile),
                "a key occurs more than once; the query of a profile must return one row per key",
                format!("{} {value} occurs more than once; the query of a profile must return one row per key", self.key),
            ));
        }
        Ok(())
    }

    fn batch(&self, rows: usize, present: Vec<bool>) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> = vec![];
        // The key comes from whichever leading input has it.
        let mut key = self.cursors[0].taken.column(0, self.schema.field(0).data_type())?;
        for cursor in self.cursors.iter().skip(1).filter(|cursor| cursor.leads) {
            if key.null_count() > 0 {
                let other = cursor.taken.column(0, self.schema.field(0).data_type())?;
                let is_known = is_not_null(&key)?;
                key = zip(&is_known, &key, &other)?;
            }
        }
        columns.push(key);
        columns.push(Arc::new(BooleanArray::from(present)));
        for cursor in &self.cursors {
            for index in 1..cursor.stream.schema().fields().len() {
                let data_type = self.schema.field(columns.len()).data_type();
                columns.push(cursor.taken.column(index, data_type)?);
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}

fn compare(cursors: &[Cursor], one: usize, other: usize) -> Option<Ordering> {
    Some(cursors[one].key()?.cmp(&cursors[other].key()?))
}
