//! Reading the rows of CSV files.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_plan::metrics::{BaselineMetrics, Count};

use super::columns::{Misfit, Texts};
use super::detect::{Detected, not_utf_8};
use super::options::CsvOptions;
use super::records::{Field, Problem, Ragged, Records, Shape};
use crate::error::{SqlState, coded};
use crate::files::bytes::{LONGEST_ROW, PIECE, Pieces};
use crate::files::policy::{Policy, emptied, skipped};
use crate::files::source::{Reader, Source, SourceContext};
use crate::files::table::{Part, Scan};
use crate::text::{sql_type, written_name};

/// A CSV file of a table.
#[derive(Debug)]
pub struct CsvFile {
    pub detected: Detected,
    /// For each of its columns, the column of the table that it is.
    pub columns: Vec<Option<usize>>,
}

/// The CSV files of a table.
#[derive(Debug)]
pub struct CsvRows {
    pub files: Vec<CsvFile>,
    pub options: CsvOptions,
    /// For each column of the files, whether its type was said rather than guessed.
    pub is_declared: Vec<bool>,
}

/// Reads parts of the files of a table.
#[derive(Debug)]
pub struct CsvScan {
    pub rows: Arc<CsvRows>,
    pub scan: Arc<Scan>,
}

impl Source for CsvScan {
    type Reader = CsvReader;

    fn name(&self) -> &'static str {
        "CsvExec"
    }

    fn describe(&self) -> String {
        self.scan.describe()
    }

    fn schema(&self) -> &SchemaRef {
        &self.scan.schema
    }

    fn partitions(&self) -> usize {
        self.scan.parts.len()
    }

    fn reader(&self, context: SourceContext) -> Result<CsvReader> {
        Ok(CsvReader {
            rows: Arc::clone(&self.rows),
            scan: Arc::clone(&self.scan),
            parts: self.scan.parts.get(context.partition).cloned().unwrap_or_default().into(),
            left: self.scan.limit.unwrap_or(usize::MAX),
            bytes_scanned: context.counter("bytes_scanned"),
            skipped: skipped().count(&context.metrics, context.partition),
            emptied: emptied().count(&context.metrics, context.partition),
            batch_size: context.batch_size,
            memory: context.memory,
            baseline: context.baseline,
            open: None,
            records: Records::default(),
        })
    }
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
pub struct CsvReader {
    rows: Arc<CsvRows>,
    scan: Arc<Scan>,
    parts: VecDeque<Part>,
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

impl Reader for CsvReader {
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
            let rows = Arc::clone(&self.rows);
            let file = &rows.files[open.file];
            let bytes = open.pieces.bytes().slice(open.used..);
            self.records.clear();
            let timer = self.baseline.elapsed_compute().timer();
            let most = self.batch_size.min(self.left);
            let stop = self.records.read(&file.detected.dialect, &open.shape, &bytes, open.pieces.is_last(), most);
            timer.done();
            if stop.consumed == 0 {
                if open.pieces.is_last() || open.used == 0 && open.size >= LONGEST_ROW {
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
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }
}

impl CsvReader {
    async fn begin(&mut self, part: Part) -> Result<Open> {
        let file = &self.rows.files[part.file];
        let pieces = file.detected.source.pieces(part.range.start, part.range.end).await?;
        // What a row is must not depend on the columns that are read.
        let reads_all = self.rows.options.misfits == Policy::Skip;
        let is_read = |column: &Option<usize>| column.is_some_and(|column| reads_all || self.scan.projection.contains(&column));
        let shape = Shape { kept: file.columns.iter().map(is_read).collect(), short: self.rows.options.short() };
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
        let options = &self.rows.options;
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
            let array = options.reading.array(&texts, self.scan.layout.schema.field(column).data_type(), &mut misfits)?;
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
        let batch = self.scan.batch(open.file, &arrays, rows)?;
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
        let field = self.scan.layout.schema.field(column);
        if field.data_type() == &DataType::Utf8View {
            let place = std::str::from_utf8(bytes).err().map_or(0, |error| error.valid_up_to());
            return not_utf_8(&format!("{} line {line}", file.detected.source.name), bytes, place);
        }
        let (name, data_type) = (field.name(), sql_type(field.data_type()));
        let shown: String = misfit.text.chars().take(60).collect();
        let advice = if self.rows.is_declared.get(column) == Some(&true) {
            "declare another type, or see misfits => 'skip' or 'null'".to_string()
        } else {
            format!(
                "the type was guessed from pieces of the file; write types => '{} VARCHAR' (in a statement OPTIONS ('types' …)), sample => 'all' to look at all rows first, or misfits => 'skip' or 'null'",
                written_name(name)
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
                "line {line}: a quote is opened and not closed, so that all that follows would be one value; mend it, or write quote => '' when quotes mean nothing in this file"
            ),
            false => format!("line {line}: a row of over {} MB; is it a CSV file?", LONGEST_ROW >> 20),
        };
        coded(SqlState::BAD_COPY_FILE_FORMAT, &file.detected.source.name, problem)
    }
}

/// The line, from 1, in which a byte of a file's text stands.
async fn line(file: &CsvFile, place: u64) -> Result<usize> {
    file.detected.source.line(place, file.detected.dialect.line_end).await
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
            let shown_separator = separator.escape_default().to_string();
            let has_space = shown.contains(&format!("{separator} \""));
            let cause = if has_space {
                format!(
                    "; a quote after a space is part of the text, and a {shown_separator} after it divides: take the spaces before quotes out"
                )
            } else {
                String::new()
            };
            format!(
                "line {line} has {found} {}, and the header {width}, divided by '{shown_separator}': {shown}{cause}; mend it, or see ragged => 'skip' or 'pad', and \
                 separator => '…'",
                if found == 1 { "field" } else { "fields" },
            )
        }
    };
    coded(SqlState::BAD_COPY_FILE_FORMAT, &file.detected.source.name, problem)
}
