//! Frames of windows: distances with their units, and values over which DataFusion has no RANGE.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Expr, WindowFrame, WindowFrameBound, WindowFrameUnits};

use super::zones::{is_date_or_timestamp, named};
use crate::builtins::spans::INTERVAL;
use crate::error::{SqlState, coded, in_sql};

/// A frame of RANGE without distances as the same frame of GROUPS, for values over which DataFusion has no RANGE: times of day, bytes, structs.
pub fn as_groups(frame: &mut WindowFrame, order: &Expr, data_type: &DataType) -> Result<bool> {
    let has_ranges = data_type.is_numeric()
        || data_type.is_string()
        || data_type.is_null()
        || is_date_or_timestamp(data_type)
        || matches!(
            data_type,
            DataType::List(_)
                | DataType::LargeList(_)
                | DataType::FixedSizeList(..)
                | DataType::Boolean
                | DataType::Dictionary(..)
                | DataType::Interval(_)
        );
    if has_ranges || frame.units != WindowFrameUnits::Range {
        return Ok(false);
    }
    let has_distance = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::Preceding(distance) | WindowFrameBound::Following(distance) => !distance.is_null(),
        WindowFrameBound::CurrentRow => false,
    };
    if has_distance(&frame.start_bound) || has_distance(&frame.end_bound) {
        let (order, data_type) = (order.human_display().to_string(), in_sql(&data_type.to_string()));
        let problem =
            format!("is {data_type}, and RANGE with a distance needs numbers, dates or timestamps; write ROWS or GROUPS");
        return Err(coded(SqlState::DATATYPE_MISMATCH, &order, problem));
    }
    frame.units = WindowFrameUnits::Groups;
    for bound in [&mut frame.start_bound, &mut frame.end_bound] {
        if let WindowFrameBound::Preceding(distance) | WindowFrameBound::Following(distance) = bound {
            *distance = ScalarValue::UInt64(None);
        }
    }
    Ok(true)
}

/// True for a frame with a distance that has a part of a day, such as `INTERVAL '36 hours'`. DataFusion moves dates by whole days only.
pub fn divides_days(frame: &WindowFrame) -> bool {
    let is_part = |bound: &WindowFrameBound| {
        let (WindowFrameBound::Preceding(distance) | WindowFrameBound::Following(distance)) = bound else { return false };
        match distance.cast_to(&INTERVAL) {
            Ok(ScalarValue::IntervalMonthDayNano(Some(span))) => span.nanoseconds % DAY != 0,
            _ => false,
        }
    };
    frame.units == WindowFrameUnits::Range && (is_part(&frame.start_bound) || is_part(&frame.end_bound))
}

/// The nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;

/// Gives the distance `7` of a frame over dates its unit, days, as in `day + 7`. DataFusion would take it as months.
pub fn with_unit(bound: &mut WindowFrameBound, order: &Expr, data_type: &DataType) -> Result<bool> {
    let (WindowFrameBound::Preceding(ScalarValue::Utf8(Some(distance)))
    | WindowFrameBound::Following(ScalarValue::Utf8(Some(distance)))) = bound
    else {
        return Ok(false);
    };
    // DataFusion would take these frames as unbounded.
    if data_type.is_string() || *data_type == DataType::Boolean {
        let (order, data_type) = (order.human_display().to_string(), in_sql(&data_type.to_string()));
        let problem =
            format!("is {data_type}, and RANGE with a distance needs numbers, dates or timestamps; write CAST({order} AS DATE)");
        return Err(coded(SqlState::DATATYPE_MISMATCH, &order, problem));
    }
    let is_number = distance.trim().parse::<f64>().is_ok();
    let is_whole = distance.trim().parse::<i128>().is_ok();
    // The engine would say of the distance alone that it is none.
    if data_type.is_numeric() && !is_number {
        let data_type = in_sql(&data_type.to_string());
        let problem = format!("is {data_type}, and RANGE needs a distance that is a number; write 10 PRECEDING");
        return Err(coded(SqlState::DATATYPE_MISMATCH, &order.human_display().to_string(), problem));
    }
    if data_type.is_integer() && !is_whole {
        let order = order.human_display().to_string();
        let data_type = in_sql(&data_type.to_string());
        let problem = format!("is {data_type}, and {distance} is not whole; write ORDER BY CAST({order} AS DOUBLE)");
        return Err(coded(SqlState::DATATYPE_MISMATCH, &order, problem));
    }
    if !is_date_or_timestamp(data_type) || !is_number {
        return Ok(false);
    }
    if let DataType::Timestamp(..) = data_type {
        let problem =
            format!("is {}, and RANGE needs a distance with a unit; write INTERVAL '{distance} days'", named(data_type));
        return Err(coded(SqlState::DATATYPE_MISMATCH, &order.human_display().to_string(), problem));
    }
    distance.push_str(" days");
    Ok(true)
}
