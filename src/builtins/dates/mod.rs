//! Dates and times: differences, and formatting and parsing by a pattern.

pub mod between;
pub mod moved;
pub mod parts;
mod patterns;
mod series;
pub mod written;

use std::sync::Arc;

use chrono::{DateTime, TimeZone};
use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

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
    let instants = instants(times)?;
    let DataType::Timestamp(_, Some(zone)) = times.data_type() else { return Ok(instants) };
    let zone: Tz = zone.parse()?;
    let local = |instant| Some(zone.from_utc_datetime(&DateTime::from_timestamp_micros(instant)?.naive_utc()).naive_local());
    Ok(instants.into_iter().map(|instant| Some(local(instant?)?.and_utc().timestamp_micros())).collect())
}

/// Microseconds since 1970, one per row; a time without a zone is taken as UTC.
fn instants(times: &ArrayRef) -> Result<Vec<Option<i64>>> {
    // Arrow's cast drops the zone and keeps the instant.
    let times = cast(times, &WALL)?;
    Ok(times.as_primitive::<TimestampMicrosecondType>().iter().collect())
}

/// Seconds since 1970, with fractions.
static SECONDS: Scalar = Scalar {
    name: "seconds_since_1970",
    takes: |types| types.iter().map(|time| wall_type("epoch", time)).collect(),
    gives: |_| Ok(DataType::Float64),
    compute: |arguments| {
        let instants = instants(&arrays(arguments)?[0])?.into_iter();
        let seconds = instants.map(|instant| instant.map(|instant| instant as f64 / 1e6));
        Ok(ColumnarValue::Array(Arc::new(seconds.collect::<Float64Array>())))
    },
    written: |_| None,
};

/// Strings, one per row.
pub fn texts(texts: &ArrayRef) -> Result<ArrayRef> {
    Ok(cast(texts, &DataType::Utf8)?)
}

/// The functions of this module.
pub static ALL: [&Scalar; 17] = [
    &SECONDS,
    &moved::LATER,
    &moved::EARLIER,
    &moved::APART,
    &between::BOUNDARIES,
    &between::WHOLE,
    &between::WHOLE_TO_ENDS,
    &between::MONTHS,
    &between::AGE,
    &series::DATES,
    &written::STRFTIME,
    &written::STRPTIME,
    &written::TRY_STRPTIME,
    &written::DATE_FORMAT,
    &written::STR_TO_TIME,
    &written::TO_TIME,
    &written::TO_CHAR,
];
