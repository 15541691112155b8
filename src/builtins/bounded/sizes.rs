//! How large results can become, for every function whose result may be larger than its arguments, or repeats one of them in
//! every row.
//!
//! A bound is in bytes per row. It may be too high if the function depends on the content of a string; the actual result is
//! measured as well.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNanoType, IntervalUnit, TimeUnit};
use datafusion::common::Result;
use datafusion::logical_expr::ColumnarValue;

use super::given::{Each, Given, Integers};
use crate::error::invalid;

/// Bytes of the result, row by row.
pub type Sizes = fn(&str, &Given<'_>) -> Result<Vec<u64>>;

/// How the results of a function grow.
#[derive(Clone, Copy)]
pub enum Growth {
    /// They are no larger than all arguments together.
    Together,
    Sizes(Sizes),
}

/// How the results of this function grow; `None` if they do not.
pub fn of(function: &str) -> Option<Growth> {
    let sizes: Sizes = match function {
        "repeat" => repeat,
        "lpad" | "rpad" => pad,
        "replace" => replace,
        "regexp_replace" => regexp_replace,
        "concat_ws" => concat_ws,
        "translate" | "initcap" | "upper" | "lower" | "encode" => letter_by_letter,
        "to_char" | "date_format" => to_char,
        "string_to_array" | "string_to_list" => string_to_array,
        "array_to_string" | "list_to_string" | "array_join" | "list_join" => array_to_string,
        "array_repeat" | "list_repeat" => array_repeat,
        "array_resize" | "list_resize" => array_resize,
        "range" | "generate_series" | "dates_counted_from_start" => range,
        "concat" | "||" | "overlay" | "substr" | "substring" | "left" | "right" | "split_part" | "substr_index"
        | "substring_index" | "btrim" | "ltrim" | "rtrim" | "trim" | "nullif" | "greatest" | "least" | "regexp_match"
        | "array_append" | "array_prepend" | "array_concat" | "array_union" | "array_slice" | "array_element"
        | "array_remove" | "array_remove_n" | "array_remove_all" | "array_replace" | "array_replace_n" | "array_replace_all"
        | "array_except" | "array_intersect" | "array_sort" | "arrays_zip" | "make_array" | "flatten" | "struct"
        | "named_struct" | "map" | "map_extract" => return Some(Growth::Together),
        _ => return None,
    };
    Some(Growth::Sizes(sizes))
}

fn rows(given: &Given<'_>, of: impl Fn(usize) -> u64) -> Vec<u64> {
    (0..given.rows).map(of).collect()
}

fn repeat(_: &str, given: &Given<'_>) -> Result<Vec<u64>> {
    let (text, times) = (given.bytes(0)?, given.count(1)?);
    Ok(rows(given, |row| text.at(row).saturating_mul(times.at(row))))
}

/// Pads with the third argument, or with spaces if there is none.
fn pad(_: &str, given: &Given<'_>) -> Result<Vec<u64>> {
    let (text, letters) = (given.bytes(0)?, given.count(1)?);
    let width = if given.is_ascii(2) { 1 } else { 4 };
    Ok(rows(given, |row| text.at(row).saturating_add(letters.at(row).saturating_mul(width))))
}

fn replace(_: &str, given: &Given<'_>) -> Result<Vec<u64>> {
    let (text, from, to) = (given.bytes(0)?, given.bytes(1)?, given.bytes(2)?);
    Ok(rows(given, |row| {
        let found = match from.at(row) {
            // An empty search string matches before every character and at the end.
            0 => text.at(row).saturating_add(1),
            length => text.at(row) / length,
        };
        text.at(row).saturating_add(found.saturating_mul(to.at(row)))
    }))
}

/// Matches do not overlap: together they capture no more than the string, for every place where the replacement refers to them.
fn regexp_replace(_: &str, given: &Given<'_>) -> Result<Vec<u64>> {
    let (text, to) = (given.bytes(0)?, given.bytes(2)?);
    let everywhere = given.arguments.len() > 3;
    Ok(rows(given, |row| {
        let (text, to) = (text.at(row), to.at(row));
        let found = if everywhere { text.saturating_add(1) } else { 1 };
        text.saturating_add(found.saturating_mul(to)).saturating_add((to / 2).saturating_mul(text))
    }))
}

fn concat_ws(_: &str, given: &Given<'_>) -> Result<Vec<u64>> {
    let (all, separator) = (given.all_bytes()?, given.bytes(0)?);
    let between = (given.arguments.len() as u64).saturating_sub(3);
    Ok(rows(given, |row| all[row].saturating_add(separator.at(row).saturating_mul(between))))
}

/// A one-byte character can become one of four bytes; a two-byte character, three characters of two bytes.
fn letter_by_letter(_: &str, given: &Given<'_>) -> Result<Vec<u64>> {
    let all = given.all_bytes()?;
    Ok(all.into_iter().map(|bytes| bytes.saturating_mul(4)).collect())
}

/// `%c`, two letters, becomes a whole date and time.
fn to_char(_: &str, given: &Given<'_>) -> Result<Vec<u64>> {
    let all = given.all_bytes()?;
    Ok(all.into_iter().map(|bytes| bytes.saturating_mul(20)).collect())
}

/// At most one element per character.
fn string_to_array(_: &str, given: &Given<'_>) -> Result<Vec<u64>> {
    let text = given.bytes(0)?;
    Ok(rows(given, |row| text.at(row).saturating_add(1).saturating_mul(20)))
}

fn array_to_string(_: &str, given: &Given<'_>) -> Result<Vec<u64>> {
    let (list, elements, separator, null) = (given.bytes(0)?, given.elements(0)?, given.bytes(1)?, given.bytes(2)?);
    Ok(rows(given, |row| {
        let each = separator.at(row).saturating_add(null.at(row)).saturating_add(24);
        list.at(row).saturating_add(elements.at(row).saturating_mul(each))
    }))
}

fn array_repeat(_: &str, given: &Given<'_>) -> Result<Vec<u64>> {
    let (element, times) = (given.bytes(0)?, given.count(1)?);
    let element = stored(given, 0, element);
    Ok(rows(given, |row| times.at(row).saturating_mul(element.at(row)).saturating_add(16)))
}

fn array_resize(_: &str, given: &Given<'_>) -> Result<Vec<u64>> {
    let (list, length, element) = (given.bytes(0)?, given.count(1)?, given.bytes(2)?);
    let element = stored(given, 2, element);
    Ok(rows(given, |row| list.at(row).saturating_add(length.at(row).saturating_mul(element.at(row).max(8)))))
}

/// The size of a stored number, not of its text.
fn stored(given: &Given<'_>, position: usize, bytes: Each) -> Each {
    let width = given.arguments.get(position).and_then(|argument| argument.data_type().primitive_width());
    width.map_or(bytes, |width| Each::Same(width as u64))
}

/// Numbers, days or times from one to another.
fn range(name: &str, given: &Given<'_>) -> Result<Vec<u64>> {
    let name = if name == "dates_counted_from_start" { "generate_date_array" } else { name };
    let of_numbers = given.arguments.first().is_some_and(|first| first.data_type() == DataType::Int64);
    if of_numbers {
        let given_at = |position: usize| given.integers(position);
        let (start, stop, step) = match given.arguments.len() {
            1 => (Integers::Same(Some(0)), given_at(0)?, Integers::Same(Some(1))),
            2 => (given_at(0)?, given_at(1)?, Integers::Same(Some(1))),
            _ => (given_at(0)?, given_at(1)?, given_at(2)?),
        };
        return Ok(rows(given, |row| {
            let (Some(start), Some(stop), Some(step)) = (start.at(row), stop.at(row), step.at(row)) else { return 16 };
            let distance = i128::from(stop) - i128::from(start);
            match (distance.signum() * i128::from(step.signum()), step) {
                (-1, _) | (_, 0) => 16,
                _ => elements(distance.unsigned_abs(), u128::from(step.unsigned_abs())),
            }
        }));
    }
    let Some(step) = given.arguments.get(2) else { return Ok(vec![16; given.rows]) };
    let (start, stop) = (nanoseconds(given, 0)?, nanoseconds(given, 1)?);
    let steps = as_array(step, given.rows)?;
    let interval = DataType::Interval(IntervalUnit::MonthDayNano);
    if *steps.data_type() != interval {
        return Ok(vec![16; given.rows]);
    }
    let steps = steps.as_primitive::<IntervalMonthDayNanoType>();
    let mut sizes = Vec::with_capacity(given.rows);
    for row in 0..given.rows {
        let (Some(start), Some(stop), true) = (start.at(row), stop.at(row), steps.is_valid(row)) else {
            sizes.push(16);
            continue;
        };
        let (months, days, nanoseconds) = IntervalMonthDayNanoType::to_parts(steps.value(row));
        let signs = [i64::from(months.signum()), i64::from(days.signum()), nanoseconds.signum()];
        if signs.contains(&1) && signs.contains(&-1) {
            let problem =
                "the parts of a step must go one way, got an interval of positive and negative parts; write it with one sign";
            return Err(invalid(name, problem));
        }
        const DAY: u128 = 86_400_000_000_000;
        // A month is at least 28 days, and a day of a zone 23 hours.
        let days = u128::from(months.unsigned_abs()) * 28 + u128::from(days.unsigned_abs());
        let least = (days * DAY / 24 * 23 + u128::from(nanoseconds.unsigned_abs())).max(1);
        let forward = signs.contains(&1);
        let distance = i128::from(stop) - i128::from(start);
        sizes.push(if (distance > 0) == forward || distance == 0 { elements(distance.unsigned_abs(), least) } else { 16 });
    }
    Ok(sizes)
}

/// Elements of eight bytes, and the spare room of a growing buffer.
fn elements(distance: u128, step: u128) -> u64 {
    let count = distance / step.max(1) + 1;
    u64::try_from(count.saturating_mul(8)).unwrap_or(u64::MAX).saturating_add(16)
}

fn as_array(argument: &ColumnarValue, rows: usize) -> Result<ArrayRef> {
    match argument {
        ColumnarValue::Array(array) => Ok(array.clone()),
        ColumnarValue::Scalar(value) => value.to_array_of_size(rows),
    }
}

fn nanoseconds(given: &Given<'_>, position: usize) -> Result<Integers> {
    let Some(argument) = given.arguments.get(position) else { return Ok(Integers::Same(None)) };
    let array = as_array(argument, given.rows)?;
    let nanoseconds = match array.data_type() {
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Nanosecond, zone.clone()),
        _ => DataType::Timestamp(TimeUnit::Nanosecond, None),
    };
    Ok(Integers::Rows(cast(&cast(&array, &nanoseconds)?, &DataType::Int64)?.as_primitive().clone()))
}
