//! Writes the files of a table's next state and publishes it.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use fail::fail_point;
use futures::StreamExt;

use super::constraints::{Added, Constraints};
use super::create::{NewTable, publish_made};
use super::{KEEP, Lost};
use crate::catalog::Catalog;
use crate::catalog::data::{DataFile, Pinned, ROW_GROUP, Written};
use crate::catalog::intervals::is_interval;
use crate::catalog::output::Output;
use crate::catalog::runs::now;
use crate::catalog::snapshots::{NewSnapshot, Part, Snapshot, SnapshotOf};
use crate::error::{SqlState, coded};

/// This many files of a statement have the smallest size, the next as many twice that size, and so on. A change of one row rewrites one
/// file: in a table of six million rows or more that is less than a fiftieth of it, and the largest tables still have only some hundred
/// files.
const FILES_OF_A_SIZE: usize = 128;

/// The next state of a table being written. The caller holds the table's lock.
pub struct Writing<'a> {
    catalog: &'a Catalog,
    name: &'a str,
    schema: &'a SchemaRef,
    memory: MemoryReservation,
    /// The new rows, as far as the table's constraints speak of them.
    added: Added,
    /// The file being written, and its number of rows.
    output: Option<(Output, usize)>,
    finished: Vec<Written>,
    rows: i64,
}

impl<'a> Writing<'a> {
    /// Begins the next state of a table with these columns and constraints.
    ///
    /// # Errors
    /// The type of a column of a key cannot be compared.
    pub fn new(
        catalog: &'a Catalog,
        name: &'a str,
        schema: &'a SchemaRef,
        constraints: &Arc<Constraints>,
        context: &TaskContext,
    ) -> Result<Self> {
        // Files have them in parts, where keys are looked for.
        let places = constraints.keys.iter().flat_map(|key| &key.columns);
        if let Some(column) = places.map(|place| schema.field(*place)).find(|column| is_interval(column.data_type())) {
            let problem =
                format!("column {} has the type INTERVAL, which cannot be in a key; make a key of other columns", column.name());
            return Err(coded(SqlState::FEATURE_NOT_SUPPORTED, name, problem));
        }
        let memory = MemoryConsumer::new(format!("table {name}")).register(context.memory_pool());
        let keys = MemoryConsumer::new(format!("keys of table {name}")).register(context.memory_pool());
        let added = Added::new(constraints, name, schema, keys)?;
        Ok(Self { catalog, name, schema, memory, added, output: None, finished: vec![], rows: 0 })
    }

    /// The number of rows so far.
    pub fn rows(&self) -> i64 {
        self.rows
    }

    /// Adds all rows of a stream.
    ///
    /// # Errors
    /// Those of the stream, and of [`Self::add`].
    pub async fn write(&mut self, mut data: SendableRecordBatchStream) -> Result<()> {
        while let Some(batch) = data.next().await {
            self.add(&batch?)?;
            // A point at which the statement can be cancelled, even when its rows are always ready.
            tokio::task::consume_budget().await;
        }
        Ok(())
    }

    /// Adds new rows.
    ///
    /// # Errors
    /// A NULL where the table allows none, or another row that its constraints forbid; the disk is full or fails; memory runs out.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        self.added.add(batch)?;
        self.copy(batch)
    }

    /// Fails if a row of these files has the key of a new one, unless it is lost.
    ///
    /// # Errors
    /// The first such row; or a file is damaged.
    pub async fn compare(&mut self, files: &[Arc<Pinned>], lost: Option<&Lost>) -> Result<()> {
        self.added.compare_files(files, lost).await
    }

    /// Adds rows that the table has already.
    ///
    /// # Errors
    /// The disk is full or fails; memory runs out.
    pub fn copy(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut left = RecordBatch::try_new(SchemaRef::clone(self.schema), batch.columns().to_vec())?;
        self.rows += i64::try_from(left.num_rows()).unwrap_or(0);
        while left.num_rows() > 0 {
            let most = ROW_GROUP << (self.finished.len() / FILES_OF_A_SIZE).min(16);
            let (mut output, had) = self.output.take().map_or_else(|| Ok((self.begin()?, 0)), Ok::<_, DataFusionError>)?;
            let taken = left.num_rows().min(most - had);
            output.write(&left.slice(0, taken))?;
            left = left.slice(taken, left.num_rows() - taken);
            if had + taken == most {
                self.finished.push(output.finish()?);
            } else {
                self.output = Some((output, had + taken));
            }
        }
        Ok(())
    }

    fn begin(&self) -> Result<Output> {
        Output::new(self.catalog, self.schema, None, &self.memory)
    }

    /// Syncs the files to disk and publishes them together with the kept ones.
    ///
    /// # Errors
    /// The disk is full or fails; another process has published a state meanwhile; or replacing the table would break something.
    pub async fn publish(mut self, newest: Option<&Snapshot>, kept: Vec<DataFile>, made: Option<&NewTable<'_>>) -> Result<()> {
        fail_point!("table::written", |_| std::process::abort());
        // A table without rows needs a file without rows, which holds its columns.
        if self.output.is_none() && self.finished.is_empty() && kept.is_empty() {
            self.output = Some((self.begin()?, 0));
        }
        if let Some((output, _)) = self.output.take() {
            self.finished.push(output.finish()?);
        }
        fail_point!("table::finished", |_| std::process::abort());
        self.catalog.data.sync()?;
        fail_point!("table::synced", |_| std::process::abort());
        let new = NewSnapshot {
            of: SnapshotOf::Table,
            name: self.name,
            // Times strictly increase, even if the clock was set back.
            at: newest.map_or(i64::MIN, |newest| newest.at.saturating_add(1)).max(now()),
            rows: kept.iter().fold(self.rows, |rows, file| rows.saturating_add(file.rows)),
            expected: newest.map(|newest| newest.id),
            columns: vec![],
            new: self.finished.iter().map(|written| (Part::Rows, written.file.clone())).collect(),
            kept,
            keep: KEEP,
        };
        let published = match made {
            Some(made) => publish_made(self.catalog, &new, made).await,
            None => self.catalog.publish(&new, None),
        };
        fail_point!("table::published", |_| std::process::abort());
        // Keep the files: after a disk error the commit may or may not have happened. If the catalog does not refer to them, they are
        // collected.
        self.catalog.hold_files(self.finished);
        published?;
        // What cannot be removed now is removed later; the rows are published.
        let _ = self.catalog.collect();
        Ok(())
    }
}
