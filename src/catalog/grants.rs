//! What roles may do: privileges on objects, schemas, the database and files, and membership in other roles.
//!
//! A privilege on an object is stored under the object's id: it survives renaming and replacing the object, and is deleted with it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use datafusion::common::Result;
use rusqlite::{Connection, OptionalExtension, params};

use super::objects::Object;
use super::stamp::Stamp;
use super::transaction::Change;
use super::{Catalog, budgets, role_limits};

/// The role that every role is a member of.
pub const PUBLIC: &str = "public";

/// What a role may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privilege {
    Select,
    Insert,
    Update,
    Delete,
    Truncate,
    References,
    Trigger,
    /// Use the names in a schema; call a model or function.
    Usage,
    /// Create objects in a schema or database.
    Create,
    Connect,
    Temporary,
    /// Recompute a profile or segment.
    Refresh,
    /// Use masked columns in conditions.
    Filter,
    /// Turn tokens back into values.
    Detokenize,
    /// Read files and URLs by name.
    Read,
    /// Write files by name.
    Write,
    /// Have the privileges of another role.
    Member,
}

use Privilege::{
    Connect, Create, Delete, Detokenize, Filter, Insert, Member, Read, References, Refresh, Select, Temporary, Trigger, Truncate,
    Update, Usage, Write,
};

const WORDS: [(Privilege, &str); 17] = [
    (Select, "SELECT"),
    (Insert, "INSERT"),
    (Update, "UPDATE"),
    (Delete, "DELETE"),
    (Truncate, "TRUNCATE"),
    (References, "REFERENCES"),
    (Trigger, "TRIGGER"),
    (Usage, "USAGE"),
    (Create, "CREATE"),
    (Connect, "CONNECT"),
    (Temporary, "TEMPORARY"),
    (Refresh, "REFRESH"),
    (Filter, "FILTER"),
    (Detokenize, "DETOKENIZE"),
    (Read, "READ"),
    (Write, "WRITE"),
    (Member, "MEMBER"),
];

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = WORDS.iter().find(|(privilege, _)| privilege == self).map_or("", |(_, word)| word);
        f.write_str(word)
    }
}

impl FromStr for Privilege {
    type Err = ();

    /// Parses the uppercase keyword; EXECUTE means USAGE, and TEMP means TEMPORARY.
    fn from_str(word: &str) -> std::result::Result<Self, ()> {
        let word = match word {
            "EXECUTE" => "USAGE",
            "TEMP" => "TEMPORARY",
            word => word,
        };
        WORDS.iter().find(|(_, own)| *own == word).map(|(privilege, _)| *privilege).ok_or(())
    }
}

/// What a privilege is granted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    /// An object, by its id.
    Object(i64),
    Database,
    /// A built-in schema.
    Schema(String),
    /// Files and URLs named in statements.
    Files,
    Role(String),
}

impl Thing {
    /// Class, name and id, as they are stored.
    fn parts(&self) -> (&'static str, &str, Option<i64>) {
        match self {
            Self::Object(id) => ("object", "", Some(*id)),
            Self::Database => ("database", "", None),
            Self::Schema(name) => ("schema", name, None),
            Self::Files => ("files", "", None),
            Self::Role(name) => ("role", name, None),
        }
    }
}

/// A privilege that a role was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub role: String,
    pub privilege: Privilege,
    pub on: Thing,
    /// The role that granted it; empty for grants made by the database itself.
    pub grantor: String,
    /// Whether the role may grant it to others.
    pub is_grantable: bool,
}

/// All grants of all roles, in one state of the catalog.
pub type Grants = Arc<[Grant]>;

/// A change of privileges, as a transaction records it: by object names, as the ids may be different when it is committed.
#[derive(Debug, Clone)]
pub enum GrantChange {
    Give(Grant, Option<Object>),
    /// Revokes the privilege, or only its grant option.
    Take {
        grant: Grant,
        object: Option<Object>,
        only_option: bool,
    },
    /// An object gets a new owner.
    Owner(Object, String),
    /// A role is renamed.
    RenameRole(String, String),
    /// A role is dropped, with everything granted to it.
    DropRole(String),
}

/// Applies a change.
pub fn apply(connection: &Connection, change: &GrantChange) -> rusqlite::Result<()> {
    // The object's id in this state of the catalog.
    let placed = |thing: &Thing, object: &Option<Object>| -> rusqlite::Result<Option<Thing>> {
        let Some(object) = object else { return Ok(Some(thing.clone())) };
        let query = "SELECT id FROM objects WHERE kind = ?1 AND profile = ?2 AND name = ?3";
        let id = connection.query_row(query, params![object.kind, object.profile, object.name], |row| row.get(0)).optional()?;
        Ok(id.map(Thing::Object))
    };
    match change {
        GrantChange::Give(grant, object) => {
            let Some(on) = placed(&grant.on, object)? else { return Ok(()) };
            let (class, name, id) = on.parts();
            let privilege = grant.privilege.to_string();
            // Granting again can add the grant option, but never removes it.
            let known =
                "UPDATE grants SET grantable = max(grantable, ?5) WHERE role = ?1 AND privilege = ?2 AND class = ?3 AND name = ?4
                AND object IS ?6";
            let values = params![grant.role, privilege, class, name, grant.is_grantable, id];
            if connection.execute(known, values)? == 0 {
                connection.execute(
                    "INSERT INTO grants (role, privilege, class, name, grantable, object, grantor) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    params![grant.role, privilege, class, name, grant.is_grantable, id, grant.grantor],
                )?;
            }
        }
        GrantChange::Take { grant, object, only_option } => {
            let Some(on) = placed(&grant.on, object)? else { return Ok(()) };
            let (class, name, id) = on.parts();
            let what = if *only_option { "UPDATE grants SET grantable = 0" } else { "DELETE FROM grants" };
            let take = format!("{what} WHERE role = ?1 AND privilege = ?2 AND class = ?3 AND name = ?4 AND object IS ?5");
            connection.execute(&take, params![grant.role, grant.privilege.to_string(), class, name, id])?;
        }
        GrantChange::Owner(object, owner) => {
            let set = "UPDATE objects SET owner = ?4 WHERE kind = ?1 AND profile = ?2 AND name = ?3";
            connection.execute(set, params![object.kind, object.profile, object.name, owner])?;
        }
        GrantChange::RenameRole(old, new) => {
            connection.execute("UPDATE grants SET role = ?2 WHERE role = ?1", params![old, new])?;
            connection.execute("UPDATE grants SET grantor = ?2 WHERE grantor = ?1", params![old, new])?;
            connection.execute("UPDATE grants SET name = ?2 WHERE class = 'role' AND name = ?1", params![old, new])?;
            connection.execute("UPDATE objects SET owner = ?2 WHERE owner = ?1", params![old, new])?;
            budgets::rename(connection, old, new)?;
            role_limits::rename(connection, old, new)?;
        }
        GrantChange::DropRole(name) => {
            connection.execute("DELETE FROM grants WHERE role = ?1 OR (class = 'role' AND name = ?1)", params![name])?;
            budgets::drop(connection, name)?;
            role_limits::drop(connection, name)?;
        }
    }
    Ok(())
}

/// Everything that was granted, in order.
pub fn all(connection: &Connection) -> rusqlite::Result<Vec<Grant>> {
    let mut query = connection
        .prepare_cached("SELECT role, privilege, class, name, object, grantor, grantable FROM grants ORDER BY rowid")?;
    let mut rows = query.query([])?;
    let mut grants = vec![];
    while let Some(row) = rows.next()? {
        let (word, class): (String, String) = (row.get(1)?, row.get(2)?);
        let on = match class.as_str() {
            "object" => Thing::Object(row.get(4)?),
            "database" => Thing::Database,
            "schema" => Thing::Schema(row.get(3)?),
            "files" => Thing::Files,
            _ => Thing::Role(row.get(3)?),
        };
        // A privilege unknown to this program, granted by a newer one, has no effect here.
        let Ok(privilege) = word.parse() else { continue };
        grants.push(Grant { role: row.get(0)?, privilege, on, grantor: row.get(5)?, is_grantable: row.get(6)? });
    }
    Ok(grants)
}

impl Catalog {
    /// Applies changes of privileges, all or none.
    ///
    /// # Errors
    /// As [`Self::put_object`].
    pub fn change_grants(&self, changes: Vec<GrantChange>, seen: Option<Stamp>) -> Result<()> {
        self.change_definitions(seen, |connection| changes.iter().try_for_each(|change| apply(connection, change)))?;
        for change in changes {
            self.keep_change(|| Change::Grants(change));
        }
        Ok(())
    }
}
