//! Named objects of every kind, with all their versions, as the SQL that created them.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::Result;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::grants::{self, Grants};
use super::keys::Link;
use super::stamp::{Stamp, stamp};
use super::transaction::{Change, Version};
use super::{Catalog, classes, column_sources, row_sources, runs, stored_classes};
use crate::error::{SqlState, coded};

/// The kind of profiles, the only one that the catalog treats specially: a profile's snapshots are dropped with it.
const PROFILE: &str = "profile";
/// Stands in the definition of each table with a foreign key.
pub const REFERENCES: &str = " REFERENCES ";

/// The objects in one state of the catalog.
pub type Objects = Arc<[Object]>;

/// A version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub id: i64,
    /// Its kind, such as `tag` or `external table`.
    pub kind: String,
    /// The profile it belongs to; for a profile, its own name; empty for objects outside profiles.
    pub profile: String,
    pub name: String,
    pub version: i64,
    /// The statement that created this version.
    pub sql: String,
    /// The directory that relative paths in the statement are resolved against.
    pub base: String,
    /// The role that created this version.
    pub author: String,
    /// The role that owns the object; empty when it was created by someone who opened the directory without a role.
    pub owner: String,
    /// When this version was created, as text: `2025-06-30T12:00:00.000Z`.
    pub created_at: String,
    /// Its comments by column name; the comment on the object itself is under the empty name.
    pub comments: BTreeMap<String, Comment>,
    /// The classes of its columns with personal data, by column name.
    pub classes: BTreeMap<String, String>,
}

/// A comment made with COMMENT ON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Empty where it removes the description given in the definition.
    pub text: String,
    /// The version of the object that it was made on.
    pub version: i64,
}

impl Object {
    /// Kind and name, as messages show them.
    pub fn label(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }

    /// True when both are versions of the same object.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.kind, &self.profile, &self.name) == (&other.kind, &other.profile, &other.name)
    }
}

const COLUMNS: &str = "o.id, o.kind, o.profile, o.name, v.version, v.sql, v.base, v.author, v.created_at, o.owner";

fn object(link: &Link<'_>, row: &Row<'_>) -> rusqlite::Result<Object> {
    let (id, version) = (row.get(0)?, row.get(4)?);
    Ok(Object {
        id,
        kind: row.get(1)?,
        profile: row.get(2)?,
        name: row.get(3)?,
        version,
        sql: link.open("versions.sql", of_version(id, version), row.get(5)?)?,
        base: row.get(6)?,
        author: row.get(7)?,
        created_at: row.get(8)?,
        owner: row.get(9)?,
        comments: BTreeMap::new(),
        classes: BTreeMap::new(),
    })
}

/// The row identity of a version, for encryption.
pub fn of_version(object: i64, version: i64) -> String {
    format!("{object}.{version}")
}

/// The row identity of a comment, for encryption.
fn of_column(object: i64, column: &str) -> String {
    format!("{object}.{column}")
}

/// A new version of an object.
#[derive(Debug, Clone, Copy)]
pub struct NewVersion<'a> {
    pub kind: &'a str,
    pub profile: &'a str,
    pub name: &'a str,
    pub sql: &'a str,
    pub base: &'a str,
    pub author: &'a str,
}

/// Adds a version of an object, creating the object if necessary; returns the object's id and the version number.
pub fn add_version(transaction: &Link<'_>, new: NewVersion<'_>) -> rusqlite::Result<(i64, i64)> {
    let NewVersion { kind, profile, name, sql, base, author } = new;
    // Not ON CONFLICT DO NOTHING: it would use up an id for each later version, and ids would tell everyone how often others change definitions.
    transaction.execute(
        "INSERT INTO objects (kind, profile, name, version, owner) SELECT ?1, ?2, ?3, 0,
             CASE WHEN EXISTS (SELECT 1 FROM objects WHERE kind = 'role' AND name = ?4) THEN ?4 ELSE '' END
         WHERE NOT EXISTS (SELECT 1 FROM objects WHERE kind = ?1 AND profile = ?2 AND name = ?3)",
        params![kind, profile, name, author],
    )?;
    let (object, version): (i64, i64) = transaction.query_row(
        "UPDATE objects SET version = version + 1 WHERE kind = ?1 AND profile = ?2 AND name = ?3 RETURNING id, version",
        params![kind, profile, name],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let sql = transaction.seal("versions.sql", of_version(object, version), sql)?;
    transaction.execute(
        "INSERT INTO versions (object, version, sql, base, author) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![object, version, sql, base, author],
    )?;
    Ok((object, version))
}

/// A column of a table that ALTER TABLE renames, with its new name, or drops.
pub type Moved = (String, Option<String>);

/// Adds a version of a table; the comments, classes and retention rules of its columns move with them, and new columns get the classes of
/// their values.
pub fn define_table(
    transaction: &Link<'_>,
    new: NewVersion<'_>,
    moved: &[Moved],
    classes: &BTreeMap<String, String>,
    sources: &[i64],
) -> rusqlite::Result<()> {
    let (object, _) = add_version(transaction, new)?;
    row_sources::add(transaction, object, sources)?;
    for (column, new) in moved {
        stored_classes::forget(transaction, object, column)?;
        move_column(transaction, object, column, new.as_deref())?;
    }
    classes::add(transaction, object, classes)
}

fn move_column(transaction: &Link<'_>, object: i64, column: &str, new: Option<&str>) -> rusqlite::Result<()> {
    const OF_COLUMN: &str = "WHERE object = ?1 AND \"column\" = ?2";
    let Some(new) = new else {
        for table in ["comments", "column_classes", "column_sources"] {
            transaction.execute(&format!("DELETE FROM {table} {OF_COLUMN}"), params![object, column])?;
        }
        return Ok(());
    };
    // Not OR REPLACE, which would not tell the triggers about the class that it replaces.
    transaction.execute(&format!("DELETE FROM column_classes {OF_COLUMN}"), params![object, new])?;
    transaction.execute(&format!("UPDATE column_classes SET \"column\" = ?3 {OF_COLUMN}"), params![object, column, new])?;
    transaction.execute(&format!("UPDATE retention SET \"column\" = ?3 {OF_COLUMN}"), params![object, column, new])?;
    column_sources::rename(transaction, object, column, new)?;
    let comment = format!("SELECT comment FROM comments {OF_COLUMN}");
    if let Some(text) = transaction.query_row(&comment, params![object, column], |row| row.get(0)).optional()? {
        // The encryption of a comment is bound to the column name, so it is encrypted again.
        let text = transaction.open("comments.comment", of_column(object, column), text)?;
        let text = transaction.seal("comments.comment", of_column(object, new), &text)?;
        let comment = format!("UPDATE OR REPLACE comments SET \"column\" = ?3, comment = ?4 {OF_COLUMN}");
        transaction.execute(&comment, params![object, column, new, text])?;
    }
    Ok(())
}

/// Sets the comment on a column, or on the object itself with an empty name; `None` removes it.
pub fn set_comment(transaction: &Link<'_>, object: &Object, column: &str, text: Option<&str>) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM comments WHERE object = ?1 AND \"column\" = ?2", params![object.id, column])?;
    if let Some(text) = text {
        let text = transaction.seal("comments.comment", of_column(object.id, column), text)?;
        transaction.execute(
            "INSERT INTO comments (object, \"column\", comment, version) VALUES (?1, ?2, ?3, ?4)",
            params![object.id, column, text, object.version],
        )?;
    }
    Ok(())
}

/// Renames a table or view together with its history.
pub fn rename_object(connection: &Link<'_>, object: &Object, renamed: &Object) -> rusqlite::Result<()> {
    connection.execute("UPDATE objects SET name = ?1 WHERE id = ?2", params![renamed.name, object.id])?;
    let snapshots = "UPDATE snapshots SET name = ?1 WHERE kind = ?2 AND name = ?3";
    connection.execute(snapshots, params![renamed.name, object.kind, object.name])?;
    let Object { kind, profile, name, sql, base, author, .. } = renamed;
    add_version(connection, NewVersion { kind, profile, name, sql, base, author })?;
    Ok(())
}

/// Deletes an object and its versions; a profile together with everything it has published.
pub fn drop_object(connection: &Connection, object: &Object) -> rusqlite::Result<()> {
    if object.kind == PROFILE {
        // Error messages stored by earlier program versions may contain values of rows.
        connection.execute("UPDATE runs SET message = '' WHERE name = ?1 AND status = 'failed'", params![object.name])?;
        connection.execute("DELETE FROM snapshots WHERE kind = 'profile' AND name = ?1", params![object.name])?;
        runs::withdraw(connection, &object.name, i64::MIN)?;
    }
    connection.execute("DELETE FROM objects WHERE id = ?1", params![object.id])?;
    Ok(())
}

/// The newest version of every object, in order of creation.
pub fn objects(connection: &Link<'_>) -> rusqlite::Result<Vec<Object>> {
    let query =
        format!("SELECT {COLUMNS} FROM objects o JOIN versions v ON v.object = o.id AND v.version = o.version ORDER BY o.id");
    let mut query = connection.prepare_cached(&query)?;
    let mut objects: Vec<Object> = query.query_and_then([], |row| object(connection, row))?.collect::<rusqlite::Result<_>>()?;
    let mut comments = connection.prepare_cached("SELECT object, \"column\", comment, version FROM comments")?;
    let mut rows = comments.query([])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        if let Some(object) = objects.iter_mut().find(|object| object.id == id) {
            let column: String = row.get(1)?;
            let text = connection.open("comments.comment", of_column(id, &column), row.get(2)?)?;
            object.comments.insert(column, Comment { text, version: row.get(3)? });
        }
    }
    classes::read(connection, &mut objects)?;
    Ok(objects)
}

impl Catalog {
    /// The newest version of every object, in order of creation, with the stamp of the state they were read in.
    pub fn stamped_objects(&self) -> Result<(Stamp, Arc<[Object]>)> {
        self.stamped().map(|(stamp, objects, _)| (stamp, objects))
    }

    /// The same, with the grants of all roles in that state.
    pub fn stamped(&self) -> Result<(Stamp, Objects, Grants)> {
        let known = self.newest.lock().clone();
        let (stamp, objects, grants) = self.read(|connection| {
            let stamp = stamp(connection)?;
            match &known {
                Some((definitions, objects, grants)) if *definitions == stamp.definitions => {
                    Ok((stamp, Arc::clone(objects), Arc::clone(grants)))
                }
                _ => Ok((stamp, Arc::from(objects(connection)?), Arc::from(grants::all(connection)?))),
            }
        })?;
        *self.newest.lock() = Some((stamp.definitions, Arc::clone(&objects), Arc::clone(&grants)));
        Ok((stamp, objects, grants))
    }

    /// Every version of every object, oldest first.
    pub fn versions(&self) -> Result<Vec<Object>> {
        let query = format!("SELECT {COLUMNS} FROM objects o JOIN versions v ON v.object = o.id ORDER BY o.id, v.version");
        self.read(|link| link.prepare_cached(&query)?.query_and_then([], |row| object(link, row))?.collect())
    }

    /// Stores a new version of an object, creating the object if necessary; returns the version number. `seen` is the state of the
    /// definitions that it was checked against.
    ///
    /// # Errors
    /// The definitions have changed since. Then nothing is stored.
    pub fn put_object(&self, new: NewVersion<'_>, seen: Option<Stamp>) -> Result<i64> {
        let version = self.change_definitions(seen, |connection| Ok(add_version(connection, new)?.1))?;
        self.keep_change(|| Change::Put(Version::new(new)));
        Ok(version)
    }

    /// Sets the comment on a column, or on the object itself with an empty name; `None` removes it.
    ///
    /// # Errors
    /// As [`Self::put_object`].
    pub fn put_comment(&self, object: &Object, column: &str, text: Option<&str>, seen: Option<Stamp>) -> Result<()> {
        self.change_definitions(seen, |transaction| set_comment(transaction, object, column, text))?;
        self.keep_change(|| Change::Comment(object.clone(), column.into(), text.map(str::to_string)));
        Ok(())
    }

    /// Renames a table or view; its earlier snapshots are then read under the new name, too.
    ///
    /// # Errors
    /// As [`Self::put_object`].
    pub fn rename(&self, object: &Object, renamed: &Object, seen: Option<Stamp>) -> Result<()> {
        self.change_definitions(seen, |connection| rename_object(connection, object, renamed))?;
        self.keep_change(|| Change::Rename(object.clone(), renamed.clone()));
        Ok(())
    }

    /// Deletes an object and its versions; a profile together with everything it has published.
    ///
    /// # Errors
    /// As [`Self::put_object`].
    pub fn remove_object(&self, object: &Object, seen: Option<Stamp>) -> Result<()> {
        self.change_definitions(seen, |connection| drop_object(connection, object))?;
        self.keep_change(|| Change::Remove(object.clone()));
        self.forget_writes();
        Ok(())
    }

    /// Truncates the WAL: it still contains what was dropped until it is overwritten. While another process reads an older state this is
    /// not possible; the WAL then goes when the last connection closes.
    pub fn forget_writes(&self) {
        if self.is_transaction() {
            return;
        }
        let opened = self.opened.lock();
        let connection = &opened.connection;
        let forget = || -> rusqlite::Result<()> {
            // Do not wait for readers in other processes.
            let waits: i64 = connection.query_row("PRAGMA busy_timeout", [], |row| row.get(0))?;
            connection.query_row("PRAGMA busy_timeout = 0", [], |_| Ok(()))?;
            let done = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            connection.query_row(&format!("PRAGMA busy_timeout = {waits}"), [], |_| Ok(()))?;
            done
        };
        // The drop has succeeded, whether its traces go now or later.
        let _ = forget();
    }

    /// Changes definitions in one transaction, unless they have changed since they were checked.
    pub fn change_definitions<T>(&self, seen: Option<Stamp>, change: impl FnOnce(&Link<'_>) -> rusqlite::Result<T>) -> Result<T> {
        self.write(|transaction| match seen {
            Some(seen) if stamp(transaction)?.definitions != seen.definitions => Ok(None),
            _ => change(transaction).map(Some),
        })?
        .ok_or_else(changed)
    }
}

fn changed() -> datafusion::error::DataFusionError {
    coded(SqlState::SERIALIZATION_FAILURE, "database", "definitions have changed in the meantime; run the statement again")
}
