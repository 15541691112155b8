//! What the role of a statement is allowed to do, and which objects it sees.
//!
//! A role sees the objects that it owns, and those on which a privilege was granted to it, to a role it is a member of, or to PUBLIC. All
//! other objects do not exist for it: their names are not found, and neither lists nor error messages mention them. The body of a
//! definition is planned with the privileges of the role that owns the definition, so a view can show rows of tables that its readers may
//! not read.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::error::DataFusionError;

use super::StatementContext;
use crate::catalog::grants::{Grant, PUBLIC, Privilege, Thing};
use crate::catalog::objects::Object;
use crate::error::{SqlState, coded};

/// PostgreSQL's predefined roles that have a meaning here, with what each one allows.
pub const PREDEFINED: [(&str, &str); 6] = [
    ("pg_read_all_data", "SELECT on everything, now and later"),
    ("pg_write_all_data", "INSERT, UPDATE, DELETE and TRUNCATE on every table, now and later"),
    ("pg_read_server_files", "READ on files"),
    ("pg_write_server_files", "WRITE on files"),
    ("pg_monitor", "sees what others run"),
    ("pg_signal_backend", "ends what others run"),
];

/// The privileges of a role in one state of the database.
#[derive(Debug)]
pub struct Rights {
    is_superuser: bool,
    /// The role, the roles it is a member of, and PUBLIC.
    roles: BTreeSet<String>,
    grants: Arc<[Grant]>,
    /// Name, number and owner of each schema.
    schemas: Vec<(String, i64, String)>,
    /// The profiles; their owners also own their tags.
    profiles: Vec<Object>,
}

impl Rights {
    /// The rights of a role. An empty name stands for whoever may open the database's folder.
    pub fn of(role: &str, is_superuser: bool, objects: &[Object], grants: Arc<[Grant]>) -> Self {
        let mut roles = BTreeSet::from([PUBLIC.to_string(), role.to_string()]);
        loop {
            let more = grants.iter().filter_map(|grant| match &grant.on {
                Thing::Role(group) if roles.contains(&grant.role) && !roles.contains(group) => Some(group.clone()),
                _ => None,
            });
            let more: Vec<String> = more.collect();
            if more.is_empty() {
                break;
            }
            roles.extend(more);
        }
        // Objects made before there were roles have an empty owner, which must not count as a member's name.
        roles.remove("");
        let of = |kind: &'static str| objects.iter().filter(move |object| object.kind == kind);
        let schemas = of("schema").map(|object| (object.name.clone(), object.id, object.owner.clone())).collect();
        Self { is_superuser, roles, grants, schemas, profiles: of("profile").cloned().collect() }
    }

    /// True when everything is allowed.
    pub fn is_superuser(&self) -> bool {
        self.is_superuser
    }

    /// True for a member of `role`, and for `role` itself.
    pub fn is_member(&self, role: &str) -> bool {
        self.is_superuser || self.roles.contains(role)
    }

    /// True when the role owns the object.
    pub fn owns(&self, object: &Object) -> bool {
        // A tag belongs to the owner of its profile.
        let owner = match object.kind.as_str() {
            "tag" => self.profile(&object.profile).map_or("", |profile| profile.owner.as_str()),
            _ => &object.owner,
        };
        self.is_superuser || (!owner.is_empty() && self.roles.contains(owner))
    }

    fn profile(&self, name: &str) -> Option<&Object> {
        self.profiles.iter().find(|profile| profile.name == name)
    }

    /// True when the privilege was granted.
    pub fn has(&self, privilege: Privilege, on: &Thing) -> bool {
        self.granted(on).any(|grant| grant.privilege == privilege)
    }

    /// True when the role may grant the privilege to others.
    pub fn may_grant(&self, privilege: Privilege, on: &Thing) -> bool {
        self.is_superuser || self.granted(on).any(|grant| grant.privilege == privilege && grant.is_grantable)
    }

    fn granted(&self, on: &Thing) -> impl Iterator<Item = &Grant> {
        self.grants.iter().filter(move |grant| grant.on == *on && self.roles.contains(&grant.role))
    }

    /// The schema of an object: the one that its name is qualified with, if it was created, else the default schema of its kind.
    pub fn schema_of(&self, object: &Object) -> Thing {
        match object.kind.as_str() {
            "profile" | "tag" => Thing::Schema("profile".into()),
            "segment" => Thing::Schema("segment".into()),
            _ => match object.name.split_once('.').and_then(|(schema, _)| self.schema(schema)) {
                Some(id) => Thing::Object(id),
                None => Thing::Schema(PUBLIC.into()),
            },
        }
    }

    fn schema(&self, name: &str) -> Option<i64> {
        self.schemas.iter().find(|(own, ..)| own == name).map(|(_, id, _)| *id)
    }

    /// The schema of that name, created or built in.
    pub fn schema_named(&self, name: &str) -> Thing {
        self.schema(name).map_or_else(|| Thing::Schema(name.into()), Thing::Object)
    }

    /// True when the role has the privilege on a schema.
    pub fn may_in(&self, privilege: Privilege, schema: &Thing) -> bool {
        let owns = matches!(schema, Thing::Object(id) if self.schemas.iter().any(|(_, own, owner)| own == id && self.roles.contains(owner)));
        let is_open = privilege == Privilege::Usage
            && (matches!(schema, Thing::Schema(name) if name != PUBLIC) || self.has(Privilege::Select, schema));
        self.is_superuser
            || owns
            || is_open
            || self.has(privilege, schema)
            || (privilege == Privilege::Create && self.has(privilege, &Thing::Database))
    }

    /// True when the role has the privilege on the database.
    pub fn may_in_database(&self, privilege: Privilege) -> bool {
        self.is_superuser || self.has(privilege, &Thing::Database)
    }

    /// True when the role may read or write files by name.
    pub fn may_with_files(&self, privilege: Privilege) -> bool {
        let role = if privilege == Privilege::Write { "pg_write_server_files" } else { "pg_read_server_files" };
        self.is_superuser || self.has(privilege, &Thing::Files) || self.roles.contains(role)
    }

    /// True when the role has the privilege on an object.
    pub fn may(&self, privilege: Privilege, object: &Object) -> bool {
        if self.owns(object) {
            return true;
        }
        // A tag is a column of its profile, so privileges on the profile apply.
        let object = match object.kind.as_str() {
            "tag" => match self.profile(&object.profile) {
                Some(profile) => profile,
                None => return false,
            },
            _ => object,
        };
        let schema = self.schema_of(object);
        if !self.may_in(Privilege::Usage, &schema) {
            return false;
        }
        let everywhere = match privilege {
            Privilege::Select => self.roles.contains("pg_read_all_data"),
            Privilege::Insert | Privilege::Update | Privilege::Delete | Privilege::Truncate => {
                self.roles.contains("pg_write_all_data")
            }
            _ => false,
        };
        everywhere
            || self.has(privilege, &Thing::Object(object.id))
            || (privilege != Privilege::Usage && self.has(privilege, &schema))
            || self.has(privilege, &Thing::Database)
    }

    /// True when the object exists for the role: it has some privilege on it.
    pub fn sees(&self, object: &Object) -> bool {
        match object.kind.as_str() {
            "role" => self.is_superuser || self.roles.contains(&object.name),
            "schema" => {
                let schema = Thing::Object(object.id);
                self.owns(object) || self.granted(&schema).next().is_some() || self.roles.contains("pg_read_all_data")
            }
            _ => {
                use Privilege::{Delete, Insert, Refresh, Select, Truncate, Update, Usage};
                [Select, Insert, Update, Delete, Truncate, Refresh, Usage].iter().any(|privilege| self.may(*privilege, object))
            }
        }
    }
}

impl StatementContext {
    /// The rights that apply here: those of the owner in the body of a definition, else those of the session's role.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn rights(&self) -> Result<Arc<Rights>> {
        match self.part.owner.as_deref() {
            Some(owner) => self.rights_of(owner, owner.is_empty()),
            None => self.rights_of(self.role(), self.whole.origin.is_trusted),
        }
    }

    /// The rights of the role whose masks and row policies apply here; `None` when that role sees everything as it is.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn reader(&self) -> Result<Option<Arc<Rights>>> {
        let rights = match self.part.reader.as_deref() {
            Some("") => return Ok(None),
            Some(reader) => self.rights_of(reader, false)?,
            None => self.rights_of(self.role(), self.whole.origin.is_trusted)?,
        };
        Ok((!rights.is_superuser()).then_some(rights))
    }

    /// The rights of the role that opened the session, where SET ROLE gave it another one and masks for it apply nevertheless. A login
    /// with SUPERUSER has none, and what is read as a fixed role does not depend on who logged in.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn login_rights(&self) -> Result<Option<Arc<Rights>>> {
        if self.part.reader.is_some() || self.login() == self.role() {
            return Ok(None);
        }
        let rights = self.rights_of(self.login(), self.whole.origin.is_trusted_login)?;
        Ok((!rights.is_superuser()).then_some(rights))
    }

    /// The name of the role whose masks and row policies apply here.
    pub fn reader_name(&self) -> &str {
        self.part.reader.as_deref().unwrap_or_else(|| self.role())
    }

    /// True when the role that runs the statement is a superuser, whoever owns the definition being planned.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub(super) fn is_run_by_superuser(&self) -> Result<bool> {
        Ok(self.rights_of(self.role(), self.whole.origin.is_trusted)?.is_superuser())
    }

    fn rights_of(&self, role: &str, is_trusted: bool) -> Result<Arc<Rights>> {
        let key = role.to_string();
        if let Some(known) = self.whole.rights.lock().get(&(key.clone(), is_trusted)) {
            return Ok(Arc::clone(known));
        }
        let (objects, grants) = (self.whole.view.objects()?, self.whole.view.grants()?);
        let role = objects.iter().find(|object| object.kind == "role" && object.name == key);
        let is_superuser = is_trusted || role.is_some_and(|role| (self.whole.origin.is_superuser)(role, self.session()));
        let rights = Arc::new(Rights::of(&key, is_superuser, &objects, grants));
        self.whole.rights.lock().insert((key, is_trusted), Arc::clone(&rights));
        Ok(rights)
    }

    /// Checks that the role has a privilege on an object that it sees.
    ///
    /// # Errors
    /// It does not have it.
    pub fn check_may(&self, privilege: Privilege, object: &Object) -> Result<()> {
        if self.rights()?.may(privilege, object) {
            return Ok(());
        }
        let what = match object.kind.as_str() {
            "table" | "view" | "external table" => format!("table {}", object.name),
            _ => object.label(),
        };
        Err(self.not_allowed(&what, &format!("GRANT {privilege} ON {} {} TO {}", word(object), object.name, self.role())))
    }

    /// Checks that the role owns an object.
    ///
    /// # Errors
    /// The role is not the owner.
    pub fn check_owns(&self, object: &Object) -> Result<()> {
        if self.rights()?.owns(object) {
            return Ok(());
        }
        let problem = format!("{} must be its owner to change or drop it; ask the owner, or a role with SUPERUSER", self.role());
        Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, &object.label(), problem))
    }

    /// The owner of the objects that the statement creates: its role, or nobody (an empty name) when that role does not exist in the
    /// database.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn owner(&self) -> Result<String> {
        let objects = self.whole.view.objects()?;
        let is_role = objects.iter().any(|object| object.kind == "role" && object.name == self.role());
        Ok(if is_role { self.role().to_string() } else { String::new() })
    }

    /// Checks that the role may read or write files by name; inside a definition, that its owner may.
    ///
    /// # Errors
    /// The privilege was not granted.
    pub fn check_files(&self, privilege: Privilege, location: &str) -> Result<()> {
        if self.rights()?.may_with_files(privilege) {
            return Ok(());
        }
        let role = self.part.owner.as_deref().unwrap_or_else(|| self.role());
        // Which files a definition of another role reads is for that role to know.
        let what = self.inside().filter(|_| role != self.role()).unwrap_or(location);
        Err(not_allowed_to(role, what, &format!("GRANT {privilege} ON FILES TO {role}")))
    }

    /// The error for a missing privilege, with advice on what to ask for.
    pub fn not_allowed(&self, what: &str, advice: &str) -> DataFusionError {
        not_allowed_to(self.role(), what, advice)
    }

    /// Replaces a "not found" error for a role that does not see everything, so that the error does not reveal which objects exist.
    pub fn unseen(&self, error: DataFusionError, name: &str) -> DataFusionError {
        match self.rights() {
            Ok(rights) if !rights.is_superuser() => {
                let problem = format!("there is nothing of that name that {} may use", self.role());
                coded(SqlState::INSUFFICIENT_PRIVILEGE, name, problem)
            }
            _ => error,
        }
    }
}

/// The keyword for an object's kind in GRANT.
fn word(object: &Object) -> String {
    match object.kind.as_str() {
        "view" | "external table" => "TABLE".into(),
        kind => kind.to_uppercase(),
    }
}

fn not_allowed_to(role: &str, what: &str, advice: &str) -> DataFusionError {
    coded(SqlState::INSUFFICIENT_PRIVILEGE, what, format!("permission denied to {role}; ask for: {advice}"))
}
