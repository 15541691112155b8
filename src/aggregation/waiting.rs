//! Rows of groups that did not fit into memory: they wait in temporary files, partitioned by the hashes of their keys.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use datafusion::arrow::compute::{take_arrays, take_record_batch};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::common::Result;
use datafusion::common::hash_utils::{RandomState, create_hashes};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::spill_file::{SpillFile, SpillWriter};
use datafusion::physical_plan::metrics::{Count, MetricBuilder, SpillMetrics};
use datafusion::physical_plan::spill::SpillManager;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, stream};

use super::gather::Context;
use crate::error::failed;
use crate::kernels::grouping::UNKNOWN;

/// The number of files that the rows of a partition are distributed into.
const PARTS: usize = 16;

/// How often rows may be spilled: 16⁶ files are enough for any input.
const MOST_LEVELS: usize = 6;

/// The files that one partition writes.
pub struct Files {
    context: Context,
    level: usize,
    rows: Count,
    parts: Vec<Option<Open>>,
}

struct Open {
    file: Arc<dyn SpillFile>,
    writer: StreamWriter<Box<dyn SpillWriter>>,
}

impl Files {
    pub fn new(context: &Context, level: usize, partition: usize) -> Self {
        let rows = MetricBuilder::new(&context.metrics).counter("rows_that_waited", partition);
        Self { context: context.clone(), level, rows, parts: (0..PARTS).map(|_| None).collect() }
    }

    /// Writes the rows whose group is unknown to files, and returns the others; `numbers` is reduced to these.
    ///
    /// # Errors
    /// The disk is full, or temporary files are not allowed.
    pub fn keep_unknown(&mut self, batch: &RecordBatch, keys: &[ArrayRef], numbers: &mut Vec<u32>) -> Result<RecordBatch> {
        if self.level >= MOST_LEVELS {
            return Err(failed("GROUP BY", "there is not enough memory for the groups; raise the memory limit"));
        }
        let rows = |wanted: &dyn Fn(u32) -> bool| -> UInt32Array {
            (0_u32..).zip(numbers.iter()).filter(|(_, number)| wanted(**number)).map(|(row, _)| row).collect::<Vec<u32>>().into()
        };
        let unknown = rows(&|number| number == UNKNOWN);
        let known = take_record_batch(batch, &rows(&|number| number != UNKNOWN))?;
        self.rows.add(unknown.len());
        let mut hashes = vec![0; unknown.len()];
        // Each level uses other hashes; with the same ones, all rows of a file would go into one file again.
        let state = RandomState::with_seed(self.level as u64 + 1);
        create_hashes(&take_arrays(keys, &unknown, None)?, &state, &mut hashes)?;
        let mut of_parts = vec![Vec::new(); PARTS];
        for (row, hash) in unknown.values().iter().zip(hashes) {
            of_parts[(hash >> 32) as usize % PARTS].push(*row);
        }
        for (part, rows) in of_parts.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            self.write(part, &compact(&take_record_batch(batch, &UInt32Array::from(rows))?, &self.context.input)?)?;
        }
        numbers.retain(|number| *number != UNKNOWN);
        Ok(known)
    }

    fn write(&mut self, part: usize, rows: &RecordBatch) -> Result<()> {
        let open = match &mut self.parts[part] {
            Some(open) => open,
            closed => {
                let file = self.context.task.runtime_env().disk_manager.create_tmp_file("GROUP BY")?;
                let writer = StreamWriter::try_new(file.open_writer()?, &self.context.input)?;
                closed.insert(Open { file, writer })
            }
        };
        Ok(open.writer.write(rows)?)
    }

    fn finish(self) -> Result<Vec<Option<Arc<dyn SpillFile>>>> {
        let finished = self.parts.into_iter().map(|open| {
            let Some(Open { file, writer }) = open else { return Ok(None) };
            writer.into_inner()?.finish()?;
            Ok(Some(file))
        });
        finished.collect()
    }
}

/// Copies the strings that the rows refer to; views would otherwise keep the buffers of the whole batch.
fn compact(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = rows.columns().iter().map(|column| match column.data_type() {
        DataType::Utf8View => Arc::new(column.as_string_view().gc()) as ArrayRef,
        DataType::BinaryView => Arc::new(column.as_binary_view().gc()),
        _ => Arc::clone(column),
    });
    Ok(RecordBatch::try_new(Arc::clone(schema), columns.collect())?)
}

/// The files of all partitions, by part.
#[derive(Default)]
pub struct Waiting {
    parts: Vec<Vec<Arc<dyn SpillFile>>>,
    next: AtomicUsize,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} waiting parts", self.parts.len())
    }
}

impl Waiting {
    /// # Errors
    /// The disk is full.
    pub fn of(files: Vec<Files>) -> Result<Self> {
        let mut parts = vec![Vec::new(); PARTS];
        for files in files {
            for (part, file) in parts.iter_mut().zip(files.finish()?) {
                part.extend(file);
            }
        }
        parts.retain(|part| !part.is_empty());
        Ok(Self { parts, next: AtomicUsize::new(0) })
    }

    /// Takes the next part that no one has taken.
    pub fn next(&self, context: &Context) -> Option<Result<SendableRecordBatchStream>> {
        let files = self.parts.get(self.next.fetch_add(1, Ordering::Relaxed))?;
        Some(rows(files, context))
    }
}

fn rows(files: &[Arc<dyn SpillFile>], context: &Context) -> Result<SendableRecordBatchStream> {
    let schema = Arc::clone(&context.input);
    let metrics = SpillMetrics::new(&context.metrics, 0);
    let manager = SpillManager::new(context.task.runtime_env(), metrics, Arc::clone(&schema));
    let streams = files.iter().map(|file| manager.read_spill_as_stream(Arc::clone(file), None)).collect::<Result<Vec<_>>>()?;
    let rows = stream::iter(streams).flatten();
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
}
