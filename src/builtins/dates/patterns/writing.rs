//! Formats the parts of a time, and those of a length of time.

use super::{Part, Zone, ordinal_of};
use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};

pub(super) const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
pub(super) const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

pub(super) fn written(part: Part, width: usize, fill: char, time: NaiveDateTime, zone: Option<Zone<'_>>) -> String {
    let weekday = time.weekday().num_days_from_sunday();
    let number = |value: i64| if fill == ' ' { format!("{value:width$}") } else { format!("{value:0width$}") };
    let name = |name: &str| format!("{name:<width$}");
    let month = MONTHS[time.month0() as usize];
    let day = DAYS[weekday as usize];
    let week = |from: u32| i64::from((time.ordinal() + 6 - (weekday + 7 - from) % 7) / 7);
    let iso_weekday = time.weekday().number_from_monday();
    let offset =
        |zone: Zone<'_>| (if zone.seconds < 0 { '-' } else { '+' }, zone.seconds.abs() / 3600, zone.seconds.abs() / 60 % 60);
    match part {
        Part::Year => number(time.year().into()),
        Part::Year2(_) => number(time.year().rem_euclid(100).into()),
        Part::YearEnd(digits) => number(i64::from(time.year()).rem_euclid(10_i64.pow(digits))),
        Part::YearInGroups => in_groups(time.year().into()),
        Part::IsoYear => number(time.iso_week().year().into()),
        Part::IsoYearEnd(digits) => number(i64::from(time.iso_week().year()).rem_euclid(10_i64.pow(digits))),
        Part::Month => number(time.month().into()),
        Part::MonthName => name(month),
        Part::MonthShort => name(&month[..3]),
        Part::MonthInRoman => name(ROMAN[time.month0() as usize]),
        Part::Day => number(time.day().into()),
        Part::DayOrdinal => format!("{}{}", time.day(), ordinal_of(&time.day().to_string())),
        Part::DayOfYear => number(time.ordinal().into()),
        Part::Hour24 => number(time.hour().into()),
        Part::Hour12 => number(time.hour12().1.into()),
        Part::Minute => number(time.minute().into()),
        Part::Second => number(time.second().into()),
        Part::SecondOfDay => number(time.num_seconds_from_midnight().into()),
        Part::Fraction(digits) => number((time.nanosecond() / 10_u32.pow(9 - digits)).into()),
        Part::HalfDay => (if time.hour() < 12 { "AM" } else { "PM" }).into(),
        Part::HalfDayInPoints => (if time.hour() < 12 { "A.M." } else { "P.M." }).into(),
        Part::DayName => name(day),
        Part::DayShort => name(&day[..3]),
        Part::WeekdayFrom0 => number(weekday.into()),
        Part::WeekdayFrom1 => number((weekday + 1).into()),
        Part::IsoWeekday => number(iso_weekday.into()),
        Part::IsoWeek => number(time.iso_week().week().into()),
        Part::WeekOfSundays => number(week(0)),
        Part::WeekOfMondays => number(week(1)),
        // Counts the Thursdays up to the end of the week: a week with four days in this year has its Thursday there.
        Part::WeekOfFourDays => number((i64::from(time.ordinal()) - i64::from(iso_weekday) + 10) / 7),
        Part::WeekOfYear => number((time.ordinal0() / 7 + 1).into()),
        Part::WeekOfMonth => number((time.day0() / 7 + 1).into()),
        Part::SundayWeek => number(sunday_week(time.date()).1),
        Part::SundayYear => number(sunday_week(time.date()).0),
        Part::Quarter => number((time.month0() / 3 + 1).into()),
        Part::DayOfIsoYear => number((time.iso_week().week0() * 7 + iso_weekday).into()),
        Part::JulianDay => number(i64::from(time.num_days_from_ce()) + JULIAN_DAY_OF_YEAR_0),
        Part::Era => (if time.year() > 0 { "AD" } else { "BC" }).into(),
        Part::EraInPoints => (if time.year() > 0 { "A.D." } else { "B.C." }).into(),
        Part::Hundreds => number(time.year().div_euclid(100).into()),
        Part::Century => number(i64::from(time.year() - 1) / 100 + 1),
        Part::Offset => {
            zone.map(offset).map_or_else(String::new, |(sign, hours, minutes)| format!("{sign}{hours:02}{minutes:02}"))
        }
        Part::OffsetInHours => match zone.map_or(('+', 0, 0), offset) {
            (sign, hours, 0) => format!("{sign}{hours:02}"),
            (sign, hours, minutes) => format!("{sign}{hours:02}:{minutes:02}"),
        },
        Part::Zone => zone.map_or_else(String::new, |zone| zone.name.to_string()),
    }
}

const ROMAN: [&str; 12] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

/// Julian days begin so many days before those that are counted from the last day of the year 0.
const JULIAN_DAY_OF_YEAR_0: i64 = 1_721_425;

fn in_groups(year: i64) -> String {
    format!("{},{:03}", year / 1000, year.rem_euclid(1000))
}

/// The year and the number of a week that begins on a Sunday; the first of a year is the one with its first Sunday.
fn sunday_week(day: NaiveDate) -> (i64, i64) {
    let week = |day: NaiveDate| i64::from((day.ordinal() + 6 - day.weekday().num_days_from_sunday()) / 7);
    match (week(day), NaiveDate::from_ymd_opt(day.year() - 1, 12, 31)) {
        (0, Some(last)) => (i64::from(day.year()) - 1, week(last)),
        (own, _) => (day.year().into(), own),
    }
}

/// A length of time, in parts that are not converted into each other.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub months: i64,
    pub days: i64,
    pub nanoseconds: i64,
}

/// A part of a length of time; `None` for what only a day has.
pub(super) fn written_span(part: Part, width: usize, span: Span) -> Option<String> {
    const SECOND: i64 = 1_000_000_000;
    let Span { months, days, nanoseconds } = span;
    let (hours, minutes, seconds) = (nanoseconds / SECOND / 3600, nanoseconds / SECOND / 60 % 60, nanoseconds / SECOND % 60);
    // A sign stands before as many digits.
    let number = |value: i64| {
        let width = if value < 0 && width > 0 { width + 1 } else { width };
        format!("{value:0width$}")
    };
    Some(match part {
        Part::Year => number(months / 12),
        Part::Year2(_) => number(months / 12 % 100),
        Part::YearEnd(digits) => number(months / 12 % 10_i64.pow(digits)),
        Part::YearInGroups => in_groups(months / 12),
        Part::Month => number(months % 12),
        Part::Day => format!("{days:0width$}"),
        Part::Hour24 => number(hours),
        Part::Hour12 => number(if hours % 12 == 0 { 12 } else { hours % 12 }),
        Part::Minute => number(minutes),
        Part::Second => number(seconds),
        Part::SecondOfDay => number(nanoseconds / SECOND),
        Part::Fraction(digits) => number(nanoseconds % SECOND / 10_i64.pow(9 - digits)),
        Part::HalfDay => (if hours.rem_euclid(24) < 12 { "AM" } else { "PM" }).into(),
        Part::HalfDayInPoints => (if hours.rem_euclid(24) < 12 { "A.M." } else { "P.M." }).into(),
        _ => return None,
    })
}
