//! Times formatted as strings and parsed from strings, by the patterns of several languages; and numbers formatted as by
//! PostgreSQL's `to_char`.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::DateTime;
use datafusion::arrow::array::{Array, AsArray, StringArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, DurationMicrosecondType, IntervalMonthDayNano, IntervalMonthDayNanoType, TimeUnit};
use datafusion::common::{Result, plan_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::patterns::{Language, Pattern, Span, Zone};
use super::{WALL, arrays, instants, is_text, texts, wall_type, walls};
use crate::builtins::scalar::Scalar;
use crate::builtins::spans::INTERVAL;
use crate::builtins::texts::numbers;
use crate::error::{SqlState, in_rows};

macro_rules! writes {
    ($name:literal, $called:literal, $language:expr) => {
        Scalar {
            name: $name,
            takes: |types| match types {
                [time, pattern] if is_text(pattern) => Ok(vec![wall_type($called, time)?, DataType::Utf8]),
                _ => plan_err!("{} takes a date or timestamp and a pattern, got {types:?}", $called),
            },
            gives: |_| Ok(DataType::Utf8),
            compute: |arguments| write(arguments, $called, $language),
            written: |_| None,
        }
    };
}

/// What a text that does not match its pattern gives.
#[derive(Clone, Copy)]
enum Unread {
    Error,
    Null,
}

macro_rules! reads {
    ($name:literal, $called:literal, $language:expr, $unread:expr) => {
        Scalar {
            name: $name,
            takes: |types| match types {
                [text, pattern] if is_text(text) && is_text(pattern) => Ok(vec![DataType::Utf8, DataType::Utf8]),
                _ => plan_err!("{} takes a text and a pattern, got {types:?}", $called),
            },
            gives: |_| Ok(WALL),
            compute: |arguments| read(arguments, $called, $language, $unread),
            written: |_| None,
        }
    };
}

pub static STRFTIME: Scalar = writes!("strftime", "strftime", Language::C);
pub static DATE_FORMAT: Scalar = writes!("date_format", "date_format", Language::MySql);
pub static STRPTIME: Scalar = reads!("strptime", "strptime", Language::C, Unread::Error);
pub static TRY_STRPTIME: Scalar = reads!("try_strptime", "try_strptime", Language::C, Unread::Null);
pub static STR_TO_TIME: Scalar = reads!("time_in_letters_of_mysql", "str_to_date", Language::MySql, Unread::Error);
pub static TO_TIME: Scalar = reads!("time_in_letters_of_postgresql", "to_timestamp", Language::PostgreSql, Unread::Error);

pub static TO_CHAR: Scalar = Scalar {
    name: "letters_of_postgresql",
    takes: |types| match types {
        [number, pattern] if number.is_numeric() && is_text(pattern) => Ok(vec![DataType::Float64, DataType::Utf8]),
        [DataType::Interval(_), pattern] if is_text(pattern) => Ok(vec![INTERVAL, DataType::Utf8]),
        [DataType::Duration(_), pattern] if is_text(pattern) => {
            Ok(vec![DataType::Duration(TimeUnit::Microsecond), DataType::Utf8])
        }
        [time, pattern] if is_text(pattern) && (*time == DataType::Null || !is_text(time)) => {
            Ok(vec![wall_type("to_char", time)?, DataType::Utf8])
        }
        _ => plan_err!(
            "to_char takes a date, timestamp, interval or number and a pattern, got {types:?}; for a text write CAST(… AS TIMESTAMP)"
        ),
    },
    gives: |_| Ok(DataType::Utf8),
    compute: |arguments| match arguments.arg_fields[0].data_type() {
        DataType::Float64 => numbers::write(arguments),
        DataType::Interval(_) | DataType::Duration(_) => write_spans(arguments, "to_char"),
        _ => write(arguments, "to_char", Language::PostgreSql),
    },
    written: |_| None,
};

/// True if a pattern contains a time of day, in MySQL's letters.
pub fn has_time(pattern: &str) -> bool {
    Pattern::read(pattern, Language::MySql).is_ok_and(|pattern| pattern.has_time())
}

fn wrong(name: &str, problem: String) -> DataFusionError {
    in_rows(SqlState::INVALID_PARAMETER_VALUE, name, "takes a pattern of parts of a time", problem)
}

/// A cache of parsed patterns, as most calls use only one.
struct Patterns<'a> {
    name: &'a str,
    language: Language,
    known: HashMap<String, Pattern>,
}

impl Patterns<'_> {
    fn of(&mut self, pattern: &str) -> Result<&Pattern> {
        if !self.known.contains_key(pattern) {
            let read = Pattern::read(pattern, self.language);
            let read = read.map_err(|problem| wrong(self.name, format!("in the pattern '{pattern}', {problem}")))?;
            self.known.insert(pattern.to_string(), read);
        }
        self.known.get(pattern).ok_or_else(|| wrong(self.name, format!("the pattern '{pattern}' could not be read")))
    }
}

fn write(arguments: &ScalarFunctionArgs, name: &str, language: Language) -> Result<ColumnarValue> {
    let arrays = arrays(arguments)?;
    let (times, patterns) = (walls(&arrays[0])?.into_iter().zip(instants(&arrays[0])?), texts(&arrays[1])?);
    let zone = match arrays[0].data_type() {
        DataType::Timestamp(_, zone) => zone.as_deref(),
        _ => None,
    };
    let mut known = Patterns { name, language, known: HashMap::new() };
    let mut result = Vec::with_capacity(arrays[0].len());
    for ((time, instant), pattern) in times.zip(patterns.as_string::<i32>()) {
        let written = match (time.zip(instant), pattern) {
            (Some((time, instant)), Some(pattern)) => {
                let pattern = known.of(pattern)?;
                let zone = zone.map(|name| Zone { name, seconds: (time - instant) / 1_000_000 });
                DateTime::from_timestamp_micros(time).map(|time| pattern.write(time.naive_utc(), zone))
            }
            _ => None,
        };
        result.push(written);
    }
    Ok(ColumnarValue::Array(Arc::new(StringArray::from(result))))
}

/// Formats lengths of time, in the letters of PostgreSQL.
fn write_spans(arguments: &ScalarFunctionArgs, name: &str) -> Result<ColumnarValue> {
    let arrays = arrays(arguments)?;
    let patterns = texts(&arrays[1])?;
    let spans: Vec<Option<Span>> = match arrays[0].data_type() {
        // Whole days are a part of their own, as in a difference of PostgreSQL's timestamps.
        DataType::Duration(_) => {
            let micros = arrays[0].as_primitive::<DurationMicrosecondType>();
            let days = |micros: i64| (micros / DAY, micros % DAY * 1_000);
            micros
                .iter()
                .map(|micros| Some(days(micros?)).map(|(days, nanoseconds)| Span { months: 0, days, nanoseconds }))
                .collect()
        }
        _ => {
            let spans = arrays[0].as_primitive::<IntervalMonthDayNanoType>();
            let parts = |span: IntervalMonthDayNano| Span {
                months: span.months.into(),
                days: span.days.into(),
                nanoseconds: span.nanoseconds,
            };
            spans.iter().map(|span| span.map(parts)).collect()
        }
    };
    let mut known = Patterns { name, language: Language::PostgreSql, known: HashMap::new() };
    let mut result = Vec::with_capacity(spans.len());
    for (span, pattern) in spans.into_iter().zip(patterns.as_string::<i32>()) {
        result.push(match (span, pattern) {
            (Some(span), Some(pattern)) => {
                let written = known.of(pattern)?.write_span(span);
                Some(written.map_err(|problem| wrong(name, format!("in the pattern '{pattern}', {problem}")))?)
            }
            _ => None,
        });
    }
    Ok(ColumnarValue::Array(Arc::new(StringArray::from(result))))
}

/// The microseconds of a day.
const DAY: i64 = 86_400_000_000;

fn read(arguments: &ScalarFunctionArgs, name: &str, language: Language, unread: Unread) -> Result<ColumnarValue> {
    let arrays = arrays(arguments)?;
    let (given, patterns) = (texts(&arrays[0])?, texts(&arrays[1])?);
    let mut known = Patterns { name, language, known: HashMap::new() };
    let mut result = Vec::with_capacity(given.len());
    let otherwise = match name {
        "strptime" => "; try_strptime gives NULL instead",
        "to_timestamp" => "; parse_date(…) and try_strptime(…, '%d.%m.%Y') give NULL instead",
        _ => "",
    };
    for (text, pattern) in given.as_string::<i32>().iter().zip(patterns.as_string::<i32>()) {
        let time = match (text, pattern) {
            (Some(text), Some(pattern)) => {
                let time = match (known.of(pattern)?.parse(text), unread) {
                    (Ok(time), _) => Some(time),
                    (Err(_), Unread::Null) => None,
                    (Err(problem), Unread::Error) => {
                        return Err(wrong(
                            name,
                            format!("'{text}' does not match the pattern '{pattern}': {problem}{otherwise}"),
                        ));
                    }
                };
                time.map(|time| time.and_utc().timestamp_micros())
            }
            _ => None,
        };
        result.push(time);
    }
    Ok(ColumnarValue::Array(Arc::new(TimestampMicrosecondArray::from(result))))
}
