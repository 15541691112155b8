//! How names, strings, times and amounts are written: in SQL, and for people.

use std::fmt::Write;

/// A name as an identifier in SQL: `"Customer"`.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string as a literal in SQL: `'it''s'`.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Microseconds since 1970 as `2025-06-30 23:59:59.999999`.
pub fn timestamp(microseconds: i64) -> String {
    match chrono::DateTime::from_timestamp_micros(microseconds) {
        Some(time) => time.format("%Y-%m-%d %H:%M:%S%.6f").to_string(),
        None => microseconds.to_string(),
    }
}

/// A count as people read it: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut written = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written
}

/// Bytes as whole megabytes, rounded up: `12 MB`.
pub fn megabytes(bytes: usize) -> String {
    format!("{} MB", grouped((bytes as u64).div_ceil(1 << 20)))
}

/// A text as a terminal may show it: what would move its cursor, change its colours or turn the direction of writing is written as an
/// escape, `\\u{1b}`. Line breaks and tabs stay.
pub fn printable(text: &str) -> String {
    let is_plain = |letter: char| matches!(letter, '\n' | '\t') || !is_control(letter);
    if text.chars().all(is_plain) {
        return text.to_string();
    }
    text.chars().map(|letter| if is_plain(letter) { letter.to_string() } else { letter.escape_default().to_string() }).collect()
}

/// True for letters that are instructions to who shows them.
pub fn is_control(letter: char) -> bool {
    let turns_writing =
        matches!(letter, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() || turns_writing || matches!(letter, '\u{2028}' | '\u{2029}')
}

/// A kind of thing with its article: `a view`, `an external table`.
pub fn with_article(kind: &str) -> String {
    let mut written = String::from(if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" });
    let _ = write!(written, " {kind}");
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_thousands() {
        for (number, written) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), written);
        }
        assert_eq!(megabytes((12 << 20) + 1), "13 MB");
    }

    #[test]
    fn what_is_shown_gives_a_terminal_no_orders() {
        assert_eq!(printable("客户\t1\n2"), "客户\t1\n2");
        assert_eq!(printable("\u{1b}[31mred\r\u{7f}\u{9b}2J"), "\\u{1b}[31mred\\r\\u{7f}\\u{9b}2J");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(printable("👨\u{200d}👩"), "👨\u{200d}👩", "joiners make one picture of two");
    }

    #[test]
    fn what_is_quoted_can_say_no_sql() {
        assert_eq!((identifier("a\"b").as_str(), literal("it's").as_str()), ("\"a\"\"b\"", "'it''s'"));
    }
}
