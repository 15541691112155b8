//! A change of rows that are written: some are lost, some are new.
//!
//! Files never change, and so those that lose rows are written anew without them, and no others are touched. A changed row is one that
//! is lost and one that is new.

use std::sync::Arc;

use datafusion::arrow::array::{BooleanArray, BooleanBufferBuilder};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};

use super::MANY_FILES;
use super::writing::Writing;
use crate::catalog::Catalog;
use crate::catalog::compaction::{Compaction, batches};
use crate::catalog::data::Pinned;
use crate::catalog::snapshots::{Part, Snapshot};
use crate::error::failed;

/// The rows that a table loses, of each file.
#[derive(Debug)]
pub struct Lost {
    files: Vec<Option<BooleanBufferBuilder>>,
    rows: Vec<usize>,
    memory: MemoryReservation,
    pub count: usize,
}

impl Lost {
    /// Of files that have so many rows.
    pub fn new(rows: Vec<usize>, context: &TaskContext) -> Self {
        let memory = MemoryConsumer::new("rows that change").register(context.memory_pool());
        Self { files: rows.iter().map(|_| None).collect(), rows, memory, count: 0 }
    }

    /// Loses a row; false when it was lost already.
    ///
    /// # Errors
    /// There is no memory left, or no such row.
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

    /// True for a file that loses rows.
    pub fn touches(&self, file: usize) -> bool {
        self.files.get(file).is_some_and(Option::is_some)
    }

    /// The rows of a batch that stay; the batch begins at row `first` of the file.
    ///
    /// # Errors
    /// None: the batch is of the file.
    pub fn staying(&self, file: usize, first: usize, batch: &RecordBatch) -> Result<RecordBatch> {
        let Some(Some(lost)) = self.files.get(file) else { return Ok(batch.clone()) };
        let stays = (first..first + batch.num_rows()).map(|row| Some(!lost.get_bit(row)));
        Ok(filter_record_batch(batch, &stays.collect::<BooleanArray>())?)
    }
}

/// The next state of a table that loses rows and gets others. The caller has the table's lock.
pub struct Change<'a> {
    catalog: &'a Catalog,
    newest: &'a Snapshot,
    files: &'a [Arc<Pinned>],
    writing: Writing<'a>,
    memory: MemoryReservation,
}

impl<'a> Change<'a> {
    /// Begins with a state of the table, whose files these are.
    pub fn new(
        catalog: &'a Catalog,
        name: &'a str,
        newest: &'a Snapshot,
        files: &'a [Arc<Pinned>],
        schema: &'a SchemaRef,
        context: &TaskContext,
    ) -> Self {
        let memory = MemoryConsumer::new(format!("files of table {name}")).register(context.memory_pool());
        Self { catalog, newest, files, writing: Writing::new(catalog, name, schema, context), memory }
    }

    /// Adds new rows.
    ///
    /// # Errors
    /// As [`Writing::add`].
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writing.add(batch)
    }

    /// Writes the files anew that lose rows, and publishes the new state, unless nothing has changed.
    ///
    /// # Errors
    /// A file is damaged, the disk fails, there is no memory left; another has published a state meanwhile.
    pub async fn publish(mut self, lost: &Lost) -> Result<()> {
        if lost.count == 0 && self.writing.rows() == 0 {
            return Ok(());
        }
        let mut others = vec![];
        for (number, (file, pin)) in self.newest.part(Part::Rows).into_iter().zip(self.files).enumerate() {
            if !lost.touches(number) {
                others.push(file);
                continue;
            }
            // A file is read as a whole.
            self.memory.try_resize(usize::try_from(pin.bytes).unwrap_or(usize::MAX))?;
            let mut first = 0;
            for batch in batches(pin)? {
                let batch = batch?;
                self.writing.add(&lost.staying(number, first, &batch)?)?;
                first += batch.num_rows();
                // Here the statement can be cancelled.
                tokio::task::consume_budget().await;
            }
        }
        self.memory.free();
        let compaction = Compaction::of(others, MANY_FILES);
        compaction.copy(self.catalog, |batch| self.writing.add(batch)).await?;
        self.writing.publish(Some(self.newest), compaction.kept, None).await
    }
}
