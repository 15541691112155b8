//! Functions of other systems that are another name for a function here, or for a short expression.
//!
//! They have no pages: the page "Coming from …" shows them, and the page of the function here names them. A name whose meaning differs
//! from system to system is not among them; `sql::diagnostics` says what to write for those.

mod changed_json;
mod forms;
mod names;
mod nested_json;

use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, DateTimeField, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArgumentList, FunctionArguments, Ident, LambdaFunction, ObjectNamePart, OneOrManyWithParens,
    UnaryOperator, Value, VisitorMut,
};

use forms::FORMS;
use names::NAMES;

use super::call_of;
use super::expression_macros::with;
use crate::error::invalid;
use crate::sql::command::normal;
use crate::walk::WalkMut;

/// The units that are also written without quotes: `date_part(week, day)`, `trunc(day, 'month')`.
const UNITS: [&str; 8] = ["day", "hour", "minute", "month", "quarter", "second", "week", "year"];

/// The unit of a text: its name, or the letters of Oracle and Spark.
fn unit_of(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    if let Some(unit) = UNITS.into_iter().find(|unit| *unit == lower) {
        return Some(unit);
    }
    Some(match lower.as_str() {
        "syyyy" | "yyyy" | "yyy" | "yy" | "y" => "year",
        "q" => "quarter",
        "mon" | "mm" => "month",
        "iw" => "week",
        "dd" | "ddd" | "j" => "day",
        "hh" | "hh12" | "hh24" => "hour",
        "mi" => "minute",
        _ => return None,
    })
}

/// Rewrites one expression; its children are visited separately.
///
/// # Errors
/// None for parsed expressions.
pub fn expression(expression: &mut Expr) -> Result<()> {
    if let Expr::BinaryOp { left, op: BinaryOperator::Plus | BinaryOperator::Minus, right } = expression
        && matches!(right.as_ref(), Expr::Interval(_))
    {
        time_of_text(left);
    }
    if let Expr::Value(value) = expression {
        plain_text(&mut value.value);
    }
    if let Expr::Extract { field, expr, .. } = expression {
        match field {
            DateTimeField::IsoWeek => *field = DateTimeField::Week(None),
            DateTimeField::DayOfYear => *field = DateTimeField::Doy,
            DateTimeField::Date => *expression = with("CAST($1 AS DATE)", std::slice::from_ref(expr.as_ref()))?,
            _ => {}
        }
    }
    if let Expr::BinaryOp { left, op, right } = expression
        && let Some(changed) = changed_json::operator(left, op, right)
    {
        *expression = changed;
        return Ok(());
    }
    let Expr::Function(call) = expression else { return Ok(()) };
    nested_json::mark(call);
    if let Some(list) = one_for_each(call) {
        *expression = list;
        return Ok(());
    }
    if let Some(written) = in_other_words(call)? {
        *expression = written;
    }
    Ok(())
}

/// Writes the strings of BigQuery, raw ones and those in three quotes, as plain ones, and its bytes, `b'ab'`, as `X'6162'`. What has only
/// the digits 0 and 1 may be a string of bits of PostgreSQL, and stays.
fn plain_text(value: &mut Value) {
    let plain = match value {
        Value::SingleQuotedRawStringLiteral(text)
        | Value::DoubleQuotedRawStringLiteral(text)
        | Value::TripleSingleQuotedRawStringLiteral(text)
        | Value::TripleDoubleQuotedRawStringLiteral(text)
        | Value::TripleSingleQuotedString(text)
        | Value::TripleDoubleQuotedString(text) => Value::SingleQuotedString(std::mem::take(text)),
        Value::SingleQuotedByteStringLiteral(text) if !text.bytes().all(|digit| matches!(digit, b'0' | b'1')) => {
            Value::HexStringLiteral(text.bytes().map(|byte| format!("{byte:02x}")).collect())
        }
        _ => return,
    };
    *value = plain;
}

fn text(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// True for a number as its spelling shows; a column may have any type.
fn is_surely_number(expression: &Expr) -> bool {
    match expression {
        Expr::Nested(inner) | Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } => is_surely_number(inner),
        Expr::BinaryOp { op, .. } => {
            matches!(op, BinaryOperator::Plus | BinaryOperator::Minus | BinaryOperator::Multiply | BinaryOperator::Divide)
        }
        Expr::Function(call) => match call.name.0.as_slice() {
            [ObjectNamePart::Identifier(name)] => {
                ["sum", "avg", "count", "round", "abs"].contains(&name.value.to_lowercase().as_str())
            }
            _ => false,
        },
        other => is_number(other),
    }
}

/// A JSON object without one of its members; other JSON stays as it is.
fn without_member(json: &Expr, name: Expr) -> Result<Expr> {
    let written = "CASE WHEN json_typeof($1) = 'object' THEN json_merge_patch($1, json_build_object($2, NULL)) ELSE $1 END";
    with(written, &[json.clone(), name])
}

/// True for a number with a minus.
fn is_negative(expression: &Expr) -> bool {
    matches!(expression, Expr::UnaryOp { op: UnaryOperator::Minus, expr } if is_number(expr))
}

fn is_number(expression: &Expr) -> bool {
    matches!(expression, Expr::Value(value) if matches!(value.value, Value::Number(..)))
}

/// `'2025-01-31' + INTERVAL '1 month'`: a date, or a time, as in MySQL.
fn time_of_text(value: &mut Expr) {
    let Some(written) = text(value) else { return };
    let is_date = |text: &str| {
        let parts: Vec<&str> = text.split('-').collect();
        parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|letter| letter.is_ascii_digit()))
    };
    let data_type = match written.split_once([' ', 'T']) {
        None if is_date(written) => DataType::Date,
        Some((day, _)) if is_date(day) => DataType::Timestamp(None, sqlparser::ast::TimezoneInfo::None),
        _ => return,
    };
    let expr = Box::new(value.clone());
    *value = Expr::Cast { kind: CastKind::Cast, expr, data_type, array: false, format: None };
}

fn in_other_words(call: &mut Function) -> Result<Option<Expr>> {
    let own = match call.name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] if name.quote_style.is_none() => name.value.to_lowercase(),
        _ => return Ok(None),
    };
    if let Ok(place) = NAMES.binary_search_by_key(&own.as_str(), |(name, _)| name) {
        call.name = vec![Ident::new(NAMES[place].1)].into();
        return Ok(None);
    }
    let Some(arguments) = values(call) else { return Ok(None) };
    let is_plain = call.over.is_none() && call.filter.is_none() && call.within_group.is_empty();
    let clauses = match &mut call.args {
        FunctionArguments::List(list) => list,
        FunctionArguments::None | FunctionArguments::Subquery(_) => return Ok(None),
    };
    match (own.as_str(), arguments.as_slice()) {
        // MySQL counts the rows for which a condition is true, and their share.
        ("sum" | "avg", [condition]) if is_condition(condition) => {
            let number = with("CAST($1 AS BIGINT)", std::slice::from_ref(condition))?;
            clauses.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(number))];
            Ok(None)
        }
        // Rows with a NULL are not counted, as in MySQL and Snowflake.
        ("count", [_, _, ..]) if clauses.duplicate_treatment == Some(DuplicateTreatment::Distinct) => {
            let there = (1..=arguments.len()).map(|place| format!("${place} IS NOT NULL")).collect::<Vec<_>>().join(" AND ");
            let row = (1..=arguments.len()).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ");
            let row = with(&format!("CASE WHEN {there} THEN struct({row}) END"), &arguments)?;
            clauses.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(row))];
            Ok(None)
        }
        // DuckDB's greatest and least values of each group, and the values beside them. A NULL is none of them.
        ("max" | "min", [value, count]) if call.over.is_none() && clauses.duplicate_treatment.is_none() && is_number(count) => {
            let way = if own == "max" { "DESC" } else { "ASC" };
            foremost(call, &[value.clone(), value.clone(), count.clone()], way).map(Some)
        }
        ("max_by" | "min_by" | "arg_max" | "arg_min" | "argmax" | "argmin", [_, _, count])
            if call.over.is_none() && clauses.duplicate_treatment.is_none() && is_number(count) =>
        {
            let way = if own.contains("max") { "DESC" } else { "ASC" };
            foremost(call, &arguments, way).map(Some)
        }
        ("max_by" | "min_by" | "arg_max" | "arg_min" | "argmax" | "argmin", [_, _, count]) if is_negative(count) => {
            Err(invalid(&own, format!("takes a number of values above 0, got {count}")))
        }
        // BigQuery's `array_agg(x ORDER BY y LIMIT 2)`
        ("array_agg", [_]) if call.over.is_none() => Ok(limited(call)),
        _ if !is_plain || clauses.duplicate_treatment.is_some() || !clauses.clauses.is_empty() => Ok(None),
        ("field", [value, list @ ..]) if !list.is_empty() => {
            let list = call_of("make_array", list.to_vec());
            with("CAST(coalesce(array_position($1, $2), 0) AS BIGINT)", &[list, value.clone()]).map(Some)
        }
        ("elt" | "choose", [place, list @ ..]) if !list.is_empty() => {
            let list = call_of("make_array", list.to_vec());
            with("array_element($1, $2)", &[list, place.clone()]).map(Some)
        }
        // ClickHouse's conditions, each with its value, and the value of the rest.
        ("multiif", conditions) if conditions.len() >= 3 && conditions.len() % 2 == 1 => {
            let always = Expr::value(Value::Boolean(true));
            Ok(Some(call_of("decode", std::iter::once(always).chain(conditions.iter().cloned()).collect())))
        }
        // `now(3)`: a time has more digits here than are asked for.
        ("now" | "current_timestamp", [digits]) if is_number(digits) => Ok(Some(call_of("now", vec![]))),
        // SQL Server writes the type first, Snowflake the digits of a number last.
        ("convert" | "try_convert", [Expr::Identifier(_) | Expr::Function(_), value]) => {
            let cast = if own == "convert" { "CAST" } else { "TRY_CAST" };
            Ok(with(&format!("{cast}($1 AS {})", arguments[0]), std::slice::from_ref(value)).ok())
        }
        ("to_decimal" | "to_number" | "to_numeric", [value, digits, places]) if is_number(digits) && is_number(places) => {
            with(&format!("CAST($1 AS DECIMAL({digits}, {places}))"), std::slice::from_ref(value)).map(Some)
        }
        ("try_to_decimal" | "try_to_number" | "try_to_numeric", [value, digits, places])
            if is_number(digits) && is_number(places) =>
        {
            with(&format!("TRY_CAST($1 AS DECIMAL({digits}, {places}))"), std::slice::from_ref(value)).map(Some)
        }
        ("try_to_decimal" | "try_to_numeric", [value]) => {
            with("TRY_CAST($1 AS DECIMAL(38, 0))", std::slice::from_ref(value)).map(Some)
        }
        ("todecimal32" | "todecimal64" | "todecimal128", [value, places]) if is_number(places) => {
            let digits = match own.as_str() {
                "todecimal32" => 9,
                "todecimal64" => 18,
                _ => 38,
            };
            with(&format!("CAST($1 AS DECIMAL({digits}, {places}))"), std::slice::from_ref(value)).map(Some)
        }
        ("object_insert", [json, name, value, _]) => {
            with("json_merge_patch($1, json_build_object($2, $3))", &[json.clone(), name.clone(), value.clone()]).map(Some)
        }
        ("object_delete", [json, name]) => without_member(json, name.clone()).map(Some),
        // MySQL's number with two digits after the point; the first argument of other systems is a text.
        ("format" | "format_number", [number, Expr::Value(digits)]) if own == "format_number" || is_surely_number(number) => {
            match &digits.value {
                Value::Number(digits, _) => match digits.parse::<usize>() {
                    Ok(0) => with("to_char(round($1), 'FM999,999,999,999,990')", std::slice::from_ref(number)).map(Some),
                    Ok(digits @ 1..=15) => {
                        let pattern = format!("to_char($1, 'FM999,999,999,999,990.{}')", "0".repeat(digits));
                        with(&pattern, std::slice::from_ref(number)).map(Some)
                    }
                    _ => Ok(None),
                },
                _ => Ok(None),
            }
        }
        // DuckDB gives the lambda the place of the value as well, counted from 1.
        ("list_transform" | "list_apply" | "array_transform" | "array_apply", [list, Expr::Lambda(lambda)])
            if lambda.params.len() == 2 =>
        {
            by_place(list, lambda, "list_transform(generate_series(1, CAST(cardinality($1) AS BIGINT)), $2)").map(Some)
        }
        ("list_filter" | "array_filter" | "filter", [list, Expr::Lambda(lambda)]) if lambda.params.len() == 2 => {
            let written = "list_transform(array_filter(generate_series(1, CAST(cardinality($1) AS BIGINT)), $2), \
                           __place -> ($1)[__place])";
            by_place(list, lambda, written).map(Some)
        }
        // Snowflake writes the value first.
        ("array_contains" | "array_position", [value, list]) if is_constant(value) && !is_constant(list) => {
            let name = if own == "array_contains" { "array_has($1, $2)" } else { "(array_position($1, $2) - 1)" };
            with(name, &[list.clone(), value.clone()]).map(Some)
        }
        ("trunc", [time, unit]) if let Some(unit) = text(unit).and_then(unit_of) => {
            let unit = Expr::value(Value::SingleQuotedString(unit.into()));
            with("date_trunc($1, $2)", &[unit, time.clone()]).map(Some)
        }
        ("date_part" | "datepart" | "datetrunc", [Expr::Identifier(unit), time])
            if unit.quote_style.is_none() && UNITS.contains(&unit.value.to_lowercase().as_str()) =>
        {
            let form = if own.ends_with("part") { "date_part($1, $2)" } else { "date_trunc($1, $2)" };
            let unit = Expr::value(Value::SingleQuotedString(unit.value.to_lowercase()));
            with(form, &[unit, time.clone()]).map(Some)
        }
        ("dateadd", [_, _, time]) if text(time).is_some() => {
            let mut time = time.clone();
            time_of_text(&mut time);
            if let Some(argument) = clauses.args.last_mut() {
                *argument = FunctionArg::Unnamed(FunctionArgExpr::Expr(time));
            }
            Ok(None)
        }
        ("date_add" | "date_sub" | "adddate" | "subdate", [first, _]) if text(first).is_some() => {
            let mut first = first.clone();
            time_of_text(&mut first);
            if let Some(argument) = clauses.args.first_mut() {
                *argument = FunctionArg::Unnamed(FunctionArgExpr::Expr(first));
            }
            Ok(None)
        }
        (_, arguments) if let Some(changed) = changed_json::call(&own, arguments) => Ok(Some(changed)),
        (_, arguments) => {
            match FORMS.binary_search_by_key(&(own.as_str(), arguments.len()), |(name, count, _)| (*name, *count)) {
                Ok(place) => with(FORMS[place].2, arguments).map(Some),
                Err(_) => Ok(None),
            }
        }
    }
}

/// A call whose lambda takes a value and its place, as one over the places: each value is `list[place]`.
fn by_place(list: &Expr, lambda: &LambdaFunction, written: &str) -> Result<Expr> {
    let [value, place] = &*lambda.params else { return with(written, &[list.clone(), Expr::Lambda(lambda.clone())]) };
    let mut body = lambda.body.as_ref().clone();
    let mut put = Put { name: normal(&value.name), list, place: &Expr::Identifier(place.name.clone()), problem: None };
    let _ = body.walk_mut(&mut put);
    if let Some(problem) = put.problem {
        return Err(problem);
    }
    let params = OneOrManyWithParens::One(place.clone());
    let lambda = LambdaFunction { params, body: Box::new(body), syntax: lambda.syntax };
    with(written, &[list.clone(), Expr::Lambda(lambda)])
}

/// Replaces the name of a value by the value at a place of a list.
struct Put<'a> {
    name: String,
    list: &'a Expr,
    place: &'a Expr,
    problem: Option<DataFusionError>,
}

impl VisitorMut for Put<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        let given = [self.list.clone(), self.place.clone()];
        let value = match &*expression {
            Expr::Identifier(name) if normal(name) == self.name => with("($1)[$2]", &given),
            Expr::CompoundIdentifier(names) => match names.as_slice() {
                [name, field] if normal(name) == self.name => {
                    let field = Expr::value(Value::SingleQuotedString(normal(field)));
                    with("(($1)[$2])[$3]", &[self.list.clone(), self.place.clone(), field])
                }
                _ => return ControlFlow::Continue(()),
            },
            _ => return ControlFlow::Continue(()),
        };
        match value {
            Ok(value) => *expression = value,
            Err(error) => self.problem = Some(error),
        }
        ControlFlow::Continue(())
    }
}

/// `max_by(value, by, 2)` as `array_slice(array_agg(value ORDER BY by DESC, value) FILTER (WHERE by IS NOT NULL), 1, 2)`
fn foremost(call: &Function, arguments: &[Expr], way: &str) -> Result<Expr> {
    let mut arguments = arguments.to_vec();
    let mut there = "$1 IS NOT NULL AND $2 IS NOT NULL".to_string();
    if let Some(filter) = &call.filter {
        arguments.push(filter.as_ref().clone());
        there.push_str(" AND ($4)");
    }
    // Of ties, the same ones whatever the order of the rows.
    let ties = if arguments[0] == arguments[1] { "" } else { ", $1" };
    with(&format!("array_slice(array_agg($1 ORDER BY $2 {way}{ties}) FILTER (WHERE {there}), 1, $3)"), &arguments)
}

/// `quantile_cont(x, [0.25, 0.5])` and `percentile_cont(ARRAY[0.25, 0.5]) WITHIN GROUP (ORDER BY x)` as a list of calls with one share each.
fn one_for_each(call: &Function) -> Option<Expr> {
    const OF_SHARES: [&str; 7] = [
        "approx_percentile",
        "approx_quantile",
        "percentile_cont",
        "percentile_disc",
        "quantile",
        "quantile_cont",
        "quantile_disc",
    ];
    let [ObjectNamePart::Identifier(name)] = call.name.0.as_slice() else { return None };
    if !OF_SHARES.contains(&name.value.to_lowercase().as_str()) || call.over.is_some() {
        return None;
    }
    let FunctionArguments::List(list) = &call.args else { return None };
    let (place, shares) = list.args.iter().enumerate().find_map(|(place, argument)| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Array(shares))) => Some((place, &shares.elem)),
        _ => None,
    })?;
    let with_share = |share: &Expr| {
        let mut call = call.clone();
        if let FunctionArguments::List(list) = &mut call.args {
            list.args[place] = FunctionArg::Unnamed(FunctionArgExpr::Expr(share.clone()));
        }
        Expr::Function(call)
    };
    Some(call_of("make_array", shares.iter().map(with_share).collect()))
}

/// The arguments of a call that are expressions; `None` if there are others.
fn values(call: &Function) -> Option<Vec<Expr>> {
    match (&call.args, &call.parameters) {
        (FunctionArguments::List(FunctionArgumentList { args, .. }), FunctionArguments::None) => args
            .iter()
            .map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value.clone()),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// True for what is a condition by its form.
fn is_condition(expression: &Expr) -> bool {
    use BinaryOperator::{And, Eq, Gt, GtEq, Lt, LtEq, NotEq, Or};
    match expression {
        Expr::Nested(inner) => is_condition(inner),
        Expr::BinaryOp { op, .. } => matches!(op, And | Or | Eq | NotEq | Lt | LtEq | Gt | GtEq),
        Expr::UnaryOp { op: UnaryOperator::Not, .. }
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::InList { .. }
        | Expr::Like { .. }
        | Expr::ILike { .. }
        | Expr::Between { .. } => true,
        _ => false,
    }
}

/// True for a constant, also one that is cast.
fn is_constant(expression: &Expr) -> bool {
    match expression {
        Expr::Value(value) => !matches!(value.value, Value::Placeholder(_)),
        Expr::Cast { expr, .. } => is_constant(expr),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => is_number(expr),
        _ => false,
    }
}

/// `array_agg(x ORDER BY y LIMIT 2)` as `array_slice(array_agg(x ORDER BY y), 1, 2)`
fn limited(call: &mut Function) -> Option<Expr> {
    let FunctionArguments::List(list) = &mut call.args else { return None };
    let place = list.clauses.iter().position(|clause| matches!(clause, FunctionArgumentClause::Limit(_)))?;
    let FunctionArgumentClause::Limit(limit) = list.clauses.remove(place) else { return None };
    let first = Expr::value(Value::Number("1".into(), false));
    Some(call_of("array_slice", vec![Expr::Function(call.clone()), first, limit]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::parser::parse_expression;

    #[test]
    fn names_are_in_order_and_forms_are_sql() {
        assert!(NAMES.is_sorted_by(|(one, _), (other, _)| one < other));
        assert!(FORMS.is_sorted_by(|(one, few, _), (other, more, _)| (one, few) < (other, more)));
        for (name, count, form) in FORMS {
            let (last, next) = (format!("${count}"), format!("${}", count + 1));
            assert!((count == 0 || form.contains(&last)) && !form.contains(&next), "{name}");
            parse_expression(form).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}
