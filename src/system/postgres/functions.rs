//! Functions and aggregates.

use super::classes::access;
use super::data::Row;
use super::row;
use crate::postgres_catalog::cells::Cell;
use crate::postgres_catalog::{Function, PostgresCatalog};

/// The OIDs of the languages `internal` and `sql`.
const INTERNAL: i64 = 12;
const SQL: i64 = 14;

/// The rows of a table about functions; `None` for tables about other things.
pub fn rows(table: &str, catalog: &PostgresCatalog) -> Option<Vec<Row>> {
    Some(match table {
        "pg_proc" => catalog.functions.iter().map(|own| function(own, catalog)).collect(),
        "pg_aggregate" => {
            let aggregates = catalog.functions.iter().filter(|function| function.kind == 'a');
            aggregates
                .map(|function| {
                    row! {"aggfnoid": function.oid, "aggkind": "n", "aggfinalmodify": "r", "aggmfinalmodify": "r", "aggtranstype": function.returns}
                })
                .collect()
        }
        _ => return None,
    })
}

fn function(function: &Function, catalog: &PostgresCatalog) -> Row {
    let named = function.arguments.iter().any(|argument| !argument.name.is_empty());
    let count = |number: usize| i64::try_from(number).unwrap_or_default();
    let defaults: Vec<&str> = function.arguments.iter().filter_map(|argument| argument.default.as_deref()).collect();
    let variadic = function.arguments.iter().find(|argument| argument.is_variadic);
    row! {
        "oid": function.oid,
        "proname": function.name.as_str(),
        "pronamespace": function.namespace,
        "proowner": function.owner,
        "prolang": if function.definition.is_some() { SQL } else { INTERNAL },
        "procost": Cell::Float(1.0),
        "prorows": Cell::Float(if function.returns_set { 1000.0 } else { 0.0 }),
        "provariadic": variadic.map_or(0, |argument| argument.type_oid),
        "prokind": function.kind,
        "proisstrict": function.is_strict,
        "proretset": function.returns_set,
        "provolatile": function.volatility,
        "proparallel": "s",
        "pronargs": count(function.arguments.len()),
        "pronargdefaults": count(defaults.len()),
        "prorettype": function.returns,
        "proargtypes": function.arguments.iter().map(|argument| argument.type_oid).collect::<Vec<i64>>(),
        "proargnames": named.then(|| function.arguments.iter().map(|argument| argument.name.clone()).collect::<Vec<String>>()),
        "proargdefaults": (!defaults.is_empty()).then(|| defaults.join(", ")),
        "proacl": access(catalog, function.oid, function.owner, &["EXECUTE"]),
        "prosrc": function.definition.clone().unwrap_or_else(|| function.name.clone()),
    }
}
