//! A value compared with those of a list, and patterns: `a = ANY(list)`, `a LIKE ANY (list)`, `a SIMILAR TO b`.

use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, FunctionArguments, UnaryOperator, Value};

use super::arrays::array_literal;
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
