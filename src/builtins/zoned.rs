//! Timestamps without a zone converted to the zone of a timestamp that has one.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Months, Offset, TimeDelta, TimeZone};
use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, StringArray};
use datafusion::arrow::compute::cast as cast_array;
use datafusion::arrow::datatypes::{
    ArrowTimestampType, DataType, IntervalMonthDayNano, IntervalMonthDayNanoType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use datafusion::common::{DataFusionError, Result, ScalarValue, internal_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, Expr, Operator, ScalarFunctionArgs, cast, lit};

use super::scalar::Scalar;
use super::spans::INTERVAL;
use crate::calendar::{self, offset};
use crate::error::{SqlState, in_rows, invalid};

/// The zone of instants.
pub const UTC: &str = "+00:00";

/// The instant at which the local time in a zone has a given value; where clocks change, as [`offset`] says.
static INSTANT: Scalar = Scalar {
    name: "instant_in_zone",
    takes: |types| match types {
        [DataType::Timestamp(unit, None), _] => Ok(vec![DataType::Timestamp(*unit, None), DataType::Utf8]),
        _ => plan_err!("expected a timestamp without a zone, and a zone"),
    },
    gives: |types| match types {
        [DataType::Timestamp(unit, _), _] => Ok(DataType::Timestamp(*unit, Some(UTC.into()))),
        _ => plan_err!("expected a timestamp"),
    },
    compute: |arguments| moved(arguments, Way::ToInstant),
    written: |_| None,
};

/// The local time in a zone at an instant, without a zone. An instant whose type has no zone is in UTC.
static SHOWN: Scalar = Scalar {
    name: "local_in_zone",
    takes: |types| match types {
        [time @ DataType::Timestamp(..), _] => Ok(vec![time.clone(), DataType::Utf8]),
        _ => plan_err!("expected a timestamp, and a zone"),
    },
    gives: |types| match types {
        [DataType::Timestamp(unit, _), _] => Ok(DataType::Timestamp(*unit, None)),
        _ => plan_err!("expected a timestamp"),
    },
    compute: |arguments| moved(arguments, Way::ToLocal),
    written: |_| None,
};

/// A time in UTC that stays an instant: next to times with a zone, it is not read as their local time.
static IN_UTC: Scalar = Scalar {
    name: "utc_time",
    takes: |types| Ok(types.to_vec()),
    gives: |types| Ok(types[0].clone()),
    compute: |arguments| Ok(arguments.args[0].clone()),
    written: |arguments| arguments.first().cloned(),
};

/// A timestamp as a string, as elsewhere: `2025-05-02 00:10:00`, with a space where the engine writes a T.
static TEXT: Scalar = Scalar {
    name: "time_as_text",
    takes: |types| Ok(types.to_vec()),
    gives: |_| Ok(DataType::Utf8),
    compute: |arguments| {
        let texts = cast_array(&arguments.args[0].to_array(arguments.number_rows)?, &DataType::Utf8)?;
        let texts: StringArray = texts.as_string::<i32>().iter().map(|text| Some(text?.replacen('T', " ", 1))).collect();
        Ok(ColumnarValue::Array(Arc::new(texts)))
    },
    written: |arguments| arguments.first().cloned(),
};

/// Completes a string for the engine's timestamp parser, which requires two digits everywhere, seconds, and hyphens in the date. People
/// and other databases leave them out.
static FULL: Scalar = Scalar {
    name: "text_of_time",
    takes: |types| Ok(types.to_vec()),
    gives: |_| Ok(DataType::Utf8),
    compute: |arguments| {
        // Callers may pass any string type.
        let given = cast_array(&arguments.args[0].to_array(arguments.number_rows)?, &DataType::Utf8)?;
        let texts = given.as_string::<i32>();
        if texts.iter().flatten().all(|text| full(text).is_none()) {
            return Ok(ColumnarValue::Array(given));
        }
        let texts: StringArray = texts.iter().map(|text| Some(full(text?).map_or(Cow::Borrowed(text?), Cow::Owned))).collect();
        Ok(ColumnarValue::Array(Arc::new(texts)))
    },
    written: |arguments| arguments.first().cloned(),
};

/// Prepares a string to be parsed as a timestamp.
pub fn with_seconds(text: Expr) -> Expr {
    match &text {
        Expr::Literal(value, _) => match value.try_as_str().flatten().and_then(full) {
            Some(full) => lit(full),
            None => text,
        },
        Expr::ScalarFunction(call) if call.func.name() == FULL.name => text,
        _ => FULL.call(vec![text]),
    }
}

/// `2026-11-01 09:05:00` for `2026/11/1 9:05`; `None` if there is nothing to change, or the string is not a timestamp.
fn full(text: &str) -> Option<String> {
    let is_full =
        |bytes: &[u8]| bytes.len() >= 19 && bytes[4] == b'-' && bytes[7] == b'-' && bytes[13] == b':' && bytes[16] == b':';
    if is_full(text.as_bytes()) {
        return None;
    }
    let (day, clock) = text.trim().split_once([' ', 'T', 't'])?;
    let mark = if day.contains('/') { '/' } else { '-' };
    let [year, month, day] = *day.split(mark).collect::<Vec<_>>() else { return None };
    let clock = clock.trim_start();
    let end = clock.find(|letter: char| !letter.is_ascii_digit() && letter != ':' && letter != '.').unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(end);
    let (hour, minute, second) = match *clock.split(':').collect::<Vec<_>>() {
        [hour, minute] => (hour, minute, "00"),
        [hour, minute, second] => (hour, minute, second),
        _ => return None,
    };
    let is_number =
        |text: &str, digits: usize| (1..=digits).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = year.len() == 4 && is_number(year, 4) && [month, day, hour, minute].iter().all(|part| is_number(part, 2));
    let (whole, rest) = second.split_once('.').map_or((second, ""), |(whole, _)| (whole, &second[whole.len()..]));
    if !fits || !is_number(whole, 2) {
        return None;
    }
    let full = format!("{year}-{month:0>2}-{day:0>2} {hour:0>2}:{minute:0>2}:{whole:0>2}{rest}{zone}");
    (full != text).then_some(full)
}

/// A timestamp as text.
pub fn as_text(time: Expr) -> Expr {
    TEXT.call(vec![time])
}

/// The name of [`IN_UTC`], for composing SQL.
pub const UTC_TIME: &str = "utc_time";

/// The functions of this module.
pub static ALL: [&Scalar; 7] = [&INSTANT, &SHOWN, &IN_UTC, &TEXT, &FULL, &AFTER, &BEFORE];

/// The local time in a zone at an instant.
pub fn shown_in(instant: Expr, zone: &str) -> Expr {
    SHOWN.call(vec![instant, lit(zone)])
}

/// The instant of a local time, in its zone. Unlike [`in_zone`], it has a name of its own in every zone, as people write it.
pub fn instant_in(local: Expr, unit: TimeUnit, zone: &str) -> Expr {
    cast(INSTANT.call(vec![local, lit(zone)]), DataType::Timestamp(unit, Some(zone.into())))
}

/// True for a conversion between an instant and the local time in a zone, whose result is no longer in UTC.
pub fn is_moved(expression: &Expr) -> bool {
    matches!(expression, Expr::ScalarFunction(call) if [INSTANT.name, SHOWN.name].contains(&call.func.name()))
}

/// The name of a zone as the calendar has it, for a name in any case.
///
/// # Errors
/// The zone is unknown.
pub fn known_zone(name: &str) -> Result<String> {
    calendar::zone(name).map_err(|problem| invalid("AT TIME ZONE", problem))?;
    Ok(calendar::zone_name(name).unwrap_or_else(|| name.to_string()))
}

/// A timestamp without time zone, or a date, as local time in a zone.
pub fn in_zone(time: Expr, unit: TimeUnit, zone: &Arc<str>) -> Expr {
    let local = cast(time, DataType::Timestamp(unit, None));
    let zoned = DataType::Timestamp(unit, Some(Arc::clone(zone)));
    if is_utc(zone) {
        // In UTC every local time occurs once.
        return cast(local, zoned);
    }
    cast(INSTANT.call(vec![local, lit(zone.as_ref())]), zoned)
}

/// True if a zone's local time is always that of UTC.
pub fn is_utc(zone: &str) -> bool {
    [UTC, "UTC", "Z"].contains(&zone)
}

/// The function of `time + span` or `time - span`, which moves the clock of the zone by months and days, and the instant by hours.
///
/// The engine refuses a result that the clock skips or has twice.
macro_rules! moving {
    ($name:literal, $sign:literal, $times:literal) => {
        Scalar {
            name: $name,
            takes: |types| match types {
                [time @ DataType::Timestamp(_, Some(_)), _] => Ok(vec![time.clone(), INTERVAL]),
                _ => plan_err!("expected a timestamp with a zone, and an interval"),
            },
            gives: |types| Ok(types[0].clone()),
            compute: |arguments| moved_by(arguments, $times),
            written: |arguments| match arguments {
                [time, span] => Some(format!("{time} {} {span}", $sign)),
                _ => None,
            },
        }
    };
}

static AFTER: Scalar = moving!("zoned_time_after", "+", 1);
static BEFORE: Scalar = moving!("zoned_time_before", "-", -1);

/// `left operator right` of a timestamp in a zone whose clock may change, and an interval; `None` for all else.
pub fn apart(operator: Operator, left: (&Expr, &DataType), right: (&Expr, &DataType)) -> Option<Expr> {
    let is_moved = |zone: &Option<Arc<str>>| zone.as_ref().is_some_and(|zone| !is_utc(zone));
    let (function, time, span) = match (operator, left, right) {
        (Operator::Plus, (time, DataType::Timestamp(_, zone)), (span, DataType::Interval(_))) if is_moved(zone) => {
            (&AFTER, time, span)
        }
        (Operator::Minus, (time, DataType::Timestamp(_, zone)), (span, DataType::Interval(_))) if is_moved(zone) => {
            (&BEFORE, time, span)
        }
        (Operator::Plus, (span, DataType::Interval(_)), (time, DataType::Timestamp(_, zone))) if is_moved(zone) => {
            (&AFTER, time, span)
        }
        _ => return None,
    };
    Some(function.call(vec![time.clone(), cast(span.clone(), INTERVAL)]))
}

fn moved_by(arguments: &ScalarFunctionArgs, sign: i32) -> Result<ColumnarValue> {
    let times = arguments.args[0].to_array(arguments.number_rows)?;
    let spans = cast_array(&arguments.args[1].to_array(arguments.number_rows)?, &INTERVAL)?;
    let moved: ArrayRef = match times.data_type() {
        DataType::Timestamp(TimeUnit::Second, Some(zone)) => Arc::new(by::<TimestampSecondType>(&times, &spans, zone, sign)?),
        DataType::Timestamp(TimeUnit::Millisecond, Some(zone)) => {
            Arc::new(by::<TimestampMillisecondType>(&times, &spans, zone, sign)?)
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) => {
            Arc::new(by::<TimestampMicrosecondType>(&times, &spans, zone, sign)?)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, Some(zone)) => {
            Arc::new(by::<TimestampNanosecondType>(&times, &spans, zone, sign)?)
        }
        other => return internal_err!("expected a timestamp, got {other}"),
    };
    Ok(ColumnarValue::Array(moved))
}

fn by<T>(times: &ArrayRef, spans: &ArrayRef, name: &Arc<str>, sign: i32) -> Result<PrimitiveArray<T>>
where
    T: ArrowTimestampType + ArrowPrimitiveType<Native = i64>,
{
    let zone: Tz = name.parse()?;
    let seconds = in_a_second(T::UNIT);
    let pairs = times.as_primitive::<T>().iter().zip(spans.as_primitive::<IntervalMonthDayNanoType>().iter());
    let moved = pairs.map(|pair| match pair {
        (Some(time), Some(span)) => moved_time(time, span, sign, seconds, zone).map(Some).ok_or_else(|| out_of_range(name)),
        _ => Ok(None),
    });
    let moved: Vec<Option<i64>> = moved.collect::<Result<_>>()?;
    Ok(moved.into_iter().collect::<PrimitiveArray<T>>().with_timezone(Arc::clone(name)))
}

/// The time after a span, or before it if `sign` is -1.
fn moved_time(time: i64, span: IntervalMonthDayNano, sign: i32, seconds: i64, zone: Tz) -> Option<i64> {
    let mut moved = time;
    if span.months != 0 || span.days != 0 {
        let clock = DateTime::from_timestamp(time.div_euclid(seconds), 0)?.naive_utc();
        let shown = zone.offset_from_utc_datetime(&clock).fix().local_minus_utc();
        let local = clock.checked_add_signed(TimeDelta::seconds(shown.into()))?;
        let months = span.months.checked_mul(sign)?;
        let count = Months::new(months.unsigned_abs());
        let local = if months < 0 { local.checked_sub_months(count)? } else { local.checked_add_months(count)? };
        let local = local.checked_add_signed(TimeDelta::days(i64::from(span.days) * i64::from(sign)))?;
        let instant = local.and_utc().timestamp().checked_sub(offset(local, zone)?)?;
        moved = instant.checked_mul(seconds)?.checked_add(time.rem_euclid(seconds))?;
    }
    let parts = span.nanoseconds.checked_mul(sign.into())? / (1_000_000_000 / seconds);
    moved.checked_add(parts)
}

fn in_a_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

fn out_of_range(zone: &str) -> DataFusionError {
    let rule = "a time is out of the range of its zone";
    in_rows(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, zone, rule, "a time is out of the range of its type in that zone")
}

#[derive(Clone, Copy)]
enum Way {
    ToInstant,
    ToLocal,
}

fn moved(arguments: &ScalarFunctionArgs, way: Way) -> Result<ColumnarValue> {
    let ColumnarValue::Scalar(ScalarValue::Utf8(Some(name))) = &arguments.args[1] else {
        return internal_err!("a zone is a constant");
    };
    let zone: Tz = name.parse()?;
    let times = arguments.args[0].to_array(arguments.number_rows)?;
    let moved: ArrayRef = match times.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => Arc::new(of::<TimestampSecondType>(&times, zone, name, way)?),
        DataType::Timestamp(TimeUnit::Millisecond, _) => Arc::new(of::<TimestampMillisecondType>(&times, zone, name, way)?),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Arc::new(of::<TimestampMicrosecondType>(&times, zone, name, way)?),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Arc::new(of::<TimestampNanosecondType>(&times, zone, name, way)?),
        other => return internal_err!("expected a timestamp, got {other}"),
    };
    Ok(ColumnarValue::Array(moved))
}

fn of<T>(times: &ArrayRef, zone: Tz, name: &str, way: Way) -> Result<PrimitiveArray<T>>
where
    T: ArrowTimestampType + ArrowPrimitiveType<Native = i64>,
{
    let seconds = in_a_second(T::UNIT);
    let moved = |time: i64| -> Result<i64> {
        let clock = DateTime::from_timestamp(time.div_euclid(seconds), 0).map(|time| time.naive_utc());
        let moved = clock.and_then(|clock| match way {
            Way::ToInstant => time.checked_sub(offset(clock, zone)?.checked_mul(seconds)?),
            Way::ToLocal => {
                let offset = zone.offset_from_utc_datetime(&clock).fix().local_minus_utc();
                time.checked_add(i64::from(offset).checked_mul(seconds)?)
            }
        });
        moved.ok_or_else(|| out_of_range(name))
    };
    let moved = times.as_primitive::<T>().try_unary::<_, T, _>(moved)?;
    Ok(match way {
        Way::ToInstant => moved.with_timezone(UTC),
        Way::ToLocal => moved,
    })
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDateTime;
    use datafusion::arrow::array::TimestampSecondArray;

    use super::*;

    #[test]
    fn times_are_written_in_full() {
        for (text, expected) in [
            ("2026-11-01 10:00", "2026-11-01 10:00:00"),
            ("2026/11/1 9:05", "2026-11-01 09:05:00"),
            ("2026-11-01T10:00Z", "2026-11-01 10:00:00Z"),
            ("2026-11-01 10:00+08", "2026-11-01 10:00:00+08"),
            (" 2026-1-2 3:4:5.25 ", "2026-01-02 03:04:05.25"),
            ("2026-11-01 10:00 Asia/Shanghai", "2026-11-01 10:00:00 Asia/Shanghai"),
        ] {
            assert_eq!(full(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "2026-11-01 10:00:00",
            "2026-11-01T10:00:00.123Z",
            "2026-11-01",
            "",
            "10:00",
            "2026-11-01 10",
            "11/1/2026 10:00",
            "时间 10:00",
            "2026-11-01 a:b",
        ] {
            assert_eq!(full(text), None, "{text}");
        }
    }

    #[test]
    fn clocks_that_change_are_read_as_postgresql_reads_them() {
        let berlin = |text: &str| {
            let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
            let times: ArrayRef = Arc::new(TimestampSecondArray::from(vec![local.and_utc().timestamp()]));
            let zone = "Europe/Berlin";
            let instants = of::<TimestampSecondType>(&times, zone.parse().unwrap(), zone, Way::ToInstant).unwrap();
            DateTime::from_timestamp(instants.value(0), 0).unwrap().format("%Y-%m-%d %H:%M").to_string()
        };
        assert_eq!(berlin("2025-01-01 12:00"), "2025-01-01 11:00");
        assert_eq!(berlin("2025-07-01 12:00"), "2025-07-01 10:00");
        // 2:30 does not exist: clocks go from 2:00 to 3:00.
        assert_eq!(berlin("2025-03-30 02:30"), "2025-03-30 01:30");
        // 2:30 occurs twice.
        assert_eq!(berlin("2025-10-26 02:30"), "2025-10-26 01:30");
    }
}
