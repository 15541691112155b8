//! The scheduler: runs scripts by themselves. It is an interface like the shell and the server, and opens sessions of the engine as they
//! do.
//!
//! | module | contents |
//! |---|---|
//! | [`decide`] | what to do about a schedule, given its state and the time |
//! | [`runner`] | the schedules of a database, and the attempts that this process runs |
//! | [`notices`] | notices about how a run ended |
//!
//! The times of a schedule come from its [`calendar`](crate::calendar); the catalog ensures that each time is run once, by whichever
//! process comes first.

mod decide;
mod notices;
mod runner;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use datafusion::common::Result;
use futures::future::BoxFuture;
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::engine::Engine;
use crate::engine::schedules::{Attempt, Commands, Outcome, Schedule};
use crate::error::{failed, message};
use crate::text::printable;
use notices::Notices;
use runner::{Clock, Event, Runner, Work};

/// Options for a scheduler.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// The number of attempts that run at the same time.
    pub workers: usize,
    /// The directories and URLs whose files scripts may read and write; `None` for all.
    pub files: Option<Vec<String>>,
    /// A shell command to run when a run has finally failed.
    pub on_failure: Option<String>,
    /// A shell command to run when a run has succeeded.
    pub on_success: Option<String>,
    /// The key with which notices to URLs are signed.
    pub webhook_key: Option<String>,
}

impl Default for SchedulerOptions {
    fn default() -> Self {
        Self { workers: 4, files: None, on_failure: None, on_success: None, webhook_key: None }
    }
}

/// The interval at which changes by other processes are checked.
const PAUSE: Duration = Duration::from_secs(1);

/// A running scheduler. Dropping it stops it without grace.
pub struct Scheduler {
    stopping: watch::Sender<Stop>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// Whether a scheduler continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    GoOn,
    /// Begin nothing new, and give running attempts this long to end.
    After(Duration),
}

impl Scheduler {
    /// Starts running schedules, on its own threads. Events are written to the log.
    ///
    /// # Errors
    /// Threads cannot be started.
    pub fn start(engine: Engine, options: SchedulerOptions) -> Result<Self> {
        let cannot = |error: std::io::Error| failed("scheduler", format!("cannot start threads: {error}"));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("portrait-schedule")
            .enable_all()
            .build()
            .map_err(cannot)?;
        let (stopping, stop) = watch::channel(Stop::GoOn);
        let thread = std::thread::Builder::new().name("portrait-scheduler".into()).spawn(move || {
            runtime.block_on(serve(engine, options, stop));
            runtime.shutdown_timeout(Duration::from_secs(1));
        });
        Ok(Self { stopping, thread: Some(thread.map_err(cannot)?) })
    }

    /// Begins nothing new from now on, and cancels what still runs after the grace period.
    pub fn begin_to_stop(&self, grace: Duration) {
        self.stopping.send_replace(Stop::After(grace));
    }

    /// Begins nothing new, lets attempts run for the grace period, then cancels them, so that the next scheduler retries them.
    pub fn stop(mut self, grace: Duration) {
        self.end(grace);
    }

    fn end(&mut self, grace: Duration) {
        self.stopping.send_if_modified(|stop| {
            let is_new = *stop == Stop::GoOn || grace.is_zero();
            if is_new {
                *stop = Stop::After(grace);
            }
            is_new
        });
        if let Some(thread) = self.thread.take() {
            // If it panicked, that was already reported.
            let _ = thread.join();
        }
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

/// The machine's clock.
struct Machine;

impl Clock for Machine {
    fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }
}

/// Runs attempts with the engine.
struct Scripts(Engine);

impl Work for Scripts {
    fn run(&self, schedule: Arc<Schedule>, attempt: Attempt, mut stopped: watch::Receiver<bool>) -> BoxFuture<'static, Outcome> {
        let engine = self.0.clone();
        Box::pin(async move {
            let stopped = async move {
                if stopped.wait_for(|stopped| *stopped).await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            engine.attempt(&schedule, attempt, stopped).await
        })
    }
}

async fn serve(engine: Engine, options: SchedulerOptions, mut stop: watch::Receiver<Stop>) {
    let SchedulerOptions { workers, files, on_failure, on_success, webhook_key } = options;
    let work = Arc::new(Scripts(engine.clone()));
    let pause = i64::try_from(PAUSE.as_micros()).unwrap_or(i64::MAX);
    let commands = Commands { on_failure: on_failure.is_some(), on_success: on_success.is_some() };
    let mut notices = Notices::new(engine.clone(), on_failure, on_success, webhook_key);
    let runner = Runner::new(engine, Arc::new(Machine), work, workers.max(1), pause, files.map(Into::into));
    let mut runner = runner.with_commands(commands);
    let mut wrong = None;
    loop {
        let mut told = vec![];
        let looked = tokio::task::block_in_place(|| runner.look(&mut |event| told.push(event)));
        let problem = looked.as_ref().err().map(message);
        told.extend(newly(problem, &mut wrong).map(Event::Problem));
        let next = looked.unwrap_or_else(|_| Machine.now().saturating_add(pause));
        told.iter().for_each(|event| notices.tell(event));
        notices.send();
        let wait = u64::try_from(next - Machine.now()).unwrap_or(0);
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop != Stop::GoOn) => break,
            event = runner.ended() => notices.tell(&event),
            () = tokio::time::sleep(Duration::from_micros(wait)) => {}
        }
    }
    let Stop::After(grace) = *stop.borrow() else { return };
    let until = tokio::time::Instant::now() + grace;
    while runner.running() > 0 {
        tokio::select! {
            event = runner.ended() => notices.tell(&event),
            () = tokio::time::sleep_until(until) => break,
        }
    }
    runner.cancel();
    let last = tokio::time::Instant::now() + Duration::from_secs(8);
    while runner.running() > 0 {
        tokio::select! {
            event = runner.ended() => notices.tell(&event),
            () = tokio::time::sleep_until(last) => break,
        }
    }
    notices.finish(Duration::from_secs(5)).await;
}

/// The problem, unless it was also there at the last look; one that comes back is reported again.
fn newly(problem: Option<String>, last: &mut Option<String>) -> Option<String> {
    if problem == *last {
        return None;
    }
    last.clone_from(&problem);
    problem
}

/// Writes an event to the log.
fn tell(event: &Event) {
    match event {
        Event::Problem(problem) => error!(problem = %printable(problem), "schedules"),
        Event::Ended(schedule, outcome) => {
            let Outcome { status, end, begins, began_at, .. } = outcome.as_ref();
            let (name, attempt) = (&schedule.name, begins.number);
            if *status == "succeeded" {
                let seconds = (end.at - began_at) as f64 / 1e6;
                info!(schedule = %name, attempt, rows = end.rows, seconds, "run succeeded");
            } else {
                let (problem, again) = (printable(&end.message), end.retry_at.is_some());
                warn!(schedule = %name, attempt, status, line = end.line, %problem, again, "run did not succeed");
            }
        }
    }
}
