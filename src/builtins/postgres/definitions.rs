//! The statements that would create the objects in the catalog, and their parts.

use datafusion::common::Result;

use super::{Call, Needs, PostgresFunction};
use crate::error::{SqlState, coded};
use crate::postgres_catalog::cells::Cell;
use crate::postgres_catalog::{Function, Part, PostgresCatalog, part_oid, quoted};

const fn of(
    name: &'static str,
    syntax: &'static str,
    counts: (usize, usize),
    text: &'static str,
    compute: fn(&Call<'_>) -> Result<Cell>,
) -> PostgresFunction {
    PostgresFunction { name, syntax, counts, gives: "text", needs: Needs::Catalog, text, compute }
}

fn nothing(_: &Call<'_>) -> Result<Cell> {
    Ok(Cell::Null)
}

fn view(call: &Call<'_>) -> Result<Cell> {
    if call.is_null(0) {
        return Ok(Cell::Null);
    }
    let relation = call.catalog()?.relation(call.class(0)?);
    Ok(relation.and_then(|relation| relation.query()).into())
}

fn rule(call: &Call<'_>) -> Result<Cell> {
    if call.is_null(0) {
        return Ok(Cell::Null);
    }
    let (catalog, oid) = (call.catalog()?, call.int(0)?);
    let is_it = |relation: &&crate::postgres_catalog::Relation| {
        relation.definition.is_some() && part_oid(relation.oid, Part::Rule) == oid
    };
    let found = catalog.relations.iter().find(is_it);
    Ok(found
        .and_then(|view| {
            let query = view.query()?;
            Some(format!("CREATE RULE \"_RETURN\" AS\n    ON SELECT TO {} DO INSTEAD {query}", catalog.qualified(view)))
        })
        .into())
}

fn constraint(call: &Call<'_>) -> Result<Cell> {
    if call.is_null(0) {
        return Ok(Cell::Null);
    }
    let catalog = call.catalog()?;
    let found = catalog.constraint(call.int(0)?);
    Ok(found.map(|(relation, constraint)| relation.constraint_definition(constraint, catalog)).into())
}

fn index(call: &Call<'_>) -> Result<Cell> {
    if call.is_null(0) {
        return Ok(Cell::Null);
    }
    let catalog = call.catalog()?;
    let column = if call.count() > 1 { call.int(1)? } else { 0 };
    let Some((relation, key)) = catalog.index(call.class(0)?) else { return Ok(Cell::Null) };
    if column == 0 {
        return Ok(relation.index_definition(key, catalog).into());
    }
    let place = usize::try_from(column).ok().and_then(|column| key.columns.get(column.checked_sub(1)?));
    Ok(place.and_then(|place| relation.column(*place)).map_or_else(String::new, |column| quoted(&column.name)).into())
}

fn function(call: &Call<'_>, value: impl Fn(&PostgresCatalog, &Function) -> Option<String>) -> Result<Cell> {
    if call.is_null(0) {
        return Ok(Cell::Null);
    }
    let (catalog, oid) = (call.catalog()?, call.int(0)?);
    Ok(catalog.function(oid).and_then(|function| value(catalog, function)).into())
}

fn whole_function(catalog: &PostgresCatalog, function: &Function) -> Option<String> {
    if let Some(definition) = &function.definition {
        return (!definition.is_empty()).then(|| definition.clone());
    }
    let schema = quoted(catalog.schema(function.namespace));
    Some(format!(
        "CREATE OR REPLACE FUNCTION {schema}.{}({})\n RETURNS {}\n LANGUAGE internal\nAS $function${}$function$\n",
        quoted(&function.name),
        function.written_arguments(true),
        function.result(),
        function.name
    ))
}

pub const ALL: &[PostgresFunction] = &[
    of("pg_get_viewdef", "pg_get_viewdef(view [, pretty]) → text", (1, 2), "The query of a view.", view),
    of("pg_get_ruledef", "pg_get_ruledef(oid [, pretty]) → text", (1, 2), "The rule that a view is.", rule),
    of(
        "pg_get_constraintdef",
        "pg_get_constraintdef(oid [, pretty]) → text",
        (1, 2),
        "What a constraint says: `PRIMARY KEY (id)`.",
        constraint,
    ),
    of(
        "pg_get_indexdef",
        "pg_get_indexdef(index [, column, pretty]) → text",
        (1, 3),
        "The statement that would make an index, or one of its columns.",
        index,
    ),
    of("pg_get_functiondef", "pg_get_functiondef(oid) → text", (1, 1), "The statement that made a function.", |call| {
        function(call, whole_function)
    }),
    of(
        "pg_get_function_arguments",
        "pg_get_function_arguments(oid) → text",
        (1, 1),
        "The arguments of a function, with their defaults.",
        |call| function(call, |_, function| Some(function.written_arguments(true))),
    ),
    of(
        "pg_get_function_identity_arguments",
        "pg_get_function_identity_arguments(oid) → text",
        (1, 1),
        "The arguments of a function.",
        |call| function(call, |_, function| Some(function.written_arguments(false))),
    ),
    of("pg_get_function_result", "pg_get_function_result(oid) → text", (1, 1), "The type of a function's result.", |call| {
        function(call, |_, function| Some(function.result()))
    }),
    of(
        "pg_get_function_arg_default",
        "pg_get_function_arg_default(oid, place) → text",
        (2, 2),
        "The default of an argument.",
        |call| {
            if call.is_null(1) {
                return Ok(Cell::Null);
            }
            let place = usize::try_from(call.int(1)?).ok().and_then(|place| place.checked_sub(1));
            function(call, |_, function| function.arguments.get(place?)?.default.clone())
        },
    ),
    of(
        "pg_get_function_sqlbody",
        "pg_get_function_sqlbody(oid) → text",
        (1, 1),
        "NULL: pg_get_functiondef shows the whole.",
        nothing,
    ),
    of(
        "pg_get_expr",
        "pg_get_expr(expression, table [, pretty]) → text",
        (2, 3),
        "An expression of the catalog in SQL.",
        |call| Ok(call.cell(0).clone()),
    ),
    of("pg_get_triggerdef", "pg_get_triggerdef(oid [, pretty]) → text", (1, 2), "NULL: there are no triggers.", nothing),
    of("pg_get_partkeydef", "pg_get_partkeydef(table) → text", (1, 1), "NULL: no table is partitioned so.", nothing),
    of(
        "pg_get_partition_constraintdef",
        "pg_get_partition_constraintdef(table) → text",
        (1, 1),
        "NULL: no table is partitioned so.",
        nothing,
    ),
    of("pg_get_statisticsobjdef", "pg_get_statisticsobjdef(oid) → text", (1, 1), "NULL: there are none.", nothing),
    of(
        "pg_get_statisticsobjdef_columns",
        "pg_get_statisticsobjdef_columns(oid) → text",
        (1, 1),
        "NULL: there are none.",
        nothing,
    ),
    of(
        "pg_get_serial_sequence",
        "pg_get_serial_sequence(table, column) → text",
        (2, 2),
        "The counter of a column that numbers its rows, or the sequence that it owns; NULL for other columns.",
        |call| {
            if call.is_null(0) || call.is_null(1) {
                return Ok(Cell::Null);
            }
            let (catalog, table, column) = (call.catalog()?, call.class(0)?, call.text(1)?);
            let Some(relation) = catalog.relation(table) else { return Ok(Cell::Null) };
            let Some(found) = relation.columns.iter().find(|own| own.name == column) else {
                return Err(coded(SqlState::UNDEFINED_COLUMN, &relation.name, format!("has no column {column}")));
            };
            let place = (1..).zip(&relation.columns).find_map(|(place, own)| (own.name == column).then_some(place));
            let owned = place.and_then(|place| catalog.owned_sequence(table, place)).map(|(_, counter)| counter);
            let counter = found.counter.as_ref().or(owned);
            Ok(counter.map(|counter| format!("{}.{}", quoted(&counter.schema), quoted(&counter.name))).into())
        },
    ),
    of("pg_get_replica_identity_index", "pg_get_replica_identity_index(table) → regclass", (1, 1), "NULL.", nothing),
];
