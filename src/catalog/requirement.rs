//! What a transaction has found while it compared foreign keys, and must still be so when it commits.

use rusqlite::{Connection, params};

use super::keys::Link;
use super::objects::{Object, REFERENCES, objects};
use super::snapshots::SnapshotOf;

/// What must be so for foreign keys to hold as they were found to.
#[derive(Debug, Clone)]
pub enum Requirement {
    /// The table still has these files.
    Keeps { table: String, files: Vec<String> },
    /// The table has no files but these.
    Only { table: String, files: Vec<String> },
    /// These tables refer to others, by their names and versions, and no more.
    Referring { table: String, tables: Vec<(String, i64)> },
}

impl Requirement {
    /// The table that others have changed if it is not so.
    pub(super) fn table(&self) -> &str {
        let (Self::Keeps { table, .. } | Self::Only { table, .. } | Self::Referring { table, .. }) = self;
        table
    }

    /// Whether it is so.
    pub(super) fn holds(&self, connection: &Link<'_>) -> rusqlite::Result<bool> {
        match self {
            Self::Keeps { table, files } => {
                let now = files_of_newest(connection, table)?;
                Ok(files.iter().all(|file| now.contains(file)))
            }
            Self::Only { table, files } => Ok(files_of_newest(connection, table)?.iter().all(|file| files.contains(file))),
            Self::Referring { tables, .. } => Ok(referring(&objects(connection)?) == *tables),
        }
    }
}

/// The tables that refer to others, by their names and versions.
pub fn referring(objects: &[Object]) -> Vec<(String, i64)> {
    let refers = |object: &&Object| object.kind == "table" && object.sql.contains(REFERENCES);
    objects.iter().filter(refers).map(|object| (object.name.clone(), object.version)).collect()
}

fn files_of_newest(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut query = connection.prepare_cached(
        "SELECT f.name FROM snapshot_files s JOIN files f ON f.id = s.file
         WHERE s.snapshot = (SELECT max(id) FROM snapshots WHERE kind = ?1 AND name = ?2)",
    )?;
    query.query_map(params![SnapshotOf::Table.word(), table], |row| row.get(0))?.collect()
}
