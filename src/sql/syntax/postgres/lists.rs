//! A value compared with those of a list, and patterns: `a = ANY(list)`, `a LIKE ANY (list)`, `a SIMILAR TO b`.

use std::ops::ControlFlow;

use datafusion::common::Result;
use sqlparser::ast::{BinaryOperator, Expr, FunctionArguments, UnaryOperator, Value};

use super::arrays::array_literal;
use super::{arguments_of, plain};
use crate::sql::syntax::expression_macros::with;
use crate::sql::syntax::{call_of, quantified};
use crate::walk::Walk;

/// `a = ANY(list)` as `NOT (a <> ALL(list))`; `None` where the values, which are then computed several times, are those of a query, or of a
/// parameter, whose type the comparison tells.
pub fn as_all(left: &Expr, compare: &BinaryOperator, list: &Expr) -> Option<Expr> {
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

/// `a LIKE ALL (patterns)`, and `a NOT LIKE ANY (list)`, which holds where a pattern of the list does not match, as in PostgreSQL. Of
/// patterns in brackets, `NOT LIKE ANY ('a%', 'b%')`, none may match, as in Snowflake.
pub fn like_each(expression: &Expr) -> Result<Option<Expr>> {
    let (Expr::Like { any, negated, expr, pattern, escape_char } | Expr::ILike { any, negated, expr, pattern, escape_char }) =
        expression
    else {
        return Ok(None);
    };
    let is_like = matches!(expression, Expr::Like { .. });
    let (list, of_all) = match pattern.as_ref() {
        Expr::Function(call) if !any && plain(&call.name).as_deref() == Some("all") => match arguments_of(call).as_deref() {
            Some([list]) => (list.clone(), true),
            Some([_, _, ..]) => (Expr::Tuple(arguments_of(call).unwrap_or_default()), true),
            _ => return Ok(None),
        },
        list if *any && *negated && !in_brackets(list) => (list.clone(), false),
        _ => return Ok(None),
    };
    if let Some(patterns) = patterns_of(&list) {
        let one = |pattern: Expr| {
            let (negated, expr, pattern, escape_char) = (*negated, expr.clone(), Box::new(pattern), escape_char.clone());
            match is_like {
                true => Expr::Like { negated, any: false, expr, pattern, escape_char },
                false => Expr::ILike { negated, any: false, expr, pattern, escape_char },
            }
        };
        let op = if of_all { BinaryOperator::And } else { BinaryOperator::Or };
        let joined = |left: Expr, right: Expr| Expr::BinaryOp { left: Box::new(left), op: op.clone(), right: Box::new(right) };
        let each = patterns.into_iter().map(one).reduce(joined);
        return Ok(each.map(|each| Expr::Nested(Box::new(each))));
    }
    if escape_char.is_some() || matches!(list, Expr::Subquery(_)) {
        return Ok(None);
    }
    let word = if is_like { "LIKE" } else { "ILIKE" };
    // All of them hold where none is broken.
    let sql = match (of_all, *negated) {
        (true, false) => format!("(NOT any_match($2, __pattern -> $1 NOT {word} __pattern))"),
        (true, true) => format!("(NOT any_match($2, __pattern -> $1 {word} __pattern))"),
        (false, _) => format!("any_match($2, __pattern -> $1 NOT {word} __pattern)"),
    };
    with(&sql, &[expr.as_ref().clone(), list]).map(Some)
}

fn in_brackets(pattern: &Expr) -> bool {
    match pattern {
        Expr::Nested(inner) => in_brackets(inner),
        Expr::Tuple(_) => true,
        _ => false,
    }
}

/// The patterns of LIKE ANY; `None` for a list that is known only when it is computed.
pub fn patterns_of(pattern: &Expr) -> Option<Vec<Expr>> {
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
pub fn regular(pattern: &str) -> String {
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
            // A sign of a regular expression, but not of a pattern.
            '.' | '^' | '$' if !is_set => written.push('\\'),
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
