//! Reads text files part by part, piece by piece, batch by batch.
//!
//! A format finds rows in the current bytes and decodes them into columns ([`Decoder`]). This module has what all formats share: it
//! fetches parts in pieces, gets more bytes for a truncated row, and reserves memory before using it. Values that do not fit are skipped,
//! set to NULL, or reported as an error with their line.

use std::collections::{HashMap, VecDeque};
use std::fmt::Debug;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_plan::metrics::{BaselineMetrics, Count};

use super::bytes::{self, LONGEST_ROW, PIECE, Pieces};
use super::policy::{Policy, emptied, skipped};
use super::source::{Reader, Source, SourceContext};
use super::table::{Part, Scan};
use crate::adapter::step::Notes;

/// The files of a table, all of one format.
pub trait TextFiles: Debug + Send + Sync + 'static {
    type Decoder: Decoder;

    /// The name of the plan node.
    const NAME: &'static str;

    fn source(&self, file: usize) -> &bytes::Source;

    /// The byte that ends a line of the file.
    fn line_end(&self, file: usize) -> u8;

    /// What to do with values that do not fit.
    fn misfits(&self) -> Policy;

    /// What to tell the user about the files.
    fn note(&self) -> Option<String> {
        None
    }

    /// A decoder for a scan.
    ///
    /// # Errors
    /// A column has a type that cannot be decoded.
    fn decoder(self: Arc<Self>, scan: Arc<Scan>) -> Result<Self::Decoder>;
}

/// The current bytes.
#[derive(Debug, Clone, Copy)]
pub struct Here<'a> {
    pub bytes: &'a [u8],
    /// Their position in the piece.
    pub start: usize,
    /// Whether nothing follows them in the part.
    pub is_last: bool,
}

/// The columns of some rows.
#[derive(Debug)]
pub struct Decoded<F> {
    pub rows: usize,
    /// The arrays, by column of the table.
    pub arrays: HashMap<usize, ArrayRef>,
    /// Rows that were already skipped.
    pub skipped: usize,
    /// Values that do not fit and are NULL in the arrays, with their rows from 0. The first one of the first such row is reported.
    pub misfits: Vec<(usize, F)>,
}

/// Finds rows in bytes, and decodes them into columns.
pub trait Decoder: Send + 'static {
    /// An error in a row or a value.
    type Fault: Send;

    /// Begins a part; `is_end` says that the file ends with it.
    fn begin(&mut self, part: &Part, is_end: bool);

    /// The memory for decoding, in addition to the piece itself.
    fn memory(&self, piece: usize) -> usize;

    /// Examines a new piece before rows are taken from it.
    fn look_at(&mut self, _piece: &[u8]) {}

    /// Takes up to `most` complete rows, and returns their length in bytes; 0 when the first row is truncated.
    ///
    /// # Errors
    /// A row is invalid.
    fn take(&mut self, here: Here<'_>, most: usize) -> Result<usize, Self::Fault>;

    /// The columns of the rows that were last taken.
    ///
    /// # Errors
    /// The values cannot be made into arrays.
    fn decoded(&mut self, here: Here<'_>) -> Result<Decoded<Self::Fault>>;

    /// An error at the end of a part, if there is one.
    fn end(&self) -> Option<Self::Fault> {
        None
    }

    /// The error for a row that does not end.
    fn endless(&self) -> Self::Fault;

    /// The position of a fault in the current bytes.
    fn place(&self, fault: &Self::Fault) -> usize;

    /// The error message for a fault in this line.
    fn error(&self, here: Here<'_>, line: usize, fault: Self::Fault) -> DataFusionError;
}

/// Scans parts of a table's files.
#[derive(Debug)]
pub struct TextScan<F> {
    pub files: Arc<F>,
    pub scan: Arc<Scan>,
}

impl<F: TextFiles> Source for TextScan<F> {
    type Reader = TextReader<F>;

    fn name(&self) -> &'static str {
        F::NAME
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

    fn reader(&self, context: SourceContext) -> Result<TextReader<F>> {
        if let Some(note) = self.files.note().filter(|_| context.partition == 0) {
            Notes::of(&context.metrics).tell(note);
        }
        Ok(TextReader {
            decoder: Arc::clone(&self.files).decoder(Arc::clone(&self.scan))?,
            files: Arc::clone(&self.files),
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

/// The part that is being read.
struct Open {
    file: usize,
    pieces: Pieces,
    /// The number of current bytes that are used.
    used: usize,
    /// The number of bytes to read next.
    size: usize,
}

/// The fault type of a format.
type FaultOf<F> = <<F as TextFiles>::Decoder as Decoder>::Fault;

/// Reads the parts of one partition, batch by batch.
pub struct TextReader<F: TextFiles> {
    files: Arc<F>,
    decoder: F::Decoder,
    scan: Arc<Scan>,
    parts: VecDeque<Part>,
    /// The number of rows still needed for the limit.
    left: usize,
    batch_size: usize,
    memory: MemoryReservation,
    bytes_scanned: Count,
    skipped: Count,
    emptied: Count,
    baseline: BaselineMetrics,
    open: Option<Open>,
}

impl<F: TextFiles> Reader for TextReader<F> {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while self.left > 0 {
            let mut open = match self.open.take() {
                Some(open) => open,
                None => match self.parts.pop_front() {
                    Some(part) => self.begin(&part).await?,
                    None => break,
                },
            };
            if open.used >= open.pieces.bytes().len() {
                if open.pieces.is_last() {
                    match self.decoder.end() {
                        Some(fault) => return Err(self.error(open, fault).await),
                        None => continue,
                    }
                }
                self.fetch(&mut open).await?;
                if open.pieces.bytes().is_empty() {
                    self.open = Some(open);
                    continue;
                }
            }
            let timer = self.baseline.elapsed_compute().timer();
            let taken = self.decoder.take(here(&open), self.batch_size.min(self.left));
            timer.done();
            let taken = match taken {
                Ok(0) if open.pieces.is_last() || open.used == 0 && open.size >= LONGEST_ROW => Err(self.decoder.endless()),
                taken => taken,
            };
            let taken = match taken {
                Ok(taken) => taken,
                Err(fault) => return Err(self.error(open, fault).await),
            };
            if taken == 0 {
                if open.used == 0 {
                    open.size *= 4;
                }
                self.fetch(&mut open).await?;
                self.open = Some(open);
                continue;
            }
            let timer = self.baseline.elapsed_compute().timer();
            let decoded = self.decoder.decoded(here(&open))?;
            timer.done();
            let batch = match self.batch(open.file, decoded)? {
                Ok(batch) => batch,
                Err(fault) => return Err(self.error(open, fault).await),
            };
            open.used += taken;
            self.open = Some(open);
            if let Some(batch) = batch {
                self.left -= batch.num_rows().min(self.left);
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }
}

impl<F: TextFiles> TextReader<F> {
    async fn begin(&mut self, part: &Part) -> Result<Open> {
        let source = self.files.source(part.file);
        self.decoder.begin(part, part.range.end == source.meta.size);
        let pieces = source.pieces(part.range.start, part.range.end).await?;
        Ok(Open { file: part.file, pieces, used: 0, size: PIECE })
    }

    async fn fetch(&mut self, open: &mut Open) -> Result<()> {
        self.memory.try_resize(open.size + self.decoder.memory(open.size))?;
        open.pieces.next(open.used, open.size).await?;
        open.used = 0;
        self.decoder.look_at(open.pieces.bytes());
        self.bytes_scanned.add(open.pieces.bytes().len());
        Ok(())
    }

    /// The batch of some rows, or the fault that ends the scan; `None` when all rows are skipped.
    fn batch(&self, file: usize, decoded: Decoded<FaultOf<F>>) -> Result<std::result::Result<Option<RecordBatch>, FaultOf<F>>> {
        let Decoded { rows, arrays, skipped, misfits } = decoded;
        self.skipped.add(skipped);
        if rows == 0 {
            return Ok(Ok(None));
        }
        let mut fits = vec![];
        match self.files.misfits() {
            _ if misfits.is_empty() => {}
            Policy::Null => self.emptied.add(misfits.len()),
            Policy::Skip => {
                fits.resize(rows, true);
                misfits.iter().for_each(|(row, _)| fits[*row] = false);
            }
            // The fault of the first row, so that the error does not depend on the order of the columns.
            Policy::Error => {
                if let Some((_, fault)) = misfits.into_iter().min_by_key(|(row, _)| *row) {
                    return Ok(Err(fault));
                }
            }
        }
        let batch = self.scan.batch(file, &arrays, rows)?;
        if fits.is_empty() {
            return Ok(Ok(Some(batch)));
        }
        self.skipped.add(fits.iter().filter(|fits| !**fits).count());
        let batch = filter_record_batch(&batch, &BooleanArray::from(fits))?;
        Ok(Ok((batch.num_rows() > 0).then_some(batch)))
    }

    /// The error for a fault in the current bytes.
    async fn error(&mut self, open: Open, fault: FaultOf<F>) -> DataFusionError {
        let place = open.pieces.place() + (open.used + self.decoder.place(&fault)) as u64;
        match self.files.source(open.file).line(place, self.files.line_end(open.file)).await {
            Ok(line) => self.decoder.error(here(&open), line, fault),
            Err(error) => error,
        }
    }
}

/// The unused part of the current bytes.
fn here(open: &Open) -> Here<'_> {
    let bytes = open.pieces.bytes();
    Here { bytes: &bytes[open.used.min(bytes.len())..], start: open.used, is_last: open.pieces.is_last() }
}
