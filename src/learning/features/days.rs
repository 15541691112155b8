//! Dates and times as numbers: the days since 1970.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::logical_expr::{Expr, cast, lit};

/// Converts an expression of a date or time type to a number of days; an expression of any other type is unchanged.
pub fn days(value: Expr, data_type: &DataType) -> Expr {
    let number = |value: Expr, whole: DataType| cast(cast(value, whole), DataType::Float64);
    match data_type {
        DataType::Date32 => number(value, DataType::Int32),
        DataType::Date64 => number(value, DataType::Int64) / lit(86_400e3),
        DataType::Timestamp(unit, _) => {
            let in_a_day = match unit {
                TimeUnit::Second => 86_400.0,
                TimeUnit::Millisecond => 86_400e3,
                TimeUnit::Microsecond => 86_400e6,
                TimeUnit::Nanosecond => 86_400e9,
            };
            number(value, DataType::Int64) / lit(in_a_day)
        }
        _ => value,
    }
}
