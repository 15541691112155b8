//! `ROLE`: who may come in through a server, and what it may do.

use datafusion::common::Result;
use datafusion::sql::parser::Statement as SqlParsed;
use futures::future::BoxFuture;
use sqlparser::ast::{AlterRoleOperation, CreateRole, Expr, Password, RoleOption, Statement as SqlStatement, Value};

use super::definition::Definition;
use super::kind::{Kind, Uses, Values};
use super::values::{given, number, text, yes};
use crate::catalog::objects::{NewVersion, Object};
use crate::docs::{Column, Doc};
use crate::error::{SqlState, coded, did_you_mean, invalid};
use crate::passwords::Verifier;
use crate::sql::command::{Body, Grammar, normal};
use crate::sql::statement::STATEMENT;
use crate::sql::written::Written;
use crate::statement::StatementContext;
use crate::text::{identifier, literal};

static DOC: Doc = Doc {
    name: "CREATE ROLE",
    summary: "Makes a role: who may come in through a server, and what it may do.",
    syntax: "CREATE ROLE [IF NOT EXISTS] name [LOGIN] [SUPERUSER] [PASSWORD '…']
ALTER ROLE name [LOGIN | NOLOGIN] [SUPERUSER | NOSUPERUSER] [PASSWORD '…' | PASSWORD NULL]
ALTER ROLE name RENAME TO other
DROP ROLE [IF EXISTS] name",
    description: "\
Once a role has LOGIN and a password, everybody who connects to `portrait serve` needs one. A role reads everything and has tables of its session; with SUPERUSER it
also makes, changes and drops what is in the database, roles among it. Who opens the folder of the database itself (`portrait -d`) needs no role and may do all.

A password is never kept, and stands in no log, history or dump: what is kept is a verifier (SCRAM-SHA-256, 100,000 rounds), which checks passwords and opens
nothing. `PASSWORD` also takes such a verifier, as PostgreSQL writes it.",
    examples: &["CREATE ROLE ada LOGIN PASSWORD 'see no log';
SELECT name, login, superuser, has_password FROM system.roles;
DROP ROLE ada;"],
    ..STATEMENT
};

/// What a role may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Role {
    pub login: bool,
    pub superuser: bool,
    pub verifier: Option<Verifier>,
}

impl Role {
    /// The statement that makes it, which is what the database keeps.
    fn sql(&self, name: &str) -> String {
        let mut sql = format!("CREATE ROLE {}", identifier(name));
        if self.login {
            sql.push_str(" LOGIN");
        }
        if self.superuser {
            sql.push_str(" SUPERUSER");
        }
        if let Some(verifier) = &self.verifier {
            sql.push_str(&format!(" PASSWORD {}", literal(&verifier.to_string())));
        }
        sql
    }

    /// What a definition says.
    fn of(definition: &Definition) -> Option<Self> {
        let Body::Sql(parsed) = &definition.body else { return None };
        let SqlParsed::Statement(statement) = parsed.as_ref() else { return None };
        let SqlStatement::CreateRole(create) = statement.as_ref() else { return None };
        let mut role = Self { login: create.login == Some(true), superuser: create.superuser == Some(true), verifier: None };
        if let Some(Password::Password(Expr::Value(value))) = &create.password
            && let Value::SingleQuotedString(text) = &value.value
        {
            role.verifier = text.parse().ok();
        }
        Some(role)
    }

    /// Gives it a password, or takes it away.
    fn set_password(&mut self, name: &str, password: &Password) -> Result<()> {
        self.verifier = match password {
            Password::NullPassword => None,
            Password::Password(Expr::Value(value)) => match &value.value {
                Value::SingleQuotedString(text) if text.is_empty() => {
                    return Err(invalid(name, "a password needs a letter; write PASSWORD NULL for none"));
                }
                Value::SingleQuotedString(text) if text.starts_with("md5") && text.len() == 35 => {
                    return Err(invalid(name, "is given a password in MD5, which is not safe; give the password itself"));
                }
                Value::SingleQuotedString(text) => Some(text.parse().or_else(|()| Verifier::of(text))?),
                _ => return Err(invalid(name, "a password stands in single quotes")),
            },
            Password::Password(_) => return Err(invalid(name, "a password stands in single quotes")),
        };
        Ok(())
    }
}

/// Only who may do all makes roles.
fn check_superuser(context: &StatementContext) -> Result<()> {
    if context.is_superuser() {
        return Ok(());
    }
    let problem = "may not make, change or drop roles; ask a role with SUPERUSER";
    Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, context.role(), problem))
}

/// `CREATE ROLE`.
///
/// # Errors
/// A role of that name exists, an option is not known here, or the one who asks may not.
pub fn create(create: &CreateRole, context: &StatementContext) -> Result<()> {
    check_superuser(context)?;
    for name in &create.names {
        let name = only_name(name)?;
        if known(&name, context)?.is_some() {
            if create.if_not_exists {
                continue;
            }
            return Err(coded(SqlState::DUPLICATE_OBJECT, &name, "is a role already; ALTER ROLE changes it"));
        }
        if name == "public" || name.starts_with("pg_") {
            return Err(invalid(&name, "is not a name for a role: PostgreSQL's clients take it for something else"));
        }
        let mut role = Role { login: create.login == Some(true), superuser: create.superuser == Some(true), verifier: None };
        if let Some(password) = &create.password {
            role.set_password(&name, password)?;
        }
        put(&name, &role, context)?;
    }
    Ok(())
}

/// `ALTER ROLE`.
///
/// # Errors
/// As [`create`]; or there is no such role.
pub fn alter(name: &str, operation: &AlterRoleOperation, context: &StatementContext) -> Result<()> {
    // Everybody may choose another password.
    let is_own_password = matches!(operation, AlterRoleOperation::WithOptions { options }
        if context.role() == name && options.iter().all(|option| matches!(option, RoleOption::Password(_))));
    if !is_own_password {
        check_superuser(context)?;
    }
    let (object, mut role) = known(name, context)?.ok_or_else(|| missing(name, context))?;
    match operation {
        AlterRoleOperation::RenameRole { role_name } => {
            let new = normal(role_name);
            if known(&new, context)?.is_some() {
                return Err(coded(SqlState::DUPLICATE_OBJECT, &new, "is a role already; choose another name"));
            }
            context.catalog().remove_object(&object, None)?;
            put(&new, &role, context)
        }
        AlterRoleOperation::WithOptions { options } => {
            for option in options {
                match option {
                    RoleOption::Login(login) => role.login = *login,
                    RoleOption::SuperUser(superuser) => role.superuser = *superuser,
                    RoleOption::Password(password) => role.set_password(name, password)?,
                    other => return Err(unknown_option(&other.to_string())),
                }
            }
            put(name, &role, context)
        }
        other => Err(unknown_option(&other.to_string())),
    }
}

/// `DROP ROLE`.
///
/// # Errors
/// As [`alter`].
pub fn drop(name: &str, if_exists: bool, context: &StatementContext) -> Result<()> {
    check_superuser(context)?;
    match known(name, context)? {
        Some((object, _)) => context.catalog().remove_object(&object, None),
        None if if_exists => Ok(()),
        None => Err(missing(name, context)),
    }
}

fn unknown_option(option: &str) -> datafusion::error::DataFusionError {
    coded(SqlState::FEATURE_NOT_SUPPORTED, "role", format!("has no option {option}; there is LOGIN, SUPERUSER and PASSWORD"))
}

/// The one name of a role.
///
/// # Errors
/// A name of several parts.
pub fn only_name(name: &sqlparser::ast::ObjectName) -> Result<String> {
    match name.0.as_slice() {
        [own] => own.as_ident().map(normal).ok_or_else(|| invalid(&name.to_string(), "is no name of a role")),
        _ => Err(invalid(&name.to_string(), "a role has one name, without a schema")),
    }
}

fn put(name: &str, role: &Role, context: &StatementContext) -> Result<()> {
    let (sql, author) = (role.sql(name), context.role());
    let new = NewVersion { kind: "role", profile: "", name, sql: &sql, base: "", author };
    context.catalog().put_object(new, None)?;
    Ok(())
}

/// The role of that name.
///
/// # Errors
/// The catalog cannot be read.
pub fn known(name: &str, context: &StatementContext) -> Result<Option<(Object, Role)>> {
    let objects = context.objects()?;
    let Some(object) = objects.iter().find(|object| object.kind == "role" && object.name == name) else { return Ok(None) };
    let definition = Definition::read(object.clone(), context.session())?;
    Ok(Role::of(&definition).map(|role| (object.clone(), role)))
}

/// Every role, with its name.
///
/// # Errors
/// The catalog cannot be read.
pub fn all(context: &StatementContext) -> Result<Vec<(String, Role)>> {
    let objects = context.objects()?;
    let roles = objects.iter().filter(|object| object.kind == "role").map(|object| {
        let definition = Definition::read(object.clone(), context.session())?;
        Ok((object.name.clone(), Role::of(&definition).unwrap_or_default()))
    });
    roles.collect()
}

/// True when a role has a password, so that everybody who comes needs one.
///
/// # Errors
/// The catalog cannot be read.
pub fn has_logins(context: &StatementContext) -> Result<bool> {
    Ok(all(context)?.iter().any(|(_, role)| role.login && role.verifier.is_some()))
}

fn missing(name: &str, context: &StatementContext) -> datafusion::error::DataFusionError {
    let objects = context.objects();
    let names = objects.iter().flat_map(|objects| objects.iter()).filter(|object| object.kind == "role");
    let suggestion = did_you_mean(name, names.map(|object| object.name.as_str()));
    coded(SqlState::UNDEFINED_OBJECT, name, format!("no such role{suggestion}; CREATE ROLE makes one"))
}

/// The kind.
#[derive(Debug)]
pub struct RoleKind;

impl Grammar for RoleKind {
    fn word(&self) -> &'static str {
        "role"
    }

    fn is_of_sql(&self) -> bool {
        true
    }
}

impl Kind for RoleKind {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn uses(&self, _definition: &Definition) -> Uses {
        Uses::default()
    }

    fn is_named_in(&self, _object: &Object, _uses: &Uses) -> bool {
        false
    }

    fn check<'a>(&'a self, _object: &'a Object, _context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async { Ok(vec![]) })
    }

    fn describe(&self, definition: &Definition, _context: &StatementContext) -> Result<Vec<(String, String)>> {
        let role = Role::of(definition).unwrap_or_default();
        let said = [("login", role.login), ("superuser", role.superuser), ("has_password", role.verifier.is_some())];
        Ok(said.map(|(property, is)| (property.to_string(), is.to_string())).to_vec())
    }

    fn system_table(&self) -> &'static str {
        "roles"
    }

    fn listed(&self) -> &'static str {
        "The roles, with what they may do."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values(&self, definitions: &[Definition], _context: &StatementContext) -> Result<Values> {
        let roles: Vec<Role> = definitions.iter().map(|definition| Role::of(definition).unwrap_or_default()).collect();
        let of = |get: fn(&Object) -> &str| text(definitions.iter().map(move |definition| given(get(&definition.object))));
        Ok(vec![
            of(|object| &object.name),
            yes(roles.iter().map(|role| role.login)),
            yes(roles.iter().map(|role| role.superuser)),
            yes(roles.iter().map(|role| role.verifier.is_some())),
            number(definitions.iter().map(|definition| Some(definition.object.version))),
            of(|object| &object.author),
            of(|object| &object.created_at),
        ])
    }

    fn shown(&self) -> &'static str {
        "SELECT name, login, superuser, has_password FROM system.roles ORDER BY name"
    }

    /// Without its password, which is given anew with ALTER ROLE.
    fn dump(&self, definition: &Definition, _written: Written, _context: &StatementContext) -> Result<String> {
        let role = Role { verifier: None, ..Role::of(definition).unwrap_or_default() };
        Ok(role.sql(&definition.object.name))
    }
}

const COLUMNS: [Column; 7] = [
    Column { name: "name", data_type: "VARCHAR", text: "its name" },
    Column { name: "login", data_type: "BOOLEAN", text: "whether it may come in" },
    Column { name: "superuser", data_type: "BOOLEAN", text: "whether it may do all" },
    Column { name: "has_password", data_type: "BOOLEAN", text: "whether it has a password" },
    Column { name: "version", data_type: "BIGINT", text: "the version of its definition" },
    Column { name: "author", data_type: "VARCHAR", text: "who made it" },
    Column { name: "created_at", data_type: "VARCHAR", text: "when it was made, in UTC" },
];
