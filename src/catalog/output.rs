//! Writes rows to a data file, with memory accounting.

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::memory_pool::MemoryReservation;

use super::Catalog;
use super::data::{DataWriter, Written};

/// The number of bytes a file may buffer in memory.
const MOST_WAITING: usize = 64 << 20;

/// A file being written, with the memory it uses.
pub struct Output {
    writer: DataWriter,
    memory: MemoryReservation,
}

impl Output {
    /// Creates a file; `sorted_by` is the column that its rows are sorted by.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn new(catalog: &Catalog, schema: &SchemaRef, sorted_by: Option<usize>, memory: &MemoryReservation) -> Result<Self> {
        Ok(Self { writer: catalog.data.create(schema, sorted_by)?, memory: memory.new_empty() })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// The disk is full or fails, or memory runs out.
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

    /// Finishes the file and syncs it to disk.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn finish(self) -> Result<Written> {
        self.writer.finish()
    }
}
