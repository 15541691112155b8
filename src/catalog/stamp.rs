//! Which state the catalog is in.

use rusqlite::Connection;

/// Tells states of the catalog apart: it changes whenever a definition does or anything is published, in this process or another.
/// Numbers are never used again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stamp {
    /// How often definitions have changed.
    pub definitions: i64,
    /// The newest snapshot there ever was.
    pub snapshot: i64,
    /// How often rows were taken out of states that are kept.
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
