//! A view of the database: one consistent state, however often a statement reads and whatever is published meanwhile.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use parking_lot::Mutex;

use super::Catalog;
use super::data::{DataFile, Pinned};
use super::grants::Grants;
use super::objects::Objects;
use super::snapshots::{Snapshot, SnapshotOf, When};
use super::stamp::Stamp;
use crate::error::{SqlState, coded};

/// How often planning a statement is repeated while others keep publishing.
const ATTEMPTS: usize = 100;

/// What one statement sees of a database. Everything it reads of profiles, segments, tables and views is of one state, which stays until
/// the statement ends. Each statement has its own view. When its state is gone before everything was read, the view has *moved*, and the
/// statement is planned again over a fresh one: see [`settled`].
#[derive(Debug)]
pub struct View {
    catalog: Arc<Catalog>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// The state of the catalog that the statement reads.
    stamp: Option<Stamp>,
    definitions: Option<(Objects, Grants)>,
    snapshots: HashMap<(SnapshotOf, String, When), Option<Arc<Snapshot>>>,
    /// That state was gone before everything was read.
    moved: bool,
}

/// Plans a statement over one state of the database. When that state is gone during planning, it is planned again.
///
/// # Errors
/// Those of `plan`.
pub async fn settled<T, W: Future<Output = Result<T>>>(catalog: &Arc<Catalog>, plan: impl Fn(Arc<View>) -> W) -> Result<T> {
    for _ in 0..ATTEMPTS {
        let view = Arc::new(View::new(Arc::clone(catalog)));
        let planned = plan(Arc::clone(&view)).await;
        if !view.has_moved() {
            return planned;
        }
    }
    let problem = "is published to faster than this statement can be planned; run it again";
    Err(coded(SqlState::SERIALIZATION_FAILURE, "database", problem))
}

impl View {
    /// A view of the state at its first read.
    pub fn new(catalog: Arc<Catalog>) -> Self {
        Self { catalog, seen: Mutex::default() }
    }

    /// The underlying catalog, for writes, and for reads that need not be of one state.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// True when the state was gone before everything was read: a plan made over it must not run.
    pub fn has_moved(&self) -> bool {
        self.seen.lock().moved
    }

    /// Marks the view as moved; the returned error ends the planning, which then starts again.
    pub fn moved(&self) -> DataFusionError {
        self.seen.lock().moved = true;
        coded(SqlState::SERIALIZATION_FAILURE, "database", "was changed while this statement was planned; run it again")
    }

    /// The state that the statement reads; `stamp` becomes it if nothing was read yet.
    fn first(&self, stamp: Stamp) -> Stamp {
        *self.seen.lock().stamp.get_or_insert(stamp)
    }

    /// Goes on with the state after a change of definitions that the statement itself made to the state `before`. If others had changed
    /// something before that, the next read still ends the statement.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn follow_own_change(&self, before: Stamp) -> Result<()> {
        let now = self.catalog.newest_stamp()?;
        let seen = &mut *self.seen.lock();
        if let Some(stamp) = seen.stamp.as_mut().filter(|stamp| stamp.definitions == before.definitions) {
            stamp.definitions = now.definitions;
            seen.definitions = None;
        }
        Ok(())
    }

    /// The state of the catalog that the statement sees.
    ///
    /// # Errors
    /// The catalog cannot be read, or the definitions have changed since.
    pub fn stamp(&self) -> Result<Stamp> {
        let now = self.catalog.newest_stamp()?;
        let first = self.first(now);
        if first.definitions == now.definitions { Ok(first) } else { Err(self.moved()) }
    }

    /// The newest version of every object, in order of creation.
    ///
    /// # Errors
    /// The catalog cannot be read, or the definitions have changed since.
    pub fn objects(&self) -> Result<Objects> {
        self.definitions().map(|(objects, _)| objects)
    }

    /// The grants of all roles.
    ///
    /// # Errors
    /// As [`Self::objects`].
    pub fn grants(&self) -> Result<Grants> {
        self.definitions().map(|(_, grants)| grants)
    }

    fn definitions(&self) -> Result<(Objects, Grants)> {
        if let Some(definitions) = self.seen.lock().definitions.clone() {
            return Ok(definitions);
        }
        let (stamp, objects, grants) = self.catalog.stamped()?;
        if self.first(stamp).definitions != stamp.definitions {
            return Err(self.moved());
        }
        let definitions = (objects, grants);
        self.seen.lock().definitions = Some(definitions.clone());
        Ok(definitions)
    }

    /// The snapshot that the statement sees.
    ///
    /// # Errors
    /// The catalog cannot be read, or the statement has already seen another state.
    pub fn snapshot(&self, of: SnapshotOf, name: &str, when: When) -> Result<Option<Arc<Snapshot>>> {
        let key = (of, name.to_string(), when);
        if let Some(snapshot) = self.seen.lock().snapshots.get(&key) {
            return Ok(snapshot.clone());
        }
        let snapshot = match of {
            // Earlier states of a table stay readable, so frequent small INSERTs do not disturb the planning of other statements.
            SnapshotOf::Table => {
                let last = self.stamp()?.snapshot;
                let snapshot = self.catalog.snapshot_until(of, name, when, last)?;
                if snapshot.is_none() && self.catalog.snapshot(of, name, when)?.is_some_and(|newest| newest.id > last) {
                    return Err(self.moved());
                }
                snapshot
            }
            // A refresh for the same time withdraws the previous snapshot, and an older one would then be read in its place.
            SnapshotOf::Profile => {
                let (stamp, snapshot) = self.catalog.stamped_snapshot(of, name, when)?;
                if self.first(stamp) != stamp {
                    return Err(self.moved());
                }
                snapshot
            }
        };
        let snapshot = snapshot.map(Arc::new);
        self.seen.lock().snapshots.insert(key, snapshot.clone());
        Ok(snapshot)
    }

    /// Locks the files of a snapshot for reading.
    ///
    /// # Errors
    /// A file is damaged; or the snapshot was withdrawn since it was looked up and its files were collected, or replaced by an erasure.
    pub fn pin(&self, snapshot: &Snapshot, files: &[DataFile]) -> Result<Vec<Arc<Pinned>>> {
        let mut pins = vec![];
        for file in files {
            match self.catalog.data.pin(file) {
                Ok(pin) => pins.push(pin),
                Err(_) if !self.catalog.names_file(snapshot.id, &file.name)? => return Err(self.moved()),
                Err(_) if self.catalog.reads_erased()? => {
                    let problem = "reads rows that were erased in the meantime; ROLLBACK, and run it again";
                    return Err(coded(SqlState::SERIALIZATION_FAILURE, "transaction", problem));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(pins)
    }
}

#[cfg(test)]
mod tests {
    use super::super::objects::NewVersion;
    use super::super::snapshots::NewSnapshot;
    use super::*;

    fn publish(catalog: &Catalog, name: &str, at: i64) -> i64 {
        let expected = catalog.snapshot(SnapshotOf::Table, name, When::Now).unwrap().map(|newest| newest.id);
        let (of, columns, new, kept) = (SnapshotOf::Table, vec![], vec![], vec![]);
        catalog.publish(&NewSnapshot { of, name, at, rows: 0, expected, columns, new, kept, keep: 3 }, None).unwrap()
    }

    fn newest(view: &View, name: &str) -> Result<Option<i64>> {
        Ok(view.snapshot(SnapshotOf::Table, name, When::Now)?.map(|snapshot| snapshot.id))
    }

    #[test]
    fn a_statement_sees_one_state() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let catalog = Arc::new(Catalog::for_test().unwrap());
        let (a, b) = (publish(&catalog, "a", 1), publish(&catalog, "b", 2));
        let planned = runtime.block_on(settled(&catalog, |view| {
            let catalog = Arc::clone(&catalog);
            async move {
                assert_eq!(newest(&view, "a")?, Some(a));
                publish(&catalog, "a", 3);
                publish(&catalog, "b", 4);
                // This also holds for objects not read before, and for a separate task on any thread.
                let other = Arc::clone(&view);
                let mut tasks = tokio::task::JoinSet::new();
                tasks.spawn(async move { (newest(&other, "a"), newest(&other, "b")) });
                let elsewhere = tasks.join_next().await.unwrap().unwrap();
                assert_eq!((elsewhere.0?, elsewhere.1?), (Some(a), Some(b)));
                assert_eq!((newest(&view, "a")?, newest(&view, "b")?), (Some(a), Some(b)));
                newest(&view, "c")
            }
        }));
        assert_eq!(planned.unwrap(), None);
        let fresh = View::new(Arc::clone(&catalog));
        assert_ne!((newest(&fresh, "a").unwrap(), newest(&fresh, "b").unwrap()), (Some(a), Some(b)));
        // When that state is gone, planning starts again.
        let attempts = std::sync::atomic::AtomicUsize::new(0);
        let planned = runtime.block_on(settled(&catalog, |view| {
            let (catalog, attempts) = (Arc::clone(&catalog), &attempts);
            async move {
                view.stamp()?;
                if attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
                    for at in 5..9 {
                        publish(&catalog, "a", at);
                    }
                }
                newest(&view, "a")
            }
        }));
        assert_eq!(planned.unwrap(), newest(&View::new(Arc::clone(&catalog)), "a").unwrap());
        assert_eq!(attempts.into_inner(), 2);
        // It gives up when every attempt is overtaken.
        let endless = runtime.block_on(settled(&catalog, |view| {
            let catalog = Arc::clone(&catalog);
            async move {
                view.stamp()?;
                let new = NewVersion { kind: "view", profile: "", name: "v", sql: "", base: "", author: "" };
                catalog.put_object(new, None)?;
                newest(&view, "a")
            }
        }));
        assert!(endless.unwrap_err().to_string().contains("faster than this statement can be planned"));
    }
}
