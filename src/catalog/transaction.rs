//! Transactions over several statements: their changes appear together at COMMIT, or never.
//!
//! A transaction reads the state of the catalog at its beginning: its own connection holds SQLite's snapshot of it. With its first change,
//! it continues on a copy of that state in memory, so that the catalog is not locked while a user thinks between two statements. Each
//! change is applied to the copy, where later statements see it, and recorded. COMMIT applies all recorded changes to the catalog in one
//! SQLite transaction, in which each change checks what it assumed. If another process has written to a table since, that is a conflict;
//! for a change of definitions, so is any definition that has changed. After a conflict, nothing of the transaction is applied.
//!
//! The ids that SQLite assigns to snapshots and objects differ between the copy and the catalog; snapshot ids are translated when changes
//! are applied, and objects are looked up by name.
//!
//! Data files are written as usual. Until the end, the transaction protects them from the collector and holds the locks of the tables that
//! it writes to, so that another writer notices at once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use parking_lot::Mutex;
use rusqlite::backup::Backup;
use rusqlite::{Connection, OptionalExtension, params};

use super::column_sources::{self, Copied};
use super::data::{DataFile, Written};
use super::grants::{self, GrantChange};
use super::keys::{Keyring, Link};
use super::locks::Lock;
use super::objects::{Moved, NewVersion, Object, add_version, define_table, drop_object, rename_object, set_comment};
use super::opening::Opened;
use super::requirement::Requirement;
use super::schedules::lease::{End, write_end};
use super::snapshots::{NewSnapshot, Part, PublishedColumn, SnapshotOf, changed_meanwhile, drop_table, publish_checked};
use super::stamp::{Stamp, stamp};
use super::stored_classes::{self, ColumnClasses};
use super::tables::{Contents, ForeignKey};
use super::{Catalog, classes, problem, row_sources};
use crate::error::{SqlState, coded};

/// A recorded change of the catalog, to be applied again at COMMIT.
#[derive(Debug, Clone)]
pub enum Change {
    /// A table has a new state, with its definition if the table is new.
    Publish(Published, Option<Version>),
    /// An object has a new version.
    Put(Version),
    /// An object is dropped.
    Remove(Object),
    /// A table or view is renamed.
    Rename(Object, Object),
    /// A managed table is dropped.
    DropTable(String),
    /// A column, or the object itself under the empty name, has a new comment, or none.
    Comment(Object, String, Option<String>),
    /// A column has a new class, or none; and the stored states of profiles have these.
    Class(Object, String, Option<String>, Vec<(Object, ColumnClasses)>),
    /// Rows of a table come from these objects.
    Sources(Object, Vec<Object>),
    /// Columns of a table were copied from these.
    ColumnSources(Object, Vec<Copied>),
    /// Privileges or owners change.
    Grants(GrantChange),
    /// The attempt of a schedule that runs as this transaction has ended.
    EndAttempt(End),
    /// What was found when foreign keys were compared must be so.
    Require(Requirement),
}

/// An owned [`NewSnapshot`].
#[derive(Debug, Clone)]
pub struct Published {
    of: SnapshotOf,
    name: String,
    at: i64,
    rows: i64,
    expected: Option<i64>,
    columns: Vec<PublishedColumn>,
    new: Vec<(Part, DataFile)>,
    kept: Vec<DataFile>,
    keep: usize,
    /// Its snapshot id in the copy.
    number: i64,
}

impl Published {
    pub fn new(new: &NewSnapshot<'_>, number: i64) -> Self {
        let NewSnapshot { of, name, at, rows, expected, columns, new, kept, keep } = new;
        Self {
            of: *of,
            name: (*name).to_string(),
            at: *at,
            rows: *rows,
            expected: *expected,
            columns: columns.clone(),
            new: new.clone(),
            kept: kept.clone(),
            keep: *keep,
            number,
        }
    }
}

/// An owned [`NewVersion`].
#[derive(Debug, Clone)]
pub struct Version {
    parts: [String; 6],
    /// The columns of an altered table that are renamed or dropped.
    moved: Vec<Moved>,
    /// The column classes of a new table.
    classes: BTreeMap<String, String>,
    /// The objects that its rows come from.
    sources: Vec<Object>,
}

impl Version {
    pub fn new(new: NewVersion<'_>) -> Self {
        let NewVersion { kind, profile, name, sql, base, author } = new;
        Self {
            parts: [kind, profile, name, sql, base, author].map(str::to_string),
            moved: vec![],
            classes: BTreeMap::new(),
            sources: vec![],
        }
    }

    /// Adds what becomes of the columns of a table, and where its rows come from.
    pub fn with_columns(self, moved: &[Moved], classes: &BTreeMap<String, String>, sources: &[Object]) -> Self {
        Self { moved: moved.to_vec(), classes: classes.clone(), sources: sources.to_vec(), ..self }
    }

    fn new_version(&self) -> NewVersion<'_> {
        let [kind, profile, name, sql, base, author] = &self.parts;
        NewVersion { kind, profile, name, sql, base, author }
    }
}

/// The recorded changes of a transaction.
#[derive(Debug)]
pub struct Pending {
    base: Arc<Catalog>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The state that the transaction began with.
    first: Stamp,
    /// True once the connection is that of the copy.
    is_copy: bool,
    changes: Vec<Change>,
    /// Files that the catalog does not refer to yet.
    files: Vec<Written>,
    /// The locks of objects being written.
    locks: HashMap<String, Lock>,
    /// Savepoints, each with the number of changes and files at that time.
    savepoints: Vec<(String, usize, usize)>,
    /// Foreign keys that are compared at COMMIT.
    late: Vec<Late>,
    /// What SET CONSTRAINTS said: of one of them or of all, and whether it is compared at COMMIT.
    said: Vec<(Option<String>, bool)>,
}

/// A foreign key that is compared at COMMIT, with the files that its tables had when it held.
#[derive(Debug, Clone)]
pub struct Late {
    pub key: ForeignKey,
    pub own: Contents,
    pub other: Contents,
}

impl State {
    /// Whether a foreign key is compared at COMMIT, by what SET CONSTRAINTS said last, or else by its definition.
    fn is_late(&self, key: &ForeignKey) -> bool {
        let said = self.said.iter().rev().find(|(name, _)| name.as_ref().is_none_or(|name| *name == key.name));
        key.is_deferrable && said.map_or(key.is_deferred, |(_, is_late)| *is_late)
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("changes", &self.changes).finish_non_exhaustive()
    }
}

impl Pending {
    /// The catalog that the transaction runs on.
    pub fn base(&self) -> &Catalog {
        &self.base
    }

    /// Writes to the copy, creating it if necessary.
    pub fn write<T>(
        &self,
        opened: &mut Opened,
        keys: &Keyring,
        place: &str,
        write: impl FnOnce(&Link<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let fail = |error: rusqlite::Error| problem(place, &error);
        let mut state = self.state.lock();
        if !state.is_copy {
            let mut copy = Opened::in_memory()?;
            let mut copied = || -> rusqlite::Result<()> {
                Backup::new(&opened.connection, &mut copy.connection)?.run_to_completion(
                    i32::MAX,
                    std::time::Duration::ZERO,
                    None,
                )
            };
            copied().map_err(fail)?;
            copy.connection.execute_batch("BEGIN").map_err(fail)?;
            for place in 0..state.savepoints.len() {
                copy.connection.execute_batch(&format!("SAVEPOINT s{place}")).map_err(fail)?;
            }
            *opened = copy;
            state.is_copy = true;
        }
        drop(state);
        // In a savepoint, all or nothing: a statement that fails leaves nothing behind.
        let connection = &opened.connection;
        connection.execute_batch("SAVEPOINT statement").map_err(fail)?;
        match write(&Link::new(connection, keys)) {
            Ok(written) => {
                connection.execute_batch("RELEASE statement").map_err(fail)?;
                Ok(written)
            }
            Err(error) => {
                connection.execute_batch("ROLLBACK TO statement; RELEASE statement").map_err(fail)?;
                Err(fail(error))
            }
        }
    }
}

impl Catalog {
    /// Begins a transaction: a catalog that reads one state of this one, and records changes.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn begin(self: &Arc<Self>) -> Result<Arc<Self>> {
        let Some(directory) = self.directory() else {
            let problem = "in memory does not support transactions over objects";
            return Err(coded(SqlState::FEATURE_NOT_SUPPORTED, "database", problem));
        };
        let opened = Opened::open(directory, &self.keys)?;
        // SQLite takes its snapshot at the first read.
        let first = || -> rusqlite::Result<Stamp> {
            opened.connection.execute_batch("BEGIN")?;
            stamp(&opened.connection)
        };
        let first = first().map_err(|error| self.fail(&error))?;
        let state = Mutex::new(State { first, ..State::default() });
        Ok(Arc::new(Self {
            opened: Mutex::new(opened),
            keys: Arc::clone(&self.keys),
            newest: Mutex::default(),
            place: self.place.clone(),
            directory: self.directory.clone(),
            data: Arc::clone(&self.data),
            audit: Arc::clone(&self.audit),
            pending: Some(Pending { base: Arc::clone(self), state }),
        }))
    }

    /// True in a transaction that has changed something: its state is of no other.
    pub fn has_own_changes(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.state.lock().is_copy)
    }

    /// True within a transaction.
    pub fn is_transaction(&self) -> bool {
        self.pending.is_some()
    }

    /// True within a transaction that reads a state from before an erasure, whose files are gone.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn reads_erased(&self) -> Result<bool> {
        let Some(pending) = &self.pending else { return Ok(false) };
        let first = pending.state.lock().first.erasures;
        Ok(pending.base.newest_stamp()?.erasures != first)
    }

    /// Whether a foreign key is compared at COMMIT.
    pub fn is_late(&self, key: &ForeignKey) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.state.lock().is_late(key))
    }

    /// Keeps a foreign key for COMMIT, with the files that its tables had before; those of an earlier statement stay.
    pub fn keep_late(&self, key: &ForeignKey, own: &Contents, other: &Contents) {
        let Some(pending) = &self.pending else { return };
        let mut state = pending.state.lock();
        if !state.late.iter().any(|kept| kept.key.compares_as(key)) {
            state.late.push(Late { key: key.clone(), own: own.clone(), other: other.clone() });
        }
    }

    /// The foreign keys that are compared at COMMIT.
    pub fn late(&self) -> Vec<Late> {
        self.pending.as_ref().map(|pending| pending.state.lock().late.clone()).unwrap_or_default()
    }

    /// SET CONSTRAINTS: whether these foreign keys, or with none all, are compared at COMMIT from now on.
    pub fn set_late(&self, names: &[String], is_late: bool) {
        let Some(pending) = &self.pending else { return };
        let said = &mut pending.state.lock().said;
        match names {
            [] => *said = vec![(None, is_late)],
            names => said.extend(names.iter().map(|name| (Some(name.clone()), is_late))),
        }
    }

    /// Forgets foreign keys that were compared before COMMIT.
    pub fn forget_late(&self) {
        if let Some(pending) = &self.pending {
            let mut state = pending.state.lock();
            let mut late = std::mem::take(&mut state.late);
            late.retain(|kept| state.is_late(&kept.key));
            state.late = late;
        }
    }

    /// Records a change for COMMIT; without a transaction, it has already been applied.
    pub fn keep_change(&self, change: impl FnOnce() -> Change) {
        if let Some(pending) = &self.pending {
            pending.state.lock().changes.push(change());
        }
    }

    /// Within a transaction, keeps files until it ends; otherwise releases them to the catalog.
    pub fn hold_files(&self, files: Vec<Written>) {
        match &self.pending {
            Some(pending) => pending.state.lock().files.extend(files),
            None => files.into_iter().for_each(Written::let_go),
        }
    }

    /// True when the transaction already holds the lock of that name.
    pub fn holds_lock(&self, name: &str) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.state.lock().locks.contains_key(name))
    }

    /// Holds a lock until the end of the transaction; without one, returns it.
    pub fn hold_lock(&self, name: String, lock: Lock) -> Option<Lock> {
        match &self.pending {
            Some(pending) => {
                pending.state.lock().locks.insert(name, lock);
                None
            }
            None => Some(lock),
        }
    }

    /// Sets a savepoint.
    ///
    /// # Errors
    /// The copy cannot be written.
    pub fn savepoint(&self, name: &str) -> Result<()> {
        let Some(pending) = &self.pending else { return Ok(()) };
        let opened = self.opened.lock();
        let mut state = pending.state.lock();
        if state.is_copy {
            let marked = opened.connection.execute_batch(&format!("SAVEPOINT s{}", state.savepoints.len()));
            marked.map_err(|error| self.fail(&error))?;
        }
        let (changes, files) = (state.changes.len(), state.files.len());
        state.savepoints.push((name.into(), changes, files));
        Ok(())
    }

    /// Rolls back to a savepoint, which remains.
    ///
    /// # Errors
    /// There is no savepoint of that name.
    pub fn roll_back_to(&self, name: &str) -> Result<()> {
        let Some(pending) = &self.pending else { return Ok(()) };
        let opened = self.opened.lock();
        let mut state = pending.state.lock();
        let place = state.savepoints.iter().rposition(|(own, ..)| own == name).ok_or_else(|| no_savepoint(name))?;
        if state.is_copy {
            let rolled = opened.connection.execute_batch(&format!("ROLLBACK TO s{place}"));
            rolled.map_err(|error| self.fail(&error))?;
        }
        let (_, changes, files) = state.savepoints[place];
        state.savepoints.truncate(place + 1);
        state.changes.truncate(changes);
        // These files were never published; dropping them removes them.
        state.files.truncate(files);
        drop(state);
        *self.newest.lock() = None;
        Ok(())
    }

    /// Releases a savepoint and all later ones; the changes since remain.
    ///
    /// # Errors
    /// There is no savepoint of that name.
    pub fn release(&self, name: &str) -> Result<()> {
        let Some(pending) = &self.pending else { return Ok(()) };
        let opened = self.opened.lock();
        let mut state = pending.state.lock();
        let place = state.savepoints.iter().rposition(|(own, ..)| own == name).ok_or_else(|| no_savepoint(name))?;
        if state.is_copy {
            let released = opened.connection.execute_batch(&format!("RELEASE s{place}"));
            released.map_err(|error| self.fail(&error))?;
        }
        state.savepoints.truncate(place);
        Ok(())
    }

    /// Commits the transaction's changes to the catalog.
    ///
    /// # Errors
    /// There is a conflict with a change by others. Then nothing is changed.
    pub fn commit(&self) -> Result<()> {
        let Some(pending) = &self.pending else { return Ok(()) };
        let mut state = pending.state.lock();
        let changes = std::mem::take(&mut state.changes);
        if !changes.is_empty() {
            let first = state.first;
            // A conflict is passed out separately, with a dummy SQLite error that rolls the SQLite transaction back.
            let mut conflict = None;
            let applied = pending.base.write(|connection| match apply(connection, &changes, first) {
                Ok(None) => Ok(()),
                Ok(Some(error)) => {
                    conflict = Some(error);
                    Err(rusqlite::Error::QueryReturnedNoRows)
                }
                Err(error) => Err(error),
            });
            match conflict {
                Some(error) => {
                    state.files.clear();
                    state.locks.clear();
                    return Err(error);
                }
                None => applied?,
            }
        }
        std::mem::take(&mut state.files).into_iter().for_each(Written::let_go);
        state.locks.clear();
        drop(state);
        if !changes.is_empty() {
            if changes.iter().any(|change| matches!(change, Change::Remove(_) | Change::DropTable(_))) {
                pending.base.forget_writes();
            }
            // What cannot be removed now is removed later.
            let _ = pending.base.collect();
        }
        Ok(())
    }
}

fn no_savepoint(name: &str) -> DataFusionError {
    coded(SqlState::INVALID_SAVEPOINT, name, "no such savepoint; SAVEPOINT makes one")
}

/// Applies all changes to the catalog; returns the conflict, if there is one.
fn apply(connection: &Link<'_>, changes: &[Change], first: Stamp) -> rusqlite::Result<Option<DataFusionError>> {
    let is_definition = |change: &Change| {
        !matches!(
            change,
            Change::Publish(_, None)
                | Change::Sources(..)
                | Change::ColumnSources(..)
                | Change::EndAttempt(_)
                | Change::Require(_)
        )
    };
    if changes.iter().any(is_definition) && stamp(connection)?.definitions != first.definitions {
        let problem = "cannot be committed: another session has changed definitions in the meantime; run the transaction again";
        return Ok(Some(coded(SqlState::SERIALIZATION_FAILURE, "transaction", problem)));
    }
    if stamp(connection)?.erasures != first.erasures {
        // The transaction has read the state before the erasure, so it may have written erased data again.
        let problem = "cannot be committed: data of a person was erased in the meantime; run the transaction again";
        return Ok(Some(coded(SqlState::SERIALIZATION_FAILURE, "transaction", problem)));
    }
    let mut numbers: HashMap<i64, i64> = HashMap::new();
    for change in changes {
        match change {
            Change::Publish(published, definition) => {
                let Published { of, name, at, rows, expected, columns, new, kept, keep, number } = published.clone();
                let expected = expected.map(|number| numbers.get(&number).copied().unwrap_or(number));
                let new = NewSnapshot { of, name: &name, at, rows, expected, columns, new, kept, keep };
                match publish_checked(connection, &new)? {
                    Some(own) => drop(numbers.insert(number, own)),
                    None => return Ok(Some(changed_meanwhile(&name))),
                }
                if let Some(definition) = definition {
                    let sources = ids(connection, &definition.sources)?;
                    define_table(connection, definition.new_version(), &definition.moved, &definition.classes, &sources)?;
                }
            }
            Change::Put(version) => drop(add_version(connection, version.new_version())?),
            Change::Remove(object) => drop_object(connection, &known(connection, object)?)?,
            Change::Rename(object, renamed) => rename_object(connection, &known(connection, object)?, renamed)?,
            Change::DropTable(name) => drop_table(connection, name)?,
            Change::Comment(object, column, text) => {
                set_comment(connection, &known(connection, object)?, column, text.as_deref())?;
            }
            Change::Class(object, column, class, stored) => {
                classes::set(connection, known(connection, object)?.id, column, class.as_deref())?;
                for (profile, classes) in stored {
                    stored_classes::remember_all(connection, known(connection, profile)?.id, classes)?;
                }
            }
            Change::Sources(table, sources) => {
                row_sources::add(connection, known(connection, table)?.id, &ids(connection, sources)?)?;
            }
            Change::ColumnSources(table, copied) => {
                let table = known(connection, table)?.id;
                for (column, source, from) in copied {
                    column_sources::add(connection, (table, column), (known(connection, source)?.id, from))?;
                }
            }
            Change::Grants(change) => grants::apply(connection, change)?,
            Change::Require(required) if required.holds(connection)? => {}
            Change::Require(required) => return Ok(Some(changed_meanwhile(required.table()))),
            Change::EndAttempt(end) => {
                if !write_end(connection, end)? {
                    let problem = "cannot be committed: another process considers this run lost and is repeating it";
                    return Ok(Some(coded(SqlState::SERIALIZATION_FAILURE, "transaction", problem)));
                }
            }
        }
    }
    Ok(None)
}

/// The ids that objects have in the catalog.
fn ids(connection: &Connection, objects: &[Object]) -> rusqlite::Result<Vec<i64>> {
    objects.iter().map(|object| Ok(known(connection, object)?.id)).collect()
}

/// The object with the id that it has in the catalog.
fn known(connection: &Connection, object: &Object) -> rusqlite::Result<Object> {
    let query = "SELECT id FROM objects WHERE kind = ?1 AND profile = ?2 AND name = ?3";
    let id = connection.query_row(query, params![object.kind, object.profile, object.name], |row| row.get(0)).optional()?;
    Ok(Object { id: id.unwrap_or(object.id), ..object.clone() })
}
