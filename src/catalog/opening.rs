//! Opens the catalog for writing, or read-only where that is not possible.
//!
//! SQLite needs disk space and write permission even for reading, as it keeps an index of its WAL next to the file. A directory without
//! write permission, a read-only file system and a full disk offer neither. Then the file is read as it is, which is complete if there is
//! no WAL. If there is one, or the file has an earlier schema version, a copy in the temporary directory is read. Others may write
//! meanwhile: a read counts only if file and WAL are unchanged afterwards, and is repeated otherwise.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::Duration;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use url::Url;

use super::access::Access;
use super::data::Identity;
use super::keys::{Keyring, Link, Unlock};
use super::unwritable::Unwritable;
use super::{APPLICATION_ID, FILE, KEYS_SINCE, MIGRATIONS, SCHEMA, SCHEMA_OF, SCHEMA_VERSION, erasure, problem};
use crate::error::{coded, failed, invalid};
use crate::temporary::TemporaryFolder;

/// The longest path that SQLite accepts, minus room for the suffixes of the files next to it.
const LONGEST_PATH: usize = 500;
/// How many statements SQLite keeps prepared: all that the catalog uses.
const STATEMENTS: usize = 128;
/// How often opening is repeated while others are writing.
const ATTEMPTS: usize = 20;

/// An open catalog.
#[derive(Debug)]
pub struct Opened {
    pub connection: Connection,
    /// Why it can only be read; `None` when it can be written.
    reading: Option<Reading>,
}

/// A catalog that is read without SQLite's protection against concurrent writes.
#[derive(Debug)]
struct Reading {
    directory: PathBuf,
    seen: State,
    why: ErrorCode,
    text: String,
    /// Keeps the copy that is read.
    _copy: Option<TemporaryFolder>,
}

/// The identity of the catalog file and its WAL, to detect changes.
#[derive(Debug, PartialEq, Eq)]
struct State {
    file: Option<Identity>,
    log: Option<Identity>,
}

impl State {
    fn of(directory: &Path) -> Self {
        let identity = |path: PathBuf| path.metadata().ok().map(|found| Identity::of(&found));
        Self { file: identity(directory.join(FILE)), log: identity(log(directory)) }
    }
}

fn log(directory: &Path) -> PathBuf {
    directory.join(format!("{FILE}-wal"))
}

impl Opened {
    pub fn in_memory() -> Result<Self> {
        let connection = Connection::open_in_memory().map_err(|error| failed("catalog", error))?;
        let keys = Keyring::new("in memory", Unlock::WithoutKeys);
        Ok(Self { connection: prepared(connection, &keys, "in memory")?, reading: None })
    }

    /// Opens the catalog in an existing directory, or creates it.
    pub fn open(directory: &Path, keys: &Keyring) -> Result<Self> {
        let (place, file) = (directory.display().to_string(), directory.join(FILE));
        if file.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
            return Err(invalid(
                &place,
                format!("{FILE} is a link; a database must be in one folder: move or link the whole folder"),
            ));
        }
        // Opening a pipe would wait for a writer.
        if file.symlink_metadata().is_ok_and(|found| !found.is_file()) {
            return Err(invalid(&place, format!("{FILE} is not a file; choose another directory")));
        }
        let length = file.as_os_str().len();
        if length > LONGEST_PATH {
            let problem =
                format!("has a path of {length} bytes with {FILE}, but at most {LONGEST_PATH} are allowed; choose a shorter one");
            return Err(invalid(&place, problem));
        }
        // Created here, as SQLite would create it with the permissions that the umask leaves.
        let mut new = OpenOptions::new();
        match Access::OWN.open(new.write(true).create_new(true), &file) {
            Err(error) if !file.exists() => return Err(failed(&place, format!("cannot create the catalog: {error}"))),
            _ => {}
        }
        let why = match to_write(&file, keys, &place) {
            Ok(connection) => return Ok(Self { connection, reading: None }),
            Err(Problem::Other(error)) => return Err(error),
            Err(Problem::OfSqlite(error)) => error,
        };
        let code = why.sqlite_error_code();
        let Some(code) = code.filter(|code| is_in_the_way(*code)) else { return Err(problem(&place, &why)) };
        for _ in 0..ATTEMPTS {
            let seen = State::of(directory);
            let Some((connection, copy)) = to_read(directory, keys, &place)? else { return Err(problem(&place, &why)) };
            if State::of(directory) == seen {
                let reading = Reading { directory: directory.into(), seen, why: code, text: why.to_string(), _copy: copy };
                return Ok(Self { connection, reading: Some(reading) });
            }
        }
        Err(problem(&place, &why))
    }

    /// True when others have written since it was opened, so that what was read may mix two states.
    pub fn has_changed(&self) -> bool {
        self.reading.as_ref().is_some_and(|reading| State::of(&reading.directory) != reading.seen)
    }

    /// The error for attempts to write, when only reading is possible.
    pub fn cannot_write(&self, place: &str) -> Option<DataFusionError> {
        let Reading { why, text, .. } = self.reading.as_ref()?;
        let (what, why) = match why {
            ErrorCode::DiskFull | ErrorCode::SystemIoFailure => {
                ("can only be read and dropped from, because the disk is full or failing", Unwritable::Full)
            }
            _ => ("can only be read, because its folder or files are not writable", Unwritable::Denied),
        };
        Some(coded(why.state(), place, format!("{what} ({text}); {}", why.next_step())))
    }
}

/// Why a catalog could not be opened.
enum Problem {
    OfSqlite(rusqlite::Error),
    Other(DataFusionError),
}

/// True for errors due to missing write permission or disk space.
fn is_in_the_way(code: ErrorCode) -> bool {
    use ErrorCode::{CannotOpen, DiskFull, PermissionDenied, ReadOnly, SystemIoFailure};
    matches!(code, CannotOpen | DiskFull | PermissionDenied | ReadOnly | SystemIoFailure)
}

/// Opens the file for writing. Without the URI flag, so that special characters in the path have no meaning.
fn to_write(file: &Path, keys: &Keyring, place: &str) -> std::result::Result<Connection, Problem> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(Problem::OfSqlite)?;
    prepare(connection, keys, place)
}

/// Opens the existing file without writing to the directory; `None` when it has no tables yet.
fn to_read(directory: &Path, keys: &Keyring, place: &str) -> Result<Option<(Connection, Option<TemporaryFolder>)>> {
    let file = directory.join(FILE);
    if log(directory).metadata().is_ok_and(|log| log.len() > 0) {
        return copied(directory, keys, place).map(Some);
    }
    let absolute = file.canonicalize().map_err(|error| failed(place, error))?;
    let url =
        Url::from_file_path(&absolute).map_err(|()| failed(place, "the path of the database cannot be written as a URL"))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let fail = |error: rusqlite::Error| problem(place, &error);
    let connection = Connection::open_with_flags(format!("{url}?immutable=1"), flags).map_err(fail)?;
    let (version, tables) = version(&connection, place).map_err(|error| told(error, place))?;
    match (version, tables) {
        (0, 0) => Ok(None),
        (SCHEMA_VERSION, _) => {
            keys.unlock(&connection).map_err(fail)??;
            Ok(Some((connection, None)))
        }
        // An earlier version is migrated in a copy.
        _ => copied(directory, keys, place).map(Some),
    }
}

fn copied(directory: &Path, keys: &Keyring, place: &str) -> Result<(Connection, Option<TemporaryFolder>)> {
    let fail = |error: std::io::Error| {
        let problem = "can neither be written nor copied to the temporary folder to be read";
        failed(place, format!("{problem}: {error}; set TMPDIR to a folder with room"))
    };
    let folder = TemporaryFolder::of_system().map_err(fail)?;
    std::fs::copy(directory.join(FILE), folder.path().join(FILE)).map_err(fail)?;
    match std::fs::copy(log(directory), log(folder.path())) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fail(error)),
        _ => {}
    }
    for path in [folder.path().join(FILE), log(folder.path())].iter().filter(|path| path.exists()) {
        let mut rights = path.metadata().map_err(fail)?.permissions();
        #[cfg(unix)]
        std::os::unix::fs::PermissionsExt::set_mode(&mut rights, 0o600);
        #[cfg(not(unix))]
        rights.set_readonly(false);
        std::fs::set_permissions(path, rights).map_err(fail)?;
    }
    let connection = to_write(&folder.path().join(FILE), keys, place).map_err(|error| told(error, place))?;
    Ok((connection, Some(folder)))
}

fn told(error: Problem, place: &str) -> DataFusionError {
    match error {
        Problem::OfSqlite(error) => problem(place, &error),
        Problem::Other(error) => error,
    }
}

fn prepared(connection: Connection, keys: &Keyring, place: &str) -> Result<Connection> {
    prepare(connection, keys, place).map_err(|error| told(error, place))
}

/// The schema version of a catalog, and its number of tables.
fn version(connection: &Connection, place: &str) -> std::result::Result<(i64, i64), Problem> {
    // In one statement, as another process may be creating the tables right now.
    const STATE: &str =
        "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),
        (SELECT count(*) FROM sqlite_schema)";
    let state = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let (application, version, tables): (i64, i64, i64) = connection.query_row(STATE, [], state).map_err(Problem::OfSqlite)?;
    if application != APPLICATION_ID && (tables > 0 || application != 0) {
        let problem = format!("{FILE} is not a Portrait catalog; choose another directory");
        return Err(Problem::Other(invalid(place, problem)));
    }
    if version > SCHEMA_VERSION {
        let problem = format!(
            "was made by a newer Portrait (catalog version {version}, this program knows {SCHEMA_VERSION}); upgrade portrait"
        );
        return Err(Problem::Other(invalid(place, problem)));
    }
    Ok((version, tables))
}

/// Migrates the tables to this program's schema version.
fn prepare(mut connection: Connection, keys: &Keyring, place: &str) -> std::result::Result<Connection, Problem> {
    let fail = Problem::OfSqlite;
    connection.busy_timeout(Duration::from_secs(10)).map_err(fail)?;
    // Otherwise SQLite prepares a kept statement anew for each value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(fail)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let (version, _) = version(&connection, place)?;
    if version >= KEYS_SINCE {
        // Before anything is written, so that a wrong key changes nothing.
        keys.unlock(&connection).map_err(fail)?.map_err(Problem::Other)?;
    }
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON;
             PRAGMA temp_store = MEMORY;",
        )
        .map_err(fail)?;
    // What encrypts values waits until somebody opens it with the keys.
    let is_locked = version >= KEYS_SINCE && keys.is_locked(&connection).map_err(fail)?;
    let newest = if is_locked { erasure::SEALED_SINCE - 1 } else { SCHEMA_VERSION };
    if version < newest {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
        // Another process may have migrated it meanwhile.
        let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(fail)?;
        let made = match version {
            0 => transaction.execute_batch(SCHEMA).map(|()| SCHEMA_OF).map_err(fail)?,
            version => version,
        };
        let place = |version: i64| usize::try_from(version).unwrap_or(0);
        for migration in MIGRATIONS.iter().take(place(newest)).skip(place(made)) {
            transaction.execute_batch(migration).map_err(fail)?;
        }
        // A new database gets its key right away; an existing one reports an error if it should be encrypted but has no key.
        let has_key = if version == 0 { keys.begin(&transaction) } else { keys.unlock(&transaction) };
        has_key.map_err(fail)?.map_err(Problem::Other)?;
        if made < erasure::SEALED_SINCE && !is_locked {
            erasure::seal_receipts(&Link::new(&transaction, keys)).map_err(fail)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(fail)?;
        transaction.pragma_update(None, "user_version", newest).map_err(fail)?;
        transaction.commit().map_err(fail)?;
    }
    if connection.is_readonly("main").map_err(fail)? {
        // SQLite fell back to read-only by itself. Its locking works, but nothing can be written, which is handled like other read-only
        // cases.
        return Err(fail(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY), None)));
    }
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::encryption::{MasterKeys, key_line};

    /// What an empty catalog consists of, as a script: tables, indexes and views, the rows that are there from the start, triggers.
    fn script(connection: &Connection) -> String {
        let texts = |query: &str| -> Vec<String> {
            let mut query = connection.prepare(query).unwrap();
            query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        let made = |kinds: &str| -> String {
            let made = format!(
                "SELECT sql || ';\n' FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' AND type IN ({kinds}) ORDER BY rowid"
            );
            texts(&made).concat()
        };
        let mut rows = String::new();
        for table in texts("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid") {
            let columns = texts(&format!("SELECT 'quote(\"' || name || '\")' FROM pragma_table_info('{table}') ORDER BY cid"));
            for row in texts(&format!("SELECT {} FROM \"{table}\"", columns.join(" || ', ' || "))) {
                rows.push_str(&format!("INSERT INTO {table} VALUES ({row});\n"));
            }
        }
        [made("'table', 'index', 'view'"), rows, made("'trigger'")].concat()
    }

    #[test]
    fn a_new_catalog_is_what_the_migrations_make() {
        let (migrated, made) = (Connection::open_in_memory().unwrap(), Connection::open_in_memory().unwrap());
        for connection in [&migrated, &made] {
            connection.execute_batch("PRAGMA foreign_keys = ON").unwrap();
        }
        for migration in &MIGRATIONS[..usize::try_from(SCHEMA_OF).unwrap()] {
            migrated.execute_batch(migration).unwrap();
        }
        let expected = script(&migrated);
        assert!(expected == SCHEMA, "src/catalog/schema.sql should be:\n{expected}");
        made.execute_batch(SCHEMA).unwrap();
        assert_eq!(script(&made), expected);
    }

    /// What must be encrypted waits for the keys.
    #[test]
    fn without_keys_no_version_is_reached_that_encrypts() {
        let (folder, keys) = (tempfile::tempdir().unwrap(), key_line("a").unwrap());
        let masters = MasterKeys::given("PORTRAIT_KEY", keys.as_str());
        drop(Catalog::open_with(folder.path(), Unlock::Encrypting(masters.clone(), None)).unwrap());
        let connection = || Connection::open(folder.path().join(FILE)).unwrap();
        let stored = || -> (i64, String) {
            let stored = "SELECT user_version, reason FROM pragma_user_version, erasures";
            connection().query_row(stored, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
        };
        let of_earlier = "PRAGMA user_version = 21;
            INSERT INTO erasures (kind, object, subjects, role, reason, at) VALUES ('subject', 'profile member', 1, 'ann', 'asked', 0)";
        connection().execute_batch(of_earlier).unwrap();
        drop(Catalog::open_with(folder.path(), Unlock::Locked).unwrap());
        assert_eq!(stored(), (21, "asked".into()));
        let catalog = Catalog::open_with(folder.path(), Unlock::With(masters)).unwrap();
        assert_eq!(catalog.erasures().unwrap()[0].reason, "asked");
        assert!(stored().0 == SCHEMA_VERSION && stored().1 != "asked");
    }
}
