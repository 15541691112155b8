//! Differences between two times: boundaries of a unit, whole units, fractional months, and an age in years, months and days.

use std::sync::Arc;

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveDateTime, Timelike};
use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, IntervalMonthDayNanoArray};
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalUnit};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::{arrays, is_text, texts, wall_type, walls};
use crate::builtins::scalar::Scalar;
use crate::error::{SqlState, in_rows};

/// A unit for counting time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
}

/// True for the name of a unit.
pub fn is_unit(name: &str) -> bool {
    unit(name).is_some()
}

/// The plural and short names are those of DuckDB, MySQL, Snowflake and SQL Server.
fn unit(name: &str) -> Option<Unit> {
    Some(match name.to_lowercase().as_str() {
        "microsecond" | "microseconds" | "us" | "usec" => Unit::Microsecond,
        "millisecond" | "milliseconds" | "ms" | "msec" => Unit::Millisecond,
        "second" | "seconds" | "s" | "sec" | "ss" => Unit::Second,
        "minute" | "minutes" | "min" | "mins" | "mi" => Unit::Minute,
        "hour" | "hours" | "h" | "hh" | "hr" | "hrs" => Unit::Hour,
        "day" | "days" | "d" | "dd" | "dayofmonth" => Unit::Day,
        "week" | "weeks" | "w" | "wk" | "isoweek" => Unit::Week,
        "month" | "months" | "mon" | "mons" | "mm" => Unit::Month,
        "quarter" | "quarters" | "q" | "qtr" => Unit::Quarter,
        "year" | "years" | "y" | "yr" | "yy" | "yyyy" => Unit::Year,
        "decade" | "decades" => Unit::Decade,
        "century" | "centuries" => Unit::Century,
        _ => return None,
    })
}

/// The unit for PostgreSQL's intervals, and how many of it: a quarter is three months.
pub fn interval_of(name: &str) -> Option<(u32, &'static str)> {
    Some(match unit(name)? {
        Unit::Microsecond => (1, "microsecond"),
        Unit::Millisecond => (1, "millisecond"),
        Unit::Second => (1, "second"),
        Unit::Minute => (1, "minute"),
        Unit::Hour => (1, "hour"),
        Unit::Day => (1, "day"),
        Unit::Week => (7, "day"),
        Unit::Month => (1, "month"),
        Unit::Quarter => (3, "month"),
        Unit::Year => (12, "month"),
        Unit::Decade => (120, "month"),
        Unit::Century => (1200, "month"),
    })
}

pub static BOUNDARIES: Scalar = Scalar {
    name: "boundaries_between",
    takes: |types| units_and_times("date_diff", types),
    gives: |_| Ok(DataType::Int64),
    compute: |arguments| counted(arguments, "date_diff", boundaries),
    written: |_| None,
};

pub static WHOLE: Scalar = Scalar {
    name: "whole_units_between",
    takes: |types| units_and_times("timestampdiff", types),
    gives: |_| Ok(DataType::Int64),
    compute: |arguments| counted(arguments, "timestampdiff", whole),
    written: |_| None,
};

pub static WHOLE_TO_ENDS: Scalar = Scalar {
    name: "whole_units_to_month_ends",
    takes: |types| units_and_times("datesub", types),
    gives: |_| Ok(DataType::Int64),
    compute: |arguments| counted(arguments, "datesub", whole_to_ends),
    written: |_| None,
};

pub static MONTHS: Scalar = Scalar {
    name: "months_apart",
    takes: |types| two_times("months_between", types),
    gives: |_| Ok(DataType::Float64),
    compute: |arguments| {
        let months = each(arguments, months)?.into_iter().collect::<Float64Array>();
        Ok(ColumnarValue::Array(Arc::new(months)))
    },
    written: |_| None,
};

pub static AGE: Scalar = Scalar {
    name: "symbolic_age",
    takes: |types| two_times("age", types),
    gives: |_| Ok(DataType::Interval(IntervalUnit::MonthDayNano)),
    compute: |arguments| {
        let ages = each(arguments, age)?.into_iter().collect::<IntervalMonthDayNanoArray>();
        Ok(ColumnarValue::Array(Arc::new(ages)))
    },
    written: |_| None,
};

fn units_and_times(name: &str, types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [unit, from, to] if is_text(unit) => Ok(vec![DataType::Utf8, wall_type(name, from)?, wall_type(name, to)?]),
        _ => plan_err!("{name} takes a unit and two times, as in {name}('day', start, end)"),
    }
}

fn two_times(name: &str, types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [later, earlier] => Ok(vec![wall_type(name, later)?, wall_type(name, earlier)?]),
        _ => plan_err!("{name} takes two times"),
    }
}

fn time(micros: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros).map(|time| time.naive_utc())
}

fn each<T>(arguments: &ScalarFunctionArgs, of: impl Fn(NaiveDateTime, NaiveDateTime) -> T) -> Result<Vec<Option<T>>> {
    let arrays = arrays(arguments)?;
    let (later, earlier) = (walls(&arrays[0])?, walls(&arrays[1])?);
    Ok(later.into_iter().zip(earlier).map(|(later, earlier)| Some(of(time(later?)?, time(earlier?)?))).collect())
}

fn counted(arguments: &ScalarFunctionArgs, name: &str, count: fn(Unit, i64, i64) -> Option<i64>) -> Result<ColumnarValue> {
    let arrays = arrays(arguments)?;
    let units = texts(&arrays[0])?;
    let (from, to) = (walls(&arrays[1])?, walls(&arrays[2])?);
    let mut result = Vec::with_capacity(from.len());
    for ((name_of_unit, from), to) in units.as_string::<i32>().iter().zip(from).zip(to) {
        let (Some(name_of_unit), Some(from), Some(to)) = (name_of_unit, from, to) else {
            result.push(None);
            continue;
        };
        let Some(unit) = unit(name_of_unit) else {
            let problem = format!(
                "unknown unit '{name_of_unit}'; use microsecond, millisecond, second, minute, hour, day, week, month, quarter or year"
            );
            return Err(in_rows(SqlState::INVALID_PARAMETER_VALUE, name, "takes the name of a unit", problem));
        };
        result.push(count(unit, from, to));
    }
    let result: ArrayRef = Arc::new(Int64Array::from(result));
    Ok(ColumnarValue::Array(result))
}

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

fn fixed(unit: Unit) -> Option<i64> {
    Some(match unit {
        Unit::Microsecond => 1,
        Unit::Millisecond => 1_000,
        Unit::Second => SECOND,
        Unit::Minute => 60 * SECOND,
        Unit::Hour => 3_600 * SECOND,
        Unit::Day => DAY,
        Unit::Week => 7 * DAY,
        _ => return None,
    })
}

fn months_in(unit: Unit) -> i64 {
    match unit {
        Unit::Quarter => 3,
        Unit::Year => 12,
        Unit::Decade => 120,
        Unit::Century => 1_200,
        _ => 1,
    }
}

fn month_number(time: NaiveDateTime) -> i64 {
    i64::from(time.year()) * 12 + i64::from(time.month0())
}

/// How often the unit changes between two times.
fn boundaries(unit: Unit, from: i64, to: i64) -> Option<i64> {
    if let Some(width) = fixed(unit) {
        // 1970-01-01 was a Thursday; weeks begin on Monday.
        let offset = if unit == Unit::Week { 3 * DAY } else { 0 };
        return Some((to + offset).div_euclid(width) - (from + offset).div_euclid(width));
    }
    let width = months_in(unit);
    Some(month_number(time(to)?).div_euclid(width) - month_number(time(from)?).div_euclid(width))
}

/// The number of whole units between two times. The last month is complete once its day and time are reached: counted from a 31st, only
/// on a 31st.
fn whole(unit: Unit, from: i64, to: i64) -> Option<i64> {
    units_until(unit, from, to, |start, _| start.day())
}

/// As [`whole`], but the last day of a month completes one that began on a later day, as in DuckDB.
fn whole_to_ends(unit: Unit, from: i64, to: i64) -> Option<i64> {
    units_until(unit, from, to, |start, end| if last_day(end.date()) { start.day().min(end.day()) } else { start.day() })
}

fn units_until(unit: Unit, from: i64, to: i64, full: fn(NaiveDateTime, NaiveDateTime) -> u32) -> Option<i64> {
    if let Some(width) = fixed(unit) {
        return Some(to.checked_sub(from)? / width);
    }
    if to < from {
        return units_until(unit, to, from, full).map(|count| -count);
    }
    let (start, end) = (time(from)?, time(to)?);
    let mut months = month_number(end) - month_number(start);
    if (end.day(), end.time()) < (full(start, end), start.time()) {
        months -= 1;
    }
    Some(months / months_in(unit))
}

fn last_day(day: NaiveDate) -> bool {
    day.succ_opt().is_none_or(|next| next.month() != day.month())
}

fn months(later: NaiveDateTime, earlier: NaiveDateTime) -> f64 {
    let months = (month_number(later) - month_number(earlier)) as f64;
    if later.day() == earlier.day() || (last_day(later.date()) && last_day(earlier.date())) {
        return months;
    }
    let days = |time: NaiveDateTime| f64::from(time.day()) + f64::from(time.num_seconds_from_midnight()) / 86_400.0;
    months + (days(later) - days(earlier)) / 31.0
}

/// As in PostgreSQL: first as many whole months as fit; the remaining days are counted by the length of the earlier time's month.
fn age(later: NaiveDateTime, earlier: NaiveDateTime) -> IntervalMonthDayNano {
    if later < earlier {
        let age = age(earlier, later);
        return IntervalMonthDayNano::new(-age.months, -age.days, -age.nanoseconds);
    }
    let mut months = month_number(later) - month_number(earlier);
    let mut days = i64::from(later.day()) - i64::from(earlier.day());
    let nanos = |time: NaiveDateTime| i64::from(time.num_seconds_from_midnight()) * 1_000_000_000 + i64::from(time.nanosecond());
    let mut rest = nanos(later) - nanos(earlier);
    if rest < 0 {
        rest += 86_400 * 1_000_000_000;
        days -= 1;
    }
    if days < 0 {
        // The days of the month of the earlier time.
        let first = earlier.date().with_day(1);
        let length = first.and_then(|first| Some((first.checked_add_months(Months::new(1))? - first).num_days()));
        days += length.unwrap_or(31);
        months -= 1;
    }
    IntervalMonthDayNano::new(i32::try_from(months).unwrap_or(i32::MAX), i32::try_from(days).unwrap_or(i32::MAX), rest)
}
