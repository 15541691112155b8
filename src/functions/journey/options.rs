//! The arguments shared by journey functions.

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef, IntervalMonthDayNano, TimeUnit};
use datafusion::common::Result;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};

use super::by_customer::is_nanoseconds;
use crate::adapter::arguments::Role;
use crate::adapter::relation::{Call, Roles, role};
use crate::adapter::usable_rows::usable_by_first;
use crate::docs::{Argument, Takes};
use crate::error::invalid;

pub const INPUT: Argument = Argument::required("input", Takes::Relation, "events, one row per event");
pub const CUSTOMER: Argument = Argument::required(
    "customer",
    Takes::Column,
    "key of the customer, or of the visit, of any type; rows where it is NULL are dropped and counted",
);
pub const EVENT_TIME: Argument =
    Argument::required("event_time", Takes::Time, "time of the event; rows where it is NULL are dropped");
pub const TIE_BREAK: Argument = Argument::optional(
    "tie_break",
    Takes::Column,
    "",
    "orders events of one customer at the same time, ascending: for example an event number",
);

/// The input with the customer, the time and the tie-breaker as its first columns. Rows without a customer or a time are left out and counted.
pub fn events(call: &Call) -> Result<LogicalPlan> {
    let input = call.input()?;
    let mut names: Vec<String> = input.schema().fields().iter().map(|field| field.name().clone()).collect();
    let place =
        |name: &String| [CUSTOMER, EVENT_TIME, TIE_BREAK].iter().position(|argument| argument.name == name).unwrap_or(usize::MAX);
    names.sort_by_key(place);
    let input = LogicalPlanBuilder::from(input).project(names.iter().map(|name| role(name)))?.build()?;
    usable_by_first(input, 2)
}

/// True when the call has a tie-breaker.
pub fn has_ties(call: &Call) -> bool {
    call.roles.get(TIE_BREAK.name).is_some()
}

/// A column of the result that is a role of the input, under the input column's name.
pub fn own(role: &Role, is_nullable: bool) -> FieldRef {
    role.field.as_ref().clone().with_name(&role.column).with_nullable(is_nullable).into()
}

/// An option that is a length of time, in the unit that the events' times are stored in.
pub fn length(call: &Call, name: &str) -> Result<Option<i64>> {
    let Some(interval) = call.options.interval(name) else { return Ok(None) };
    in_units(call.doc.name, name, interval, &call.roles).map(Some)
}

/// Units of the events' times in a second.
pub fn per_second(roles: &Roles) -> Result<i64> {
    Ok(if is_nanoseconds(roles.data_type(EVENT_TIME.name)?) { 1_000_000_000 } else { 1_000_000 })
}

fn in_units(function: &str, name: &str, interval: IntervalMonthDayNano, roles: &Roles) -> Result<i64> {
    if interval.months != 0 {
        return Err(invalid(
            function,
            format!("{name} must be in days, hours or smaller units, because months differ in length; write INTERVAL '30 days'"),
        ));
    }
    let nanoseconds = i128::from(interval.days) * 86_400_000_000_000 + i128::from(interval.nanoseconds);
    let units = nanoseconds * i128::from(per_second(roles)?) / 1_000_000_000;
    i64::try_from(units).map_err(|_| invalid(function, format!("{name} is too long to be represented; write a shorter interval")))
}

/// A condition in which NULL counts as false.
pub fn is_true(column: &BooleanArray) -> BooleanArray {
    match column.nulls().filter(|nulls| nulls.null_count() > 0) {
        Some(nulls) => BooleanArray::new(column.values() & nulls.inner(), None),
        None => column.clone(),
    }
}

/// Stored times, converted back to the type of the events' times.
pub fn times_as(data_type: &DataType, times: Vec<i64>) -> Result<ArrayRef> {
    let zone = if let DataType::Timestamp(_, zone) = data_type { zone.clone() } else { None };
    let unit = if is_nanoseconds(data_type) { TimeUnit::Nanosecond } else { TimeUnit::Microsecond };
    let kept = cast(&Int64Array::from(times), &DataType::Timestamp(unit, zone))?;
    Ok(cast(&kept, data_type)?)
}

/// The median in seconds; the mean of the middle two if their number is even.
pub fn median(mut times: Vec<i64>, per_second: i64) -> Option<f64> {
    let middle = times.len().checked_sub(1)? / 2;
    let is_even = times.len().is_multiple_of(2);
    let (_, low, above) = times.select_nth_unstable(middle);
    let high = if is_even { above.iter().min().copied().unwrap_or(*low) } else { *low };
    Some((i128::from(*low) + i128::from(high)) as f64 / 2.0 / per_second as f64)
}
