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
    fn what_is_quoted_can_say_no_sql() {
        assert_eq!((identifier("a\"b").as_str(), literal("it's").as_str()), ("\"a\"\"b\"", "'it''s'"));
    }
}
