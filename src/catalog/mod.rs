//! What a database remembers: one SQLite file in its directory, or in memory.
//!
//! The catalog holds definitions as the SQL that made them. SQLite keeps several processes apart: any number read, one writes,
//! and a commit is on disk when it returns. The schema of the file has a version; a file of a newer one is refused.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, params};

use crate::error::{failed, invalid};

/// Version of the catalog's tables that this program reads and writes.
const SCHEMA_VERSION: i64 = 1;
/// "PTRT": tells the file from any other SQLite file.
const APPLICATION_ID: i64 = 0x5054_5254;
const FILE: &str = "catalog.sqlite";

/// What each version adds to the one before.
const MIGRATIONS: [&str; SCHEMA_VERSION as usize] = ["
    CREATE TABLE definitions (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        name       TEXT NOT NULL UNIQUE,
        kind       TEXT NOT NULL,
        sql        TEXT NOT NULL,
        base       TEXT NOT NULL,
        created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    ) STRICT;
"];

/// An external table or view as it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) name: String,
    /// `external table` or `view`.
    pub(crate) kind: String,
    /// The statement that made it.
    pub(crate) sql: String,
    /// The directory that relative paths in it start from.
    pub(crate) base: String,
}

/// The catalog of one database.
#[derive(Debug)]
pub(crate) struct Catalog {
    connection: Mutex<Connection>,
    place: String,
}

impl Catalog {
    /// A catalog that is gone with the process.
    pub(crate) fn in_memory() -> Result<Self> {
        let connection = Connection::open_in_memory().map_err(|error| failed("catalog", error))?;
        Self::prepare(connection, "in memory".into())
    }

    /// Opens the database directory, or makes it.
    pub(crate) fn open(directory: &Path) -> Result<Self> {
        let place = directory.display().to_string();
        if directory.is_file() {
            return Err(invalid(&place, "is a file; a database is a directory"));
        }
        std::fs::create_dir_all(directory)
            .map_err(|error| failed(&place, format!("cannot make the database directory: {error}")))?;
        let file: PathBuf = directory.join(FILE);
        let connection = Connection::open(&file).map_err(|error| failed(&place, error))?;
        Self::prepare(connection, place)
    }

    fn prepare(mut connection: Connection, place: String) -> Result<Self> {
        let fail = |error: rusqlite::Error| problem(&place, &error);
        connection.busy_timeout(Duration::from_secs(10)).map_err(fail)?;
        // In one statement: another process may be making the tables right now.
        const STATE: &str =
            "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),
            (SELECT count(*) FROM sqlite_schema)";
        let state = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let (application, version, tables): (i64, i64, i64) = connection.query_row(STATE, [], state).map_err(fail)?;
        if application != APPLICATION_ID && (tables > 0 || application != 0) {
            return Err(invalid(&place, format!("{FILE} is not a Portrait catalog; choose another directory")));
        }
        if version > SCHEMA_VERSION {
            let problem = format!(
                "was made by a newer Portrait (catalog version {version}, this program knows {SCHEMA_VERSION}); upgrade portrait"
            );
            return Err(invalid(&place, problem));
        }
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON;",
            )
            .map_err(fail)?;
        if version < SCHEMA_VERSION {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
            // Another process may have been quicker.
            let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(fail)?;
            for migration in MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or(0)) {
                transaction.execute_batch(migration).map_err(fail)?;
            }
            transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(fail)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION).map_err(fail)?;
            transaction.commit().map_err(fail)?;
        }
        Ok(Self { connection: Mutex::new(connection), place })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic elsewhere leaves no half-made transaction: SQLite rolls it back.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, error: &rusqlite::Error) -> DataFusionError {
        problem(&self.place, error)
    }

    /// Names and kinds of all definitions, by name.
    pub(crate) fn names(&self) -> Result<Vec<(String, String)>> {
        let connection = self.connection();
        let mut query =
            connection.prepare_cached("SELECT name, kind FROM definitions ORDER BY name").map_err(|error| self.fail(&error))?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(|error| self.fail(&error))?;
        rows.collect::<rusqlite::Result<_>>().map_err(|error| self.fail(&error))
    }

    /// The definition of that name.
    pub(crate) fn get(&self, name: &str) -> Result<Option<Definition>> {
        let connection = self.connection();
        let mut query = connection
            .prepare_cached("SELECT name, kind, sql, base FROM definitions WHERE name = ?1")
            .map_err(|error| self.fail(&error))?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Definition { name: row.get(0)?, kind: row.get(1)?, sql: row.get(2)?, base: row.get(3)? })
        };
        query.query_row([name], read).optional().map_err(|error| self.fail(&error))
    }

    /// Changes whenever any definition does, in this process or another: numbers of definitions are never used again.
    pub(crate) fn stamp(&self) -> Result<(i64, i64)> {
        let connection = self.connection();
        let mut query = connection
            .prepare_cached("SELECT coalesce(max(id), 0), count(*) FROM definitions")
            .map_err(|error| self.fail(&error))?;
        query.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(|error| self.fail(&error))
    }

    /// Remembers a definition; `replace` takes the place of an older one.
    pub(crate) fn put(&self, name: &str, kind: &str, sql: &str, base: &str, replace: bool) -> Result<()> {
        let mut connection = self.connection();
        let mut write = || -> rusqlite::Result<()> {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if replace {
                transaction.execute("DELETE FROM definitions WHERE name = ?1", [name])?;
            }
            transaction.execute(
                "INSERT INTO definitions (name, kind, sql, base) VALUES (?1, ?2, ?3, ?4)",
                params![name, kind, sql, base],
            )?;
            transaction.commit()
        };
        write().map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => invalid(name, "exists already; write CREATE OR REPLACE, or DROP it first"),
            _ => self.fail(&error),
        })
    }

    /// Forgets a definition; true when there was one.
    pub(crate) fn remove(&self, name: &str) -> Result<bool> {
        let connection = self.connection();
        let removed = connection.execute("DELETE FROM definitions WHERE name = ?1", [name]).map_err(|error| self.fail(&error))?;
        Ok(removed > 0)
    }
}

fn problem(place: &str, error: &rusqlite::Error) -> DataFusionError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            failed(place, "another process has been writing to this database for ten seconds; try again")
        }
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            failed(place, format!("{FILE} is damaged ({error}); restore it from a backup or choose another directory"))
        }
        _ => failed(place, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_across_openings_and_processes() {
        let directory = tempfile::tempdir().unwrap();
        let first = Catalog::open(directory.path()).unwrap();
        let second = Catalog::open(directory.path()).unwrap();
        first.put("订单", "view", "CREATE VIEW 订单 AS SELECT 1", "/", false).unwrap();
        assert_eq!(second.get("订单").unwrap().unwrap().sql, "CREATE VIEW 订单 AS SELECT 1");
        let error = second.put("订单", "view", "CREATE VIEW 订单 AS SELECT 2", "/", false).unwrap_err();
        assert!(error.to_string().contains("exists already"), "{error}");
        second.put("订单", "view", "CREATE VIEW 订单 AS SELECT 2", "/", true).unwrap();
        assert_eq!(first.get("订单").unwrap().unwrap().sql, "CREATE VIEW 订单 AS SELECT 2");
        assert!(first.stamp().unwrap().0 > 1);
        assert!(first.remove("订单").unwrap() && !second.remove("订单").unwrap());
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
