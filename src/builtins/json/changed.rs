//! Changes of JSON at one place, under the names of other systems, which [syntax](mod@crate::sql) writes as `json_changed(json, place, value, name)`:
//! the name says what becomes of the place. Parts that do not change stay as they are written.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::ColumnarValue;

use super::quote;
use super::reading::{Places, parsed, texts, texts_type};
use crate::builtins::dates::is_text;
use crate::builtins::scalar::Scalar;
use crate::error::{SqlState, in_rows};
use crate::kernels::json::{Json, Kind, Step};

pub static ALL: [&Scalar; 3] = [&CHANGED, &WITHOUT_NULLS, &PRETTY];

/// What becomes of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// The value is put there, whether there is one or not.
    Set,
    /// Only if there is one.
    Replace,
    /// Only if there is none.
    Insert,
    /// The array there gets the value as its last element; any other value becomes an array first.
    Append,
    /// The value comes before the element there, or becomes a member that is not there.
    Before,
    /// The same, after the element.
    After,
    /// What is there is removed.
    Remove,
}

fn how(name: &str) -> Option<How> {
    Some(match name {
        "json_set" | "jsonb_set" => How::Set,
        "json_replace" => How::Replace,
        "json_insert" => How::Insert,
        "json_array_append" => How::Append,
        "json_array_insert" | "jsonb_insert" => How::Before,
        "jsonb_insert_after" => How::After,
        "json_remove" | "jsonb_delete_path" => How::Remove,
        _ => return None,
    })
}

static CHANGED: Scalar = Scalar {
    name: "json_changed",
    takes: |types| match types {
        [json, place, value, name] if [json, value, name].into_iter().all(is_text) => {
            let place = match place {
                place if place.is_integer() => DataType::Int64,
                place if place.is_list() => texts_type(),
                _ => DataType::Utf8,
            };
            Ok(vec![DataType::Utf8, place, DataType::Utf8, DataType::Utf8])
        }
        _ => plan_err!("JSON is changed by a JSON string, a place and a JSON string, got {types:?}"),
    },
    gives: |_| Ok(DataType::Utf8),
    compute: |arguments| {
        let (json, values, names) = (texts(arguments, 0)?, texts(arguments, 2)?, texts(arguments, 3)?);
        let (json, values, names) = (json.as_string::<i32>(), values.as_string::<i32>(), names.as_string::<i32>());
        let name = if names.is_empty() { "json_set" } else { names.value(0) };
        let places = Places::of(name, arguments)?;
        let changed = (0..arguments.number_rows).map(|row| {
            let Some(steps) = places.at(row).filter(|_| json.is_valid(row) && values.is_valid(row)) else { return Ok(None) };
            let change = Change { name, how: how(name).unwrap_or(How::Set), value: parsed(name, values.value(row))?.source() };
            let mut text = String::new();
            change.put(parsed(name, json.value(row))?, steps, &mut text)?;
            Ok(Some(text))
        });
        let changed = changed.collect::<Result<StringArray>>()?;
        let constant = arguments.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        match constant && changed.len() == 1 {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&changed, 0)?)),
            false => Ok(ColumnarValue::Array(Arc::new(changed))),
        }
    },
    written: |_| None,
};

/// Writes the parts of an object or array, with their commas.
struct Parts<'a> {
    text: &'a mut String,
    is_first: bool,
}

impl Parts<'_> {
    fn next(&mut self) -> &mut String {
        if !std::mem::take(&mut self.is_first) {
            self.text.push(',');
        }
        self.text
    }

    fn member(&mut self, name: &str) -> &mut String {
        let text = self.next();
        quote(name, text);
        text.push(':');
        text
    }
}

struct Change<'a> {
    name: &'a str,
    how: How,
    value: &'a str,
}

impl Change<'_> {
    /// Writes a value with the change at the place to which the steps lead.
    fn put(&self, json: Json<'_>, steps: &[Step], text: &mut String) -> Result<()> {
        let Some((step, rest)) = steps.split_first() else {
            match self.how {
                How::Set | How::Replace => text.push_str(self.value),
                How::Append if json.kind() == Kind::Array => {
                    text.push('[');
                    let mut parts = Parts { text, is_first: true };
                    json.elements().for_each(|element| parts.next().push_str(element.source()));
                    parts.next().push_str(self.value);
                    text.push(']');
                }
                How::Append => text.extend(["[", json.source(), ",", self.value, "]"]),
                How::Insert | How::Before | How::After | How::Remove => text.push_str(json.source()),
            }
            return Ok(());
        };
        match (json.kind(), step) {
            (Kind::Object, Step::Member(name) | Step::Either(name)) => self.in_object(json, name, rest, text),
            (Kind::Array, Step::Element(place)) => self.in_array(json, *place, rest, text),
            (Kind::Array, Step::Either(name)) => match name.parse() {
                Ok(place) => self.in_array(json, place, rest, text),
                Err(_) => {
                    let problem = format!("place in an array is a number, got '{name}'");
                    Err(in_rows(SqlState::INVALID_PARAMETER_VALUE, self.name, "a place in an array is a number", problem))
                }
            },
            // There is no such place.
            _ => {
                text.push_str(json.source());
                Ok(())
            }
        }
    }

    fn in_object(&self, json: Json<'_>, name: &str, rest: &[Step], text: &mut String) -> Result<()> {
        // Of several members with the name, the last one counts.
        let own = json.members().filter(|(other, _)| other == name).count();
        let mut seen = 0;
        text.push('{');
        let mut parts = Parts { text, is_first: true };
        for (other, value) in json.members() {
            if other != name {
                parts.member(&other).push_str(value.source());
                continue;
            }
            seen += 1;
            if seen < own || rest.is_empty() && self.how == How::Remove {
                continue;
            }
            if rest.is_empty() && matches!(self.how, How::Before | How::After) {
                let rule = "a member that is there cannot be inserted; write jsonb_set to replace it";
                let problem = format!("{name} is a member already; {rule}");
                return Err(in_rows(SqlState::INVALID_PARAMETER_VALUE, self.name, rule, problem));
            }
            self.put(value, rest, parts.member(&other))?;
        }
        if own == 0 && rest.is_empty() && matches!(self.how, How::Set | How::Insert | How::Before | How::After) {
            parts.member(name).push_str(self.value);
        }
        text.push('}');
        Ok(())
    }

    fn in_array(&self, json: Json<'_>, place: i64, rest: &[Step], text: &mut String) -> Result<()> {
        let count = json.elements().count();
        let from_end = |place: i64| count.checked_sub(usize::try_from(place.unsigned_abs()).unwrap_or(usize::MAX));
        let own = if place < 0 { from_end(place) } else { usize::try_from(place).ok() };
        let is_there = own.is_some_and(|own| own < count);
        let adds = !is_there && rest.is_empty() && !matches!(self.how, How::Replace | How::Remove | How::Append);
        text.push('[');
        let mut parts = Parts { text, is_first: true };
        // A place before the first.
        if adds && own.is_none() {
            parts.next().push_str(self.value);
        }
        for (number, element) in json.elements().enumerate() {
            if own != Some(number) {
                parts.next().push_str(element.source());
                continue;
            }
            match self.how {
                How::Remove if rest.is_empty() => {}
                How::Before if rest.is_empty() => {
                    parts.next().push_str(self.value);
                    parts.next().push_str(element.source());
                }
                How::After if rest.is_empty() => {
                    parts.next().push_str(element.source());
                    parts.next().push_str(self.value);
                }
                _ => self.put(element, rest, parts.next())?,
            }
        }
        if adds && own.is_some() {
            parts.next().push_str(self.value);
        }
        text.push(']');
        Ok(())
    }
}

/// A function of one JSON string that writes it anew.
macro_rules! rewrites {
    ($name:literal, $write:expr) => {
        Scalar {
            name: $name,
            takes: |types| match types {
                [json] if is_text(json) => Ok(vec![DataType::Utf8]),
                _ => plan_err!("{} takes a JSON string, got {types:?}", $name),
            },
            gives: |_| Ok(DataType::Utf8),
            compute: |arguments| {
                let write: fn(Json<'_>, &mut String) = $write;
                let texts = texts(arguments, 0)?;
                let rewritten = texts.as_string::<i32>().iter().map(|json| {
                    let Some(json) = json else { return Ok(None) };
                    let mut text = String::new();
                    write(parsed($name, json)?, &mut text);
                    Ok(Some(text))
                });
                Ok(ColumnarValue::Array(Arc::new(rewritten.collect::<Result<StringArray>>()?)))
            },
            written: |_| None,
        }
    };
}

static WITHOUT_NULLS: Scalar = rewrites!("json_strip_nulls", without_nulls);
static PRETTY: Scalar = rewrites!("json_pretty", |json, text| pretty(json, 0, text));

/// Leaves out the members that are null, also within other values; elements of arrays stay.
fn without_nulls(json: Json<'_>, text: &mut String) {
    match json.kind() {
        Kind::Object => {
            text.push('{');
            let mut parts = Parts { text, is_first: true };
            for (name, value) in json.members().filter(|(_, value)| value.kind() != Kind::Null) {
                without_nulls(value, parts.member(&name));
            }
            text.push('}');
        }
        Kind::Array => {
            text.push('[');
            let mut parts = Parts { text, is_first: true };
            json.elements().for_each(|element| without_nulls(element, parts.next()));
            text.push(']');
        }
        Kind::String | Kind::Number | Kind::Boolean | Kind::Null => text.push_str(json.source()),
    }
}

/// Writes each member and element on a line of its own, as PostgreSQL and DuckDB do.
fn pretty(json: Json<'_>, depth: usize, text: &mut String) {
    let line = |depth: usize, text: &mut String| {
        text.push('\n');
        text.extend(std::iter::repeat_n("    ", depth));
    };
    let members: Vec<(Option<Cow<'_, str>>, Json<'_>)> = match json.kind() {
        Kind::Object => json.members().map(|(name, value)| (Some(name), value)).collect(),
        Kind::Array => json.elements().map(|value| (None, value)).collect(),
        Kind::String | Kind::Number | Kind::Boolean | Kind::Null => return text.push_str(json.source()),
    };
    let (open, close) = if json.kind() == Kind::Object { ('{', '}') } else { ('[', ']') };
    text.push(open);
    for (number, (name, value)) in members.iter().enumerate() {
        if number > 0 {
            text.push(',');
        }
        line(depth + 1, text);
        if let Some(name) = name {
            quote(name, text);
            text.push_str(": ");
        }
        pretty(*value, depth + 1, text);
    }
    if !members.is_empty() {
        line(depth, text);
    }
    text.push(close);
}
