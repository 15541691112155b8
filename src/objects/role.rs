//! `ROLE`: who may connect to a server, and what they may do.

use datafusion::arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use datafusion::common::Result;
use datafusion::execution::session_state::SessionState;
use datafusion::sql::parser::Statement as SqlParsed;
use futures::future::BoxFuture;
use sqlparser::ast::{
    AlterRoleOperation, CreateRole, Expr, ObjectName, Password, ResetConfig, RoleOption, SetConfigValue,
    Statement as SqlStatement, Value,
};

use super::definition::Definition;
use super::kind::{Kind, Uses, Values};
use super::lifecycle::listed;
use super::protection::rules_for;
use super::values::{given, number, text, yes};
use crate::catalog::budgets::MILLIONTHS;
use crate::catalog::grants::{Grant, GrantChange, Privilege, Thing};
use crate::catalog::objects::{NewVersion, Object};
use crate::catalog::role_limits::{MEMORY_SHARE, QUERIES, RoleLimits, TIMEOUT};
use crate::docs::{Column, Doc};
use crate::error::{SqlState, coded, did_you_mean, invalid};
use crate::passwords::Verifier;
use crate::postgres_settings::checked;
use crate::sql::command::{Body, Grammar, normal};
use crate::sql::statement::STATEMENT;
use crate::sql::written::Written;
use crate::statement::{PREDEFINED, StatementContext};
use crate::text::{identifier, literal};

static DOC: Doc = Doc {
    name: "CREATE ROLE",
    summary: "Creates a role: an account that can log in to a server, or a group of accounts, with rights.",
    syntax: "CREATE ROLE [IF NOT EXISTS] name [LOGIN] [SUPERUSER] [PASSWORD '…'] [CONNECTION LIMIT n] [VALID UNTIL 'time'] [IN ROLE other, …]
CREATE USER …
ALTER ROLE name [LOGIN | NOLOGIN] [SUPERUSER | NOSUPERUSER] [PASSWORD '…' | PASSWORD NULL] [CONNECTION LIMIT n] [VALID UNTIL 'time']
ALTER ROLE name RENAME TO other
ALTER ROLE name SET setting = n
ALTER ROLE name RESET setting
DROP ROLE [IF EXISTS] name",
    description: "\
As soon as one role has LOGIN and a password, everybody who connects to `portrait serve` needs both. A role may use what it owns, and what GRANT gives to it or to a role
that it is a member of; with SUPERUSER it may do everything. A user is a role with LOGIN. Anyone who can open the folder of the database (`portrait -d`) needs no role and
may do everything. A role that owns objects cannot be dropped; `REASSIGN OWNED BY name TO other` gives them to another role first. A role that masks or row policies are for
keeps its name and cannot be dropped either.

Three settings limit what the connections of a role to a server may use, and what its schedules may: `statement_timeout` the time of a statement (`'30s'`; a number is milliseconds),
`portrait.memory_share` the percentage of the memory limit that one statement may use, `portrait.max_queries` how many statements its connections run at the same time;
others wait for their turn. A session may SET less, never more. A change applies to new connections. RESET removes the limit.

`portrait.privacy_budget` limits what `noisy_count` and `noisy_sum` may reveal to the role: the sum of `epsilon` over its answers. `system.privacy_budgets` shows what is spent.
What is already spent counts against a new budget. RESET removes the budget and forgets what was spent.

`CONNECTION LIMIT` limits the number of connections at the same time. After `VALID UNTIL` the password is no longer accepted. `INHERIT`, `NOCREATEDB`,
`NOCREATEROLE`, `NOREPLICATION` and `NOBYPASSRLS`, as in dumps of PostgreSQL, change nothing: every role is like that.

Passwords are never stored, and never appear in a log, history or dump. The database keeps a verifier (SCRAM-SHA-256, 100,000 rounds), which can check a password but cannot be used
to log in. `PASSWORD` also accepts such a verifier, in PostgreSQL's format.

**Elsewhere.** As in PostgreSQL, without CREATEDB, REPLICATION and other settings of a role; in PostgreSQL these are what a session begins with, here limits. DuckDB and SQLite have
no roles.",
    examples: &["CREATE ROLE ada LOGIN PASSWORD 'see no log';
SELECT name, login, superuser, has_password FROM system.roles;
DROP ROLE ada;"],
    ..STATEMENT
};

/// The properties of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Role {
    pub login: bool,
    pub superuser: bool,
    pub verifier: Option<Verifier>,
    /// The maximum number of simultaneous connections.
    pub connections: Option<usize>,
    /// When its password expires, as written.
    pub valid_until: Option<String>,
}

impl Role {
    /// The statement that creates it, which is what the database stores.
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
        if let Some(connections) = self.connections {
            sql.push_str(&format!(" CONNECTION LIMIT {connections}"));
        }
        if let Some(until) = &self.valid_until {
            sql.push_str(&format!(" VALID UNTIL {}", literal(until)));
        }
        sql
    }

    /// Reads a definition.
    fn of(definition: &Definition) -> Option<Self> {
        let Body::Sql(parsed) = &definition.body else { return None };
        let SqlParsed::Statement(statement) = parsed.as_ref() else { return None };
        let SqlStatement::CreateRole(create) = statement.as_ref() else { return None };
        let mut role = Self { login: create.login == Some(true), superuser: create.superuser == Some(true), ..Self::default() };
        role.connections = create.connection_limit.as_ref().and_then(|limit| limit.to_string().parse().ok());
        role.valid_until = create.valid_until.as_ref().and_then(quoted);
        if let Some(Password::Password(Expr::Value(value))) = &create.password
            && let Value::SingleQuotedString(text) = &value.value
        {
            role.verifier = text.parse().ok();
        }
        Some(role)
    }

    /// True when it may log in at this time, in microseconds since 1970.
    pub fn may_come_in(&self, now: i64) -> bool {
        let until = self.valid_until.as_deref().and_then(|until| moment_of(until).ok().flatten());
        self.login && until.is_none_or(|until| now < until)
    }

    fn set_connections(&mut self, name: &str, limit: &Expr) -> Result<()> {
        self.connections = match limit.to_string().parse::<i64>() {
            // -1 means no limit in PostgreSQL.
            Ok(-1) => None,
            Ok(limit) if limit >= 0 => usize::try_from(limit).ok(),
            _ => return Err(invalid(name, format!("CONNECTION LIMIT takes a number from 0 on, or -1 for none, got {limit}"))),
        };
        Ok(())
    }

    fn set_valid_until(&mut self, name: &str, until: &Expr) -> Result<()> {
        let wrong =
            || invalid(name, format!("VALID UNTIL takes a time in quotes, such as '2027-01-31 18:00:00+08:00', got {until}"));
        let text = quoted(until).ok_or_else(wrong)?;
        self.valid_until = moment_of(&text).map_err(|()| wrong())?.map(|_| text);
        Ok(())
    }

    /// Sets or removes the password.
    fn set_password(&mut self, name: &str, password: &Password) -> Result<()> {
        self.verifier = match password {
            Password::NullPassword => None,
            Password::Password(Expr::Value(value)) => match &value.value {
                Value::SingleQuotedString(text) if text.is_empty() => {
                    return Err(invalid(name, "a password must not be empty; write PASSWORD NULL for none"));
                }
                Value::SingleQuotedString(text) if text.starts_with("md5") && text.len() == 35 => {
                    return Err(invalid(name, "is given a password in MD5, which is not safe; give the password itself"));
                }
                Value::SingleQuotedString(text) => Some(text.parse().or_else(|()| Verifier::of(text))?),
                _ => return Err(invalid(name, "a password must be in single quotes")),
            },
            Password::Password(_) => return Err(invalid(name, "a password must be in single quotes")),
        };
        Ok(())
    }
}

fn quoted(value: &Expr) -> Option<String> {
    match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// A written time in microseconds since 1970; `infinity` is `None`.
fn moment_of(text: &str) -> std::result::Result<Option<i64>, ()> {
    if text.eq_ignore_ascii_case("infinity") {
        return Ok(None);
    }
    let time = string_to_timestamp_nanos(text).map_err(|_| ())?;
    Ok(Some(time.div_euclid(1000)))
}

/// True for a role with SUPERUSER.
pub fn is_superuser(object: &Object, session: &SessionState) -> bool {
    Definition::read(object.clone(), session).ok().and_then(|definition| Role::of(&definition)).is_some_and(|role| role.superuser)
}

/// Accepts options of PostgreSQL only with the fixed value that they have here.
fn check_option(option: &str, is_so: bool, wanted: bool) -> Result<()> {
    let no = if wanted { "" } else { "NO" };
    if wanted == is_so { Ok(()) } else { Err(unknown_option(&format!("{no}{option}"))) }
}

/// The change for a membership given in CREATE ROLE.
fn member(role: &str, group: &str, is_grantable: bool, context: &StatementContext) -> Result<GrantChange> {
    let renewed = context.renewed();
    for name in [role, group] {
        if known(name, &renewed)?.is_none() && !PREDEFINED.iter().any(|(own, _)| *own == name) {
            return Err(missing(name, &renewed));
        }
    }
    let (on, grantor) = (Thing::Role(group.into()), context.role().to_string());
    let grant = Grant { role: role.into(), privilege: Privilege::Member, on, grantor, is_grantable };
    Ok(GrantChange::Give(grant, None))
}

/// Only superusers manage roles.
fn check_superuser(context: &StatementContext) -> Result<()> {
    if context.rights()?.is_superuser() {
        return Ok(());
    }
    let problem = "may not make, change or drop roles; ask a role with SUPERUSER";
    Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, context.role(), problem))
}

/// `CREATE ROLE`.
///
/// # Errors
/// The role exists, an option is unknown, or the current role may not create roles.
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
        if ["public", "none"].contains(&name.as_str()) || name.starts_with("pg_") {
            return Err(invalid(&name, "cannot be the name of a role: PostgreSQL's clients give it another meaning"));
        }
        let mut role = Role { login: create.login == Some(true), superuser: create.superuser == Some(true), ..Role::default() };
        if let Some(password) = &create.password {
            role.set_password(&name, password)?;
        }
        if let Some(limit) = &create.connection_limit {
            role.set_connections(&name, limit)?;
        }
        if let Some(until) = &create.valid_until {
            role.set_valid_until(&name, until)?;
        }
        for (option, is_so, wanted) in [
            ("CREATEDB", false, create.create_db),
            ("CREATEROLE", false, create.create_role),
            ("REPLICATION", false, create.replication),
            ("BYPASSRLS", false, create.bypassrls),
            ("INHERIT", true, create.inherit),
        ] {
            check_option(option, is_so, wanted.unwrap_or(is_so))?;
        }
        put(&name, &role, context)?;
        let (members, groups) = (&create.role, create.in_role.iter().chain(&create.in_group));
        let into = groups.map(|group| (name.clone(), normal(group)));
        let of = members.iter().chain(&create.user).map(|member| (normal(member), name.clone()));
        let changes = into.chain(of).map(|(role, group)| member(&role, &group, false, context));
        let own = create.admin.iter().map(|admin| member(&normal(admin), &name, true, context));
        let changes: Vec<GrantChange> = changes.chain(own).collect::<Result<_>>()?;
        context.catalog().change_grants(changes, None)?;
    }
    Ok(())
}

/// `ALTER ROLE`.
///
/// # Errors
/// As [`create`]; or there is no such role.
pub fn alter(name: &str, operation: &AlterRoleOperation, context: &StatementContext) -> Result<()> {
    // Every role may change its own password.
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
            refuse_protected(name, context)?;
            put(&new, &role, context)?;
            let change = GrantChange::RenameRole(name.into(), new);
            context.catalog().change_grants(vec![change], None)?;
            context.catalog().remove_object(&object, None)
        }
        AlterRoleOperation::WithOptions { options } => {
            for option in options {
                match option {
                    RoleOption::Login(login) => role.login = *login,
                    RoleOption::SuperUser(superuser) => role.superuser = *superuser,
                    RoleOption::Password(password) => role.set_password(name, password)?,
                    RoleOption::ConnectionLimit(limit) => role.set_connections(name, limit)?,
                    RoleOption::ValidUntil(until) => role.set_valid_until(name, until)?,
                    RoleOption::CreateDB(false) | RoleOption::CreateRole(false) | RoleOption::Inherit(true) => {}
                    RoleOption::Replication(false) | RoleOption::BypassRLS(false) => {}
                    other => return Err(unknown_option(&other.to_string())),
                }
            }
            put(name, &role, context)
        }
        AlterRoleOperation::Set { config_name, config_value, in_database: None } if is_budget(config_name) => {
            let budget = match config_value {
                SetConfigValue::Value(value) => Some(budget(value)?),
                SetConfigValue::Default => None,
                SetConfigValue::FromCurrent => return Err(unknown_option(&operation.to_string())),
            };
            context.catalog().put_budget(name, budget)
        }
        AlterRoleOperation::Reset { config_name: ResetConfig::ConfigName(setting), in_database: None } if is_budget(setting) => {
            context.catalog().put_budget(name, None)
        }
        AlterRoleOperation::Set { config_name, config_value, in_database: None } => {
            let setting = limit_named(config_name)?;
            let value = match config_value {
                SetConfigValue::Value(value) => most(setting, value)?,
                SetConfigValue::Default => None,
                SetConfigValue::FromCurrent => return Err(unknown_option(&operation.to_string())),
            };
            context.catalog().put_limit(name, setting, value)
        }
        AlterRoleOperation::Reset { config_name: ResetConfig::ConfigName(setting), in_database: None } => {
            context.catalog().put_limit(name, limit_named(setting)?, None)
        }
        other => Err(unknown_option(&other.to_string())),
    }
}

/// The setting of a role that limits what answers with noise reveal.
const BUDGET: &str = "portrait.privacy_budget";
/// The largest budget, in effect unlimited.
const MOST_BUDGET: f64 = 1_000_000.0;

fn is_budget(setting: &ObjectName) -> bool {
    setting.to_string().eq_ignore_ascii_case(BUDGET)
}

/// A written budget in millionths.
fn budget(written: &Expr) -> Result<i64> {
    let text = quoted(written).unwrap_or_else(|| written.to_string());
    match text.trim().parse::<f64>() {
        Ok(budget) if (0.0..=MOST_BUDGET).contains(&budget) => Ok((budget * MILLIONTHS as f64).round() as i64),
        _ => Err(invalid(
            BUDGET,
            format!("must be a number from 0 to {MOST_BUDGET}, the sum of epsilon that is spent, got {text}"),
        )),
    }
}

/// The most that `portrait.max_queries` can say, in effect unlimited.
const MOST_QUERIES: i64 = 10_000;

/// The limit that a setting of a role is.
fn limit_named(setting: &ObjectName) -> Result<&'static str> {
    let written = setting.to_string();
    [TIMEOUT, MEMORY_SHARE, QUERIES].into_iter().find(|known| written.eq_ignore_ascii_case(known)).ok_or_else(|| {
        let problem = format!("is not a setting of a role; there is {TIMEOUT}, {MEMORY_SHARE}, {QUERIES} and {BUDGET}");
        coded(SqlState::FEATURE_NOT_SUPPORTED, &written, problem)
    })
}

/// A written limit; `None` for no limit.
fn most(setting: &str, written: &Expr) -> Result<Option<i64>> {
    let text = quoted(written).unwrap_or_else(|| written.to_string());
    if setting == TIMEOUT {
        let milliseconds = checked(setting, &text)?.parse::<i64>().unwrap_or(0);
        return Ok((milliseconds > 0).then_some(milliseconds));
    }
    let largest = if setting == MEMORY_SHARE { 100 } else { MOST_QUERIES };
    match text.trim().parse::<i64>() {
        Ok(value) if (1..=largest).contains(&value) => Ok(Some(value)),
        _ => Err(invalid(setting, format!("must be a number from 1 to {largest}, got {text}"))),
    }
}

/// `DROP ROLE`.
///
/// # Errors
/// As [`alter`].
pub fn drop(name: &str, if_exists: bool, context: &StatementContext) -> Result<()> {
    check_superuser(context)?;
    match known(name, context)? {
        Some((object, _)) => {
            let objects = context.all_objects()?;
            let owned: Vec<Object> = objects.iter().filter(|object| object.owner == name).cloned().collect();
            if !owned.is_empty() {
                let problem =
                    format!("owns {}; drop them first, or REASSIGN OWNED BY {name} TO another role", listed(&owned, context)?);
                return Err(coded(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, name, problem));
            }
            refuse_protected(name, context)?;
            context.catalog().change_grants(vec![GrantChange::DropRole(name.into())], None)?;
            context.catalog().remove_object(&object, None)
        }
        None if if_exists => Ok(()),
        None => Err(missing(name, context)),
    }
}

/// Refuses to take a name away that masks or row policies are for: they would apply to nobody, and a role of another name would see
/// what they hide.
fn refuse_protected(name: &str, context: &StatementContext) -> Result<()> {
    let rules = rules_for(name, context)?;
    if rules.is_empty() {
        return Ok(());
    }
    let problem =
        format!("is named after FOR by {}; drop them first, or CREATE OR REPLACE them for others", listed(&rules, context)?);
    Err(coded(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, name, problem))
}

fn unknown_option(option: &str) -> datafusion::error::DataFusionError {
    coded(
        SqlState::FEATURE_NOT_SUPPORTED,
        "role",
        format!("has no option {option}; there is LOGIN, SUPERUSER, PASSWORD, CONNECTION LIMIT, VALID UNTIL and IN ROLE"),
    )
}

/// A role name, which has one part.
///
/// # Errors
/// The name has several parts.
pub fn only_name(name: &ObjectName) -> Result<String> {
    match name.0.as_slice() {
        [own] => own.as_ident().map(normal).ok_or_else(|| invalid(&name.to_string(), "is not a valid role name")),
        _ => Err(invalid(&name.to_string(), "a role has one name, without a schema")),
    }
}

fn put(name: &str, role: &Role, context: &StatementContext) -> Result<()> {
    let (sql, author) = (role.sql(name), context.role());
    let new = NewVersion { kind: "role", profile: "", name, sql: &sql, base: "", author };
    context.catalog().put_object(new, None)?;
    Ok(())
}

/// The role with this name.
///
/// # Errors
/// The catalog cannot be read.
pub fn known(name: &str, context: &StatementContext) -> Result<Option<(Object, Role)>> {
    let objects = context.all_objects()?;
    let Some(object) = objects.iter().find(|object| object.kind == "role" && object.name == name) else { return Ok(None) };
    let definition = Definition::read(object.clone(), context.session())?;
    Ok(Role::of(&definition).map(|role| (object.clone(), role)))
}

/// All roles with their names.
///
/// # Errors
/// The catalog cannot be read.
pub fn all(context: &StatementContext) -> Result<Vec<(String, Role)>> {
    let objects = context.all_objects()?;
    let roles = objects.iter().filter(|object| object.kind == "role").map(|object| {
        let definition = Definition::read(object.clone(), context.session())?;
        Ok((object.name.clone(), Role::of(&definition).unwrap_or_default()))
    });
    roles.collect()
}

/// True when some role can log in with a password, so that everyone must.
///
/// # Errors
/// The catalog cannot be read.
pub fn has_logins(context: &StatementContext) -> Result<bool> {
    Ok(all(context)?.iter().any(|(_, role)| role.login && role.verifier.is_some()))
}

/// The error for a role that does not exist.
pub fn missing(name: &str, context: &StatementContext) -> datafusion::error::DataFusionError {
    let objects = context.all_objects();
    let names = objects.iter().flat_map(|objects| objects.iter()).filter(|object| object.kind == "role");
    let suggestion = did_you_mean(name, names.map(|object| object.name.as_str()));
    let error = coded(SqlState::UNDEFINED_OBJECT, name, format!("no such role{suggestion}; CREATE ROLE makes one"));
    context.unseen(error, name)
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
        let mut said = said.map(|(property, is)| (property.to_string(), is.to_string())).to_vec();
        said.extend(role.connections.map(|limit| ("connection_limit".to_string(), limit.to_string())));
        said.extend(role.valid_until.map(|until| ("valid_until".to_string(), until)));
        Ok(said)
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

    fn values(&self, definitions: &[Definition], context: &StatementContext) -> Result<Values> {
        let all = context.catalog().limits()?;
        let limits: Vec<RoleLimits> =
            definitions.iter().map(|definition| RoleLimits::of(&definition.object.name, &all)).collect();
        let limit = |get: fn(&RoleLimits) -> Option<u64>| {
            number(limits.iter().map(move |limits| get(limits).and_then(|most| i64::try_from(most).ok())))
        };
        let roles: Vec<Role> = definitions.iter().map(|definition| Role::of(definition).unwrap_or_default()).collect();
        let of = |get: fn(&Object) -> &str| text(definitions.iter().map(move |definition| given(get(&definition.object))));
        Ok(vec![
            of(|object| &object.name),
            yes(roles.iter().map(|role| role.login)),
            yes(roles.iter().map(|role| role.superuser)),
            yes(roles.iter().map(|role| role.verifier.is_some())),
            number(roles.iter().map(|role| role.connections.and_then(|limit| i64::try_from(limit).ok()))),
            text(roles.iter().map(|role| role.valid_until.clone())),
            limit(|limits| limits.timeout),
            limit(|limits| limits.memory_share),
            limit(|limits| limits.queries.and_then(|queries| u64::try_from(queries).ok())),
            number(definitions.iter().map(|definition| Some(definition.object.version))),
            of(|object| &object.author),
            of(|object| &object.created_at),
        ])
    }

    fn shown(&self) -> &'static str {
        "SELECT name, login, superuser, has_password FROM system.roles ORDER BY name"
    }

    /// Without the password, which must be set again with ALTER ROLE.
    fn dump(&self, definition: &Definition, _written: Written, _context: &StatementContext) -> Result<String> {
        let role = Role { verifier: None, ..Role::of(definition).unwrap_or_default() };
        Ok(role.sql(&definition.object.name))
    }
}

const COLUMNS: [Column; 12] = [
    Column { name: "name", data_type: "VARCHAR", text: "its name" },
    Column { name: "login", data_type: "BOOLEAN", text: "whether it may log in" },
    Column { name: "superuser", data_type: "BOOLEAN", text: "whether it has SUPERUSER" },
    Column { name: "has_password", data_type: "BOOLEAN", text: "whether it has a password" },
    Column {
        name: "connection_limit",
        data_type: "BIGINT",
        text: "how many connections it may have at the same time; NULL means no limit",
    },
    Column { name: "valid_until", data_type: "VARCHAR", text: "when its password expires" },
    Column {
        name: "statement_timeout",
        data_type: "BIGINT",
        text: "how many milliseconds a statement may take; NULL means no limit",
    },
    Column {
        name: "memory_share",
        data_type: "BIGINT",
        text: "the largest percentage of the memory limit for one statement; NULL means no limit",
    },
    Column {
        name: "max_queries",
        data_type: "BIGINT",
        text: "how many statements may run at the same time; NULL means no limit",
    },
    Column { name: "version", data_type: "BIGINT", text: "the version of its definition" },
    Column { name: "author", data_type: "VARCHAR", text: "who made it" },
    Column { name: "created_at", data_type: "VARCHAR", text: "when it was created, in UTC" },
];
