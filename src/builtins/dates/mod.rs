//! Dates and times: differences, and formatting and parsing by a pattern.

pub mod between;
mod patterns;
pub mod written;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::ScalarFunctionArgs;

use super::scalar::Scalar;

/// The type to which all kinds of times are converted: local time in microseconds.
pub const WALL: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

pub fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) | DataType::Null) || is_text(data_type)
}

pub fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null)
}

/// A timestamp with a time zone stands for its local time; a string is parsed as a timestamp.
pub fn wall_type(name: &str, data_type: &DataType) -> Result<DataType> {
    match data_type {
        other if !is_time(other) => plan_err!("{name} takes dates and timestamps, got {other}"),
        // The conversion to local time happens during evaluation.
        DataType::Timestamp(_, Some(zone)) => Ok(DataType::Timestamp(TimeUnit::Microsecond, Some(zone.clone()))),
        _ => Ok(WALL),
    }
}

/// The arguments as arrays of the same length.
pub fn arrays(arguments: &ScalarFunctionArgs) -> Result<Vec<ArrayRef>> {
    arguments.args.iter().map(|argument| argument.to_array(arguments.number_rows)).collect()
}

/// Microseconds of local time, one per row.
pub fn walls(times: &ArrayRef) -> Result<Vec<Option<i64>>> {
    let times = cast(times, &WALL)?;
    Ok(times.as_primitive::<TimestampMicrosecondType>().iter().collect())
}

/// Strings, one per row.
pub fn texts(texts: &ArrayRef) -> Result<ArrayRef> {
    Ok(cast(texts, &DataType::Utf8)?)
}

/// The functions of this module.
pub static ALL: [&Scalar; 10] = [
    &between::BOUNDARIES,
    &between::WHOLE,
    &between::MONTHS,
    &between::AGE,
    &written::STRFTIME,
    &written::STRPTIME,
    &written::DATE_FORMAT,
    &written::STR_TO_TIME,
    &written::TO_TIME,
    &written::TO_CHAR,
];
