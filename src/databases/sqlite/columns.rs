//! The columns of a SQLite table or query, and their values.
//!
//! SQLite stores any value in any column; a declared type is only a preference. Our tables have types, so each value is checked when it is
//! read: text in an amount column is an error that shows the row, never NULL or zero.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use rusqlite::types::ValueRef;

use crate::databases::columns::Values;

/// Integers up to this are exact as doubles.
const WHOLE_DOUBLES: i64 = 1 << 53;
/// The digits that a double preserves.
const DOUBLE_DIGITS: u8 = 15;
const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;

/// A column to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteColumn {
    pub name: String,
    pub data_type: DataType,
    /// True when SQLite converts every number stored in the column to text.
    pub keeps_texts: bool,
}

/// The type for a declaration; `None` when it says nothing, so that values have to be examined.
///
/// Dates, times, booleans and decimals are recognised by name, because SQLite does not know them. The rest follows SQLite's rules of
/// affinity.
pub fn declared(declaration: &str) -> Option<DataType> {
    let upper = declaration.trim().to_uppercase();
    let (word, arguments) = match upper.split_once('(') {
        Some((word, rest)) => (word.trim(), rest.trim_end_matches(')').trim()),
        None => (upper.as_str(), ""),
    };
    match word {
        "DATE" => return Some(DataType::Date32),
        "DATETIME" | "TIMESTAMP" | "TIMESTAMP WITHOUT TIME ZONE" => {
            return Some(DataType::Timestamp(TimeUnit::Microsecond, None));
        }
        "TIMESTAMPTZ" | "TIMESTAMP WITH TIME ZONE" => {
            return Some(DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())));
        }
        "TIME" => return Some(DataType::Time64(TimeUnit::Microsecond)),
        "BOOL" | "BOOLEAN" => return Some(DataType::Boolean),
        "DECIMAL" | "NUMERIC" | "DEC" if !arguments.is_empty() => return decimal(arguments),
        "DECIMAL" | "NUMERIC" | "DEC" => return Some(DataType::Float64),
        "JSON" | "UUID" | "STRING" => return Some(DataType::Utf8View),
        _ => {}
    }
    let has = |parts: &[&str]| parts.iter().any(|part| upper.contains(part));
    match () {
        () if has(&["INT"]) => Some(DataType::Int64),
        () if has(&["CHAR", "CLOB", "TEXT"]) => Some(DataType::Utf8View),
        () if has(&["BLOB"]) => Some(DataType::Binary),
        () if has(&["REAL", "FLOA", "DOUB"]) => Some(DataType::Float64),
        () => None,
    }
}

fn decimal(arguments: &str) -> Option<DataType> {
    let (digits, scale) = arguments.split_once(',').unwrap_or((arguments, "0"));
    let (digits, scale): (u8, i8) = (digits.trim().parse().ok()?, scale.trim().parse().ok()?);
    let fits = (1..=38).contains(&digits) && scale >= 0 && scale.unsigned_abs() <= digits;
    fits.then_some(DataType::Decimal128(digits, scale))
}

/// The type for a column without a usable declaration, by the storage classes seen: `integer`, `real`, `text`, `blob`.
pub fn seen(kinds: &[String]) -> DataType {
    let has = |kind: &str| kinds.iter().any(|seen| seen == kind);
    match () {
        () if has("text") => DataType::Utf8View,
        () if has("blob") => DataType::Binary,
        () if has("real") => DataType::Float64,
        () if has("integer") => DataType::Int64,
        () => DataType::Utf8View,
    }
}

/// True when different values of this decimal type are different as doubles, which is what SQLite compares.
pub fn is_double(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal128(digits, _) if *digits <= DOUBLE_DIGITS)
}

/// Adds a value; `None` when it does not fit the column's type.
pub fn add(values: &mut Values, value: ValueRef<'_>, data_type: &DataType) -> Option<()> {
    if matches!(value, ValueRef::Null) {
        values.null();
        return Some(());
    }
    match values {
        Values::Int64(values) => match value {
            ValueRef::Integer(number) => values.append_value(number),
            ValueRef::Real(number) => values.append_value(whole(number)?),
            _ => return None,
        },
        Values::Float64(values) => match value {
            ValueRef::Real(number) => values.append_value(number),
            ValueRef::Integer(number) => values.append_value(double(number)?),
            _ => return None,
        },
        Values::Decimal128(values) => {
            let DataType::Decimal128(digits, scale) = data_type else { return None };
            let scale = u32::try_from(*scale).ok()?;
            let number = match value {
                ValueRef::Integer(number) => i128::from(number).checked_mul(10_i128.checked_pow(scale)?)?,
                ValueRef::Real(number) => decimal_of(number, scale)?,
                ValueRef::Text(text) => read_decimal(str::from_utf8(text).ok()?, scale)?,
                _ => return None,
            };
            if number.unsigned_abs() >= 10_u128.checked_pow(u32::from(*digits))? {
                return None;
            }
            values.append_value(number);
        }
        Values::Boolean(values) => match value {
            ValueRef::Integer(number @ 0..=1) => values.append_value(number == 1),
            _ => return None,
        },
        Values::Text(values) => match value {
            ValueRef::Text(text) => values.append_value(str::from_utf8(text).ok()?),
            // With a declaration such as STRING, SQLite stores '7' as the number 7.
            ValueRef::Integer(number) => values.append_value(number.to_string()),
            _ => return None,
        },
        Values::Bytes(values) => match value {
            ValueRef::Blob(bytes) => values.append_value(bytes),
            _ => return None,
        },
        Values::Date(values) => values.append_value(date(text(value)?)?),
        Values::Time(values) => values.append_value(time(text(value)?)?),
        Values::Timestamp(values) => values.append_value(timestamp(text(value)?)?),
        _ => return None,
    }
    Some(())
}

/// The bytes of a value of variable size.
pub fn size(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
        _ => 0,
    }
}

fn text(value: ValueRef<'_>) -> Option<&str> {
    match value {
        ValueRef::Text(text) => str::from_utf8(text).ok(),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within what a double holds exactly")]
#[expect(clippy::cast_precision_loss, reason = "2^53 is a double")]
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= WHOLE_DOUBLES as f64).then_some(number as i64)
}

#[expect(clippy::cast_precision_loss, reason = "only numbers that a double holds exactly")]
fn double(number: i64) -> Option<f64> {
    (number.unsigned_abs() <= WHOLE_DOUBLES.unsigned_abs()).then_some(number as f64)
}

/// The decimal that was stored as this double: the shortest one that gives the same double.
fn decimal_of(number: f64, scale: u32) -> Option<i128> {
    let shortest = format!("{number}");
    read_decimal(&shortest, scale)
}

/// Parses a decimal number exactly.
fn read_decimal(text: &str, scale: u32) -> Option<i128> {
    let (negative, digits) = match text.trim().strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.trim()),
    };
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
    let rest = rest.trim_end_matches('0');
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !are_digits(whole) || !are_digits(rest) || rest.len() > usize::try_from(scale).ok()? {
        return None;
    }
    let missing = scale - u32::try_from(rest.len()).ok()?;
    let number: i128 = format!("{whole}{rest}").parse().ok()?;
    let number = number.checked_mul(10_i128.checked_pow(missing)?)?;
    Some(if negative { -number } else { number })
}

/// Parses `2025-06-30` as days since 1970.
fn date(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    let is_date = bytes.len() == 10
        && bytes
            .iter()
            .enumerate()
            .all(|(place, byte)| if matches!(place, 4 | 7) { *byte == b'-' } else { byte.is_ascii_digit() });
    if !is_date {
        return None;
    }
    let date = chrono::NaiveDate::from_ymd_opt(text[..4].parse().ok()?, text[5..7].parse().ok()?, text[8..].parse().ok()?)?;
    i32::try_from(date.signed_duration_since(chrono::NaiveDate::default()).num_days()).ok()
}

/// Parses `23:59`, `23:59:59` or `23:59:59.999999` as microseconds.
fn time(text: &str) -> Option<i64> {
    let (clock, fraction) = match text.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (text, None),
    };
    let two = |text: &str, below: i64| -> Option<i64> {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number: i64 = if is_number { text.parse().ok()? } else { return None };
        (number < below).then_some(number)
    };
    let mut parts = clock.split(':');
    let (hours, minutes) = (two(parts.next()?, 24)?, two(parts.next()?, 60)?);
    let seconds = match parts.next() {
        Some(seconds) => two(seconds, 60)?,
        None if fraction.is_none() => 0,
        None => return None,
    };
    if parts.next().is_some() {
        return None;
    }
    let fraction = match fraction {
        // Anything finer than a microsecond would be lost.
        Some(digits) if (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            let nanoseconds: i64 = format!("{digits:0<9}").parse().ok()?;
            (nanoseconds % 1000 == 0).then_some(nanoseconds / 1000)?
        }
        Some(_) => return None,
        None => 0,
    };
    Some(((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + fraction)
}

/// Parses a date, or a date and a time with `T` or a space between them, as microseconds. An offset from UTC at the end is subtracted, as
/// SQLite's own functions do.
fn timestamp(text: &str) -> Option<i64> {
    let day = i64::from(date(text.get(..10)?)?) * MICROSECONDS_PER_DAY;
    let rest = &text[10..];
    if rest.is_empty() {
        return Some(day);
    }
    let rest = rest.strip_prefix(['T', ' '])?;
    let (clock, distance) = match rest.strip_suffix(['Z', 'z']) {
        Some(clock) => (clock, 0),
        None => match rest.rfind(['+', '-']) {
            Some(place) => {
                let east = if rest[place..].starts_with('+') { 1 } else { -1 };
                let digits = &rest[place + 1..];
                let digits = if digits.len() == 4 { format!("{}:{}", digits.get(..2)?, digits.get(2..)?) } else { digits.into() };
                (rest[..place].trim_end(), east * time(&digits)?)
            }
            None => (rest, 0),
        },
    };
    Some(day + time(clock)? - distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_have_types() {
        for (declaration, data_type) in [
            ("INTEGER", Some(DataType::Int64)),
            ("bigint unsigned", Some(DataType::Int64)),
            ("varchar(20)", Some(DataType::Utf8View)),
            ("Decimal(10, 2)", Some(DataType::Decimal128(10, 2))),
            ("NUMERIC", Some(DataType::Float64)),
            ("decimal(60,2)", None),
            ("double precision", Some(DataType::Float64)),
            ("datetime", Some(DataType::Timestamp(TimeUnit::Microsecond, None))),
            ("", None),
            ("MONEY", None),
        ] {
            assert_eq!(declared(declaration), data_type, "{declaration}");
        }
    }

    #[test]
    fn times_are_read_as_sqlite_reads_them() {
        let of = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros();
        for (text, instant) in [
            ("2025-06-30", "2025-06-30T00:00:00Z"),
            ("2025-06-30 23:59", "2025-06-30T23:59:00Z"),
            ("2025-06-30T23:59:59.5Z", "2025-06-30T23:59:59.5Z"),
            ("2025-06-30 23:59:59.123456+08:00", "2025-06-30T15:59:59.123456Z"),
            ("2025-06-30 00:30:00-0130", "2025-06-30T02:00:00Z"),
        ] {
            assert_eq!(timestamp(text), Some(of(instant)), "{text}");
        }
        for text in [
            "2025-6-30",
            "2025-06-31",
            "2025-06-30 24:00",
            "2025-06-30 1:00",
            "2025-06-30 10:00:00.1234567",
            "now",
            "客户客户客户",
            "2025-06-30 客",
        ] {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn decimals_are_what_was_written() {
        assert_eq!(decimal_of(19.99, 2), Some(1999));
        assert_eq!(decimal_of(-0.1, 2), Some(-10));
        assert_eq!(decimal_of(1e15, 2), Some(100_000_000_000_000_000));
        assert_eq!(decimal_of(0.1 + 0.2, 2), None);
        assert_eq!(decimal_of(f64::INFINITY, 2), None);
        assert_eq!(read_decimal("99999999999999999999999999999999.99", 2), Some(9_999_999_999_999_999_999_999_999_999_999_999));
        assert_eq!(read_decimal("1e5", 2), None);
    }
}
