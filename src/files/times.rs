//! Dates and times in files, in the notation of ISO 8601.

use chrono::{DateTime, TimeZone};
use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::datatypes::TimeUnit;
use datafusion::arrow::error::ArrowError;

/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;

/// A date, optionally with a time of day, optionally with an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// Days since 1970-01-01.
    pub day: i32,
    /// Nanoseconds since midnight.
    pub of_day: Option<i64>,
    /// The number of digits in the fraction of a second.
    pub digits: usize,
    /// The offset in minutes east of UTC.
    pub offset: Option<i32>,
}

impl Time {
    /// Microseconds since 1970: of the instant if there is an offset, else of the local time.
    pub fn microseconds(&self) -> i64 {
        let of_day = self.of_day.unwrap_or(0).div_euclid(1000);
        i64::from(self.day) * DAY + of_day - i64::from(self.offset.unwrap_or(0)) * 60_000_000
    }
}

/// How timestamps of a type are read.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    unit: TimeUnit,
    zone: Option<Tz>,
}

impl Clock {
    /// The clock of a type.
    ///
    /// # Errors
    /// There is no such time zone.
    pub fn new(unit: TimeUnit, zone: Option<&str>) -> Result<Self, ArrowError> {
        Ok(Self { unit, zone: zone.map(str::parse).transpose()? })
    }

    /// The units since 1970. `None` for a text that is not a time, or not one that the type can hold: it is too far away, has more digits
    /// or, where there is no zone, an offset. In a type with a zone, a time without an offset is local time there.
    pub fn read(&self, text: &[u8]) -> Option<i64> {
        let time = time(text)?;
        let of_day = time.of_day.unwrap_or(0);
        let (local, nanos) = (i64::from(time.day) * 86_400 + of_day / 1_000_000_000, of_day % 1_000_000_000);
        let seconds = match (self.zone, time.offset) {
            (None, None) => local,
            (None, Some(_)) => return None,
            (Some(_), Some(offset)) => local - i64::from(offset) * 60,
            (Some(zone), None) => {
                let local = DateTime::from_timestamp(local, 0)?.naive_utc();
                // Where clocks are changed, a local time may not exist, or twice.
                zone.from_local_datetime(&local).single()?.timestamp()
            }
        };
        let per_second = match self.unit {
            TimeUnit::Second => 1,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Microsecond => 1_000_000,
            TimeUnit::Nanosecond => 1_000_000_000,
        };
        let length = 1_000_000_000 / per_second;
        if nanos % length != 0 {
            return None;
        }
        seconds.checked_mul(per_second)?.checked_add(nanos / length)
    }
}

/// Parses `2025-05-01`, `2025-05-01 16:30` or `2025-05-01T16:30:00.5+08:00`: ISO 8601 with leading zeros.
pub fn time(text: &[u8]) -> Option<Time> {
    let (date, rest) = text.split_at_checked(10)?;
    if date[4] != b'-' || date[7] != b'-' {
        return None;
    }
    let (year, month, day) = (number(&date[..4])?, number(&date[5..7])?, number(&date[8..])?);
    let day = days(year, month, day)?;
    let [b' ' | b'T', clock @ ..] = rest else {
        return rest.is_empty().then_some(Time { day, of_day: None, digits: 0, offset: None });
    };
    let (hour, minute) = match clock {
        [h1, h2, b':', m1, m2, ..] => (number(&[*h1, *h2])?, number(&[*m1, *m2])?),
        _ => return None,
    };
    let (mut rest, mut second, mut digits, mut nanos) = (&clock[5..], 0, 0, 0);
    if let [b':', s1, s2, after @ ..] = rest {
        (second, rest) = (number(&[*s1, *s2])?, after);
        if let [b'.' | b',', after @ ..] = rest {
            digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=9).contains(&digits) {
                return None;
            }
            nanos = i64::from(number(&after[..digits])?) * 10_i64.pow(9 - digits as u32);
            rest = &after[digits..];
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let of_day = i64::from((hour * 60 + minute) * 60 + second) * 1_000_000_000 + nanos;
    let offset = match rest {
        [] => None,
        [b'Z' | b'z'] => Some(0),
        [b' ', b'U', b'T', b'C'] => Some(0),
        [sign @ (b'+' | b'-'), digits @ ..] => {
            let (hours, minutes) = match digits {
                [h1, h2] => (number(&[*h1, *h2])?, 0),
                [h1, h2, b':', m1, m2] | [h1, h2, m1, m2] => (number(&[*h1, *h2])?, number(&[*m1, *m2])?),
                _ => return None,
            };
            if hours > 18 || minutes > 59 {
                return None;
            }
            let offset = i32::try_from(hours * 60 + minutes).ok()?;
            Some(if *sign == b'-' { -offset } else { offset })
        }
        _ => return None,
    };
    Some(Time { day, of_day: Some(of_day), digits, offset })
}

/// Parses a number that consists only of digits.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0')))
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar.
pub fn days(year: u32, month: u32, day: u32) -> Option<i32> {
    const LENGTHS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = *LENGTHS.get(month.checked_sub(1)? as usize)? + u32::from(month == 2 && is_leap);
    if day == 0 || day > length {
        return None;
    }
    // Howard Hinnant, chrono-Compatible Low-Level Date Algorithms, days_from_civil.
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (i64::from(month) + if month > 2 { -3 } else { 9 }) + 2) / 5 + i64::from(day) - 1;
    i32::try_from(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_read_what_their_type_can_hold() {
        let read = |unit, zone, text: &str| Clock::new(unit, zone).unwrap().read(text.as_bytes());
        assert_eq!(read(TimeUnit::Nanosecond, None, "1970-01-02 00:00:00.000000001"), Some(86_400_000_000_001));
        assert_eq!(read(TimeUnit::Microsecond, None, "1970-01-02 00:01"), Some(86_460_000_000));
        assert_eq!(read(TimeUnit::Second, None, "1969-12-31 23:59:59"), Some(-1));
        assert_eq!(read(TimeUnit::Microsecond, None, "1970-01-01 00:00:00.0000001"), None);
        assert_eq!(read(TimeUnit::Nanosecond, None, "9999-12-31"), None);
        assert_eq!(read(TimeUnit::Microsecond, None, "9999-12-31"), Some(253_402_214_400_000_000));
        assert_eq!(read(TimeUnit::Second, None, "1970-01-01T00:00:00Z"), None);
        assert_eq!(read(TimeUnit::Second, Some("UTC"), "1970-01-01T08:00:00+08:00"), Some(0));
        assert_eq!(read(TimeUnit::Second, Some("+08:00"), "1970-01-01 08:00"), Some(0));
        assert_eq!(read(TimeUnit::Second, Some("Europe/Berlin"), "2025-03-30 02:30"), None);
        assert_eq!(read(TimeUnit::Second, Some("Europe/Berlin"), "1970-01-01"), Some(-3600));
    }
}
