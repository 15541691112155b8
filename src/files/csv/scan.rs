//! Reading the rows of CSV files.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::stream;

use super::columns::{Misfit, Texts};
use super::detect::{Detected, LONGEST_RECORD, not_utf_8};
use super::options::{CsvOptions, Policy};
use super::records::{Field, Problem, Ragged, Records, Shape};
use crate::adapter::step::LeftOut;
use crate::error::{SqlState, coded};
use crate::files::bytes::Pieces;
use crate::text::{identifier, sql_type};

/// Bytes read at a time.
const PIECE: usize = 1 << 20;

/// A CSV file of a table.
#[derive(Debug)]
pub struct CsvFile {
    pub detected: Detected,
    /// For each of its columns, the column of the table that it is.
    pub columns: Vec<Option<usize>>,
    /// The values of the columns that come from the names of folders.
    pub partition: Vec<ScalarValue>,
}

/// A table of CSV files, as far as reading needs it.
#[derive(Debug)]
pub struct CsvTableParts {
    /// Columns of the files, then those of the folders.
    pub schema: SchemaRef,
    /// The columns that come from the files.
    pub width: usize,
    pub files: Vec<CsvFile>,
    pub options: CsvOptions,
    /// For each column, whether its type was said rather than guessed.
    pub declared: Vec<bool>,
}

/// A part of a file.
#[derive(Debug, Clone)]
pub struct Part {
    pub file: usize,
    pub range: Range<u64>,
}

/// Reads parts of the files of a table.
#[derive(Debug)]
pub struct CsvExec {
    pub table: Arc<CsvTableParts>,
    /// The parts of each partition.
    pub parts: Vec<Vec<Part>>,
    /// The columns of the table that are read.
    pub projection: Vec<usize>,
    pub schema: SchemaRef,
    pub limit: Option<usize>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl CsvExec {
    pub fn new(table: Arc<CsvTableParts>, parts: Vec<Vec<Part>>, projection: Vec<usize>, limit: Option<usize>) -> Result<Self> {
        let schema: SchemaRef = Arc::new(table.schema.project(&projection)?);
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(parts.len().max(1)),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        Ok(Self { table, parts, projection, schema, limit, properties, metrics: ExecutionPlanMetricsSet::new() })
    }
}

impl DisplayAs for CsvExec {
    fn fmt_as(&self, _style: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        let files = self.table.files.len();
        write!(f, "CsvExec: files={files}, columns=[{}]", names.join(", "))?;
        self.limit.map_or(Ok(()), |limit| write!(f, ", limit={limit}"))
    }
}

impl ExecutionPlan for CsvExec {
    fn name(&self) -> &'static str {
        "CsvExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, _children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, task: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let counter = |name: &'static str| MetricBuilder::new(&self.metrics).counter(name, partition);
        let reader = Reader {
            table: Arc::clone(&self.table),
            parts: self.parts.get(partition).cloned().unwrap_or_default().into(),
            projection: self.projection.clone(),
            schema: Arc::clone(&self.schema),
            left: self.limit.unwrap_or(usize::MAX),
            batch_size: task.session_config().batch_size(),
            memory: MemoryConsumer::new(format!("CsvExec[{partition}]")).register(task.memory_pool()),
            bytes_scanned: counter("bytes_scanned"),
            skipped: skipped().count(&self.metrics, partition),
            emptied: emptied().count(&self.metrics, partition),
            baseline: BaselineMetrics::new(&self.metrics, partition),
            open: None,
            records: Records::default(),
        };
        let batches = stream::try_unfold(reader, |mut reader| async move {
            let batch = reader.next().await?;
            // Here the statement can be cancelled, also when its rows come without waiting.
            tokio::task::consume_budget().await;
            Ok(batch.map(|batch| (batch, reader)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches)))
    }
}

/// Rows that are left out.
fn skipped() -> LeftOut {
    LeftOut { counter: "rows_skipped".into(), one: "row that does not fit".into(), many: "rows that do not fit".into() }
}

/// Values that are NULL as they do not fit.
fn emptied() -> LeftOut {
    LeftOut { counter: "values_emptied".into(), one: "value that does not fit".into(), many: "values that do not fit".into() }
}

/// A part that is being read.
struct Open {
    file: usize,
    pieces: Pieces,
    /// How much of the bytes at hand is used.
    used: usize,
    /// Bytes to be read next.
    size: usize,
    shape: Shape,
}

/// Reads the parts of one partition, batch by batch.
struct Reader {
    table: Arc<CsvTableParts>,
    parts: VecDeque<Part>,
    projection: Vec<usize>,
    schema: SchemaRef,
    /// Rows that are still asked for.
    left: usize,
    batch_size: usize,
    memory: MemoryReservation,
    bytes_scanned: Count,
    skipped: Count,
    emptied: Count,
    baseline: BaselineMetrics,
    open: Option<Open>,
    records: Records,
}

impl Reader {
    /// The next rows.
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while self.left > 0 {
            let mut open = match self.open.take() {
                Some(open) => open,
                None => match self.parts.pop_front() {
                    Some(part) => self.begin(part).await?,
                    None => break,
                },
            };
            if open.used >= open.pieces.bytes().len() {
                if open.pieces.is_last() {
                    continue;
                }
                self.fetch(&mut open).await?;
                if open.pieces.bytes().is_empty() {
                    continue;
                }
            }
            let table = Arc::clone(&self.table);
            let file = &table.files[open.file];
            let bytes = open.pieces.bytes().slice(open.used..);
            self.records.clear();
            let timer = self.baseline.elapsed_compute().timer();
            let most = self.batch_size.min(self.left);
            let stop = self.records.read(&file.detected.dialect, &open.shape, &bytes, open.pieces.is_last(), most);
            timer.done();
            if stop.consumed == 0 {
                if open.pieces.is_last() || open.used == 0 && open.size >= LONGEST_RECORD {
                    let place = open.pieces.place() + (open.used + stop.open_quote.unwrap_or(0)) as u64;
                    return Err(Self::endless(file, place, stop.open_quote.is_some()).await);
                }
                if open.used == 0 {
                    open.size *= 4;
                }
                self.fetch(&mut open).await?;
                self.open = Some(open);
                continue;
            }
            let place = open.pieces.place() + open.used as u64;
            open.used += stop.consumed;
            self.open = Some(open);
            if let Some(batch) = self.batch(file, &bytes, place).await? {
                self.left -= batch.num_rows().min(self.left);
                self.baseline.record_output(batch.num_rows());
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    async fn begin(&mut self, part: Part) -> Result<Open> {
        let file = &self.table.files[part.file];
        let pieces = file.detected.source.pieces(part.range.start, part.range.end).await?;
        // What a row is must not depend on the columns that are read.
        let reads_all = self.table.options.misfits == Policy::Skip;
        let is_read = |column: &Option<usize>| column.is_some_and(|column| reads_all || self.projection.contains(&column));
        let shape = Shape { kept: file.columns.iter().map(is_read).collect(), short: self.table.options.short() };
        Ok(Open { file: part.file, pieces, used: 0, size: PIECE, shape })
    }

    async fn fetch(&mut self, open: &mut Open) -> Result<()> {
        // The bytes, and where the fields stand in them.
        self.memory.try_resize(open.size + self.records.fields.capacity() * size_of::<Field>())?;
        open.pieces.next(open.used, open.size).await?;
        open.used = 0;
        self.bytes_scanned.add(open.pieces.bytes().len());
        Ok(())
    }

    /// The batch of the records at hand; `None` when no row is left of them.
    async fn batch(&mut self, file: &CsvFile, bytes: &Bytes, place: u64) -> Result<Option<RecordBatch>> {
        let options = &self.table.options;
        if let Some(ragged) = self.records.ragged.first() {
            if options.ragged != Policy::Skip {
                let line = line(file, place + ragged.range.start as u64).await?;
                return Err(ragged_row(file, line, ragged, &bytes[ragged.range.clone()]));
            }
            self.skipped.add(self.records.ragged.len());
        }
        let rows = self.records.rows;
        if rows == 0 {
            return Ok(None);
        }
        let Some(open) = &self.open else { return Ok(None) };
        let kept: Vec<usize> = (0..open.shape.kept.len()).filter(|column| open.shape.kept[*column]).collect();
        let timer = self.baseline.elapsed_compute().timer();
        let (mut fits, mut first, mut arrays) = (vec![], None, HashMap::new());
        for (slot, column) in kept.iter().enumerate() {
            let Some(column) = file.columns[*column] else { continue };
            let texts =
                Texts { bytes, fields: &self.records.fields, width: kept.len(), place: slot, dialect: &file.detected.dialect };
            let mut misfits = vec![];
            let array = options.reading.array(&texts, self.table.schema.field(column).data_type(), &mut misfits)?;
            arrays.insert(column, array);
            match options.misfits {
                _ if misfits.is_empty() => {}
                Policy::Null => self.emptied.add(misfits.len()),
                Policy::Skip => {
                    fits.resize(rows, true);
                    misfits.iter().for_each(|misfit| fits[misfit.row] = false);
                }
                // Of several the first row, then the first column: the same whatever is read beside it.
                Policy::Error => {
                    let found = misfits.swap_remove(0);
                    if first.as_ref().is_none_or(|(_, other): &(usize, Misfit)| found.row < other.row) {
                        first = Some((column, found));
                    }
                }
            }
        }
        timer.done();
        if let Some((column, misfit)) = first {
            let start = self.records.starts.get(misfit.row).copied().unwrap_or_default();
            let line = line(file, place + u64::from(start)).await?;
            return Err(self.misfit(file, line, column, &misfit, bytes));
        }
        let width = self.table.width;
        let columns = self.projection.iter().map(|column| match (arrays.get(column), column.checked_sub(width)) {
            (Some(array), _) => Ok(Arc::clone(array)),
            (None, Some(folder)) if folder < file.partition.len() => file.partition[folder].to_array_of_size(rows),
            _ => Ok(new_null_array(self.table.schema.field(*column).data_type(), rows)),
        });
        let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
        let with_rows = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &with_rows)?;
        if fits.is_empty() {
            return Ok(Some(batch));
        }
        let left_out = fits.iter().filter(|fits| !**fits).count();
        self.skipped.add(left_out);
        let batch = filter_record_batch(&batch, &BooleanArray::from(fits))?;
        Ok((batch.num_rows() > 0).then_some(batch))
    }

    /// The error of a value that does not fit its column.
    fn misfit(&self, file: &CsvFile, line: usize, column: usize, misfit: &Misfit, bytes: &[u8]) -> DataFusionError {
        let field = self.table.schema.field(column);
        if field.data_type() == &DataType::Utf8View {
            let place = std::str::from_utf8(bytes).err().map_or(0, |error| error.valid_up_to());
            return not_utf_8(&format!("{} line {line}", file.detected.source.name), bytes, place);
        }
        let (name, data_type) = (field.name(), sql_type(field.data_type()));
        let shown: String = misfit.text.chars().take(60).collect();
        let advice = if self.table.declared.get(column) == Some(&true) {
            "declare another type, or see misfits => 'skip' or 'null'".to_string()
        } else {
            format!(
                "the type was guessed from pieces of the file; write types => '{} VARCHAR' (in a statement OPTIONS ('types' …)), sample => 'all' to                  look at all rows first, or misfits => 'skip' or 'null'",
                identifier(name)
            )
        };
        let problem = format!("line {line}: {name} is {data_type}, and '{shown}' is none; {advice}");
        coded(SqlState::INVALID_TEXT_REPRESENTATION, &file.detected.source.name, problem)
    }

    /// The error of a record that does not end.
    async fn endless(file: &CsvFile, place: u64, in_quotes: bool) -> DataFusionError {
        let line = match line(file, place).await {
            Ok(line) => line,
            Err(error) => return error,
        };
        let problem = match in_quotes {
            true => format!(
                "line {line}: a quote is opened and not closed, so that all that follows would be one value; mend it, or write quote => '' when                  quotes mean nothing in this file"
            ),
            false => format!("line {line}: a row of over {} MB; is it a CSV file?", LONGEST_RECORD >> 20),
        };
        coded(SqlState::BAD_COPY_FILE_FORMAT, &file.detected.source.name, problem)
    }
}

/// The line, from 1, in which a byte of a file's text stands.
async fn line(file: &CsvFile, place: u64) -> Result<usize> {
    let source = &file.detected.source;
    let mut pieces = source.pieces(0, if source.is_divisible() { place } else { source.meta.size }).await?;
    let (mut used, mut line) = (0, 1);
    loop {
        pieces.next(used, PIECE).await?;
        let left = usize::try_from(place.saturating_sub(pieces.place())).unwrap_or(usize::MAX);
        let bytes = &pieces.bytes()[..pieces.bytes().len().min(left)];
        line += bytes.iter().filter(|byte| **byte == file.detected.dialect.line_end).count();
        used = bytes.len();
        if bytes.is_empty() || pieces.is_last() {
            return Ok(line);
        }
    }
}

/// The error of a record of another number of fields.
fn ragged_row(file: &CsvFile, line: usize, ragged: &Ragged, text: &[u8]) -> DataFusionError {
    let width = file.columns.len();
    let shown: String = String::from_utf8_lossy(text).chars().take(80).collect();
    let problem = match ragged.problem {
        Problem::AfterQuote(column) => {
            let name = file.detected.names.get(column).map_or("a field", String::as_str);
            format!(
                "line {line}: {name} goes on after its closing quote: {shown}; quotes within quotes are doubled, or declared with escape => '\\'"
            )
        }
        Problem::Fields(found) => {
            let separator = file.detected.dialect.separator as char;
            format!(
                "line {line} has {found} {}, and the header {width}, divided by '{}': {shown}; mend it, or see ragged => 'skip' or 'pad', and \
                 separator => '…'",
                if found == 1 { "field" } else { "fields" },
                separator.escape_default()
            )
        }
    };
    coded(SqlState::BAD_COPY_FILE_FORMAT, &file.detected.source.name, problem)
}
