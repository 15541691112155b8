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
    Year2,
    IsoYear,
    Month,
    MonthName,
    MonthShort,
    Day,
    DayOfYear,
    Hour24,
    Hour12,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    HalfDay,
    DayName,
    DayShort,
    WeekdayFrom0,
    WeekdayFrom1,
    IsoWeekday,
    IsoWeek,
    WeekOfSundays,
    WeekOfMondays,
    WeekOfYear,
    Quarter,
    Century,
    DayOrdinal,
    Zone,
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
        case: Case,
        ordinal: bool,
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
        use Part::{Hour12, Hour24, Microsecond, Millisecond, Minute, Second};
        let is_time = |part: &Part| matches!(part, Hour12 | Hour24 | Minute | Second | Millisecond | Microsecond);
        self.pieces.iter().any(|piece| matches!(piece, Piece::Part { part, .. } if is_time(part)))
    }

    /// Formats a time.
    pub fn write(&self, time: NaiveDateTime) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(own) => text.push_str(own),
                Piece::Part { part, width, case, ordinal } => {
                    let value = written(*part, *width, time);
                    match case {
                        Case::AsIs => text.push_str(&value),
                        Case::Upper => text.push_str(&value.to_uppercase()),
                        Case::Lower => text.push_str(&value.to_lowercase()),
                    }
                    if *ordinal {
                        text.push_str(ordinal_of(value.trim()));
                    }
                }
            }
        }
        text
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

fn ordinal_of(number: &str) -> &'static str {
    match (number.ends_with("11") || number.ends_with("12") || number.ends_with("13"), number.chars().last()) {
        (false, Some('1')) => "st",
        (false, Some('2')) => "nd",
        (false, Some('3')) => "rd",
        _ => "th",
    }
}

fn piece(part: Part, width: usize) -> Piece {
    Piece::Part { part, width, case: Case::AsIs, ordinal: false }
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
    Ok(Pattern { pieces })
}

fn text(text: &str) -> Piece {
    Piece::Text(text.into())
}

fn c_letter(letter: char, unpadded: bool) -> Option<Vec<Piece>> {
    let width = |digits: usize| if unpadded { 0 } else { digits };
    let one = |part: Part, digits: usize| vec![piece(part, width(digits))];
    Some(match letter {
        'Y' => one(Part::Year, 4),
        'y' => one(Part::Year2, 2),
        'G' => one(Part::IsoYear, 4),
        'm' => one(Part::Month, 2),
        'B' => one(Part::MonthName, 0),
        'b' | 'h' => one(Part::MonthShort, 0),
        'd' => one(Part::Day, 2),
        'e' => one(Part::Day, 0),
        'j' => one(Part::DayOfYear, 3),
        'H' => one(Part::Hour24, 2),
        'k' => one(Part::Hour24, 0),
        'I' => one(Part::Hour12, 2),
        'l' => one(Part::Hour12, 0),
        'M' => one(Part::Minute, 2),
        'S' => one(Part::Second, 2),
        'g' => one(Part::Millisecond, 3),
        'f' => one(Part::Microsecond, 6),
        'p' => one(Part::HalfDay, 0),
        'A' => one(Part::DayName, 0),
        'a' => one(Part::DayShort, 0),
        'w' => one(Part::WeekdayFrom0, 0),
        'u' => one(Part::IsoWeekday, 0),
        'V' => one(Part::IsoWeek, 2),
        'U' => one(Part::WeekOfSundays, 2),
        'W' => one(Part::WeekOfMondays, 2),
        'C' => one(Part::Century, 2),
        'z' | 'Z' => one(Part::Zone, 0),
        'F' => vec![piece(Part::Year, 4), text("-"), piece(Part::Month, 2), text("-"), piece(Part::Day, 2)],
        'x' => vec![piece(Part::Year, 4), text("-"), piece(Part::Month, 2), text("-"), piece(Part::Day, 2)],
        'D' => vec![piece(Part::Month, 2), text("/"), piece(Part::Day, 2), text("/"), piece(Part::Year2, 2)],
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
        'y' => vec![piece(Part::Year2, 2)],
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
        'f' => vec![piece(Part::Microsecond, 6)],
        'p' => vec![piece(Part::HalfDay, 0)],
        'W' => vec![piece(Part::DayName, 0)],
        'a' => vec![piece(Part::DayShort, 0)],
        'w' => vec![piece(Part::WeekdayFrom0, 0)],
        'v' => vec![piece(Part::IsoWeek, 2)],
        'U' => vec![piece(Part::WeekOfSundays, 2)],
        'u' => vec![piece(Part::WeekOfMondays, 2)],
        'T' => time(Part::Hour24),
        'r' => [time(Part::Hour12), vec![text(" "), piece(Part::HalfDay, 0)]].concat(),
        _ => return None,
    })
}

/// PostgreSQL's words, the longest first; the width of a name is that of the longest one.
const WORDS: [(&str, Part, usize); 34] = [
    ("MONTH", Part::MonthName, 9),
    ("HH24", Part::Hour24, 2),
    ("HH12", Part::Hour12, 2),
    ("YYYY", Part::Year, 4),
    ("IYYY", Part::IsoYear, 4),
    ("A.M.", Part::HalfDay, 0),
    ("P.M.", Part::HalfDay, 0),
    ("DDD", Part::DayOfYear, 3),
    ("DAY", Part::DayName, 9),
    ("MON", Part::MonthShort, 0),
    ("FF3", Part::Millisecond, 3),
    ("FF6", Part::Microsecond, 6),
    ("FF9", Part::Microsecond, 6),
    ("DD", Part::Day, 2),
    ("DY", Part::DayShort, 0),
    ("HH", Part::Hour12, 2),
    ("MI", Part::Minute, 2),
    ("MM", Part::Month, 2),
    ("SS", Part::Second, 2),
    ("MS", Part::Millisecond, 3),
    ("US", Part::Microsecond, 6),
    ("FF", Part::Microsecond, 6),
    ("YY", Part::Year2, 2),
    ("IW", Part::IsoWeek, 2),
    ("WW", Part::WeekOfYear, 2),
    ("ID", Part::IsoWeekday, 0),
    ("AM", Part::HalfDay, 0),
    ("PM", Part::HalfDay, 0),
    ("CC", Part::Century, 2),
    ("TZ", Part::Zone, 0),
    ("OF", Part::Zone, 0),
    ("D", Part::WeekdayFrom1, 0),
    ("Q", Part::Quarter, 0),
    ("T", Part::Zone, 0),
];

fn by_words(pattern: &str) -> Result<Pattern, String> {
    let mut pieces: Vec<Piece> = vec![];
    let mut rest = pattern;
    let mut fill = true;
    while let Some(next) = rest.chars().next() {
        if next == '"' {
            let inner = &rest[1..];
            let Some(end) = inner.find('"') else { return Err("a quote is not closed".into()) };
            pieces.push(text(&inner[..end]));
            rest = &inner[end + 1..];
            continue;
        }
        let begins = |word: &str| rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        if begins("FM") {
            fill = false;
            rest = &rest[2..];
            continue;
        }
        // In ISO 8601, T separates the date from the time.
        if next == 'T' && rest[1..].to_uppercase().starts_with("HH24") {
            pieces.push(text("T"));
            rest = &rest[1..];
            continue;
        }
        if let Some((word, part, width)) = WORDS.iter().find(|(word, ..)| *word != "T" && begins(word)) {
            let written = &rest[..word.len()];
            let is_name = matches!(part, Part::MonthName | Part::MonthShort | Part::DayName | Part::DayShort | Part::HalfDay);
            let second = written.chars().nth(1);
            let case = match written.chars().next() {
                Some(first) if is_name && first.is_lowercase() => Case::Lower,
                Some(_) if is_name && second.is_some_and(char::is_uppercase) => Case::Upper,
                _ => Case::AsIs,
            };
            rest = &rest[word.len()..];
            let ordinal = rest.get(..2).is_some_and(|suffix| suffix.eq_ignore_ascii_case("th"));
            if ordinal {
                rest = &rest[2..];
            }
            pieces.push(Piece::Part { part: *part, width: if fill { *width } else { 0 }, case, ordinal });
            fill = true;
            continue;
        }
        if next.is_ascii_alphabetic() {
            let word: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
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

fn written(part: Part, width: usize, time: NaiveDateTime) -> String {
    let weekday = time.weekday().num_days_from_sunday();
    let number = |value: i64| format!("{value:0width$}");
    let name = |name: &str| format!("{name:<width$}");
    let month = MONTHS[time.month0() as usize];
    let day = DAYS[weekday as usize];
    let week = |from: u32| i64::from((time.ordinal() + 6 - (weekday + 7 - from) % 7) / 7);
    match part {
        Part::Year => number(time.year().into()),
        Part::Year2 => number(time.year().rem_euclid(100).into()),
        Part::IsoYear => number(time.iso_week().year().into()),
        Part::Month => number(time.month().into()),
        Part::MonthName => name(month),
        Part::MonthShort => name(&month[..3]),
        Part::Day => number(time.day().into()),
        Part::DayOrdinal => format!("{}{}", time.day(), ordinal_of(&time.day().to_string())),
        Part::DayOfYear => number(time.ordinal().into()),
        Part::Hour24 => number(time.hour().into()),
        Part::Hour12 => number(time.hour12().1.into()),
        Part::Minute => number(time.minute().into()),
        Part::Second => number(time.second().into()),
        Part::Millisecond => number((time.nanosecond() / 1_000_000).into()),
        Part::Microsecond => number((time.nanosecond() / 1_000).into()),
        Part::HalfDay => (if time.hour() < 12 { "AM" } else { "PM" }).into(),
        Part::DayName => name(day),
        Part::DayShort => name(&day[..3]),
        Part::WeekdayFrom0 => number(weekday.into()),
        Part::WeekdayFrom1 => number((weekday + 1).into()),
        Part::IsoWeekday => number(time.weekday().number_from_monday().into()),
        Part::IsoWeek => number(time.iso_week().week().into()),
        Part::WeekOfSundays => number(week(0)),
        Part::WeekOfMondays => number(week(1)),
        Part::WeekOfYear => number((time.ordinal0() / 7 + 1).into()),
        Part::Quarter => number((time.month0() / 3 + 1).into()),
        Part::Century => number(i64::from(time.year() - 1) / 100 + 1),
        Part::Zone => String::new(),
    }
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
            (Part::Year | Part::IsoYear, _) => 4,
            (Part::DayOfYear | Part::Millisecond, _) => 3,
            (Part::Microsecond, _) => 9,
            _ => 2,
        };
        let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let number = || rest[..digits].parse::<u32>().map_err(|_| format!("expected a number at \"{rest}\""));
        let after = &rest[digits..];
        Ok(match part {
            Part::Year | Part::IsoYear => {
                self.year = i32::try_from(number()?).ok();
                after
            }
            Part::Year2 => {
                let year = i32::try_from(number()?).unwrap_or_default();
                self.year = Some(if year < 70 { 2000 + year } else { 1900 + year });
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
            Part::Hour24 | Part::Hour12 => {
                self.hour = Some(number()?);
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
            Part::Millisecond | Part::Microsecond => {
                number()?;
                let fraction = format!("{:0<6}", &rest[..digits.min(6)]);
                self.micros = fraction.parse().ok();
                after
            }
            Part::HalfDay => {
                self.is_afternoon = Some(among(&["AM", "PM"], 0)? == 1);
                &rest[2..]
            }
            Part::DayName | Part::DayShort => {
                let letters = if part == Part::DayShort { 3 } else { 0 };
                let day = among(&DAYS, letters)?;
                &rest[if letters == 0 { DAYS[day].len() } else { letters }..]
            }
            other => return Err(format!("{other:?} cannot read a string")),
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
