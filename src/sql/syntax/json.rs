//! Rewrites operators on JSON strings into calls.
//!
//! | written | rewritten to |
//! |---|---|
//! | `a -> 'x'`, `a ->> 'x'` | `json_extract(a, 'x')`, `json_extract_string(a, 'x')` |
//! | `a #> '{x,0}'`, `a #>> ARRAY['x', '0']` | `json_extract_list(a, ['x', '0'])`, `json_extract_list_string(…)` |
//! | `a ?\| '{x,y}'`, `a ?& '{x,y}'` | `a ?\| ['x', 'y']`, `a ?& ['x', 'y']` |
//! | `a:x.y[0]`, `a:x::INT` | `json_extract(a, '$.x.y[0]')`, `CAST(json_extract_string(a, '$.x') AS INT)` |
//! | `{'x': 1}:x` | `{'x': 1}['x']` |
//! | `JSON '{"x": 1}'` | `parse_json('{"x": 1}')` |

use std::fmt::Write;

use sqlparser::ast::{BinaryOperator, DataType, Expr, JsonPath, JsonPathElem, TypedString, Value};

use super::arrows::ARROW;
use super::call_of;
use super::postgres::array_literal;

/// Rewrites one expression; its children are visited separately.
pub fn expression(expression: &mut Expr) {
    if let Some(call) = in_other_words(expression) {
        *expression = call;
    }
}

fn text(text: impl Into<String>) -> Expr {
    Expr::value(Value::SingleQuotedString(text.into()))
}

fn in_other_words(expression: &mut Expr) -> Option<Expr> {
    match expression {
        Expr::BinaryOp { op: BinaryOperator::QuestionPipe | BinaryOperator::QuestionAnd, right, .. } => {
            **right = names(right.as_ref().clone());
            None
        }
        Expr::BinaryOp { left, op, right } => {
            let (json, place) = (left.as_ref().clone(), right.as_ref().clone());
            match op {
                BinaryOperator::Arrow => Some(call_of("json_extract", vec![json, place])),
                BinaryOperator::Custom(name) if name == ARROW => Some(call_of("json_extract", vec![json, place])),
                BinaryOperator::LongArrow => Some(call_of("json_extract_string", vec![json, place])),
                BinaryOperator::HashArrow => Some(call_of("json_extract_list", vec![json, names(place)])),
                BinaryOperator::HashLongArrow => Some(call_of("json_extract_list_string", vec![json, names(place)])),
                _ => None,
            }
        }
        // What a cast reads is the string within the quotes, or the number.
        Expr::Cast { expr, .. } => {
            if let Expr::JsonAccess { value, path } = expr.as_ref()
                && let Some(path) = written(path)
                && !matches!(value.as_ref(), Expr::Dictionary(_))
            {
                **expr = call_of("json_extract_string", vec![value.as_ref().clone(), text(path)]);
            }
            None
        }
        Expr::JsonAccess { value, path } => {
            if let (Expr::Dictionary(_), [JsonPathElem::Dot { key, .. }]) = (value.as_ref(), path.path.as_slice()) {
                return Some(call_of("get_field", vec![value.as_ref().clone(), text(key.as_str())]));
            }
            // Stays, and is refused: a name with its value, as in json_object('a': 1).
            if is_name(value) {
                return None;
            }
            Some(call_of("json_extract", vec![value.as_ref().clone(), text(written(path)?)]))
        }
        Expr::TypedString(TypedString { data_type: DataType::JSON | DataType::JSONB, value, .. }) => {
            Some(call_of("parse_json", vec![Expr::Value(value.clone())]))
        }
        _ => None,
    }
}

/// True for a string that is no JSON, but may be the name of a value.
pub fn is_name(value: &Expr) -> bool {
    match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => !text.trim_start().starts_with(['{', '[', '"']),
            _ => false,
        },
        _ => false,
    }
}

/// `'{a,b}'` as `['a', 'b']`.
pub fn names(list: Expr) -> Expr {
    if let Expr::Value(value) = &list
        && let Value::SingleQuotedString(literal) = &value.value
        && let Some(items) = array_literal(literal)
    {
        let items = items.into_iter().map(|item| item.map_or_else(|| Expr::value(Value::Null), text));
        return call_of("make_array", items.collect());
    }
    list
}

/// A path of names and numbers as `$."a b"[0]`; `None` for one with expressions.
fn written(path: &JsonPath) -> Option<String> {
    let mut text = String::from("$");
    for step in &path.path {
        let _ = match step {
            JsonPathElem::Dot { key, .. } => write!(text, ".\"{key}\""),
            JsonPathElem::Bracket { key: Expr::Value(value) } => match &value.value {
                Value::Number(place, _) => write!(text, "[{place}]"),
                Value::SingleQuotedString(name) => write!(text, ".\"{name}\""),
                _ => return None,
            },
            JsonPathElem::Bracket { .. } | JsonPathElem::ColonBracket { .. } => return None,
        };
    }
    Some(text)
}
