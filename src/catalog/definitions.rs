//! Tables and views as the SQL that made them.

use datafusion::common::Result;
use rusqlite::{ErrorCode, OptionalExtension, TransactionBehavior, params};

use super::Catalog;
use super::statement::{self, Stamp};
use crate::error::invalid;

/// An external table, a managed table or a view as it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    pub name: String,
    /// `external table`, `table` or `view`.
    pub kind: String,
    /// The statement that made it.
    pub sql: String,
    /// The directory that relative paths in it start from.
    pub base: String,
}

/// The kind of a managed table.
pub const TABLE: &str = "table";

impl Catalog {
    /// Names and kinds of all definitions, by name.
    pub fn names(&self) -> Result<Vec<(String, String)>> {
        let connection = self.connection();
        let mut query =
            connection.prepare_cached("SELECT name, kind FROM definitions ORDER BY name").map_err(|error| self.fail(&error))?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(|error| self.fail(&error))?;
        rows.collect::<rusqlite::Result<_>>().map_err(|error| self.fail(&error))
    }

    /// The definition of that name.
    pub fn get(&self, name: &str) -> Result<Option<Definition>> {
        let connection = self.connection();
        let mut query = connection
            .prepare_cached("SELECT name, kind, sql, base FROM definitions WHERE name = ?1")
            .map_err(|error| self.fail(&error))?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Definition { name: row.get(0)?, kind: row.get(1)?, sql: row.get(2)?, base: row.get(3)? })
        };
        query.query_row([name], read).optional().map_err(|error| self.fail(&error))
    }

    /// The state of the catalog now.
    pub fn newest_stamp(&self) -> Result<Stamp> {
        self.read(statement::stamp)
    }

    /// Remembers a definition; `replace` takes the place of an older one, but never that of a table with rows of its own.
    pub fn put(&self, name: &str, kind: &str, sql: &str, base: &str, replace: bool) -> Result<()> {
        let mut connection = self.connection();
        let mut write = || -> rusqlite::Result<()> {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if replace {
                transaction.execute("DELETE FROM definitions WHERE name = ?1 AND kind <> ?2", [name, TABLE])?;
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
    pub fn remove(&self, name: &str) -> Result<bool> {
        let connection = self.connection();
        let removed = connection.execute("DELETE FROM definitions WHERE name = ?1", [name]).map_err(|error| self.fail(&error))?;
        Ok(removed > 0)
    }
}
