//! Patterns of strings: `9{11}`, `A9`, `中+`, and what kind of value a string looks like.

use std::fmt::Write;

use crate::kernels::cleaning::email::Email;
use crate::kernels::cleaning::id_card::IdCard;

/// The most parts of a pattern; longer ones end with an ellipsis.
const PARTS: usize = 24;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Digit,
    Upper,
    Lower,
    Han,
    Letter,
    Space,
    Other(char),
}

impl Class {
    fn of(letter: char) -> Self {
        match letter {
            '0'..='9' | '０'..='９' => Self::Digit,
            'A'..='Z' => Self::Upper,
            'a'..='z' => Self::Lower,
            '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{20000}'..='\u{2ebef}' | '〇' => Self::Han,
            space if space.is_whitespace() => Self::Space,
            letter if letter.is_alphabetic() => Self::Letter,
            other => Self::Other(other),
        }
    }
}

/// The pattern of a string: `9` for digits and `A` for capital letters, with the length of the run; `a+`, `中+` and `L+` for runs of lower
/// case letters, Chinese characters and other letters; one space for white space; everything else unchanged.
pub fn pattern(text: &str) -> String {
    let mut found = String::new();
    let mut classes = text.chars().map(Class::of).peekable();
    let mut parts = 0;
    while let Some(class) = classes.next() {
        if parts == PARTS {
            found.push('…');
            break;
        }
        parts += 1;
        let mut run = 1;
        if !matches!(class, Class::Other(_)) {
            while classes.next_if_eq(&class).is_some() {
                run += 1;
            }
        }
        match class {
            Class::Digit | Class::Upper => {
                found.push(if class == Class::Digit { '9' } else { 'A' });
                if run > 1 {
                    let _ = write!(found, "{{{run}}}");
                }
            }
            Class::Lower => found.push_str("a+"),
            Class::Han => found.push_str("中+"),
            Class::Letter => found.push_str("L+"),
            Class::Space => found.push(' '),
            Class::Other(letter) => found.push(letter),
        }
    }
    found
}

/// The kind of value that a string looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Looks {
    Phone,
    Email,
    /// A Chinese identity card number with a correct check digit.
    IdCard,
    Date,
    Number,
    Uuid,
}

impl Looks {
    /// All kinds, in the order of precedence.
    pub const ALL: [Self; 6] = [Self::Phone, Self::Email, Self::IdCard, Self::Date, Self::Number, Self::Uuid];

    pub fn name(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Email => "e-mail",
            Self::IdCard => "id card",
            Self::Date => "date",
            Self::Number => "number",
            Self::Uuid => "uuid",
        }
    }

    /// True for kinds that have a single pattern in clean data.
    pub fn has_one_form(self) -> bool {
        matches!(self, Self::Phone | Self::Date)
    }

    /// The kind that a string looks like, if any.
    pub fn of(text: &str) -> Option<Self> {
        let text: String = text.trim().chars().map(half_width).collect();
        if text.is_empty() || text.len() > 100 {
            return None;
        }
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        if text.contains('@') && Email::read(&text).is_ok() {
            Some(Self::Email)
        } else if digits == 0 {
            None
        } else if text.len() == 18 && IdCard::read(&text).is_ok() {
            Some(Self::IdCard)
        } else if is_date(&text) {
            Some(Self::Date)
        } else if is_phone(&text, digits) {
            Some(Self::Phone)
        } else if is_uuid(&text) {
            Some(Self::Uuid)
        } else if is_number(&text) {
            Some(Self::Number)
        } else {
            None
        }
    }
}

/// Converts full-width digits, letters and punctuation, which are common in Chinese text, to ASCII.
fn half_width(letter: char) -> char {
    match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(letter as u32 - 0xfee0).unwrap_or(letter),
        '\u{3000}' => ' ',
        other => other,
    }
}

/// True for eight digits that are a date, year first.
fn is_calendar_day(digits: &str) -> bool {
    let part = |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse::<u32>().ok()).unwrap_or(0);
    digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit()) && is_day(part(0, 4), part(4, 6), part(6, 8))
}

fn is_day(year: u32, month: u32, day: u32) -> bool {
    (1900..=2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)
}

fn is_date(text: &str) -> bool {
    if text.len() == 8 && is_calendar_day(text) {
        return true;
    }
    // Three numbers with separators, possibly followed by a time.
    let day = text.split(['T', ' ']).next().unwrap_or_default();
    let rest = &text[day.len()..];
    if !rest.chars().all(|letter| letter.is_ascii_digit() || "T:. Z+-".contains(letter)) {
        return false;
    }
    let day = day.trim_end_matches('日');
    let mut parts = day.split(['-', '/', '.', '年', '月']);
    let mut part = || parts.next().filter(|part| (1..=4).contains(&part.len())).and_then(|part| part.parse::<u32>().ok());
    let (Some(first), Some(second), Some(third), None) = (part(), part(), part(), part()) else { return false };
    is_day(first, second, third) || is_day(third, second, first) || is_day(third, first, second)
}

fn is_phone(text: &str, digits: usize) -> bool {
    if !text.chars().all(|letter| letter.is_ascii_digit() || " -().+".contains(letter))
        || text.get(1..).is_some_and(|rest| rest.contains('+'))
    {
        return false;
    }
    let number: String = text.chars().filter(char::is_ascii_digit).collect();
    let is_mobile = |number: &str| number.len() == 11 && number.starts_with('1') && matches!(number.as_bytes()[1], b'3'..=b'9');
    let own = ["0086", "86"].iter().find_map(|prefix| number.strip_prefix(prefix)).unwrap_or(&number);
    is_mobile(own)
        || (text.starts_with('+') && (8..=15).contains(&digits))
        || (number.starts_with('0') && (10..=12).contains(&digits) && text.contains('-'))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text
            .bytes()
            .enumerate()
            .all(|(place, byte)| if matches!(place, 8 | 13 | 18 | 23) { byte == b'-' } else { byte.is_ascii_hexdigit() })
}

fn is_number(text: &str) -> bool {
    let text = text.trim_start_matches(['+', '-', '¥', '$', '€', '£', '￥']).trim_end_matches('%');
    text.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && text.chars().all(|letter| letter.is_ascii_digit() || letter == '.' || letter == ',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_tell_the_form() {
        for (text, form) in [
            ("13800138000", "9{11}"),
            ("A7", "A9"),
            ("SKU-0042", "A{3}-9{4}"),
            ("user12@example.com", "a+9{2}@a+.a+"),
            ("欧阳子涵", "中+"),
            ("王 Anna", "中+ Aa+"),
            ("2024年1月5日", "9{4}中+9中+9中+"),
            ("Ünal　x", "L+a+ a+"),
            ("", ""),
        ] {
            assert_eq!(pattern(text), form, "{text}");
        }
        assert_eq!(pattern(&"a-".repeat(100)), format!("{}…", "a+-".repeat(12)));
    }

    #[test]
    fn looks_are_recognized() {
        for (text, look) in [
            ("13800138000", Some(Looks::Phone)),
            ("+86 138-0013-8000", Some(Looks::Phone)),
            ("１３８００１３８０００", Some(Looks::Phone)),
            ("010-65123456", Some(Looks::Phone)),
            ("+65 81234567", Some(Looks::Phone)),
            ("12345678901", Some(Looks::Number)),
            ("user@example.com", Some(Looks::Email)),
            ("user@example", None),
            ("11010519491231002X", Some(Looks::IdCard)),
            ("110105194912310021", Some(Looks::Number)),
            ("2024-01-05", Some(Looks::Date)),
            ("2024年1月5日", Some(Looks::Date)),
            ("05/01/2024 10:30", Some(Looks::Date)),
            ("20240105", Some(Looks::Date)),
            ("20241305", Some(Looks::Number)),
            ("1,234.50", Some(Looks::Number)),
            ("-12%", Some(Looks::Number)),
            ("123e4567-e89b-12d3-a456-426614174000", Some(Looks::Uuid)),
            ("hello", None),
            ("", None),
            ("a@b@c", None),
        ] {
            assert_eq!(Looks::of(text), look, "{text}");
        }
    }
}
