//! Identifies a state of the catalog.

use rusqlite::Connection;

/// Identifies a state of the catalog: it changes whenever a definition changes or anything is published, in any process. Numbers are never
/// reused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stamp {
    /// The number of changes of definitions.
    pub definitions: i64,
    /// The greatest snapshot id ever assigned.
    pub snapshot: i64,
    /// The number of erasures.
    pub erasures: i64,
}

/// The state of the catalog that a connection sees.
pub fn stamp(connection: &Connection) -> rusqlite::Result<Stamp> {
    const STAMP: &str = "SELECT (SELECT definitions FROM changes),
         (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'snapshots'),
         (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'erasures')";
    let mut query = connection.prepare_cached(STAMP)?;
    query.query_row([], |row| Ok(Stamp { definitions: row.get(0)?, snapshot: row.get(1)?, erasures: row.get(2)? }))
}
