//! Attempts of schedules: runs a script as its owner, and records how it ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use fail::fail_point;
use parking_lot::Mutex;

use super::{Engine, Parameters, Session, TransactionStatus};
use crate::catalog::locks::Lock;
pub(crate) use crate::catalog::notices::{NewNotice, Receiver, Taken, Taking};
pub(crate) use crate::catalog::schedules::lease::{End, Lease};
pub(crate) use crate::catalog::schedules::{Begins, Claim, Claimed, InWork, Skipped, State};
use crate::catalog::transaction::Change;
use crate::error::{SqlState, failed, message, message_without_place, not_available, sqlstate};
use crate::files::places;
use crate::objects::definition::Definition;
use crate::objects::schedule;
pub(crate) use crate::objects::schedule::{OnMissed, Schedule};
use crate::sql::parser::Statement;
use crate::statement::{Cancel, StatementContext};
use crate::text::{timestamp, without_passwords};

impl Engine {
    /// The lag in microseconds of the schedule that is furthest behind; `None` when no schedule is active.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub(crate) fn schedule_lag(&self) -> Result<Option<i64>> {
        schedule::longest_lag(&self.session()?.statement(Parameters::default()))
    }
}

/// How long to wait for a cancelled statement to end.
const ENDING: Duration = Duration::from_secs(5);
/// The cause of an attempt made by RUN SCHEDULE.
const MANUAL: &str = "manual";
/// The longest wait before a retry, in microseconds.
const LONGEST_WAIT: i64 = 30 * 60 * 1_000_000;
/// The minimum number of retries after conflicts with other writers, and the longest first wait in microseconds.
const CONFLICTS: i64 = 5;
const CONFLICT_WAIT: i64 = 200_000;
/// How often an attempt is retried whose process was killed.
pub(crate) const MOST_LOST: i64 = 20;

/// Why an attempt is ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    TimedOut,
    Stopped,
    Lost,
}

/// The outcome of an attempt.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) run: i64,
    pub(crate) begins: Begins,
    /// `succeeded`, `failed`, `cancelled`, or `lost` when another process has taken it over.
    pub(crate) status: &'static str,
    pub(crate) began_at: i64,
    pub(crate) end: End,
}

/// A claimed attempt.
pub(crate) struct Attempt {
    pub(crate) lease: Lease,
    pub(crate) begins: Begins,
    pub(crate) began_at: i64,
    /// How many attempts for the same time have failed.
    pub(crate) failed: i64,
    pub(crate) last_success: Option<i64>,
    /// The directories and URLs whose files the script may read and write; `None` for all.
    pub(crate) places: Option<Arc<[String]>>,
    /// Who is notified; `None` for a run that somebody waits for.
    pub(crate) commands: Option<Commands>,
}

/// The statuses for which the process runs a command of its operator.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Commands {
    pub(crate) on_failure: bool,
    pub(crate) on_success: bool,
}

/// An error, and where it occurred.
#[derive(Debug, Clone, Default)]
struct Broken {
    message: String,
    statement: String,
    line: Option<i64>,
    /// True for a conflict with another writer, after which nothing of the attempt has happened.
    is_conflict: bool,
}

impl Broken {
    fn whole(error: &DataFusionError) -> Self {
        Self { message: message(error), is_conflict: is_conflict(error), ..Self::default() }
    }
}

/// The lock of a job, held until dropped.
#[derive(Debug)]
pub struct JobLock(#[expect(dead_code, reason = "it is held, and dropped")] Lock);

fn is_conflict(error: &DataFusionError) -> bool {
    sqlstate(error) == SqlState::SERIALIZATION_FAILURE
}

/// A handle to cancel the running statement.
type Current = Mutex<Option<Cancel>>;

impl Engine {
    /// Takes the lock of a job, so that no other process runs its script; `None` when another holds it.
    ///
    /// # Errors
    /// The lock cannot be created.
    pub fn job_lock(&self, name: &str) -> Result<Option<JobLock>> {
        Ok(self.shared.catalog.data.locks.for_job(name)?.map(JobLock))
    }

    /// The readable schedules of the database, and the problems of others; unchanged ones are reused from `before`.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub(crate) fn schedules(&self, before: &[Arc<Schedule>]) -> Result<(Vec<Arc<Schedule>>, Vec<String>)> {
        let context = self.session()?.statement(Parameters::default());
        let (mut schedules, mut problems) = (vec![], vec![]);
        for object in self.shared.catalog.stamped_objects()?.1.iter().filter(|object| object.kind == "schedule") {
            let known = before.iter().find(|known| known.is_of(object));
            if let Some(known) = known {
                schedules.push(Arc::clone(known));
                continue;
            }
            match Definition::read(object.clone(), context.session()).and_then(|definition| Schedule::of(&definition)) {
                Ok(schedule) => schedules.push(Arc::new(schedule)),
                Err(error) => problems.push(format!("{}: {}", object.label(), message(&error))),
            }
        }
        Ok((schedules, problems))
    }

    /// A number that changes whenever a definition does.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub(crate) fn definitions(&self) -> Result<i64> {
        Ok(self.shared.catalog.stamped_objects()?.0.definitions)
    }

    /// The state of a schedule.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub(crate) fn schedule_state(&self, schedule: &Schedule) -> Result<State> {
        self.shared.catalog.schedule_state(schedule.id)
    }

    /// Records skipped times, and begins an attempt.
    ///
    /// # Errors
    /// The catalog cannot be written.
    pub(crate) fn claim(&self, claim: &Claim<'_>) -> Result<Claimed> {
        let claimed = self.shared.catalog.claim(claim)?;
        fail_point!("schedule::claimed", |_| std::process::abort());
        Ok(claimed)
    }

    /// Runs an attempt to its end, and records it. `stopped` ends it from outside.
    pub(crate) async fn attempt(&self, schedule: &Schedule, attempt: Attempt, stopped: impl Future<Output = ()>) -> Outcome {
        let Attempt { lease, begins, began_at, failed, last_success, places, commands } = attempt;
        let script = Script {
            schedule,
            session: self.session_of(schedule, places, &begins, began_at, last_success),
            run: lease.run,
            began_at,
            began: std::time::Instant::now(),
            current: Current::default(),
            rows: AtomicU64::new(0),
            begins: begins.clone(),
            commands,
        };
        let timeout = async {
            match schedule.timeout.and_then(|length| u64::try_from(length).ok()) {
                Some(length) => {
                    match self.clock().wait_until(tokio::time::Instant::now() + Duration::from_micros(length)).await {
                        Ok(()) => Why::TimedOut,
                        // Without a thread that watches the time, it is run again later.
                        Err(_) => Why::Stopped,
                    }
                }
                None => std::future::pending().await,
            }
        };
        let over = async {
            tokio::select! {
                biased;
                () = lease.lost() => Why::Lost,
                () = stopped => Why::Stopped,
                why = timeout => why,
            }
        };
        let (ended, why) = {
            let mut running = std::pin::pin!(script.run());
            tokio::select! {
                ended = &mut running => (ended, None),
                why = over => {
                    script.cancel();
                    let ended = tokio::time::timeout(ENDING, running).await;
                    (ended.unwrap_or_else(|_| Err(Broken::default())), Some(why))
                }
            }
        };
        fail_point!("schedule::ran", |_| std::process::abort());
        let (status, broken) = told(ended.as_ref().err(), why, schedule);
        // A conflict is not the fault of the script, so it is retried more often and sooner.
        let (retries, backoff) = match broken.is_conflict {
            true => (schedule.retries.max(CONFLICTS), schedule.backoff.min(CONFLICT_WAIT)),
            false => (schedule.retries, schedule.backoff),
        };
        let mut end = script.end(status, broken);
        if begins.cause != MANUAL {
            end.retry_at = match status {
                "failed" if failed < retries => Some(end.at.saturating_add(wait(backoff, failed))),
                "cancelled" => Some(end.at),
                _ => None,
            };
        }
        end.notices = notices(schedule, &begins, began_at, &end, commands);
        let written = match ended {
            Ok(Written::WithTransaction) => {
                lease.ended();
                Ok(true)
            }
            _ => lease.end(&end),
        };
        fail_point!("schedule::ended", |_| std::process::abort());
        let mut outcome = Outcome { run: end.run, begins, status, began_at, end };
        match written {
            Ok(true) => {}
            Ok(false) => (outcome.status, outcome.end.message) = ("lost", "another process considered it lost".into()),
            Err(error) => {
                (outcome.status, outcome.end.message) = ("lost", format!("its end cannot be written: {}", message(&error)))
            }
        }
        outcome
    }

    /// Runs a schedule now, outside its calendar.
    ///
    /// # Errors
    /// There is no schedule of that name, it is running, or its script fails.
    pub(super) async fn run_schedule(&self, name: &str, context: &StatementContext) -> Result<Vec<String>> {
        let (object, schedule) = schedule::known(name, context)?;
        context.check_owns(&object)?;
        let (state, began_at) = (self.schedule_state(&schedule)?, context.now());
        let begins = Begins { scheduled_at: began_at, number: 1, missed: 0, cause: MANUAL };
        let claim = Claim {
            schedule: schedule.id,
            name: &schedule.name,
            version: schedule.version,
            seen: &state,
            role: &schedule.owner,
            at: began_at,
            times: &schedule.times,
            settled: schedule.made_at,
            skipped: None,
            begins: Some(begins.clone()),
            given_up: None,
        };
        let lease = match self.claim(&claim)? {
            Claimed::Begun(lease) => lease,
            _ => {
                let problem = "is already running; system.runs shows since when; run this again when it has finished";
                return Err(not_available(&object.label(), problem));
            }
        };
        let is_free = state.trusted == schedule.version;
        let places = context.places().filter(|_| !is_free).map(Arc::from);
        let attempt = Attempt { lease, begins, began_at, failed: 0, last_success: state.last_success, places, commands: None };
        let Outcome { status, end, .. } = self.attempt(&schedule, attempt, std::future::pending()).await;
        if status == "succeeded" {
            let seconds = (end.at - began_at) as f64 / 1e6;
            return Ok(vec![match end.rows {
                1 => format!("schedule {name} succeeded in {seconds:.3} s, 1 row"),
                rows => format!("schedule {name} succeeded in {seconds:.3} s, {rows} rows"),
            }]);
        }
        let said = &end.message;
        let problem = match (end.line, schedule.file()) {
            (Some(line), Some(file)) => format!("{status} at line {line} of {}: {said}", file.display()),
            (Some(line), None) => format!("{status} at line {line} of its definition: {said}"),
            (None, _) => format!("{status}: {said}"),
        };
        Err(failed(&object.label(), problem))
    }

    /// The session that a script runs in.
    fn session_of(
        &self,
        schedule: &Schedule,
        places: Option<Arc<[String]>>,
        begins: &Begins,
        began_at: i64,
        last_success: Option<i64>,
    ) -> Result<Session> {
        let limits = self.limits_of(&schedule.owner)?;
        let session = self.session()?.with_role(&schedule.owner).with_limits(limits).with_base(&schedule.base);
        let mut session = if schedule.is_trusted { session } else { session.with_rights_of_role() };
        if let Some(places) = places {
            session = session.with_places(places);
        }
        for (name, time) in
            [("run_time", Some(began_at)), ("scheduled_time", Some(begins.scheduled_at)), ("last_success", last_success)]
        {
            session.set_parameter(name, ScalarValue::TimestampMicrosecond(time, None));
        }
        Ok(session)
    }
}

/// The status of an attempt, and its error with the reason.
fn told(broken: Option<&Broken>, why: Option<Why>, schedule: &Schedule) -> (&'static str, Broken) {
    let Some(broken) = broken else { return ("succeeded", Broken::default()) };
    let (status, message) = match why {
        None => ("failed", broken.message.clone()),
        Some(Why::TimedOut) => {
            let limit = schedule.timeout.unwrap_or_default() as f64 / 1e6;
            ("failed", format!("timeout: took longer than {limit} s, and was cancelled"))
        }
        Some(Why::Stopped) => ("cancelled", "its server was stopped; it will be run again".into()),
        Some(Why::Lost) => ("lost", "another process considered it lost".into()),
    };
    (status, Broken { message, ..broken.clone() })
}

/// Microseconds to wait after this many failures: three times as long each time, minus a random part, so that attempts that failed together
/// do not retry together.
fn wait(backoff: i64, failed: i64) -> i64 {
    let factor = 3_i64.checked_pow(u32::try_from(failed).unwrap_or(u32::MAX)).unwrap_or(i64::MAX);
    let longest = backoff.saturating_mul(factor).min(LONGEST_WAIT.max(backoff));
    let chance = uuid::Uuid::new_v4().as_u128() as u64 as f64 / u64::MAX as f64;
    longest - (longest as f64 / 2.0 * chance) as i64
}

/// A running script.
struct Script<'a> {
    schedule: &'a Schedule,
    session: Result<Session>,
    run: i64,
    began_at: i64,
    began: std::time::Instant,
    /// A handle to cancel the running statement.
    current: Current,
    rows: AtomicU64,
    begins: Begins,
    commands: Option<Commands>,
}

impl Script<'_> {
    fn cancel(&self) {
        if let Some(cancel) = self.current.lock().as_ref() {
            cancel.cancel();
        }
    }

    /// The record of the end of the attempt, as of now.
    fn end(&self, status: &'static str, broken: Broken) -> End {
        let took = i64::try_from(self.began.elapsed().as_micros()).unwrap_or(0);
        let Broken { message, statement, line, .. } = broken;
        End {
            run: self.run,
            status,
            at: self.began_at.saturating_add(took),
            rows: i64::try_from(self.rows.load(Ordering::Relaxed)).unwrap_or(i64::MAX),
            message,
            statement,
            line,
            retry_at: None,
            keep: self.schedule.keep,
            notices: vec![],
        }
    }

    async fn run(&self) -> std::result::Result<Written, Broken> {
        let session = self.session.as_ref().map_err(Broken::whole)?;
        let text = self.schedule.text().map_err(|error| Broken::whole(&error))?;
        if let (Some(file), Some(places)) = (self.schedule.file(), session.statement(Parameters::default()).places()) {
            let file = file.display().to_string();
            places::check(&file, &self.schedule.base, Some(places)).map_err(|error| Broken::whole(&error))?;
        }
        let statements = session.parse(&text).await.map_err(|error| Broken::whole(&error))?;
        if self.schedule.is_transaction {
            self.statements(session, "BEGIN").await?;
        }
        for statement in statements {
            self.statement(session, statement).await?;
        }
        let is_open = session.transaction_status() != TransactionStatus::Idle;
        if !self.schedule.is_transaction && is_open {
            let message = "the script ends within a transaction, so none of its changes take effect; end it with COMMIT";
            return Err(Broken { message: message.into(), ..Broken::default() });
        }
        if !is_open {
            return Ok(Written::No);
        }
        let catalog = session.catalog();
        let with_transaction = catalog.is_transaction();
        catalog.keep_change(|| {
            let mut end = self.end("succeeded", Broken::default());
            end.notices = notices(self.schedule, &self.begins, self.began_at, &end, self.commands);
            Change::EndAttempt(end)
        });
        self.statements(session, "COMMIT").await?;
        Ok(if with_transaction { Written::WithTransaction } else { Written::No })
    }

    /// Runs statements that are not part of the script.
    async fn statements(&self, session: &Session, sql: &str) -> std::result::Result<(), Broken> {
        session.sql(sql).await.map(drop).map_err(|error| Broken::whole(&error))
    }

    async fn statement(&self, session: &Session, statement: Statement) -> std::result::Result<(), Broken> {
        let (line, text) = (i64::try_from(statement.line).ok(), without_passwords(&statement.text));
        let before = self.rows.load(Ordering::Relaxed);
        let ran = async {
            let mut answer = session.execute(statement).await?;
            *self.current.lock() = Some(answer.canceller());
            while let Some(batch) = answer.next().await {
                batch?;
                self.rows.store(before + answer.rows(), Ordering::Relaxed);
            }
            self.rows.store(before + answer.rows(), Ordering::Relaxed);
            Ok::<(), DataFusionError>(())
        };
        let ran = ran.await;
        *self.current.lock() = None;
        // The line is recorded separately.
        ran.map_err(|error| {
            let is_conflict = is_conflict(&error);
            Broken { message: message_without_place(&error), statement: text, line, is_conflict }
        })
    }
}

/// Whether the end of an attempt was already recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    WithTransaction,
    No,
}

/// What is to be sent about the end of a run.
pub(crate) fn notices(
    schedule: &Schedule,
    begins: &Begins,
    began_at: i64,
    end: &End,
    commands: Option<Commands>,
) -> Vec<NewNotice> {
    let Some(commands) = commands else { return vec![] };
    let (url, has_command) = match end.status {
        "succeeded" => (&schedule.on_success, commands.on_success),
        // A failure that will be retried is not final, and a lost attempt is reported by the process that took it over.
        "failed" if end.retry_at.is_none() => (&schedule.on_failure, commands.on_failure),
        _ => return vec![],
    };
    let receivers = url.clone().map(Receiver::Url).into_iter().chain(has_command.then_some(Receiver::Command));
    let body = about(schedule, begins, began_at, end).to_string();
    receivers.map(|receiver| NewNotice { receiver, body: body.clone() }).collect()
}

/// The content of a notice.
fn about(schedule: &Schedule, begins: &Begins, began_at: i64, end: &End) -> serde_json::Value {
    let at = |time: i64| format!("{}Z", timestamp(time).replace(' ', "T"));
    let given = |text: &str| (!text.is_empty()).then(|| text.to_string());
    serde_json::json!({
        "schedule": schedule.name,
        "status": end.status,
        "run": end.run,
        "attempt": begins.number,
        "cause": begins.cause,
        "scheduled_time": at(begins.scheduled_at),
        "started_at": at(began_at),
        "finished_at": at(end.at),
        "duration": (end.at - began_at) as f64 / 1e6,
        "rows": end.rows,
        "error": given(&end.message),
        "statement": given(&end.statement),
        "line": end.line,
        "role": given(&schedule.owner),
        "suppressed": 0,
    })
}

impl Engine {
    /// Takes the notices that this process is to send now.
    ///
    /// # Errors
    /// The catalog cannot be read or written.
    pub(crate) fn take_notices(&self, taking: Taking) -> Result<Vec<Taken>> {
        let taken = self.shared.catalog.take_notices(taking)?;
        if !taken.is_empty() {
            fail_point!("notice::taken", |_| std::process::abort());
        }
        Ok(taken)
    }

    /// Records what became of a notice.
    ///
    /// # Errors
    /// The catalog cannot be written.
    pub(crate) fn end_notice(&self, taken: &Taken, at: i64, problem: Option<&str>) -> Result<()> {
        self.shared.catalog.end_notice(taken, at, problem)
    }
}
