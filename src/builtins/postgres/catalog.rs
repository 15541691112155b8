//! Names, numbers, comments and sizes of the objects in the catalog.

use datafusion::common::Result;

use super::{Call, Needs, PostgresFunction};
use crate::error::{SqlState, coded, did_you_mean, invalid};
use crate::postgres_catalog::cells::Cell;
use crate::postgres_catalog::{DATABASE, PG_CATALOG, PostgresCatalog, Relation, name_parts, quoted, type_name, type_named};
use crate::postgres_types;

const fn of(
    name: &'static str,
    syntax: &'static str,
    counts: (usize, usize),
    gives: &'static str,
    text: &'static str,
    compute: fn(&Call<'_>) -> Result<Cell>,
) -> PostgresFunction {
    PostgresFunction { name, syntax, counts, gives, needs: Needs::Catalog, text, compute }
}

/// The number of a relation, given by name or as a number in text.
pub fn class_of(catalog: &PostgresCatalog, text: &str) -> Result<i64> {
    if let Some(oid) = number(text) {
        return Ok(oid);
    }
    catalog.class_named(text).ok_or_else(|| {
        let name = name_parts(text).and_then(|mut parts| parts.pop()).unwrap_or_default();
        let suggestion = did_you_mean(&name, catalog.relations.iter().map(|relation| relation.name.as_str()));
        coded(SqlState::UNDEFINED_TABLE, text, format!("no such table or view{suggestion}; pg_class lists them"))
    })
}

fn number(text: &str) -> Option<i64> {
    let text = text.trim();
    if text == "-" { Some(0) } else { text.parse::<u32>().ok().map(i64::from) }
}

fn type_of(text: &str) -> Result<i64> {
    number(text).or_else(|| type_named(text)).ok_or_else(|| {
        let names = postgres_types::TYPES.iter().map(|known| known.name);
        let problem = format!("no such type{}; pg_type lists them", did_you_mean(text, names));
        coded(SqlState::UNDEFINED_OBJECT, text, problem)
    })
}

fn function_of(catalog: &PostgresCatalog, text: &str) -> Result<i64> {
    if let Some(oid) = number(text) {
        return Ok(oid);
    }
    function_named(catalog, text).ok_or_else(|| coded(SqlState::UNDEFINED_FUNCTION, text, "no such function; pg_proc lists them"))
}

fn function_named(catalog: &PostgresCatalog, text: &str) -> Option<i64> {
    let parts = name_parts(text.split_once('(').map_or(text, |(name, _)| name))?;
    let name = parts.last()?;
    let found = catalog.functions.iter().find(|function| {
        function.name == *name && (parts.len() < 2 || catalog.schema(function.namespace) == parts[parts.len() - 2])
    });
    found.map(|function| function.oid)
}

fn namespace_of(catalog: &PostgresCatalog, text: &str) -> Result<i64> {
    number(text).or_else(|| namespace_named(catalog, text)).ok_or_else(|| {
        let names = catalog.namespaces.iter().map(|namespace| namespace.name.as_str());
        let problem = format!("no such schema{}; SHOW SCHEMAS lists them", did_you_mean(text, names));
        coded(SqlState::UNDEFINED_OBJECT, text, problem)
    })
}

fn namespace_named(catalog: &PostgresCatalog, text: &str) -> Option<i64> {
    let parts = name_parts(text)?;
    let [name] = parts.as_slice() else { return None };
    catalog.namespaces.iter().find(|namespace| namespace.name == *name).map(|namespace| namespace.oid)
}

fn role_of(catalog: &PostgresCatalog, text: &str) -> Result<i64> {
    let named = || name_parts(text).and_then(|parts| catalog.role_named(parts.first()?)).map(|role| role.oid);
    number(text).or_else(named).ok_or_else(|| coded(SqlState::UNDEFINED_OBJECT, text, "no such role; pg_roles lists them"))
}

/// A number, or the number of the named object.
fn numbered(call: &Call<'_>, of_name: fn(&PostgresCatalog, &str) -> Result<i64>) -> Result<Cell> {
    Ok(match call.cell(0) {
        Cell::Null => Cell::Null,
        Cell::Text(text) => Cell::Int(of_name(call.catalog()?, text)?),
        _ => Cell::Int(call.int(0)?),
    })
}

/// The name of an object of this kind by its number; the number itself if it is unknown.
fn text_of(catalog: &PostgresCatalog, kind: &str, oid: i64) -> String {
    if oid == 0 {
        return "-".into();
    }
    let name = match kind {
        "regclass" => catalog.class_name(oid),
        "regtype" => Some(type_name(oid, -1)).filter(|name| name != "???"),
        "regproc" => catalog.function(oid).map(|function| quoted(&function.name)),
        "regnamespace" => catalog.namespace(oid).map(|namespace| quoted(&namespace.name)),
        "regrole" => catalog.roles.iter().find(|role| role.oid == oid).map(|role| quoted(&role.name)),
        _ => None,
    };
    name.unwrap_or_else(|| oid.to_string())
}

/// The name of a relation, for messages.
pub fn class_label(catalog: &PostgresCatalog, oid: i64) -> String {
    text_of(catalog, "regclass", oid)
}

fn is_visible(call: &Call<'_>) -> Result<Cell> {
    Ok(if call.is_null(0) { Cell::Null } else { Cell::Bool(call.int(0)? != 0) })
}

/// A property of a relation, by its number or name; NULL if there is no such relation.
fn of_relation(call: &Call<'_>, value: impl Fn(&PostgresCatalog, &Relation) -> Cell) -> Result<Cell> {
    if call.is_null(0) {
        return Ok(Cell::Null);
    }
    let catalog = call.catalog()?;
    Ok(catalog.relation(call.class(0)?).map_or(Cell::Null, |relation| value(catalog, relation)))
}

fn size(call: &Call<'_>) -> Result<Cell> {
    // An index has no file of its own.
    if !call.is_null(0) && call.catalog()?.index(call.class(0)?).is_some() {
        return Ok(Cell::Int(0));
    }
    of_relation(call, |_, relation| Cell::Int(relation.bytes))
}

fn no_size(call: &Call<'_>) -> Result<Cell> {
    of_relation(call, |_, _| Cell::Int(0))
}

fn database_size(call: &Call<'_>) -> Result<Cell> {
    if call.is_null(0) {
        return Ok(Cell::Null);
    }
    let catalog = call.catalog()?;
    Ok(Cell::Int(catalog.relations.iter().map(|relation| relation.bytes).sum()))
}

fn object_comment(call: &Call<'_>) -> Result<Cell> {
    if call.is_null(0) || (call.count() == 2 && call.is_null(1)) {
        return Ok(Cell::Null);
    }
    let (catalog, oid) = (call.catalog()?, call.int(0)?);
    let listed = if call.count() == 2 { call.text(1)? } else { String::new() };
    let is = |name: &str| listed.is_empty() || listed == name || listed.strip_prefix("pg_catalog.") == Some(name);
    let of_class = || catalog.relation(oid).and_then(|relation| relation.comment.clone());
    let of_namespace = || catalog.namespace(oid).and_then(|namespace| namespace.comment.clone());
    let of_function = || catalog.function(oid).and_then(|function| function.comment.clone());
    let found = is("pg_class").then(of_class).flatten();
    let found = found.or_else(|| is("pg_namespace").then(of_namespace).flatten());
    Ok(found.or_else(|| is("pg_proc").then(of_function).flatten()).into())
}

fn column_comment(call: &Call<'_>) -> Result<Cell> {
    if call.is_null(0) || call.is_null(1) {
        return Ok(Cell::Null);
    }
    let place = usize::try_from(call.int(1)?).ok().and_then(|place| place.checked_sub(1));
    let relation = call.catalog()?.relation(call.int(0)?);
    let column = relation.and_then(|relation| relation.columns.get(place?));
    Ok(column.and_then(|column| column.comment.clone()).into())
}

fn text_of_kind(call: &Call<'_>) -> Result<Cell> {
    if call.is_null(1) {
        return Ok(Cell::Null);
    }
    Ok(text_of(call.catalog()?, &call.text(0)?, call.int(1)?).into())
}

fn found(call: &Call<'_>, find: impl Fn(&PostgresCatalog, &str) -> Option<i64>) -> Result<Cell> {
    if call.is_null(0) {
        return Ok(Cell::Null);
    }
    let text = call.text(0)?;
    Ok(find(call.catalog()?, &text).into())
}

/// The name of the function that returns the name of a `reg…` number: `reg_name('regclass', oid)`.
pub const REG_NAME: &str = "reg_name";

pub const ALL: &[PostgresFunction] = &[
    of(REG_NAME, "reg_name(type, oid) → text", (2, 2), "text", "What `oid::regclass` and its like are in text.", text_of_kind),
    of("regclass", "regclass(name or oid) → regclass", (1, 1), "regclass", "The number of a table or view.", |call| {
        numbered(call, class_of)
    }),
    of("regtype", "regtype(name or oid) → regtype", (1, 1), "regtype", "The number of a type.", |call| {
        numbered(call, |_, text| type_of(text))
    }),
    of("regproc", "regproc(name or oid) → regproc", (1, 1), "regproc", "The number of a function.", |call| {
        numbered(call, function_of)
    }),
    of("regnamespace", "regnamespace(name or oid) → regnamespace", (1, 1), "regnamespace", "The number of a schema.", |call| {
        numbered(call, namespace_of)
    }),
    PostgresFunction {
        name: "oid",
        syntax: "oid(number) → oid",
        counts: (1, 1),
        gives: "oid",
        needs: Needs::Nothing,
        text: "A number of the catalog.",
        compute: |call| Ok(if call.is_null(0) { Cell::Null } else { Cell::Int(call.int(0)?) }),
    },
    of("regrole", "regrole(name or oid) → regrole", (1, 1), "regrole", "The number of a role.", |call| numbered(call, role_of)),
    of(
        "to_regclass",
        "to_regclass(name) → regclass",
        (1, 1),
        "regclass",
        "The number of a table or view, NULL where there is none.",
        |call| found(call, |catalog, text| number(text).or_else(|| catalog.class_named(text))),
    ),
    of(
        "to_regtype",
        "to_regtype(name) → regtype",
        (1, 1),
        "regtype",
        "The number of a type, NULL where there is none.",
        |call| found(call, |_, text| number(text).or_else(|| type_named(text))),
    ),
    of(
        "to_regproc",
        "to_regproc(name) → regproc",
        (1, 1),
        "regproc",
        "The number of a function, NULL where there is none.",
        |call| found(call, function_named),
    ),
    of(
        "to_regprocedure",
        "to_regprocedure(name) → regproc",
        (1, 1),
        "regproc",
        "The number of a function, NULL where there is none.",
        |call| found(call, function_named),
    ),
    of(
        "to_regnamespace",
        "to_regnamespace(name) → regnamespace",
        (1, 1),
        "regnamespace",
        "The number of a schema, NULL where there is none.",
        |call| found(call, namespace_named),
    ),
    of(
        "to_regrole",
        "to_regrole(name) → regrole",
        (1, 1),
        "regrole",
        "The number of a role, NULL where there is none.",
        |call| found(call, |catalog, text| role_of(catalog, text).ok()),
    ),
    of(
        "pg_table_is_visible",
        "pg_table_is_visible(oid) → boolean",
        (1, 1),
        "bool",
        "True if a relation is found without its schema.",
        |call| {
            if call.is_null(0) {
                return Ok(Cell::Null);
            }
            let (catalog, oid) = (call.catalog()?, call.int(0)?);
            let of_index = || catalog.index(oid).map(|(relation, _)| catalog.searched().contains(&relation.namespace));
            let of_counter = || {
                let counter = catalog.counters().find(|(_, _, counter)| counter.oid == oid);
                counter.map(|(relation, _, _)| catalog.searched().contains(&relation.namespace))
            };
            let is_visible = catalog.relation(oid).map(|relation| catalog.is_visible(relation));
            Ok(is_visible.or_else(of_index).or_else(of_counter).into())
        },
    ),
    of(
        "pg_type_is_visible",
        "pg_type_is_visible(oid) → boolean",
        (1, 1),
        "bool",
        "True: types have no schema of their own.",
        is_visible,
    ),
    of(
        "pg_function_is_visible",
        "pg_function_is_visible(oid) → boolean",
        (1, 1),
        "bool",
        "True: functions have no schema of their own.",
        is_visible,
    ),
    of("pg_operator_is_visible", "pg_operator_is_visible(oid) → boolean", (1, 1), "bool", "True.", is_visible),
    of("pg_opclass_is_visible", "pg_opclass_is_visible(oid) → boolean", (1, 1), "bool", "True.", is_visible),
    of("pg_opfamily_is_visible", "pg_opfamily_is_visible(oid) → boolean", (1, 1), "bool", "True.", is_visible),
    of("pg_collation_is_visible", "pg_collation_is_visible(oid) → boolean", (1, 1), "bool", "True.", is_visible),
    of("pg_conversion_is_visible", "pg_conversion_is_visible(oid) → boolean", (1, 1), "bool", "True.", is_visible),
    of("pg_statistics_obj_is_visible", "pg_statistics_obj_is_visible(oid) → boolean", (1, 1), "bool", "True.", is_visible),
    of("pg_ts_config_is_visible", "pg_ts_config_is_visible(oid) → boolean", (1, 1), "bool", "True.", is_visible),
    of("pg_ts_dict_is_visible", "pg_ts_dict_is_visible(oid) → boolean", (1, 1), "bool", "True.", is_visible),
    of("pg_ts_parser_is_visible", "pg_ts_parser_is_visible(oid) → boolean", (1, 1), "bool", "True.", is_visible),
    of("pg_ts_template_is_visible", "pg_ts_template_is_visible(oid) → boolean", (1, 1), "bool", "True.", is_visible),
    of(
        "obj_description",
        "obj_description(oid [, catalog]) → text",
        (1, 2),
        "text",
        "The comment of a table, view, schema or function.",
        object_comment,
    ),
    of(
        "col_description",
        "col_description(table, column) → text",
        (2, 2),
        "text",
        "The comment of a column, by its place.",
        column_comment,
    ),
    of(
        "shobj_description",
        "shobj_description(oid, catalog) → text",
        (2, 2),
        "text",
        "The comment of a database or role: NULL.",
        |_| Ok(Cell::Null),
    ),
    of("pg_get_userbyid", "pg_get_userbyid(oid) → name", (1, 1), "name", "The name of a role.", |call| {
        if call.is_null(0) {
            return Ok(Cell::Null);
        }
        let oid = call.int(0)?;
        let role = call.catalog()?.roles.iter().find(|role| role.oid == oid);
        Ok(role.map_or_else(|| format!("unknown (OID={oid})"), |role| role.name.clone()).into())
    }),
    of(
        "pg_relation_size",
        "pg_relation_size(table [, fork]) → bigint",
        (1, 2),
        "int8",
        "The bytes of a table's files in the database.",
        size,
    ),
    of("pg_table_size", "pg_table_size(table) → bigint", (1, 1), "int8", "The bytes of a table's files in the database.", size),
    of(
        "pg_total_relation_size",
        "pg_total_relation_size(table) → bigint",
        (1, 1),
        "int8",
        "The bytes of a table's files in the database.",
        size,
    ),
    of("pg_indexes_size", "pg_indexes_size(table) → bigint", (1, 1), "int8", "0: a key has no files of its own.", no_size),
    of("pg_relation_filenode", "pg_relation_filenode(table) → oid", (1, 1), "oid", "The number of the table.", |call| {
        of_relation(call, |_, relation| Cell::Int(if relation.kind == 'r' { relation.oid } else { 0 }))
    }),
    of(
        "pg_database_size",
        "pg_database_size(name or oid) → bigint",
        (1, 1),
        "int8",
        "The bytes of all tables' files in the database.",
        database_size,
    ),
    of("pg_tablespace_size", "pg_tablespace_size(name or oid) → bigint", (1, 1), "int8", "The same.", database_size),
    of(
        "pg_tablespace_location",
        "pg_tablespace_location(oid) → text",
        (1, 1),
        "text",
        "An empty string: the database is in one folder.",
        |call| Ok(if call.is_null(0) { Cell::Null } else { "".into() }),
    ),
    of(
        "pg_relation_is_publishable",
        "pg_relation_is_publishable(table) → boolean",
        (1, 1),
        "bool",
        "True for tables made by CREATE TABLE.",
        |call| of_relation(call, |_, relation| Cell::Bool(relation.kind == 'r' && relation.is_of_user())),
    ),
    of(
        "pg_relation_is_updatable",
        "pg_relation_is_updatable(table, triggers) → integer",
        (2, 2),
        "int4",
        "28 for tables that take changes, 0 for others.",
        |call| {
            of_relation(call, |catalog, relation| {
                let takes = relation.kind == 'r'
                    && relation.is_of_user()
                    && !["profile", "segment"].contains(&catalog.schema(relation.namespace));
                Cell::Int(if takes { 28 } else { 0 })
            })
        },
    ),
    of(
        "pg_column_is_updatable",
        "pg_column_is_updatable(table, column, triggers) → boolean",
        (3, 3),
        "bool",
        "True for columns of tables that take changes.",
        |call| {
            of_relation(call, |catalog, relation| {
                let schema = catalog.schema(relation.namespace);
                Cell::Bool(relation.kind == 'r' && relation.is_of_user() && !["profile", "segment"].contains(&schema))
            })
        },
    ),
    of("pg_stat_get_numscans", "pg_stat_get_numscans(oid) → bigint", (1, 1), "int8", "0: scans are not counted.", |call| {
        Ok(if call.is_null(0) { Cell::Null } else { Cell::Int(0) })
    }),
    of(
        "pg_stat_get_live_tuples",
        "pg_stat_get_live_tuples(oid) → bigint",
        (1, 1),
        "int8",
        "The rows of a table, where they are counted.",
        |call| of_relation(call, |_, relation| Cell::Int(relation.rows.unwrap_or_default())),
    ),
    of(
        "pg_describe_object",
        "pg_describe_object(class, oid, part) → text",
        (3, 3),
        "text",
        "What an object is, in words.",
        |call| {
            let catalog = call.catalog()?;
            if call.is_null(0) || call.is_null(1) {
                return Ok(Cell::Null);
            }
            let (class, oid) = (call.class(0)?, call.int(1)?);
            let kind =
                catalog.relation(class).filter(|class| class.namespace == PG_CATALOG).map_or("", |class| class.name.as_str());
            Ok(match kind {
                "pg_class" => catalog.relation(oid).map(|relation| {
                    format!("{} {}", if relation.kind == 'v' { "view" } else { "table" }, text_of(catalog, "regclass", oid))
                }),
                "pg_type" => Some(format!("type {}", type_name(oid, -1))),
                "pg_namespace" => catalog.namespace(oid).map(|namespace| format!("schema {}", quoted(&namespace.name))),
                "pg_proc" => catalog
                    .function(oid)
                    .map(|function| format!("function {}({})", quoted(&function.name), function.written_arguments(false))),
                "pg_database" if oid == DATABASE => Some("database portrait".into()),
                "" => {
                    return Err(invalid(call.name, format!("{class} is not a table of pg_catalog; write 'pg_class'::regclass")));
                }
                _ => None,
            }
            .into())
        },
    ),
];
