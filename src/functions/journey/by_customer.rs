//! The step that collects the events of each customer, in order, and lets a function process them customer by customer.
//!
//! ```text
//! streams ─▶ rows in buckets of customers ─▶ a bucket's customers, their events in order ─▶ the function's work ─▶ rows
//!            (side by side; to disk when      (workers take one bucket after another)       (states of the workers
//!             memory runs out)                                                               are combined at the end)
//! ```
//!
//! The input's first column is the customer and the second the time; the third is the tie-breaker, if the function's page has
//! the argument and the call gives it. The function's [`Reading`] lists its other columns.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::{
    DataType, Float64Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType, UInt64Type,
};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::common::hash_utils::{RandomState, create_hashes};
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::execution::{SendableRecordBatchStream, SpillFile};
use datafusion::physical_plan::metrics::Count;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::adapter::keys::{Interner, KeyValues, Keys, bits, merge_keys, sorted};
use crate::adapter::offload::{Worker, offload, side_by_side};
use crate::adapter::plain::Plain;
use crate::adapter::step::{Notes, Reads, Step, StepContext, Streams, scratch};
use crate::error::{failed, invalid};
use crate::kernels::control::{Control, Stop};
use crate::kernels::journey::events::{BUCKETS, Customers, Detail, Event, Gathered, Gathering, Maps, Rows};
use crate::text::grouped;

/// How a function reads the details of events, made once for each partition.
pub trait Reading: Send + Sized + 'static {
    type Detail: Detail;

    /// The detail of each row; none for rows that do not matter to the function.
    fn details(&mut self, batch: &RecordBatch, details: &mut Vec<Option<Self::Detail>>) -> Result<()>;

    /// Bytes of memory that grow with what was read.
    fn size(&self) -> usize {
        0
    }

    /// The values that codes in the details stand for, by code.
    fn codes(self) -> Result<Option<ArrayRef>> {
        Ok(None)
    }
}

/// Reads nothing of an event but its customer and time.
#[derive(Debug)]
pub struct Times;

impl Reading for Times {
    type Detail = ();

    fn details(&mut self, batch: &RecordBatch, details: &mut Vec<Option<()>>) -> Result<()> {
        details.resize(batch.num_rows(), Some(()));
        Ok(())
    }
}

/// What a function does with the events of each customer: plain data. Its name is the name of the step.
pub trait Work: Plain {
    /// The function's name, for errors.
    const FUNCTION: &'static str;
    /// False when the work takes the events of a customer in any order.
    const DEPENDS_ON_ORDER: bool = true;
    /// True when the result has only the columns that the worker's schema names.
    const LEAVES_OUT_COLUMNS: bool = false;
    /// What the progress line counts while the work is finished, see [`Run::found`].
    const FINDS: Option<&'static str> = None;

    type Reading: Reading;
    /// What a worker gathers.
    type State: Send;

    /// True when the third column breaks ties.
    fn has_ties(&self) -> bool;

    /// How details are read from batches of this schema.
    fn reading(&self, schema: &Schema) -> Result<Self::Reading>;

    fn state(&self) -> Self::State;

    /// Takes the events of a customer, in order if that matters.
    fn visit(&self, state: &mut Self::State, customer: u64, events: &[Event<DetailOf<Self>>], run: &Run<'_>) -> Result<(), Stop>;

    /// Called when a worker has processed some thousands of customers, to send what it has.
    fn hand_on(&self, _state: &mut Self::State, _run: &Run<'_>) -> Result<(), Stop> {
        Ok(())
    }

    /// Combines the workers' states, and sends the remaining rows.
    fn finish(&self, states: Vec<Self::State>, run: &Run<'_>) -> Result<(), Stop>;
}

/// The details that a function reads.
pub type DetailOf<W> = <<W as Work>::Reading as Reading>::Detail;

/// Runs a function's work.
#[derive(Debug, Serialize, Deserialize)]
pub struct ByCustomer<W>(Arc<W>);

impl<W> ByCustomer<W> {
    pub fn new(work: W) -> Self {
        Self(Arc::new(work))
    }
}

impl<W: Work> Plain for ByCustomer<W> {
    const NAME: &'static str = W::NAME;
}

/// Shared by all workers of a call.
pub struct Run<'a> {
    pub worker: &'a Worker,
    pub control: Control<'a>,
    /// The customers by their numbers.
    pub customers: &'a KeyValues,
    /// The values that codes in details stand for, in ascending order.
    pub codes: Option<&'a ArrayRef>,
    /// Counts what [`Work::FINDS`] names.
    pub found: Option<&'a Count>,
}

impl<W: Work> Step for ByCustomer<W> {
    fn reads(&self) -> Reads {
        Reads::AllPartitions
    }

    fn leaves_out_columns(&self) -> bool {
        W::LEAVES_OUT_COLUMNS
    }

    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let (reading, working) = (Arc::clone(&self.0), Arc::clone(&self.0));
        let streams: Streams = inputs.into_iter().flatten().collect();
        let (notes, customers_done) = (context.notes(), context.progress("customers"));
        let found = W::FINDS.map(|name| context.progress(name));
        let gather = move |context: Arc<StepContext>, memory: Arc<MemoryReservation>| async move {
            gather::<W>(&reading, streams, &context, &memory).await
        };
        offload(W::FUNCTION, context, gather, move |gathered: Everything<DetailOf<W>>, worker| {
            work(working.as_ref(), &gathered, worker, &notes, (&customers_done, found.as_ref()))
        })
    }
}

fn work<W: Work>(
    work: &W,
    everything: &Everything<DetailOf<W>>,
    worker: &Worker,
    notes: &Notes,
    (customers_done, found): (&Count, Option<&Count>),
) -> Result<(), Stop> {
    let control = worker.control(worker.threads);
    let run = Run { worker, control, customers: &everything.customers, codes: everything.codes.as_ref(), found };
    let unordered = AtomicU64::new(0);
    let states = control.share(
        BUCKETS,
        || (Customers::default(), work.state()),
        |(customers, state), bucket| {
            let mut visited = 0;
            let visitor = |customer: u64, events: &[Event<DetailOf<W>>]| {
                visited += 1;
                work.visit(state, customer, events, &run)
            };
            unordered.fetch_add(
                customers.visit(&everything.gathered, bucket, W::DEPENDS_ON_ORDER, control, visitor)?,
                Ordering::Relaxed,
            );
            customers_done.add(visited);
            work.hand_on(state, &run)
        },
    );
    let states = states.map_err(|stop| explain(W::FUNCTION, worker, stop))?;
    let unordered = unordered.into_inner();
    if unordered > 0 {
        let events = if unordered == 1 { "event has" } else { "events have" };
        let advice = match work.has_ties() {
            true => "tie_break does not order them; an arbitrary but fixed order was used",
            false => "specify a column that orders them with tie_break => …; an arbitrary but fixed order was used",
        };
        notes.tell(format!("{} {events} the same time as another event of the same customer; {advice}", grouped(unordered)));
    }
    work.finish(states.into_iter().map(|(_, state)| state).collect(), &run).map_err(|stop| explain(W::FUNCTION, worker, stop))
}

fn explain(function: &str, worker: &Worker, stop: Stop) -> Stop {
    match stop {
        Stop::Cancelled => stop,
        Stop::OutOfMemory(_) => worker.fail(DataFusionError::ResourcesExhausted(format!(
            "{function}: the events of some customers, or the result, need more than the memory limit; raise --memory-limit, or leave out \
             events that are not needed"
        ))),
        Stop::TooLarge => worker.fail(failed(function, "there are more than 4 billion events of some customers")),
        Stop::TooMany => worker.fail(failed(
            function,
            "too many events of one time each fulfil several conditions; name a column that orders them with tie_break => …",
        )),
        Stop::Unreadable => worker.fail(failed(function, "a temporary file cannot be read back; check the disk")),
    }
}

/// All events, and the values that their numbers stand for.
struct Everything<D> {
    gathered: Gathered<D>,
    customers: KeyValues,
    codes: Option<ArrayRef>,
    /// The spilled files, deleted together with the events.
    _files: Vec<Arc<dyn SpillFile>>,
}

async fn gather<W: Work>(
    work: &Arc<W>,
    streams: Streams,
    context: &Arc<StepContext>,
    memory: &Arc<MemoryReservation>,
) -> Result<Everything<DetailOf<W>>> {
    let (spills, spilled_bytes) = (context.counter("spill_count"), context.counter("spilled_bytes"));
    let tasks = streams.into_iter().map(|stream| {
        let (work, context, memory) = (Arc::clone(work), Arc::clone(context), Arc::clone(memory));
        let (spills, spilled_bytes) = (spills.clone(), spilled_bytes.clone());
        async move {
            let mut reader = Reader::new(work.as_ref(), &stream)?;
            read::<W>(&mut reader, stream, &context, &memory, (&spills, &spilled_bytes)).await?;
            Ok(reader)
        }
    });
    let mut readers = side_by_side(tasks).await?;
    let _running = context.timer();
    if !has_room(&readers, context.workers, memory) {
        for reader in &mut readers {
            spill(W::FUNCTION, reader, context, memory, (&spills, &spilled_bytes))?;
        }
    }
    put_together::<W>(readers, memory)
}

/// True when there is memory to combine the partitions, and to process one bucket of customers per worker.
fn has_room<R: Reading>(readers: &[Reader<R>], workers: usize, memory: &MemoryReservation) -> bool {
    let rows = |bucket: usize| readers.iter().map(|reader| reader.gathering.rows(bucket)).sum::<usize>();
    let largest = (0..BUCKETS).map(rows).max().unwrap_or(0);
    // A row is read back as bytes, then as columns, then as an event with its customer's place.
    let visited = workers * largest * (4 * size_of::<Event<R::Detail>>() + 16);
    let listed: usize = readers.iter().map(|reader| reader.reserved).sum();
    let wanted = visited + 2 * listed;
    let has_room = memory.try_grow(wanted).is_ok();
    if has_room {
        memory.shrink(wanted);
    }
    has_room
}

/// The events of one partition, while they are read.
struct Reader<R: Reading> {
    customers: Keys,
    ties: Option<Ties>,
    reading: R,
    gathering: Gathering<R::Detail>,
    files: Vec<Arc<dyn SpillFile>>,
    /// Bytes reserved for the values that numbers stand for.
    reserved: usize,
}

/// The tie-breakers: numbers that sort as they are, or values of other types, which are sorted once all have been read.
enum Ties {
    Numbers,
    Listed(Interner),
}

impl<R: Reading> Reader<R> {
    fn new<W: Work<Reading = R>>(work: &W, stream: &SendableRecordBatchStream) -> Result<Self> {
        let schema = stream.schema();
        let data_type = |index: usize| schema.field(index).data_type();
        let ties = work.has_ties().then(|| Ties::new(data_type(2))).transpose()?;
        Ok(Self {
            customers: Keys::new(data_type(0))?,
            gathering: Gathering::new(ties.is_some()),
            ties,
            reading: work.reading(&schema)?,
            files: vec![],
            reserved: 0,
        })
    }
}

async fn read<W: Work>(
    reader: &mut Reader<W::Reading>,
    mut stream: SendableRecordBatchStream,
    context: &StepContext,
    memory: &MemoryReservation,
    (spills, spilled_bytes): (&Count, &Count),
) -> Result<()> {
    let (mut keys, mut hashes, mut details) = (vec![], vec![], vec![]);
    let timer = context.timer();
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let _running = timer.timer();
        let customer = batch.column(0);
        reader.customers.keys(customer, &mut keys)?;
        if matches!(reader.customers, Keys::Listed(_)) {
            hashes.clear();
            hashes.resize(batch.num_rows(), 0);
            create_hashes([customer], &RandomState::with_seed(0), &mut hashes)?;
        }
        let times = times(W::FUNCTION, batch.column(1))?;
        let ties = reader.ties.as_mut().map(|ties| ties.orders(batch.column(2))).transpose()?;
        details.clear();
        reader.reading.details(&batch, &mut details)?;
        let listed = reader.reading.size() + reader.customers.size() + reader.ties.as_ref().map_or(0, Ties::size);
        if listed > reader.reserved {
            // The values that numbers stand for, such as the customers, stay in memory. The events can be spilled.
            if memory.try_grow(listed - reader.reserved).is_err() {
                spill(W::FUNCTION, reader, context, memory, (spills, spilled_bytes))?;
                memory.try_grow(listed - reader.reserved).map_err(|_| {
                    let problem = "the distinct customers alone need more than the memory limit; raise --memory-limit";
                    DataFusionError::ResourcesExhausted(format!("{}: {problem}", W::FUNCTION))
                })?;
            }
            reader.reserved = listed;
        }
        let rows = Rows {
            customers: &keys,
            hashes: if hashes.is_empty() { &keys } else { &hashes },
            times: times.values(),
            ties: ties.as_deref(),
            details: &details,
        };
        if reader.gathering.add(&rows, memory).is_err() {
            spill(W::FUNCTION, reader, context, memory, (spills, spilled_bytes))?;
            reader.gathering.add(&rows, memory).map_err(|_| {
                let problem = "the memory limit leaves no room for events; raise --memory-limit";
                DataFusionError::ResourcesExhausted(format!("{}: {problem}", W::FUNCTION))
            })?;
        }
    }
    Ok(())
}

fn spill<R: Reading>(
    function: &str,
    reader: &mut Reader<R>,
    context: &StepContext,
    memory: &MemoryReservation,
    (spills, spilled_bytes): (&Count, &Count),
) -> Result<()> {
    if reader.gathering.bytes() == 0 {
        return Ok(());
    }
    let (opened, file) = scratch(&context.disk, function)?;
    spills.add(1);
    spilled_bytes.add(reader.gathering.spill(opened, memory)? as usize);
    reader.files.push(file);
    Ok(())
}

/// One numbering of customers, ties and codes for all partitions.
fn put_together<W: Work>(readers: Vec<Reader<W::Reading>>, memory: &MemoryReservation) -> Result<Everything<DetailOf<W>>> {
    let (mut gatherings, mut customers, mut ties, mut codes, mut files) = (vec![], vec![], vec![], vec![], vec![]);
    for reader in readers {
        gatherings.push(reader.gathering);
        customers.push(reader.customers);
        if let Some(Ties::Listed(interner)) = reader.ties {
            ties.push(interner.finish()?);
        }
        codes.extend(reader.reading.codes()?);
        files.extend(reader.files);
    }
    let (customers, mut customer_maps) = merge_keys(customers, memory).map_err(|error| match error {
        DataFusionError::ResourcesExhausted(_) => {
            let problem = "the distinct customers alone need more than the memory limit; raise --memory-limit";
            DataFusionError::ResourcesExhausted(format!("{}: {problem}", W::FUNCTION))
        }
        other => other,
    })?;
    let of_lists = |lists: Vec<ArrayRef>| {
        if lists.is_empty() { Ok((None, vec![])) } else { sorted(&lists).map(|(values, maps)| (Some(values), maps)) }
    };
    let (_, mut tie_maps) = of_lists(ties)?;
    let (codes, mut code_maps) = of_lists(codes)?;
    let parts = gatherings.into_iter().enumerate().map(|(part, gathering)| {
        let maps = Maps {
            customers: customer_maps.get_mut(part).and_then(Option::take),
            ties: tie_maps.get_mut(part).map(std::mem::take),
            codes: code_maps.get_mut(part).map(std::mem::take),
        };
        (gathering, maps)
    });
    Ok(Everything { gathered: Gathered::new(parts), customers, codes, _files: files })
}

/// True for types whose times are kept in nanoseconds; all others are kept in microseconds.
pub fn is_nanoseconds(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(TimeUnit::Nanosecond, _))
}

/// Times since 1970: see [`is_nanoseconds`].
fn times(function: &str, column: &ArrayRef) -> Result<Int64Array> {
    Ok(match column.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, _) => column.as_primitive::<TimestampNanosecondType>().reinterpret_cast(),
        DataType::Timestamp(TimeUnit::Microsecond, _) => column.as_primitive::<TimestampMicrosecondType>().reinterpret_cast(),
        other => {
            let zone = if let DataType::Timestamp(_, zone) = other { zone.clone() } else { None };
            let checked = CastOptions { safe: false, ..CastOptions::default() };
            let times = cast_with_options(column, &DataType::Timestamp(TimeUnit::Microsecond, zone), &checked).map_err(|_| {
                invalid(function, "event_time contains a time that cannot be represented in microseconds since 1970")
            })?;
            times.as_primitive::<TimestampMicrosecondType>().reinterpret_cast()
        }
    })
}

impl Ties {
    fn new(data_type: &DataType) -> Result<Self> {
        let is_number = matches!(
            data_type,
            DataType::Boolean
                | DataType::Float16
                | DataType::Float32
                | DataType::Float64
                | DataType::Date32
                | DataType::Date64
                | DataType::Timestamp(..)
        );
        Ok(if is_number || data_type.is_integer() { Self::Numbers } else { Self::Listed(Interner::new(data_type)?) })
    }

    fn size(&self) -> usize {
        match self {
            Self::Numbers => 0,
            Self::Listed(interner) => interner.size(),
        }
    }

    /// A number for each row, in the order of the values; NULL comes first.
    fn orders(&mut self, column: &ArrayRef) -> Result<Vec<u64>> {
        const SIGN: u64 = 1 << 63;
        let orders: Vec<u64> = match self {
            Self::Listed(interner) => return Ok(interner.intern(column)?.iter().map(|place| *place as u64).collect()),
            Self::Numbers if column.data_type().is_floating() => {
                let numbers = cast(column, &DataType::Float64)?;
                // The bits of negative floats sort in reverse.
                let order = |number: f64| {
                    let bits = number.to_bits();
                    if bits & SIGN == 0 { bits | SIGN } else { !bits }
                };
                numbers.as_primitive::<Float64Type>().values().iter().map(|number| order(*number)).collect()
            }
            Self::Numbers if *column.data_type() == DataType::UInt64 => column.as_primitive::<UInt64Type>().values().to_vec(),
            Self::Numbers => {
                let numbers = if column.data_type().is_integer() {
                    bits(column)?
                } else {
                    cast(column, &DataType::Int64)?.as_primitive::<Int64Type>().clone()
                };
                numbers.values().iter().map(|number| *number as u64 ^ SIGN).collect()
            }
        };
        let order = |(row, order): (usize, u64)| if column.is_null(row) { 0 } else { order.saturating_add(1) };
        Ok(orders.into_iter().enumerate().map(order).collect())
    }
}
