//! The catalog: all metadata of a database, in one SQLite file in its directory, and the immutable Parquet files that it refers to.
//!
//! | module | contents |
//! |---|---|
//! | [`objects`] | tables, views, profiles, tags … as the SQL that created them, with every version of each |
//! | [`snapshots`] | what was published when: a snapshot refers to its files and describes their columns |
//! | [`state_columns`] | the names of the columns in the state of a profile |
//! | [`grants`] | what roles may do |
//! | [`runs`] | what ran, for how long, and how it ended |
//! | [`liveness`] | whether a run that has not ended is still at work |
//! | [`checks`] | the results of data quality checks |
//! | [`drifts`] | how far the values of tags that apply models have moved |
//! | [`stored_classes`] | the classes of what is stored, whatever is said of its columns now |
//! | [`sequences`] | the counters that number rows |
//! | [`notices`] | what is still to be sent about runs that have ended |
//! | [`schedules`] | which times of schedules are done, and which process runs one |
//! | [`rewriting`] | removes rows from files, in every snapshot that refers to them |
//! | [`erasure`] | erases rows from everything that is stored, and keeps receipts |
//! | [`cleaning`] | removes an erased person from texts in the catalog |
//! | [`column_sources`] | which columns were copied into a column of a table |
//! | [`row_sources`] | where the rows of a table come from |
//! | [`retention`] | how long the rows of tables are kept |
//! | [`data`] | the data files: written once, synced to disk, locked by readers |
//! | [`finding`] | finds the rows with given values |
//! | [`store`], [`blocks`] | the files as DataFusion reads them: by name, with every part verified |
//! | [`audit`] | who read what, as a chain of records |
//! | [`backup`], [`archive`] | backup into one file, and restore |
//! | [`check`] | compares everything with what was written |
//! | [`keys`] | the keys of an encrypted database, and what is encrypted with them |
//! | [`decrypting`] | how encrypted files are read |
//! | [`collect`] | removes files that nothing refers to and no process holds |
//! | [`encodings`] | how the columns of a new file are stored |
//! | [`compaction`] | merges many small files into one |
//! | [`locks`] | which object is being written |
//! | [`output`] | writes rows to a file, with memory accounting |
//! | [`published`] | data files as a table of DataFusion |
//! | [`tables`] | managed tables: rows that statements write |
//! | [`opening`] | opens the SQLite file, read-write or read-only |
//! | [`access`] | file permissions |
//! | [`room`] | disk space kept in reserve |
//! | [`stamp`] | identifies a state of the catalog |
//! | [`transaction`] | transactions over several statements |
//! | [`requirement`] | what must still be so when a transaction commits, for foreign keys to hold |
//! | [`view`] | what one statement sees |
//!
//! SQLite coordinates several processes: any number read, one commits at a time, and a commit is on disk when it returns. The work before a
//! commit is done outside SQLite, under the lock of the object that it writes. A file is on disk before the commit that refers to it, so a
//! killed process leaves at most files that nothing refers to. The schema of the SQLite file has a version; a file with a newer version is
//! refused. Without a directory, SQLite works in memory, and the data files are in a temporary directory that is removed with the process.

pub mod access;
mod archive;
pub mod audit;
pub mod backup;
pub mod blocks;
pub mod budgets;
pub mod check;
pub mod checks;
pub mod classes;
pub mod cleaning;
pub mod collect;
pub mod column_sources;
pub mod compaction;
pub mod data;
pub mod decrypting;
pub mod drifts;
mod encodings;
pub mod encrypting;
pub mod erasure;
pub mod finding;
pub mod grants;
pub mod intervals;
pub mod key_sets;
pub mod keys;
mod liveness;
pub mod locks;
pub mod models;
pub mod notices;
pub mod objects;
pub mod opening;
pub mod output;
pub mod published;
pub mod requirement;
pub mod retention;
pub mod rewriting;
pub mod role_limits;
pub mod room;
pub mod row_sources;
pub mod runs;
pub mod schedules;
pub mod sequences;
pub mod snapshots;
pub mod stamp;
pub mod state_columns;
pub mod store;
pub mod stored_classes;
pub mod tables;
pub mod transaction;
pub mod unwritable;
pub mod view;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use parking_lot::Mutex;
use rusqlite::{ErrorCode, TransactionBehavior};

use access::Access;
use audit::{AuditLog, Seal};
use data::DataFolder;
use grants::Grants;
use keys::{Keyring, Link, Unlock};
use objects::Objects;
use opening::Opened;
use transaction::Pending;
use unwritable::Unwritable;

use crate::error::{SqlState, coded, invalid, not_available, of_system as failed};
use crate::temporary::TemporaryFolder;

/// The version of the catalog schema that this program reads and writes.
const SCHEMA_VERSION: i64 = 22;
/// "PTRT": distinguishes the file from other SQLite files.
const APPLICATION_ID: i64 = 0x5054_5254;
const FILE: &str = "catalog.sqlite";
/// What else stands in the directory of a database.
const OWN_NAMES: [&str; 5] = ["data", "locks", room::RESERVE, audit::LOG, audit::HEAD];
/// How often a read is repeated while others are writing.
const MOST_READS: usize = 20;

/// What each schema version adds to the previous one.
const MIGRATIONS: [&str; SCHEMA_VERSION as usize] = [
    "
    CREATE TABLE definitions (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        name       TEXT NOT NULL UNIQUE,
        kind       TEXT NOT NULL,
        sql        TEXT NOT NULL,
        base       TEXT NOT NULL,
        created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    ) STRICT;
    ",
    "
    -- Profiles, tags and segments. A profile's own name stands in both columns.
    CREATE TABLE objects (
        id      INTEGER PRIMARY KEY AUTOINCREMENT,
        kind    TEXT NOT NULL,
        profile TEXT NOT NULL,
        name    TEXT NOT NULL,
        version INTEGER NOT NULL,
        UNIQUE (kind, profile, name)
    ) STRICT;
    CREATE TABLE versions (
        object     INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
        version    INTEGER NOT NULL,
        sql        TEXT NOT NULL,
        base       TEXT NOT NULL,
        author     TEXT NOT NULL,
        created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
        PRIMARY KEY (object, version)
    ) STRICT;
    -- What was published: of a profile or a managed table (kind, name), at a time (microseconds since 1970).
    CREATE TABLE snapshots (
        id           INTEGER PRIMARY KEY AUTOINCREMENT,
        kind         TEXT NOT NULL,
        name         TEXT NOT NULL,
        at           INTEGER NOT NULL,
        rows         INTEGER NOT NULL,
        committed_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    ) STRICT;
    CREATE INDEX snapshots_by_name ON snapshots (kind, name, at, id);
    CREATE TABLE snapshot_columns (
        snapshot INTEGER NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        role     TEXT NOT NULL,
        name     TEXT NOT NULL,
        version  INTEGER NOT NULL,
        filled   INTEGER NOT NULL,
        computed_at INTEGER NOT NULL,
        PRIMARY KEY (snapshot, position)
    ) STRICT;
    CREATE TABLE files (
        id       INTEGER PRIMARY KEY AUTOINCREMENT,
        name     TEXT NOT NULL UNIQUE,
        part     TEXT NOT NULL,
        bytes    INTEGER NOT NULL,
        rows     INTEGER NOT NULL,
        checksum TEXT NOT NULL
    ) STRICT;
    CREATE TABLE snapshot_files (
        snapshot INTEGER NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,
        file     INTEGER NOT NULL REFERENCES files (id),
        PRIMARY KEY (snapshot, file)
    ) STRICT;
    CREATE INDEX snapshots_of_file ON snapshot_files (file);
    CREATE TABLE runs (
        id          INTEGER PRIMARY KEY AUTOINCREMENT,
        kind        TEXT NOT NULL,
        name        TEXT NOT NULL,
        as_of       INTEGER NOT NULL,
        process     INTEGER NOT NULL,
        status      TEXT NOT NULL,
        started_at  INTEGER NOT NULL,
        finished_at INTEGER,
        snapshot    INTEGER,
        rows        INTEGER,
        changes     INTEGER,
        message     TEXT NOT NULL DEFAULT ''
    ) STRICT;
    ",
    "
    -- What training a version of a model gave, and the microseconds that it took.
    CREATE TABLE models (
        object  INTEGER NOT NULL,
        version INTEGER NOT NULL,
        trained TEXT NOT NULL,
        took    INTEGER NOT NULL,
        PRIMARY KEY (object, version),
        FOREIGN KEY (object, version) REFERENCES versions (object, version) ON DELETE CASCADE
    ) STRICT;
    ",
    "
    -- Tables and views are objects as all others.
    INSERT INTO objects (kind, profile, name, version) SELECT kind, '', name, 1 FROM definitions ORDER BY id;
    INSERT INTO versions (object, version, sql, base, author, created_at)
        SELECT o.id, 1, d.sql, d.base, '', d.created_at FROM definitions d
        JOIN objects o ON o.kind = d.kind AND o.profile = '' AND o.name = d.name;
    DROP TABLE definitions;
    -- How often definitions have changed: one row. Triggers count, so that no way of changing them can be forgotten.
    CREATE TABLE changes (definitions INTEGER NOT NULL) STRICT;
    INSERT INTO changes (definitions) VALUES (1);
    CREATE TRIGGER version_added AFTER INSERT ON versions BEGIN UPDATE changes SET definitions = definitions + 1; END;
    CREATE TRIGGER object_dropped AFTER DELETE ON objects BEGIN UPDATE changes SET definitions = definitions + 1; END;
    -- The lock that a run holds while it lives, and the time when it last said that it does.
    ALTER TABLE runs ADD COLUMN lock TEXT NOT NULL DEFAULT '';
    ALTER TABLE runs ADD COLUMN heartbeat_at INTEGER;
    ",
    "
    -- What COMMENT ON says of an object, and of its columns by their names; and the version of the object that it was said of.
    CREATE TABLE comments (
        object  INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
        \"column\" TEXT NOT NULL,
        comment TEXT NOT NULL,
        version INTEGER NOT NULL,
        PRIMARY KEY (object, \"column\")
    ) STRICT;
    CREATE TRIGGER comment_added AFTER INSERT ON comments BEGIN UPDATE changes SET definitions = definitions + 1; END;
    CREATE TRIGGER comment_changed AFTER UPDATE ON comments BEGIN UPDATE changes SET definitions = definitions + 1; END;
    CREATE TRIGGER comment_dropped AFTER DELETE ON comments BEGIN UPDATE changes SET definitions = definitions + 1; END;
    ",
    "
    -- The role that an object belongs to; none for what was made by whoever may open the folder.
    ALTER TABLE objects ADD COLUMN owner TEXT NOT NULL DEFAULT '';
    UPDATE objects SET owner = coalesce(
        (SELECT v.author FROM versions v WHERE v.object = objects.id AND v.author IN (SELECT name FROM objects WHERE kind = 'role')
         ORDER BY v.version LIMIT 1), '');
    -- What roles may do. The class says what it is on: an object, a schema, the database, files, another role.
    CREATE TABLE grants (
        role      TEXT NOT NULL,
        privilege TEXT NOT NULL,
        class     TEXT NOT NULL,
        name      TEXT NOT NULL,
        object    INTEGER REFERENCES objects (id) ON DELETE CASCADE,
        grantor   TEXT NOT NULL,
        grantable INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX grants_by_object ON grants (object);
    -- What everybody may do from the start, until it is revoked.
    INSERT INTO grants (role, privilege, class, name, grantor, grantable) VALUES
        ('public', 'CONNECT', 'database', '', '', 0), ('public', 'TEMPORARY', 'database', '', '', 0),
        ('public', 'USAGE', 'schema', 'public', '', 0);
    CREATE TRIGGER grant_added AFTER INSERT ON grants BEGIN UPDATE changes SET definitions = definitions + 1; END;
    CREATE TRIGGER grant_changed AFTER UPDATE ON grants BEGIN UPDATE changes SET definitions = definitions + 1; END;
    CREATE TRIGGER grant_dropped AFTER DELETE ON grants BEGIN UPDATE changes SET definitions = definitions + 1; END;
    CREATE TRIGGER owner_changed AFTER UPDATE OF owner ON objects BEGIN UPDATE changes SET definitions = definitions + 1; END;
    ",
    schedules::MIGRATION,
    checks::MIGRATION,
    classes::MIGRATION,
    erasure::MIGRATION,
    keys::MIGRATION,
    budgets::MIGRATION,
    stored_classes::MIGRATION,
    keys::AUDIT_MIGRATION,
    role_limits::MIGRATION,
    row_sources::MIGRATION,
    sequences::MIGRATION,
    notices::MIGRATION,
    // Since the same version, definitions of tables may have constraints, which earlier programs would not test when they write.
    column_sources::MIGRATION,
    // Since the same version, definitions of tables may have foreign keys, which earlier programs would neither compare nor keep.
    drifts::MIGRATION,
    sequences::BOUNDS_MIGRATION,
    // Since this version, receipts of erasures are encrypted in an encrypted database: see `erasure::seal_receipts`.
    "",
];
/// The tables of a new catalog: what the first [`SCHEMA_OF`] migrations make one after the other, which takes more than twice as long,
/// as SQLite reads the whole schema again for each column that is added. Later migrations follow it.
const SCHEMA: &str = include_str!("schema.sql");
const SCHEMA_OF: i64 = 21;
/// The schema version that introduced encryption.
const KEYS_SINCE: i64 = 11;

/// The catalog of one database.
#[derive(Debug)]
pub struct Catalog {
    opened: Mutex<Opened>,
    /// The keys of an encrypted database.
    keys: Arc<Keyring>,
    /// The objects and grants as they were last read, with the count of definition changes at that time.
    newest: Mutex<Option<(i64, Objects, Grants)>>,
    place: String,
    /// The database directory, when there is one.
    directory: Option<PathBuf>,
    /// The data files.
    pub data: Arc<DataFolder>,
    /// The audit log.
    audit: Arc<AuditLog>,
    /// The changes of a transaction so far; `None` for the catalog itself.
    pending: Option<Pending>,
}

impl Catalog {
    /// A catalog in memory, which vanishes with the process.
    pub fn in_memory(temporary: Arc<TemporaryFolder>) -> Result<Self> {
        let (opened, data) = (Opened::in_memory()?, Arc::new(DataFolder::temporary(temporary)?));
        let keys = Arc::new(Keyring::new("in memory", Unlock::WithoutKeys));
        Ok(Self::of(opened, keys, "in memory".into(), None, data))
    }

    fn of(opened: Opened, keys: Arc<Keyring>, place: String, directory: Option<PathBuf>, data: Arc<DataFolder>) -> Self {
        let access = directory.as_ref().map_or(Access::OWN, |directory| Access::of(&directory.join(FILE)));
        let audit = Arc::new(AuditLog::new(directory.as_deref(), access));
        Self { opened: Mutex::new(opened), keys, newest: Mutex::default(), place, directory, data, audit, pending: None }
    }

    /// An in-memory catalog with its own temporary directory.
    #[cfg(test)]
    pub fn for_test() -> Result<Self> {
        Self::in_memory(Arc::new(TemporaryFolder::of_system()?))
    }

    /// An unencrypted catalog on disk.
    #[cfg(test)]
    pub fn open(directory: &Path) -> Result<Self> {
        Self::open_with(directory, Unlock::WithoutKeys)
    }

    /// Opens the database directory, or creates it, with the keys of an encrypted one. A directory that cannot be written is opened
    /// read-only.
    pub fn open_with(directory: &Path, unlock: Unlock) -> Result<Self> {
        let place = directory.display().to_string();
        let keys = Arc::new(Keyring::new(&place, unlock));
        keys.check()?;
        if directory.is_file() {
            return Err(invalid(&place, "is a file; a database is a directory"));
        }
        // Missing parent directories are not part of the database.
        access::make_way(directory);
        Access::OWN
            .make_folder(directory)
            .map_err(|error| failed(&place, format!("cannot create the database directory: {error}")))?;
        // Make the path absolute, as the process may change its working directory later.
        let directory = directory.canonicalize().map_err(|error| failed(&place, format!("cannot be read: {error}")))?;
        let opened = Opened::open(&directory, &keys)?;
        let can_write = opened.cannot_write(&place).is_none();
        let data = Arc::new(DataFolder::of(&directory, can_write, keys.is_encrypted())?);
        let catalog = Self::of(opened, keys, place, Some(directory), data);
        if catalog.is_encrypted() {
            // A database that cannot be written may have no key yet. It is still read, and records nothing.
            catalog.audit.set_seal(catalog.audit_key().ok().map(Seal::new));
        }
        if can_write {
            catalog.keep_room();
            // If this cannot finish now, the next process that opens the database or writes to it does.
            let _ = catalog.finish_erasures(false);
        }
        Ok(catalog)
    }

    /// True for a database on disk, which outlives the process.
    pub fn is_durable(&self) -> bool {
        self.directory.is_some()
    }

    /// The database directory; `None` in memory.
    pub fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// True for a path without links at which the database keeps its contents.
    pub fn keeps(&self, path: &Path) -> bool {
        let data = self.data.store.folder();
        let data = data.canonicalize().unwrap_or_else(|_| data.to_path_buf());
        let Some(Ok(within)) = data.parent().map(|folder| path.strip_prefix(folder)) else { return false };
        let Some(first) = within.components().next() else { return false };
        let first = first.as_os_str().to_string_lossy();
        // The catalog has its log and its index beside it.
        first.starts_with(FILE) || OWN_NAMES.contains(&&*first)
    }

    /// The audit log.
    pub fn audit(&self) -> &AuditLog {
        &self.audit
    }

    /// The catalog itself, also within a transaction: for writes that must persist whether it commits or not.
    fn ground(&self) -> &Self {
        self.pending.as_ref().map_or(self, |pending| pending.base())
    }

    fn fail(&self, error: &rusqlite::Error) -> DataFusionError {
        problem(&self.place, error)
    }

    /// Runs reads in one transaction, so that they see one state of the catalog.
    fn read<T>(&self, read: impl Fn(&Link<'_>) -> rusqlite::Result<T>) -> Result<T> {
        // After a panic elsewhere, no transaction is left half done: SQLite rolls it back.
        let mut opened = self.opened.lock();
        if self.pending.is_some() {
            // All reads of a transaction see the same state anyway.
            return read(&Link::new(&opened.connection, &self.keys)).map_err(|error| self.fail(&error));
        }
        for _ in 0..MOST_READS {
            self.reopen_if(&mut opened, Opened::has_changed)?;
            let mut read = || -> rusqlite::Result<T> {
                let transaction = opened.connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
                read(&Link::new(&transaction, &self.keys))
            };
            let read = read();
            if !opened.has_changed() {
                return read.map_err(|error| self.fail(&error));
            }
        }
        Err(not_available(&self.place, "other processes write to the catalog faster than it can be read; try again"))
    }

    /// Runs writes in one transaction, all or nothing; they are on disk when this returns.
    fn write<T>(&self, write: impl FnOnce(&Link<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let mut opened = self.opened.lock();
        if let Some(pending) = &self.pending {
            return pending.write(&mut opened, &self.keys, &self.place, write);
        }
        // If it was read-only, try again: there may be disk space or permission by now.
        self.reopen_if(&mut opened, |opened| opened.cannot_write(&self.place).is_some())?;
        if let Some(error) = opened.cannot_write(&self.place) {
            return Err(error);
        }
        let write = || -> rusqlite::Result<T> {
            let transaction = opened.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = write(&Link::new(&transaction, &self.keys))?;
            transaction.commit()?;
            Ok(result)
        };
        write().map_err(|error| self.fail(&error))
    }

    fn reopen_if(&self, opened: &mut Opened, is_wanted: impl Fn(&Opened) -> bool) -> Result<()> {
        if let Some(directory) = &self.directory
            && is_wanted(opened)
        {
            *opened = Opened::open(directory, &self.keys)?;
        }
        Ok(())
    }
}

fn problem(place: &str, error: &rusqlite::Error) -> DataFusionError {
    if let Some(own) = keys::own(place, error) {
        return own;
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            not_available(place, "other processes have been writing to the catalog for ten seconds without a pause; try again")
        }
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            failed(place, format!("{FILE} is damaged ({error}); restore it from a backup or choose another directory"))
        }
        Some(ErrorCode::DiskFull) => {
            let next = Unwritable::Full.next_step();
            coded(SqlState::DISK_FULL, place, format!("{FILE} cannot be written ({error}); {next}"))
        }
        _ => failed(place, error),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::objects::NewVersion;
    use super::*;

    #[test]
    fn remembers_across_openings_and_processes() {
        let directory = tempfile::tempdir().unwrap();
        let first = Catalog::open(directory.path()).unwrap();
        let second = Catalog::open(directory.path()).unwrap();
        let of = |sql| NewVersion { kind: "view", profile: "", name: "订单", sql, base: "/", author: "ada" };
        first.put_object(of("CREATE VIEW 订单 AS SELECT 1"), None).unwrap();
        let seen = second.stamped_objects().unwrap().0;
        assert_eq!(second.stamped_objects().unwrap().1[0].sql, "CREATE VIEW 订单 AS SELECT 1");
        second.put_object(of("CREATE VIEW 订单 AS SELECT 2"), Some(seen)).unwrap();
        let error = first.put_object(of("CREATE VIEW 订单 AS SELECT 3"), Some(seen)).unwrap_err();
        assert!(error.to_string().contains("changed in the meantime"), "{error}");
        let object = first.stamped_objects().unwrap().1[0].clone();
        assert_eq!((object.sql.as_str(), object.version), ("CREATE VIEW 订单 AS SELECT 2", 2));
        first.remove_object(&object, None).unwrap();
        assert!(second.stamped_objects().unwrap().1.is_empty() && second.versions().unwrap().is_empty());
    }

    #[test]
    fn later_versions_use_up_no_ids() {
        let directory = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(directory.path()).unwrap();
        let put = |name, sql| {
            catalog.put_object(NewVersion { kind: "view", profile: "", name, sql, base: "/", author: "ada" }, None).unwrap();
        };
        put("first", "CREATE VIEW first AS SELECT 1");
        put("first", "CREATE VIEW first AS SELECT 2");
        put("first", "CREATE VIEW first AS SELECT 3");
        put("second", "CREATE VIEW second AS SELECT 1");
        let mut ids: Vec<i64> = catalog.stamped_objects().unwrap().1.iter().map(|object| object.id).collect();
        ids.sort_unstable();
        assert_eq!(ids[1] - ids[0], 1, "{ids:?}");
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        let directory = tempfile::tempdir().unwrap();
        drop(Catalog::open(directory.path()).unwrap());
        let connection = Connection::open(directory.path().join(FILE)).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        drop(connection);
        let error = Catalog::open(directory.path()).unwrap_err().to_string();
        assert!(error.contains("newer Portrait (catalog version 99"), "{error}");

        let other = tempfile::tempdir().unwrap();
        Connection::open(other.path().join(FILE)).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
        assert!(Catalog::open(other.path()).unwrap_err().to_string().contains("not a Portrait catalog"));

        let damaged = tempfile::tempdir().unwrap();
        std::fs::write(damaged.path().join(FILE), "this is no database, and long enough to tell").unwrap();
        assert!(Catalog::open(damaged.path()).unwrap_err().to_string().contains("damaged"));
    }
}
