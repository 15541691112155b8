//! What one statement sees: one state of the database, however often it looks and whatever is published meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::common::Result;

use super::Catalog;
use super::snapshots::{Snapshot, SnapshotOf, When};

/// Tells states of the catalog apart: it changes whenever a definition does or anything is published, in this process or another.
/// Numbers are never used again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The newest definition, and how many there are.
    pub(super) definition: i64,
    pub(super) definitions: i64,
    /// The newest snapshot there ever was.
    pub(super) snapshot: i64,
}

#[derive(Default)]
struct Seen {
    /// The state of the catalog when the statement first looked.
    stamp: Option<Stamp>,
    snapshots: HashMap<(SnapshotOf, String, When), Option<Arc<Snapshot>>>,
}

tokio::task_local! {
    static STATEMENT: Arc<Mutex<Seen>>;
}

/// Runs a statement that sees one snapshot of each profile and table.
pub(crate) async fn in_statement<T>(work: impl Future<Output = T>) -> T {
    STATEMENT.scope(Arc::default(), work).await
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Catalog {
    /// The state of the catalog that the statement sees.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub(crate) fn stamp(&self) -> Result<Stamp> {
        let statement = STATEMENT.try_with(Arc::clone).ok();
        if let Some(stamp) = statement.as_ref().and_then(|seen| lock(seen).stamp) {
            return Ok(stamp);
        }
        let stamp = self.newest_stamp()?;
        Ok(statement.map_or(stamp, |seen| *lock(&seen).stamp.get_or_insert(stamp)))
    }

    /// The snapshot that the statement sees. Tables are all seen as they were at one moment, also those that it comes to later, and
    /// those in views that were planned before.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub(crate) fn seen(&self, of: SnapshotOf, name: &str, when: When) -> Result<Option<Arc<Snapshot>>> {
        let Ok(statement) = STATEMENT.try_with(Arc::clone) else { return Ok(self.snapshot(of, name, when)?.map(Arc::new)) };
        let key = (of, name.to_string(), when);
        if let Some(snapshot) = lock(&statement).snapshots.get(&key) {
            return Ok(snapshot.clone());
        }
        let mut snapshot = match of {
            SnapshotOf::Table => self.snapshot_until(of, name, when, self.stamp()?.snapshot)?,
            // A refresh for the same time withdraws the one before: what is older then was never the newest at that moment.
            SnapshotOf::Profile => None,
        };
        if snapshot.is_none() {
            snapshot = self.snapshot(of, name, when)?;
        }
        Ok(lock(&statement).snapshots.entry(key).or_insert(snapshot.map(Arc::new)).clone())
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
        let newest = |name: &str| catalog.seen(SnapshotOf::Table, name, When::Now).unwrap().map(|snapshot| snapshot.id);
        let (a, b) = (publish(&catalog, "a", 1), publish(&catalog, "b", 2));
        runtime.block_on(in_statement(async {
            assert_eq!(newest("a"), Some(a));
            publish(&catalog, "a", 3);
            publish(&catalog, "b", 4);
            // Also what it had not looked at before.
            assert_eq!((newest("a"), newest("b")), (Some(a), Some(b)));
            assert_eq!(newest("c"), None);
        }));
        assert_ne!((newest("a"), newest("b")), (Some(a), Some(b)));
        // What is withdrawn meanwhile has a successor.
        runtime.block_on(in_statement(async {
            let stamp = catalog.stamp().unwrap();
            let last = (5..9).map(|at| publish(&catalog, "a", at)).last();
            assert_eq!((newest("a"), catalog.stamp().unwrap()), (last, stamp));
        }));
    }
}
