//! Profiles, tags, segments and models: each with every version it had.

use std::fmt;

use datafusion::common::Result;
use rusqlite::{Row, Transaction, params};

use super::{Catalog, runs};

/// What a named object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// An entity, its key and its attributes.
    Profile,
    /// One label of each member of a profile.
    Tag,
    /// An audience: a condition over a profile.
    Segment,
    /// What was learned from rows, to be applied to others. It is of no profile.
    Model,
}

impl ObjectKind {
    /// Every kind, with the words of its statements.
    pub const ALL: [(Self, &str, &str); 4] = [
        (Self::Profile, "PROFILE", "PROFILES"),
        (Self::Tag, "TAG", "TAGS"),
        (Self::Segment, "SEGMENT", "SEGMENTS"),
        (Self::Model, "MODEL", "MODELS"),
    ];

    /// True for what belongs to a profile.
    pub fn is_of_profile(self) -> bool {
        matches!(self, Self::Tag | Self::Segment)
    }

    /// The word in the catalog and in messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Tag => "tag",
            Self::Segment => "segment",
            Self::Model => "model",
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A version of an object, as it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub id: i64,
    pub kind: ObjectKind,
    /// The profile it belongs to; for a profile, its own name; for a model, nothing.
    pub profile: String,
    pub name: String,
    pub version: i64,
    /// The statement that made it.
    pub sql: String,
    /// The directory that relative paths in it start from.
    pub base: String,
    /// Who made it.
    pub author: String,
    /// When, as text: `2025-06-30T12:00:00.000Z`.
    pub created_at: String,
}

const COLUMNS: &str = "o.id, o.kind, o.profile, o.name, v.version, v.sql, v.base, v.author, v.created_at";

fn object(row: &Row<'_>) -> rusqlite::Result<Object> {
    let word: String = row.get(1)?;
    let kind = match word.as_str() {
        "profile" => ObjectKind::Profile,
        "tag" => ObjectKind::Tag,
        "model" => ObjectKind::Model,
        _ => ObjectKind::Segment,
    };
    Ok(Object {
        id: row.get(0)?,
        kind,
        profile: row.get(2)?,
        name: row.get(3)?,
        version: row.get(4)?,
        sql: row.get(5)?,
        base: row.get(6)?,
        author: row.get(7)?,
        created_at: row.get(8)?,
    })
}

/// A version of an object to be remembered.
#[derive(Debug, Clone, Copy)]
pub struct NewVersion<'a> {
    pub kind: ObjectKind,
    pub profile: &'a str,
    pub name: &'a str,
    pub sql: &'a str,
    pub base: &'a str,
    pub author: &'a str,
}

/// Adds a version of an object, the first one when there is none; returns the object's number and the version's.
pub fn add_version(transaction: &Transaction<'_>, new: NewVersion<'_>) -> rusqlite::Result<(i64, i64)> {
    let NewVersion { kind, profile, name, sql, base, author } = new;
    transaction.execute(
        "INSERT INTO objects (kind, profile, name, version) VALUES (?1, ?2, ?3, 0) ON CONFLICT DO NOTHING",
        params![kind.word(), profile, name],
    )?;
    let (object, version) = transaction.query_row(
        "UPDATE objects SET version = version + 1 WHERE kind = ?1 AND profile = ?2 AND name = ?3 RETURNING id, version",
        params![kind.word(), profile, name],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    transaction.execute(
        "INSERT INTO versions (object, version, sql, base, author) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![object, version, sql, base, author],
    )?;
    Ok((object, version))
}

impl Catalog {
    /// The newest version of every object, in the order they were first made.
    pub fn objects(&self) -> Result<Vec<Object>> {
        let query =
            format!("SELECT {COLUMNS} FROM objects o JOIN versions v ON v.object = o.id AND v.version = o.version ORDER BY o.id");
        self.read(|connection| connection.prepare_cached(&query)?.query_map([], object)?.collect())
    }

    /// Every version of every object, oldest first.
    pub fn versions(&self) -> Result<Vec<Object>> {
        let query = format!("SELECT {COLUMNS} FROM objects o JOIN versions v ON v.object = o.id ORDER BY o.id, v.version");
        self.read(|connection| connection.prepare_cached(&query)?.query_map([], object)?.collect())
    }

    /// Remembers a new version of an object, the first one when there is none; returns its number.
    pub fn put_object(&self, new: NewVersion<'_>) -> Result<i64> {
        self.write(|transaction| Ok(add_version(transaction, new)?.1))
    }

    /// Forgets an object and its versions; a profile takes what it has published with it.
    pub fn remove_object(&self, object: &Object) -> Result<()> {
        self.write(|transaction| {
            if object.kind == ObjectKind::Profile {
                transaction.execute("DELETE FROM snapshots WHERE kind = 'profile' AND name = ?1", params![object.name])?;
                runs::withdraw(transaction, &object.name, i64::MIN)?;
            }
            transaction.execute("DELETE FROM objects WHERE id = ?1", params![object.id])?;
            Ok(())
        })
    }
}
