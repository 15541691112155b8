//! What a role may do. What the catalog of a statement shows, its role may use.

use datafusion::common::Result;

use super::{Call, Needs, PostgresFunction, catalog};
use crate::error::{SqlState, coded, invalid, one_of};
use crate::postgres_catalog::cells::Cell;
use crate::postgres_catalog::{PostgresCatalog, name_parts};

const fn of(
    name: &'static str,
    syntax: &'static str,
    text: &'static str,
    compute: fn(&Call<'_>) -> Result<Cell>,
) -> PostgresFunction {
    PostgresFunction { name, syntax, counts: (2, 3), gives: "bool", needs: Needs::Catalog, text, compute }
}

const OF_TABLES: &[&str] = &["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN", "RULE"];

/// What every role may do.
const READING: [&str; 6] = ["SELECT", "USAGE", "CONNECT", "EXECUTE", "TEMP", "TEMPORARY"];

/// The answer about an object and the privileges that its kind has; `(user, object, privilege)` or `(object, privilege)`.
fn answer(
    call: &Call<'_>,
    privileges: &[&str],
    is_there: impl Fn(&PostgresCatalog, &Call<'_>, usize) -> Result<bool>,
    more: usize,
) -> Result<Cell> {
    // What stands between the object and the privilege: a column.
    let object = call.count().saturating_sub(2 + more);
    if call.arguments.contains(&Cell::Null) {
        return Ok(Cell::Null);
    }
    let catalog = call.catalog()?;
    if object == 1
        && let Cell::Text(name) = call.cell(0)
        && name != "public"
        && catalog.role_named(name).is_none()
    {
        return Err(coded(SqlState::UNDEFINED_OBJECT, name, "no such role; pg_roles lists them"));
    }
    let named = match call.cell(0) {
        Cell::Text(name) if object == 1 => catalog.role_named(name).map(|role| role.is_superuser),
        _ => Some(catalog.is_superuser),
    };
    let (may_do_all, mut may) = (named == Some(true), false);
    let asked = call.text(call.count() - 1)?;
    for privilege in asked.split(',') {
        let word = privilege.trim().to_uppercase();
        let word = word.strip_suffix(" WITH GRANT OPTION").or_else(|| word.strip_suffix(" WITH ADMIN OPTION")).unwrap_or(&word);
        if !privileges.contains(&word) {
            return Err(invalid(call.name, format!("takes {}, got '{asked}'", one_of(privileges.iter().copied()))));
        }
        may |= may_do_all || READING.contains(&word);
    }
    Ok(if is_there(catalog, call, object)? { Cell::Bool(may) } else { Cell::Null })
}

fn table(catalog: &PostgresCatalog, call: &Call<'_>, place: usize) -> Result<bool> {
    let oid = call.class(place)?;
    Ok(catalog.relation(oid).is_some() || catalog.class_name(oid).is_some())
}

fn schema(catalog: &PostgresCatalog, call: &Call<'_>, place: usize) -> Result<bool> {
    match call.cell(place) {
        Cell::Text(name) => {
            let own = name_parts(name).and_then(|mut parts| parts.pop()).unwrap_or_default();
            if catalog.namespaces.iter().any(|namespace| namespace.name == own || namespace.name == *name) {
                return Ok(true);
            }
            Err(coded(SqlState::UNDEFINED_OBJECT, name, "no such schema; SHOW SCHEMAS lists them"))
        }
        _ => Ok(catalog.namespace(call.int(place)?).is_some()),
    }
}

fn anything(_: &PostgresCatalog, _: &Call<'_>, _: usize) -> Result<bool> {
    Ok(true)
}

fn function(catalog: &PostgresCatalog, call: &Call<'_>, place: usize) -> Result<bool> {
    match call.cell(place) {
        Cell::Text(text) => {
            let name = text.split_once('(').map_or(text.as_str(), |(name, _)| name);
            let own = name_parts(name).and_then(|mut parts| parts.pop()).unwrap_or_default();
            if catalog.functions.iter().any(|function| function.name == own) {
                return Ok(true);
            }
            Err(coded(SqlState::UNDEFINED_FUNCTION, text, "no such function; pg_proc lists them"))
        }
        _ => Ok(catalog.function(call.int(place)?).is_some()),
    }
}

fn column(call: &Call<'_>) -> Result<Cell> {
    let privileges = &["SELECT", "INSERT", "UPDATE", "REFERENCES"];
    let is_there = |catalog: &PostgresCatalog, call: &Call<'_>, place: usize| {
        let oid = call.class(place)?;
        let Some(relation) = catalog.relation(oid) else { return Ok(false) };
        match call.cell(place + 1) {
            Cell::Text(name) if relation.columns.iter().all(|column| column.name != *name) => {
                Err(coded(SqlState::UNDEFINED_COLUMN, name, format!("no such column of {}", catalog::class_label(catalog, oid))))
            }
            Cell::Int(place) => Ok(usize::try_from(*place).is_ok_and(|place| (1..=relation.columns.len()).contains(&place))),
            _ => Ok(true),
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
    let mut reached = vec![asking.oid];
    let mut next = 0;
    while let Some(oid) = reached.get(next).copied() {
        next += 1;
        let more = catalog.roles.iter().find(|role| role.oid == oid).map_or(&[][..], |role| &role.member_of);
        let new: Vec<i64> = more.iter().copied().filter(|oid| !reached.contains(oid)).collect();
        reached.extend(new);
    }
    Ok(Cell::Bool(asking.is_superuser || reached.contains(&wanted.oid)))
}

pub const ALL: &[PostgresFunction] = &[
    of(
        "has_table_privilege",
        "has_table_privilege([user,] table, privilege) → boolean",
        "True for tables that there are.",
        |call| answer(call, OF_TABLES, table, 0),
    ),
    of(
        "has_any_column_privilege",
        "has_any_column_privilege([user,] table, privilege) → boolean",
        "True for tables that there are.",
        |call| answer(call, OF_TABLES, table, 0),
    ),
    PostgresFunction {
        name: "has_column_privilege",
        syntax: "has_column_privilege([user,] table, column, privilege) → boolean",
        counts: (3, 4),
        gives: "bool",
        needs: Needs::Catalog,
        text: "True for columns that there are.",
        compute: column,
    },
    of(
        "has_sequence_privilege",
        "has_sequence_privilege([user,] sequence, privilege) → boolean",
        "There are no sequences.",
        |call| answer(call, &["USAGE", "SELECT", "UPDATE"], table, 0),
    ),
    of(
        "has_schema_privilege",
        "has_schema_privilege([user,] schema, privilege) → boolean",
        "True for schemas that there are.",
        |call| answer(call, &["CREATE", "USAGE"], schema, 0),
    ),
    of("has_database_privilege", "has_database_privilege([user,] database, privilege) → boolean", "True.", |call| {
        answer(call, &["CREATE", "CONNECT", "TEMPORARY", "TEMP"], anything, 0)
    }),
    of(
        "has_function_privilege",
        "has_function_privilege([user,] function, privilege) → boolean",
        "True for functions that there are.",
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
