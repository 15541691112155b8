//! The tables that belong to one session: temporary tables, and definitions that it has loaded.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Debug};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{MemTable, TableProvider};
use parking_lot::Mutex;
use sqlparser::ast::OnCommit;

use super::KeptByName;
use crate::catalog::objects::Object;
use crate::catalog::sequences::Sequence;
use crate::catalog::stamp::Stamp;
use crate::catalog::tables::ForeignKey;
use crate::postgres_catalog::advisory::{AdvisoryLocks, TransactionLocks};

type Tables = HashMap<String, Arc<dyn TableProvider>>;

/// A copy of the temporary tables at some time.
#[derive(Clone, Default)]
pub struct SavedTables {
    tables: Tables,
    /// The rows of each partition of the in-memory tables.
    rows: HashMap<String, Vec<Vec<RecordBatch>>>,
    comments: HashMap<String, BTreeMap<String, String>>,
    held: HashMap<String, BTreeMap<String, String>>,
    sources: HashMap<String, Vec<Object>>,
    makers: HashMap<String, String>,
    on_commit: HashMap<String, OnCommit>,
    constraints: HashMap<String, Vec<String>>,
    sequences: BTreeMap<String, Sequence>,
}

/// The classes of an object's columns, by column name.
type Classes = Arc<BTreeMap<String, String>>;

/// A state of definitions: the place of the catalog in memory, which differs for a transaction, and the number of changes.
pub type KnownAt = (usize, i64);

/// The numbers of an object and of its snapshot; none for the newest.
pub type StoredState = (i64, Option<i64>);

/// A session's temporary tables, and the views and external tables that it loaded last, so that the next statement need not load them
/// again.
pub struct SessionTables {
    temporary: Mutex<Tables>,
    /// Comments on temporary tables: by table, then by column. The empty column name holds the comment on the table itself.
    comments: Mutex<HashMap<String, BTreeMap<String, String>>>,
    /// The classes of the columns of temporary tables, which their values had where they come from.
    held: Mutex<HashMap<String, BTreeMap<String, String>>>,
    /// The objects that rows of temporary tables come from.
    sources: Mutex<HashMap<String, Vec<Object>>>,
    /// The roles that have made the temporary tables, whose rows may be hidden from the next role of the session.
    makers: Mutex<HashMap<String, String>>,
    /// What COMMIT does to temporary tables, unless they just stay.
    on_commit: Mutex<HashMap<String, OnCommit>>,
    /// What holds for all rows of temporary tables.
    constraints: Mutex<HashMap<String, Vec<String>>>,
    /// Loaded definitions, with the state of the database that they belong to. A view holds the plans of the tables below it, so any
    /// change of the database makes all of them out of date.
    loaded: Mutex<(Stamp, Tables)>,
    /// The classes of objects' columns by the numbers of object and snapshot, with their state of the database.
    classes: Mutex<(Stamp, HashMap<StoredState, Classes>)>,
    /// The foreign keys of all tables, with the state of the definitions that they were read in.
    foreign: Mutex<Option<(KnownAt, Arc<[ForeignKey]>)>>,
    /// The counters of temporary tables.
    counters: Mutex<HashMap<String, Sequence>>,
    /// The temporary sequences.
    sequences: Mutex<BTreeMap<String, Sequence>>,
    /// The numbers that the session was given last, by counter, and by which counter at last.
    drawn: Mutex<(HashMap<String, i64>, Option<String>)>,
    /// The locks on numbers, of which the session may hold some.
    locks: Arc<AdvisoryLocks>,
    /// Whether the current statement may only read.
    reads_only: AtomicBool,
    /// What else the session keeps by name.
    kept: OnceLock<Arc<dyn KeptByName>>,
    /// How often its tables have changed.
    changes: AtomicU64,
}

impl Debug for SessionTables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionTables").field("temporary", &self.temporary_names()).finish_non_exhaustive()
    }
}

impl Drop for SessionTables {
    /// Releases the session's advisory locks; nothing else notices that a session ends.
    fn drop(&mut self) {
        self.locks.let_all_go(self.identity());
    }
}

impl SessionTables {
    /// No tables, for a session that holds its locks on numbers there.
    pub fn new(locks: Arc<AdvisoryLocks>) -> Self {
        Self {
            temporary: Mutex::default(),
            comments: Mutex::default(),
            held: Mutex::default(),
            sources: Mutex::default(),
            makers: Mutex::default(),
            on_commit: Mutex::default(),
            constraints: Mutex::default(),
            loaded: Mutex::default(),
            classes: Mutex::default(),
            foreign: Mutex::default(),
            counters: Mutex::default(),
            sequences: Mutex::default(),
            drawn: Mutex::default(),
            locks,
            reads_only: AtomicBool::new(false),
            kept: OnceLock::new(),
            changes: AtomicU64::new(0),
        }
    }

    /// Whether the statement that runs is in a read-only transaction.
    pub fn reads_only(&self) -> bool {
        self.reads_only.load(Ordering::Relaxed)
    }

    /// Says whether the next statement is in a read-only transaction.
    pub fn set_reads_only(&self, reads_only: bool) {
        self.reads_only.store(reads_only, Ordering::Relaxed);
    }

    /// A number that differs from other sessions' for as long as both exist.
    pub fn identity(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Tells what else the session keeps by name.
    pub fn keeps(&self, kept: Arc<dyn KeptByName>) {
        let _ = self.kept.set(kept);
    }

    /// What else the session keeps by name.
    pub fn kept(&self) -> Option<&Arc<dyn KeptByName>> {
        self.kept.get()
    }

    /// The advisory locks of a transaction that begins.
    pub fn transaction_locks(&self) -> TransactionLocks {
        TransactionLocks::begin(&self.locks, self.identity())
    }

    /// The temporary table of that name.
    pub fn temporary(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        self.temporary.lock().get(name).cloned()
    }

    /// The name of a temporary table, if it is one.
    pub fn name_of(&self, table: &Arc<dyn TableProvider>) -> Option<String> {
        self.temporary.lock().iter().find(|(_, own)| Arc::ptr_eq(own, table)).map(|(name, _)| name.clone())
    }

    /// The names of the temporary tables.
    pub fn temporary_names(&self) -> Vec<String> {
        self.temporary.lock().keys().cloned().collect()
    }

    /// Adds a temporary table; returns the table that it replaces, if any.
    pub fn add_temporary(&self, name: String, table: Arc<dyn TableProvider>) -> Option<Arc<dyn TableProvider>> {
        self.changed();
        self.temporary.lock().insert(name, table)
    }

    /// Removes a temporary table and returns it.
    pub fn remove_temporary(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        self.changed();
        self.comments.lock().remove(name);
        self.held.lock().remove(name);
        self.sources.lock().remove(name);
        self.makers.lock().remove(name);
        self.on_commit.lock().remove(name);
        self.constraints.lock().remove(name);
        self.temporary.lock().remove(name)
    }

    /// Makes the counter of a column of a temporary table, or leaves one that another such table has.
    pub fn make_counter(&self, counter: Sequence, is_named: bool) {
        let mut all = self.counters.lock();
        if !is_named || !all.contains_key(&counter.name) {
            all.insert(counter.name.clone(), counter);
        }
    }

    /// Does something with the counter of that name, if a temporary table has it.
    pub fn with_counter<T>(&self, name: &str, work: impl FnOnce(&mut Sequence) -> T) -> Option<T> {
        self.counters.lock().get_mut(name).map(work)
    }

    /// Adds a temporary sequence, unless there is one of that name; tells whether it did.
    pub fn add_sequence(&self, sequence: Sequence) -> bool {
        let mut all = self.sequences.lock();
        let is_new = !all.contains_key(&sequence.name);
        if is_new {
            all.insert(sequence.name.clone(), sequence);
        }
        is_new
    }

    /// Removes a temporary sequence; tells whether there was one of that name.
    pub fn remove_sequence(&self, name: &str) -> bool {
        self.sequences.lock().remove(name).is_some()
    }

    /// Does something with the temporary sequence of that name, if there is one.
    pub fn with_sequence<T>(&self, name: &str, work: impl FnOnce(&mut Sequence) -> T) -> Option<T> {
        self.sequences.lock().get_mut(name).map(work)
    }

    /// The temporary sequences.
    pub fn own_sequences(&self) -> Vec<Sequence> {
        self.sequences.lock().values().cloned().collect()
    }

    /// Drops the temporary sequences.
    pub fn remove_sequences(&self) {
        self.sequences.lock().clear();
    }

    /// Forgets which numbers the session was given.
    pub fn forget_given(&self) {
        *self.drawn.lock() = (HashMap::new(), None);
    }

    /// Remembers the number that the session was given last.
    pub fn was_given(&self, name: &str, number: i64) {
        let (numbers, last) = &mut *self.drawn.lock();
        numbers.insert(name.into(), number);
        *last = Some(name.into());
    }

    /// The number that the session was given last, by that counter or by any.
    pub fn given(&self, name: Option<&str>) -> Option<i64> {
        let (numbers, last) = &*self.drawn.lock();
        numbers.get(name.or(last.as_deref())?).copied()
    }

    /// The comments on a temporary table and its columns.
    pub fn comments(&self, name: &str) -> BTreeMap<String, String> {
        self.comments.lock().get(name).cloned().unwrap_or_default()
    }

    /// Replaces all comments on a temporary table.
    pub fn set_comments(&self, name: &str, comments: BTreeMap<String, String>) {
        self.comments.lock().insert(name.into(), comments);
    }

    /// The classes of a temporary table's columns.
    pub fn held(&self, name: &str) -> BTreeMap<String, String> {
        self.held.lock().get(name).cloned().unwrap_or_default()
    }

    /// Replaces the classes of a temporary table's columns.
    pub fn set_held(&self, name: &str, classes: BTreeMap<String, String>) {
        self.held.lock().insert(name.into(), classes);
    }

    /// The role that has made a temporary table.
    pub fn maker(&self, name: &str) -> Option<String> {
        self.makers.lock().get(name).cloned()
    }

    /// Sets the role that has made a temporary table.
    pub fn set_maker(&self, name: &str, role: Option<String>) {
        let mut makers = self.makers.lock();
        if let Some(role) = role {
            makers.insert(name.into(), role);
        } else {
            makers.remove(name);
        }
    }

    /// The objects that rows of a temporary table come from.
    pub fn sources(&self, name: &str) -> Vec<Object> {
        self.sources.lock().get(name).cloned().unwrap_or_default()
    }

    /// Replaces the objects that rows of a temporary table come from.
    pub fn set_sources(&self, name: &str, sources: Vec<Object>) {
        self.sources.lock().insert(name.into(), sources);
    }

    /// Adds objects that rows of a temporary table come from.
    pub fn add_sources(&self, name: &str, sources: Vec<Object>) {
        let mut all = self.sources.lock();
        let own = all.entry(name.into()).or_default();
        for source in sources {
            if !own.iter().any(|known| known.id == source.id) {
                own.push(source);
            }
        }
    }

    /// What holds for all rows of a temporary table, as written in CREATE TABLE.
    pub fn constraints(&self, name: &str) -> Vec<String> {
        self.constraints.lock().get(name).cloned().unwrap_or_default()
    }

    /// Replaces what holds for all rows of a temporary table.
    pub fn set_constraints(&self, name: &str, constraints: Vec<String>) {
        *self.foreign.lock() = None;
        self.constraints.lock().insert(name.into(), constraints);
    }

    /// Sets what COMMIT does to a temporary table; with `None` it stays as it is.
    pub fn set_on_commit(&self, name: String, on_commit: Option<OnCommit>) {
        let mut all = self.on_commit.lock();
        if let Some(on_commit) = on_commit {
            all.insert(name, on_commit);
        } else {
            all.remove(&name);
        }
    }

    /// What COMMIT does to a temporary table.
    pub fn on_commit(&self, name: &str) -> Option<OnCommit> {
        self.on_commit.lock().get(name).copied()
    }

    /// Drops and empties the temporary tables that a COMMIT ends.
    pub async fn committed(&self) {
        let ending = self.on_commit.lock().clone();
        for (name, on_commit) in ending {
            match on_commit {
                OnCommit::Drop => drop(self.remove_temporary(&name)),
                OnCommit::DeleteRows => {
                    let table = self.temporary(&name);
                    if let Some(table) = table.as_ref().and_then(|table| table.downcast_ref::<MemTable>()) {
                        for part in &table.batches {
                            part.write().await.clear();
                        }
                    }
                }
                OnCommit::PreserveRows => {}
            }
        }
    }

    /// A copy of the temporary tables with their current rows.
    pub async fn saved(&self) -> SavedTables {
        let tables = self.temporary.lock().clone();
        let mut rows = HashMap::new();
        for (name, table) in &tables {
            if let Some(table) = table.downcast_ref::<MemTable>() {
                let mut parts = vec![];
                for part in &table.batches {
                    parts.push(part.read().await.clone());
                }
                rows.insert(name.clone(), parts);
            }
        }
        let (comments, held) = (self.comments.lock().clone(), self.held.lock().clone());
        let (sources, makers) = (self.sources.lock().clone(), self.makers.lock().clone());
        let (on_commit, constraints) = (self.on_commit.lock().clone(), self.constraints.lock().clone());
        let sequences = self.sequences.lock().clone();
        SavedTables { tables, rows, comments, held, sources, makers, on_commit, constraints, sequences }
    }

    /// Restores the temporary tables from a copy.
    pub async fn restore(&self, saved: SavedTables) {
        self.changed();
        for (name, parts) in saved.rows {
            if let Some(table) = saved.tables.get(&name).and_then(|table| table.downcast_ref::<MemTable>()) {
                for (part, rows) in table.batches.iter().zip(parts) {
                    *part.write().await = rows;
                }
            }
        }
        *self.temporary.lock() = saved.tables;
        *self.comments.lock() = saved.comments;
        *self.held.lock() = saved.held;
        *self.sources.lock() = saved.sources;
        *self.makers.lock() = saved.makers;
        *self.on_commit.lock() = saved.on_commit;
        *self.constraints.lock() = saved.constraints;
        let mut sequences = self.sequences.lock();
        let now = std::mem::replace(&mut *sequences, saved.sequences);
        // Numbers that were given are not given again.
        for (name, sequence) in now {
            sequences.entry(name).and_modify(|saved| *saved = sequence);
        }
    }

    /// Its tables are others from now on.
    fn changed(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
        self.let_go();
    }

    /// Drops the loaded definitions, and with them the files that they keep open.
    pub fn let_go(&self) {
        self.loaded.lock().1.clear();
        *self.foreign.lock() = None;
    }

    /// A number that differs after each change of its tables.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// The foreign keys of all tables, if they were read in this state of the definitions.
    pub fn foreign_keys(&self, at: KnownAt) -> Option<Arc<[ForeignKey]>> {
        self.foreign.lock().as_ref().filter(|(known, _)| *known == at).map(|(_, keys)| Arc::clone(keys))
    }

    /// Caches the foreign keys of all tables.
    pub fn keep_foreign_keys(&self, at: KnownAt, keys: &Arc<[ForeignKey]>) {
        *self.foreign.lock() = Some((at, Arc::clone(keys)));
    }

    /// A definition, if it was loaded in this state of the database.
    pub fn loaded(&self, stamp: Stamp, name: &str) -> Option<Arc<dyn TableProvider>> {
        let mut loaded = self.loaded.lock();
        if loaded.0 != stamp {
            *loaded = (stamp, HashMap::new());
        }
        loaded.1.get(name).cloned()
    }

    /// The classes of an object's columns, if they were found in this state of the database.
    pub fn classes(&self, stamp: Stamp, state: StoredState) -> Option<Classes> {
        let classes = self.classes.lock();
        classes.1.get(&state).filter(|_| classes.0 == stamp).cloned()
    }

    /// Caches the classes of an object's columns.
    pub fn keep_classes(&self, stamp: Stamp, state: StoredState, found: &Classes) {
        let mut classes = self.classes.lock();
        if classes.0 != stamp {
            *classes = (stamp, HashMap::new());
        }
        classes.1.insert(state, Arc::clone(found));
    }

    /// Caches a definition that was loaded in this state of the database, unless the cache has moved on to another state.
    pub fn keep(&self, stamp: Stamp, name: String, table: &Arc<dyn TableProvider>) {
        let mut loaded = self.loaded.lock();
        if loaded.0 == stamp {
            loaded.1.insert(name, Arc::clone(table));
        }
    }
}
