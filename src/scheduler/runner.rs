//! The runner: checks the schedules, begins what is due, and collects the outcomes.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::Result;
use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::decide::{Decision, Dependency, decide};
use crate::engine::Engine;
use crate::engine::schedules::{Attempt, Begins, Claim, Claimed, Commands, End, InWork, Outcome, Schedule, Skipped, notices};

/// The current time in microseconds since 1970: the machine's, or a simulated one.
pub trait Clock: Send + Sync {
    fn now(&self) -> i64;
}

/// Runs an attempt to its end.
pub trait Work: Send + Sync {
    fn run(&self, schedule: Arc<Schedule>, attempt: Attempt, stopped: watch::Receiver<bool>) -> BoxFuture<'static, Outcome>;
}

/// A schedule, and when to check it next.
struct Known {
    schedule: Arc<Schedule>,
    wake: i64,
}

/// Runs the schedules of a database in one process.
pub struct Runner {
    engine: Engine,
    clock: Arc<dyn Clock>,
    work: Arc<dyn Work>,
    /// How many attempts may run at the same time.
    slots: usize,
    /// How long to wait before checking again for changes by others.
    pause: i64,
    places: Option<Arc<[String]>>,
    /// The statuses for which a command is run.
    commands: Commands,
    known: HashMap<i64, Known>,
    /// The state of the definitions that `known` was read from.
    definitions: Option<i64>,
    running: JoinSet<(Arc<Schedule>, Outcome)>,
    stopping: watch::Sender<bool>,
    /// Problems with definitions that were already reported.
    told: Vec<String>,
}

/// An event to report.
pub enum Event {
    Ended(Arc<Schedule>, Box<Outcome>),
    /// An error.
    Problem(String),
}

impl Runner {
    pub fn new(
        engine: Engine,
        clock: Arc<dyn Clock>,
        work: Arc<dyn Work>,
        slots: usize,
        pause: i64,
        places: Option<Arc<[String]>>,
    ) -> Self {
        let (stopping, _) = watch::channel(false);
        Self {
            engine,
            clock,
            work,
            slots,
            pause,
            places,
            commands: Commands::default(),
            known: HashMap::new(),
            definitions: None,
            running: JoinSet::new(),
            stopping,
            told: vec![],
        }
    }

    /// Runs commands for these statuses.
    pub fn with_commands(self, commands: Commands) -> Self {
        Self { commands, ..self }
    }

    /// The number of running attempts.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Begins all attempts that are due, on the current Tokio runtime; returns the time of the next check.
    ///
    /// # Errors
    /// The catalog cannot be read or written.
    pub fn look(&mut self, tell: &mut dyn FnMut(Event)) -> Result<i64> {
        let now = self.clock.now();
        self.read_definitions(now, tell)?;
        let mut due: Vec<(i64, i64)> =
            self.known.values().filter(|known| known.wake <= now).map(|known| (known.wake, known.schedule.id)).collect();
        // Those that have waited longest come first.
        due.sort_unstable();
        for (_, id) in due {
            let Some(known) = self.known.get(&id) else { continue };
            let schedule = Arc::clone(&known.schedule);
            let wake = if self.running.len() >= self.slots { now } else { self.settle(&schedule, now, tell)? };
            if let Some(known) = self.known.get_mut(&id) {
                known.wake = wake;
            }
            if self.running.len() >= self.slots {
                break;
            }
        }
        let next = self.known.values().map(|known| known.wake).filter(|wake| *wake > now).min();
        Ok(next.unwrap_or(i64::MAX).min(now.saturating_add(self.pause)))
    }

    /// Waits until an attempt has ended; forever if none is running.
    pub async fn ended(&mut self) -> Event {
        let Some(ended) = self.running.join_next().await else { return std::future::pending().await };
        let (schedule, outcome) = match ended {
            Ok(ended) => ended,
            Err(error) => return Event::Problem(format!("an attempt was aborted: {error}")),
        };
        let now = self.clock.now();
        if let Some(known) = self.known.get_mut(&schedule.id) {
            known.wake = now;
        }
        for other in self.known.values_mut().filter(|other| other.schedule.depends_on.contains(&schedule.name)) {
            other.wake = now;
        }
        Event::Ended(schedule, Box::new(outcome))
    }

    /// Cancels the running attempts.
    pub fn cancel(&self) {
        self.stopping.send_replace(true);
    }

    fn read_definitions(&mut self, now: i64, tell: &mut dyn FnMut(Event)) -> Result<()> {
        let definitions = self.engine.definitions()?;
        if self.definitions == Some(definitions) {
            return Ok(());
        }
        let before: Vec<Arc<Schedule>> = self.known.values().map(|known| Arc::clone(&known.schedule)).collect();
        let (schedules, problems) = self.engine.schedules(&before)?;
        let wakes: HashMap<(i64, i64), i64> =
            self.known.values().map(|known| ((known.schedule.id, known.schedule.version), known.wake)).collect();
        let known = schedules.into_iter().map(|schedule| {
            let wake = wakes.get(&(schedule.id, schedule.version)).copied().unwrap_or(now);
            (schedule.id, Known { schedule, wake })
        });
        self.known = known.collect();
        self.definitions = Some(definitions);
        for problem in problems.iter().filter(|problem| !self.told.contains(problem)) {
            tell(Event::Problem(problem.clone()));
        }
        self.told = problems;
        Ok(())
    }

    /// Acts on a schedule; returns the time of its next check.
    fn settle(&mut self, schedule: &Arc<Schedule>, now: i64, tell: &mut dyn FnMut(Event)) -> Result<i64> {
        let state = self.engine.schedule_state(schedule)?;
        let mut dependencies = vec![];
        for name in &schedule.depends_on {
            let other = self.known.values().find(|known| known.schedule.name == *name);
            if let Some(Known { schedule, .. }) = other {
                dependencies.push(Dependency { schedule, state: self.engine.schedule_state(schedule)? });
            }
        }
        let again = now.saturating_add(self.pause);
        let (settled, skipped, begins) = match decide(schedule, &state, &dependencies, now) {
            Decision::Wait(None) => return Ok(again),
            Decision::Wait(Some(time)) => return Ok(time),
            Decision::Claim { settled, skipped, begins } => (settled, skipped, begins),
        };
        let (failed, last_success) = (state.failed, state.last_success);
        // A version created by someone who may access all files is not limited to the places of the server.
        let places = self.places.clone().filter(|_| state.trusted != schedule.version);
        let given_up = match (&state.attempt, &skipped, &begins) {
            (Some(attempt), Some(skipped), None) => Some(given_up(attempt, skipped, now)),
            _ => None,
        };
        let claim = Claim {
            schedule: schedule.id,
            name: &schedule.name,
            version: schedule.version,
            seen: &state,
            role: &schedule.owner,
            at: now,
            times: &schedule.times,
            settled,
            skipped,
            begins: begins.clone(),
            given_up: given_up.as_ref().map(|Outcome { run, begins, began_at, end, .. }| {
                (*run, notices(schedule, begins, *began_at, end, Some(self.commands)))
            }),
        };
        match (self.engine.claim(&claim)?, begins) {
            (Claimed::Begun(lease), Some(begins)) => {
                let failed = if begins.number > 1 { failed } else { 0 };
                let commands = Some(self.commands);
                let attempt = Attempt { lease, begins, began_at: now, failed, last_success, places, commands };
                let (own, run) = (Arc::clone(schedule), self.work.run(Arc::clone(schedule), attempt, self.stopping.subscribe()));
                self.running.spawn(async move { (own, run.await) });
                // It is checked again when the attempt has ended.
                Ok(i64::MAX)
            }
            // There may be more to do soon.
            (Claimed::Noted, _) => {
                if let Some(outcome) = given_up {
                    tell(Event::Ended(Arc::clone(schedule), Box::new(outcome)));
                }
                Ok(schedule.next(now).map_or(again, |next| next.min(again)))
            }
            // Another process was faster.
            _ => Ok(schedule.next(now).map_or(again, |next| next.min(again))),
        }
    }
}

/// The outcome of an attempt that was lost, and is not retried again.
fn given_up(attempt: &InWork, skipped: &Skipped, now: i64) -> Outcome {
    let InWork { run, number, scheduled_at, missed, ended_at, .. } = *attempt;
    let begins = Begins { scheduled_at, number, missed, cause: "retry" };
    let message = skipped.why.clone();
    let (statement, notices) = (String::new(), vec![]);
    let end = End { run, status: "failed", at: now, rows: 0, message, statement, line: None, retry_at: None, keep: 0, notices };
    Outcome { run, begins, status: "failed", began_at: ended_at, end }
}
