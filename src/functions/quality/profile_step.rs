//! The step of `data_profile`: every partition keeps statistics of each column, which are then merged.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListArray, StringViewArray, StructArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use super::data_profile::DATA_PROFILE;
use super::profiled::{Form, Kept, Profiled, text_of_bytes, texts_of_bits};
use crate::adapter::offload::{offload, side_by_side};
use crate::adapter::plain::Plain;
use crate::adapter::step::{Reads, Step, StepContext, Streams};
use crate::kernels::profile::{Facts, Kind, RowSample, Summary, with_column};
use crate::text::megabytes;

/// The smallest correlation that an alert lists.
const CORRELATED: f64 = 0.9;
/// How many patterns are shown.
const PATTERNS: usize = 5;
/// Strings are cut to this many characters for display.
const SHOWN: usize = 200;
/// Stands for NULL in the hash of a row.
const NULL: u64 = 0x5bd1_e995_9e37_79b9;

/// Profiles all columns of its input except the last, which holds the microsecond after which times lie in the future.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProfileColumns {
    /// Name and SQL type of each column.
    pub columns: Vec<(String, String)>,
    pub frequent: usize,
}

impl Plain for ProfileColumns {
    const NAME: &'static str = "ProfileColumns";
}

impl Step for ProfileColumns {
    fn reads(&self) -> Reads {
        Reads::AllPartitions
    }

    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let step = self.clone();
        let columns = self.columns.len();
        let gather = move |_: Arc<StepContext>, memory: Arc<MemoryReservation>| async move {
            let tasks = inputs.into_iter().flatten().map(|stream| read(stream, columns, memory.new_empty()));
            side_by_side(tasks).await
        };
        offload(DATA_PROFILE, context, gather, move |parts: Vec<(Part, MemoryReservation)>, worker| {
            let mut whole: Option<Part> = None;
            let mut taken = vec![];
            for (part, memory) in parts {
                taken.push(memory);
                worker.control(1).check()?;
                match &mut whole {
                    None => whole = Some(part),
                    Some(whole) => whole.merge(part),
                }
            }
            worker.send(step.finish(whole.unwrap_or_else(|| Part::new(vec![]))))
        })
    }
}

/// The statistics of one partition.
struct Part {
    rows: u64,
    columns: Vec<Profiled>,
    sample: RowSample,
    /// Hashes of the rows of a batch.
    hashes: Vec<u64>,
    /// The types of the columns, known before the first batch.
    types: Vec<DataType>,
}

async fn read(
    mut stream: SendableRecordBatchStream,
    columns: usize,
    memory: MemoryReservation,
) -> Result<(Part, MemoryReservation)> {
    let types = stream.schema().fields().iter().take(columns).map(|field| field.data_type().clone()).collect();
    let mut part = Part::new(types);
    while let Some(batch) = stream.next().await {
        part.update(&batch?)?;
        let size = part.size();
        if size > memory.size() {
            memory.try_resize(size).map_err(|_| {
                let needed = megabytes(size);
                DataFusionError::ResourcesExhausted(format!(
                    "{DATA_PROFILE}: {needed} are needed for a share of the rows, beyond the memory limit; raise --memory-limit, or name fewer columns"
                ))
            })?;
        }
    }
    Ok((part, memory))
}

impl Part {
    fn new(types: Vec<DataType>) -> Self {
        Self { rows: 0, columns: vec![], sample: RowSample::default(), hashes: vec![], types }
    }

    fn update(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        if self.columns.is_empty() {
            let limit = batch.columns().get(self.types.len()).map(|column| column.as_primitive::<Int64Type>().value(0));
            self.columns = self.types.iter().map(|data_type| Profiled::new(data_type, limit)).collect();
        }
        self.rows += batch.num_rows() as u64;
        for (column, array) in self.columns.iter_mut().zip(batch.columns()) {
            column.update(array)?;
        }
        self.sample_rows(batch.num_rows());
        Ok(())
    }

    /// The rows kept for correlations between numeric columns.
    fn sample_rows(&mut self, rows: usize) {
        let numbers: Vec<&Profiled> = self.columns.iter().filter(|column| column.form.is_number()).collect();
        if numbers.len() < 2 {
            return;
        }
        self.hashes.clear();
        self.hashes.resize(rows, 0);
        for column in &numbers {
            match &column.nulls {
                None => self.hashes.iter_mut().zip(&column.bits).for_each(|(hash, bits)| *hash = with_column(*hash, *bits)),
                Some(nulls) => {
                    for (row, (hash, bits)) in self.hashes.iter_mut().zip(&column.bits).enumerate() {
                        *hash = with_column(*hash, if nulls.is_valid(row) { *bits } else { NULL });
                    }
                }
            }
        }
        self.sample.update(&self.hashes, |row| {
            let number = |column: &&Profiled| match (&column.form, &column.nulls) {
                (_, Some(nulls)) if nulls.is_null(row) => f64::NAN,
                (Form::Bits(kind, _), _) => kind.number(column.bits[row]),
                _ => f64::NAN,
            };
            numbers.iter().map(number).collect()
        });
    }

    fn merge(&mut self, other: Self) {
        self.rows += other.rows;
        self.sample.merge(&other.sample);
        if self.columns.is_empty() {
            self.columns = other.columns;
        } else {
            self.columns.iter_mut().zip(other.columns).for_each(|(own, other)| own.merge(other));
        }
    }

    fn size(&self) -> usize {
        let columns = self.columns.iter().map(Profiled::size).sum::<usize>();
        columns + self.sample.size(self.columns.len()) + self.hashes.capacity() * size_of::<u64>()
    }
}

/// A row of the result.
#[derive(Debug, Default)]
struct Row {
    facts: Facts,
    blank: Option<u64>,
    has_values: bool,
    min: Option<String>,
    max: Option<String>,
    quartiles: Option<[String; 3]>,
    frequent: Vec<(String, u64)>,
    patterns: Vec<(String, u64)>,
}

impl ProfileColumns {
    fn finish(&self, mut part: Part) -> Result<Vec<ArrayRef>> {
        if part.columns.is_empty() {
            part.columns = part.types.iter().map(|data_type| Profiled::new(data_type, None)).collect();
        }
        let numbers: Vec<usize> =
            part.columns.iter().enumerate().filter(|(_, column)| column.form.is_number()).map(|(place, _)| place).collect();
        let mut correlated: Vec<Vec<(String, f64)>> = vec![vec![]; self.columns.len()];
        for (first, second, found) in part.sample.correlations(numbers.len(), CORRELATED) {
            let (first, second) = (numbers[first], numbers[second]);
            correlated[first].push((self.columns[second].0.clone(), found));
            correlated[second].push((self.columns[first].0.clone(), found));
        }
        let mut rows = vec![];
        let mut columns = part.columns.into_iter();
        for mut correlated in correlated {
            correlated.sort_by(|one, other| other.1.abs().total_cmp(&one.1.abs()));
            let mut row = match columns.next() {
                Some(column) => self.row(column, part.rows)?,
                None => Row::default(),
            };
            row.facts.correlated = correlated;
            rows.push(row);
        }
        Ok(self.arrays(&rows))
    }

    fn row(&self, column: Profiled, rows: u64) -> Result<Row> {
        let mut row =
            Row { facts: Facts { rows, missing: column.missing, ..Facts::default() }, has_values: true, ..Row::default() };
        match column.kept {
            Kept::Numbers(numbers) => {
                let Form::Bits(kind, data_type) = &column.form else { return Ok(row) };
                let summary = numbers.summary(self.frequent);
                let show = |bits: &[u64]| texts_of_bits(bits, data_type);
                let show_one = |bits: Option<u64>| {
                    bits.map(|bits| show(&[bits])).transpose().map(|texts| texts.and_then(|mut texts| texts.pop()))
                };
                (row.min, row.max) = (show_one(summary.min)?, show_one(summary.max)?);
                row.quartiles = match (summary.quartiles, summary.quartile_times) {
                    (Some(quartiles), _) => numbers_shown(quartiles, *kind)?,
                    (None, Some(times)) if *data_type != DataType::Boolean => show(&times)?.try_into().ok(),
                    (None, _) => None,
                };
                row.frequent = shown(&summary.frequent, show)?;
                // Numbers with a decimal point have no useful pattern.
                let sample = match kind {
                    Kind::Signed { scale: 1.0 } | Kind::Unsigned => shown(&summary.sample, show)?,
                    _ => vec![],
                };
                row.take(&summary, sample, false);
            }
            Kept::Texts(texts) => {
                let summary = texts.summary(self.frequent);
                let show = |bytes: &[u8]| text_of_bytes(bytes, &column.form);
                row.min = summary.min.as_deref().map(|bytes| shortened(show(bytes)));
                row.max = summary.max.as_deref().map(|bytes| shortened(show(bytes)));
                row.frequent = summary.frequent.iter().map(|(bytes, rows)| (shortened(show(bytes)), *rows)).collect();
                let is_text = column.form == Form::Text;
                row.blank = is_text.then_some(summary.blank);
                let sample =
                    if is_text { summary.sample.iter().map(|(bytes, rows)| (show(bytes), *rows)).collect() } else { vec![] };
                row.take(&summary, sample, is_text);
            }
            Kept::Nothing => {
                row.facts.values = rows - column.missing;
                row.has_values = false;
            }
        }
        Ok(row)
    }

    fn arrays(&self, rows: &[Row]) -> Vec<ArrayRef> {
        let texts = |text: &dyn Fn(usize) -> Option<String>| -> ArrayRef {
            Arc::new((0..rows.len()).map(text).collect::<StringViewArray>())
        };
        let whole = |number: &dyn Fn(&Row) -> Option<u64>| -> ArrayRef {
            Arc::new(rows.iter().map(|row| number(row).map(|number| number as i64)).collect::<Int64Array>())
        };
        let double = |number: &dyn Fn(&Row) -> Option<f64>| -> ArrayRef {
            Arc::new(rows.iter().map(|row| number(row).filter(|number| number.is_finite())).collect::<Float64Array>())
        };
        let moments = |row: &Row| row.facts.moments.filter(|moments| moments.rows > 0);
        vec![
            texts(&|row| Some(self.columns[row].0.clone())),
            texts(&|row| Some(self.columns[row].1.clone())),
            whole(&|row| Some(row.facts.rows)),
            whole(&|row| Some(row.facts.missing)),
            whole(&|row| row.blank),
            whole(&|row| row.has_values.then_some(row.facts.distinct)),
            Arc::new(rows.iter().map(|row| row.has_values.then_some(row.facts.is_exact)).collect::<BooleanArray>()),
            texts(&|row| rows[row].min.clone()),
            texts(&|row| rows[row].max.clone()),
            double(&|row| moments(row).map(|moments| moments.mean)),
            double(&|row| moments(row).filter(|moments| moments.rows > 1).map(|moments| moments.deviation)),
            texts(&|row| rows[row].quartiles.as_ref().map(|quartiles| quartiles[0].clone())),
            texts(&|row| rows[row].quartiles.as_ref().map(|quartiles| quartiles[1].clone())),
            texts(&|row| rows[row].quartiles.as_ref().map(|quartiles| quartiles[2].clone())),
            counted(rows, "value", |row| &row.frequent),
            counted(rows, "pattern", |row| &row.patterns),
            list(rows.iter().map(|row| row.facts.alerts())),
        ]
    }
}

impl Row {
    fn take<V>(&mut self, summary: &Summary<V>, sample: Vec<(String, u64)>, is_text: bool) {
        let facts = Facts {
            values: summary.values,
            distinct: summary.distinct,
            is_exact: summary.is_exact,
            is_text,
            repeated: summary.repeated(),
            moments: summary.moments,
            not_finite: summary.not_finite,
            future: summary.beyond,
            sample,
            ..std::mem::take(&mut self.facts)
        };
        self.patterns = facts.patterns(PATTERNS);
        self.facts = facts;
    }
}

fn shown(values: &[(u64, u64)], show: impl Fn(&[u64]) -> Result<Vec<String>>) -> Result<Vec<(String, u64)>> {
    let bits: Vec<u64> = values.iter().map(|(bits, _)| *bits).collect();
    Ok(show(&bits)?.into_iter().zip(values.iter().map(|(_, rows)| *rows)).collect())
}

/// Quartiles as the column shows its numbers: without a point where they are whole, unless the column has doubles.
fn numbers_shown(quartiles: [f64; 3], kind: Kind) -> Result<Option<[String; 3]>> {
    if quartiles.iter().any(|quartile| !quartile.is_finite()) {
        return Ok(None);
    }
    let texts = texts_of_bits(&quartiles.map(Kind::float), &DataType::Float64)?;
    let shown = |text: String| match kind {
        Kind::Float => text,
        _ => text.strip_suffix(".0").map_or(text.clone(), ToString::to_string),
    };
    Ok(texts.into_iter().map(shown).collect::<Vec<_>>().try_into().ok())
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(SHOWN) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// The type of a list of values with their numbers of rows.
pub fn counted_type(name: &str) -> DataType {
    DataType::List(counted_item(name))
}

fn counted_parts(name: &str) -> Fields {
    [Field::new(name, DataType::Utf8View, true), Field::new("rows", DataType::Int64, true)].into_iter().collect()
}

fn counted_item(name: &str) -> FieldRef {
    Arc::new(Field::new("item", DataType::Struct(counted_parts(name)), true))
}

fn counted(rows: &[Row], name: &str, of: impl Fn(&Row) -> &[(String, u64)]) -> ArrayRef {
    let texts: StringViewArray = rows.iter().flat_map(|row| of(row).iter().map(|(text, _)| Some(text.as_str()))).collect();
    let counts: Int64Array = rows.iter().flat_map(|row| of(row).iter().map(|(_, count)| Some(*count as i64))).collect();
    let items = StructArray::new(counted_parts(name), vec![Arc::new(texts), Arc::new(counts)], None);
    let lengths = OffsetBuffer::from_lengths(rows.iter().map(|row| of(row).len()));
    Arc::new(ListArray::new(counted_item(name), lengths, Arc::new(items), None))
}

/// The type of a list of strings.
pub fn texts_type() -> DataType {
    DataType::List(Arc::new(Field::new("item", DataType::Utf8View, true)))
}

fn list(lists: impl Iterator<Item = Vec<String>>) -> ArrayRef {
    let lists: Vec<Vec<String>> = lists.collect();
    let items: StringViewArray = lists.iter().flatten().map(|text| Some(text.as_str())).collect();
    let lengths = OffsetBuffer::from_lengths(lists.iter().map(Vec::len));
    Arc::new(ListArray::new(Arc::new(Field::new("item", DataType::Utf8View, true)), lengths, Arc::new(items), None))
}
