//! The classes of columns with personal data.

use std::collections::BTreeMap;

use datafusion::common::Result;
use rusqlite::{Connection, params};

use super::Catalog;
use super::objects::Object;
use super::stamp::Stamp;
use super::stored_classes::{self, ColumnClasses};
use super::transaction::Change;

/// The part of the catalog schema for column classes.
pub const MIGRATION: &str = "
    -- The class of a column of a table, view or profile, as ALTER … SET CLASS says.
    CREATE TABLE column_classes (
        object   INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
        \"column\" TEXT NOT NULL,
        class    TEXT NOT NULL,
        PRIMARY KEY (object, \"column\")
    ) STRICT;
    CREATE TRIGGER class_added AFTER INSERT ON column_classes BEGIN UPDATE changes SET definitions = definitions + 1; END;
    CREATE TRIGGER class_changed AFTER UPDATE ON column_classes BEGIN UPDATE changes SET definitions = definitions + 1; END;
    CREATE TRIGGER class_dropped AFTER DELETE ON column_classes BEGIN UPDATE changes SET definitions = definitions + 1; END;
    ";

/// Reads the classes of all columns into their objects.
pub fn read(connection: &Connection, objects: &mut [Object]) -> rusqlite::Result<()> {
    let mut classes = connection.prepare_cached("SELECT object, \"column\", class FROM column_classes")?;
    let mut rows = classes.query([])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        if let Some(object) = objects.iter_mut().find(|object| object.id == id) {
            object.classes.insert(row.get(1)?, row.get(2)?);
        }
    }
    Ok(())
}

/// Adds classes of columns, or replaces existing ones.
pub fn add(connection: &Connection, object: i64, classes: &BTreeMap<String, String>) -> rusqlite::Result<()> {
    for (column, class) in classes {
        connection.execute(
            "INSERT INTO column_classes (object, \"column\", class) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET class = excluded.class",
            params![object, column, class],
        )?;
    }
    Ok(())
}

/// Sets the class of a column; `None` removes it.
pub fn set(connection: &Connection, object: i64, column: &str, class: Option<&str>) -> rusqlite::Result<()> {
    match class {
        Some(class) => add(connection, object, &BTreeMap::from([(column.to_string(), class.to_string())])),
        None => {
            let forget = "DELETE FROM column_classes WHERE object = ?1 AND \"column\" = ?2";
            connection.execute(forget, params![object, column]).map(|_| ())
        }
    }
}

impl Catalog {
    /// Sets the class of a column; `None` removes it. `stored` are the classes that the stored states of profiles have then.
    ///
    /// # Errors
    /// As [`Self::put_object`].
    pub fn put_class(
        &self,
        object: &Object,
        column: &str,
        class: Option<&str>,
        stored: Vec<(Object, ColumnClasses)>,
        seen: Option<Stamp>,
    ) -> Result<()> {
        self.change_definitions(seen, |transaction| {
            set(transaction, object.id, column, class)?;
            stored.iter().try_for_each(|(profile, classes)| stored_classes::remember_all(transaction, profile.id, classes))
        })?;
        self.keep_change(|| Change::Class(object.clone(), column.into(), class.map(str::to_string), stored));
        Ok(())
    }
}
