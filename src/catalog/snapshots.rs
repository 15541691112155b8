//! Snapshots: what was published when, for profiles and managed tables.
//!
//! A snapshot refers to its files and describes their columns. Snapshots are immutable; publishing creates a new one. The time of a
//! profile's snapshot is the `as_of` of its refresh, that of a table's snapshot is the time of its commit.

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::data::DataFile;
use super::keys::Link;
use super::objects::define_table;
use super::stamp::{Stamp, stamp};
use super::stored_classes::{self, ColumnClasses};
use super::tables::NewTable;
use super::transaction::{Change, Published, Version};
use super::{Catalog, runs};
use crate::error::{SqlState, coded};
use crate::text::with_article;

/// What a snapshot belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SnapshotOf {
    Profile,
    Table,
}

impl SnapshotOf {
    pub fn word(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Table => "table",
        }
    }
}

/// The part of a snapshot that a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The rows of a table, or one row per member of a profile.
    Rows,
    /// Closed values of tags: key, tag, value, valid from, valid to.
    History,
}

impl Part {
    fn word(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::History => "history",
        }
    }
}

/// The role of a column in a profile's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnRole {
    Key,
    Attribute,
    Tag,
    /// A tag with several values.
    Tags,
    Segment,
}

impl ColumnRole {
    fn word(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Attribute => "attribute",
            Self::Tag => "tag",
            Self::Tags => "tags",
            Self::Segment => "segment",
        }
    }

    fn of(word: &str) -> Self {
        match word {
            "key" => Self::Key,
            "tag" => Self::Tag,
            "tags" => Self::Tags,
            "segment" => Self::Segment,
            _ => Self::Attribute,
        }
    }
}

/// A column of a profile's snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedColumn {
    pub role: ColumnRole,
    pub name: String,
    /// The version of its definition.
    pub version: i64,
    /// The number of members with a value.
    pub filled: i64,
    /// The `as_of` of the refresh that computed it.
    pub computed_at: i64,
}

impl PublishedColumn {
    /// True for a column whose changes are kept: a tag, or an attribute with history, which has a version for that reason.
    pub fn has_history(&self) -> bool {
        match self.role {
            ColumnRole::Tag | ColumnRole::Tags => true,
            ColumnRole::Attribute => self.version > 0,
            _ => false,
        }
    }
}

/// One state of a profile or table.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub id: i64,
    /// Microseconds since 1970, UTC.
    pub at: i64,
    pub rows: i64,
    pub committed_at: String,
    pub columns: Vec<PublishedColumn>,
    pub files: Vec<(Part, DataFile)>,
}

impl Snapshot {
    /// The files of one part, in order of creation.
    pub fn part(&self, part: Part) -> Vec<DataFile> {
        self.files.iter().filter(|(other, _)| *other == part).map(|(_, file)| file.clone()).collect()
    }

    /// The columns with one role.
    pub fn columns_of(&self, role: ColumnRole) -> impl Iterator<Item = &PublishedColumn> {
        self.columns.iter().filter(move |column| column.role == role)
    }
}

/// Which snapshot to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum When {
    /// The newest one.
    Now,
    /// The newest one at or before this time, in microseconds since 1970.
    At(i64),
    /// The last one before this time.
    Before(i64),
}

/// A snapshot to be published.
#[derive(Debug)]
pub struct NewSnapshot<'a> {
    pub of: SnapshotOf,
    pub name: &'a str,
    pub at: i64,
    pub rows: i64,
    /// The newest snapshot when the work began; any other one now is a conflict.
    pub expected: Option<i64>,
    pub columns: Vec<PublishedColumn>,
    /// Files written for it.
    pub new: Vec<(Part, DataFile)>,
    /// Files of an earlier snapshot that also belong to this one.
    pub kept: Vec<DataFile>,
    /// How many snapshots of this name are kept, including this one; at least two for a profile.
    pub keep: usize,
}

/// The refresh that a snapshot of a profile comes from.
#[derive(Debug, Default)]
pub struct Refreshed {
    /// The id of its run.
    pub run: i64,
    /// The number of values that opened or closed.
    pub changes: i64,
    /// The classes of its attributes and tags.
    pub classes: ColumnClasses,
}

impl Catalog {
    /// The snapshot of a profile or table at a time, with its columns and files.
    pub fn snapshot(&self, of: SnapshotOf, name: &str, when: When) -> Result<Option<Snapshot>> {
        self.snapshot_until(of, name, when, i64::MAX)
    }

    /// The same, considering only snapshots up to this id.
    pub fn snapshot_until(&self, of: SnapshotOf, name: &str, when: When, last: i64) -> Result<Option<Snapshot>> {
        self.read(|connection| snapshot(connection, of, name, when, last))
    }

    /// The same, with the stamp of the state that it was read in.
    pub fn stamped_snapshot(&self, of: SnapshotOf, name: &str, when: When) -> Result<(Stamp, Option<Snapshot>)> {
        self.read(|connection| Ok((stamp(connection)?, snapshot(connection, of, name, when, i64::MAX)?)))
    }

    /// The time of the oldest snapshot that is kept.
    pub fn oldest_time(&self, of: SnapshotOf, name: &str) -> Result<Option<i64>> {
        const OLDEST: &str = "SELECT min(at) FROM snapshots WHERE kind = ?1 AND name = ?2";
        self.read(|connection| connection.prepare_cached(OLDEST)?.query_row(params![of.word(), name], |row| row.get(0)))
    }

    /// True until the snapshot is withdrawn, or the file is replaced by an erasure.
    pub fn names_file(&self, snapshot: i64, file: &str) -> Result<bool> {
        const NAMES: &str = "SELECT 1 FROM snapshot_files s JOIN files f ON f.id = s.file WHERE s.snapshot = ?1 AND f.name = ?2";
        self.read(|connection| connection.prepare_cached(NAMES)?.exists(params![snapshot, file]))
    }

    /// The files of all stored snapshots of a profile or table, each once.
    pub fn files_of(&self, of: SnapshotOf, name: &str) -> Result<Vec<(Part, DataFile)>> {
        self.read(|connection| {
            let mut query = connection.prepare_cached(
                "SELECT f.part, f.name, f.bytes, f.rows, f.checksum, f.key FROM files f WHERE f.id IN
                 (SELECT n.file FROM snapshot_files n JOIN snapshots s ON s.id = n.snapshot WHERE s.kind = ?1 AND s.name = ?2)
                 ORDER BY f.id",
            )?;
            query.query_and_then(params![of.word(), name], |row| file(connection, row))?.collect()
        })
    }

    /// Publishes a snapshot together with the end of its run in one transaction, and withdraws snapshots beyond those to keep. The caller
    /// holds the lock of the object, so that its work is not wasted; its assumptions are checked here all the same.
    ///
    /// # Errors
    /// Another snapshot of that name was published since `expected`, or a kept file was collected.
    pub fn publish(&self, new: &NewSnapshot<'_>, refreshed: Option<&Refreshed>) -> Result<i64> {
        let number =
            self.write(|connection| publish_in(connection, new, refreshed))?.ok_or_else(|| changed_meanwhile(new.name))?;
        self.keep_change(|| Change::Publish(Published::new(new, number), None));
        Ok(number)
    }

    /// Publishes the first snapshot of a table together with its definition, in one transaction; it may replace an existing table.
    ///
    /// # Errors
    /// As [`Self::publish`]; or another kind of object has the name, or the definitions have changed since `seen`.
    pub fn publish_table(
        &self,
        new: &NewSnapshot<'_>,
        NewTable { definition, moved, classes, sources, .. }: &NewTable<'_>,
        seen: Option<Stamp>,
    ) -> Result<i64> {
        let published = self.write(|connection| {
            if let Some(seen) = seen
                && stamp(connection)?.definitions != seen.definitions
            {
                return Ok(Err(changed_meanwhile(definition.name)));
            }
            const OTHER: &str = "SELECT kind FROM objects WHERE name = ?1 AND kind IN ('view', 'external table')";
            let other: Option<String> = connection.query_row(OTHER, params![definition.name], |row| row.get(0)).optional()?;
            if let Some(other) = other {
                return Ok(Err(taken(definition.name, &other)));
            }
            if !is_as_expected(connection, new)? {
                return Ok(Err(changed_meanwhile(new.name)));
            }
            let published = publish(connection, new, None)?;
            // After the rows: what is said of the columns is said of the new state.
            let sources: Vec<i64> = sources.iter().map(|source| source.id).collect();
            define_table(connection, *definition, moved, classes, &sources)?;
            Ok(Ok(published))
        })??;
        self.keep_change(|| {
            let definition = Version::new(*definition).with_columns(moved, classes, sources);
            Change::Publish(Published::new(new, published), Some(definition))
        });
        Ok(published)
    }

    /// Deletes a managed table and its snapshots.
    ///
    /// # Errors
    /// The definitions have changed since `seen`.
    pub fn drop_table(&self, name: &str, seen: Option<Stamp>) -> Result<()> {
        self.change_definitions(seen, |connection| drop_table(connection, name))?;
        self.keep_change(|| Change::DropTable(name.into()));
        self.forget_writes();
        Ok(())
    }

    /// The current state of the catalog.
    pub fn newest_stamp(&self) -> Result<Stamp> {
        self.read(|connection| stamp(connection))
    }

    /// Deletes files that no snapshot refers to from the catalog, and returns their names so that they can be removed.
    pub fn forget_files(&self, may_forget: impl Fn(&str) -> bool) -> Result<Vec<String>> {
        self.write(|transaction| {
            let mut query = transaction.prepare_cached(
                "SELECT id, name FROM files WHERE NOT EXISTS (SELECT 1 FROM snapshot_files WHERE file = files.id)",
            )?;
            let unnamed: Vec<(i64, String)> =
                query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
            let mut forgotten = vec![];
            for (id, name) in unnamed {
                if may_forget(&name) {
                    transaction.execute("DELETE FROM files WHERE id = ?1", params![id])?;
                    forgotten.push(name);
                }
            }
            Ok(forgotten)
        })
    }

    /// The names of all files that snapshots refer to.
    pub fn named_files(&self) -> Result<Vec<String>> {
        const NAMED: &str = "SELECT name FROM files WHERE id IN (SELECT file FROM snapshot_files)";
        self.read(|connection| connection.prepare_cached(NAMED)?.query_map([], |row| row.get(0))?.collect())
    }

    /// The names of all files in the catalog.
    pub fn known_files(&self) -> Result<Vec<String>> {
        self.read(|connection| connection.prepare_cached("SELECT name FROM files")?.query_map([], |row| row.get(0))?.collect())
    }
}

fn snapshot(connection: &Link<'_>, of: SnapshotOf, name: &str, when: When, last: i64) -> rusqlite::Result<Option<Snapshot>> {
    let (condition, value) = match when {
        When::Now => ("?3 = ?3", 0),
        When::At(time) => ("at <= ?3", time),
        When::Before(time) => ("at < ?3", time),
    };
    // The newest is the one with the greatest id: publishing as of an earlier time withdraws all later ones.
    let query = format!(
        "SELECT id, at, rows, committed_at FROM snapshots WHERE kind = ?1 AND name = ?2 AND {condition} AND id <= ?4 ORDER BY id DESC LIMIT 1"
    );
    let mut query = connection.prepare_cached(&query)?;
    let head = query
        .query_row(params![of.word(), name, value, last], |row| {
            Ok(Snapshot {
                id: row.get(0)?,
                at: row.get(1)?,
                rows: row.get(2)?,
                committed_at: row.get(3)?,
                columns: vec![],
                files: vec![],
            })
        })
        .optional()?;
    let Some(mut snapshot) = head else { return Ok(None) };
    snapshot.columns = columns(connection, snapshot.id)?;
    snapshot.files = files(connection, snapshot.id)?;
    Ok(Some(snapshot))
}

/// The error for work that is based on a snapshot which is no longer the newest.
pub fn changed_meanwhile(name: &str) -> DataFusionError {
    let problem = "was changed by another process in the meantime; nothing was published; run it again";
    coded(SqlState::SERIALIZATION_FAILURE, name, problem)
}

/// The error for a name that another kind of object has.
pub fn taken(name: &str, other: &str) -> DataFusionError {
    coded(SqlState::DUPLICATE_TABLE, name, format!("exists already, as {}; DROP it first", with_article(other)))
}

fn columns(connection: &Connection, snapshot: i64) -> rusqlite::Result<Vec<PublishedColumn>> {
    let mut query = connection.prepare_cached(
        "SELECT role, name, version, filled, computed_at FROM snapshot_columns WHERE snapshot = ?1 ORDER BY position",
    )?;
    let column = |row: &Row<'_>| {
        Ok(PublishedColumn {
            role: ColumnRole::of(&row.get::<_, String>(0)?),
            name: row.get(1)?,
            version: row.get(2)?,
            filled: row.get(3)?,
            computed_at: row.get(4)?,
        })
    };
    query.query_map([snapshot], column)?.collect()
}

fn files(connection: &Link<'_>, snapshot: i64) -> rusqlite::Result<Vec<(Part, DataFile)>> {
    let mut query = connection.prepare_cached(
        "SELECT f.part, f.name, f.bytes, f.rows, f.checksum, f.key FROM snapshot_files s JOIN files f ON f.id = s.file
         WHERE s.snapshot = ?1 ORDER BY f.id",
    )?;
    query.query_and_then([snapshot], |row| file(connection, row))?.collect()
}

fn file(connection: &Link<'_>, row: &Row<'_>) -> rusqlite::Result<(Part, DataFile)> {
    let part = if row.get::<_, String>(0)? == Part::History.word() { Part::History } else { Part::Rows };
    let file = DataFile { name: row.get(1)?, bytes: row.get(2)?, rows: row.get(3)?, checksum: row.get(4)?, key: None };
    Ok((part, connection.with_key(file, row.get(5)?)?))
}

/// True when the newest snapshot is the expected one, and the catalog knows all kept files.
fn is_as_expected(connection: &Connection, new: &NewSnapshot<'_>) -> rusqlite::Result<bool> {
    const NEWEST: &str = "SELECT id FROM snapshots WHERE kind = ?1 AND name = ?2 ORDER BY id DESC LIMIT 1";
    let newest: Option<i64> = connection.query_row(NEWEST, params![new.of.word(), new.name], |row| row.get(0)).optional()?;
    let mut is_known = connection.prepare_cached("SELECT 1 FROM files WHERE name = ?1")?;
    for file in &new.kept {
        if !is_known.exists([&file.name])? {
            return Ok(false);
        }
    }
    Ok(newest == new.expected)
}

/// Publishes a snapshot and returns its id; `None` when something else was published since.
fn publish_in(connection: &Link<'_>, new: &NewSnapshot<'_>, refreshed: Option<&Refreshed>) -> rusqlite::Result<Option<i64>> {
    if is_as_expected(connection, new)? { publish(connection, new, refreshed).map(Some) } else { Ok(None) }
}

/// The same, for a change without a run.
pub fn publish_checked(connection: &Link<'_>, new: &NewSnapshot<'_>) -> rusqlite::Result<Option<i64>> {
    publish_in(connection, new, None)
}

/// Deletes a managed table and its snapshots.
pub fn drop_table(connection: &Connection, name: &str) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM objects WHERE kind = 'table' AND name = ?1", params![name])?;
    connection.execute("DELETE FROM snapshots WHERE kind = ?1 AND name = ?2", params![SnapshotOf::Table.word(), name])?;
    Ok(())
}

fn publish(transaction: &Link<'_>, new: &NewSnapshot<'_>, refreshed: Option<&Refreshed>) -> rusqlite::Result<i64> {
    let (kind, name) = (new.of.word(), new.name);
    if new.of == SnapshotOf::Profile {
        // Repeating a refresh for the same time replaces its snapshot; a rewind replaces all later ones.
        transaction.execute("DELETE FROM snapshots WHERE kind = ?1 AND name = ?2 AND at >= ?3", params![kind, name, new.at])?;
        runs::withdraw(transaction, name, new.at)?;
    }
    transaction
        .execute("INSERT INTO snapshots (kind, name, at, rows) VALUES (?1, ?2, ?3, ?4)", params![kind, name, new.at, new.rows])?;
    let snapshot = transaction.last_insert_rowid();
    for (position, column) in new.columns.iter().enumerate() {
        transaction.execute(
            "INSERT INTO snapshot_columns (snapshot, position, role, name, version, filled, computed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                snapshot,
                i64::try_from(position).unwrap_or(i64::MAX),
                column.role.word(),
                column.name,
                column.version,
                column.filled,
                column.computed_at
            ],
        )?;
    }
    for file in &new.kept {
        transaction.execute(
            "INSERT INTO snapshot_files (snapshot, file) SELECT ?1, id FROM files WHERE name = ?2",
            params![snapshot, file.name],
        )?;
    }
    for (part, file) in &new.new {
        transaction.execute(
            "INSERT INTO files (name, part, bytes, rows, checksum, key) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![file.name, part.word(), file.bytes, file.rows, file.checksum, transaction.seal_key(file)?],
        )?;
        let id = transaction.last_insert_rowid();
        transaction.execute("INSERT INTO snapshot_files (snapshot, file) VALUES (?1, ?2)", params![snapshot, id])?;
    }
    // At least two for a profile: repeating a refresh for the same time starts from the snapshot before the newest.
    let fewest = if new.of == SnapshotOf::Profile { 2 } else { 1 };
    let keep = i64::try_from(new.keep.max(fewest)).unwrap_or(i64::MAX);
    transaction.execute(
        "DELETE FROM snapshots WHERE kind = ?1 AND name = ?2 AND id NOT IN
         (SELECT id FROM snapshots WHERE kind = ?1 AND name = ?2 ORDER BY id DESC LIMIT ?3)",
        params![kind, name, keep],
    )?;
    if let Some(Refreshed { run, changes, classes }) = refreshed {
        const PROFILE: &str = "SELECT id FROM objects WHERE kind = 'profile' AND name = ?1";
        let profile: Option<i64> = transaction.query_row(PROFILE, [name], |row| row.get(0)).optional()?;
        profile.map_or(Ok(()), |profile| stored_classes::remember(transaction, profile, classes, snapshot))?;
        transaction.execute(
            "UPDATE runs SET status = 'succeeded', finished_at = ?2, snapshot = ?3, rows = ?4, changes = ?5, message = ''
             WHERE id = ?1",
            params![run, runs::now(), snapshot, new.rows, changes],
        )?;
    }
    Ok(snapshot)
}
