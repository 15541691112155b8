//! Points in time as arguments.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{Result, ScalarValue};

/// A point in time as the user wrote it.
#[derive(Debug, Clone, PartialEq)]
pub enum Moment {
    /// A calendar day, in days since 1970-01-01.
    Day(i32),
    /// An instant, as a timestamp of the unit and zone it was written in.
    Instant(ScalarValue),
}

impl Moment {
    /// Reads a value that is a date, a timestamp, or a string that can be read as one.
    pub fn of(value: &ScalarValue) -> Option<Self> {
        match value {
            ScalarValue::Date32(Some(day)) => Some(Self::Day(*day)),
            ScalarValue::Date64(Some(_)) => match value.cast_to(&DataType::Date32).ok()? {
                ScalarValue::Date32(Some(day)) => Some(Self::Day(day)),
                _ => None,
            },
            ScalarValue::TimestampSecond(_, _)
            | ScalarValue::TimestampMillisecond(_, _)
            | ScalarValue::TimestampMicrosecond(_, _)
            | ScalarValue::TimestampNanosecond(_, _) => Some(Self::Instant(value.clone())),
            _ => {
                let text = value.try_as_str()??.trim();
                let as_day = ScalarValue::Utf8(Some(text.to_string())).cast_to(&DataType::Date32).ok();
                match as_day {
                    Some(ScalarValue::Date32(Some(day))) if text.len() <= 10 => Some(Self::Day(day)),
                    _ => {
                        let text = ScalarValue::Utf8(Some(text.to_string()));
                        let read = |zone: Option<&str>| {
                            text.cast_to(&DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into))).ok()
                        };
                        // A string with its own offset means the same in every zone.
                        let instants =
                            [read(Some("+00:00"))?, read(Some("+01:00"))?].map(|instant| instant.cast_to(&DataType::Int64).ok());
                        let instant = if instants[0] == instants[1] { read(Some("+00:00")) } else { read(None) }?;
                        (!instant.is_null()).then_some(Self::Instant(instant))
                    }
                }
            }
        }
    }

    /// The last microsecond that belongs to it, since 1970: a day includes its whole day.
    pub fn last_microsecond(&self) -> Option<i64> {
        const DAY: i64 = 86_400_000_000;
        match self {
            Self::Day(day) => (i64::from(*day) + 1).checked_mul(DAY)?.checked_sub(1),
            Self::Instant(instant) => match in_zone(instant, &DataType::Timestamp(TimeUnit::Microsecond, None)).ok()? {
                ScalarValue::TimestampMicrosecond(time, _) => time,
                _ => None,
            },
        }
    }
}

/// An instant as a timestamp of another unit and time zone. An instant without a zone is the local time in the zone of that
/// type; if that type has no zone, an instant that has one is converted to UTC.
///
/// # Errors
/// It is out of the type's range, or not a timestamp.
pub fn in_zone(instant: &ScalarValue, data_type: &DataType) -> Result<ScalarValue> {
    if matches!(instant.data_type(), DataType::Timestamp(_, None)) {
        return instant.cast_to(data_type);
    }
    // Arrow's cast from a zone to no zone keeps the local time; going through UTC keeps the instant.
    let unit = match data_type {
        DataType::Timestamp(unit, _) => *unit,
        _ => TimeUnit::Microsecond,
    };
    instant.cast_to(&DataType::Timestamp(unit, Some("+00:00".into())))?.cast_to(data_type)
}
