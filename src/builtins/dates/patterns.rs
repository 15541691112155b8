//! Patterns of dates and times in the notations of C, MySQL and PostgreSQL. A pattern is parsed once, and then used to format or to parse.
//!
//! A letter that the notation does not define is an error, never literal text.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

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

fn piece(part: Part, width: usize) -> Piece {
    Piece::Part { part, width, fill: '0', case: Case::AsIs, ordinal: None }
}

/// The meaning of a letter: parts and literal text.
type Letter = fn(char, bool) -> Option<Vec<Piece>>;

fn by_percent(pattern: &str, letter: Letter) -> Result<Pattern, String> {
    let mut pieces: Vec<Piece> = vec![];
    let mut letters = pattern.chars();
    let push = |pieces: &mut Vec<Piece>, text: char| match pieces.last_mut() {
        Some(Piece::Text(own)) => own.push(text),
        _ => pieces.push(Piece::Text(text.to_string())),
    };
    while let Some(next) = letters.next() {
        if next != '%' {
            push(&mut pieces, next);
            continue;
        }
        let unpadded = letters.as_str().starts_with('-');
        if unpadded {
            letters.next();
        }
        match letters.next() {
            Some('%') => push(&mut pieces, '%'),
            Some(own) => match letter(own, unpadded) {
                Some(parts) => pieces.extend(parts),
                None => return Err(format!("%{own} is not a known part of a time; use %Y, %m, %d, %H and %S")),
            },
            None => return Err("ends with %; write %% for a percent sign".into()),
        }
    }
    // `YYYY-MM-DD` is a pattern of another function; it would be written as it stands.
    let has_letters =
        |piece: &Piece| matches!(piece, Piece::Text(own) if own.contains(|letter: char| letter.is_ascii_alphabetic()));
    if !pieces.iter().any(|piece| matches!(piece, Piece::Part { .. })) && pieces.iter().any(has_letters) {
        return Err("no letter has a % before it; use %Y, %m, %d, %H and %S".into());
    }
    Ok(Pattern { pieces })
}

fn text(text: &str) -> Piece {
    Piece::Text(text.into())
}

fn c_letter(letter: char, unpadded: bool) -> Option<Vec<Piece>> {
    let width = |digits: usize| if unpadded { 0 } else { digits };
    let one = |part: Part, digits: usize| vec![piece(part, width(digits))];
    let after_space = |part: Part| vec![Piece::Part { part, width: width(2), fill: ' ', case: Case::AsIs, ordinal: None }];
    Some(match letter {
        'Y' => one(Part::Year, 4),
        'y' => one(Part::Year2(69), 2),
        'G' => one(Part::IsoYear, 4),
        'm' => one(Part::Month, 2),
        'B' => one(Part::MonthName, 0),
        'b' | 'h' => one(Part::MonthShort, 0),
        'd' => one(Part::Day, 2),
        'e' => after_space(Part::Day),
        'j' => one(Part::DayOfYear, 3),
        'H' => one(Part::Hour24, 2),
        'k' => after_space(Part::Hour24),
        'I' => one(Part::Hour12, 2),
        'l' => after_space(Part::Hour12),
        'M' => one(Part::Minute, 2),
        'S' => one(Part::Second, 2),
        'g' => one(Part::Fraction(3), 3),
        'f' => one(Part::Fraction(6), 6),
        'p' => one(Part::HalfDay, 0),
        'A' => one(Part::DayName, 0),
        'a' => one(Part::DayShort, 0),
        'w' => one(Part::WeekdayFrom0, 0),
        'u' => one(Part::IsoWeekday, 0),
        'V' => one(Part::IsoWeek, 2),
        'U' => one(Part::WeekOfSundays, 2),
        'W' => one(Part::WeekOfMondays, 2),
        'C' => one(Part::Hundreds, 2),
        'z' => one(Part::Offset, 0),
        'Z' => one(Part::Zone, 0),
        'F' => vec![piece(Part::Year, 4), text("-"), piece(Part::Month, 2), text("-"), piece(Part::Day, 2)],
        'x' => vec![piece(Part::Year, 4), text("-"), piece(Part::Month, 2), text("-"), piece(Part::Day, 2)],
        'D' => vec![piece(Part::Month, 2), text("/"), piece(Part::Day, 2), text("/"), piece(Part::Year2(69), 2)],
        'T' | 'X' => vec![piece(Part::Hour24, 2), text(":"), piece(Part::Minute, 2), text(":"), piece(Part::Second, 2)],
        'R' => vec![piece(Part::Hour24, 2), text(":"), piece(Part::Minute, 2)],
        'n' => vec![text("\n")],
        't' => vec![text("\t")],
        _ => return None,
    })
}

fn mysql_letter(letter: char, _: bool) -> Option<Vec<Piece>> {
    let time = |hour: Part| vec![piece(hour, 2), text(":"), piece(Part::Minute, 2), text(":"), piece(Part::Second, 2)];
    Some(match letter {
        'Y' => vec![piece(Part::Year, 4)],
        'y' => vec![piece(Part::Year2(70), 2)],
        'x' => vec![piece(Part::IsoYear, 4)],
        'm' => vec![piece(Part::Month, 2)],
        'c' => vec![piece(Part::Month, 0)],
        'M' => vec![piece(Part::MonthName, 0)],
        'b' => vec![piece(Part::MonthShort, 0)],
        'd' => vec![piece(Part::Day, 2)],
        'e' => vec![piece(Part::Day, 0)],
        'D' => vec![piece(Part::DayOrdinal, 0)],
        'j' => vec![piece(Part::DayOfYear, 3)],
        'H' => vec![piece(Part::Hour24, 2)],
        'k' => vec![piece(Part::Hour24, 0)],
        'h' | 'I' => vec![piece(Part::Hour12, 2)],
        'l' => vec![piece(Part::Hour12, 0)],
        'i' => vec![piece(Part::Minute, 2)],
        's' | 'S' => vec![piece(Part::Second, 2)],
        'f' => vec![piece(Part::Fraction(6), 6)],
        'p' => vec![piece(Part::HalfDay, 0)],
        'W' => vec![piece(Part::DayName, 0)],
        'a' => vec![piece(Part::DayShort, 0)],
        'w' => vec![piece(Part::WeekdayFrom0, 0)],
        'v' => vec![piece(Part::IsoWeek, 2)],
        'V' => vec![piece(Part::SundayWeek, 2)],
        'X' => vec![piece(Part::SundayYear, 4)],
        'U' => vec![piece(Part::WeekOfSundays, 2)],
        'u' => vec![piece(Part::WeekOfFourDays, 2)],
        'T' => time(Part::Hour24),
        'r' => [time(Part::Hour12), vec![text(" "), piece(Part::HalfDay, 0)]].concat(),
        _ => return None,
    })
}

/// PostgreSQL's words, the longest first; the width of a name is that of the longest one.
const WORDS: [(&str, Part, usize); 53] = [
    ("MONTH", Part::MonthName, 9),
    ("Y,YYY", Part::YearInGroups, 0),
    ("SSSSS", Part::SecondOfDay, 0),
    ("SSSS", Part::SecondOfDay, 0),
    ("HH24", Part::Hour24, 2),
    ("HH12", Part::Hour12, 2),
    ("YYYY", Part::Year, 4),
    ("IYYY", Part::IsoYear, 4),
    ("IDDD", Part::DayOfIsoYear, 3),
    ("A.M.", Part::HalfDayInPoints, 0),
    ("P.M.", Part::HalfDayInPoints, 0),
    ("A.D.", Part::EraInPoints, 0),
    ("B.C.", Part::EraInPoints, 0),
    ("IYY", Part::IsoYearEnd(3), 3),
    ("YYY", Part::YearEnd(3), 3),
    ("DDD", Part::DayOfYear, 3),
    ("DAY", Part::DayName, 9),
    ("MON", Part::MonthShort, 0),
    ("FF1", Part::Fraction(1), 1),
    ("FF2", Part::Fraction(2), 2),
    ("FF3", Part::Fraction(3), 3),
    ("FF4", Part::Fraction(4), 4),
    ("FF5", Part::Fraction(5), 5),
    ("FF6", Part::Fraction(6), 6),
    ("FF9", Part::Fraction(9), 9),
    ("DD", Part::Day, 2),
    ("DY", Part::DayShort, 0),
    ("HH", Part::Hour12, 2),
    ("MI", Part::Minute, 2),
    ("MM", Part::Month, 2),
    ("SS", Part::Second, 2),
    ("MS", Part::Fraction(3), 3),
    ("US", Part::Fraction(6), 6),
    ("FF", Part::Fraction(6), 6),
    ("YY", Part::Year2(70), 2),
    ("IW", Part::IsoWeek, 2),
    ("WW", Part::WeekOfYear, 2),
    ("ID", Part::IsoWeekday, 0),
    ("AM", Part::HalfDay, 0),
    ("PM", Part::HalfDay, 0),
    ("CC", Part::Century, 2),
    ("RM", Part::MonthInRoman, 4),
    ("AD", Part::Era, 0),
    ("BC", Part::Era, 0),
    ("IY", Part::IsoYearEnd(2), 2),
    ("TZ", Part::Zone, 0),
    ("OF", Part::OffsetInHours, 0),
    ("D", Part::WeekdayFrom1, 0),
    ("Q", Part::Quarter, 0),
    ("W", Part::WeekOfMonth, 0),
    ("J", Part::JulianDay, 0),
    ("I", Part::IsoYearEnd(1), 1),
    ("Y", Part::YearEnd(1), 1),
];

/// The letters of a word in upper or lower case are those of its name.
const NAMES: [Part; 9] = [
    Part::MonthName,
    Part::MonthShort,
    Part::MonthInRoman,
    Part::DayName,
    Part::DayShort,
    Part::HalfDay,
    Part::HalfDayInPoints,
    Part::Era,
    Part::EraInPoints,
];

fn by_words(pattern: &str) -> Result<Pattern, String> {
    let mut pieces: Vec<Piece> = vec![];
    let mut rest = pattern;
    let mut is_filled = true;
    while let Some(next) = rest.chars().next() {
        if next == '"' {
            let inner = &rest[1..];
            let Some(end) = inner.find('"') else { return Err("a quote is not closed".into()) };
            pieces.push(text(&inner[..end]));
            rest = &inner[end + 1..];
            continue;
        }
        let begins = |word: &str| rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        // `TM` asks for names in the language of the server, which is English, and without padding.
        if begins("FM") || begins("TM") {
            is_filled = false;
            rest = &rest[2..];
            continue;
        }
        // In ISO 8601, T separates the date from the time.
        if next == 'T' && rest[1..].to_uppercase().starts_with("HH24") {
            pieces.push(text("T"));
            rest = &rest[1..];
            continue;
        }
        if let Some((word, part, width)) = WORDS.iter().find(|(word, ..)| begins(word)) {
            let written = &rest[..word.len()];
            let is_name = NAMES.contains(part);
            let second = written.chars().nth(1);
            let case = match written.chars().next() {
                Some(first) if is_name && first.is_lowercase() => Case::Lower,
                Some(_) if is_name && second.is_some_and(char::is_uppercase) => Case::Upper,
                _ => Case::AsIs,
            };
            rest = &rest[word.len()..];
            let suffix = rest.get(..2).filter(|suffix| suffix.eq_ignore_ascii_case("th"));
            let ordinal = suffix.map(|suffix| if suffix.starts_with('T') { Case::Upper } else { Case::Lower });
            if ordinal.is_some() {
                rest = &rest[2..];
            }
            let width = if is_filled { *width } else { 0 };
            pieces.push(Piece::Part { part: *part, width, fill: '0', case, ordinal });
            is_filled = true;
            continue;
        }
        if next.is_ascii_alphabetic() {
            // The whole word, the beginning of which may have been taken for a part.
            let end = pattern.len() - rest.len() + rest.chars().take_while(char::is_ascii_alphabetic).count();
            let word = pattern[..end].rsplit(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or(rest);
            return Err(format!(
                "{word} is not a known part of a time; use YYYY, MM, DD, HH24, MI and SS, and put literal text in \"quotes\""
            ));
        }
        match pieces.last_mut() {
            Some(Piece::Text(own)) => own.push(next),
            _ => pieces.push(Piece::Text(next.to_string())),
        }
        rest = &rest[next.len_utf8()..];
    }
    Ok(Pattern { pieces })
}

const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

fn written(part: Part, width: usize, fill: char, time: NaiveDateTime, zone: Option<Zone<'_>>) -> String {
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
fn written_span(part: Part, width: usize, span: Span) -> Option<String> {
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

/// The parts parsed from a string so far.
#[derive(Debug, Default)]
struct Found {
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
    fn take<'a>(&mut self, part: Part, width: usize, rest: &'a str) -> Result<&'a str, String> {
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

    fn time(&self) -> Result<NaiveDateTime, String> {
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
