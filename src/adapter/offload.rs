//! Blocking work on separate threads: the input is collected while its streams are read, then a thread computes, with as many
//! helper threads as the session has partitions, and sends batches to the query through a channel. Dropping the result stops
//! it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_plan::stream::{RecordBatchReceiverStream, RecordBatchStreamAdapter};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;

use super::step::StepContext;
use crate::error::failed;
use crate::kernels::control::{Budget, Control, Stop};

/// The computing thread: its memory, its helper threads, and its channel to the query.
pub struct Worker {
    schema: SchemaRef,
    pub batch_size: usize,
    pub threads: usize,
    memory: Arc<MemoryReservation>,
    cancelled: Arc<AtomicBool>,
    failure: Mutex<Option<DataFusionError>>,
    sender: Sender<Result<RecordBatch>>,
}

/// Waits until `gather` has collected the input, then runs `work` on a thread that may block.
pub fn offload<C, F>(
    function: &str,
    context: StepContext,
    gather: impl FnOnce(Arc<StepContext>, Arc<MemoryReservation>) -> F + Send + 'static,
    work: impl FnOnce(C, &Worker) -> Result<(), Stop> + Send + 'static,
) -> Result<SendableRecordBatchStream>
where
    C: Send + 'static,
    F: Future<Output = Result<C>> + Send,
{
    let (function, schema) = (function.to_string(), Arc::clone(&context.schema));
    let batches = async move {
        let context = Arc::new(context);
        let memory = Arc::new(context.memory.new_empty());
        let gathered = gather(Arc::clone(&context), Arc::clone(&memory)).await?;
        let timer = context.timer();
        let mut receiver = RecordBatchReceiverStream::builder(Arc::clone(&context.schema), 2 * context.workers);
        let worker = Worker {
            schema: Arc::clone(&context.schema),
            batch_size: context.batch_size,
            threads: context.workers,
            memory,
            cancelled: Arc::default(),
            failure: Mutex::default(),
            sender: receiver.tx(),
        };
        let guard = CancelOnDrop(Arc::clone(&worker.cancelled));
        receiver.spawn_blocking(move || {
            let _running = timer.timer();
            work(gathered, &worker).map_err(|_| worker.failure(&function))
        });
        Ok::<_, DataFusionError>(receiver.build().inspect(move |_| {
            let _guard = &guard;
        }))
    };
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::once(batches).try_flatten())))
}

struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The session's memory pool as a budget for kernels. It never shrinks below 0, which the pool would treat as an error.
impl Budget for MemoryReservation {
    fn grow(&self, bytes: usize) -> bool {
        self.try_grow(bytes).is_ok()
    }

    fn shrink(&self, bytes: usize) {
        let _ = self.try_shrink(bytes.min(self.size()));
    }
}

impl Worker {
    /// The schema of the result.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Cancellation, memory and this number of threads for a kernel.
    pub fn control(&self, threads: usize) -> Control<'_> {
        Control { cancelled: &self.cancelled, budget: self.memory.as_ref(), workers: threads }
    }

    /// Ends the query with an error; only the first one counts.
    pub fn fail(&self, error: DataFusionError) -> Stop {
        self.cancelled.store(true, Ordering::Relaxed);
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        Stop::Cancelled
    }

    /// The error that made the work stop.
    fn failure(&self, function: &str) -> DataFusionError {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        failure.unwrap_or_else(|| failed(function, "was cancelled"))
    }

    /// Sends a batch to the query; waits until it is accepted.
    pub fn send(&self, columns: Result<Vec<ArrayRef>>) -> Result<(), Stop> {
        let batch = columns.and_then(|columns| Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?));
        match batch {
            Ok(batch) => self.sender.blocking_send(Ok(batch)).map_err(|_| Stop::Cancelled),
            Err(error) => Err(self.fail(error)),
        }
    }
}

/// Reads streams in parallel, one task each, and returns the results of the tasks in order.
///
/// If one fails, the others are stopped before the error is returned, so that their memory is free by then.
pub async fn side_by_side<T: Send + 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = Result<T>> + Send + 'static>,
) -> Result<Vec<T>> {
    let mut running = JoinSet::new();
    for (place, task) in tasks.into_iter().enumerate() {
        running.spawn(async move { (place, task.await) });
    }
    let mut done = vec![];
    while let Some(joined) = running.join_next().await {
        let failure = match joined {
            Ok((place, Ok(value))) => {
                done.push((place, value));
                continue;
            }
            Ok((_, Err(error))) => error,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => DataFusionError::External(Box::new(error)),
        };
        running.shutdown().await;
        return Err(failure);
    }
    done.sort_by_key(|(place, _)| *place);
    Ok(done.into_iter().map(|(_, value)| value).collect())
}
