//! Reading the input: every partition assigns its rows to groups and updates its accumulators.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::runtime::JoinSet;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricBuilder};
use futures::future::{BoxFuture, Shared};
use futures::{FutureExt, StreamExt};
use parking_lot::Mutex;

use super::exec::Work;
use super::partial::{Known, Partial};
use super::waiting::{Files, Waiting};
use crate::kernels::grouping::{Groups, UNKNOWN};

/// What a run needs.
#[derive(Debug, Clone)]
pub struct Context {
    pub work: Arc<Work>,
    /// The schema of the input.
    pub input: SchemaRef,
    pub task: Arc<TaskContext>,
    pub metrics: ExecutionPlanMetricsSet,
}

impl Context {
    fn memory(&self) -> MemoryReservation {
        MemoryConsumer::new("GROUP BY").with_can_spill(true).register(self.task.memory_pool())
    }
}

/// One execution, which the partitions of the result share.
#[derive(Clone)]
pub struct Run {
    gathered: Shared<BoxFuture<'static, Result<Arc<Gathered>, Arc<DataFusionError>>>>,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Run")
    }
}

impl Run {
    /// A run over all partitions of a plan. It starts when the first result is polled, and stops when all who wait for it are dropped.
    pub fn start(context: Context, input: Arc<dyn ExecutionPlan>, partitions: usize) -> Self {
        Self::of(async move {
            let streams: Result<Vec<_>> =
                (0..partitions).map(|partition| input.execute(partition, Arc::clone(&context.task))).collect();
            gather(context, streams?, 0).await
        })
    }

    /// A run over rows that were spilled; `level` says how often.
    pub fn again(context: Context, rows: SendableRecordBatchStream, level: usize) -> Self {
        Self::of(async move { gather(context, vec![rows], level).await })
    }

    fn of(gathered: impl Future<Output = Result<Gathered>> + Send + 'static) -> Self {
        Self { gathered: gathered.map(|gathered| gathered.map(Arc::new).map_err(Arc::new)).boxed().shared() }
    }

    /// Waits until all input has been read.
    pub async fn gathered(self) -> Result<Arc<Gathered>> {
        self.gathered.await.map_err(DataFusionError::Shared)
    }
}

/// The groups, with the columns that each partition has computed for them.
#[derive(Debug)]
pub struct Gathered {
    pub context: Context,
    pub groups: usize,
    /// Dropped as soon as all ranges are taken, so that the spilled rows can use the memory.
    parts: Mutex<Option<Arc<Parts>>>,
    /// The first group that no one has taken.
    next_group: AtomicUsize,
    pub waiting: Waiting,
    /// How often the rows have been spilled.
    pub level: usize,
}

/// The keys of all groups and what each partition knows of them, with the memory reserved for both.
#[derive(Debug)]
pub struct Parts {
    pub keys: Vec<ArrayRef>,
    pub partitions: Vec<Known>,
    _memory: Vec<MemoryReservation>,
}

impl Gathered {
    /// Takes the next range of at most `most` groups; `None` if all are taken.
    pub fn next_range(&self, most: usize) -> Option<(Range<usize>, Arc<Parts>)> {
        let mut parts = self.parts.lock();
        let start = self.next_group.fetch_add(most, Ordering::Relaxed).min(self.groups);
        let end = (start + most).min(self.groups);
        let taken = if end == self.groups { parts.take() } else { parts.clone() };
        taken.filter(|_| start < end).map(|parts| (start..end, parts))
    }
}

/// What the partitions share while they read.
struct Reading {
    context: Context,
    groups: Groups,
    /// The memory of the tables of groups.
    memory: MemoryReservation,
    /// No new groups are admitted any more.
    full: AtomicBool,
    level: usize,
    partitions: usize,
}

impl Reading {
    /// Admits groups as long as there is memory for them. The error is put into `refused` the first time there is not.
    fn room(&self, refused: &mut Option<DataFusionError>, bytes: usize) -> bool {
        if self.full.load(Ordering::Relaxed) {
            return false;
        }
        // Half as much again, for the columns that the keys become.
        let bytes = bytes + bytes / 2;
        if self.memory.size() + bytes <= GRANTED {
            self.memory.grow(bytes);
            return true;
        }
        match self.memory.try_grow(bytes) {
            Ok(()) => true,
            Err(error) => {
                self.full.store(true, Ordering::Relaxed);
                *refused = Some(error);
                false
            }
        }
    }
}

/// The result of reading one partition.
struct Read {
    partition: usize,
    known: Known,
    memory: MemoryReservation,
    files: Files,
}

async fn gather(context: Context, inputs: Vec<SendableRecordBatchStream>, level: usize) -> Result<Gathered> {
    let memory = context.memory();
    let mut key_types = context.work.key_types.clone();
    for (_, range) in &mut key_types {
        // The array for a range of keys is allocated in full, so it is used only if there is memory for it. Otherwise the keys are
        // hashed.
        *range = range.filter(|range| memory.try_grow(range.slots() * size_of::<u32>()).is_ok());
    }
    let groups = Groups::new(&key_types)?;
    let partitions = inputs.len();
    let reading = Arc::new(Reading { context, groups, memory, full: AtomicBool::new(false), level, partitions });
    let mut tasks = JoinSet::new();
    for (partition, input) in inputs.into_iter().enumerate() {
        tasks.spawn(read(Arc::clone(&reading), input, partition));
    }
    let mut reads = Vec::with_capacity(partitions);
    while let Some(read) = tasks.join_next().await {
        match read {
            Ok(read) => reads.push(read?),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => return Err(DataFusionError::ExecutionJoin(Box::new(error))),
        }
    }
    drop(tasks);
    match Arc::into_inner(reading) {
        Some(reading) => reading.finish(reads),
        None => internal_err!("a partition still reads"),
    }
}

async fn read(reading: Arc<Reading>, mut input: SendableRecordBatchStream, partition: usize) -> Result<Read> {
    let work = &reading.context.work;
    let mut partial = Partial::new(work)?;
    let memory = reading.context.memory();
    let mut files = Files::new(&reading.context, reading.level, partition);
    let timer = MetricBuilder::new(&reading.context.metrics).elapsed_compute(partition);
    let mut numbers = Vec::new();
    let (mut total, mut most, mut primed) = (0, usize::MAX, false);
    while let Some(batch) = input.next().await {
        let mut batch = batch?;
        let _time = timer.timer();
        let keys = work.keys_of(&batch)?;
        let mut refused = None;
        reading.groups.find(&keys, &mut numbers, &mut |bytes| reading.room(&mut refused, bytes))?;
        total = reading.groups.len();
        if let (0, Some(error)) = (total, refused) {
            return Err(error);
        }
        if reading.full.load(Ordering::Relaxed) && numbers.contains(&UNKNOWN) {
            batch = files.keep_unknown(&batch, &keys, &mut numbers)?;
        }
        if numbers.is_empty() {
            continue;
        }
        if !primed && reading.partitions > 1 {
            partial.expect_unseen_groups(work, &batch)?;
            primed = true;
        }
        partial.update(work, &batch, &numbers, total)?;
        let size = partial.size();
        if size <= memory.size() {
            continue;
        }
        if size <= GRANTED {
            memory.resize(size);
        } else if let Err(error) = memory.try_resize(size) {
            if size > most {
                return Err(error);
            }
            // The known groups may continue: they may grow once more to the next power of two, but no further. No new groups are
            // admitted.
            reading.full.store(true, Ordering::Relaxed);
            most = most.min(2 * size + LEEWAY);
            memory.resize(size);
        }
    }
    let _time = timer.timer();
    let known = if total == 0 { Known::default() } else { partial.known(reading.partitions == 1)? };
    memory.resize(known.size());
    Ok(Read { partition, known, memory, files })
}

/// The bytes that groups and accumulators always get, even while other parts of the query hold all memory. Without them, a file of spilled
/// rows might admit a single group at each level, and the levels would run out. With them, a file that is a sixteenth of the one before
/// soon fits.
const GRANTED: usize = 1 << 20;

/// How many bytes accumulators may grow by after memory has run out.
const LEEWAY: usize = 1 << 20;

impl Reading {
    fn finish(self, mut reads: Vec<Read>) -> Result<Gathered> {
        reads.sort_by_key(|read| read.partition);
        let Self { context, groups, memory, level, .. } = self;
        let total = groups.len();
        MetricBuilder::new(&context.metrics).counter("groups", 0).add(total);
        let keys = groups.keys()?;
        drop(groups);
        memory.resize(keys.iter().map(|column| column.get_array_memory_size()).sum());
        let mut reservations = vec![memory];
        let (mut known, mut files) = (Vec::with_capacity(reads.len()), Vec::with_capacity(reads.len()));
        for read in reads {
            known.push(read.known);
            reservations.push(read.memory);
            files.push(read.files);
        }
        let parts = Parts { keys, partitions: known, _memory: reservations };
        let waiting = Waiting::of(files)?;
        let (parts, next_group) = (Mutex::new(Some(Arc::new(parts))), AtomicUsize::new(0));
        Ok(Gathered { context, groups: total, parts, next_group, waiting, level })
    }
}
