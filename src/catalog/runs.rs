//! Runs: what the database did, for how long, with what end.

use std::time::{SystemTime, UNIX_EPOCH};

use datafusion::common::Result;
use rusqlite::{Row, Transaction, params};

use super::Catalog;

/// One run.
#[derive(Debug, Clone)]
pub struct Run {
    pub id: i64,
    /// `refresh profile`, say.
    pub kind: String,
    pub name: String,
    /// Microseconds since 1970, as all times here.
    pub as_of: i64,
    /// `running`, `succeeded`, `failed` or `lost`: its process was killed.
    pub status: String,
    pub started_at: i64,
    pub finished_at: Option<i64>,
    pub rows: Option<i64>,
    pub changes: Option<i64>,
    pub message: String,
}

/// The kind of run that a refresh of a profile is.
pub const REFRESH: &str = "refresh profile";

/// What a profile published as of this time or later counts no more.
pub fn withdraw(transaction: &Transaction<'_>, profile: &str, from: i64) -> rusqlite::Result<usize> {
    let update = "UPDATE runs SET snapshot = NULL WHERE kind = ?1 AND name = ?2 AND as_of >= ?3";
    transaction.execute(update, params![REFRESH, profile, from])
}

/// Microseconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

impl Catalog {
    /// Notes that a run begins. The caller holds the writer's lock: whatever else seems to run was killed.
    pub fn begin_run(&self, kind: &str, name: &str, as_of: i64) -> Result<i64> {
        self.write(|transaction| {
            transaction.execute(
                "UPDATE runs SET status = 'lost', finished_at = ?1, message = 'the process was killed' WHERE status = 'running'",
                params![now()],
            )?;
            transaction.execute(
                "INSERT INTO runs (kind, name, as_of, process, status, started_at) VALUES (?1, ?2, ?3, ?4, 'running', ?5)",
                params![kind, name, as_of, std::process::id(), now()],
            )?;
            Ok(transaction.last_insert_rowid())
        })
    }

    /// Notes that a run failed.
    pub fn fail_run(&self, run: i64, message: &str) -> Result<()> {
        self.write(|transaction| {
            transaction.execute(
                "UPDATE runs SET status = 'failed', finished_at = ?2, message = ?3 WHERE id = ?1",
                params![run, now(), message],
            )?;
            Ok(())
        })
    }

    /// True when a profile was published as of a time before this one, in its present life: not dropped since, not rewound.
    pub fn was_published_before(&self, profile: &str, time: i64) -> Result<bool> {
        self.read(|connection| {
            let query = "SELECT 1 FROM runs WHERE kind = ?1 AND name = ?2 AND as_of < ?3 AND snapshot IS NOT NULL";
            connection.prepare_cached(query)?.exists(params![REFRESH, profile, time])
        })
    }

    /// All runs, oldest first.
    pub fn runs(&self) -> Result<Vec<Run>> {
        let run = |row: &Row<'_>| {
            Ok(Run {
                id: row.get(0)?,
                kind: row.get(1)?,
                name: row.get(2)?,
                as_of: row.get(3)?,
                status: row.get(4)?,
                started_at: row.get(5)?,
                finished_at: row.get(6)?,
                rows: row.get(7)?,
                changes: row.get(8)?,
                message: row.get(9)?,
            })
        };
        self.read(|connection| {
            let mut query = connection.prepare_cached(
                "SELECT id, kind, name, as_of, status, started_at, finished_at, rows, changes, message FROM runs ORDER BY id",
            )?;
            query.query_map([], run)?.collect()
        })
    }
}
