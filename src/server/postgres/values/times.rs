//! Dates, times and instants.

use std::io::Write;

use chrono::{DateTime, Datelike, NaiveDateTime, Offset, TimeZone, Timelike};
use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::datatypes::TimeUnit;

/// Days from 1970-01-01 to 2000-01-01, PostgreSQL's epoch.
pub const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
pub const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;

/// A time in microseconds; nanoseconds, which PostgreSQL does not have, are truncated.
pub fn micros(value: i64, unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => value.saturating_mul(1_000_000),
        TimeUnit::Millisecond => value.saturating_mul(1000),
        TimeUnit::Microsecond => value,
        TimeUnit::Nanosecond => value.div_euclid(1000),
    }
}

/// Appends a number in two digits.
fn two(value: u32, out: &mut Vec<u8>) {
    let digit = |value: u32| b'0' + (value % 10) as u8;
    out.extend_from_slice(&[digit(value / 10), digit(value)]);
}

/// Appends year, month and day; true for a year BC, which is marked at the end of the text.
fn day(date: &impl Datelike, out: &mut Vec<u8>) -> bool {
    let year = date.year();
    let (shown, is_before) = if year > 0 { (year, false) } else { (1 - year, true) };
    match u32::try_from(shown) {
        Ok(year @ ..=9999) => {
            two(year / 100, out);
            two(year % 100, out);
        }
        // Writing to memory does not fail.
        _ => _ = write!(out, "{shown:04}"),
    }
    out.push(b'-');
    two(date.month(), out);
    out.push(b'-');
    two(date.day(), out);
    is_before
}

/// Appends hours, minutes and seconds, with fractional digits as needed.
pub fn clock(seconds: u32, micros: u32, out: &mut Vec<u8>) {
    two(seconds / 3600, out);
    out.push(b':');
    two(seconds / 60 % 60, out);
    out.push(b':');
    two(seconds % 60, out);
    if micros > 0 {
        out.push(b'.');
        two(micros / 10_000, out);
        two(micros / 100 % 100, out);
        two(micros % 100, out);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

/// Appends the date for a number of days since 1970.
pub fn date(days: i64, out: &mut Vec<u8>) {
    match DateTime::from_timestamp(days.saturating_mul(86_400), 0) {
        Some(time) => {
            if day(&time.date_naive(), out) {
                out.extend_from_slice(b" BC");
            }
        }
        None => out.extend_from_slice(if days > 0 { b"infinity" } else { b"-infinity" }),
    }
}

fn date_and_time(time: &NaiveDateTime, out: &mut Vec<u8>) -> bool {
    let is_before = day(&time.date(), out);
    out.push(b' ');
    clock(time.num_seconds_from_midnight(), time.nanosecond() / 1000, out);
    is_before
}

/// Appends a timestamp without a zone, in microseconds since 1970.
pub fn timestamp(micros: i64, out: &mut Vec<u8>) {
    match DateTime::from_timestamp_micros(micros) {
        Some(time) => {
            if date_and_time(&time.naive_utc(), out) {
                out.extend_from_slice(b" BC");
            }
        }
        None => out.extend_from_slice(if micros > 0 { b"infinity" } else { b"-infinity" }),
    }
}

/// Appends an instant in the local time of a zone.
pub fn instant(micros: i64, zone: Tz, out: &mut Vec<u8>) {
    let Some(time) = DateTime::from_timestamp_micros(micros) else {
        return out.extend_from_slice(if micros > 0 { b"infinity" } else { b"-infinity" });
    };
    let offset = zone.offset_from_utc_datetime(&time.naive_utc()).fix();
    let is_before = match time.naive_utc().checked_add_offset(offset) {
        Some(local) => date_and_time(&local, out),
        None => date_and_time(&time.naive_utc(), out),
    };
    let seconds = offset.local_minus_utc();
    let (sign, seconds) = (if seconds < 0 { '-' } else { '+' }, seconds.abs());
    let _ = write!(out, "{sign}{:02}", seconds / 3600);
    if seconds % 3600 != 0 {
        let _ = write!(out, ":{:02}", seconds / 60 % 60);
    }
    if seconds % 60 != 0 {
        let _ = write!(out, ":{:02}", seconds % 60);
    }
    if is_before {
        out.extend_from_slice(b" BC");
    }
}

/// Appends a time of day, in microseconds.
pub fn time_of_day(micros: i64, out: &mut Vec<u8>) {
    let seconds = u32::try_from(micros / 1_000_000).unwrap_or(0);
    clock(seconds, u32::try_from(micros % 1_000_000).unwrap_or(0), out);
}
