//! Periods before and after a start, and sums per customer, as scalar functions in plans.

use std::sync::Arc;

use chrono::{Datelike, Days, Months, NaiveDate};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Date32Type};
use datafusion::common::Result;
use datafusion::logical_expr::Expr;
use serde::{Deserialize, Serialize};

use super::moments::read;
use crate::adapter::internal_scalar::InternalScalar;
use crate::adapter::plain::Plain;
use crate::kernels::experiment::moments::Of;

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Unit {
    Day,
    Week,
    Month,
}

impl Unit {
    pub const NAMES: &'static [&'static str] = &["month", "week", "day"];

    pub fn named(name: &str) -> Self {
        match name {
            "day" => Self::Day,
            "week" => Self::Week,
            _ => Self::Month,
        }
    }

    /// The number of the period that a day since 1970 lies in; weeks begin on Monday.
    fn number(self, day: i32) -> Option<i64> {
        let day_number = i64::from(day);
        match self {
            Self::Day => Some(day_number),
            // 1970 began on a Thursday.
            Self::Week => Some((day_number + 3).div_euclid(7)),
            Self::Month => {
                let date = date(day)?;
                Some(i64::from(date.year()) * 12 + i64::from(date.month0()))
            }
        }
    }

    /// The first day, counted since 1970, of the period that lies this many periods after the one of a given day.
    pub fn first_day(self, day: i32, after: i64) -> Option<i32> {
        match self {
            Self::Day => i32::try_from(i64::from(day) + after).ok(),
            Self::Week => i32::try_from((self.number(day)? + after) * 7 - 3).ok(),
            Self::Month => {
                let first = date(day)?.with_day(1)?;
                let months = Months::new(u32::try_from(after.unsigned_abs()).ok()?);
                let moved = if after < 0 { first.checked_sub_months(months) } else { first.checked_add_months(months) }?;
                i32::try_from((moved - NaiveDate::default()).num_days()).ok()
            }
        }
    }
}

fn date(day: i32) -> Option<NaiveDate> {
    let days = Days::new(u64::from(day.unsigned_abs()));
    if day < 0 { NaiveDate::default().checked_sub_days(days) } else { NaiveDate::default().checked_add_days(days) }
}

/// The period of a DATE relative to `start`: 0 is the first period from `start` on, -1 the last one before it. NULL outside the range of
/// `before` and `after`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PeriodOf {
    pub unit: Unit,
    pub start: i32,
    pub before: i64,
    pub after: i64,
}

impl PeriodOf {
    pub fn of(&self, day: Expr) -> Expr {
        self.clone().call(vec![day])
    }
}

impl Plain for PeriodOf {
    const NAME: &'static str = "experiment_period";
}

impl InternalScalar for PeriodOf {
    fn data_type(&self) -> DataType {
        DataType::Int64
    }

    fn values(&self, arguments: &[ArrayRef], _rows: usize) -> Result<ArrayRef> {
        let days = arguments[0].as_primitive::<Date32Type>();
        let first = self.unit.number(self.start);
        let period = |day: i32| {
            let period = self.unit.number(day)? - first?;
            (-self.before..self.after).contains(&period).then_some(period)
        };
        let periods: Int64Array = days.iter().map(|day| day.and_then(period)).collect();
        Ok(Arc::new(periods))
    }
}

/// The sum of a metric's moments.
#[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SumOf {}

/// The sum in the bytes of [`moments`](super::moments::moments).
pub fn sum_of(moments: Expr) -> Expr {
    SumOf {}.call(vec![moments])
}

impl Plain for SumOf {
    const NAME: &'static str = "experiment_sum";
}

impl InternalScalar for SumOf {
    fn data_type(&self) -> DataType {
        DataType::Float64
    }

    fn values(&self, arguments: &[ArrayRef], _rows: usize) -> Result<ArrayRef> {
        let sums = &arguments[0];
        let totals: Float64Array = (0..sums.len()).map(|row| Some(read(sums, row).sum(Of::Metric))).collect();
        Ok(Arc::new(totals))
    }
}
