//! A date some days later or earlier, `day + 7`, and the days between two dates, `day - other`.
//!
//! The engine makes an interval of nanoseconds of the number, and these end after 292 years. Of a condition on the days between two dates of
//! a file with bounds, it takes the number for an interval when it looks at the bounds, and fails.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, Date32Array, PrimitiveArray};
use datafusion::arrow::compute::binary;
use datafusion::arrow::datatypes::{DataType, Date32Type, Int64Type};
use datafusion::common::{Result, internal_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, Expr, Operator, ScalarFunctionArgs};

use super::arrays;
use crate::builtins::scalar::Scalar;
use crate::error::{SqlState, in_rows};

/// `day + number` or `number + day`.
pub static LATER: Scalar = Scalar {
    name: "days_later",
    takes,
    gives: |_| Ok(DataType::Date32),
    compute: |arguments| moved(arguments, Operator::Plus),
    written: |arguments| Some(arguments.join(" + ")),
};

/// `day - number`
pub static EARLIER: Scalar = Scalar {
    name: "days_earlier",
    takes,
    gives: |_| Ok(DataType::Date32),
    compute: |arguments| moved(arguments, Operator::Minus),
    written: |arguments| Some(arguments.join(" - ")),
};

/// `day - other`
pub static APART: Scalar = Scalar {
    name: "days_apart",
    takes: |types| match types {
        [first, second] if [first, second].iter().all(|side| matches!(side, DataType::Date32 | DataType::Date64)) => {
            Ok(vec![DataType::Date32; 2])
        }
        _ => plan_err!("expected two dates"),
    },
    gives: |_| Ok(DataType::Int64),
    compute: |arguments| match arrays(arguments)?.as_slice() {
        [first, second] => {
            let (first, second) = (first.as_primitive::<Date32Type>(), second.as_primitive::<Date32Type>());
            let days = |first: i32, second: i32| i64::from(first) - i64::from(second);
            let days: PrimitiveArray<Int64Type> = binary(first, second, days)?;
            Ok(ColumnarValue::Array(Arc::new(days)))
        }
        _ => internal_err!("expected two dates"),
    },
    written: |arguments| Some(arguments.join(" - ")),
};

/// `first - second` of two dates, in days.
pub fn days_apart(first: Expr, second: Expr) -> Expr {
    APART.call(vec![first, second])
}

/// `left operator right`, of a date and a whole number of days.
pub fn by_days(operator: Operator, left: Expr, right: Expr) -> Expr {
    let scalar = if operator == Operator::Minus { &EARLIER } else { &LATER };
    scalar.call(vec![left, right])
}

fn takes(types: &[DataType]) -> Result<Vec<DataType>> {
    let taken = types.iter().map(|data_type| match data_type {
        DataType::Date32 | DataType::Date64 => Ok(DataType::Date32),
        number if number.is_integer() => Ok(DataType::Int64),
        _ => plan_err!("+ takes a date and a number of days, got {types:?}; with a timestamp write INTERVAL '1 day'"),
    });
    taken.collect()
}

fn moved(arguments: &ScalarFunctionArgs, operator: Operator) -> Result<ColumnarValue> {
    let sides = arrays(arguments)?;
    let (days, numbers) = match sides.as_slice() {
        [days, numbers] if *days.data_type() == DataType::Date32 => (days, numbers),
        [numbers, days] => (days, numbers),
        _ => return internal_err!("expected a date and a number of days"),
    };
    let moved = |day: i32, number: i64| {
        let day = i64::from(day);
        let moved = if operator == Operator::Minus { day.checked_sub(number) } else { day.checked_add(number) };
        let moved = moved.and_then(|day| i32::try_from(day).ok()).filter(|day| Date32Type::to_naive_date_opt(*day).is_some());
        moved.ok_or_else(|| {
            let rule = "a result is out of the range of its type";
            let problem = format!("is out of the range of DATE, the years -262143 to 262142: the number of days is {number}");
            in_rows(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, arguments.return_field.name(), rule, problem)
        })
    };
    let rows = days.as_primitive::<Date32Type>().iter().zip(numbers.as_primitive::<Int64Type>());
    let results = rows.map(|row| match row {
        (Some(day), Some(number)) => moved(day, number).map(Some),
        _ => Ok(None),
    });
    Ok(ColumnarValue::Array(Arc::new(results.collect::<Result<Date32Array>>()?)))
}
