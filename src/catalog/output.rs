//! Rows on their way to a data file, with the memory that this takes.

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::memory_pool::MemoryReservation;

use super::Catalog;
use super::data::{DataWriter, Written};

/// Bytes of a file in the making that may wait in memory.
const MOST_WAITING: usize = 64 << 20;

/// A file in the making, with the memory it takes.
pub struct Output {
    writer: DataWriter,
    memory: MemoryReservation,
}

impl Output {
    /// Begins a file; `sorted_by` is the column its rows are in the order of.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn new(catalog: &Catalog, schema: &SchemaRef, sorted_by: Option<usize>, memory: &MemoryReservation) -> Result<Self> {
        Ok(Self { writer: catalog.data.create(schema, sorted_by)?, memory: memory.new_empty() })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// The disk is full, or fails; there is no memory left.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.writer.write(batch)?;
        let waiting = self.writer.memory();
        if waiting > MOST_WAITING || self.memory.try_resize(waiting).is_err() {
            self.writer.flush()?;
            self.memory.try_resize(self.writer.memory())?;
        }
        Ok(())
    }

    /// Ends the file and brings it to disk.
    ///
    /// # Errors
    /// The disk is full, or fails.
    pub fn finish(self) -> Result<Written> {
        self.writer.finish()
    }
}
