//! Parses the parts of a time.

use super::Part;
use super::writing::{DAYS, MONTHS};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

/// The parts parsed from a string so far.
#[derive(Debug, Default)]
pub(super) struct Found {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    ordinal: Option<u32>,
    hour: Option<u32>,
    is_afternoon: Option<bool>,
    minute: Option<u32>,
    second: Option<u32>,
    micros: Option<u32>,
}

impl Found {
    /// Parses a part at the beginning of the string, and returns the rest.
    pub(super) fn take<'a>(&mut self, part: Part, width: usize, rest: &'a str) -> Result<&'a str, String> {
        let rest = rest.trim_start();
        let among = |names: &[&str], letters: usize| {
            let found = names.iter().position(|name| {
                let name = if letters == 0 { name } else { &name[..letters] };
                rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
            });
            found.ok_or_else(|| format!("expected a name such as {} at \"{rest}\"", names[0]))
        };
        let most = match (part, width) {
            (_, width) if width > 0 => width,
            (Part::Year, _) => 4,
            (Part::DayOfYear, _) => 3,
            (Part::SecondOfDay, _) => 5,
            (Part::Fraction(_), _) => 9,
            _ => 2,
        };
        let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let number = || rest[..digits].parse::<u32>().map_err(|_| format!("expected a number at \"{rest}\""));
        let after = &rest[digits..];
        Ok(match part {
            Part::Year => {
                self.year = i32::try_from(number()?).ok();
                after
            }
            Part::Year2(turn) => {
                let year = i32::try_from(number()?).unwrap_or_default();
                self.year = Some(if year < turn { 2000 + year } else { 1900 + year });
                after
            }
            Part::Month => {
                self.month = Some(number()?);
                after
            }
            Part::MonthName | Part::MonthShort => {
                let letters = if part == Part::MonthShort { 3 } else { 0 };
                let month = among(&MONTHS, letters)?;
                self.month = u32::try_from(month + 1).ok();
                &rest[if letters == 0 { MONTHS[month].len() } else { letters }..]
            }
            Part::Day => {
                self.day = Some(number()?);
                after
            }
            Part::DayOrdinal => {
                self.day = Some(number()?);
                after.get(2..).unwrap_or_default()
            }
            Part::DayOfYear => {
                self.ordinal = Some(number()?);
                after
            }
            Part::Hour24 => {
                self.hour = Some(number()?);
                after
            }
            Part::Hour12 => {
                self.hour = Some(number()?);
                self.is_afternoon.get_or_insert(false);
                after
            }
            Part::Minute => {
                self.minute = Some(number()?);
                after
            }
            Part::Second => {
                self.second = Some(number()?);
                after
            }
            Part::SecondOfDay => {
                let seconds = number()?;
                (self.hour, self.minute, self.second) = (Some(seconds / 3600), Some(seconds / 60 % 60), Some(seconds % 60));
                after
            }
            Part::Fraction(_) => {
                number()?;
                let fraction = &rest[..digits];
                let (kept, lost) = fraction.split_at(digits.min(6));
                if lost.bytes().any(|digit| digit != b'0') {
                    return Err(format!("\"{fraction}\" has more digits of a second than the six that are kept"));
                }
                self.micros = format!("{kept:0<6}").parse().ok();
                after
            }
            Part::HalfDay => {
                self.is_afternoon = Some(among(&["AM", "PM"], 0)? == 1);
                &rest[2..]
            }
            Part::HalfDayInPoints => {
                self.is_afternoon = Some(among(&["A.M.", "P.M."], 0)? == 1);
                &rest[4..]
            }
            Part::DayName | Part::DayShort => {
                let letters = if part == Part::DayShort { 3 } else { 0 };
                let day = among(&DAYS, letters)?;
                &rest[if letters == 0 { DAYS[day].len() } else { letters }..]
            }
            _ => {
                return Err("weeks, numbers of weekdays, quarters, centuries, eras, Roman months, years of one or three digits and time zones \
                            are only written, never read"
                    .into());
            }
        })
    }

    /// The time that the parts make.
    pub(super) fn time(&self) -> Result<NaiveDateTime, String> {
        let year = self.year.unwrap_or(1900);
        let day = match self.ordinal {
            Some(ordinal) => NaiveDate::from_yo_opt(year, ordinal),
            None => NaiveDate::from_ymd_opt(year, self.month.unwrap_or(1), self.day.unwrap_or(1)),
        };
        let day = day.ok_or_else(|| "there is no such day".to_string())?;
        let hour = match (self.hour.unwrap_or(0), self.is_afternoon) {
            (hour, None) => hour,
            (hour @ 1..=12, Some(afternoon)) => hour % 12 + if afternoon { 12 } else { 0 },
            (hour, Some(_)) => return Err(format!("there is no hour {hour} before or after noon")),
        };
        let (minute, second) = (self.minute.unwrap_or(0), self.second.unwrap_or(0));
        let time = NaiveTime::from_hms_micro_opt(hour, minute, second, self.micros.unwrap_or(0));
        Ok(day.and_time(time.ok_or_else(|| "there is no such time of the day".to_string())?))
    }
}
