//! Dates at equal steps, counted from the first: January 31, February 28, March 31.
//!
//! The engine's `generate_series` adds each step to the date before, as PostgreSQL does, and goes on from February 28 to March 28.

use std::sync::Arc;

use chrono::{Days, Months, NaiveDate};
use datafusion::arrow::array::{Array, AsArray, Date32Builder, ListBuilder};
use datafusion::arrow::datatypes::{DataType, Date32Type, Field, IntervalMonthDayNanoType, IntervalUnit};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::arrays;
use crate::builtins::scalar::Scalar;
use crate::error::invalid;

/// The function that a macro of BigQuery's name stands for.
const CALLED: &str = "generate_date_array";

const DAY_IN_NANOSECONDS: i64 = 86_400_000_000_000;

pub static DATES: Scalar = Scalar {
    name: "dates_counted_from_start",
    takes: |types| match types {
        [start, end, step]
            if is_day(start) && is_day(end) && matches!(step, DataType::Interval(_) | DataType::Duration(_) | DataType::Null) =>
        {
            Ok(vec![DataType::Date32, DataType::Date32, DataType::Interval(IntervalUnit::MonthDayNano)])
        }
        _ => plan_err!("{CALLED} takes two dates and an interval, got {types:?}; for timestamps write generate_series(…)"),
    },
    gives: |_| Ok(DataType::List(Arc::new(Field::new_list_field(DataType::Date32, true)))),
    compute,
    written: |_| None,
};

fn is_day(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date32 | DataType::Date64 | DataType::Null)
}

fn compute(arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let arrays = arrays(arguments)?;
    let (starts, ends) = (arrays[0].as_primitive::<Date32Type>(), arrays[1].as_primitive::<Date32Type>());
    let steps = arrays[2].as_primitive::<IntervalMonthDayNanoType>();
    let mut lists = ListBuilder::new(Date32Builder::new());
    for row in 0..starts.len() {
        if starts.is_null(row) || ends.is_null(row) || steps.is_null(row) {
            lists.append_null();
            continue;
        }
        let (start, end) = (starts.value(row), ends.value(row));
        let (months, days) = step(IntervalMonthDayNanoType::to_parts(steps.value(row)))?;
        let forward = months > 0 || days > 0;
        // Days are added to numbers: a date outside the calendar has no place to count from.
        let Some(first) = Date32Type::to_naive_date_opt(start) else {
            lists.append_null();
            continue;
        };
        let mut place: u32 = 0;
        while let Some(date) = moved(first, months, days, place) {
            let date = Date32Type::from_naive_date(date);
            if (forward && date > end) || (!forward && date < end) {
                break;
            }
            lists.values().append_value(date);
            place += 1;
        }
        lists.append(true);
    }
    Ok(ColumnarValue::Array(Arc::new(lists.finish())))
}

/// The months and days of a step.
fn step((months, days, nanoseconds): (i32, i32, i64)) -> Result<(i32, i32)> {
    let whole = i32::try_from(nanoseconds / DAY_IN_NANOSECONDS).ok().and_then(|more| days.checked_add(more));
    let Some(days) = whole.filter(|_| nanoseconds % DAY_IN_NANOSECONDS == 0) else {
        return Err(invalid(CALLED, "step must be of whole days, months or years; for times of day write generate_series(…)"));
    };
    if months.signum() * days.signum() < 0 {
        return Err(invalid(
            CALLED,
            "step must go one way, got an interval of positive and negative parts; write it with one sign",
        ));
    }
    if months == 0 && days == 0 {
        return Err(invalid(CALLED, "step must not be 0; write for example INTERVAL '1 day'"));
    }
    Ok((months, days))
}

/// The date a number of steps from the first; none beyond the end of the calendar.
fn moved(first: NaiveDate, months: i32, days: i32, steps: u32) -> Option<NaiveDate> {
    let by_months = Months::new(months.unsigned_abs().checked_mul(steps)?);
    let by_days = Days::new(u64::from(days.unsigned_abs()) * u64::from(steps));
    if months < 0 || days < 0 {
        first.checked_sub_months(by_months)?.checked_sub_days(by_days)
    } else {
        first.checked_add_months(by_months)?.checked_add_days(by_days)
    }
}
