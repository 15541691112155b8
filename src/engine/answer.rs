//! What a statement answers: batches, progress, notes.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::MetricValue;
use futures::StreamExt;
use tokio::sync::mpsc;

use super::files::parquet_problem;
use super::writes::Staged;
use super::{AbortOnDrop, Engine, panicked};
use crate::error::{failed, message};
use crate::functions::usable_rows::ROWS_WITHOUT;

/// The rows of a statement, as they come. Dropping it stops the work.
pub struct Answer {
    schema: SchemaRef,
    batches: mpsc::Receiver<Result<RecordBatch>>,
    work: Option<AbortOnDrop<()>>,
    plan: Option<Arc<dyn ExecutionPlan>>,
    notes: Vec<String>,
}

/// How far a running statement is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows read from tables.
    pub rows: usize,
    /// Bytes read from files.
    pub bytes: usize,
}

impl Answer {
    /// Starts a plan; its batches wait here until they are taken. What it writes is published when every batch came
    /// without an error, and discarded otherwise.
    pub(super) fn start(
        engine: &Engine,
        plan: Arc<dyn ExecutionPlan>,
        mut stream: SendableRecordBatchStream,
        staged: Option<Staged>,
    ) -> Self {
        let schema = stream.schema();
        let (sender, batches) = mpsc::channel(2);
        let reading = Arc::clone(&plan);
        let work = engine.runtime().spawn(async move {
            while let Some(batch) = stream.next().await {
                if let Err(error) = batch {
                    drop(stream);
                    if let Some(staged) = staged {
                        staged.discard().await;
                    }
                    let _ = sender.send(Err(name_files(&reading, error))).await;
                    return;
                }
                if sender.send(batch).await.is_err() {
                    return;
                }
            }
            if let Some(Err(error)) = staged.map(Staged::publish) {
                let _ = sender.send(Err(error)).await;
            }
        });
        Self { schema, batches, work: Some(AbortOnDrop(work)), plan: Some(plan), notes: vec![] }
    }

    /// The answer of a statement that has no rows.
    pub(super) fn done(notes: Vec<String>) -> Self {
        let (_, batches) = mpsc::channel(1);
        Self { schema: Arc::new(Schema::empty()), batches, work: None, plan: None, notes }
    }

    /// The columns; none for statements without a result.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next batch, or `None` at the end.
    ///
    /// # Errors
    /// Whatever went wrong while running, also a panic; nothing comes after an error.
    pub async fn next(&mut self) -> Option<Result<RecordBatch>> {
        if let Some(batch) = self.batches.recv().await {
            return Some(batch);
        }
        let mut work = self.work.take()?;
        match (&mut work.0).await {
            Ok(()) => None,
            Err(error) => Some(Err(panicked(error))),
        }
    }

    /// All batches.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn collect(mut self) -> Result<Vec<RecordBatch>> {
        let mut batches = vec![];
        while let Some(batch) = self.next().await {
            batches.push(batch?);
        }
        Ok(batches)
    }

    /// What has been read so far.
    pub fn progress(&self) -> Progress {
        let mut progress = Progress::default();
        if let Some(plan) = &self.plan {
            add_reads(plan, &mut progress);
        }
        progress
    }

    /// What the user should know, once the rows are read: rows that could not be used, mainly.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.notes.clone();
        let mut without = BTreeMap::new();
        if let Some(plan) = &self.plan {
            add_unusable(plan, &mut without);
        }
        notes.extend(without.into_iter().map(|(role, rows)| {
            let (s, were) = if rows == 1 { ("", "was") } else { ("s", "were") };
            format!("{rows} row{s} without {role} {were} left out")
        }));
        notes
    }
}

/// An error of the Parquet reader does not say where it was met; the plan does.
fn name_files(plan: &Arc<dyn ExecutionPlan>, error: DataFusionError) -> DataFusionError {
    let Some(problem) = parquet_problem(&message(&error)) else { return error };
    let mut files = vec![];
    add_files(plan, &mut files);
    match files.as_slice() {
        [] => error,
        [file] => failed(file, problem),
        [first, others @ ..] => failed(first, format!("this or one of {} more files {problem}", others.len())),
    }
}

fn add_files(plan: &Arc<dyn ExecutionPlan>, files: &mut Vec<String>) {
    if let Some(source) = plan.downcast_ref::<DataSourceExec>()
        && let Some(scan) = source.data_source().downcast_ref::<FileScanConfig>()
    {
        for file in scan.file_groups.iter().flat_map(|group| group.iter()) {
            let path = format!("/{}", file.object_meta.location);
            if !files.contains(&path) {
                files.push(path);
            }
        }
    }
    plan.children().into_iter().for_each(|child| add_files(child, files));
}

fn add_reads(plan: &Arc<dyn ExecutionPlan>, progress: &mut Progress) {
    let children = plan.children();
    if children.is_empty()
        && let Some(metrics) = plan.metrics()
    {
        progress.rows += metrics.output_rows().unwrap_or(0);
        progress.bytes += metrics.sum_by_name("bytes_scanned").map_or(0, |bytes| bytes.as_usize());
    }
    children.into_iter().for_each(|child| add_reads(child, progress));
}

fn add_unusable(plan: &Arc<dyn ExecutionPlan>, without: &mut BTreeMap<String, usize>) {
    for metric in plan.metrics().iter().flat_map(|metrics| metrics.iter()) {
        if let MetricValue::Count { name, count } = metric.value()
            && let (Some(role), rows @ 1..) = (name.strip_prefix(ROWS_WITHOUT), count.value())
        {
            *without.entry(role.to_string()).or_default() += rows;
        }
    }
    plan.children().into_iter().for_each(|child| add_unusable(child, without));
}
