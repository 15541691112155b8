//! Changes to stored rows: some are removed, some are added.
//!
//! Files are immutable. So a file with removed rows is rewritten without them, and other files are not touched. An updated row is one
//! removed and one added row.

use std::sync::Arc;

use datafusion::arrow::array::{BooleanArray, BooleanBufferBuilder};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};

use super::MANY_FILES;
use super::constraints::Constraints;
use super::writing::Writing;
use crate::catalog::Catalog;
use crate::catalog::compaction::{Compaction, batches};
use crate::catalog::data::Pinned;
use crate::catalog::snapshots::{Part, Snapshot};
use crate::error::failed;

/// The rows that a table loses, by file.
#[derive(Debug)]
pub struct Lost {
    files: Vec<Option<BooleanBufferBuilder>>,
    rows: Vec<usize>,
    memory: MemoryReservation,
    pub count: usize,
}

impl Lost {
    /// An empty set for files with these row counts.
    pub fn new(rows: Vec<usize>, context: &TaskContext) -> Self {
        let memory = MemoryConsumer::new("rows that change").register(context.memory_pool());
        Self { files: rows.iter().map(|_| None).collect(), rows, memory, count: 0 }
    }

    /// Marks a row as removed; false when it already is.
    ///
    /// # Errors
    /// Memory runs out, or there is no such row.
    pub fn lose(&mut self, file: i64, row: i64) -> Result<bool> {
        let place = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
        let (file, row) = (place(file), place(row));
        let rows = self.rows.get(file).copied().filter(|rows| row < *rows);
        let (Some(rows), Some(lost)) = (rows, self.files.get_mut(file)) else {
            return Err(failed("row", format!("{row} of file {file} does not belong to the table")));
        };
        if lost.is_none() {
            self.memory.try_grow(rows / 8 + 1)?;
        }
        let lost = lost.get_or_insert_with(|| {
            let mut none = BooleanBufferBuilder::new(rows);
            none.append_n(rows, false);
            none
        });
        if lost.get_bit(row) {
            return Ok(false);
        }
        lost.set_bit(row, true);
        self.count += 1;
        Ok(true)
    }

    /// True for a file that has removed rows.
    pub fn touches(&self, file: usize) -> bool {
        self.files.get(file).is_some_and(Option::is_some)
    }

    /// The remaining rows of a batch that begins at row `first` of the file.
    ///
    /// # Errors
    /// None, as long as the batch is part of the file.
    pub fn staying(&self, file: usize, first: usize, batch: &RecordBatch) -> Result<RecordBatch> {
        let Some(Some(lost)) = self.files.get(file) else { return Ok(batch.clone()) };
        let stays = BooleanBuffer::collect_bool(batch.num_rows(), |row| !lost.get_bit(first + row));
        Ok(filter_record_batch(batch, &BooleanArray::new(stays, None))?)
    }
}

/// Builds the next state of a table from removed and added rows. The caller holds the table's lock.
pub struct Change<'a> {
    catalog: &'a Catalog,
    newest: &'a Snapshot,
    files: &'a [Arc<Pinned>],
    writing: Writing<'a>,
    memory: MemoryReservation,
}

impl<'a> Change<'a> {
    /// Starts from a state of the table, with its files.
    pub fn new(
        catalog: &'a Catalog,
        name: &'a str,
        newest: &'a Snapshot,
        files: &'a [Arc<Pinned>],
        (schema, constraints): (&'a SchemaRef, &Arc<Constraints>),
        context: &TaskContext,
    ) -> Result<Self> {
        let memory = MemoryConsumer::new(format!("files of table {name}")).register(context.memory_pool());
        let writing = Writing::new(catalog, name, schema, constraints, context)?;
        Ok(Self { catalog, newest, files, writing, memory })
    }

    /// Adds new rows.
    ///
    /// # Errors
    /// As [`Writing::add`].
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writing.add(batch)
    }

    /// Rewrites the files with removed rows and publishes the new state, unless nothing has changed.
    ///
    /// # Errors
    /// A file is damaged, the disk fails, or memory runs out; or another process has published a state meanwhile.
    pub async fn publish(mut self, lost: &Lost) -> Result<()> {
        if lost.count == 0 && self.writing.rows() == 0 {
            return Ok(());
        }
        self.writing.compare(self.files, Some(lost)).await?;
        let mut others = vec![];
        for (number, (file, pin)) in self.newest.part(Part::Rows).into_iter().zip(self.files).enumerate() {
            if !lost.touches(number) {
                others.push(file);
                continue;
            }
            // The file is read into memory as a whole.
            self.memory.try_resize(usize::try_from(pin.bytes).unwrap_or(usize::MAX))?;
            let mut first = 0;
            for batch in batches(pin)? {
                let batch = batch?;
                self.writing.copy(&lost.staying(number, first, &batch)?)?;
                first += batch.num_rows();
                // A point at which the statement can be cancelled.
                tokio::task::consume_budget().await;
            }
        }
        self.memory.free();
        let compaction = Compaction::of(others, MANY_FILES);
        compaction.copy(self.catalog, |batch| self.writing.copy(batch)).await?;
        self.writing.publish(Some(self.newest), compaction.kept, None).await
    }
}
