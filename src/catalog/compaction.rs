//! Small files become one: who writes a little every night, or a row at a time, would have a file for each, and reading them all would
//! take longer every day. When many have gathered, the next writer copies their rows into its own file.
//!
//! Files that are large already are never copied again, so that a row is copied a few times in its life, however long that is.

use bytes::Bytes;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::Catalog;
use super::data::{DataFile, Pinned, ROW_GROUP};

/// Rows up to which a file is small: half of what a statement puts into one.
const SMALL: i64 = (ROW_GROUP / 2) as i64;
/// Bytes up to which a file is small, as one of them is read as a whole.
const SMALL_BYTES: i64 = 32 << 20;

/// The files of a table or a history, before a writer adds to them.
pub struct Compaction {
    /// Files that stay as they are.
    pub kept: Vec<DataFile>,
    /// Files whose rows are written anew; none while there are few.
    small: Vec<DataFile>,
}

impl Compaction {
    /// Small files are written anew when there are at least so many.
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

    /// Hands on the rows that are to be written anew.
    ///
    /// # Errors
    /// A file cannot be read, or is not what it was; what goes wrong with writing.
    pub async fn copy(&self, catalog: &Catalog, mut write: impl FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        for file in &self.small {
            let pinned = catalog.data.pin(file)?;
            for batch in batches(&pinned)? {
                write(&batch?)?;
            }
            // Here the statement can be cancelled.
            tokio::task::consume_budget().await;
        }
        Ok(())
    }
}

/// The rows of a file, which is read as a whole.
///
/// # Errors
/// It cannot be read, or is not what it was.
pub fn batches(file: &Pinned) -> Result<ParquetRecordBatchReader> {
    Ok(reading(file)?.build()?)
}

/// Some columns of the rows of a file, by their places.
///
/// # Errors
/// As [`batches`].
pub fn columns(file: &Pinned, places: &[usize]) -> Result<ParquetRecordBatchReader> {
    let reading = reading(file)?;
    let places = ProjectionMask::roots(reading.parquet_schema(), places.iter().copied());
    Ok(reading.with_projection(places).build()?)
}

fn reading(file: &Pinned) -> Result<ParquetRecordBatchReaderBuilder<Bytes>> {
    Ok(ParquetRecordBatchReaderBuilder::try_new_with_options(file.read()?, file.reading()?)?)
}
