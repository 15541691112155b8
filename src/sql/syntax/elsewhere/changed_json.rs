//! Functions that change JSON at one place, as calls of `json_changed(json, place, value, name)`.
//!
//! | written | rewritten to |
//! |---|---|
//! | `json_set(a, '$.x', 1, '$.y', 'b')` | `json_changed(json_changed(a, '$.x', to_json(1), 'json_set'), '$.y', to_json('b'), 'json_set')` |
//! | `json_set(a, '$.x', json_array(1))` | `json_changed(a, '$.x', json_array(1), 'json_set')`: the value is JSON already |
//! | `jsonb_set(a, '{x,0}', '"b"')` | `json_changed(a, ['x', '0'], '"b"', 'jsonb_set')`; with `false`, `'json_replace'` |
//! | `json_remove(a, '$.x')`, `a #- '{x}'` | `json_changed(a, '$.x', 'null', 'json_remove')` |

use sqlparser::ast::{BinaryOperator, Expr, Value};

use super::nested_json::is_json;
use crate::sql::syntax::call_of;
use crate::sql::syntax::json::names;

/// What a call stands for; `None` for other functions, and other numbers of arguments.
pub fn call(name: &str, arguments: &[Expr]) -> Option<Expr> {
    match (name, arguments) {
        ("json_set" | "json_insert" | "json_replace" | "json_array_append" | "json_array_insert", [json, first, rest @ ..])
            if rest.len() % 2 == 1 =>
        {
            let pairs = std::iter::once(first).chain(rest).collect::<Vec<_>>();
            let put = |json: Expr, pair: &[&Expr]| changed(json, pair[0].clone(), as_json(pair[1]), name);
            Some(pairs.chunks_exact(2).fold(json.clone(), put))
        }
        ("json_remove", [json, paths @ ..]) if !paths.is_empty() => {
            let put = |json: Expr, path: &Expr| changed(json, path.clone(), text("null"), name);
            Some(paths.iter().fold(json.clone(), put))
        }
        ("jsonb_delete_path", [json, path]) => Some(changed(json.clone(), names(path.clone()), text("null"), name)),
        ("jsonb_set" | "jsonb_insert", [json, path, value, rest @ ..]) => {
            let name = match (name, rest) {
                ("jsonb_set", []) => name,
                ("jsonb_set", [creates]) => {
                    if truth(creates)? {
                        name
                    } else {
                        "json_replace"
                    }
                }
                ("jsonb_insert", []) => name,
                ("jsonb_insert", [after]) => {
                    if truth(after)? {
                        "jsonb_insert_after"
                    } else {
                        name
                    }
                }
                _ => return None,
            };
            Some(changed(json.clone(), names(path.clone()), value.clone(), name))
        }
        _ => None,
    }
}

/// `json #- path`.
pub fn operator(left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<Expr> {
    (*op == BinaryOperator::HashMinus).then(|| changed(left.clone(), names(right.clone()), text("null"), "jsonb_delete_path"))
}

fn changed(json: Expr, place: Expr, value: Expr, name: &str) -> Expr {
    call_of("json_changed", vec![json, place, value, text(name)])
}

fn text(text: &str) -> Expr {
    Expr::value(Value::SingleQuotedString(text.into()))
}

fn truth(value: &Expr) -> Option<bool> {
    match value {
        Expr::Value(value) => match value.value {
            Value::Boolean(truth) => Some(truth),
            _ => None,
        },
        _ => None,
    }
}

/// A value of SQL as JSON, in which NULL is null.
fn as_json(value: &Expr) -> Expr {
    if is_json(value) {
        return value.clone();
    }
    call_of("coalesce", vec![call_of("to_json", vec![value.clone()]), text("null")])
}
