//! Local times where clocks change, as PostgreSQL reads them.
//!
//! A time that occurs twice, when summer time ends, is the later one. A time that is skipped, when it begins, is as long after the change as it
//! was after the last time before it: 2:30 in New York on 2024-03-10 is 3:30.

use std::ops::Range;

use chrono::{Days, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone};
use datafusion::arrow::array::timezone::Tz;

/// The offset from UTC, in seconds, when the local time has this value.
pub fn offset(local: NaiveDateTime, zone: Tz) -> Option<i64> {
    let offset = match zone.offset_from_local_datetime(&local) {
        MappedLocalTime::Single(offset) => offset,
        MappedLocalTime::Ambiguous(_, later) => later,
        // A skipped time uses the offset before the change, which is that of the day before, because less than a day is skipped.
        MappedLocalTime::None => zone.offset_from_local_datetime(&local.checked_sub_days(Days::new(1))?).latest()?,
    };
    Some(i64::from(offset.fix().local_minus_utc()))
}

/// The text of a time that clocks skip or show twice, as the text of that time in UTC; `None` for other texts. The time is in the zone that the
/// text names, else in the given one.
pub fn settled(text: &str, zone: Tz) -> Option<String> {
    let (local, fraction, named) = parts(text.trim())?;
    let zone = if named.is_empty() { zone } else { super::zone(named).ok()? };
    if let MappedLocalTime::Single(_) = zone.offset_from_local_datetime(&local) {
        return None;
    }
    let instant = local.checked_sub_signed(TimeDelta::seconds(offset(local, zone)?))?;
    Some(format!("{}{fraction}Z", instant.format("%Y-%m-%dT%H:%M:%S")))
}

/// The date and time of a text such as `2024-03-10`, `2024-03-10 02:30` and `2024-03-10T02:30:00.5 Europe/Berlin`, the digits of its fraction
/// with their point, and what follows.
fn parts(text: &str) -> Option<(NaiveDateTime, &str, &str)> {
    let number = |digits: Range<usize>| {
        let digits = text.get(digits)?;
        digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse::<u32>().ok())?
    };
    let is_at = |place: usize, signs: &[u8]| text.as_bytes().get(place).is_some_and(|sign| signs.contains(sign));
    if !is_at(4, b"-") || !is_at(7, b"-") {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(i32::try_from(number(0..4)?).ok()?, number(5..7)?, number(8..10)?)?;
    if text.len() == 10 {
        return Some((date.and_time(NaiveTime::MIN), "", ""));
    }
    if !is_at(10, b" Tt") || !is_at(13, b":") {
        return None;
    }
    let (seconds, mut end) = if is_at(16, b":") { (number(17..19)?, 19) } else { (0, 16) };
    let time = NaiveTime::from_hms_opt(number(11..13)?, number(14..16)?, seconds)?;
    let begin = end;
    if is_at(end, b".") {
        end += 1;
        while is_at(end, b"0123456789") {
            end += 1;
        }
    }
    Some((date.and_time(time), text.get(begin..end)?, text.get(end..)?.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_times_that_clocks_skip_or_show_twice_are_told_in_utc() {
        let new_york: Tz = "America/New_York".parse().unwrap();
        for (text, expected) in [
            ("2024-03-10 02:30", Some("2024-03-10T07:30:00Z")),
            ("2024-03-10T02:30:15.25", Some("2024-03-10T07:30:15.25Z")),
            (" 2024-11-03 01:30:00 ", Some("2024-11-03T06:30:00Z")),
            ("2024-03-31 02:30:00 Europe/Berlin", Some("2024-03-31T01:30:00Z")),
            ("2024-04-26 Africa/Cairo", None),
            ("2024-03-10", None),
            ("2024-03-10 03:30", None),
            ("2024-03-10 02:30-05", None),
            ("2024-03-10 02:30Z", None),
            ("2024-03-10 02:30 America/New_York", Some("2024-03-10T07:30:00Z")),
            ("2024-13-10 02:30", None),
            ("2024-03-10 25:30", None),
            ("二〇二四年三月十日", None),
            ("", None),
        ] {
            assert_eq!(settled(text, new_york).as_deref(), expected, "{text}");
        }
        // Midnight is skipped.
        assert_eq!(settled("2024-04-26", "Africa/Cairo".parse().unwrap()).as_deref(), Some("2024-04-25T22:00:00Z"));
    }
}
