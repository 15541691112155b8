//! Patterns of dates and times in the notations of C, MySQL and PostgreSQL. A pattern is parsed once, and then used to format or to parse.
//!
//! A letter that the notation does not define is an error, never literal text.

mod notations;
mod reading;
mod writing;

use chrono::NaiveDateTime;
use notations::{by_percent, by_words, c_letter, mysql_letter};
use reading::Found;
pub use writing::Span;
use writing::{written, written_span};

/// The notation of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `%Y-%m-%d`: C, Python, DuckDB, BigQuery.
    C,
    /// `%Y-%m-%d %H:%i:%s`: MySQL.
    MySql,
    /// `YYYY-MM-DD HH24:MI:SS`: PostgreSQL, Oracle, Snowflake.
    PostgreSql,
}

/// A part of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Year,
    /// Two digits of a year. When reading, those from this number on belong to the 20th century.
    Year2(i32),
    /// The last digits of a year, this many.
    YearEnd(u32),
    /// With a comma: `2,025`
    YearInGroups,
    IsoYear,
    IsoYearEnd(u32),
    Month,
    MonthName,
    MonthShort,
    /// `III`
    MonthInRoman,
    Day,
    DayOfYear,
    Hour24,
    Hour12,
    Minute,
    Second,
    SecondOfDay,
    /// This many digits of a second.
    Fraction(u32),
    HalfDay,
    /// With points: `A.M.`
    HalfDayInPoints,
    DayName,
    DayShort,
    WeekdayFrom0,
    WeekdayFrom1,
    IsoWeekday,
    IsoWeek,
    WeekOfSundays,
    WeekOfMondays,
    /// Like the ISO week, but 0 before the first of the year, and never the first of the next year.
    WeekOfFourDays,
    WeekOfYear,
    /// From 1; the first begins on the first day of the month.
    WeekOfMonth,
    /// The week of a year that begins on Sundays, at least 1: 52 or 53 before the first Sunday.
    SundayWeek,
    /// The year to which that week belongs.
    SundayYear,
    DayOfIsoYear,
    /// The days since 4714 BC.
    JulianDay,
    Era,
    EraInPoints,
    Quarter,
    /// The first digits of the year: 20 in 2025.
    Hundreds,
    /// 21 in 2025.
    Century,
    DayOrdinal,
    /// `+0530`
    Offset,
    /// `+05:30` or `+08`
    OffsetInHours,
    Zone,
}

/// The time zone of a time.
#[derive(Debug, Clone, Copy)]
pub struct Zone<'a> {
    pub name: &'a str,
    /// Its distance from UTC at that time.
    pub seconds: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    AsIs,
    Upper,
    Lower,
}

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    /// A part with this many digits or characters; 0 for any number.
    Part {
        part: Part,
        width: usize,
        /// What fills a number up to the width.
        fill: char,
        case: Case,
        /// The case of `th` after the number.
        ordinal: Option<Case>,
    },
}

/// A parsed pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    pieces: Vec<Piece>,
}

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// The pattern has a letter that the notation does not define.
    pub fn read(pattern: &str, language: Language) -> Result<Self, String> {
        match language {
            Language::C => by_percent(pattern, c_letter),
            Language::MySql => by_percent(pattern, mysql_letter),
            Language::PostgreSql => by_words(pattern),
        }
    }

    /// True if it contains an hour, a minute or a second.
    pub fn has_time(&self) -> bool {
        use Part::{Fraction, Hour12, Hour24, Minute, Second, SecondOfDay};
        let is_time = |part: &Part| matches!(part, Hour12 | Hour24 | Minute | Second | SecondOfDay | Fraction(_));
        self.pieces.iter().any(|piece| matches!(piece, Piece::Part { part, .. } if is_time(part)))
    }

    /// Formats a time, which may have a zone.
    pub fn write(&self, time: NaiveDateTime, zone: Option<Zone<'_>>) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(own) => text.push_str(own),
                Piece::Part { part, width, fill, case, ordinal } => {
                    let value = written(*part, *width, *fill, time, zone);
                    text.push_str(&case.of(&value));
                    if let Some(case) = ordinal {
                        text.push_str(&case.of(ordinal_of(value.trim())));
                    }
                }
            }
        }
        text
    }

    /// Formats a length of time, as from one timestamp to another.
    ///
    /// # Errors
    /// The pattern has a part that only a day has.
    pub fn write_span(&self, span: Span) -> Result<String, String> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(own) => text.push_str(own),
                Piece::Part { part, width, fill: _, case, ordinal } => {
                    let Some(value) = written_span(*part, *width, span) else {
                        return Err("a part belongs to a day, and this is a length of time; use DD, HH24, MI and SS".into());
                    };
                    text.push_str(&case.of(&value));
                    if let Some(case) = ordinal {
                        text.push_str(&case.of(ordinal_of(&value)));
                    }
                }
            }
        }
        Ok(text)
    }

    /// Parses a time. Missing parts are those of 1900-01-01.
    ///
    /// # Errors
    /// The string does not match the pattern.
    pub fn parse(&self, text: &str) -> Result<NaiveDateTime, String> {
        let mut found = Found::default();
        let mut rest = text;
        for (place, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Text(own) if own.trim().is_empty() => rest = rest.trim_start(),
                Piece::Text(own) => {
                    rest = rest.strip_prefix(own.as_str()).ok_or_else(|| format!("expected \"{own}\" at \"{rest}\""))?;
                }
                Piece::Part { part, width, .. } => {
                    // Adjacent numbers without a separator have a fixed width.
                    let is_tight = matches!(self.pieces.get(place + 1), Some(Piece::Part { .. }));
                    rest = found.take(*part, if is_tight { *width } else { 0 }, rest)?;
                }
            }
        }
        if !rest.trim().is_empty() {
            return Err(format!("\"{rest}\" is left over"));
        }
        found.time()
    }
}

impl Case {
    fn of(self, text: &str) -> String {
        match self {
            Self::AsIs => text.to_string(),
            Self::Upper => text.to_uppercase(),
            Self::Lower => text.to_lowercase(),
        }
    }
}

fn ordinal_of(number: &str) -> &'static str {
    match (number.ends_with("11") || number.ends_with("12") || number.ends_with("13"), number.chars().last()) {
        (false, Some('1')) => "st",
        (false, Some('2')) => "nd",
        (false, Some('3')) => "rd",
        _ => "th",
    }
}
