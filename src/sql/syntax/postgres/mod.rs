//! Rewrites queries of PostgreSQL's clients on its catalog into SQL that can be planned.
//!
//! | written | rewritten to |
//! |---|---|
//! | `pg_catalog.version()` | `version()` |
//! | `current_user`, `current_schema` | `current_user()`, `current_schema()` |
//! | `'t'::regclass`, `x::oid` | `regclass('t')`, `oid(x)` |
//! | `x::name`, `x::pg_catalog.text`, `x::json` | `CAST(x AS VARCHAR)` |
//! | `x::"char"` | `substr(CAST(x AS VARCHAR), 1, 1)` |
//! | `'{a,b}'::text[]` | `CAST(['a', 'b'] AS VARCHAR[])` |
//! | `a OPERATOR(pg_catalog.~) b` | `a ~ b` |
//! | `a COLLATE pg_catalog.default`, `"C"` | `a`, since there is only one collation |
//! | `a LIKE b ESCAPE '/'` | `a LIKE like_escape(b, '/')` |
//! | `localtimestamp` | `CAST(now() AS TIMESTAMP)` |
//! | `a LIKE ANY (list)` | `any_match(list, pattern -> a LIKE pattern)` |
//! | `a LIKE ALL (list)` | `NOT any_match(list, pattern -> a NOT LIKE pattern)` |
//! | `a SIMILAR TO 'b%'` | `(a ~ '(?s)^(?:b.*)$')`, as the engine finds a regular expression anywhere |
//! | `a = ANY(list)` | `NOT (a <> ALL(list))`, which is NULL if it is unknown; `array_has(list, a)` as a condition |
//! | `NOT (a = ANY(list))` | `a <> ALL(list)`, which is NULL for a list with NULL, where `array_has` is false |
//! | `indkey[0]` | `indkey[1]`, since PostgreSQL's vectors begin at 0 |
//! | `encode(a, 'base64')` | `encode(a, 'base64pad')` |
//! | `extract(century FROM a)`, `date_part('decade', a)` | a part of the year |
//! | `extract(second FROM a)` | the microseconds, divided |
//! | `date_trunc('decade', a)` | the first day of the years |
//! | `array_length(a, 1)` | `NULLIF(array_length(a), 0)` |
//! | `generate_subscripts(a, 1)` | `unnest(range(1, array_length(a, 1) + 1))` |
//! | `generate_subscripts(indkey, 1)` | `unnest(range(0, array_length(indkey, 1)))` |
//! | `FROM t, generate_series(1, t.n) AS i` | `FROM t, unnest(generate_series(1, t.n)) AS i` |
//! | `(keys).n` | `(keys)['n']` |
//! | `pg_get_keywords()` in FROM | the table of that name |

mod arrays;
mod json_rows;
mod lists;
mod sources;
mod types;

use datafusion::common::Result;
use sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments,
    Ident, ObjectName, ObjectNamePart, Query, SetExpr, SetOperator, Subscript, UnaryOperator, Value, With,
};

pub use arrays::array_literal;
pub use lists::in_conditions;
pub use sources::{factor, select};

use super::call_of;
use super::creating;
use super::expression_macros::with;
use crate::error::invalid;
use crate::sql::command::normal;
use crate::sql::postgres::{INFORMATION_SCHEMA, PG_CATALOG};
use arrays::list_of;
use lists::{as_all, like_each, patterns_of, regular};
use sources::asks_bounds;
use types::{cast, reg_type};

/// Keywords that are calls without brackets.
const CALLS: [&str; 6] = ["current_catalog", "current_role", "current_schema", "current_user", "session_user", "user"];

/// True for a word that is parsed as the name of a column and is one of [`CALLS`].
pub fn is_call(name: &Ident) -> bool {
    name.quote_style.is_none() && CALLS[1..3].contains(&normal(name).as_str())
}

/// Columns that hold vectors, whose first element has index 0.
const VECTORS: [&str; 6] = ["indkey", "indclass", "indcollation", "indoption", "prattrs", "proargtypes"];

/// True for a column that holds a vector.
pub fn is_vector(value: &Expr) -> bool {
    let name = match value {
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(names) => names.last(),
        _ => None,
    };
    name.is_some_and(|name| VECTORS.contains(&normal(name).as_str()))
}

/// Collations with the order in which strings are compared here, and the default one.
const COLLATIONS: [&str; 4] = ["default", "C", "POSIX", "ucs_basic"];

/// Rewrites one expression; its children are visited separately.
///
/// # Errors
/// None for parsed expressions.
pub fn expression(expression: &mut Expr) -> Result<()> {
    creating::expression(expression);
    if let Some(other) = in_other_words(expression)? {
        *expression = other;
    }
    Ok(())
}

fn in_other_words(expression: &mut Expr) -> Result<Option<Expr>> {
    if let Some(each) = like_each(expression)? {
        return Ok(Some(each));
    }
    Ok(match expression {
        Expr::Function(function) => {
            without_schema(&mut function.name);
            function.filter.as_deref_mut().into_iter().for_each(in_conditions);
            call(function)?
        }
        Expr::Case { operand: None, conditions, .. } => {
            conditions.iter_mut().for_each(|when| in_conditions(&mut when.condition));
            None
        }
        Expr::Identifier(name) if is_call(name) => Some(call_of(&normal(name), vec![])),
        Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr, data_type, array: false, format: None } => {
            cast(expr, data_type)?
        }
        Expr::TypedString(typed) if !typed.uses_odbc_syntax => match reg_type(&typed.data_type) {
            Some(name) => Some(call_of(&name, vec![Expr::Value(typed.value.clone())])),
            None => None,
        },
        Expr::BinaryOp { op: op @ BinaryOperator::PGCustomBinaryOperator(_), .. } => {
            if let Some(plain) = plain_operator(op) {
                *op = plain;
            }
            None
        }
        Expr::AnyOp { compare_op, right, .. } | Expr::AllOp { compare_op, right, .. } => {
            if let Some(plain) = plain_operator(compare_op) {
                *compare_op = plain;
            }
            if let Expr::Value(value) = right.as_ref()
                && let Value::SingleQuotedString(text) = &value.value
                && let Some(items) = array_literal(text)
            {
                **right = list_of(items);
            }
            match &*expression {
                Expr::AnyOp { left, compare_op, right, .. } => as_all(left, compare_op, right),
                _ => None,
            }
        }
        Expr::Like { any: true, negated, expr, pattern, escape_char }
        | Expr::ILike { any: true, negated, expr, pattern, escape_char } => {
            if let Some(patterns) = patterns_of(pattern) {
                **pattern = Expr::Tuple(patterns);
                return Ok(None);
            }
            if *negated || escape_char.is_some() || matches!(pattern.as_ref(), Expr::Subquery(_)) {
                return Ok(None);
            }
            let parts = [expr.as_ref().clone(), pattern.as_ref().clone()];
            let word = if matches!(expression, Expr::Like { .. }) { "LIKE" } else { "ILIKE" };
            Some(with(&format!("any_match($2, __pattern -> $1 {word} __pattern)"), &parts)?)
        }
        Expr::Extract { field, expr, .. } => match of_part(&field.to_string()) {
            Some(sql) => Some(with(sql, std::slice::from_ref(expr))?),
            None => None,
        },
        Expr::SimilarTo { negated, expr, pattern, escape_char: None } => {
            let pattern = match pattern.as_ref() {
                Expr::Value(value) if let Value::SingleQuotedString(text) = &value.value => {
                    Expr::value(Value::SingleQuotedString(format!("(?s)^(?:{})$", regular(text))))
                }
                other => with(
                    "'(?s)^(?:' || replace(replace(replace(replace($1, '.', '\\.'), '$', '\\$'), '%', '.*'), '_', '.') || ')$'",
                    std::slice::from_ref(other),
                )?,
            };
            let sql = if *negated { "($1 !~ $2)" } else { "($1 ~ $2)" };
            Some(with(sql, &[expr.as_ref().clone(), pattern])?)
        }
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
            let mut inner = expr.as_ref();
            while let Expr::Nested(nested) = inner {
                inner = nested.as_ref();
            }
            match inner {
                Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. }
                    if !matches!(right.as_ref(), Expr::Subquery(_)) =>
                {
                    Some(Expr::AllOp { left: left.clone(), compare_op: BinaryOperator::NotEq, right: right.clone() })
                }
                _ => None,
            }
        }
        Expr::Collate { expr, collation } => {
            let last = collation.0.last().and_then(ObjectNamePart::as_ident);
            last.filter(|name| COLLATIONS.contains(&name.value.as_str())).map(|_| expr.as_ref().clone())
        }
        Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
            let is_text = |expression: &Expr| matches!(expression, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_)));
            if let Some(escape) = escape_char
                && (!is_text(pattern) || matches!(&escape.value, Value::SingleQuotedString(escape) if escape.is_empty()))
            {
                **pattern = call_of("like_escape", vec![pattern.as_ref().clone(), Expr::Value(escape.clone())]);
                *escape_char = None;
            }
            None
        }
        Expr::CompoundFieldAccess { root, access_chain } => {
            let name = match root.as_ref() {
                Expr::Identifier(name) => Some(normal(name)),
                Expr::CompoundIdentifier(names) => names.last().map(normal),
                _ => None,
            };
            // For `i.indkey[0]` the parser may take `i` as the root; then `indkey` is in the chain.
            let own = access_chain.iter().rev().find_map(|access| match access {
                AccessExpr::Dot(Expr::Identifier(name)) => Some(normal(name)),
                _ => None,
            });
            if own.or(name).is_some_and(|name| VECTORS.contains(&name.as_str())) {
                for access in access_chain.iter_mut() {
                    if let AccessExpr::Subscript(Subscript::Index { index }) = access
                        && !matches!(index, Expr::Nested(_))
                    {
                        *index = Expr::Nested(Box::new(with("$1 + 1", std::slice::from_ref(index))?));
                    }
                }
            }
            // A field of a value in brackets.
            if matches!(root.as_ref(), Expr::Nested(_) | Expr::Function(_)) {
                for access in access_chain {
                    if let AccessExpr::Dot(Expr::Identifier(name)) = access {
                        *access = AccessExpr::Dot(Expr::value(Value::SingleQuotedString(normal(name))));
                    }
                }
            }
            None
        }
        _ => None,
    })
}

/// `pg_catalog.version` as `version`.
fn without_schema(name: &mut ObjectName) {
    let schema = match name.0.as_slice() {
        [schema, _] => schema.as_ident().map(normal),
        _ => None,
    };
    let is_own = match schema.as_deref() {
        Some(PG_CATALOG) => true,
        Some(INFORMATION_SCHEMA) => {
            name.0.last().and_then(ObjectNamePart::as_ident).is_some_and(|own| own.value.starts_with("_pg_"))
        }
        _ => false,
    };
    if is_own {
        name.0.remove(0);
    }
}

fn plain(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] => Some(normal(name)),
        _ => None,
    }
}

fn arguments_of(function: &Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let of = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) => Some(argument.clone()),
        _ => None,
    };
    list.args.iter().map(of).collect()
}

fn is_one(argument: &Expr) -> bool {
    matches!(argument, Expr::Value(value) if matches!(&value.value, Value::Number(number, _) if number == "1"))
}

fn call(call: &mut Function) -> Result<Option<Expr>> {
    let Some(name) = plain(&call.name) else { return Ok(None) };
    if matches!(call.args, FunctionArguments::None) && CALLS.contains(&name.as_str()) {
        call.args = FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args: vec![], clauses: vec![] });
        return Ok(None);
    }
    if matches!(call.args, FunctionArguments::None) && name == "localtimestamp" {
        return with("CAST(now() AS TIMESTAMP)", &[]).map(Some);
    }
    if let Some(column) = of_whole_row(&name, call) {
        return Ok(Some(column));
    }
    if name == "make_interval" {
        return made_interval(call);
    }
    let Some(arguments) = arguments_of(call) else { return Ok(None) };
    let sql = match (name.as_str(), arguments.len()) {
        ("statement_timestamp" | "transaction_timestamp", 0) => "now()",
        // An empty list has no dimensions; DataFusion gives 0, as it does for `array_length(list)`.
        ("array_length", 2) if is_one(&arguments[1]) => "NULLIF(CAST(array_length($1) AS BIGINT), 0)",
        ("array_upper", 2) if is_vector(&arguments[0]) => "NULLIF(CAST(array_length($1, $2) AS BIGINT), 0) - 1",
        ("array_lower", 2) if is_vector(&arguments[0]) => "CASE WHEN array_length($1, $2) > 0 THEN 0 END",
        ("generate_subscripts", 2) if is_vector(&arguments[0]) => "unnest(range(0, CAST(array_length($1, $2) AS BIGINT)))",
        // Of a table without partitions, there are none.
        ("pg_partition_ancestors", 1) => "unnest(array_remove(make_array($1), $1))",
        ("array_upper", 2) => "NULLIF(CAST(array_length($1, $2) AS BIGINT), 0)",
        ("array_lower", 2) => "CASE WHEN array_length($1, $2) > 0 THEN 1 END",
        ("generate_subscripts", 2) => "unnest(range(1, CAST(array_length($1, $2) AS BIGINT) + 1))",
        ("_pg_expandarray", 1) => "unnest(expanded_array($1))",
        ("generate_series", 2) if arguments.iter().any(asks_bounds) => {
            "unnest(generate_series(CAST($1 AS BIGINT), CAST($2 AS BIGINT)))"
        }
        // DataFusion's own base64 leaves out the signs at the end that make whole groups of four.
        ("encode", 2) if matches!(&arguments[1], Expr::Value(value) if matches!(&value.value, Value::SingleQuotedString(form) if form.eq_ignore_ascii_case("base64"))) => {
            "encode($1, 'base64pad')"
        }
        ("date_part", 2) => match &arguments[0] {
            Expr::Value(value) if let Value::SingleQuotedString(part) = &value.value => match of_part(part) {
                Some(sql) => return with(sql, &arguments[1..]).map(Some),
                None => return Ok(None),
            },
            _ => return Ok(None),
        },
        ("date_trunc", 2) => match &arguments[0] {
            Expr::Value(value) if let Value::SingleQuotedString(unit) = &value.value => match of_many_years(unit) {
                Some(sql) => return with(sql, &arguments[1..]).map(Some),
                None => return Ok(None),
            },
            _ => return Ok(None),
        },
        ("age", 1) if is_transaction(&arguments[0]) => "xid_age($1)",
        _ => return Ok(None),
    };
    with(sql, &arguments).map(Some)
}

/// The first day of many years.
fn of_many_years(unit: &str) -> Option<&'static str> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "decade" => "CAST(make_date(CAST(floor(date_part('year', $1) / 10.0) * 10 AS INT), 1, 1) AS TIMESTAMP(6))",
        "century" => "CAST(make_date(CAST(ceil(date_part('year', $1) / 100.0) * 100 - 99 AS INT), 1, 1) AS TIMESTAMP(6))",
        "millennium" => "CAST(make_date(CAST(ceil(date_part('year', $1) / 1000.0) * 1000 - 999 AS INT), 1, 1) AS TIMESTAMP(6))",
        _ => return None,
    })
}

/// Parts of a time that the engine has not, or in another form. The first century and the first millennium begin in the year 1, decades in the year 0.
fn of_part(part: &str) -> Option<&'static str> {
    Some(match part.to_ascii_lowercase().as_str() {
        "decade" => "CAST(floor(date_part('year', $1) / 10.0) AS BIGINT)",
        "century" => "CAST(ceil(date_part('year', $1) / 100.0) AS BIGINT)",
        "millennium" => "CAST(ceil(date_part('year', $1) / 1000.0) AS BIGINT)",
        // The part of the engine is a whole number.
        "second" | "seconds" | "sec" | "secs" | "s" => "(date_part('microsecond', $1) / 1000000.0)",
        _ => return None,
    })
}

/// Columns that hold transaction ids.
const TRANSACTIONS: [&str; 9] =
    ["backend_xid", "backend_xmin", "datfrozenxid", "datminmxid", "relfrozenxid", "relminmxid", "transactionid", "xmax", "xmin"];

fn is_transaction(expression: &Expr) -> bool {
    let name = match expression {
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(names) => names.last(),
        _ => None,
    };
    name.is_some_and(|name| TRANSACTIONS.contains(&normal(name).as_str()))
}

/// `_pg_truetypid(a.*, t.*)` as `a.atttypid`.
fn of_whole_row(name: &str, call: &Function) -> Option<Expr> {
    let column = match name {
        "_pg_truetypid" => "atttypid",
        "_pg_truetypmod" => "atttypmod",
        _ => return None,
    };
    let FunctionArguments::List(list) = &call.args else { return None };
    let [FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(row)), _] = list.args.as_slice() else { return None };
    let names = row.0.iter().filter_map(ObjectNamePart::as_ident).cloned().chain([Ident::new(column)]);
    Some(Expr::CompoundIdentifier(names.collect()))
}

/// Rewrites one query. No type here is a domain, so the recursive step from a domain to its base type is removed.
pub fn query(query: &mut Query) {
    let Some(With { recursive: true, cte_tables, .. }) = &mut query.with else { return };
    for cte in cte_tables {
        let SetExpr::SetOperation { op: SetOperator::Union, left, right, .. } = cte.query.body.as_ref() else { continue };
        let SetExpr::Select(step) = right.as_ref() else { continue };
        let asks = step.selection.as_ref().is_some_and(|condition| all_of(condition).into_iter().any(is_based));
        if asks {
            cte.query.body = left.clone();
        }
    }
}

/// The terms of a conjunction.
fn all_of(condition: &Expr) -> Vec<&Expr> {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => [all_of(left), all_of(right)].concat(),
        Expr::Nested(inner) => all_of(inner),
        other => vec![other],
    }
}

/// `typbasetype <> 0`
fn is_based(condition: &Expr) -> bool {
    let Expr::BinaryOp { left, op: BinaryOperator::NotEq, right } = condition else { return false };
    let name = match left.as_ref() {
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(names) => names.last(),
        _ => None,
    };
    name.is_some_and(|name| normal(name) == "typbasetype") && right.to_string() == "0"
}

/// The plain operator for `OPERATOR(pg_catalog.~)`.
fn plain_operator(op: &BinaryOperator) -> Option<BinaryOperator> {
    use BinaryOperator as Op;
    let Op::PGCustomBinaryOperator(parts) = op else { return None };
    let (own, schema) = parts.split_last()?;
    if !schema.iter().all(|schema| schema.eq_ignore_ascii_case(PG_CATALOG)) {
        return None;
    }
    Some(match own.as_str() {
        "=" => Op::Eq,
        "<>" | "!=" => Op::NotEq,
        "<" => Op::Lt,
        "<=" => Op::LtEq,
        ">" => Op::Gt,
        ">=" => Op::GtEq,
        "+" => Op::Plus,
        "-" => Op::Minus,
        "*" => Op::Multiply,
        "/" => Op::Divide,
        "%" => Op::Modulo,
        "||" => Op::StringConcat,
        "~" => Op::PGRegexMatch,
        "~*" => Op::PGRegexIMatch,
        "!~" => Op::PGRegexNotMatch,
        "!~*" => Op::PGRegexNotIMatch,
        "~~" => Op::PGLikeMatch,
        "~~*" => Op::PGILikeMatch,
        "!~~" => Op::PGNotLikeMatch,
        "!~~*" => Op::PGNotILikeMatch,
        "@>" => Op::AtArrow,
        "<@" => Op::ArrowAt,
        _ => return None,
    })
}

/// The parts of an interval, as arguments of `make_interval`.
const PARTS: [(&str, &str); 7] = [
    ("years", "1 year"),
    ("months", "1 month"),
    ("weeks", "7 days"),
    ("days", "1 day"),
    ("hours", "1 hour"),
    ("mins", "1 minute"),
    ("secs", "1 second"),
];

/// `make_interval(days => 3)` as `3 * INTERVAL '1 day'`.
fn made_interval(call: &Function) -> Result<Option<Expr>> {
    let FunctionArguments::List(list) = &call.args else { return Ok(None) };
    let mut parts: Vec<Option<Expr>> = vec![None; PARTS.len()];
    for (place, argument) in list.args.iter().enumerate() {
        let (place, value) = match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => (Some(place), value),
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => {
                (PARTS.iter().position(|(part, _)| *part == normal(name)), value)
            }
            _ => return Ok(None),
        };
        let Some(part) = place.and_then(|place| parts.get_mut(place)).filter(|part| part.is_none()) else {
            let problem = "takes years, months, weeks, days, hours, mins and secs, each once: make_interval(days => 10)";
            return Err(invalid("make_interval", problem));
        };
        *part = Some(value.clone());
    }
    let mut sum = with("INTERVAL '0 days'", &[])?;
    for ((_, unit), value) in PARTS.iter().zip(parts) {
        if let Some(value) = value {
            sum = with(&format!("($1 + $2 * INTERVAL '{unit}')"), &[sum, value])?;
        }
    }
    Ok(Some(Expr::Nested(Box::new(sum))))
}
