//! Erases rows from everything that is stored, and keeps receipts.
//!
//! An erasure has two halves. First, the files with the rows are rewritten without them ([`super::rewriting`]). Then one transaction
//! replaces the old files by the new ones in every snapshot that refers to them, corrects the counts of those snapshots, removes the keys
//! from logged texts, and writes the receipt. When it commits, the rows are erased for every reader. What is left is to remove their
//! traces: the old files, the free pages of the catalog, and its WAL. A process killed before the commit leaves everything as it was, plus
//! some files that nothing refers to; one killed after it leaves traces, which are removed by the next process that opens the database or
//! writes to it.
//!
//! No other statement may write meanwhile: it could write rows again that it read before the erasure. So an erasure takes a lock that
//! announces it, and then waits until no process holds the lock of any object; a writer takes its object's lock first, and then checks for
//! the erasure's lock ([`Catalog::lock`]). Whichever comes first, one of the two sees the other.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use fail::fail_point;
use rusqlite::{Row, params};

use super::cleaning::clean;
use super::data::{DataFile, Written};
use super::keys::Link;
use super::locks::Lock;
use super::rewriting::{Filled, Rewritten};
use super::runs::now;
use super::snapshots::{SnapshotOf, changed_meanwhile};
use super::{Catalog, retention};
use crate::error::not_available;
use crate::settings::PortraitSettings;

/// The part of the catalog schema for erasures and retention.
pub const MIGRATION: &str = "
    -- Rows that were taken out of all states that are kept: when (microseconds since 1970), by whom and why; `finished_at` is not set as long as
    -- traces of them are to be removed. No value of the rows stands here.
    CREATE TABLE erasures (
        id          INTEGER PRIMARY KEY AUTOINCREMENT,
        kind        TEXT NOT NULL,
        object      TEXT NOT NULL,
        subjects    INTEGER NOT NULL,
        role        TEXT NOT NULL,
        reason      TEXT NOT NULL,
        at          INTEGER NOT NULL,
        finished_at INTEGER
    ) STRICT;
    CREATE INDEX erasures_to_finish ON erasures (id) WHERE finished_at IS NULL;
    -- What was done with which object, and what is left to be done elsewhere.
    CREATE TABLE erased_objects (
        erasure  INTEGER NOT NULL REFERENCES erasures (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        object   TEXT NOT NULL,
        state    TEXT NOT NULL,
        rows     INTEGER NOT NULL,
        files    INTEGER NOT NULL,
        note     TEXT NOT NULL,
        PRIMARY KEY (erasure, position)
    ) STRICT;
    -- Files that hold the rows still, and are to be removed.
    CREATE TABLE erased_files (
        erasure INTEGER NOT NULL REFERENCES erasures (id) ON DELETE CASCADE,
        name    TEXT NOT NULL UNIQUE
    ) STRICT;
    -- How long the rows of a table are kept, by the times in a column.
    CREATE TABLE retention (
        object     INTEGER PRIMARY KEY REFERENCES objects (id) ON DELETE CASCADE,
        \"column\"   TEXT NOT NULL,
        months     INTEGER NOT NULL,
        days       INTEGER NOT NULL,
        micros     INTEGER NOT NULL,
        role       TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        applied_at INTEGER
    ) STRICT;
";

/// The encrypted texts of a receipt: people write the reason, and an object may be a file by its path.
const REASON: &str = "erasures.reason";
const OBJECT: &str = "erased_objects.object";

/// The identity that the object of a receipt is bound to.
fn of_receipt(erasure: i64, position: i64) -> String {
    format!("{erasure}.{position}")
}

/// The schema version since which reasons and objects of receipts are encrypted.
pub const SEALED_SINCE: i64 = 22;

/// Encrypts the receipts that earlier programs wrote.
pub fn seal_receipts(link: &Link<'_>) -> rusqlite::Result<()> {
    link.seal_all("erasures", "reason")?;
    link.seal_all("erased_objects", "object")
}

/// The time between two attempts to get the locks.
const PAUSE: Duration = Duration::from_millis(10);

/// What was done with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasedObject {
    pub object: String,
    /// `erased`, `kept` or `to do`.
    pub state: &'static str,
    pub rows: i64,
    pub files: i64,
    pub note: String,
}

impl ErasedObject {
    /// What is left to do, or was kept on purpose.
    pub fn left(object: impl Into<String>, state: &'static str, note: impl Into<String>) -> Self {
        Self { object: object.into(), state, rows: 0, files: 0, note: note.into() }
    }
}

/// An erasure to be committed.
pub struct NewErasure<'a> {
    /// `subject` or `retention`.
    pub kind: &'static str,
    /// The object that the erasure is about, such as `profile member`.
    pub object: &'a str,
    /// The number of persons erased.
    pub subjects: i64,
    pub role: &'a str,
    pub reason: &'a str,
    pub rewritten: Vec<Rewritten>,
    /// Receipts for other objects.
    pub others: Vec<ErasedObject>,
    /// The text without the keys; `None` when it contains none.
    pub without_keys: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// True for a definition with a text in it that only the erased rows had.
    pub has_values: &'a (dyn Fn(&str) -> bool + Sync),
    /// A statement without its literals; `None` when that is not possible.
    pub without_literals: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// A stored model without the values that only the erased rows had, and how many it held; `None` when it held none.
    pub without_values: &'a (dyn Fn(&str) -> Option<(String, i64)> + Sync),
    /// Objects whose retention rule was applied.
    pub applied: Vec<i64>,
}

/// A recorded erasure.
#[derive(Debug, Clone)]
pub struct Erasure {
    pub id: i64,
    pub kind: String,
    pub object: String,
    pub subjects: i64,
    pub role: String,
    pub reason: String,
    pub at: i64,
    pub finished_at: Option<i64>,
    pub rows: i64,
    pub files: i64,
    pub to_do: i64,
}

/// A recorded receipt for one object.
#[derive(Debug, Clone)]
pub struct Receipt {
    pub erasure: i64,
    pub object: String,
    pub state: String,
    pub rows: i64,
    pub files: i64,
    pub note: String,
}

/// A file and its replacement.
struct Replaced {
    of: SnapshotOf,
    name: String,
    old: DataFile,
    new: DataFile,
    rows: i64,
    filled: Filled,
}

impl Catalog {
    /// Waits until no process writes to any object; none starts to as long as the returned lock is held.
    ///
    /// # Errors
    /// Others keep writing for longer than the setting `lock_timeout`.
    pub async fn lock_all(&self, work: &str, options: &ConfigOptions) -> Result<Lock> {
        let seconds = PortraitSettings::of(options).lock_timeout;
        let (began, limit) = (Instant::now(), Duration::from_secs(seconds).max(Duration::from_millis(500)));
        let mut lock = None;
        loop {
            lock = match lock {
                Some(lock) => Some(lock),
                None => self.data.locks.for_erasing(work)?,
            };
            match lock.take() {
                Some(held) if !self.data.locks.others_write()? => return Ok(held),
                other => lock = other,
            }
            if began.elapsed() >= limit {
                let problem = "other statements kept writing to the database; run it again when they are done";
                return Err(not_available(work, problem));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Commits an erasure in one transaction: replaces the files in every snapshot that refers to them, and writes the receipt. The caller
    /// holds the lock of all objects. Traces of the rows are then removed by [`Self::finish_erasures`].
    ///
    /// # Errors
    /// A file has been replaced meanwhile, or the catalog cannot be written. Then nothing is erased.
    pub fn erase(&self, new: NewErasure<'_>) -> Result<i64> {
        let NewErasure {
            kind,
            object,
            subjects,
            role,
            reason,
            rewritten,
            others,
            without_keys,
            has_values,
            without_literals,
            without_values,
            applied,
        } = new;
        if !rewritten.is_empty() {
            fail_point!("erase::written", |_| std::process::abort());
            self.data.sync()?;
        }
        fail_point!("erase::synced", |_| std::process::abort());
        let (replaced, files): (Vec<Replaced>, Vec<Written>) = rewritten
            .into_iter()
            .map(|Rewritten { of, name, old, new, rows, filled, texts: _ }| {
                (Replaced { of, name, old, new: new.file.clone(), rows, filled }, new)
            })
            .unzip();
        let erased = self.write(|transaction| {
            // Check all of them before changing anything: an early return from here commits what was done so far.
            let mut is_known = transaction.prepare_cached("SELECT 1 FROM files WHERE name = ?1")?;
            for replaced in &replaced {
                if !is_known.exists([&replaced.old.name])? {
                    return Ok(Err(changed_meanwhile(&replaced.name)));
                }
            }
            for replaced in &replaced {
                replace(transaction, replaced)?;
            }
            let mut objects = summary(&replaced);
            objects.extend(clean(transaction, without_keys, has_values, without_literals, without_values)?);
            objects.extend(others);
            transaction.execute(
                "INSERT INTO erasures (kind, object, subjects, role, reason, at) VALUES (?1, ?2, ?3, ?4, '', ?5)",
                params![kind, object, subjects, role, now()],
            )?;
            // Its encryption is bound to the id.
            let erasure = transaction.last_insert_rowid();
            let reason = transaction.seal(REASON, erasure, reason)?;
            transaction.execute("UPDATE erasures SET reason = ?2 WHERE id = ?1", params![erasure, reason])?;
            write_receipt(transaction, erasure, &objects)?;
            for replaced in &replaced {
                transaction
                    .execute("INSERT INTO erased_files (erasure, name) VALUES (?1, ?2)", params![erasure, replaced.old.name])?;
            }
            retention::note_applied(transaction, &applied)?;
            // Everyone who has read definitions or snapshots before must read them again.
            transaction.execute("UPDATE changes SET definitions = definitions + 1", [])?;
            Ok(Ok(erasure))
        });
        fail_point!("erase::committed", |_| std::process::abort());
        match erased {
            Ok(Ok(erasure)) => {
                files.into_iter().for_each(Written::let_go);
                Ok(erasure)
            }
            // No snapshot refers to the new files; dropping them removes them.
            Ok(Err(error)) => Err(error),
            Err(error) => {
                // Keep the files: after a disk error the commit may or may not have happened. If the catalog does not refer to them, they
                // are collected.
                files.into_iter().for_each(Written::let_go);
                Err(error)
            }
        }
    }

    /// Removes the traces of erasures: old files, free pages of the catalog, and its WAL. True when none are left. Without `waits`, what
    /// other processes hold is left to a later call.
    ///
    /// # Errors
    /// The catalog cannot be read or written.
    pub fn finish_erasures(&self, waits: bool) -> Result<bool> {
        const TO_FINISH: &str = "SELECT id FROM erasures WHERE finished_at IS NULL";
        if self.is_transaction() {
            return Ok(true);
        }
        let open: Vec<i64> =
            self.read(|connection| connection.prepare_cached(TO_FINISH)?.query_map([], |row| row.get(0))?.collect())?;
        if open.is_empty() {
            return Ok(true);
        }
        let files: Vec<String> = self.read(|connection| {
            connection.prepare_cached("SELECT name FROM erased_files")?.query_map([], |row| row.get(0))?.collect()
        })?;
        let left = files.iter().filter(|name| !self.remove_erased(name)).count();
        fail_point!("erase::removed", |_| std::process::abort());
        if left > 0 || !self.clear_pages(waits)? {
            return Ok(false);
        }
        fail_point!("erase::vacuumed", |_| std::process::abort());
        self.write(|transaction| {
            for erasure in &open {
                transaction.execute("DELETE FROM erased_files WHERE erasure = ?1", [erasure])?;
                transaction.execute("UPDATE erasures SET finished_at = ?2 WHERE id = ?1", params![erasure, now()])?;
            }
            Ok(())
        })?;
        fail_point!("erase::finished", |_| std::process::abort());
        Ok(true)
    }

    /// Rewrites the catalog without its free pages and truncates its WAL; false when other processes are reading it.
    fn clear_pages(&self, waits: bool) -> Result<bool> {
        let opened = self.opened.lock();
        let connection = &opened.connection;
        let clear = || -> rusqlite::Result<bool> {
            let free: i64 = connection.query_row("PRAGMA freelist_count", [], |row| row.get(0))?;
            if waits || free > 0 {
                connection.execute_batch("VACUUM")?;
            }
            // The first column says whether other connections blocked the checkpoint.
            let is_busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
            Ok(is_busy == 0)
        };
        let wait = |milliseconds: i64| {
            connection.query_row(&format!("PRAGMA busy_timeout = {milliseconds}"), [], |row| row.get::<_, i64>(0)).map(|_| ())
        };
        let before: i64 = connection.query_row("PRAGMA busy_timeout", [], |row| row.get(0)).map_err(|error| self.fail(&error))?;
        wait(if waits { 500 } else { 0 }).map_err(|error| self.fail(&error))?;
        let cleared = clear();
        wait(before).map_err(|error| self.fail(&error))?;
        // Whatever blocked it (usually a reader) may be gone at the next attempt.
        Ok(cleared.unwrap_or(false))
    }

    /// All erasures, oldest first.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn erasures(&self) -> Result<Vec<Erasure>> {
        const ALL: &str = "SELECT e.id, e.kind, e.object, e.subjects, e.role, e.reason, e.at, e.finished_at,
             coalesce(sum(o.rows), 0), coalesce(sum(o.files), 0), coalesce(sum(o.state = 'to do'), 0)
             FROM erasures e LEFT JOIN erased_objects o ON o.erasure = e.id GROUP BY e.id ORDER BY e.id";
        let erasure = |link: &Link<'_>, row: &Row<'_>| -> rusqlite::Result<Erasure> {
            let id = row.get(0)?;
            Ok(Erasure {
                id,
                kind: row.get(1)?,
                object: row.get(2)?,
                subjects: row.get(3)?,
                role: row.get(4)?,
                reason: link.open(REASON, id, row.get(5)?)?,
                at: row.get(6)?,
                finished_at: row.get(7)?,
                rows: row.get(8)?,
                files: row.get(9)?,
                to_do: row.get(10)?,
            })
        };
        self.read(|link| link.prepare_cached(ALL)?.query_map([], |row| erasure(link, row))?.collect())
    }

    /// The receipts of all erasures, or of one, object by object.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn receipts(&self, erasure: Option<i64>) -> Result<Vec<Receipt>> {
        const ALL: &str = "SELECT erasure, object, state, rows, files, note, position FROM erased_objects
             WHERE erasure = coalesce(?1, erasure) ORDER BY erasure, position";
        let receipt = |link: &Link<'_>, row: &Row<'_>| -> rusqlite::Result<Receipt> {
            let erasure = row.get(0)?;
            Ok(Receipt {
                erasure,
                object: link.open(OBJECT, of_receipt(erasure, row.get(6)?), row.get(1)?)?,
                state: row.get(2)?,
                rows: row.get(3)?,
                files: row.get(4)?,
                note: row.get(5)?,
            })
        };
        self.read(|link| link.prepare_cached(ALL)?.query_map(params![erasure], |row| receipt(link, row))?.collect())
    }
}

/// Replaces a file by another in every snapshot that refers to it.
fn replace(transaction: &Link<'_>, replaced: &Replaced) -> rusqlite::Result<()> {
    let DataFile { name, bytes, rows, checksum, .. } = &replaced.new;
    let key = transaction.seal_key(&replaced.new)?;
    // The id stays the same: rows are read in the order of file ids.
    transaction.execute(
        "UPDATE files SET name = ?2, bytes = ?3, rows = ?4, checksum = ?5, key = ?6 WHERE name = ?1",
        params![replaced.old.name, name, bytes, rows, checksum, key],
    )?;
    const STATES: &str =
        "SELECT n.snapshot FROM snapshot_files n JOIN files f ON f.id = n.file WHERE f.name = ?1 AND f.part = 'rows'";
    let states: Vec<i64> =
        transaction.prepare_cached(STATES)?.query_map([name], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for state in states {
        let rows = "UPDATE snapshots SET rows = rows - ?2 WHERE id = ?1";
        transaction.execute(rows, params![state, replaced.rows])?;
        let key = "UPDATE snapshot_columns SET filled = filled - ?2 WHERE snapshot = ?1 AND role = 'key'";
        transaction.execute(key, params![state, replaced.rows])?;
        for ((is_segment, column), count) in &replaced.filled {
            transaction.execute(
                "UPDATE snapshot_columns SET filled = filled - ?4
                 WHERE snapshot = ?1 AND name = ?2 AND role <> 'key' AND (role = 'segment') = ?3",
                params![state, column, is_segment, count],
            )?;
        }
    }
    Ok(())
}

/// How many rows of each object were erased, from how many files.
fn summary(replaced: &[Replaced]) -> Vec<ErasedObject> {
    let mut objects: BTreeMap<String, (i64, HashSet<&str>)> = BTreeMap::new();
    for one in replaced {
        let (rows, files) = objects.entry(format!("{} {}", one.of.word(), one.name)).or_default();
        *rows += one.rows;
        files.insert(&one.old.name);
    }
    let object = |(object, (rows, files)): (String, (i64, HashSet<&str>))| {
        let files = i64::try_from(files.len()).unwrap_or(i64::MAX);
        let note = "rows of all states that are kept, the newest and earlier ones".into();
        ErasedObject { object, state: "erased", rows, files, note }
    };
    objects.into_iter().map(object).collect()
}

fn write_receipt(transaction: &Link<'_>, erasure: i64, objects: &[ErasedObject]) -> rusqlite::Result<()> {
    for (position, ErasedObject { object, state, rows, files, note }) in (0_i64..).zip(objects) {
        let object = transaction.seal(OBJECT, of_receipt(erasure, position), object)?;
        transaction.execute(
            "INSERT INTO erased_objects (erasure, position, object, state, rows, files, note) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![erasure, position, object, state, rows, files, note],
        )?;
    }
    Ok(())
}
