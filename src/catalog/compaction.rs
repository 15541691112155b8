//! Compaction of small files. A writer that adds a little every night, or single rows, would leave one file per write, and reading them all
//! would take longer every day. Once many have accumulated, the next writer copies their rows into its own file.
//!
//! Files that are large are never copied again, so each row is copied only a few times, however long it is kept.

use bytes::Bytes;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::Catalog;
use super::data::{DataFile, Pinned, ROW_GROUP};
use super::intervals;

/// A file with fewer rows is small: half a row group.
const SMALL: i64 = (ROW_GROUP / 2) as i64;
/// A file with more bytes is not small, as small files are read into memory as a whole.
const SMALL_BYTES: i64 = 32 << 20;

/// How many bytes of a file, roughly, are read at a time.
const BATCH_BYTES: usize = 1 << 20;
const LEAST_ROWS: usize = 64;
const MOST_ROWS: usize = 8192;

/// The files of a table or history before a writer adds to them.
pub struct Compaction {
    /// Files that stay as they are.
    pub kept: Vec<DataFile>,
    /// Small files to be rewritten; empty while there are few.
    small: Vec<DataFile>,
}

impl Compaction {
    /// Small files are rewritten when there are at least `many`.
    pub fn of(files: Vec<DataFile>, many: usize) -> Self {
        let (small, mut kept): (Vec<_>, Vec<_>) =
            files.into_iter().filter(|file| file.rows > 0).partition(|file| file.rows < SMALL && file.bytes < SMALL_BYTES);
        if small.len() >= many {
            return Self { kept, small };
        }
        kept.extend(small);
        Self { kept, small: vec![] }
    }

    pub fn is_needed(&self) -> bool {
        !self.small.is_empty()
    }

    /// Passes the rows to be rewritten to `write`.
    ///
    /// # Errors
    /// A file cannot be read or has changed, or `write` fails.
    pub async fn copy(&self, catalog: &Catalog, mut write: impl FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        for file in &self.small {
            let pinned = catalog.data.pin(file)?;
            for batch in batches(&pinned)? {
                write(&batch?)?;
            }
            // A point at which the statement can be cancelled.
            tokio::task::consume_budget().await;
        }
        Ok(())
    }
}

/// The rows of a file, which is read into memory as a whole.
///
/// # Errors
/// The file cannot be read, or has changed.
pub fn batches(file: &Pinned) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
    Ok(restored(reading(file)?.build()?))
}

/// The rows as tables have them.
fn restored(rows: ParquetRecordBatchReader) -> impl Iterator<Item = Result<RecordBatch>> {
    rows.map(|batch| intervals::to_restored(batch?))
}

/// Some columns of the rows of a file, by position.
///
/// # Errors
/// As [`batches`].
pub fn columns(file: &Pinned, places: &[usize]) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
    let reading = reading(file)?;
    let places = ProjectionMask::roots(reading.parquet_schema(), places.iter().copied());
    Ok(restored(reading.with_projection(places).build()?))
}

fn reading(file: &Pinned) -> Result<ParquetRecordBatchReaderBuilder<Bytes>> {
    let bytes = file.read()?;
    let size = bytes.len();
    let reading = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, file.reading()?)?;
    let rows = usize::try_from(reading.metadata().file_metadata().num_rows()).unwrap_or(0);
    // Many at a time if they are short, as each batch costs something itself.
    let at_a_time = (BATCH_BYTES / (size / rows.max(1)).max(1)).clamp(LEAST_ROWS, MOST_ROWS);
    Ok(reading.with_batch_size(at_a_time))
}
