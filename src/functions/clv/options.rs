//! Reads the orders of `clv_summary` and `clv_holdout`: usable rows up to the end of observation, and the purchases of each period.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions::datetime::expr_fn::date_part;
use datafusion::functions_aggregate::expr_fn::sum;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit, when};

use super::exact_total::exact_total;
use crate::adapter::amounts::amount_type;
use crate::adapter::arguments::{Moment, in_zone};
use crate::adapter::relation::{Call, Roles, role};
use crate::adapter::usable_rows::usable_rows;
use crate::docs::{Argument, Takes};
use crate::error::invalid;

pub const INPUT: Argument =
    Argument::required("input", Takes::Relation, "orders, or order lines: one row per order or line, without cancelled ones");
pub const CUSTOMER: Argument = Argument::required(
    "customer",
    Takes::Column,
    "key of the customer, of any type; rows where it is NULL are dropped and counted",
);
pub const ORDER_TIME: Argument =
    Argument::required("order_time", Takes::Time, "time of the order; rows where it is NULL are dropped and counted");
pub const AMOUNT: Argument = Argument::optional(
    "amount",
    Takes::Number,
    "",
    "amount of the row; without it there is no monetary value. Decimals and integers are summed exactly",
);
pub const OBSERVATION_END: Argument = Argument::optional(
    "observation_end",
    Takes::Moment,
    "",
    "last day (included) or last time that is considered; default: the day of the last order",
);
pub const TIME_UNIT: Argument = Argument::optional(
    "time_unit",
    Takes::Choice(&["day", "week", "month", "quarter", "year"]),
    "'day'",
    "unit of time: calendar days, weeks from Monday, months, quarters or years",
);

/// The unit that periods are counted in.
#[derive(Debug, Clone, Copy)]
pub enum Unit {
    Day,
    Week,
    /// This many months.
    Months(i32),
}

impl Unit {
    pub fn read(call: &Call) -> Result<Self> {
        Ok(match call.options.word(TIME_UNIT.name)? {
            "week" => Self::Week,
            "month" => Self::Months(1),
            "quarter" => Self::Months(3),
            "year" => Self::Months(12),
            _ => Self::Day,
        })
    }

    /// The number of the period that a DATE lies in; only differences between such numbers matter.
    pub fn period(self, date: Expr) -> Expr {
        // Division rounds towards zero, so adding this keeps the numbers positive, also around the year 1 and before it.
        const LONG_AGO: i32 = 7 * 500_000;
        let whole = |expression| cast(expression, DataType::Int64);
        match self {
            Self::Day => whole(cast(date, DataType::Int32)),
            // The first day of 1970 was a Thursday.
            Self::Week => (whole(cast(date, DataType::Int32)) + lit(i64::from(LONG_AGO) + 3)) / lit(7_i64),
            Self::Months(months) => {
                let year = whole(date_part(lit("year"), date.clone())) + lit(i64::from(LONG_AGO));
                let month = whole(date_part(lit("month"), date)) - lit(1_i64);
                (year * lit(12_i64) + month) / lit(i64::from(months))
            }
        }
    }
}

/// The end of observation: later orders do not count.
#[derive(Debug, Clone)]
pub struct End {
    /// Its day.
    pub day: i32,
    /// The instant itself, when it is not a whole day.
    instant: Option<ScalarValue>,
}

impl End {
    pub fn read(call: &Call, argument: &str) -> Result<Option<Self>> {
        let time_type = time_type(&call.roles)?;
        let day_of = |instant: &ScalarValue| match instant.cast_to(&DataType::Date32)? {
            ScalarValue::Date32(Some(day)) => Ok(day),
            _ => Err(invalid(call.doc.name, format!("{argument} cannot be converted to a calendar day; write DATE '…'"))),
        };
        Ok(match call.options.moment(argument) {
            None => None,
            Some(Moment::Day(day)) => Some(Self { day: *day, instant: None }),
            Some(Moment::Instant(instant)) if time_type == DataType::Date32 => {
                Some(Self { day: day_of(instant)?, instant: None })
            }
            Some(Moment::Instant(instant)) => {
                let instant = in_zone(instant, &time_type)?;
                Some(Self { day: day_of(&instant)?, instant: Some(instant) })
            }
        })
    }

    /// The condition that an order is not later than that.
    pub fn includes(&self, time: Expr) -> Expr {
        match &self.instant {
            Some(instant) => time.lt_eq(lit(instant.clone())),
            None => cast(time, DataType::Date32).lt_eq(self.date()),
        }
    }

    pub fn date(&self) -> Expr {
        lit(ScalarValue::Date32(Some(self.day)))
    }
}

fn time_type(roles: &Roles) -> Result<DataType> {
    Ok(match roles.data_type(ORDER_TIME.name)? {
        DataType::Date64 => DataType::Date32,
        other => other.clone(),
    })
}

/// The customer's column in the result.
pub fn customer(roles: &Roles) -> Result<FieldRef> {
    let customer = roles.required(CUSTOMER.name)?;
    Ok(Arc::new(Field::new(&customer.column, customer.field.data_type().clone(), true)))
}

pub fn column(name: &str, data_type: DataType) -> FieldRef {
    Arc::new(Field::new(name, data_type, true))
}

pub const PERIOD: &str = "period";
pub const VALUE: &str = "value";
pub const LATER: &str = "later";

/// One row per customer and period: (customer, later, period, value). `later` is true for orders after the calibration period.
pub fn purchases(call: &Call, unit: Unit, end: Option<&End>, calibration: Option<&End>) -> Result<LogicalPlan> {
    let roles = &call.roles;
    let mut columns = vec![role(CUSTOMER.name), cast(role(ORDER_TIME.name), time_type(roles)?).alias(ORDER_TIME.name)];
    let amount = roles.get(AMOUNT.name).map(|amount| wide(&amount_type(amount.field.data_type())));
    columns.extend(amount.as_ref().map(|amount| cast(role(AMOUNT.name), amount.clone()).alias(AMOUNT.name)));
    let mut rows = LogicalPlanBuilder::from(call.input()?).project(columns)?;
    if let Some(end) = end {
        // Rows without a time pass, so that they are counted as unusable later.
        rows = rows.filter(role(ORDER_TIME.name).is_null().or(end.includes(role(ORDER_TIME.name))))?;
    }
    let usable = LogicalPlanBuilder::from(usable_rows(rows.build()?)?);
    let later = calibration.map_or_else(|| lit(false), |calibration| !calibration.includes(role(ORDER_TIME.name)));
    let period = unit.period(cast(role(ORDER_TIME.name), DataType::Date32));
    let mut columns = vec![role(CUSTOMER.name), later.alias(LATER), period.alias(PERIOD)];
    columns.extend(amount.as_ref().map(|_| role(AMOUNT.name)));
    let mut values = vec![];
    if let Some(amount) = &amount {
        values.push(total(role(AMOUNT.name), amount).alias(VALUE));
    }
    let keys = vec![role(CUSTOMER.name), role(LATER), role(PERIOD)];
    usable.project(columns)?.aggregate(keys, values)?.build()
}

/// The sum of amounts of a type.
pub fn total(value: Expr, data_type: &DataType) -> Expr {
    if data_type.is_floating() { exact_total(value) } else { sum(value) }
}

/// The type in which amounts are summed: integers as decimals, whose sums do not wrap.
fn wide(amount: &DataType) -> DataType {
    match amount {
        DataType::Int64 => DataType::Decimal128(28, 0),
        DataType::Decimal128(precision, scale) => DataType::Decimal128((*precision).min(DECIMAL128_MAX_PRECISION), *scale),
        other => other.clone(),
    }
}

/// A value where a condition holds, NULL elsewhere.
pub fn only(condition: Expr, value: Expr) -> Result<Expr> {
    when(condition, value).end()
}

/// The mean amount per purchase, as DOUBLE; 0 without purchases.
pub fn mean(sum: Expr, count: Expr) -> Result<Expr> {
    when(count.clone().gt(lit(0_i64)), cast(sum, DataType::Float64) / cast(count, DataType::Float64)).otherwise(lit(0.0))
}
