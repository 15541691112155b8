//! The right of a process to run an attempt, with its heartbeats and its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::common::Result;
use rusqlite::params;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::catalog::Catalog;
use crate::catalog::keys::Link;
use crate::catalog::locks::Lock;
use crate::catalog::notices::{NewNotice, put};
use crate::catalog::runs::now;

/// How long a process continues an attempt when it cannot write heartbeats.
const PATIENCE: Duration = Duration::from_secs(40);

/// The end of an attempt.
#[derive(Debug, Clone)]
pub struct End {
    pub run: i64,
    /// `succeeded`, `failed` or `cancelled`
    pub status: &'static str,
    pub at: i64,
    pub rows: i64,
    pub message: String,
    pub statement: String,
    pub line: Option<i64>,
    /// When it is retried; `None` when the time is settled.
    pub retry_at: Option<i64>,
    /// How many runs of the schedule are kept.
    pub keep: i64,
    /// What is to be sent about it.
    pub notices: Vec<NewNotice>,
}

/// The right to run an attempt, until it ends.
#[derive(Debug)]
pub struct Lease {
    catalog: Arc<Catalog>,
    pub run: i64,
    /// Sends heartbeats until dropped.
    heart: JoinSet<()>,
    lost: watch::Receiver<bool>,
    has_ended: bool,
    /// Released last, after the end is written.
    _lock: Lock,
}

impl Drop for Lease {
    /// Records abandoned work as cancelled, to be retried at once by any runner.
    fn drop(&mut self) {
        self.heart.abort_all();
        if self.has_ended {
            return;
        }
        // If this cannot be written, the attempt is found lost.
        let _ = self.catalog.write(|transaction| {
            let (at, end) =
                (now(), "UPDATE runs SET status = 'cancelled', finished_at = ?2 WHERE id = ?1 AND status = 'running'");
            if transaction.execute(end, params![self.run, at])? == 1 {
                transaction.execute("UPDATE schedules SET retry_at = ?2 WHERE run = ?1", params![self.run, at])?;
            }
            Ok(())
        });
    }
}

impl Lease {
    /// Waits until this process no longer holds the attempt.
    pub async fn lost(&self) {
        let mut lost = self.lost.clone();
        if lost.wait_for(|lost| *lost).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Records the end; false when this process no longer holds the attempt.
    ///
    /// # Errors
    /// The catalog cannot be written.
    pub fn end(mut self, end: &End) -> Result<bool> {
        let ended = self.catalog.write(|transaction| write_end(transaction, end));
        // If this could not be written, the attempt is found lost.
        self.has_ended = true;
        ended
    }

    /// Marks an end that was already recorded, as part of a transaction.
    pub fn ended(mut self) {
        self.has_ended = true;
    }
}

impl Catalog {
    /// Holds an attempt that has begun, and sends its heartbeats.
    pub(super) fn lease(self: &Arc<Self>, run: i64, lock: Lock, beat: Duration) -> Lease {
        let (catalog, mut heart) = (Arc::clone(self), JoinSet::new());
        let (losing, lost) = watch::channel(false);
        heart.spawn(async move {
            let mut last = Instant::now();
            loop {
                tokio::time::sleep(beat).await;
                let catalog = Arc::clone(&catalog);
                let beaten = tokio::task::spawn_blocking(move || catalog.beat_attempt(run)).await;
                match beaten {
                    Ok(Ok(true)) => last = Instant::now(),
                    Ok(Ok(false)) => break,
                    _ if last.elapsed() > PATIENCE => break,
                    _ => {}
                }
            }
            losing.send_replace(true);
            std::future::pending::<()>().await;
        });
        Lease { catalog: Arc::clone(self), run, heart, lost, has_ended: false, _lock: lock }
    }

    /// Records a heartbeat of an attempt; false when this process no longer holds it.
    pub(super) fn beat_attempt(&self, run: i64) -> Result<bool> {
        self.write(|transaction| {
            let beat = "UPDATE runs SET heartbeat_at = ?2 WHERE id = ?1 AND status = 'running'";
            Ok(transaction.execute(beat, params![run, now()])? == 1)
        })
    }
}

/// Records the end of an attempt; false when it was considered lost, so that its process may not end it.
pub fn write_end(connection: &Link<'_>, end: &End) -> rusqlite::Result<bool> {
    let End { run, status, at, rows, message, statement, line, retry_at, keep, notices } = end;
    let ended = connection.execute(
        "UPDATE runs SET status = ?2, finished_at = ?3, rows = ?4, message = ?5, statement = nullif(?6, ''), line = ?7
         WHERE id = ?1 AND status = 'running'",
        params![
            run,
            status,
            at,
            rows,
            connection.seal("runs.message", run, message)?,
            connection.seal("runs.statement", run, statement)?,
            line
        ],
    )?;
    if ended == 0 {
        return Ok(false);
    }
    let of: (i64, i64) =
        connection.query_row("SELECT schedule, as_of FROM runs WHERE id = ?1", [run], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (schedule, scheduled_at) = of;
    notices.iter().try_for_each(|notice| put(connection, schedule, *run, status, *at, notice))?;
    connection.execute(
        "UPDATE schedules SET run = CASE WHEN ?3 IS NULL THEN NULL ELSE run END, retry_at = ?3, failed = failed + ?4 WHERE object = ?1 AND run = ?2",
        params![schedule, run, retry_at, i64::from(*status == "failed")],
    )?;
    if *status == "succeeded" {
        connection.execute(
            "UPDATE schedules SET last_success = max(coalesce(last_success, ?2), ?2) WHERE object = ?1",
            params![schedule, scheduled_at],
        )?;
    }
    connection.execute(
        "DELETE FROM runs WHERE schedule = ?1 AND status <> 'running'
            AND id <= (SELECT id FROM runs WHERE schedule = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)
            AND id NOT IN (SELECT run FROM schedules WHERE object = ?1 AND run IS NOT NULL)",
        params![schedule, keep],
    )?;
    Ok(true)
}
