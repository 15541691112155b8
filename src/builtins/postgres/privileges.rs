//! The privileges of roles.

use datafusion::common::Result;

use super::{Call, Needs, PostgresFunction, catalog};
use crate::error::{SqlState, coded, invalid, one_of};
use crate::postgres_catalog::cells::Cell;
use crate::postgres_catalog::{DATABASE, EVERYBODYS, Function, Namespace, OWNER, PostgresCatalog, name_parts};

const fn of(
    name: &'static str,
    syntax: &'static str,
    text: &'static str,
    compute: fn(&Call<'_>) -> Result<Cell>,
) -> PostgresFunction {
    PostgresFunction { name, syntax, counts: (2, 3), gives: "bool", needs: Needs::Catalog, text, compute }
}

/// The privileges on tables that can be asked for. Some of them do not exist here, so nobody has them.
const OF_TABLES: &[&str] = &["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN", "RULE"];

/// An object that privileges are on: its number and its owner's; `None` if it does not exist.
type Found = Option<(i64, i64)>;

/// The answer about an object, for the arguments `(user, object, privilege)` or `(object, privilege)`. `privileges` are those that its
/// kind can have.
fn answer(
    call: &Call<'_>,
    privileges: &[&str],
    find: impl Fn(&PostgresCatalog, &Call<'_>, usize) -> Result<Found>,
    more: usize,
) -> Result<Cell> {
    // `more` counts arguments between the object and the privilege: a column.
    let object = call.count().saturating_sub(2 + more);
    if call.arguments.contains(&Cell::Null) {
        return Ok(Cell::Null);
    }
    let catalog = call.catalog()?;
    let role = match call.cell(0) {
        Cell::Text(name) if object == 1 && name == "public" => None,
        Cell::Text(name) if object == 1 => match catalog.role_named(name) {
            Some(role) => Some(role),
            None => return Err(coded(SqlState::UNDEFINED_OBJECT, name, "no such role; pg_roles lists them")),
        },
        _ if object == 1 => {
            let oid = call.int(0)?;
            catalog.roles.iter().find(|role| role.oid == oid)
        }
        _ => catalog.role_named(&catalog.role),
    };
    let found = find(catalog, call, object)?;
    let is_of_column = call.name == "has_sequence_privilege"
        && found.is_some_and(|(on, _)| catalog.relation(on).is_some_and(|relation| relation.is_table()));
    let mut may = false;
    let asked = call.text(call.count() - 1)?;
    for privilege in asked.split(',') {
        let word = privilege.trim().to_uppercase();
        let plain = word.strip_suffix(" WITH GRANT OPTION").or_else(|| word.strip_suffix(" WITH ADMIN OPTION"));
        let (word, as_grantor) = plain.map_or((word.as_str(), false), |word| (word, true));
        if !privileges.contains(&word) {
            return Err(invalid(call.name, format!("takes {}, got '{asked}'", one_of(privileges.iter().copied()))));
        }
        let word = match word {
            "TEMP" => "TEMPORARY",
            // The counter of a column is used by INSERT.
            "USAGE" if is_of_column => "INSERT",
            other => other,
        };
        may |= found.is_some_and(|(on, owner)| catalog.may(role, word, on, owner, as_grantor));
    }
    Ok(if found.is_some() { Cell::Bool(may) } else { Cell::Null })
}

fn table(catalog: &PostgresCatalog, call: &Call<'_>, place: usize) -> Result<Found> {
    let oid = call.class(place)?;
    match catalog.relation(oid) {
        Some(relation) => Ok(Some((oid, relation.owner))),
        None => Ok(catalog.class_name(oid).map(|_| (oid, OWNER))),
    }
}

/// A sequence, or the table whose rows a counter numbers.
fn counter(catalog: &PostgresCatalog, call: &Call<'_>, place: usize) -> Result<Found> {
    let oid = call.class(place)?;
    let found = catalog.all_counters().find(|(_, counter)| counter.oid == oid);
    Ok(found.map(|(relation, _)| (relation.oid, relation.owner)))
}

fn schema(catalog: &PostgresCatalog, call: &Call<'_>, place: usize) -> Result<Found> {
    let of = |namespace: &Namespace| (namespace.oid, namespace.owner);
    match call.cell(place) {
        Cell::Text(name) => {
            let own = name_parts(name).and_then(|mut parts| parts.pop()).unwrap_or_default();
            match catalog.namespaces.iter().find(|namespace| namespace.name == own || namespace.name == *name) {
                Some(namespace) => Ok(Some(of(namespace))),
                None => Err(coded(SqlState::INVALID_SCHEMA_NAME, name, "no such schema; SHOW SCHEMAS lists them")),
            }
        }
        _ => Ok(catalog.namespace(call.int(place)?).map(of)),
    }
}

fn database(_: &PostgresCatalog, _: &Call<'_>, _: usize) -> Result<Found> {
    Ok(Some((DATABASE, OWNER)))
}

/// Languages, types and similar objects, which everybody may use.
fn anything(_: &PostgresCatalog, _: &Call<'_>, _: usize) -> Result<Found> {
    Ok(Some((EVERYBODYS, OWNER)))
}

fn function(catalog: &PostgresCatalog, call: &Call<'_>, place: usize) -> Result<Found> {
    // Built-in functions may be called by everybody.
    let of = |function: &Function| (if function.is_of_user() { function.oid } else { EVERYBODYS }, function.owner);
    match call.cell(place) {
        Cell::Text(text) => {
            let name = text.split_once('(').map_or(text.as_str(), |(name, _)| name);
            let own = name_parts(name).and_then(|mut parts| parts.pop()).unwrap_or_default();
            match catalog.functions.iter().find(|function| function.name == own) {
                Some(function) => Ok(Some(of(function))),
                None => Err(coded(SqlState::UNDEFINED_FUNCTION, text, "no such function; pg_proc lists them")),
            }
        }
        _ => Ok(catalog.function(call.int(place)?).map(of)),
    }
}

fn column(call: &Call<'_>) -> Result<Cell> {
    let privileges = &["SELECT", "INSERT", "UPDATE", "REFERENCES"];
    let is_there = |catalog: &PostgresCatalog, call: &Call<'_>, place: usize| {
        let oid = call.class(place)?;
        let Some(relation) = catalog.relation(oid) else { return Ok(None) };
        let found = Some((oid, relation.owner));
        match call.cell(place + 1) {
            Cell::Text(name) if relation.columns.iter().all(|column| column.name != *name) => {
                Err(coded(SqlState::UNDEFINED_COLUMN, name, format!("no such column of {}", catalog::class_label(catalog, oid))))
            }
            Cell::Int(place) => {
                Ok(found.filter(|_| usize::try_from(*place).is_ok_and(|place| (1..=relation.columns.len()).contains(&place))))
            }
            _ => Ok(found),
        }
    };
    answer(call, privileges, is_there, 1)
}

fn role(call: &Call<'_>) -> Result<Cell> {
    if call.arguments.contains(&Cell::Null) {
        return Ok(Cell::Null);
    }
    let catalog = call.catalog()?;
    let own = call.count() - 2;
    let find = |place: usize| {
        let found = match call.cell(place) {
            Cell::Text(name) => catalog.role_named(name),
            _ => {
                let oid = call.int(place)?;
                catalog.roles.iter().find(|role| role.oid == oid)
            }
        };
        let name = call.text(place)?;
        found.ok_or_else(|| coded(SqlState::UNDEFINED_OBJECT, &name, "no such role; pg_roles lists them"))
    };
    let asking = if own == 1 { Some(find(0)?) } else { catalog.role_named(&catalog.role) };
    let wanted = find(own)?;
    let Some(asking) = asking else { return Ok(Cell::Bool(false)) };
    let reached = catalog.reached(asking.oid);
    Ok(Cell::Bool(asking.is_superuser || reached.contains(&wanted.oid)))
}

pub const ALL: &[PostgresFunction] = &[
    of(
        "has_table_privilege",
        "has_table_privilege([user,] table, privilege) → boolean",
        "Whether the role has this privilege on the table.",
        |call| answer(call, OF_TABLES, table, 0),
    ),
    of(
        "has_any_column_privilege",
        "has_any_column_privilege([user,] table, privilege) → boolean",
        "Whether the role has this privilege on the table.",
        |call| answer(call, OF_TABLES, table, 0),
    ),
    PostgresFunction {
        name: "has_column_privilege",
        syntax: "has_column_privilege([user,] table, column, privilege) → boolean",
        counts: (3, 4),
        gives: "bool",
        needs: Needs::Catalog,
        text: "Whether the role has this privilege on the table of the column.",
        compute: column,
    },
    of(
        "has_sequence_privilege",
        "has_sequence_privilege([user,] sequence, privilege) → boolean",
        "Whether the role has this privilege on the sequence; it may use the counter of a column if it may INSERT INTO the table.",
        |call| answer(call, &["USAGE", "SELECT", "UPDATE"], counter, 0),
    ),
    of(
        "has_schema_privilege",
        "has_schema_privilege([user,] schema, privilege) → boolean",
        "Whether the role has this privilege on the schema.",
        |call| answer(call, &["CREATE", "USAGE"], schema, 0),
    ),
    of(
        "has_database_privilege",
        "has_database_privilege([user,] database, privilege) → boolean",
        "Whether the role has this privilege on the database.",
        |call| answer(call, &["CREATE", "CONNECT", "TEMPORARY", "TEMP"], database, 0),
    ),
    of(
        "has_function_privilege",
        "has_function_privilege([user,] function, privilege) → boolean",
        "Whether the role may call the function.",
        |call| answer(call, &["EXECUTE"], function, 0),
    ),
    of("has_language_privilege", "has_language_privilege([user,] language, privilege) → boolean", "True.", |call| {
        answer(call, &["USAGE"], anything, 0)
    }),
    of("has_type_privilege", "has_type_privilege([user,] type, privilege) → boolean", "True.", |call| {
        answer(call, &["USAGE"], anything, 0)
    }),
    of("has_tablespace_privilege", "has_tablespace_privilege([user,] tablespace, privilege) → boolean", "True.", |call| {
        answer(call, &["CREATE"], anything, 0)
    }),
    of("has_server_privilege", "has_server_privilege([user,] server, privilege) → boolean", "True.", |call| {
        answer(call, &["USAGE"], anything, 0)
    }),
    of(
        "has_foreign_data_wrapper_privilege",
        "has_foreign_data_wrapper_privilege([user,] wrapper, privilege) → boolean",
        "True.",
        |call| answer(call, &["USAGE"], anything, 0),
    ),
    of("pg_has_role", "pg_has_role([user,] role, privilege) → boolean", "True for roles that a role is a member of.", role),
];
