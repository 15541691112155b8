//! The state of schedules: which of their times are done, and which process runs one.
//!
//! A scheduled time is *claimed* in one SQLite transaction, which marks it as settled and begins its run: a second process then finds it
//! settled. While an attempt runs, nothing else of the same schedule may; the transaction checks that too. An attempt that did not succeed
//! remains the one *in work* until it is retried or given up.
//!
//! Whether a process is alive is known as for [all runs](super::liveness), by its lock and its heartbeats, so a killed process is noticed at
//! once, and after a minute on another machine. So an attempt is a *lease*: its process gives up well before that when it cannot write
//! heartbeats. An attempt that was considered lost can neither write heartbeats nor end, so anything it would still commit together with
//! its end is refused.
//!
//! The state of a schedule is created when a runner first looks at it, and deleted with the schedule; the records of its runs remain.

pub mod lease;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::common::Result;
use rusqlite::{Connection, OptionalExtension, Row, params};

use lease::Lease;

use super::Catalog;
use super::liveness::{HOST, unfinished};
use super::notices::{NewNotice, put};
use super::runs::{BEAT, LOST, RUNNING, now};

/// The kind of runs that are attempts of a schedule.
pub const SCHEDULE: &str = "schedule";

/// The part of the catalog schema for schedules.
pub const MIGRATION: &str = "
    -- What is remembered of schedules. `settled` is the time up to which nothing is to be done; `run` the attempt in work, if there is one.
    CREATE TABLE schedules (
        object       INTEGER PRIMARY KEY REFERENCES objects (id) ON DELETE CASCADE,
        paused       INTEGER NOT NULL DEFAULT 0,
        calendar     TEXT NOT NULL DEFAULT '',
        settled      INTEGER NOT NULL,
        run          INTEGER,
        retry_at     INTEGER,
        failed       INTEGER NOT NULL DEFAULT 0,
        lost         INTEGER NOT NULL DEFAULT 0,
        last_success INTEGER,
        -- The version that was made by somebody who may read and write all files.
        trusted      INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    -- Of attempts of schedules; the rows of other runs have only their host.
    ALTER TABLE runs ADD COLUMN schedule INTEGER;
    ALTER TABLE runs ADD COLUMN attempt INTEGER;
    ALTER TABLE runs ADD COLUMN missed INTEGER;
    ALTER TABLE runs ADD COLUMN role TEXT;
    ALTER TABLE runs ADD COLUMN host TEXT;
    ALTER TABLE runs ADD COLUMN cause TEXT;
    ALTER TABLE runs ADD COLUMN statement TEXT;
    ALTER TABLE runs ADD COLUMN line INTEGER;
    CREATE INDEX runs_by_schedule ON runs (schedule, id);
    CREATE INDEX runs_going_on ON runs (status) WHERE status = 'running';
";

/// The stored state of a schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    pub object: i64,
    pub is_paused: bool,
    /// The calendar that `settled` was computed with.
    pub times: String,
    /// The time up to which everything is done; `None` for a schedule that no runner has looked at yet.
    pub settled: Option<i64>,
    /// The attempt in work.
    pub attempt: Option<InWork>,
    /// When it is retried.
    pub retry_at: Option<i64>,
    /// How many attempts for the time in work have failed, and how many were lost.
    pub failed: i64,
    pub lost: i64,
    /// The scheduled time of the last run that succeeded.
    pub last_success: Option<i64>,
    /// The run in progress, whatever its cause.
    pub running: Option<i64>,
    /// The version that was created by a role that may read and write all files.
    pub trusted: i64,
}

impl State {
    /// Marks attempts that are recorded as running but are dead.
    fn mark_dead(&mut self, dead: &[i64]) {
        self.running = self.running.filter(|run| !dead.contains(run));
        if let Some(attempt) = self.attempt.as_mut().filter(|attempt| attempt.status == RUNNING && dead.contains(&attempt.run)) {
            attempt.status = "lost".into();
        }
    }
}

/// The latest attempt for the time in work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InWork {
    pub run: i64,
    pub number: i64,
    pub scheduled_at: i64,
    pub missed: i64,
    /// The recorded status; `lost` even before that is recorded.
    pub status: String,
    /// When it ended, or its last heartbeat.
    pub ended_at: i64,
}

/// The latest run of a schedule.
#[derive(Debug, Clone)]
pub struct Latest {
    pub schedule: i64,
    pub status: String,
    pub started_at: i64,
    pub message: String,
}

/// Scheduled times that are skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The last of the skipped times.
    pub at: i64,
    pub count: u64,
    pub why: String,
}

/// A decision to record for a schedule.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    pub schedule: i64,
    pub name: &'a str,
    /// The version of the definition that the decision is based on, and the state at that time.
    pub version: i64,
    pub seen: &'a State,
    pub role: &'a str,
    /// The current time.
    pub at: i64,
    /// The calendar, and the time up to which this claim settles everything.
    pub times: &'a str,
    pub settled: i64,
    pub skipped: Option<Skipped>,
    /// The attempt to begin.
    pub begins: Option<Begins>,
    /// What is to be sent about an attempt that is given up, by the number of its run.
    pub given_up: Option<(i64, Vec<NewNotice>)>,
}

/// An attempt to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begins {
    pub scheduled_at: i64,
    pub number: i64,
    pub missed: i64,
    pub cause: &'static str,
}

/// The result of a claim.
#[derive(Debug)]
pub enum Claimed {
    /// Another process was faster, or the schedule has changed.
    No,
    /// Only skipped times were recorded.
    Noted,
    Begun(Lease),
}

impl Catalog {
    /// The state of a schedule.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn schedule_state(&self, object: i64) -> Result<State> {
        let dead = self.dead_attempts()?;
        let mut state = self.read(|connection| state(connection, object))?;
        state.mark_dead(&dead);
        Ok(state)
    }

    /// The states of all schedules that a runner has looked at.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn schedule_states(&self) -> Result<Vec<State>> {
        // First find dead attempts, then read the states: a run releases its lock only after its end is written.
        let dead = self.dead_attempts()?;
        self.read(|connection| {
            let mut states = states(connection)?;
            states.iter_mut().for_each(|state| state.mark_dead(&dead));
            Ok(states)
        })
    }

    /// The latest run of each schedule.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn latest_runs(&self) -> Result<Vec<Latest>> {
        let dead = self.dead_attempts()?;
        self.read(|connection| {
            let mut query = connection.prepare_cached(
                "SELECT schedule, id, status, started_at, message FROM runs
                 WHERE id IN (SELECT max(id) FROM runs WHERE schedule IS NOT NULL AND status <> 'skipped' GROUP BY schedule)",
            )?;
            let latest = query.query_and_then([], |row| {
                let status: String = row.get(2)?;
                let is_lost = status == RUNNING && dead.contains(&row.get(1)?);
                let message = connection.open("runs.message", row.get::<_, i64>(1)?, row.get(4)?)?;
                let (status, message) = if is_lost { ("lost".into(), LOST.into()) } else { (status, message) };
                Ok(Latest { schedule: row.get(0)?, status, started_at: row.get(3)?, message })
            })?;
            latest.collect()
        })
    }

    /// The attempts that are recorded as running but are dead.
    fn dead_attempts(&self) -> Result<Vec<i64>> {
        let running = self.read(|connection| unfinished(connection))?;
        let dead = running.into_iter().filter(|open| open.is_attempt && open.is_dead(&self.data.locks));
        Ok(dead.map(|open| open.run).collect())
    }

    /// Records skipped times and begins an attempt, unless something has changed since the decision. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// The catalog cannot be written.
    pub fn claim(self: &Arc<Self>, claim: &Claim<'_>) -> Result<Claimed> {
        let dead = self.dead_attempts()?;
        let noted = self.write(|transaction| {
            let current = "SELECT version FROM objects WHERE id = ?1";
            let version: Option<i64> = transaction.query_row(current, [claim.schedule], |row| row.get(0)).optional()?;
            let mut state = state(transaction, claim.schedule)?;
            state.mark_dead(&dead);
            let is_as_seen = version == Some(claim.version)
                && (state.settled, &state.attempt, state.is_paused, state.retry_at)
                    == (claim.seen.settled, &claim.seen.attempt, claim.seen.is_paused, claim.seen.retry_at);
            let is_manual = claim.begins.as_ref().is_some_and(|begins| begins.cause == "manual");
            if version.is_none() || !is_manual && !is_as_seen {
                return Ok(Ok(None));
            }
            for run in &dead {
                transaction.execute(
                    "UPDATE runs SET status = 'lost', finished_at = coalesce(heartbeat_at, started_at), message = ?2
                     WHERE id = ?1 AND status = 'running'",
                    params![run, transaction.seal("runs.message", run, LOST)?],
                )?;
            }
            let running = "SELECT 1 FROM runs WHERE schedule = ?1 AND status = 'running'";
            if transaction.prepare_cached(running)?.exists([claim.schedule])? {
                return Ok(Ok(None));
            }
            if let Some((run, notices)) = &claim.given_up {
                notices.iter().try_for_each(|notice| put(transaction, claim.schedule, *run, "failed", claim.at, notice))?;
            }
            if let Some(Skipped { at, count, why }) = &claim.skipped {
                // The reason is added once the run has its id, which its encryption is bound to.
                transaction.execute(
                    "INSERT INTO runs (kind, name, as_of, process, status, started_at, finished_at, schedule, attempt, missed, role, host, cause)
                     VALUES (?1, ?2, ?3, ?4, 'skipped', ?5, ?5, ?6, 0, ?7, ?8, ?9, 'missed')",
                    params![
                        SCHEDULE,
                        claim.name,
                        at,
                        std::process::id(),
                        claim.at,
                        claim.schedule,
                        i64::try_from(*count).unwrap_or(i64::MAX),
                        claim.role,
                        *HOST
                    ],
                )?;
                let run = transaction.last_insert_rowid();
                let why = transaction.seal("runs.message", run, why)?;
                transaction.execute("UPDATE runs SET message = ?2 WHERE id = ?1", params![run, why])?;
            }
            let Some(begins) = &claim.begins else {
                note(transaction, claim, None)?;
                return Ok(Ok(Some(None)));
            };
            let (lock, lock_name) = match self.data.locks.for_run(claim.name, SCHEDULE) {
                Ok(made) => made,
                Err(error) => return Ok(Err(error)),
            };
            transaction.execute(
                "INSERT INTO runs (kind, name, as_of, process, status, started_at, heartbeat_at, lock, schedule, attempt, missed, role, host, cause)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
                params![
                    SCHEDULE,
                    claim.name,
                    begins.scheduled_at,
                    std::process::id(),
                    RUNNING,
                    claim.at,
                    now(),
                    lock_name,
                    claim.schedule,
                    begins.number,
                    begins.missed,
                    claim.role,
                    *HOST,
                    begins.cause
                ],
            )?;
            let run = transaction.last_insert_rowid();
            if is_manual {
                let remember = "INSERT INTO schedules (object, calendar, settled) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
                transaction.execute(remember, params![claim.schedule, claim.times, claim.settled])?;
            } else {
                note(transaction, claim, Some(run))?;
            }
            Ok(Ok(Some(Some((run, lock)))))
        })??;
        Ok(match noted {
            None => Claimed::No,
            Some(None) => Claimed::Noted,
            Some(Some((run, lock))) => Claimed::Begun(self.lease(run, lock, BEAT)),
        })
    }

    /// Records that the newest version of a schedule was created by a role that may read and write all files. Within a transaction, this is
    /// lost at COMMIT.
    ///
    /// # Errors
    /// The catalog cannot be written.
    pub fn trust_schedule(&self, name: &str) -> Result<()> {
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO schedules (object, settled, trusted)
                 SELECT o.id, CAST(strftime('%s', v.created_at) AS INTEGER) * 1000000 + CAST(substr(strftime('%f', v.created_at), 4) AS INTEGER) * 1000,
                    o.version
                 FROM objects o JOIN versions v ON v.object = o.id AND v.version = o.version WHERE o.kind = ?1 AND o.name = ?2
                 ON CONFLICT DO UPDATE SET trusted = excluded.trusted",
                [SCHEDULE, name],
            )?;
            Ok(())
        })
    }

    /// Pauses or resumes a schedule; false when it already is. Times that pass while it is paused do not count as missed.
    ///
    /// # Errors
    /// The catalog cannot be written.
    pub fn pause_schedule(&self, object: i64, is_paused: bool, at: i64) -> Result<bool> {
        self.write(|transaction| {
            let before = state(transaction, object)?;
            if before.is_paused == is_paused {
                return Ok(false);
            }
            transaction.execute(
                "INSERT INTO schedules (object, paused, settled) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET paused = ?2, settled = CASE WHEN ?2 = 0 THEN max(settled, ?3) ELSE settled END",
                params![object, is_paused, at],
            )?;
            Ok(true)
        })
    }
}

/// Records the state after a claim.
fn note(transaction: &Connection, claim: &Claim<'_>, run: Option<i64>) -> rusqlite::Result<()> {
    let is_again = claim.begins.as_ref().is_some_and(|begins| begins.number > 1);
    let lost = claim.seen.attempt.as_ref().is_some_and(|attempt| attempt.status == "lost");
    let (failed, lost) = match is_again {
        true => (claim.seen.failed, claim.seen.lost + i64::from(lost)),
        false => (0, 0),
    };
    transaction.execute(
        "INSERT INTO schedules (object, calendar, settled, run, failed, lost) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET calendar = ?2, settled = ?3, run = ?4, retry_at = NULL, failed = ?5, lost = ?6",
        params![claim.schedule, claim.times, claim.settled, run, failed, lost],
    )?;
    Ok(())
}

const STATES: &str = "SELECT s.object, s.paused, s.calendar, s.settled, s.retry_at, s.failed, s.lost, s.last_success,
    r.id, r.attempt, r.as_of, r.missed, r.status, coalesce(r.finished_at, r.heartbeat_at, r.started_at),
    (SELECT max(id) FROM runs WHERE schedule = s.object AND status = 'running'), s.trusted
    FROM schedules s LEFT JOIN runs r ON r.id = s.run";

fn state_of(row: &Row<'_>) -> rusqlite::Result<State> {
    let run: Option<i64> = row.get(8)?;
    let attempt = match run {
        Some(run) => Some(InWork {
            run,
            number: row.get(9)?,
            scheduled_at: row.get(10)?,
            missed: row.get::<_, Option<i64>>(11)?.unwrap_or(0),
            status: row.get(12)?,
            ended_at: row.get(13)?,
        }),
        None => None,
    };
    Ok(State {
        object: row.get(0)?,
        is_paused: row.get(1)?,
        times: row.get(2)?,
        settled: row.get(3)?,
        attempt,
        retry_at: row.get(4)?,
        failed: row.get(5)?,
        lost: row.get(6)?,
        last_success: row.get(7)?,
        running: row.get(14)?,
        trusted: row.get(15)?,
    })
}

fn states(connection: &Connection) -> rusqlite::Result<Vec<State>> {
    connection.prepare_cached(STATES)?.query_map([], state_of)?.collect()
}

fn state(connection: &Connection, object: i64) -> rusqlite::Result<State> {
    let query = format!("{STATES} WHERE s.object = ?1");
    let found = connection.prepare_cached(&query)?.query_row([object], state_of).optional()?;
    Ok(found.unwrap_or(State { object, ..State::default() }))
}
