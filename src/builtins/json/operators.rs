//! The operators of PostgreSQL's `jsonb`, under the names of its functions.
//!
//! | operator | function |
//! |---|---|
//! | `a @> b`, `b <@ a` | `jsonb_contains(a, b)` |
//! | `a ? 'x'`, `a ?\| list`, `a ?& list` | `jsonb_exists(a, 'x')`, `jsonb_exists_any(a, list)`, `jsonb_exists_all(a, list)` |
//! | `a \|\| b` | `jsonb_concat(a, b)` |
//! | `a - 'x'`, `a - 0`, `a - list` | `jsonb_delete(a, …)` |
//! | `a = b` | `jsonb_normal(a) = jsonb_normal(b)` |

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, plan_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::normal::{contains, members, normal, write_elements, write_members};
use super::reading::{parsed, texts, texts_type};
use crate::builtins::dates::is_text;
use crate::builtins::scalar::Scalar;
use crate::error::{SqlState, in_rows};
use crate::kernels::json::{Json, Kind};

/// The name of the function of `-`.
pub const DELETE_NAME: &str = "jsonb_delete";
/// The name of the function of `||`.
pub const CONCAT_NAME: &str = "jsonb_concat";

pub static ALL: [&Scalar; 7] = [&CONTAINS, &EXISTS, &EXISTS_ANY, &EXISTS_ALL, &CONCAT, &DELETE, &NORMAL];

fn two_texts(name: &str, types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [one, other] if is_text(one) && is_text(other) => Ok(vec![DataType::Utf8; 2]),
        _ => plan_err!("{name} takes two strings, got {types:?}"),
    }
}

fn text_and_list(name: &str, types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [json, list] if is_text(json) && (list.is_list() || list.is_null()) => Ok(vec![DataType::Utf8, texts_type()]),
        _ => plan_err!("{name} takes a JSON string and a list of names, got {types:?}"),
    }
}

pub static CONTAINS: Scalar = Scalar {
    name: "jsonb_contains",
    takes: |types| two_texts("jsonb_contains", types),
    gives: |_| Ok(DataType::Boolean),
    compute: |arguments| of_two(arguments, |whole, part| Ok(contains(parsed("@>", whole)?, parsed("@>", part)?))),
    written: |_| None,
};

pub static EXISTS: Scalar = Scalar {
    name: "jsonb_exists",
    takes: |types| two_texts("jsonb_exists", types),
    gives: |_| Ok(DataType::Boolean),
    compute: |arguments| of_two(arguments, |json, name| Ok(has(parsed("?", json)?, name))),
    written: |_| None,
};

pub static EXISTS_ANY: Scalar = Scalar {
    name: "jsonb_exists_any",
    takes: |types| text_and_list("jsonb_exists_any", types),
    gives: |_| Ok(DataType::Boolean),
    compute: |arguments| of_list(arguments, |json, names| names.iter().any(|name| has(json, name))),
    written: |_| None,
};

pub static EXISTS_ALL: Scalar = Scalar {
    name: "jsonb_exists_all",
    takes: |types| text_and_list("jsonb_exists_all", types),
    gives: |_| Ok(DataType::Boolean),
    compute: |arguments| of_list(arguments, |json, names| names.iter().all(|name| has(json, name))),
    written: |_| None,
};

pub static CONCAT: Scalar = Scalar {
    name: CONCAT_NAME,
    takes: |types| two_texts(CONCAT_NAME, types),
    gives: |_| Ok(DataType::Utf8),
    compute: |arguments| {
        let (ones, others) = (texts(arguments, 0)?, texts(arguments, 1)?);
        let (ones, others) = (ones.as_string::<i32>(), others.as_string::<i32>());
        let joined = ones.iter().zip(others).map(|pair| {
            let (Some(one), Some(other)) = pair else { return Ok(None) };
            Ok(Some(concatenated(parsed("||", one)?, parsed("||", other)?)))
        });
        Ok(ColumnarValue::Array(Arc::new(joined.collect::<Result<StringArray>>()?)))
    },
    written: |_| None,
};

pub static DELETE: Scalar = Scalar {
    name: DELETE_NAME,
    takes: |types| match types {
        [json, place] if is_text(json) => Ok(vec![
            DataType::Utf8,
            match place {
                place if place.is_integer() => DataType::Int64,
                place if place.is_list() => texts_type(),
                _ => DataType::Utf8,
            },
        ]),
        _ => plan_err!("{DELETE_NAME} takes a JSON string, and a name, a place or a list of names, got {types:?}"),
    },
    gives: |_| Ok(DataType::Utf8),
    compute: |arguments| {
        let json = texts(arguments, 0)?;
        let json = json.as_string::<i32>();
        let places = arguments.args[1].to_array(arguments.number_rows)?;
        let left = (0..arguments.number_rows).map(|row| {
            if json.is_null(row) || places.is_null(row) {
                return Ok(None);
            }
            let json = parsed("-", json.value(row))?;
            match places.data_type() {
                DataType::Int64 => without_place(json, places.as_primitive::<Int64Type>().value(row)),
                DataType::List(_) => {
                    let names = cast(&places.as_list::<i32>().value(row), &DataType::Utf8)?;
                    let names: Vec<&str> = names.as_string::<i32>().iter().flatten().collect();
                    without(json, &names)
                }
                _ => {
                    let name = cast(&places.slice(row, 1), &DataType::Utf8)?;
                    without(json, &[name.as_string::<i32>().value(0)])
                }
            }
            .map(Some)
        });
        Ok(ColumnarValue::Array(Arc::new(left.collect::<Result<StringArray>>()?)))
    },
    written: |_| None,
};

pub static NORMAL: Scalar = Scalar {
    name: "jsonb_normal",
    takes: |types| match types {
        [json] if is_text(json) => Ok(vec![DataType::Utf8]),
        _ => plan_err!("jsonb_normal takes a JSON string, got {types:?}"),
    },
    gives: |_| Ok(DataType::Utf8),
    compute: |arguments| {
        let json = texts(arguments, 0)?;
        let normal = json.as_string::<i32>().iter().map(|json| json.map(|json| Ok(normal(parsed("JSON", json)?))).transpose());
        Ok(ColumnarValue::Array(Arc::new(normal.collect::<Result<StringArray>>()?)))
    },
    written: |arguments| arguments.first().cloned(),
};

/// Whether it is so, for each pair of strings.
fn of_two(arguments: &ScalarFunctionArgs, is: impl Fn(&str, &str) -> Result<bool>) -> Result<ColumnarValue> {
    let (ones, others) = (texts(arguments, 0)?, texts(arguments, 1)?);
    let pairs = ones.as_string::<i32>().iter().zip(others.as_string::<i32>());
    let found = pairs.map(|(one, other)| one.zip(other).map(|(one, other)| is(one, other)).transpose());
    Ok(ColumnarValue::Array(Arc::new(found.collect::<Result<BooleanArray>>()?)))
}

/// Whether it is so, for each string and the names in a list that are not NULL.
fn of_list(arguments: &ScalarFunctionArgs, is: impl Fn(Json<'_>, &[&str]) -> bool) -> Result<ColumnarValue> {
    let json = texts(arguments, 0)?;
    let lists = arguments.args[1].to_array(arguments.number_rows)?;
    let lists = cast(&lists, &texts_type())?;
    let rows = json.as_string::<i32>().iter().zip(lists.as_list::<i32>().iter());
    let found = rows.map(|(json, names)| {
        let (Some(json), Some(names)) = (json, names) else { return Ok(None) };
        let names: Vec<&str> = names.as_string::<i32>().iter().flatten().collect();
        Ok(Some(is(parsed("?", json)?, &names)))
    });
    Ok(ColumnarValue::Array(Arc::new(found.collect::<Result<BooleanArray>>()?)))
}

/// True if an object has a member of the name, an array such a string, or the value is the string.
fn has(json: Json<'_>, name: &str) -> bool {
    match json.kind() {
        Kind::Object => json.members().any(|(own, _)| own == name),
        Kind::Array => json.elements().any(|element| is_string(element, name)),
        _ => is_string(json, name),
    }
}

fn is_string(json: Json<'_>, text: &str) -> bool {
    json.kind() == Kind::String && json.text().is_some_and(|own| own == text)
}

/// The elements of an array, or the value itself.
fn elements(json: Json<'_>) -> Vec<Json<'_>> {
    if json.kind() == Kind::Array { json.elements().collect() } else { vec![json] }
}

/// The members of both objects, those of the second before those of the first; or the elements of both, where another value is one.
fn concatenated(one: Json<'_>, other: Json<'_>) -> String {
    let mut text = String::new();
    if one.kind() == Kind::Object && other.kind() == Kind::Object {
        let mut all = members(one);
        all.extend(members(other));
        write_members(all.iter().map(|((_, name), value)| (name.as_ref(), *value)), &mut text);
        return text;
    }
    write_elements(elements(one).into_iter().chain(elements(other)), &mut text);
    text
}

fn from_scalar() -> DataFusionError {
    let rule = "nothing can be deleted from a value that is neither an object nor an array";
    in_rows(SqlState::INVALID_PARAMETER_VALUE, "-", rule, rule)
}

/// The object without members of these names, or the array without these strings.
fn without(json: Json<'_>, names: &[&str]) -> Result<String> {
    let mut text = String::new();
    match json.kind() {
        Kind::Object => {
            let own = members(json);
            let own = own.iter().map(|((_, name), value)| (name.as_ref(), *value));
            write_members(own.filter(|(name, _)| !names.contains(name)), &mut text);
        }
        Kind::Array => {
            let kept = json.elements().filter(|element| !names.iter().any(|name| is_string(*element, name)));
            write_elements(kept, &mut text);
        }
        _ => return Err(from_scalar()),
    }
    Ok(text)
}

/// The array without the element at a place, from 0, or from the end.
fn without_place(json: Json<'_>, place: i64) -> Result<String> {
    match json.kind() {
        Kind::Array => {
            let count = i64::try_from(json.elements().count()).unwrap_or(i64::MAX);
            let place = if place < 0 { count.saturating_add(place) } else { place };
            let mut text = String::new();
            let kept = (0..).zip(json.elements()).filter(|(own, _)| *own != place).map(|(_, element)| element);
            write_elements(kept, &mut text);
            Ok(text)
        }
        Kind::Object => {
            let rule = "an object has no places; write - 'name'";
            Err(in_rows(SqlState::INVALID_PARAMETER_VALUE, "-", rule, rule))
        }
        _ => Err(from_scalar()),
    }
}
