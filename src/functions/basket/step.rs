//! The mining step: collects the rows, groups them into baskets, and lets a function work on each group of baskets.
//!
//! Collecting is asynchronous, like reading; mining is not, and runs on separate threads that send batches to the query
//! through a channel. Dropping the result stops them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_plan::metrics::Count;
use serde::{Deserialize, Serialize};

use super::input::{Collected, collect};
use super::options::Mining;
use crate::adapter::offload::{Worker, offload};
use crate::adapter::plain::Plain;
use crate::adapter::step::{LeftOut, Notes, Reads, Step, StepContext, Streams};
use crate::error::failed;
use crate::kernels::control::{Control, Stop};
use crate::kernels::itemsets::baskets::{Baskets, gather};
use crate::kernels::itemsets::curve::Curve;
use crate::kernels::itemsets::database::{Database, Selection, Threshold};
use crate::kernels::itemsets::itemsets::{Itemsets, Portions};
use crate::kernels::itemsets::search::{Goal, Target, search};
use crate::settings::PortraitSettings;
use crate::text::grouped;
use crate::text::megabytes;

/// From this many baskets on, itemsets of a group are meaningful, and their number stays within bounds.
const FEW_BASKETS: u32 = 5;

/// What a function does with the baskets: plain data. Its name is the name of the step.
pub trait Work: Plain {
    /// The function's name, for errors.
    const FUNCTION: &'static str;

    /// Called with the items before the baskets are assembled.
    fn prepare(&self, _collected: &mut Collected) -> Result<()> {
        Ok(())
    }

    /// Mines one group and emits its rows.
    fn mine(&self, group: &BasketGroup<'_>) -> Result<(), Stop>;
}

/// Runs a function's work over rows of (basket, item, group).
#[derive(Debug, Serialize, Deserialize)]
pub struct Mine<W>(Arc<W>);

impl<W> Mine<W> {
    pub fn new(work: W) -> Self {
        Self(Arc::new(work))
    }
}

impl<W: Work> Plain for Mine<W> {
    const NAME: &'static str = W::NAME;
}

impl<W: Work> Step for Mine<W> {
    fn reads(&self) -> Reads {
        Reads::AllPartitions
    }

    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let work = Arc::clone(&self.0);
        mine(W::FUNCTION, inputs.into_iter().flatten().collect(), context, move |mut collected, running| {
            if let Err(error) = work.prepare(&mut collected) {
                return Err(running.fail(error));
            }
            let groups = running.gather(W::FUNCTION, &mut collected)?;
            running.each_group(&groups, |baskets, control| {
                work.mine(&BasketGroup { function: W::FUNCTION, baskets, collected: &collected, running, control })
            })
        })
    }
}

/// Collects the rows, then runs `work` on a thread that may block.
pub fn mine(
    function: &'static str,
    streams: Streams,
    context: StepContext,
    work: impl FnOnce(Collected, &MiningRun<'_>) -> Result<(), Stop> + Send + 'static,
) -> Result<SendableRecordBatchStream> {
    let settings = context.settings.clone();
    let (found, too_large, notes) = (context.progress("itemsets"), context.left_out(baskets_too_large()), context.notes());
    let gather = move |context: Arc<StepContext>, memory: Arc<MemoryReservation>| async move {
        collect(streams, &context, &memory).await.map_err(|error| match error {
            DataFusionError::ResourcesExhausted(_) => {
                let held = megabytes(memory.size());
                let problem = format!("{function}: the baskets take more than the memory limit, {held} so far; raise --memory-limit, or mine fewer rows");
                DataFusionError::ResourcesExhausted(problem)
            }
            other => other,
        })
    };
    offload(function, context, gather, move |collected, worker| {
        work(collected, &MiningRun { worker, settings, found, too_large, notes })
    })
}

fn baskets_too_large() -> LeftOut {
    LeftOut {
        counter: "baskets_too_large".into(),
        one: "basket of more than max_basket_size items".into(),
        many: "baskets of more than max_basket_size items".into(),
    }
}

/// A running call.
pub struct MiningRun<'a> {
    pub worker: &'a Worker,
    pub settings: PortraitSettings,
    found: Count,
    too_large: Count,
    notes: Notes,
}

impl MiningRun<'_> {
    fn control(&self, workers: usize) -> Control<'_> {
        self.worker.control(workers)
    }

    /// Ends the query with an error; only the first one is reported.
    pub fn fail(&self, error: DataFusionError) -> Stop {
        self.worker.fail(error)
    }

    /// Builds baskets from the collected rows.
    pub fn gather(&self, function: &str, collected: &mut Collected) -> Result<Vec<Baskets>, Stop> {
        let blocks = std::mem::take(&mut collected.blocks);
        gather(blocks, collected.groups.is_some(), &collected.maps, self.control(self.worker.threads)).map_err(
            |stop| match stop {
                Stop::OutOfMemory(_) => self.fail(DataFusionError::ResourcesExhausted(format!(
                    "{function}: bringing the rows of each basket together needs more than the memory limit; \
                 raise --memory-limit, or order the input by its baskets"
                ))),
                Stop::TooLarge => self.fail(too_large(function)),
                stop => stop,
            },
        )
    }

    /// Processes the groups: one after another with all threads, or, if there are many, one thread per group.
    pub fn each_group(
        &self,
        groups: &[Baskets],
        work: impl Fn(&Baskets, Control<'_>) -> Result<(), Stop> + Sync,
    ) -> Result<(), Stop> {
        if groups.len() < 4 * self.worker.threads {
            return groups.iter().try_for_each(|group| work(group, self.control(self.worker.threads)));
        }
        self.control(self.worker.threads)
            .share(groups.len(), || (), |(), group| work(&groups[group], self.control(1)))
            .map(|_| ())
    }

    /// Processes the parts of all groups, shared among the threads.
    pub fn each_part(&self, groups: &[Baskets], work: impl Fn(&Baskets, usize) -> Result<(), Stop> + Sync) -> Result<(), Stop> {
        groups.iter().try_for_each(|baskets| {
            self.control(self.worker.threads).share(baskets.parts(), || (), |(), part| work(baskets, part)).map(|_| ())
        })
    }
}

fn too_large(function: &str) -> DataFusionError {
    failed(function, "the input has more baskets or items than 32 bits can number; mine parts of it with per => …")
}

/// A group of baskets to be mined.
pub struct BasketGroup<'a> {
    function: &'static str,
    pub baskets: &'a Baskets,
    pub collected: &'a Collected,
    pub running: &'a MiningRun<'a>,
    pub control: Control<'a>,
}

impl<'a> BasketGroup<'a> {
    /// The group's frequent items and rows.
    pub fn database(&self, mining: &Mining, first: Option<&[bool]>, needs_all_places: bool) -> Result<Database<'a>, Stop> {
        let selection = Selection {
            items: self.collected.items.len(),
            threshold: mining.threshold,
            max_basket_size: mining.max_basket_size.unwrap_or(usize::MAX),
            first,
        };
        let (baskets, maps) = (self.baskets, &self.collected.maps);
        let mut database = Database::count(baskets, maps, selection, self.control).map_err(|stop| self.explain(stop))?;
        self.running.too_large.add(usize::try_from(database.too_large).unwrap_or(usize::MAX));
        if mining.max_len() > 1 {
            let filled = database.fill(baskets, maps, selection, needs_all_places, self.control);
            filled.map_err(|stop| match stop {
                Stop::OutOfMemory(wanted) => self.rows_do_not_fit(&database, mining.threshold, wanted),
                stop => self.explain(stop),
            })?;
        }
        Ok(database)
    }

    /// Searches, and passes the itemsets on in batches.
    pub fn search(
        &self,
        database: &Database<'_>,
        goal: &Goal,
        threshold: Threshold,
        hand_on: impl Fn(Itemsets) -> Result<(), Stop> + Sync,
    ) -> Result<(), Stop> {
        let (most, batch) = (self.running.settings.max_itemsets, self.running.worker.batch_size);
        if self.is_small_and_has_more(database, goal, most)? {
            self.tell_left_out(database, threshold, most);
            return Ok(());
        }
        let (left, handed) = (AtomicU64::new(most), AtomicU64::new(0));
        let hand_on = |sets: Itemsets| {
            self.running.found.add(sets.len());
            handed.fetch_add(sets.len() as u64, Ordering::Relaxed);
            hand_on(sets)
        };
        let sinks =
            search(database, goal, self.control, || Portions::new(database, goal.target, goal.max_len, &left, batch, &hand_on));
        let handed_on = sinks.and_then(|sinks| sinks.into_iter().try_for_each(Portions::finish));
        handed_on.map_err(|stop| match stop {
            Stop::TooMany => {
                let problem = format!("more than {} itemsets", grouped(most));
                let advice = self.fewer(database, goal, threshold, most);
                let place = self.place(database, threshold);
                let raise = "raise portrait.max_itemsets to have them all";
                self.running.fail(failed(self.function, format!("{problem}{place}; {advice}; {raise}")))
            }
            Stop::OutOfMemory(_) => {
                let found = handed.load(Ordering::Relaxed);
                let problem = format!("the memory limit is reached after {} itemsets", grouped(found));
                self.itemsets_do_not_fit(database, goal, threshold, &problem, found / 2)
            }
            stop => self.explain(stop),
        })
    }

    /// True for one group of several in which so few baskets make an itemset frequent that nearly every subset of a basket is frequent.
    /// This is decided before mining, because rows that were sent cannot be taken back.
    fn is_small_and_has_more(&self, database: &Database<'_>, goal: &Goal, most: u64) -> Result<bool, Stop> {
        if self.collected.groups.is_none() || database.min_count >= FEW_BASKETS {
            return Ok(false);
        }
        let goal = Goal { target: if goal.target == Target::Maximal { Target::Closed } else { goal.target }, ..goal.clone() };
        let curve = Curve::count(database, &goal, most, self.control).map_err(|stop| self.explain(stop))?;
        Ok(curve.at(database.min_count).is_none_or(|sets| sets > most))
    }

    fn tell_left_out(&self, database: &Database<'_>, threshold: Threshold, most: u64) {
        let place = self.place(database, threshold);
        let advice = match threshold {
            Threshold::Share(_) => "give min_count beside min_support",
            Threshold::Count(_) | Threshold::Both(..) => "give a higher min_count",
        };
        self.running.notes.tell(format!(
            "{}: a group was left out, as it has more than {} itemsets{place}; {advice}, or max_len",
            self.function,
            grouped(most)
        ));
    }

    /// Attaches a note to the result.
    pub fn tell(&self, note: String) {
        self.running.notes.tell(note);
    }

    /// Sends rows of this group.
    pub fn send(&self, columns: Result<Vec<ArrayRef>>) -> Result<(), Stop> {
        let with_group = |mut columns: Vec<ArrayRef>| {
            if let Some(groups) = &self.collected.groups {
                let rows = columns.first().map_or(0, |column| column.len());
                let value = ScalarValue::try_from_array(groups, self.baskets.group as usize)?;
                columns.insert(0, value.to_array_of_size(rows)?);
            }
            Ok(columns)
        };
        self.running.worker.send(columns.and_then(with_group))
    }

    /// Ends the query with the error that stopped the mining, unless the call was cancelled.
    pub fn explain(&self, stop: Stop) -> Stop {
        match stop {
            Stop::Cancelled => stop,
            Stop::TooLarge | Stop::Unreadable => self.running.fail(too_large(self.function)),
            Stop::OutOfMemory(wanted) => self.running.fail(DataFusionError::ResourcesExhausted(format!(
                "{}: {} more are needed, beyond the memory limit; raise --memory-limit",
                self.function,
                megabytes(wanted)
            ))),
            Stop::TooMany => self.running.fail(failed(self.function, "an itemset has more than 63 items; give max_len")),
        }
    }

    /// The itemsets, or what is built from them, need more memory than is available; about `most` would fit.
    pub fn itemsets_do_not_fit(
        &self,
        database: &Database<'_>,
        goal: &Goal,
        threshold: Threshold,
        problem: &str,
        most: u64,
    ) -> Stop {
        let advice = self.fewer(database, goal, threshold, most);
        let place = self.place(database, threshold);
        self.running.fail(DataFusionError::ResourcesExhausted(format!(
            "{}: {problem}{place}; {advice}; raise --memory-limit to have them all",
            self.function
        )))
    }

    /// The support at which there are at most this many itemsets.
    fn fewer(&self, database: &Database<'_>, goal: &Goal, threshold: Threshold, most: u64) -> String {
        // There are at most as many maximal sets as closed ones, and one pass counts the closed ones at every support.
        let goal = Goal { target: if goal.target == Target::Maximal { Target::Closed } else { goal.target }, ..goal.clone() };
        let curve = Curve::count(database, &goal, most, self.control);
        match curve.ok().and_then(|curve| curve.least()) {
            Some((count, sets)) => format!("{} gives {}", threshold_of(threshold, count, database.baskets), grouped(sets)),
            None => "no support gives fewer itemsets; use max_len, max_basket_size or target => 'closed'".to_string(),
        }
    }

    /// The rows of the frequent items do not fit: finds the support at which they do.
    fn rows_do_not_fit(&self, database: &Database<'_>, threshold: Threshold, wanted: usize) -> Stop {
        let mut counts: Vec<u32> = database.items.iter().map(|item| item.count).collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let fits = |items: usize| {
            let bytes = Database::row_bytes(counts[..items].iter().copied()) + 4 * self.collected.items.len();
            // A quarter more, for chunks that are not full and for the columns of a class.
            self.control.reserve(bytes + bytes / 4).is_ok()
        };
        let (mut low, mut high) = (0, counts.len());
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            if fits(middle) { low = middle } else { high = middle }
        }
        let advice = match low.checked_sub(1) {
            Some(last) => format!("{} fits", threshold_of(threshold, counts[last], database.baskets)),
            None => "no support fits".to_string(),
        };
        self.running.fail(DataFusionError::ResourcesExhausted(format!(
            "{}: {} frequent items{} need {} beyond the memory limit; {advice}; raise --memory-limit to have them all",
            self.function,
            grouped(database.items.len() as u64),
            self.place(database, threshold),
            megabytes(wanted),
        )))
    }

    /// ` at min_support => 0.001 (10 of 9,835 baskets)`.
    fn place(&self, database: &Database<'_>, threshold: Threshold) -> String {
        let group = match &self.collected.groups {
            Some(groups) => ScalarValue::try_from_array(groups, self.baskets.group as usize)
                .map_or_else(|_| String::new(), |value| format!(" of {value}")),
            None => String::new(),
        };
        let (count, baskets) = (grouped(u64::from(database.min_count)), grouped(u64::from(database.baskets)));
        let given = match threshold {
            Threshold::Share(share) => format!("min_support => {share}"),
            Threshold::Count(count) => format!("min_count => {count}"),
            Threshold::Both(share, count) => format!("min_support => {share}, min_count => {count}"),
        };
        format!(" at {given} ({count} of {baskets} baskets{group})")
    }
}

/// The option that asks for at least `count`, written as in the call.
fn threshold_of(threshold: Threshold, count: u32, baskets: u32) -> String {
    match threshold {
        Threshold::Count(_) | Threshold::Both(..) => format!("min_count => {count}"),
        Threshold::Share(_) => {
            // Three digits, rounded up.
            let share = f64::from(count) / f64::from(baskets);
            let unit = 10_f64.powi(share.log10().floor() as i32 - 2);
            let digits = (2.0 - share.log10().floor()).max(0.0) as usize;
            format!("min_support => {:.digits$}", ((share / unit).ceil() * unit).min(1.0))
        }
    }
}
