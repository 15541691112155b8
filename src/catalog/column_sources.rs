//! Where the values of a column come from: the columns that INSERT … SELECT has copied into it as they are.
//!
//! An erasure finds a person by them in tables whose own columns have other names. What a query computes is not recorded here, but as one of the
//! sources of the table's rows ([`row_sources`](super::row_sources)).

use std::collections::BTreeSet;

use datafusion::common::Result;
use rusqlite::{Connection, params};

use super::Catalog;
use super::objects::Object;
use super::transaction::Change;

/// The part of the catalog schema for the sources of columns.
pub const MIGRATION: &str = "
    -- The columns whose values statements have copied into a column of a table.
    CREATE TABLE column_sources (
        object        INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
        \"column\"      TEXT NOT NULL,
        source        INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
        source_column TEXT NOT NULL,
        PRIMARY KEY (object, \"column\", source, source_column)
    ) STRICT;
    ";

/// A column of a table, by the number of the table, and one that values of it come from.
pub type ColumnSource = ((i64, String), (i64, String));

/// A column of a table, and a column of an object that values of it come from.
pub type Copied = (String, Object, String);

/// Adds a source of a column.
pub fn add(connection: &Connection, column: (i64, &str), source: (i64, &str)) -> rusqlite::Result<()> {
    let mut add = connection.prepare_cached(
        "INSERT OR IGNORE INTO column_sources (object, \"column\", source, source_column) SELECT ?1, ?2, id, ?4 FROM objects WHERE id = ?3",
    )?;
    add.execute(params![column.0, column.1, source.0, source.1])?;
    Ok(())
}

/// The column of a table has another name now.
pub fn rename(connection: &Connection, object: i64, column: &str, new: &str) -> rusqlite::Result<()> {
    for (of, name) in [("object", "\"column\""), ("source", "source_column")] {
        let rename = format!("UPDATE OR REPLACE column_sources SET {name} = ?3 WHERE {of} = ?1 AND {name} = ?2");
        connection.execute(&rename, params![object, column, new])?;
    }
    Ok(())
}

impl Catalog {
    /// The sources of the columns of all tables.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn column_sources(&self) -> Result<BTreeSet<ColumnSource>> {
        self.read(|connection| {
            let mut query = connection.prepare_cached("SELECT object, \"column\", source, source_column FROM column_sources")?;
            query.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?))))?.collect()
        })
    }

    /// Adds sources of the columns of a table.
    ///
    /// # Errors
    /// The catalog cannot be read or written.
    pub fn put_column_sources(&self, table: &Object, copied: &[Copied]) -> Result<()> {
        if copied.is_empty() {
            return Ok(());
        }
        let known = self.column_sources()?;
        let is_known = |(column, source, from): &Copied| known.contains(&((table.id, column.clone()), (source.id, from.clone())));
        if copied.iter().all(is_known) {
            return Ok(());
        }
        self.write(|connection| {
            copied.iter().try_for_each(|(column, source, from)| add(connection, (table.id, column), (source.id, from)))
        })?;
        self.keep_change(|| Change::ColumnSources(table.clone(), copied.to_vec()));
        Ok(())
    }
}
