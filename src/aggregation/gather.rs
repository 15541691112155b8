//! Reading the input: every partition assigns its rows to groups and updates its accumulators.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
use crate::kernels::grouping::chunks::CHUNK;
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
pub struct Gathered {
    pub context: Context,
    /// What no one has taken; `None` if all is taken, so that the spilled rows can use the memory.
    parts: Mutex<Option<Parts>>,
    pub waiting: Waiting,
    /// How often the rows have been spilled.
    pub level: usize,
}

/// The keys of groups and what each partition knows of them, with the memory reserved for both.
pub struct Parts {
    /// The groups that no one has taken.
    groups: Range<usize>,
    /// The keys of all groups.
    keys: Vec<ArrayRef>,
    partitions: Vec<Known>,
    memory_of_keys: MemoryReservation,
    memory: Vec<MemoryReservation>,
}

/// Groups that someone has taken, numbered from 0.
pub struct Taken {
    pub keys: Vec<ArrayRef>,
    pub partitions: Vec<Known>,
    _memory: Vec<MemoryReservation>,
}

impl Parts {
    /// Takes the next chunk of groups, whose memory becomes free when they have been merged.
    fn take(&mut self) -> Result<Option<Taken>> {
        let groups = self.groups.start..self.groups.end.min(self.groups.start + CHUNK);
        if groups.is_empty() {
            return Ok(None);
        }
        self.groups.start = groups.end;
        let keys = self.keys.iter().map(|column| column.slice(groups.start, groups.len())).collect();
        let partitions = self.partitions.iter_mut().map(|known| known.take(&groups)).collect::<Result<_>>()?;
        let is_last = self.groups.is_empty();
        let rest = |known: &Known| if is_last { 0 } else { known.size() };
        let free = |(known, memory): (&Known, &MemoryReservation)| memory.split(memory.size().saturating_sub(rest(known)));
        let mut memory: Vec<MemoryReservation> = self.partitions.iter().zip(&self.memory).map(free).collect();
        if is_last {
            memory.push(self.memory_of_keys.take());
        }
        Ok(Some(Taken { keys, partitions, _memory: memory }))
    }
}

impl Gathered {
    /// Takes the next groups; `None` if all are taken.
    pub fn next(&self) -> Result<Option<Taken>> {
        let mut parts = self.parts.lock();
        let taken = parts.as_mut().map(Parts::take).transpose()?.flatten();
        if parts.as_ref().is_some_and(|parts| parts.groups.is_empty()) {
            *parts = None;
        }
        Ok(taken)
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
        let keys = groups.into_keys()?;
        memory.resize(keys.iter().map(|column| column.get_array_memory_size()).sum());
        let mut parts = Parts { groups: 0..total, keys, partitions: vec![], memory_of_keys: memory, memory: vec![] };
        let mut files = Vec::with_capacity(reads.len());
        for read in reads {
            parts.partitions.push(read.known);
            parts.memory.push(read.memory);
            files.push(read.files);
        }
        Ok(Gathered { context, parts: Mutex::new(Some(parts)), waiting: Waiting::of(files)?, level })
    }
}
