//! Reading files of text: part by part, piece by piece, batch by batch.
//!
//! A format finds rows in the bytes at hand and makes columns of them ([`Decoder`]). What is the same for all stands here: parts are
//! fetched in pieces, a row that is cut off gets more bytes, memory is taken before it is used, and what does not fit is left out,
//! emptied or an error, with its line.

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

/// The files of a table, of one format.
pub trait TextFiles: Debug + Send + Sync + 'static {
    type Decoder: Decoder;

    /// The name of the node in plans.
    const NAME: &'static str;

    fn source(&self, file: usize) -> &bytes::Source;

    /// What ends a line of the file.
    fn line_end(&self, file: usize) -> u8;

    /// What becomes of values that do not fit.
    fn misfits(&self) -> Policy;

    /// What reads them for a scan.
    ///
    /// # Errors
    /// A column has a type that cannot be read.
    fn decoder(self: Arc<Self>, scan: Arc<Scan>) -> Result<Self::Decoder>;
}

/// The bytes at hand.
#[derive(Debug, Clone, Copy)]
pub struct Here<'a> {
    pub bytes: &'a [u8],
    /// Where they begin in the piece.
    pub start: usize,
    /// Whether nothing comes after them in the part.
    pub is_last: bool,
}

/// The columns of some rows.
#[derive(Debug)]
pub struct Decoded<F> {
    pub rows: usize,
    /// By the columns of the table.
    pub arrays: HashMap<usize, ArrayRef>,
    /// Rows that were left out before.
    pub skipped: usize,
    /// Values that do not fit and become NULL, each with its row from 0; the first one of a row is reported.
    pub misfits: Vec<(usize, F)>,
}

/// Finds rows in bytes, and makes columns of them.
pub trait Decoder: Send + 'static {
    /// What is wrong with a row or a value.
    type Fault: Send;

    /// Begins a part; `is_end`: the file ends with it.
    fn begin(&mut self, part: &Part, is_end: bool);

    /// Bytes that decoding takes, in addition to those of the piece.
    fn memory(&self, piece: usize) -> usize;

    /// Looks at a new piece before its rows are taken.
    fn look_at(&mut self, _piece: &[u8]) {}

    /// Takes up to `most` whole rows, and tells how many bytes they have; 0 when the first is cut off.
    ///
    /// # Errors
    /// A row is invalid.
    fn take(&mut self, here: Here<'_>, most: usize) -> Result<usize, Self::Fault>;

    /// The columns of the rows that were taken last.
    ///
    /// # Errors
    /// They make no arrays.
    fn decoded(&mut self, here: Here<'_>) -> Result<Decoded<Self::Fault>>;

    /// What is wrong when the bytes of a part are used up.
    fn end(&self) -> Option<Self::Fault> {
        None
    }

    /// What is wrong with the row at hand when it does not end.
    fn endless(&self) -> Self::Fault;

    /// Where a fault is, in the bytes at hand.
    fn place(&self, fault: &Self::Fault) -> usize;

    /// The error of a fault in this line.
    fn error(&self, here: Here<'_>, line: usize, fault: Self::Fault) -> DataFusionError;
}

/// Reads parts of the files of a table.
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

/// A part that is being read.
struct Open {
    file: usize,
    pieces: Pieces,
    /// How much of the bytes at hand is used.
    used: usize,
    /// Bytes to be read next.
    size: usize,
}

/// What a format finds wrong.
type FaultOf<F> = <<F as TextFiles>::Decoder as Decoder>::Fault;

/// Reads the parts of one partition, batch by batch.
pub struct TextReader<F: TextFiles> {
    files: Arc<F>,
    decoder: F::Decoder,
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

    /// The batch of some rows, or the fault that ends reading; `None` when no row is left of them.
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
            // Of several that of the first row: the same whatever is read beside it.
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

    /// The error of a fault in the bytes at hand.
    async fn error(&mut self, open: Open, fault: FaultOf<F>) -> DataFusionError {
        let place = open.pieces.place() + (open.used + self.decoder.place(&fault)) as u64;
        match self.files.source(open.file).line(place, self.files.line_end(open.file)).await {
            Ok(line) => self.decoder.error(here(&open), line, fault),
            Err(error) => error,
        }
    }
}

/// What is not used of the bytes at hand.
fn here(open: &Open) -> Here<'_> {
    let bytes = open.pieces.bytes();
    Here { bytes: &bytes[open.used.min(bytes.len())..], start: open.used, is_last: open.pieces.is_last() }
}
