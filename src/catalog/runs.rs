//! Runs: what the database did, for how long, and how it ended.
//!
//! A run writes its own end to the catalog; one that cannot, because its process was killed, is *lost*. A run that lives writes a heartbeat
//! every five seconds and holds a lock ([`super::locks`]), which it takes before it becomes visible and releases after its end is written.
//! From these signs, [`super::liveness`] tells a dead run. Every reader sees that without writing anything, and the next run that begins
//! records it.
//!
//! The last heartbeat is the end time of a lost run. A heartbeat also corrects a run that was wrongly recorded as lost: a run with a
//! heartbeat is running.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use datafusion::common::Result;
use rusqlite::{Connection, Row, params};
use tokio::task::JoinSet;

use super::Catalog;
use super::keys::Link;
use super::liveness::{HOST, unfinished};
use super::locks::Lock;

/// A recorded run.
#[derive(Debug, Clone)]
pub struct Run {
    pub id: i64,
    /// Its kind, such as `refresh profile`.
    pub kind: String,
    pub name: String,
    /// Microseconds since 1970, like all times here.
    pub as_of: i64,
    /// `running`, `succeeded`, `failed`, `cancelled` or `lost` (its process was killed).
    pub status: String,
    pub started_at: i64,
    /// The time of its last heartbeat.
    pub heartbeat_at: Option<i64>,
    pub finished_at: Option<i64>,
    pub rows: Option<i64>,
    pub changes: Option<i64>,
    pub message: String,
    /// More about an attempt of a schedule; `None` for other runs.
    pub attempt: Option<Attempt>,
}

/// The additional properties of a run of a schedule.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// From 1; 0 for a skipped time.
    pub number: i64,
    /// The number of times missed before the scheduled one.
    pub missed: i64,
    /// The role it runs as.
    pub role: String,
    /// The machine it runs on.
    pub host: String,
    /// Why it runs: `schedule`, `missed`, `retry`, `dependency` or `manual`.
    pub cause: String,
    /// The statement that failed, and its line.
    pub statement: String,
    pub line: Option<i64>,
}

/// The kind of runs that refresh a profile.
pub const REFRESH: &str = "refresh profile";

/// The interval between heartbeats.
pub const BEAT: Duration = Duration::from_secs(5);

/// The status of a run that has not written its end.
pub const RUNNING: &str = "running";

/// The message of a lost run.
pub const LOST: &str = "the process ended without reporting; most likely it was killed";

/// A run in progress. Its end is recorded however it ends.
pub struct OpenRun {
    catalog: Arc<Catalog>,
    pub id: i64,
    ended: bool,
    /// Gives the reason when the run is dropped without an end.
    reason: Box<dyn Fn() -> String + Send + Sync>,
    /// Sends heartbeats until dropped.
    heart: JoinSet<()>,
    /// Released last, after the end is written.
    _lock: Lock,
}

impl OpenRun {
    /// Begins a run. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// The catalog cannot be written.
    pub fn begin(catalog: &Arc<Catalog>, kind: &str, name: &str, as_of: i64) -> Result<Self> {
        Self::begin_with(catalog, kind, name, as_of, BEAT)
    }

    fn begin_with(catalog: &Arc<Catalog>, kind: &str, name: &str, as_of: i64, beat: Duration) -> Result<Self> {
        let (id, lock) = catalog.begin_run(kind, name, as_of)?;
        let beating = Arc::clone(catalog);
        let mut heart = JoinSet::new();
        heart.spawn(async move {
            loop {
                tokio::time::sleep(beat).await;
                let catalog = Arc::clone(&beating);
                // A heartbeat that cannot be written does not stop the work; the next one may succeed.
                let _ = tokio::task::spawn_blocking(move || catalog.beat(id)).await;
            }
        });
        Ok(Self { catalog: Arc::clone(catalog), id, ended: false, reason: Box::new(String::new), heart, _lock: lock })
    }

    /// Sets the reason to record when the run is given up.
    pub fn given_up_for(mut self, reason: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.reason = Box::new(reason);
        self
    }

    /// Marks a run whose result was published; publishing has already recorded its end.
    pub fn succeeded(mut self) {
        self.ended = true;
    }

    /// Records that the run failed.
    pub fn failed(mut self, message: &str) {
        // If this cannot be written the run is later found lost; the original error is the one to report.
        let _ = self.catalog.end_run(self.id, "failed", message);
        self.ended = true;
    }
}

impl Drop for OpenRun {
    fn drop(&mut self) {
        self.heart.abort_all();
        if !self.ended {
            let _ = self.catalog.end_run(self.id, "cancelled", &(self.reason)());
        }
    }
}

/// Marks what a profile published as of this time or later as withdrawn.
pub fn withdraw(transaction: &Connection, profile: &str, from: i64) -> rusqlite::Result<usize> {
    let update = "UPDATE runs SET snapshot = NULL WHERE kind = ?1 AND name = ?2 AND as_of >= ?3";
    transaction.execute(update, params![REFRESH, profile, from])
}

/// The current time in microseconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

impl Catalog {
    /// Records the begin of a run, and which runs were lost.
    fn begin_run(&self, kind: &str, name: &str, as_of: i64) -> Result<(i64, Lock)> {
        self.write(|transaction| {
            if let Err(error) = self.write_lost(transaction)? {
                return Ok(Err(error));
            }
            // The lock is taken inside the transaction: whoever sees the run sees its lock held, and whoever removes locks without a run
            // cannot see this one before the run exists.
            let (lock, lock_name) = match self.data.locks.for_run(name, kind) {
                Ok(made) => made,
                Err(error) => return Ok(Err(error)),
            };
            transaction.execute(
                "INSERT INTO runs (kind, name, as_of, process, status, started_at, heartbeat_at, lock, host)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8)",
                params![kind, name, as_of, std::process::id(), RUNNING, now(), lock_name, *HOST],
            )?;
            Ok(Ok((transaction.last_insert_rowid(), lock)))
        })?
    }

    /// Records which runs were lost, and removes their lock files.
    ///
    /// # Errors
    /// The catalog cannot be written, or the directory of the locks cannot be read.
    pub fn settle_runs(&self) -> Result<()> {
        self.write(|transaction| self.write_lost(transaction))?
    }

    pub fn write_lost(&self, transaction: &Link<'_>) -> rusqlite::Result<Result<()>> {
        let mut going_on = vec![];
        for open in unfinished(transaction)? {
            if !open.is_dead(&self.data.locks) {
                going_on.push(open.lock);
                continue;
            }
            transaction.execute(
                "UPDATE runs SET status = 'lost', finished_at = coalesce(heartbeat_at, started_at), message = ?2 WHERE id = ?1",
                params![open.run, transaction.seal("runs.message", open.run, LOST)?],
            )?;
        }
        Ok(self.data.locks.forget_runs(&going_on))
    }

    /// Records a heartbeat, unless the run has ended.
    fn beat(&self, run: i64) -> Result<()> {
        self.write(|transaction| {
            transaction.execute(
                "UPDATE runs SET status = 'running', heartbeat_at = ?2, finished_at = NULL, message = ''
                 WHERE id = ?1 AND status IN ('running', 'lost')",
                params![run, now()],
            )?;
            Ok(())
        })
    }

    /// Records that a run failed or was cancelled, unless its result was published.
    fn end_run(&self, run: i64, status: &str, message: &str) -> Result<()> {
        self.write(|transaction| {
            transaction.execute(
                "UPDATE runs SET status = ?4, finished_at = ?2, message = ?3 WHERE id = ?1 AND status <> 'succeeded'",
                params![run, now(), transaction.seal("runs.message", run, message)?, status],
            )?;
            Ok(())
        })
    }

    /// True when the profile was published as of an earlier time and that snapshot was not withdrawn, by a DROP or a rewind.
    pub fn was_published_before(&self, profile: &str, time: i64) -> Result<bool> {
        self.read(|connection| {
            let query = "SELECT 1 FROM runs WHERE kind = ?1 AND name = ?2 AND as_of < ?3 AND snapshot IS NOT NULL";
            connection.prepare_cached(query)?.exists(params![REFRESH, profile, time])
        })
    }

    /// All runs, oldest first.
    pub fn runs(&self) -> Result<Vec<Run>> {
        // First find dead runs, then read their state: a run releases its lock only after its end is written, so one that ends in between
        // is read as ended.
        let open = self.read(|link| unfinished(link))?;
        let dead = open.into_iter().filter(|open| open.is_dead(&self.data.locks)).map(|open| open.run);
        let dead: HashSet<i64> = dead.collect();
        let mut runs = self.read(all)?;
        for run in runs.iter_mut().filter(|run| run.status == RUNNING && dead.contains(&run.id)) {
            run.status = "lost".into();
            run.finished_at = run.heartbeat_at.or(Some(run.started_at));
            run.message = LOST.into();
        }
        Ok(runs)
    }
}

fn all(connection: &Link<'_>) -> rusqlite::Result<Vec<Run>> {
    let run = |row: &Row<'_>| {
        let id: i64 = row.get(0)?;
        let statement = row.get::<_, Option<String>>(16)?.unwrap_or_default();
        Ok(Run {
            id,
            kind: row.get(1)?,
            name: row.get(2)?,
            as_of: row.get(3)?,
            status: row.get(4)?,
            started_at: row.get(5)?,
            heartbeat_at: row.get(6)?,
            finished_at: row.get(7)?,
            rows: row.get(8)?,
            changes: row.get(9)?,
            message: connection.open("runs.message", id, row.get(10)?)?,
            attempt: match row.get::<_, Option<i64>>(11)? {
                Some(number) => Some(Attempt {
                    number,
                    missed: row.get::<_, Option<i64>>(12)?.unwrap_or(0),
                    role: row.get::<_, Option<String>>(13)?.unwrap_or_default(),
                    host: row.get::<_, Option<String>>(14)?.unwrap_or_default(),
                    cause: row.get::<_, Option<String>>(15)?.unwrap_or_default(),
                    statement: connection.open("runs.statement", id, statement)?,
                    line: row.get(17)?,
                }),
                None => None,
            },
        })
    };
    let mut query = connection.prepare_cached(
        "SELECT id, kind, name, as_of, status, started_at, heartbeat_at, finished_at, rows, changes, message, attempt, missed, role, host, cause,
            statement, line FROM runs ORDER BY id",
    )?;
    query.query_and_then([], run)?.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::snapshots::{NewSnapshot, Refreshed, SnapshotOf};

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap()
    }

    fn statuses(catalog: &Catalog) -> Vec<String> {
        catalog.runs().unwrap().into_iter().map(|run| format!("{} {}", run.name, run.status)).collect()
    }

    /// Simulates a killed process, some time later: it has no heartbeat, and its lock is free, but the file remains.
    fn kill(mut run: OpenRun, catalog: &Catalog) {
        let open = catalog.read(|link| unfinished(link)).unwrap().into_iter().find(|open| open.run == run.id).unwrap();
        run.heart.abort_all();
        catalog.data.locks.abandon(&open.lock);
        let silent = "UPDATE runs SET heartbeat_at = heartbeat_at - 120000000 WHERE id = ?1";
        catalog.write(|transaction| transaction.execute(silent, [run.id])).unwrap();
        std::mem::forget(run);
    }

    #[test]
    fn runs_end_as_they_ended() {
        let runtime = runtime();
        let _on = runtime.enter();
        let catalog = Arc::new(Catalog::for_test().unwrap());
        let begin = |name: &str| OpenRun::begin(&catalog, REFRESH, name, 0).unwrap();
        let (living, cancelled, failed, killed) = (begin("living"), begin("cancelled"), begin("failed"), begin("killed"));
        drop(cancelled);
        failed.failed("no");
        assert_eq!(statuses(&catalog), ["living running", "cancelled cancelled", "failed failed", "killed running"]);
        kill(killed, &catalog);
        let seen = ["living running", "cancelled cancelled", "failed failed", "killed lost"];
        assert_eq!(statuses(&catalog), seen);
        let lost = catalog.runs().unwrap().pop().unwrap();
        assert_eq!((lost.finished_at, lost.message.as_str()), (lost.heartbeat_at, LOST));
        assert!(lost.finished_at.is_some());
        // Reading writes nothing; the collector and the next run do.
        let open = || catalog.read(|link| unfinished(link)).unwrap().len();
        assert_eq!(open(), 2);
        catalog.collect().unwrap();
        assert_eq!((open(), statuses(&catalog)), (1, seen.map(String::from).to_vec()));
        drop((begin("next"), living));
        assert!(!catalog.data.locks.has_dead_runs().unwrap());
    }

    /// A run whose lock file was removed by hand is not taken for lost while its heart beats. One that was, because it had none for too
    /// long, continues, and its end is recorded correctly.
    #[test]
    fn a_run_that_was_taken_for_lost_ends_as_it_ends() {
        let runtime = runtime();
        let _on = runtime.enter();
        let catalog = Arc::new(Catalog::for_test().unwrap());
        let run = OpenRun::begin_with(&catalog, REFRESH, "p", 0, Duration::from_millis(5)).unwrap();
        let lock = catalog.read(|link| unfinished(link)).unwrap()[0].lock.clone();
        catalog.data.locks.abandon(&lock);
        catalog.settle_runs().unwrap();
        assert_eq!(statuses(&catalog), ["p running"]);
        catalog.write(|transaction| transaction.execute("UPDATE runs SET status = 'lost'", [])).unwrap();
        // The next heartbeat corrects that.
        while catalog.read(|link| unfinished(link)).unwrap().is_empty() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let beat = catalog.runs().unwrap()[0].heartbeat_at;
        while catalog.runs().unwrap()[0].heartbeat_at == beat {
            std::thread::sleep(Duration::from_millis(1));
        }
        catalog.settle_runs().unwrap();
        let new = NewSnapshot {
            of: SnapshotOf::Profile,
            name: "p",
            at: 0,
            rows: 3,
            expected: None,
            columns: vec![],
            new: vec![],
            kept: vec![],
            keep: 2,
        };
        catalog.publish(&new, Some(&Refreshed { run: run.id, changes: 1, ..Refreshed::default() })).unwrap();
        run.succeeded();
        catalog.beat(1).unwrap();
        let run = catalog.runs().unwrap().remove(0);
        assert_eq!((run.status.as_str(), run.rows, run.message.as_str()), ("succeeded", Some(3), ""));
    }

    /// A run recorded by an earlier schema version has no lock.
    #[test]
    fn runs_of_before_are_lost() {
        let catalog = Catalog::for_test().unwrap();
        let insert = "INSERT INTO runs (kind, name, as_of, process, status, started_at) VALUES ('refresh profile', 'p', 0, 1, 'running', 7)";
        catalog.write(|transaction| transaction.execute(insert, [])).unwrap();
        assert_eq!(statuses(&catalog), ["p lost"]);
        assert_eq!(catalog.runs().unwrap()[0].finished_at, Some(7));
    }
}
