//! Reading the objects of JSON files.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{Fields, SchemaRef};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_plan::metrics::{BaselineMetrics, Count};

use super::decode::{Found, Members, Misfit, Problem, path};
use super::detect::{Detected, Framing};
use super::options::JsonOptions;
use super::tokens::{Cursor, Marks, Wrong};
use crate::error::{SqlState, coded};
use crate::files::bytes::{LONGEST_ROW, PIECE, Pieces};
use crate::files::policy::{Policy, emptied, skipped};
use crate::files::source::{Reader, Source, SourceContext};
use crate::files::table::{Part, Scan};
use crate::text::{sql_type, written_name};

/// The JSON files of a table.
#[derive(Debug)]
pub struct JsonRows {
    pub files: Vec<Detected>,
    /// The columns of the files.
    pub fields: Fields,
    pub options: JsonOptions,
    /// Whether the columns were declared: what is not among them is passed over.
    pub is_declared: bool,
}

/// Reads parts of the files of a table.
#[derive(Debug)]
pub struct JsonScan {
    pub rows: Arc<JsonRows>,
    pub scan: Arc<Scan>,
}

impl Source for JsonScan {
    type Reader = JsonReader;

    fn name(&self) -> &'static str {
        "JsonExec"
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

    fn reader(&self, context: SourceContext) -> Result<JsonReader> {
        let policy = self.rows.options.misfits;
        // What a row is must not depend on the columns that are read.
        let asked = (policy != Policy::Skip).then_some(self.scan.projection.as_slice());
        Ok(JsonReader {
            columns: Members::new(&self.rows.fields, asked)?,
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
    marks: Marks,
    list: List,
    /// Whether the part ends with the file.
    is_end: bool,
}

/// How far a list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    /// An object or the end comes next.
    Begun,
    /// A comma or the end.
    AfterObject,
    Ended,
}

/// Reads the parts of one partition, batch by batch.
pub struct JsonReader {
    rows: Arc<JsonRows>,
    scan: Arc<Scan>,
    columns: Members,
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
}

/// Why reading stopped.
enum Stop {
    /// There are enough rows.
    Enough,
    /// The next object is not whole in the bytes at hand.
    Cut,
    /// Nothing is left of the bytes at hand.
    Used,
    Wrong(Wrong),
}

impl Reader for JsonReader {
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
                    let file = &self.rows.files[open.file];
                    if file.framing == Framing::List && open.is_end && open.list != List::Ended {
                        let place = open.pieces.place() + open.used as u64;
                        drop(open);
                        let wrong = Wrong { at: 0, problem: "the file ends within its list: a ] is missing" };
                        return Err(no_json(file, place, &wrong, b"").await);
                    }
                    continue;
                }
                self.fetch(&mut open).await?;
            }
            let rows = Arc::clone(&self.rows);
            let file = &rows.files[open.file];
            let bytes = open.pieces.bytes().slice(open.used..);
            let mut found = Found::new(rows.is_declared || rows.options.misfits == Policy::Null);
            let elapsed = self.baseline.elapsed_compute().clone();
            let timer = elapsed.timer();
            let (count, consumed, stop) = self.read(file.framing, &bytes, &mut open, &mut found);
            timer.done();
            let place = open.pieces.place() + open.used as u64;
            if let Stop::Wrong(wrong) = &stop {
                return Err(no_json(file, place, wrong, &bytes).await);
            }
            open.used += consumed;
            if count == 0 && matches!(stop, Stop::Cut) {
                if open.size >= LONGEST_ROW {
                    let wrong = Wrong { at: consumed, problem: "an object of over 64 MB; is a bracket or a quote not closed?" };
                    return Err(no_json(file, place, &wrong, &bytes).await);
                }
                if open.used == 0 {
                    open.size *= 4;
                }
                self.fetch(&mut open).await?;
            }
            let number = open.file;
            self.open = Some(open);
            if let Some(batch) = self.batch(number, &bytes, place, count, found).await? {
                self.left -= batch.num_rows().min(self.left);
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }
}

impl JsonReader {
    async fn begin(&mut self, part: Part) -> Result<Open> {
        let file = &self.rows.files[part.file];
        let pieces = file.source.pieces(part.range.start, part.range.end).await?;
        let is_end = part.range.end == file.source.meta.size;
        Ok(Open { file: part.file, pieces, used: 0, size: PIECE, marks: Marks::default(), list: List::Begun, is_end })
    }

    async fn fetch(&mut self, open: &mut Open) -> Result<()> {
        // The bytes, and what becomes of them.
        self.memory.try_resize(open.size * 3)?;
        open.pieces.next(open.used, open.size).await?;
        open.used = 0;
        open.marks.mark(open.pieces.bytes());
        self.bytes_scanned.add(open.pieces.bytes().len());
        Ok(())
    }

    /// Takes objects from the bytes: how many, how many bytes they have, and why it stopped.
    fn read(&mut self, framing: Framing, bytes: &[u8], open: &mut Open, found: &mut Found) -> (usize, usize, Stop) {
        let is_last = open.pieces.is_last();
        let whole = match framing {
            // Up to the last end of a line all objects are whole.
            Framing::Lines if !is_last => bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1),
            _ => bytes.len(),
        };
        if whole == 0 && !bytes.is_empty() {
            return (0, 0, Stop::Cut);
        }
        let mut cursor = Cursor::with_marks(&bytes[..whole], &open.marks, open.used);
        let most = self.batch_size.min(self.left);
        let mut consumed = 0;
        while found.row < most {
            let Some(next) = cursor.peek() else {
                return (found.row, whole, Stop::Used);
            };
            if framing == Framing::List {
                match (open.list, next) {
                    (List::Ended, _) => {
                        return (found.row, consumed, Stop::Wrong(cursor.wrong("something after the end of the list")));
                    }
                    (List::AfterObject, b',') => {
                        cursor.at += 1;
                        open.list = List::Begun;
                        // What comes must be an object.
                        match cursor.peek() {
                            Some(b']') => {
                                return (found.row, consumed, Stop::Wrong(cursor.wrong("a comma before the end of the list")));
                            }
                            Some(_) => {}
                            None => return (found.row, cursor.at, Stop::Used),
                        }
                    }
                    (_, b']') => {
                        cursor.at += 1;
                        open.list = List::Ended;
                        consumed = cursor.at;
                        continue;
                    }
                    (List::AfterObject, _) => return (found.row, consumed, Stop::Wrong(cursor.wrong("a comma or ] is missing"))),
                    (List::Begun, _) => {}
                }
            }
            consumed = cursor.at;
            if cursor.peek() != Some(b'{') {
                let wrong = match cursor.begins() {
                    Ok(_) => cursor.wrong("a value where an object is expected, whose names are the columns"),
                    Err(wrong) => wrong,
                };
                return (found.row, consumed, Stop::Wrong(wrong));
            }
            // An object that is cut leaves halves in the columns: whether it is whole is seen before.
            if framing != Framing::Lines && !is_last && cursor.clone().skip().is_err() {
                return (found.row, consumed, Stop::Cut);
            }
            if let Err(wrong) = self.columns.add(&mut cursor, found) {
                return (found.row, consumed, Stop::Wrong(wrong));
            }
            found.row += 1;
            open.list = List::AfterObject;
            consumed = cursor.at;
        }
        (found.row, consumed, Stop::Enough)
    }

    /// The batch of the objects at hand; `None` when no row is left of them.
    async fn batch(
        &mut self,
        file: usize,
        bytes: &Bytes,
        place: u64,
        rows: usize,
        mut found: Found,
    ) -> Result<Option<RecordBatch>> {
        if rows == 0 {
            return Ok(None);
        }
        let arrays: HashMap<_, _> = self.columns.finish(&mut found)?.into_iter().collect();
        let mut fits = vec![];
        match self.rows.options.misfits {
            _ if found.misfits.is_empty() => {}
            Policy::Null => self.emptied.add(found.misfits.len()),
            Policy::Skip => {
                fits.resize(rows, true);
                found.misfits.iter().for_each(|misfit| fits[misfit.row] = false);
            }
            // Of several the first: the same whatever is read beside it.
            Policy::Error => {
                if let Some(first) = found.misfits.iter().min_by_key(|misfit| (misfit.row, misfit.at)) {
                    return Err(misfit(&self.rows, file, place, first, bytes).await);
                }
            }
        }
        let batch = self.scan.batch(file, &arrays, rows)?;
        if fits.is_empty() {
            return Ok(Some(batch));
        }
        self.skipped.add(fits.iter().filter(|fits| !**fits).count());
        let batch = filter_record_batch(&batch, &BooleanArray::from(fits))?;
        Ok((batch.num_rows() > 0).then_some(batch))
    }
}

/// The error of a value that does not fit its column.
async fn misfit(rows: &JsonRows, file: usize, place: u64, misfit: &Misfit, bytes: &[u8]) -> DataFusionError {
    let file = &rows.files[file];
    let line = match file.source.line(place + misfit.at as u64, b'\n').await {
        Ok(line) => line,
        Err(error) => return error,
    };
    let mut value = Cursor::new(bytes);
    value.at = misfit.at.min(bytes.len());
    let raw = value.raw().unwrap_or(misfit.at..bytes.len());
    let shown: String = String::from_utf8_lossy(&bytes[raw]).chars().take(60).collect();
    let path = object_around(bytes, misfit.row, file.framing, misfit.at)
        .map(|(start, object)| path(object, misfit.at - start))
        .unwrap_or_default();
    let column = path.split(['.', '[']).next().unwrap_or_default();
    let problem = match &misfit.problem {
        Problem::Twice(name) => {
            format!("line {line}: an object has {name} twice; what it means cannot be told, mend the file")
        }
        Problem::New(name) => format!(
            "line {line}: {name} is a name that the objects from which the columns were taken do not have; write sample => 'all' to take them \
             from all, misfits => 'null' to pass over what is not known, or declare the columns"
        ),
        Problem::Type(data_type) => {
            let advice = if rows.is_declared || rows.options.types.iter().any(|(name, _)| name == column) {
                "declare another type, or see misfits => 'skip' or 'null'".to_string()
            } else {
                let name = written_name(column);
                format!(
                    "the type was taken from pieces of the file; write types => '{name} VARCHAR' (in a statement OPTIONS ('types' …)), \
                     sample => 'all' to look at all rows first, or misfits => 'skip' or 'null'"
                )
            };
            format!("line {line}: {path} is {}, and {shown} is none; {advice}", sql_type(data_type))
        }
    };
    coded(SqlState::INVALID_TEXT_REPRESENTATION, &file.source.name, problem)
}
/// The object of a row, and where it begins.
fn object_around(bytes: &[u8], row: usize, framing: Framing, at: usize) -> Option<(usize, &[u8])> {
    let mut cursor = Cursor::new(bytes);
    for _ in 0..=row {
        while cursor.peek().is_some_and(|byte| framing == Framing::List && byte == b',') {
            cursor.at += 1;
        }
        let object = cursor.raw().ok()?;
        if object.contains(&at) {
            return Some((object.start, &bytes[object]));
        }
    }
    None
}

/// The error of bytes that are no JSON.
async fn no_json(file: &Detected, place: u64, wrong: &Wrong, bytes: &[u8]) -> DataFusionError {
    let line = match file.source.line(place + wrong.at as u64, b'\n').await {
        Ok(line) => line,
        Err(error) => return error,
    };
    let at = wrong.at.min(bytes.len());
    let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1).max(at.saturating_sub(30));
    let shown: String = String::from_utf8_lossy(&bytes[start..]).lines().next().unwrap_or_default().chars().take(60).collect();
    let near = if shown.is_empty() { String::new() } else { format!(", near {shown}") };
    coded(SqlState::BAD_COPY_FILE_FORMAT, &file.source.name, format!("line {line}: {}{near}", wrong.problem))
}
