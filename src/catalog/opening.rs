//! How a catalog is opened: to write, and where that cannot be, to read.
//!
//! SQLite needs room and rights also to read, as it keeps an index of its log beside the file. Who may not write to the folder, a file
//! system that is mounted for reading, and a full disk give it neither. Then the file is read as it stands, which holds everything when
//! there is no log; when there is one, or the file is of an earlier version, a copy in the temporary folder is read. Others may be writing
//! meanwhile: what was read counts only when file and log are the same afterwards, else it is read anew.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::Duration;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use url::Url;

use super::access::Access;
use super::data::Identity;
use super::keys::{Keyring, Unlock};
use super::{APPLICATION_ID, FILE, KEYS_SINCE, MIGRATIONS, SCHEMA_VERSION, problem};
use crate::error::{SqlState, coded, failed, invalid};
use crate::temporary::TemporaryFolder;

/// Bytes of a path that SQLite takes, with room for the end of the names of the files beside it.
const LONGEST_PATH: usize = 500;
/// How often a file is read that others are writing to.
const ATTEMPTS: usize = 20;

/// An open catalog.
#[derive(Debug)]
pub struct Opened {
    pub connection: Connection,
    /// What stands in the way of writing.
    reading: Option<Reading>,
}

/// A catalog that is read without SQLite's own care for what others write.
#[derive(Debug)]
struct Reading {
    directory: PathBuf,
    seen: State,
    why: ErrorCode,
    text: String,
    /// Holds the copy that is read.
    _copy: Option<TemporaryFolder>,
}

/// The file of the catalog and its log, as far as the file system tells them from others.
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

    /// Opens the catalog of a directory that is there, or makes it.
    pub fn open(directory: &Path, keys: &Keyring) -> Result<Self> {
        let (place, file) = (directory.display().to_string(), directory.join(FILE));
        if file.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
            return Err(invalid(&place, format!("{FILE} is a link; a database stands in one folder: move or link all of it")));
        }
        let length = file.as_os_str().len();
        if length > LONGEST_PATH {
            let problem =
                format!("has a path of {length} bytes with {FILE}, but at most {LONGEST_PATH} are allowed; choose a shorter one");
            return Err(invalid(&place, problem));
        }
        // SQLite would make it with the rights that the umask leaves.
        let mut new = OpenOptions::new();
        match Access::OWN.open(new.write(true).create_new(true), &file) {
            Err(error) if !file.exists() => return Err(failed(&place, format!("cannot make the catalog: {error}"))),
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

    /// True when what was read may be of two states: others have written meanwhile.
    pub fn has_changed(&self) -> bool {
        self.reading.as_ref().is_some_and(|reading| State::of(&reading.directory) != reading.seen)
    }

    /// The error of who wants to write, when only reading is possible.
    pub fn cannot_write(&self, place: &str) -> Option<DataFusionError> {
        let Reading { why, text, .. } = self.reading.as_ref()?;
        let (state, what) = match why {
            ErrorCode::DiskFull | ErrorCode::SystemIoFailure => {
                (SqlState::DISK_FULL, "can only be read and dropped from, because the disk is full or failing")
            }
            _ => (SqlState::INSUFFICIENT_PRIVILEGE, "can only be read, because its folder or files are not writable"),
        };
        Some(coded(state, place, format!("{what} ({text})")))
    }
}

/// What keeps a catalog from being opened.
enum Problem {
    OfSqlite(rusqlite::Error),
    Other(DataFusionError),
}

/// True for errors of who may not write, or has no room.
fn is_in_the_way(code: ErrorCode) -> bool {
    use ErrorCode::{CannotOpen, DiskFull, PermissionDenied, ReadOnly, SystemIoFailure};
    matches!(code, CannotOpen | DiskFull | PermissionDenied | ReadOnly | SystemIoFailure)
}

/// Names in the path mean nothing but themselves: without the flag for URIs.
fn to_write(file: &Path, keys: &Keyring, place: &str) -> std::result::Result<Connection, Problem> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(Problem::OfSqlite)?;
    prepare(connection, keys, place)
}

/// Opens what stands there without writing to the directory; `None` when nothing stands there.
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
        // It becomes one of this version, as a copy.
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

/// The version of a catalog, and how many tables it has.
fn version(connection: &Connection, place: &str) -> std::result::Result<(i64, i64), Problem> {
    // In one statement: another process may be making the tables right now.
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

/// Brings the tables to this program's version.
fn prepare(mut connection: Connection, keys: &Keyring, place: &str) -> std::result::Result<Connection, Problem> {
    let fail = Problem::OfSqlite;
    connection.busy_timeout(Duration::from_secs(10)).map_err(fail)?;
    let (version, _) = version(&connection, place)?;
    if version >= KEYS_SINCE {
        // Before anything is written.
        keys.unlock(&connection).map_err(fail)?.map_err(Problem::Other)?;
    }
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON;
             PRAGMA temp_store = MEMORY;",
        )
        .map_err(fail)?;
    if version < SCHEMA_VERSION {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
        // Another process may have been quicker.
        let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(fail)?;
        for migration in MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or(0)) {
            transaction.execute_batch(migration).map_err(fail)?;
        }
        // A database that is made has its key from the beginning; of one that was there already it is said that it has none.
        let has_key = if version == 0 { keys.begin(&transaction) } else { keys.unlock(&transaction) };
        has_key.map_err(fail)?.map_err(Problem::Other)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(fail)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION).map_err(fail)?;
        transaction.commit().map_err(fail)?;
    }
    if connection.is_readonly("main").map_err(fail)? {
        // SQLite has opened it so of itself, which others that write are kept apart from; but nothing can be written.
        return Err(fail(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY), None)));
    }
    Ok(connection)
}
