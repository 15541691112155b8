//! The classes of what is stored: which personal data earlier states of tables and profiles hold, whatever is said of their columns now.
//!
//! ALTER … SET CLASS says what the newest state of a table holds. Earlier states keep what was said before: triggers write it down, so that
//! no way of changing classes can be forgotten. The classes of a profile follow from its definition, which may change before the next
//! refresh; so they are written down with every state that is published, and when a class is set that a stored column comes from.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::Result;
use rusqlite::{Connection, params};

use super::Catalog;

/// The class of stored values with an unknown origin.
pub const UNKNOWN: &str = "unknown";
/// No class, which are single words: says that a column was renamed or dropped.
pub const MOVED: &str = "moved column";

/// The part of the catalog schema for the classes of what is stored.
pub const MIGRATION: &str = "
    -- In the states of an object up to a snapshot, a column of this name may hold values of this class. The empty class says that the
    -- classes of the column are known, even if there is none.
    CREATE TABLE stored_classes (
        object   INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
        \"column\" TEXT NOT NULL,
        class    TEXT NOT NULL,
        until    INTEGER NOT NULL,
        PRIMARY KEY (object, \"column\", class)
    ) STRICT;
    CREATE VIEW newest_snapshots AS
        SELECT o.id AS object, max(s.id) AS snapshot FROM objects o JOIN snapshots s ON s.kind = o.kind AND s.name = o.name GROUP BY o.id;
    -- What is said of a column holds from the newest state on. The ones before keep what was said of them.
    CREATE TRIGGER class_said AFTER INSERT ON column_classes BEGIN
        UPDATE stored_classes SET until = min(until, n.snapshot - 1) FROM newest_snapshots n
            WHERE n.object = new.object AND stored_classes.object = new.object AND \"column\" = new.\"column\";
    END;
    CREATE TRIGGER class_said_anew AFTER UPDATE ON column_classes BEGIN
        UPDATE stored_classes SET until = min(until, n.snapshot - 1) FROM newest_snapshots n
            WHERE n.object = new.object AND stored_classes.object = new.object AND \"column\" = new.\"column\";
        INSERT INTO stored_classes (object, \"column\", class, until)
            SELECT n.object, old.\"column\", old.class, n.snapshot - 1 FROM newest_snapshots n
            WHERE n.object = old.object AND old.class <> 'none'
            ON CONFLICT DO UPDATE SET until = max(until, excluded.until);
    END;
    CREATE TRIGGER class_unsaid AFTER DELETE ON column_classes BEGIN
        INSERT INTO stored_classes (object, \"column\", class, until)
            SELECT n.object, old.\"column\", old.class, n.snapshot - 1 FROM newest_snapshots n
            WHERE n.object = old.object AND old.class <> 'none'
            ON CONFLICT DO UPDATE SET until = max(until, excluded.until);
    END;
    -- What was stored under another definition than the newest: nobody knows what it was computed from.
    INSERT INTO stored_classes (object, \"column\", class, until)
        SELECT p.id, c.name, 'unknown', max(CASE WHEN c.version IS coalesce(t.version, a.version) THEN 0 ELSE c.snapshot END)
        FROM snapshot_columns c
        JOIN snapshots s ON s.id = c.snapshot AND s.kind = 'profile'
        JOIN objects p ON p.kind = 'profile' AND p.name = s.name
        LEFT JOIN objects t ON c.role IN ('tag', 'tags') AND t.kind = 'tag' AND t.profile = p.name AND t.name = c.name
        LEFT JOIN objects a ON c.role = 'attribute' AND a.id = p.id
        WHERE c.version > 0 AND c.role <> 'segment' AND coalesce(t.version, a.version, 0) <> 1
        GROUP BY p.id, c.name;
    -- The history of a profile may have tags that nobody knows of any more: a column without a name.
    INSERT INTO stored_classes (object, \"column\", class, until)
        SELECT object, '', 'unknown', 0 FROM newest_snapshots n JOIN objects o ON o.id = n.object AND o.kind = 'profile';
    ";

/// The classes of columns, by column name.
pub type ColumnClasses = BTreeMap<String, BTreeSet<String>>;

/// A class that the values of a column may have, in the states up to a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredClass {
    pub column: String,
    /// Empty where it is only known that the column was looked at.
    pub class: String,
    /// The id of the last such snapshot.
    pub until: i64,
}

/// Writes down the classes of columns in the states up to a snapshot.
pub fn remember(connection: &Connection, object: i64, classes: &ColumnClasses, until: i64) -> rusqlite::Result<()> {
    let mut add = connection.prepare_cached(
        "INSERT INTO stored_classes (object, \"column\", class, until) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET until = max(until, excluded.until)",
    )?;
    for (column, classes) in classes {
        for class in classes.iter().map(String::as_str).chain([""]) {
            add.execute(params![object, column, class, until])?;
        }
    }
    Ok(())
}

/// The same for all states that are stored.
pub fn remember_all(connection: &Connection, object: i64, classes: &ColumnClasses) -> rusqlite::Result<()> {
    const NEWEST: &str = "SELECT snapshot FROM newest_snapshots WHERE object = ?1";
    let mut newest = connection.prepare_cached(NEWEST)?;
    let mut rows = newest.query([object])?;
    rows.next()?.map_or(Ok(()), |row| remember(connection, object, classes, row.get(0)?))
}

/// Notes that earlier states have a column which is moved. What is said of it later, under another name, is not said of them.
pub fn forget(connection: &Connection, object: i64, column: &str) -> rusqlite::Result<()> {
    const FORGET: &str = "INSERT INTO stored_classes (object, \"column\", class, until)
        SELECT object, ?2, ?3, snapshot - 1 FROM newest_snapshots
        WHERE object = ?1 AND NOT EXISTS (SELECT 1 FROM column_classes WHERE object = ?1 AND \"column\" = ?2 AND class <> 'none')
        ON CONFLICT DO UPDATE SET until = max(until, excluded.until)";
    connection.execute(FORGET, params![object, column, UNKNOWN])?;
    // Row policies name columns too, with a class or without one.
    const MOVE: &str = "INSERT INTO stored_classes (object, \"column\", class, until)
        SELECT object, ?2, ?3, snapshot - 1 FROM newest_snapshots WHERE object = ?1
        ON CONFLICT DO UPDATE SET until = max(until, excluded.until)";
    connection.execute(MOVE, params![object, column, MOVED]).map(|_| ())
}

impl Catalog {
    /// The classes that the stored states of an object have, beside those that its columns have now.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn stored_classes(&self, object: i64) -> Result<Vec<StoredClass>> {
        self.read(|connection| {
            let mut query = connection.prepare_cached("SELECT \"column\", class, until FROM stored_classes WHERE object = ?1")?;
            let row = |row: &rusqlite::Row<'_>| Ok(StoredClass { column: row.get(0)?, class: row.get(1)?, until: row.get(2)? });
            query.query_map([object], row)?.collect()
        })
    }
}
