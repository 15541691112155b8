//! `justify_hours`, `justify_days` and `justify_interval`: 24 hours of an interval as a day, 30 days as a month, as in PostgreSQL.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, PrimitiveArray};
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalMonthDayNanoType};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::dates::arrays;
use super::scalar::Scalar;
use super::spans::INTERVAL;
use crate::error::{SqlState, in_rows};

macro_rules! of_interval {
    ($name:literal, $with:expr) => {
        Scalar {
            name: $name,
            takes: |types| match types {
                [DataType::Interval(_) | DataType::Duration(_) | DataType::Null] => Ok(vec![INTERVAL]),
                _ => plan_err!("{} takes an interval, got {types:?}", $name),
            },
            gives: |_| Ok(INTERVAL),
            compute: |arguments| each($name, arguments, $with),
            written: |_| None,
        }
    };
}

static HOURS: Scalar = of_interval!("justify_hours", with_days);
static DAYS: Scalar = of_interval!("justify_days", with_months);
static INTERVALS: Scalar = of_interval!("justify_interval", |span| of_one_sign(all_carried(span)));

/// The functions of this module.
pub static ALL: [&Scalar; 3] = [&HOURS, &DAYS, &INTERVALS];

const DAYS_OF_MONTH: i128 = 30;
const DAY: i128 = 86_400_000_000_000;

/// Months, days and nanoseconds, which may be more than an interval holds until all is done.
#[derive(Clone, Copy)]
struct Span {
    months: i128,
    days: i128,
    nanoseconds: i128,
}

fn each(name: &str, arguments: &ScalarFunctionArgs, of: fn(Span) -> Span) -> Result<ColumnarValue> {
    let spans = arrays(arguments)?.swap_remove(0);
    let justified = spans.as_primitive::<IntervalMonthDayNanoType>().iter().map(|span| {
        let Some(span) = span else { return Ok(None) };
        let span = Span { months: span.months.into(), days: span.days.into(), nanoseconds: span.nanoseconds.into() };
        let Span { months, days, nanoseconds } = of(span);
        match (months.try_into(), days.try_into(), nanoseconds.try_into()) {
            (Ok(months), Ok(days), Ok(nanoseconds)) => Ok(Some(IntervalMonthDayNano::new(months, days, nanoseconds))),
            _ => {
                let rule = "a result is an interval";
                let problem = "the result has more months or days than an interval can have; take a shorter interval";
                Err(in_rows(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, name, rule, problem.to_string()))
            }
        }
    });
    Ok(ColumnarValue::Array(Arc::new(justified.collect::<Result<PrimitiveArray<IntervalMonthDayNanoType>>>()?)))
}

/// Whole days of the hours become days; then both have the same sign.
fn with_days(span: Span) -> Span {
    let (mut days, mut nanoseconds) = (span.days + span.nanoseconds / DAY, span.nanoseconds % DAY);
    if days > 0 && nanoseconds < 0 {
        (days, nanoseconds) = (days - 1, nanoseconds + DAY);
    } else if days < 0 && nanoseconds > 0 {
        (days, nanoseconds) = (days + 1, nanoseconds - DAY);
    }
    Span { days, nanoseconds, ..span }
}

/// Each 30 days become a month; then both have the same sign.
fn with_months(span: Span) -> Span {
    let (mut months, mut days) = (span.months + span.days / DAYS_OF_MONTH, span.days % DAYS_OF_MONTH);
    if months > 0 && days < 0 {
        (months, days) = (months - 1, days + DAYS_OF_MONTH);
    } else if months < 0 && days > 0 {
        (months, days) = (months + 1, days - DAYS_OF_MONTH);
    }
    Span { months, days, ..span }
}

/// Whole days of the hours become days, and each 30 days a month, whatever their signs.
fn all_carried(span: Span) -> Span {
    let days = span.days + span.nanoseconds / DAY;
    Span { months: span.months + days / DAYS_OF_MONTH, days: days % DAYS_OF_MONTH, nanoseconds: span.nanoseconds % DAY }
}

/// Months, days and hours of the same sign.
fn of_one_sign(span: Span) -> Span {
    let Span { mut months, mut days, mut nanoseconds } = span;
    if months > 0 && (days < 0 || days == 0 && nanoseconds < 0) {
        (months, days) = (months - 1, days + DAYS_OF_MONTH);
    } else if months < 0 && (days > 0 || days == 0 && nanoseconds > 0) {
        (months, days) = (months + 1, days - DAYS_OF_MONTH);
    }
    if days > 0 && nanoseconds < 0 {
        (days, nanoseconds) = (days - 1, nanoseconds + DAY);
    } else if days < 0 && nanoseconds > 0 {
        (days, nanoseconds) = (days + 1, nanoseconds - DAY);
    }
    Span { months, days, nanoseconds }
}
