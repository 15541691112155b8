//! The step that collects features and lets a function compute with them.

use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::Float64Type;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::TryStreamExt;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::gather::{Rows, gather};
use super::spec::{FeatureSpec, Kind};
use crate::adapter::offload::{Worker, offload};
use crate::adapter::plain::Plain;
use crate::adapter::step::{Notes, Reads, Status, Step, StepContext, Streams};
use crate::error::unusable;
use crate::kernels::cluster::Failure;
use crate::kernels::control::{Reserved, Stop};

/// The computation of a function. It is plain data, and its name is that of the step.
pub trait Compute: Plain {
    /// Computes the result and sends its rows.
    fn compute(&self, rows: Rows, running: &Computing<'_>) -> Result<(), Stop>;
}

/// Collects the required columns and runs a computation. A second input contains rows of numbers, which are passed on unchanged.
#[derive(Debug, Serialize, Deserialize)]
pub struct Gather<C> {
    compute: Arc<C>,
    wanted: Arc<FeatureSpec>,
}

impl<C> Gather<C> {
    pub fn new(wanted: FeatureSpec, compute: C) -> Self {
        Self { compute: Arc::new(compute), wanted: Arc::new(wanted) }
    }
}

impl<C: Compute> Plain for Gather<C> {
    const NAME: &'static str = C::NAME;
}

impl<C: Compute> Step for Gather<C> {
    fn reads(&self) -> Reads {
        Reads::AllPartitions
    }

    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let (wanted, compute) = (Arc::clone(&self.wanted), Arc::clone(&self.compute));
        let mut inputs = inputs.into_iter();
        let (rows, given) = (inputs.next().unwrap_or_default(), inputs.next());
        let (status, notes) = (context.status(), context.notes());
        let to_gather = Arc::clone(&wanted);
        let gather = move |context: Arc<StepContext>, memory| async move {
            let given = match given {
                Some(streams) => Some(numbers(streams).await?),
                None => None,
            };
            Ok((gather(&to_gather, rows, &context, &memory).await?, given))
        };
        offload(&self.wanted.function, context, gather, move |(rows, given), worker| {
            compute.compute(
                rows,
                &Computing { worker, wanted: &wanted, given: given.as_deref(), status, notes, told: Mutex::default() },
            )
        })
    }
}

/// Reads all rows of DOUBLE columns; NULL becomes NaN.
async fn numbers(streams: Streams) -> Result<Vec<Vec<f64>>> {
    let mut rows = vec![];
    for stream in streams {
        let batches: Vec<RecordBatch> = stream.try_collect().await?;
        for batch in &batches {
            let columns: Vec<_> = batch.columns().iter().map(|column| column.as_primitive::<Float64Type>()).collect();
            let value =
                |row: usize, column: usize| if columns[column].is_null(row) { f64::NAN } else { columns[column].value(row) };
            rows.extend(
                (0..batch.num_rows()).map(|row| (0..columns.len()).map(|column| value(row, column)).collect::<Vec<f64>>()),
            );
        }
    }
    Ok(rows)
}

/// A running computation.
pub struct Computing<'a> {
    pub worker: &'a Worker,
    pub wanted: &'a FeatureSpec,
    /// The rows of the second input.
    pub given: Option<&'a [Vec<f64>]>,
    status: Status,
    notes: Notes,
    told: Mutex<Vec<String>>,
}

impl Computing<'_> {
    /// Reports progress to the user.
    pub fn show(&self, status: String) {
        self.status.set(status);
    }

    /// Leaves a note for the user about the result, shown after the query.
    pub fn note(&self, text: String) {
        self.told.lock().push(text.clone());
        self.notes.tell(text);
    }

    /// The notes so far.
    pub fn told(&self) -> Vec<String> {
        self.told.lock().clone()
    }

    /// Reserves memory until the guard is dropped.
    pub fn take(&self, bytes: usize) -> Result<Reserved<'_>, Stop> {
        self.worker.control(1).reserve(bytes).map_err(|stop| self.stopped(stop))
    }

    /// Ends the query with an error: the function cannot be computed from these rows.
    pub fn refuse(&self, problem: impl std::fmt::Display) -> Stop {
        self.worker.fail(unusable(&self.wanted.function, problem))
    }

    /// Ends the query with the error of a kernel.
    pub fn explain(&self, failure: Failure, rows: usize, clusters: usize) -> Stop {
        match failure {
            Failure::Stop(stop) => self.stopped(stop),
            Failure::Shape => {
                self.refuse(format!("{clusters} clusters cannot be made of {rows} rows; give n_clusters of at most {rows}"))
            }
            Failure::Weights => self.refuse("no row has a weight above 0"),
            Failure::Centres => self.refuse("centroids must contain finite numbers, one row per cluster"),
            Failure::Column(column) => {
                let name = self.wanted.of_kind(Kind::Number).nth(column).map_or("", |(_, feature)| feature.name.as_str());
                self.refuse(format!("{name} has values that are not finite, or beyond 1e100"))
            }
        }
    }

    /// The same for a kernel that can only be stopped.
    pub fn stopped(&self, stop: Stop) -> Stop {
        match stop {
            Stop::Cancelled => stop,
            Stop::OutOfMemory(bytes) => self.worker.fail(DataFusionError::ResourcesExhausted(format!(
                "{}: {} more are needed, beyond the memory limit; raise --memory-limit, or sample the input",
                self.wanted.function,
                crate::text::megabytes(bytes)
            ))),
            Stop::Unreadable => self.refuse("the features that were put on disk cannot be read back"),
            Stop::TooMany | Stop::TooLarge => self.refuse("the input has more rows than 32 bits can number; sample it"),
        }
    }

    /// Sends a result with one row per key, batch by batch; `columns` computes the other columns for a range of rows.
    pub fn send_by_key(&self, keys: &[ArrayRef], columns: impl Fn(std::ops::Range<usize>) -> Vec<ArrayRef>) -> Result<(), Stop> {
        let mut start = 0;
        for key in keys {
            let end = start + key.len();
            let mut all = vec![Arc::clone(key)];
            all.extend(columns(start..end));
            self.worker.send(Ok(all))?;
            start = end;
        }
        Ok(())
    }
}
