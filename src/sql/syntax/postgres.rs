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
//! | `a SIMILAR TO 'b%'` | `(a ~ '^(?:b.*)$')`, as the engine finds a regular expression anywhere |
//! | `a = ANY(list)` | `NOT (a <> ALL(list))`, which is NULL if it is unknown; `array_has(list, a)` as a condition |
//! | `NOT (a = ANY(list))` | `a <> ALL(list)`, which is NULL for a list with NULL, where `array_has` is false |
//! | `indkey[0]` | `indkey[1]`, since PostgreSQL's vectors begin at 0 |
//! | `encode(a, 'base64')` | `encode(a, 'base64pad')` |
//! | `generate_subscripts(a, 1)` | `unnest(range(1, cardinality(a) + 1))` |
//! | `FROM t, generate_series(1, t.n) AS i` | `FROM t, unnest(generate_series(1, t.n)) AS i` |
//! | `(keys).n` | `(keys)['n']` |
//! | `pg_get_keywords()` in FROM | the table of that name |

use std::collections::HashSet;
use std::iter;
use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::execution::session_state::SessionState;
use sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, JoinConstraint, ObjectName, ObjectNamePart, Query, Select, SetExpr, SetOperator, Subscript,
    TableAlias, TableAliasColumnDef, TableFactor, TableWithJoins, UnaryOperator, Value, With,
};

use super::call_of;
use super::creating;
use super::expression_macros::with;
use super::merged_columns::constraint;
use super::quantified;
use crate::docs::Kind;
use crate::functions;
use crate::sql::command::normal;
use crate::sql::parser::parse_query;
use crate::sql::postgres::{INFORMATION_SCHEMA, PG_CATALOG, is_object_numbers};
use crate::sql::references::parameters_in;
use crate::walk::Walk;

/// Keywords that are calls without brackets.
const CALLS: [&str; 6] = ["current_catalog", "current_role", "current_schema", "current_user", "session_user", "user"];

/// True for a word that is parsed as the name of a column and is one of [`CALLS`].
pub fn is_call(name: &Ident) -> bool {
    name.quote_style.is_none() && CALLS[1..3].contains(&normal(name).as_str())
}

/// Columns that hold vectors, whose first element has index 0.
const VECTORS: [&str; 6] = ["indkey", "indclass", "indcollation", "indoption", "prattrs", "proargtypes"];

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
        Expr::SimilarTo { negated, expr, pattern, escape_char: None } => {
            let pattern = match pattern.as_ref() {
                Expr::Value(value) if let Value::SingleQuotedString(text) = &value.value => {
                    Expr::value(Value::SingleQuotedString(format!("^(?:{})$", regular(text))))
                }
                other => with("'^(?:' || replace(replace($1, '%', '.*'), '_', '.') || ')$'", std::slice::from_ref(other))?,
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

/// `a = ANY(list)` as `NOT (a <> ALL(list))`; `None` where the values, which are then computed several times, are those of a query, or of a
/// parameter, whose type the comparison tells.
fn as_all(left: &Expr, compare: &BinaryOperator, list: &Expr) -> Option<Expr> {
    let opposite = quantified::opposite(compare)?;
    let found = |side: &Expr| {
        side.each_expression(|part| match part {
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => ControlFlow::Break(()),
            Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => ControlFlow::Break(()),
            Expr::Function(call) if matches!(call.args, FunctionArguments::Subquery(_)) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
    };
    if found(left).is_break() || found(list).is_break() {
        return None;
    }
    let all = Expr::AllOp { left: Box::new(left.clone()), compare_op: opposite, right: Box::new(list.clone()) };
    Some(Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(Expr::Nested(Box::new(all))) })
}

/// Writes `a = ANY(list)` as `array_has(list, a)` where unknown counts as false anyway: as a condition, or a part of one.
pub fn in_conditions(condition: &mut Expr) {
    let mut open = vec![condition];
    while let Some(part) = open.pop() {
        match part {
            Expr::Nested(within) => open.push(within),
            Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
                open.extend([left.as_mut(), right.as_mut()]);
            }
            Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. }
                if !matches!(right.as_ref(), Expr::Subquery(_) | Expr::Value(_)) =>
            {
                let call = call_of("array_has", vec![right.as_ref().clone(), left.as_ref().clone()]);
                *part = call;
            }
            _ => {}
        }
    }
}

/// The patterns of LIKE ANY; `None` for a list that is known only when it is computed.
fn patterns_of(pattern: &Expr) -> Option<Vec<Expr>> {
    match pattern {
        Expr::Nested(inner) => patterns_of(inner),
        Expr::Tuple(patterns) => Some(patterns.clone()),
        Expr::Array(list) => Some(list.elem.clone()),
        Expr::Value(value) if let Value::SingleQuotedString(text) = &value.value => Some(match array_literal(text) {
            Some(items) => {
                let written = |item: Option<String>| Expr::value(item.map_or(Value::Null, Value::SingleQuotedString));
                items.into_iter().map(written).collect()
            }
            None => vec![pattern.clone()],
        }),
        _ => None,
    }
}

/// The regular expression for a pattern of SIMILAR TO, in which `%` and `_` are as in LIKE.
fn regular(pattern: &str) -> String {
    let (mut written, mut is_set) = (String::new(), false);
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                written.push(letter);
                written.extend(letters.next());
                continue;
            }
            '[' => is_set = true,
            ']' => is_set = false,
            '%' if !is_set => written.push('.'),
            _ => {}
        }
        written.push(match letter {
            '%' if !is_set => '*',
            '_' if !is_set => '.',
            other => other,
        });
    }
    written
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
    let Some(arguments) = arguments_of(call) else { return Ok(None) };
    let sql = match (name.as_str(), arguments.len()) {
        ("array_upper", 2) => "CASE WHEN $2 = 1 AND cardinality($1) > 0 THEN CAST(cardinality($1) AS BIGINT) END",
        ("array_lower", 2) => "CASE WHEN $2 = 1 AND cardinality($1) > 0 THEN 1 END",
        ("generate_subscripts", 2) => "unnest(range(1, CAST(cardinality($1) AS BIGINT) + 1))",
        ("_pg_expandarray", 1) => "unnest(expanded_array($1))",
        ("generate_series", 2) if arguments.iter().any(asks_bounds) => {
            "unnest(generate_series(CAST($1 AS BIGINT), CAST($2 AS BIGINT)))"
        }
        // DataFusion's own base64 leaves out the signs at the end that make whole groups of four.
        ("encode", 2) if matches!(&arguments[1], Expr::Value(value) if matches!(&value.value, Value::SingleQuotedString(form) if form.eq_ignore_ascii_case("base64"))) => {
            "encode($1, 'base64pad')"
        }
        ("age", 1) if is_transaction(&arguments[0]) => "xid_age($1)",
        _ => return Ok(None),
    };
    with(sql, &arguments).map(Some)
}

/// True for `array_lower(list, 1)` and `array_upper(list, 1)`. A series between them consists of subscripts, and is expanded to rows.
fn asks_bounds(argument: &Expr) -> bool {
    let Expr::Function(call) = argument else { return false };
    let name = call.name.0.last().and_then(ObjectNamePart::as_ident).map(normal);
    name.is_some_and(|name| ["array_lower", "array_upper"].contains(&name.as_str()))
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

/// The function that converts to a `reg…` or `oid` type.
fn reg_type(data_type: &DataType) -> Option<String> {
    let name = match data_type {
        DataType::Regclass => "regclass".to_string(),
        DataType::Custom(name, modifiers) if modifiers.is_empty() => {
            let mut name = name.clone();
            without_schema(&mut name);
            plain(&name)?
        }
        _ => return None,
    };
    let known = match name.as_str() {
        "regprocedure" => "regproc",
        "xid" | "cid" => "oid",
        "oid" | "regclass" | "regtype" | "regproc" | "regnamespace" | "regrole" => &name,
        _ => return None,
    };
    Some(known.to_string())
}

fn cast(expression: &Expr, data_type: &mut DataType) -> Result<Option<Expr>> {
    if let Some(name) = reg_type(data_type) {
        return Ok(Some(call_of(&name, vec![expression.clone()])));
    }
    if is_char(data_type) {
        return with("substr(CAST($1 AS VARCHAR), 1, 1)", std::slice::from_ref(expression)).map(Some);
    }
    if let Some(name) = vector(data_type)
        && let Expr::Value(value) = expression
        && let Value::SingleQuotedString(text) = &value.value
        && text.split_whitespace().all(|number| number.parse::<i64>().is_ok())
    {
        let numbers = text.split_whitespace().map(|number| Expr::value(Value::Number(number.to_string(), false)));
        let list = Box::new(call_of("make_array", numbers.collect()));
        return Ok(Some(Expr::Cast { kind: CastKind::Cast, expr: list, data_type: name, array: false, format: None }));
    }
    if let Some(usual) = usual_type(data_type) {
        *data_type = usual;
    }
    if let DataType::Array(_) = data_type
        && let Expr::Value(value) = expression
        && let Value::SingleQuotedString(text) = &value.value
        && let Some(items) = array_literal(text)
    {
        let items = items.into_iter().map(|item| Expr::value(item.map_or(Value::Null, Value::SingleQuotedString)));
        let list = call_of("make_array", items.collect());
        let data_type = data_type.clone();
        return Ok(Some(Expr::Cast { kind: CastKind::Cast, expr: Box::new(list), data_type, array: false, format: None }));
    }
    Ok(None)
}

/// The list type for `int2vector` or `oidvector`.
fn vector(data_type: &DataType) -> Option<DataType> {
    let DataType::Custom(name, _) = data_type else { return None };
    let last = name.0.last().and_then(ObjectNamePart::as_ident)?;
    ["int2vector", "oidvector"].contains(&normal(last).as_str()).then(|| usual_type(data_type)).flatten()
}

/// A list of the items, as integers if all of them are integers.
fn list_of(items: Vec<Option<String>>) -> Expr {
    let of_numbers = items.iter().flatten().all(|item| item.parse::<i64>().is_ok());
    let value = |item: Option<String>| match item {
        None => Value::Null,
        Some(number) if of_numbers => Value::Number(number, false),
        Some(text) => Value::SingleQuotedString(text),
    };
    call_of("make_array", items.into_iter().map(|item| Expr::value(value(item))).collect())
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

/// True for the type `"char"`, a single character.
fn is_char(data_type: &DataType) -> bool {
    let DataType::Custom(name, modifiers) = data_type else { return false };
    let last = name.0.last().and_then(ObjectNamePart::as_ident);
    modifiers.is_empty() && last.is_some_and(|name| name.value == "char" && name.quote_style.is_some())
}

/// Our type for a type of PostgreSQL's catalog.
fn usual_type(data_type: &DataType) -> Option<DataType> {
    use sqlparser::ast::ArrayElemTypeDef::{Parenthesis, SquareBracket};
    match data_type {
        // The planner knows this type.
        _ if is_object_numbers(data_type) => None,
        DataType::Array(SquareBracket(item, size)) => {
            let usual = usual_type(item).or_else(|| reg_type(item).map(|_| DataType::BigInt(None)));
            let usual = usual.or_else(|| is_char(item).then_some(DataType::Varchar(None)))?;
            Some(DataType::Array(SquareBracket(Box::new(usual), *size)))
        }
        DataType::Array(Parenthesis(item)) => Some(DataType::Array(Parenthesis(Box::new(usual_type(item)?)))),
        DataType::JSON | DataType::JSONB => Some(DataType::Varchar(None)),
        DataType::Custom(name, modifiers) => {
            let schema = match name.0.as_slice() {
                [schema, _] => schema.as_ident().map(normal)?,
                [_] => String::new(),
                _ => return None,
            };
            let own = name.0.last().and_then(ObjectNamePart::as_ident).map(normal)?;
            let of_schema = [PG_CATALOG, INFORMATION_SCHEMA].contains(&schema.as_str());
            let usual = match own.as_str() {
                "name" | "cstring" | "sql_identifier" | "character_data" | "yes_or_no" | "pg_node_tree" | "aclitem"
                | "refcursor" | "json" | "jsonb" | "unknown" => DataType::Varchar(None),
                // With a length it is CHAR(n), which is not there.
                "bpchar" if modifiers.is_empty() => DataType::Varchar(None),
                "cardinal_number" => DataType::Int(None),
                "int2vector" => DataType::Array(SquareBracket(Box::new(DataType::SmallInt(None)), None)),
                "oidvector" => DataType::Array(SquareBracket(Box::new(DataType::BigInt(None)), None)),
                _ if !of_schema => {
                    let item = own.strip_prefix('_')?;
                    DataType::Array(SquareBracket(Box::new(plain_type(item, &[])?), None))
                }
                _ => match own.strip_prefix('_') {
                    Some(item) => DataType::Array(SquareBracket(Box::new(plain_type(item, &[])?), None)),
                    None => plain_type(&own, modifiers)?,
                },
            };
            Some(usual)
        }
        _ => None,
    }
}

/// Our types for PostgreSQL's internal type names.
fn plain_type(name: &str, modifiers: &[String]) -> Option<DataType> {
    use sqlparser::ast::{ExactNumberInfo, TimezoneInfo};
    Some(match name {
        "text" | "varchar" | "bpchar" | "name" | "json" | "jsonb" => DataType::Varchar(None),
        "int2" | "smallint" => DataType::SmallInt(None),
        "int4" | "int" | "integer" => DataType::Int(None),
        "int8" | "bigint" | "oid" => DataType::BigInt(None),
        "float4" | "real" => DataType::Real,
        "float8" => DataType::Double(ExactNumberInfo::None),
        "bool" | "boolean" => DataType::Boolean,
        "bytea" => DataType::Bytea,
        "date" => DataType::Date,
        "time" => DataType::Time(None, TimezoneInfo::None),
        "timestamp" => DataType::Timestamp(None, TimezoneInfo::None),
        "timestamptz" => DataType::Timestamp(None, TimezoneInfo::WithTimeZone),
        "interval" => DataType::Interval { fields: None, precision: None },
        "numeric" | "decimal" => match modifiers {
            [precision, scale] => {
                DataType::Numeric(ExactNumberInfo::PrecisionAndScale(precision.parse().ok()?, scale.parse().ok()?))
            }
            [precision] => DataType::Numeric(ExactNumberInfo::Precision(precision.parse().ok()?)),
            _ => DataType::Numeric(ExactNumberInfo::None),
        },
        _ => return None,
    })
}

/// The items of `{a,"b c",NULL}`; `None` if the text is not a one-dimensional array.
pub fn array_literal(text: &str) -> Option<Vec<Option<String>>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    if inner.trim().is_empty() {
        return Some(vec![]);
    }
    let mut items = vec![];
    let mut letters = inner.chars().peekable();
    loop {
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        let mut item = String::new();
        if letters.next_if_eq(&'"').is_some() {
            loop {
                match letters.next()? {
                    '"' => break,
                    '\\' => item.push(letters.next()?),
                    letter => item.push(letter),
                }
            }
            while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
            items.push(Some(item));
        } else {
            while let Some(letter) = letters.next_if(|letter| *letter != ',') {
                match letter {
                    '{' | '}' | '"' => return None,
                    '\\' => item.push(letters.next()?),
                    letter => item.push(letter),
                }
            }
            let item = item.trim();
            if item.is_empty() {
                return None;
            }
            items.push((!item.eq_ignore_ascii_case("null")).then(|| item.to_string()));
        }
        match letters.next() {
            None => return Some(items),
            Some(',') => {}
            Some(_) => return None,
        }
    }
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

/// Rewrites an item of FROM.
///
/// # Errors
/// None for parsed statements.
pub fn factor(factor: &mut TableFactor, state: &SessionState) -> Result<()> {
    let (name, alias, arguments) = match factor {
        TableFactor::Table { name, alias, args: Some(arguments), .. } => (name, alias, &mut arguments.args),
        TableFactor::Function { name, alias, args, .. } => (name, alias, args),
        _ => return Ok(()),
    };
    without_schema(name);
    let Some(own) = plain(name) else { return Ok(()) };
    if let Some((_, query)) = IN_FROM.iter().find(|(name, _)| *name == own) {
        let alias =
            alias.take().unwrap_or_else(|| TableAlias { explicit: true, name: Ident::new(own), columns: vec![], at: None });
        *factor = TableFactor::Derived { lateral: false, subquery: parse_query(query)?, alias: Some(alias), sample: None };
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
        ("generate_subscripts", [list, _]) => {
            Some(with("range(1, CAST(cardinality($1) AS BIGINT) + 1)", std::slice::from_ref(list))?)
        }
        ("generate_series", [first, last]) if given.iter().any(|bound| names_column(bound) || asks_bounds(bound)) => {
            Some(with("generate_series(CAST($1 AS BIGINT), CAST($2 AS BIGINT))", &[first.clone(), last.clone()])?)
        }
        // The function in FROM needs constants when it is planned; a parameter has its value later.
        ("generate_series", [_, _] | [_, _, Expr::Value(_)]) if given.iter().any(|bound| !parameters_in(bound).is_empty()) => {
            let own = TableAlias { explicit: true, name: Ident::new(own.as_str()), columns: vec![], at: None };
            let alias = alias.get_or_insert(own);
            if alias.columns.is_empty() {
                alias.columns.push(TableAliasColumnDef::from_name("value"));
            }
            let bounds: Vec<String> = (1..=given.len()).map(|place| format!("CAST(${place} AS BIGINT)")).collect();
            Some(with(&format!("generate_series({})", bounds.join(", ")), &given)?)
        }
        ("_pg_expandarray", [list]) => Some(with("expanded_array($1)", std::slice::from_ref(list))?),
        ("unnest", [list]) => Some(list.clone()),
        _ => None,
    };
    if lists.is_none() && is_of_rows(&own, state) {
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
            with_ordinality: false,
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

/// Names the column of a series after its alias where the SELECT reads it by that name: `SELECT g FROM generate_series(1, 3) g`.
/// Otherwise it is called `value`.
pub fn select(select: &mut Select) {
    let conditions = [&mut select.selection, &mut select.having, &mut select.qualify];
    conditions.into_iter().flatten().for_each(in_conditions);
    for join in select.from.iter_mut().flat_map(|table| &mut table.joins) {
        if let Some(JoinConstraint::On(condition)) = constraint(&mut join.join_operator) {
            in_conditions(condition);
        }
    }
    if series(select).next().is_none() {
        return;
    }
    let mut read = HashSet::new();
    let _ = select.each_expression(|part| {
        if let Expr::Identifier(name) = part {
            read.insert(normal(name));
        }
        ControlFlow::<()>::Continue(())
    });
    for alias in series(select).filter(|alias| read.contains(&normal(&alias.name))) {
        alias.columns.push(TableAliasColumnDef { name: alias.name.clone(), data_type: None });
    }
}

/// The aliases, without columns, of the series in FROM.
fn series(select: &mut Select) -> impl Iterator<Item = &mut TableAlias> {
    let factors = select.from.iter_mut().flat_map(|TableWithJoins { relation, joins }| {
        iter::once(relation).chain(joins.iter_mut().map(|join| &mut join.relation))
    });
    factors.filter_map(|factor| {
        let (TableFactor::Table { name, alias, args: Some(_), .. } | TableFactor::Function { name, alias, .. }) = factor else {
            return None;
        };
        let is_series = ["generate_series", "range"].contains(&plain(name)?.as_str());
        alias.as_mut().filter(|alias| is_series && alias.columns.is_empty())
    })
}

/// True when an expression contains a column or a subquery.
fn names_column(expression: &Expr) -> bool {
    let found = expression.each_expression(|part| match part {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Subquery(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

#[cfg(test)]
mod tests {
    use super::array_literal;

    #[test]
    fn texts_of_arrays_are_read() {
        let items = |text| {
            array_literal(text)
                .map(|items| items.into_iter().map(|item| item.unwrap_or_else(|| "-".into())).collect::<Vec<_>>().join("|"))
        };
        assert_eq!(items("{a, b c ,\"d,\\\"e\",NULL,\"NULL\"}"), Some("a|b c|d,\"e|-|NULL".into()));
        assert_eq!(items(" {} "), Some(String::new()));
        for wrong in ["a", "{a", "{{a},{b}}", "{a,}", "{\"a}", "{\"a\"b}"] {
            assert_eq!(items(wrong), None, "{wrong}");
        }
    }
}
