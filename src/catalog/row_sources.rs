//! Where the rows of a table come from: the objects whose rows statements have put into it.
//!
//! The query of CREATE TABLE … AS stands in the definition, until ALTER TABLE makes another one. What INSERT, UPDATE and MERGE have added
//! stands nowhere else. An erasure names the tables into which rows of a person may have been copied this way.

use std::collections::BTreeSet;

use datafusion::common::Result;
use rusqlite::{Connection, params};

use super::Catalog;
use super::objects::Object;
use super::transaction::Change;

/// The part of the catalog schema for the sources of rows.
pub const MIGRATION: &str = "
    -- The objects whose rows statements have put into a table, also through other tables, which may be gone.
    CREATE TABLE row_sources (
        object INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
        source INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
        PRIMARY KEY (object, source)
    ) STRICT;
    ";

/// The numbers of a table and of an object that rows of it come from.
pub type RowSource = (i64, i64);

/// Adds sources of a table, with the sources of those.
pub fn add(connection: &Connection, object: i64, sources: &[i64]) -> rusqlite::Result<()> {
    let mut add = connection.prepare_cached(
        "INSERT OR IGNORE INTO row_sources (object, source) SELECT ?1, id FROM objects WHERE id = ?2 AND id <> ?1",
    )?;
    let mut beyond = connection.prepare_cached(
        "INSERT OR IGNORE INTO row_sources (object, source) SELECT ?1, source FROM row_sources WHERE object = ?2 AND source <> ?1",
    )?;
    for source in sources {
        add.execute(params![object, source])?;
        beyond.execute(params![object, source])?;
    }
    Ok(())
}

impl Catalog {
    /// The sources of the rows of all tables.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn row_sources(&self) -> Result<BTreeSet<RowSource>> {
        self.read(|connection| {
            let mut query = connection.prepare_cached("SELECT object, source FROM row_sources")?;
            query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
    }

    /// Adds sources of the rows of a table, with the sources of those.
    ///
    /// # Errors
    /// The catalog cannot be read or written.
    pub fn put_row_sources(&self, table: &Object, sources: &[Object]) -> Result<()> {
        if sources.is_empty() {
            return Ok(());
        }
        let known = self.row_sources()?;
        let is_direct = |id: &i64| sources.iter().any(|source| source.id == *id);
        let beyond = known.iter().filter(|(object, _)| is_direct(object)).map(|(_, source)| *source);
        let all: BTreeSet<i64> = sources.iter().map(|source| source.id).chain(beyond).collect();
        if all.iter().all(|source| *source == table.id || known.contains(&(table.id, *source))) {
            return Ok(());
        }
        let direct: Vec<i64> = sources.iter().map(|source| source.id).collect();
        self.write(|connection| add(connection, table.id, &direct))?;
        self.keep_change(|| Change::Sources(table.clone(), sources.to_vec()));
        Ok(())
    }
}
