//! What one statement sees: one state of the database, however often it looks and whatever is published meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use rusqlite::Connection;

use super::Catalog;
use super::data::{DataFile, Pinned};
use super::snapshots::{Snapshot, SnapshotOf, When};
use crate::error::failed;

/// How often a statement is planned while others keep publishing.
const ATTEMPTS: usize = 100;

/// Tells states of the catalog apart: it changes whenever a definition does or anything is published, in this process or another.
/// Numbers are never used again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stamp {
    /// The newest definition, and how many there are.
    pub definition: i64,
    pub definitions: i64,
    /// The newest snapshot there ever was.
    pub snapshot: i64,
    /// The newest version of any model: plans hold what models have learned.
    pub model: i64,
}

/// The state of the catalog that a connection sees.
pub fn stamp(connection: &Connection) -> rusqlite::Result<Stamp> {
    const STAMP: &str = "SELECT coalesce(max(id), 0), count(*),
         (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'snapshots'),
         (SELECT coalesce(max(rowid), 0) FROM models) FROM definitions";
    let mut query = connection.prepare_cached(STAMP)?;
    query.query_row([], |row| {
        Ok(Stamp { definition: row.get(0)?, definitions: row.get(1)?, snapshot: row.get(2)?, model: row.get(3)? })
    })
}

#[derive(Default)]
struct Seen {
    /// The one state of the catalog that the statement reads.
    stamp: Option<Stamp>,
    snapshots: HashMap<(SnapshotOf, String, When), Option<Arc<Snapshot>>>,
    /// That state was gone before everything was read.
    moved: bool,
}

tokio::task_local! {
    /// What the statement that is being planned has seen of the database.
    static STATEMENT: Mutex<Seen>;
}

/// Plans a statement over one state of the database: whatever it reads of profiles, segments, tables and views belongs together, and
/// stays until it ends. When what it reads is gone while it is planned, it is planned anew.
///
/// # Errors
/// Those of `plan`.
pub async fn settled<T, W: Future<Output = Result<T>>>(plan: impl Fn() -> W) -> Result<T> {
    for _ in 0..ATTEMPTS {
        let attempt = async {
            let planned = plan().await;
            let moved = STATEMENT.with(|seen| lock(seen).moved);
            (planned, moved)
        };
        let (planned, moved) = STATEMENT.scope(Mutex::default(), attempt).await;
        if !moved {
            return planned;
        }
    }
    Err(failed("database", "is published to faster than this statement can be planned; run it again"))
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The state that the statement reads: this one when it has read nothing yet.
fn first(stamp: Stamp) -> Stamp {
    STATEMENT.try_with(|seen| *lock(seen).stamp.get_or_insert(stamp)).unwrap_or(stamp)
}

/// Ends the planning of the statement, to begin anew.
fn moved() -> DataFusionError {
    let _ = STATEMENT.try_with(|seen| lock(seen).moved = true);
    failed("database", "was published to while this statement was planned; run it again")
}

impl Catalog {
    /// The state of the catalog that the statement sees.
    ///
    /// # Errors
    /// The catalog cannot be read, or the definitions are others by now.
    pub fn stamp(&self) -> Result<Stamp> {
        let now = self.newest_stamp()?;
        let first = first(now);
        let same = (first.definition, first.definitions) == (now.definition, now.definitions);
        if same { Ok(first) } else { Err(moved()) }
    }

    /// The snapshot that the statement sees.
    ///
    /// # Errors
    /// The catalog cannot be read, or the statement has seen another state.
    pub fn seen(&self, of: SnapshotOf, name: &str, when: When) -> Result<Option<Arc<Snapshot>>> {
        let key = (of, name.to_string(), when);
        if let Ok(Some(snapshot)) = STATEMENT.try_with(|seen| lock(seen).snapshots.get(&key).cloned()) {
            return Ok(snapshot);
        }
        let snapshot = match of {
            // A table stays readable as it was: many small INSERTs do not keep other statements from being planned.
            SnapshotOf::Table => {
                let last = self.stamp()?.snapshot;
                let snapshot = self.snapshot_until(of, name, when, last)?;
                if snapshot.is_none() && self.snapshot(of, name, when)?.is_some_and(|newest| newest.id > last) {
                    return Err(moved());
                }
                snapshot
            }
            // A refresh for the same time withdraws the one before, and then an older one would be taken for it.
            SnapshotOf::Profile => {
                let (stamp, snapshot) = self.stamped_snapshot(of, name, when)?;
                if first(stamp) != stamp {
                    return Err(moved());
                }
                snapshot
            }
        };
        let snapshot = snapshot.map(Arc::new);
        let _ = STATEMENT.try_with(|seen| lock(seen).snapshots.insert(key, snapshot.clone()));
        Ok(snapshot)
    }

    /// Holds files of a snapshot for reading.
    ///
    /// # Errors
    /// A file is damaged; or the snapshot was withdrawn since it was looked up, and its files were collected.
    pub fn pin(&self, snapshot: &Snapshot, files: &[DataFile]) -> Result<Vec<Arc<Pinned>>> {
        let mut pins = vec![];
        for file in files {
            match self.data.pin(file) {
                Ok(pin) => pins.push(pin),
                Err(_) if !self.has_snapshot(snapshot.id)? => return Err(moved()),
                Err(error) => return Err(error),
            }
        }
        Ok(pins)
    }
}

#[cfg(test)]
mod tests {
    use super::super::snapshots::NewSnapshot;
    use super::*;

    fn publish(catalog: &Catalog, name: &str, at: i64) -> i64 {
        let expected = catalog.snapshot(SnapshotOf::Table, name, When::Now).unwrap().map(|newest| newest.id);
        let (of, columns, new, kept) = (SnapshotOf::Table, vec![], vec![], vec![]);
        catalog.publish(&NewSnapshot { of, name, at, rows: 0, expected, columns, new, kept, keep: 3 }, None).unwrap()
    }

    #[test]
    fn a_statement_sees_one_state() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let catalog = Catalog::in_memory().unwrap();
        let newest =
            |name: &str| Ok::<_, DataFusionError>(catalog.seen(SnapshotOf::Table, name, When::Now)?.map(|snapshot| snapshot.id));
        let (a, b) = (publish(&catalog, "a", 1), publish(&catalog, "b", 2));
        let planned = runtime.block_on(settled(|| async {
            assert_eq!(newest("a")?, Some(a));
            publish(&catalog, "a", 3);
            publish(&catalog, "b", 4);
            // Also what it had not looked at before.
            assert_eq!((newest("a")?, newest("b")?), (Some(a), Some(b)));
            newest("c")
        }));
        assert_eq!(planned.unwrap(), None);
        assert_ne!((newest("a").unwrap(), newest("b").unwrap()), (Some(a), Some(b)));
        // When that state is gone, it begins anew.
        let attempts = std::cell::Cell::new(0);
        let planned = runtime.block_on(settled(|| async {
            catalog.stamp()?;
            attempts.set(attempts.get() + 1);
            if attempts.get() == 1 {
                for at in 5..9 {
                    publish(&catalog, "a", at);
                }
            }
            newest("a")
        }));
        assert_eq!((planned.unwrap(), attempts.get()), (newest("a").unwrap(), 2));
        // Nothing settles when every attempt is overtaken.
        let endless = runtime.block_on(settled(|| async {
            catalog.stamp()?;
            catalog.put("v", "view", "", "", true)?;
            newest("a")
        }));
        assert!(endless.unwrap_err().to_string().contains("faster than this statement can be planned"));
    }
}
