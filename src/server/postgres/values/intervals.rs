//! Intervals: months, days and microseconds.

use std::io::Write;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{
    DataType, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType, IntervalDayTimeType,
    IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType, TimeUnit,
};

use super::times::micros;

/// An interval as PostgreSQL stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    pub months: i32,
    pub days: i32,
    pub micros: i64,
}

/// Reads the intervals in a column of intervals or durations; `None` for other types.
pub fn reader<'a>(array: &'a dyn Array) -> Option<Box<dyn Fn(usize) -> Interval + Send + Sync + 'a>> {
    let duration = |micros| Interval { months: 0, days: 0, micros };
    Some(match array.data_type() {
        DataType::Interval(IntervalUnit::YearMonth) => {
            let values = array.as_primitive::<IntervalYearMonthType>();
            Box::new(move |row| Interval { months: values.value(row), days: 0, micros: 0 })
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            let values = array.as_primitive::<IntervalDayTimeType>();
            Box::new(move |row| {
                let value = values.value(row);
                Interval { months: 0, days: value.days, micros: i64::from(value.milliseconds) * 1000 }
            })
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let values = array.as_primitive::<IntervalMonthDayNanoType>();
            Box::new(move |row| {
                let value = values.value(row);
                Interval { months: value.months, days: value.days, micros: value.nanoseconds / 1000 }
            })
        }
        DataType::Duration(unit) => {
            let unit = *unit;
            let value: Box<dyn Fn(usize) -> i64 + Send + Sync + 'a> = match unit {
                TimeUnit::Second => Box::new(|row| array.as_primitive::<DurationSecondType>().value(row)),
                TimeUnit::Millisecond => Box::new(|row| array.as_primitive::<DurationMillisecondType>().value(row)),
                TimeUnit::Microsecond => Box::new(|row| array.as_primitive::<DurationMicrosecondType>().value(row)),
                TimeUnit::Nanosecond => Box::new(|row| array.as_primitive::<DurationNanosecondType>().value(row)),
            };
            Box::new(move |row| duration(micros(value(row), unit)))
        }
        _ => return None,
    })
}

/// Appends an interval in PostgreSQL's default style: `1 year 2 mons 3 days 04:05:06`.
pub fn text(interval: Interval, out: &mut Vec<u8>) {
    let Interval { months, days, micros } = interval;
    let begin = out.len();
    // After a negative part, PostgreSQL writes a plus sign for a positive one.
    let mut after_negative = false;
    for (count, one, many) in [(months / 12, "year", "years"), (months % 12, "mon", "mons"), (days, "day", "days")] {
        if count == 0 {
            continue;
        }
        if out.len() > begin {
            out.push(b' ');
        }
        let sign = if after_negative && count > 0 { "+" } else { "" };
        let _ = write!(out, "{sign}{count} {}", if count == 1 { one } else { many });
        after_negative = count < 0;
    }
    if micros == 0 && out.len() > begin {
        return;
    }
    if out.len() > begin {
        out.push(b' ');
    }
    match (micros < 0, after_negative) {
        (true, _) => out.push(b'-'),
        (false, true) => out.push(b'+'),
        (false, false) => {}
    }
    let (seconds, rest) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
    let _ = write!(out, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if rest > 0 {
        let digits = format!("{rest:06}");
        let _ = write!(out, ".{}", digits.trim_end_matches('0'));
    }
}
