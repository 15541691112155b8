//! The limits of roles: how long a statement may take, how much memory it may use, and how many run at the same time.

use datafusion::common::Result;
use rusqlite::{Connection, Row, params};

use super::Catalog;
use crate::error::{SqlState, coded};

/// The part of the catalog schema for limits.
pub const MIGRATION: &str = "
    -- What the connections of a role may use at most, by the name of the setting.
    CREATE TABLE role_limits (
        role  TEXT NOT NULL,
        name  TEXT NOT NULL,
        value INTEGER NOT NULL,
        PRIMARY KEY (role, name)
    ) STRICT;
    ";

/// The most time of a statement, in milliseconds.
pub const TIMEOUT: &str = "statement_timeout";
/// The largest percentage of the memory limit that one statement may use.
pub const MEMORY_SHARE: &str = "portrait.memory_share";
/// The most statements of the role that run at the same time.
pub const QUERIES: &str = "portrait.max_queries";

/// One limit of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    pub role: String,
    /// [`TIMEOUT`], [`MEMORY_SHARE`] or [`QUERIES`].
    pub name: String,
    pub value: i64,
}

impl Limit {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { role: row.get(0)?, name: row.get(1)?, value: row.get(2)? })
    }
}

/// All limits of one role; `None` where it has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoleLimits {
    /// In milliseconds.
    pub timeout: Option<u64>,
    /// In percent.
    pub memory_share: Option<u64>,
    pub queries: Option<usize>,
}

impl RoleLimits {
    /// The limits of a role among those of all.
    pub fn of(role: &str, limits: &[Limit]) -> Self {
        let value = |name: &str| limits.iter().find(|limit| limit.role == role && limit.name == name).map(|limit| limit.value);
        let positive = |name: &str| value(name).and_then(|value| u64::try_from(value).ok());
        Self {
            timeout: positive(TIMEOUT),
            memory_share: positive(MEMORY_SHARE),
            queries: positive(QUERIES).and_then(|queries| usize::try_from(queries).ok()),
        }
    }
}

/// Moves the limits of a renamed role.
pub fn rename(connection: &Connection, old: &str, new: &str) -> rusqlite::Result<()> {
    connection.execute("UPDATE role_limits SET role = ?2 WHERE role = ?1", params![old, new])?;
    Ok(())
}

/// Deletes the limits of a dropped role.
pub fn drop(connection: &Connection, role: &str) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM role_limits WHERE role = ?1", params![role])?;
    Ok(())
}

impl Catalog {
    /// Sets a limit of a role; `None` removes it.
    ///
    /// # Errors
    /// The catalog cannot be written, or the statement is part of a transaction.
    pub fn put_limit(&self, role: &str, name: &str, value: Option<i64>) -> Result<()> {
        if !std::ptr::eq(self.ground(), self) {
            let problem = "cannot be changed in a transaction, because connections read it outside of one; COMMIT first";
            return Err(coded(SqlState::ACTIVE_SQL_TRANSACTION, name, problem));
        }
        self.write(|connection| match value {
            Some(value) => {
                let put = "INSERT INTO role_limits (role, name, value) VALUES (?1, ?2, ?3)
                     ON CONFLICT (role, name) DO UPDATE SET value = ?3";
                connection.execute(put, params![role, name, value]).map(|_| ())
            }
            None => connection.execute("DELETE FROM role_limits WHERE role = ?1 AND name = ?2", params![role, name]).map(|_| ()),
        })
    }

    /// Every limit, by role and name.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn limits(&self) -> Result<Vec<Limit>> {
        let query = "SELECT role, name, value FROM role_limits ORDER BY role, name";
        self.ground().read(|connection| connection.prepare_cached(query)?.query_map([], Limit::of)?.collect())
    }
}
