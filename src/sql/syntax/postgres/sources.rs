//! Functions in FROM: those that are tables here, series, and lists.

use std::collections::HashSet;
use std::iter;
use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::execution::session_state::SessionState;
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, JoinConstraint,
    ObjectNamePart, Select, SelectItem, TableAlias, TableAliasColumnDef, TableFactor, TableWithJoins, TimezoneInfo, Value,
};

use super::json_rows;
use super::lists::in_conditions;
use super::{is_vector, plain, without_schema};
use crate::docs::Kind;
use crate::functions;
use crate::sql::command::normal;
use crate::sql::parser::parse_query;
use crate::sql::references::parameters_in;
use crate::sql::syntax::call_of;
use crate::sql::syntax::expression_macros::with;
use crate::sql::syntax::merged_columns::constraint;
use crate::walk::Walk;

/// `SELECT generate_series(1, 3)` gives a row for each value, as in FROM, and so do casts of it and calculations with it. Within a call it is
/// a list.
fn series_as_rows(expression: &mut Expr) {
    use BinaryOperator::{Divide, Minus, Modulo, Multiply, Plus};
    match expression {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => series_as_rows(inner),
        Expr::BinaryOp { left, op: Plus | Minus | Multiply | Divide | Modulo, right } => {
            series_as_rows(left);
            series_as_rows(right);
        }
        Expr::Function(call) if is_series(call) => {
            let series = expression.clone();
            *expression = call_of("unnest", vec![series]);
        }
        _ => {}
    }
}

/// True for a call of `generate_series` whose bounds are not those of a list, which is expanded by itself.
fn is_series(call: &Function) -> bool {
    let ([name], FunctionArguments::List(list)) = (call.name.0.as_slice(), &call.args) else { return false };
    let has_bounds = |argument: &FunctionArg| matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) if asks_bounds(argument));
    name.as_ident().is_some_and(|name| normal(name) == "generate_series") && !list.args.iter().any(has_bounds)
}

/// True for `array_lower(list, 1)` and `array_upper(list, 1)`. A series between them consists of subscripts, and is expanded to rows.
pub fn asks_bounds(argument: &Expr) -> bool {
    let Expr::Function(call) = argument else { return false };
    let name = call.name.0.last().and_then(ObjectNamePart::as_ident).map(normal);
    name.is_some_and(|name| ["array_lower", "array_upper"].contains(&name.as_str()))
}

/// Functions in FROM that are provided as tables, with the query for each.
const IN_FROM: [(&str, &str); 9] = [
    ("pg_get_keywords", "SELECT * FROM pg_catalog.pg_get_keywords"),
    ("pg_show_all_settings", "SELECT * FROM pg_catalog.pg_settings"),
    ("pg_lock_status", "SELECT * FROM pg_catalog.pg_locks"),
    ("pg_stat_get_activity", "SELECT * FROM pg_catalog.pg_stat_activity"),
    ("pg_timezone_names", "SELECT * FROM pg_catalog.pg_timezone_names"),
    ("pg_timezone_abbrevs", "SELECT * FROM pg_catalog.pg_timezone_abbrevs"),
    ("pg_available_extensions", "SELECT * FROM pg_catalog.pg_available_extensions"),
    ("pg_options_to_table", "SELECT '' AS option_name, '' AS option_value WHERE false"),
    ("aclexplode", "SELECT oid(0) AS grantor, oid(0) AS grantee, '' AS privilege_type, false AS is_grantable WHERE false"),
];

/// Names the column of a series as the function in FROM does.
fn with_value(alias: &mut Option<TableAlias>, function: &str) {
    let alias = alias.get_or_insert_with(|| TableAlias { explicit: true, name: Ident::new(function), columns: vec![], at: None });
    if alias.columns.is_empty() {
        alias.columns.push(TableAliasColumnDef::from_name("value"));
    }
}

/// True for what is written as a TIMESTAMP WITH TIME ZONE.
fn is_zoned(argument: &Expr) -> bool {
    let data_type = match argument {
        Expr::Nested(within) => return is_zoned(within),
        Expr::TypedString(typed) => &typed.data_type,
        Expr::Cast { data_type, .. } => data_type,
        _ => return false,
    };
    matches!(data_type, DataType::Timestamp(_, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz))
}

/// Rewrites an item of FROM.
///
/// # Errors
/// None for parsed statements.
pub fn factor(factor: &mut TableFactor, state: &SessionState) -> Result<()> {
    let (name, alias, arguments, with_ordinality) = match factor {
        TableFactor::Table { name, alias, args: Some(arguments), with_ordinality, .. } => {
            (name, alias, &mut arguments.args, *with_ordinality)
        }
        TableFactor::Function { name, alias, args, with_ordinality, .. } => (name, alias, args, *with_ordinality),
        _ => return Ok(()),
    };
    without_schema(name);
    let Some(own) = plain(name) else { return Ok(()) };
    if let Some((_, query)) = IN_FROM.iter().find(|(name, _)| *name == own).filter(|_| !with_ordinality) {
        let alias =
            alias.take().unwrap_or_else(|| TableAlias { explicit: true, name: Ident::new(own), columns: vec![], at: None });
        *factor = TableFactor::Derived { lateral: false, subquery: parse_query(query)?, alias: Some(alias), sample: None };
        return Ok(());
    }
    if let Some(rows) = json_rows::in_from(&own, arguments, alias.as_ref())? {
        *factor = rows;
        return Ok(());
    }
    if own == "generate_series" {
        texts_as_times(arguments);
    }
    let given: Option<Vec<Expr>> = arguments
        .iter()
        .map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) => Some(argument.clone()),
            _ => None,
        })
        .collect();
    let Some(given) = given else { return Ok(()) };
    let lists = match (own.as_str(), given.as_slice()) {
        ("generate_subscripts", [list, dimension]) if is_vector(list) => {
            Some(with("range(0, CAST(array_length($1, $2) AS BIGINT))", &[list.clone(), dimension.clone()])?)
        }
        ("generate_subscripts", [list, dimension]) => {
            Some(with("range(1, CAST(array_length($1, $2) AS BIGINT) + 1)", &[list.clone(), dimension.clone()])?)
        }
        // Places are counted beside a list.
        ("generate_series" | "range", [_, ..]) if with_ordinality => Some(call_of(&own, given.clone())),
        ("generate_series", [first, last]) if given.iter().any(|bound| names_column(bound) || asks_bounds(bound)) => {
            Some(with("generate_series(CAST($1 AS BIGINT), CAST($2 AS BIGINT))", &[first.clone(), last.clone()])?)
        }
        // The function in FROM needs constants when it is planned; a parameter has its value later.
        ("generate_series", [_, _] | [_, _, Expr::Value(_)]) if given.iter().any(|bound| !parameters_in(bound).is_empty()) => {
            with_value(alias, &own);
            let bounds: Vec<String> = (1..=given.len()).map(|place| format!("CAST(${place} AS BIGINT)")).collect();
            Some(with(&format!("generate_series({})", bounds.join(", ")), &given)?)
        }
        // In FROM, the engine ends a series where clocks change.
        ("generate_series", [_, _, _]) if given.iter().any(is_zoned) => {
            // As in PostgreSQL, the column has the name of the table.
            if let Some(TableAlias { name, columns, .. }) = alias
                && columns.is_empty()
            {
                columns.push(TableAliasColumnDef::from_name(name.value.clone()));
            }
            with_value(alias, &own);
            Some(call_of(&own, given.clone()))
        }
        ("_pg_expandarray", [list]) => Some(with("expanded_array($1)", std::slice::from_ref(list))?),
        ("unnest", [list]) => Some(list.clone()),
        _ => None,
    };
    if lists.is_none() && !with_ordinality && is_of_rows(&own, state) {
        let call = call_of(&own, given);
        let alias =
            alias.take().unwrap_or_else(|| TableAlias { explicit: true, name: Ident::new(own), columns: vec![], at: None });
        let column = alias.columns.first().map_or(&alias.name, |column| &column.name);
        let subquery = parse_query(&format!("SELECT {call} AS {column}"))?;
        *factor = TableFactor::Derived { lateral: names_column(&call), subquery, alias: Some(alias), sample: None };
        return Ok(());
    }
    if let Some(places) = lists {
        let alias =
            alias.take().or_else(|| Some(TableAlias { explicit: true, name: Ident::new(own), columns: vec![], at: None }));
        *factor = TableFactor::UNNEST {
            alias,
            array_exprs: vec![places],
            with_offset: false,
            with_offset_alias: None,
            with_ordinality,
        };
    }
    Ok(())
}

/// In a series of dates or times, a quoted bound is one like the other, and a quoted step an interval.
fn texts_as_times(arguments: &mut [FunctionArg]) {
    let mut given: Vec<&mut Expr> = arguments
        .iter_mut()
        .filter_map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) => Some(argument),
            _ => None,
        })
        .collect();
    let [first, last, step] = given.as_mut_slice() else { return };
    let Some(time) = type_of_time(first).or_else(|| type_of_time(last)) else { return };
    cast_text(first, &time);
    cast_text(last, &time);
    cast_text(step, &DataType::Interval { fields: None, precision: None });
}

/// The type of an expression that is plainly a date or a timestamp.
fn type_of_time(expression: &Expr) -> Option<DataType> {
    let data_type = match expression {
        Expr::TypedString(typed) => &typed.data_type,
        Expr::Cast { data_type, .. } => data_type,
        _ => return None,
    };
    matches!(data_type, DataType::Date | DataType::Timestamp(..)).then(|| data_type.clone())
}

fn cast_text(expression: &mut Expr, data_type: &DataType) {
    if matches!(expression, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_))) {
        let (text, data_type) = (Box::new(expression.clone()), data_type.clone());
        *expression = Expr::Cast { kind: CastKind::Cast, expr: text, data_type, array: false, format: None };
    }
}

/// True for a scalar function that is not also a function in FROM; in FROM it is a table with one row.
fn is_of_rows(name: &str, state: &SessionState) -> bool {
    let is_relation =
        || functions::all().iter().flat_map(|set| set.docs()).any(|doc| doc.kind == Kind::Relation && doc.name == name);
    state.scalar_functions().contains_key(name)
        && !state.table_functions().contains_key(name)
        && crate::files::reader(name).is_none()
        && !is_relation()
}

/// Names the column of a series after its alias where the SELECT reads it by that name: `SELECT g FROM generate_series(1, 3) g`, and after
/// the function where there is no alias: `SELECT range FROM range(3)`. Otherwise it is called `value`.
pub fn select(select: &mut Select) {
    let conditions = [&mut select.selection, &mut select.having, &mut select.qualify];
    conditions.into_iter().flatten().for_each(in_conditions);
    for join in select.from.iter_mut().flat_map(|table| &mut table.joins) {
        if let Some(JoinConstraint::On(condition)) = constraint(&mut join.join_operator) {
            in_conditions(condition);
        }
    }
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } = item {
            series_as_rows(expression);
        }
    }
    if series(select).next().is_none() {
        return;
    }
    let column = |name: Ident| TableAliasColumnDef { name, data_type: None };
    let mut read = HashSet::new();
    let _ = select.each_expression(|part| {
        if let Expr::Identifier(name) = part {
            read.insert(normal(name));
        }
        ControlFlow::<()>::Continue(())
    });
    for (own, alias) in series(select) {
        let name = alias.as_ref().map_or_else(|| Ident::new(own), |alias| alias.name.clone());
        if read.contains(&normal(&name)) {
            let alias = alias.get_or_insert_with(|| TableAlias { explicit: true, name: name.clone(), columns: vec![], at: None });
            alias.columns.push(column(name));
        }
    }
}

/// The list of `FROM unnest(list)`, which has no alias.
fn unnested_list(factor: &mut TableFactor) -> Option<(&'static str, &mut Option<TableAlias>)> {
    match factor {
        TableFactor::UNNEST { alias: alias @ None, array_exprs, with_offset: false, with_ordinality: false, .. } => {
            (array_exprs.len() == 1).then_some(("unnest", alias))
        }
        _ => None,
    }
}

/// The functions and aliases, without columns, of the series in FROM.
fn series(select: &mut Select) -> impl Iterator<Item = (&'static str, &mut Option<TableAlias>)> {
    let factors = select.from.iter_mut().flat_map(|TableWithJoins { relation, joins }| {
        iter::once(relation).chain(joins.iter_mut().map(|join| &mut join.relation))
    });
    factors.filter_map(|factor| {
        let (TableFactor::Table { name, alias, args: Some(_), .. } | TableFactor::Function { name, alias, .. }) = factor else {
            return unnested_list(factor);
        };
        let name = plain(name)?;
        let own = ["generate_series", "range"].into_iter().find(|own| *own == name)?;
        alias.as_ref().is_none_or(|alias| alias.columns.is_empty()).then_some((own, alias))
    })
}

/// True when an expression contains a column or a subquery.
pub(super) fn names_column(expression: &Expr) -> bool {
    let found = expression.each_expression(|part| match part {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Subquery(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}
