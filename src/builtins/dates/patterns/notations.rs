//! What the letters and words of each notation mean.

use super::{Case, Part, Pattern, Piece};

fn piece(part: Part, width: usize) -> Piece {
    Piece::Part { part, width, fill: '0', case: Case::AsIs, ordinal: None }
}

/// The meaning of a letter: parts and literal text.
type Letter = fn(char, bool) -> Option<Vec<Piece>>;

pub(super) fn by_percent(pattern: &str, letter: Letter) -> Result<Pattern, String> {
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
    // `YYYY-MM-DD` is a pattern of another function; it would be written unchanged.
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

pub(super) fn c_letter(letter: char, unpadded: bool) -> Option<Vec<Piece>> {
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

pub(super) fn mysql_letter(letter: char, _: bool) -> Option<Vec<Piece>> {
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

pub(super) fn by_words(pattern: &str) -> Result<Pattern, String> {
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
