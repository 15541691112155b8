//! JSON as PostgreSQL's `jsonb` has it: names in the order of their lengths and then of their bytes, each once; one blank after colons and
//! commas; numbers without exponents. Two values are equal if they are written alike, except for the zeros at the end of a number.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::quote;
use crate::kernels::json::{Json, Kind};

/// The largest exponent whose digits are written out.
const LARGEST_EXPONENT: i64 = 1000;

/// The value in this form.
pub fn normal(json: Json<'_>) -> String {
    let mut text = String::new();
    write(json, &mut text);
    text
}

/// Writes a value in this form.
pub fn write(json: Json<'_>, text: &mut String) {
    match json.kind() {
        Kind::Object => write_members(members(json).iter().map(|((_, name), value)| (name.as_ref(), *value)), text),
        Kind::Array => write_elements(json.elements(), text),
        Kind::String => quote(&json.text().unwrap_or_default(), text),
        Kind::Number => text.push_str(&without_exponent(json.source())),
        Kind::Boolean | Kind::Null => text.push_str(json.source()),
    }
}

/// Writes an object with these members.
pub fn write_members<'a>(members: impl Iterator<Item = (&'a str, Json<'a>)>, text: &mut String) {
    text.push('{');
    for (place, (name, value)) in members.enumerate() {
        if place > 0 {
            text.push_str(", ");
        }
        quote(name, text);
        text.push_str(": ");
        write(value, text);
    }
    text.push('}');
}

/// Writes an array with these elements.
pub fn write_elements<'a>(elements: impl Iterator<Item = Json<'a>>, text: &mut String) {
    text.push('[');
    for (place, element) in elements.enumerate() {
        if place > 0 {
            text.push_str(", ");
        }
        write(element, text);
    }
    text.push(']');
}

/// The members of an object in their order; of equal names, the last one counts.
pub fn members(json: Json<'_>) -> BTreeMap<(usize, Cow<'_, str>), Json<'_>> {
    json.members().map(|(name, value)| ((name.len(), name), value)).collect()
}

/// True if the value contains the other, as `@>` has it: an object has its members, an array its elements, whatever their order and number.
/// An array also contains a value that is one of its elements, but only outside of other values.
pub fn contains(whole: Json<'_>, part: Json<'_>) -> bool {
    match (whole.kind(), part.kind()) {
        (Kind::Array, Kind::String | Kind::Number | Kind::Boolean | Kind::Null) => {
            whole.elements().any(|element| is_same_plain(element, part))
        }
        _ => is_within(whole, part),
    }
}

fn is_within(whole: Json<'_>, part: Json<'_>) -> bool {
    match (whole.kind(), part.kind()) {
        (Kind::Object, Kind::Object) => {
            let own = members(whole);
            members(part).iter().all(|(name, value)| own.get(name).is_some_and(|own| is_within(*own, *value)))
        }
        (Kind::Array, Kind::Array) => part.elements().all(|element| whole.elements().any(|own| is_within(own, element))),
        _ => is_same_plain(whole, part),
    }
}

/// True for equal strings, numbers and words; objects and arrays are never equal here.
fn is_same_plain(one: Json<'_>, other: Json<'_>) -> bool {
    match (one.kind(), other.kind()) {
        (Kind::String, Kind::String) => one.text() == other.text(),
        (Kind::Number, Kind::Number) => digits(one.source()) == digits(other.source()),
        (Kind::Boolean, Kind::Boolean) | (Kind::Null, Kind::Null) => one.source() == other.source(),
        _ => false,
    }
}

/// The sign, all digits, the number of those before the point, and the exponent of a number.
fn parts(number: &str) -> (bool, String, usize, i64) {
    let (is_negative, number) = number.strip_prefix('-').map_or((false, number), |rest| (true, rest));
    let (number, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    // What does not fit is further away than all that is written out.
    let beyond = if exponent.starts_with('-') { -i64::from(i32::MAX) } else { i64::from(i32::MAX) };
    (is_negative, format!("{whole}{fraction}"), whole.len(), exponent.parse().unwrap_or(beyond))
}

/// What equal numbers have in common: the sign, the digits that count, and the place of the first one.
fn digits(number: &str) -> (bool, String, i64) {
    let (is_negative, digits, whole, exponent) = parts(number);
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return (false, String::new(), 0);
    }
    let zeros = i64::try_from(digits.len() - significant.len()).unwrap_or_default();
    let place = i64::try_from(whole).unwrap_or_default().saturating_sub(zeros).saturating_add(exponent);
    (is_negative, significant.trim_end_matches('0').to_string(), place)
}

fn without_exponent(number: &str) -> Cow<'_, str> {
    let (is_negative, digits, whole, exponent) = parts(number);
    let is_zero = digits.bytes().all(|digit| digit == b'0');
    if !number.contains(['e', 'E']) {
        return Cow::Borrowed(if is_zero { number.trim_start_matches('-') } else { number });
    }
    if exponent.abs() > LARGEST_EXPONENT {
        return Cow::Borrowed(number);
    }
    let sign = if is_negative && !is_zero { "-" } else { "" };
    let point = i64::try_from(whole).unwrap_or_default() + exponent;
    let before = usize::try_from(-point).unwrap_or_default();
    let digits = format!("{}{digits}", "0".repeat(before));
    let point = usize::try_from(point).unwrap_or_default();
    let digits = format!("{digits}{}", "0".repeat(point.saturating_sub(digits.len())));
    let (whole, fraction) = digits.split_at(point);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let dot = if fraction.is_empty() { "" } else { "." };
    Cow::Owned(format!("{sign}{whole}{dot}{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As PostgreSQL 15 writes them.
    #[test]
    fn values_are_written_as_postgresql_does() {
        for (json, written) in [
            (r#"{"b": 1,   "a":2, "aa":[], "a":3}"#, r#"{"a": 3, "b": 1, "aa": []}"#),
            (
                r#" [1.50, 1e3, 15e-1, 1.5E1, -0, -0.0, 0.10e1, 123e-5, 1.50e1] "#,
                "[1.50, 1000, 1.5, 15, 0, 0.0, 1.0, 0.00123, 15.0]",
            ),
            (r#"{"é\u00e9\n": null, "x": {"y": true}}"#, r#"{"x": {"y": true}, "éé\n": null}"#),
        ] {
            assert_eq!(normal(Json::parse(json).unwrap()), written, "{json}");
        }
    }

    #[test]
    fn values_contain_others_as_in_postgresql() {
        for (whole, part, expected) in [
            (r#"{"a": 1, "b": 2}"#, r#"{"a": 1.0}"#, true),
            (r#"{"a": 1}"#, r#"{"a": 1, "b": 2}"#, false),
            (r#"{"a": [1, {"b": 2, "c": 3}]}"#, r#"{"a": [{"c": 3}]}"#, true),
            (r#"{"a": [1, 2]}"#, r#"{"a": 1}"#, false),
            ("[1, 2, 3]", "[3, 1, 1]", true),
            (r#"["foo", "bar"]"#, r#""bar""#, true),
            (r#""bar""#, r#"["bar"]"#, false),
            ("[1, [2]]", "[2]", false),
            ("[1, [2]]", "[[2]]", true),
            ("9007199254740993", "9007199254740992", false),
            ("100", "1e2", true),
            ("null", "null", true),
            ("{}", "[]", false),
            ("[]", "{}", false),
        ] {
            let parsed = |text| Json::parse(text).unwrap();
            assert_eq!(contains(parsed(whole), parsed(part)), expected, "{whole} @> {part}");
        }
    }
}
