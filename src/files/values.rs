//! Classifies strings by type, and tells whether the type would preserve them.
//!
//! A column is a number, a date or a timestamp only if its strings could be recovered from the values: `007` is a card number, not 7, `+49
//! 171 …` is a telephone number, and 18 digits are an identifier. In doubt a column stays text: a query can CAST text, but nothing can
//! undo a wrong conversion.

use datafusion::arrow::datatypes::{DataType, TimeUnit};

use super::times::{Time, time};

/// The most digits of an integer that is taken for a number. Every program preserves that many, even those that compute in doubles.
const MOST_DIGITS: usize = 15;

/// The narrowest type that a string can be parsed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Boolean,
    Integer,
    /// A number with a decimal point or an exponent.
    Number,
    Date,
    /// A timestamp without offset.
    Time,
    /// A timestamp with an offset from UTC, in minutes.
    Instant(i32),
    Text,
}

/// The notation of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Numbers {
    /// The decimal sign, if it is not a point.
    pub decimal: Option<u8>,
    /// The sign between groups of three digits.
    pub thousands: Option<u8>,
    /// Currency signs before or after the number are ignored.
    pub currency: bool,
    /// `12%` means 0.12.
    pub percent: bool,
    /// `(300)` means -300.
    pub parentheses: bool,
}

impl Numbers {
    /// True for the notation that programs use.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// The class of a non-empty string.
pub fn class(text: &[u8], numbers: &Numbers) -> Class {
    let first = text.first().copied().unwrap_or_default();
    if first.is_ascii_digit() || first == b'-' || first == b'.' {
        if !numbers.is_plain() {
            return written_number(text, numbers).map_or_else(|| time_class(text), |number| plain_class(&number));
        }
        return match plain_class(text) {
            Class::Text => time_class(text),
            class => class,
        };
    }
    if matches!(first, b't' | b'T' | b'f' | b'F') && boolean(text).is_some() {
        return Class::Boolean;
    }
    if !numbers.is_plain()
        && let Some(number) = written_number(text, numbers)
    {
        return plain_class(&number);
    }
    Class::Text
}

/// Parses `true` and `false` in lower case, upper case, or with a capital letter.
pub fn boolean(text: &[u8]) -> Option<bool> {
    match text {
        b"true" | b"True" | b"TRUE" => Some(true),
        b"false" | b"False" | b"FALSE" => Some(false),
        _ => None,
    }
}

/// Parses a boolean as programs and people write it, for columns that are declared BOOLEAN.
pub fn any_boolean(text: &[u8]) -> Option<bool> {
    match text.to_ascii_lowercase().as_slice() {
        b"true" | b"t" | b"yes" | b"y" | b"on" | b"1" => Some(true),
        b"false" | b"f" | b"no" | b"n" | b"off" | b"0" => Some(false),
        _ => None,
    }
}

/// The class of a number in plain notation.
fn plain_class(text: &[u8]) -> Class {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let has_leading_zero = whole > 1 && digits[0] == b'0';
    if has_leading_zero {
        return Class::Text;
    }
    let rest = &digits[whole..];
    if rest.is_empty() {
        let is_zero = text == b"-0";
        return if whole == 0 || whole > MOST_DIGITS || is_zero { Class::Text } else { Class::Integer };
    }
    let (fraction, rest) = match rest.strip_prefix(b".") {
        Some(rest) => {
            let fraction = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            (Some(fraction), &rest[fraction..])
        }
        None => (None, rest),
    };
    let is_number = match rest {
        [] => true,
        // `1E5` may be a product code. Programs that write doubles include a decimal point, or a sign in the exponent.
        [b'e' | b'E', b'+' | b'-', digits @ ..] => is_digits(digits),
        [b'e' | b'E', digits @ ..] => fraction.is_some() && is_digits(digits),
        _ => false,
    };
    let has_digits = whole + fraction.unwrap_or(0) > 0;
    if is_number && has_digits && is_kept_by_double(text) { Class::Number } else { Class::Text }
}

/// True when the double nearest to a number has its digits: `0.30000000000000004` does, `1234567890123456.7` and `1e400` do not.
pub fn is_kept_by_double(text: &[u8]) -> bool {
    if text.len() <= MOST_DIGITS && !text.iter().any(|byte| matches!(byte, b'e' | b'E')) {
        return true;
    }
    let number = significant(text);
    let count = number.0.len();
    // No double has more digits that are its own.
    if count == 0 || count > 17 {
        return count == 0;
    }
    let Some(value) = double(text) else { return false };
    // Programs write as few digits as will do, or a fixed number of them; the two may round the last one differently.
    let rest = count - 1;
    [format!("{value:e}"), format!("{value:.rest$e}")].iter().any(|written| significant(written.as_bytes()) == number)
}

/// The digits of a number from the first to the last that is not 0, and the power of ten of the first.
fn significant(text: &[u8]) -> (Vec<u8>, i64) {
    let end = text.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(text.len());
    let (mantissa, exponent) = (&text[..end], text.get(end + 1..).unwrap_or(b"0"));
    // All doubles and decimals are well within.
    let exponent = integer(exponent).unwrap_or(i64::MAX).clamp(-100_000, 100_000);
    let is_significant = |byte: &u8| (b'1'..=b'9').contains(byte);
    let (Some(first), Some(last)) = (mantissa.iter().position(is_significant), mantissa.iter().rposition(is_significant)) else {
        return (vec![], 0);
    };
    let point = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len());
    let power = point as i64 - first as i64 - i64::from(first < point);
    (mantissa[first..=last].iter().filter(|byte| **byte != b'.').copied().collect(), power + exponent)
}

/// True for a text that CAST takes for the value it means. It rounds decimals, makes `1e40` infinite as REAL, and gives numbers alone a unit:
/// `5` as INTERVAL is five months.
pub fn is_cast_faithfully(text: &str, data_type: &DataType) -> bool {
    match data_type {
        DataType::Time32(_) | DataType::Time64(_) | DataType::Interval(_) | DataType::Duration(_) => text.parse::<f64>().is_err(),
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => {
            let (digits, power) = significant(text.as_bytes());
            digits.is_empty() || digits.len() as i64 - 1 - power <= i64::from(*scale)
        }
        real if real.is_floating() => {
            text.parse::<f32>().is_ok_and(f32::is_finite) || !text.bytes().any(|byte| byte.is_ascii_digit())
        }
        _ => true,
    }
}

/// What to write where a text is not a value of the declared type.
pub fn what_to_declare(text: &[u8], data_type: &DataType) -> &'static str {
    match (data_type, time(text)) {
        (DataType::Timestamp(_, None), Some(Time { offset: Some(_), .. })) => {
            "declare TIMESTAMP WITH TIME ZONE, because of the offset"
        }
        (DataType::Timestamp(TimeUnit::Nanosecond, None), Some(_)) => {
            "declare TIMESTAMP(6), because nanoseconds only reach from 1677 to 2262"
        }
        (DataType::Timestamp(TimeUnit::Nanosecond, Some(_)), Some(_)) => {
            "declare TIMESTAMP(6) WITH TIME ZONE, because nanoseconds only reach from 1677 to 2262"
        }
        (DataType::Date32, None) if is_year_first(text) => "declare VARCHAR, and convert it with parse_date(…)",
        (DataType::Timestamp(_, _), None) if is_year_first(text) => {
            "declare VARCHAR, and convert it with strptime(…, '%Y/%m/%d %H:%M'), in the form of these times"
        }
        (DataType::Date32 | DataType::Timestamp(_, _), None) if is_written_date(text) => {
            "declare VARCHAR, and convert it with parse_date(…, order => 'dmy'), or 'mdy'"
        }
        _ => "declare another type, or see misfits => 'skip' or 'null'",
    }
}

/// True for a text such as `2025/6/1`, `2025-6-1`, `2025年6月1日` or `20250601`, with a time of day or without.
fn is_year_first(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let date = text.split(' ').next().unwrap_or_default();
    let parts: Vec<&str> = date.split(['.', '/', '-', '年', '月', '日']).filter(|part| !part.is_empty()).collect();
    let are_digits = parts.iter().all(|part| is_digits(part.as_bytes()));
    are_digits
        && match parts.as_slice() {
            // Two digits after hyphens are the usual form, of a day that there is not.
            [year, month, day] => {
                let digits = (month.len(), day.len());
                year.len() == 4 && digits.0 <= 2 && digits.1 <= 2 && !(date.contains('-') && digits == (2, 2))
            }
            [date] => date.len() == 8 && (date.starts_with("19") || date.starts_with("20")),
            _ => false,
        }
}

/// True for a text such as `31.12.2025` or `12/31/2025`.
fn is_written_date(text: &[u8]) -> bool {
    let marks = text.iter().filter(|byte| matches!(byte, b'.' | b'/')).count();
    marks == 2 && text.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'/'))
}

/// True for a text that may be a number with signs that options name, such as `1.234,56`, `12 %` or `$5`.
pub fn is_written_number(text: &str, data_type: &DataType) -> bool {
    let is_sign = |letter: char| matches!(letter, ',' | '\'' | ' ' | '%' | '(' | '$') || !letter.is_ascii();
    data_type.is_numeric() && text.bytes().any(|byte| byte.is_ascii_digit()) && text.contains(is_sign)
}

fn is_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

fn time_class(text: &[u8]) -> Class {
    match time(text) {
        Some(Time { of_day: None, .. }) => Class::Date,
        Some(Time { offset: None, digits, .. }) if digits <= 6 => Class::Time,
        Some(Time { offset: Some(offset), digits, .. }) if digits <= 6 => Class::Instant(offset),
        _ => Class::Text,
    }
}

/// Rewrites a number from the given notation to the plain one; `None` if it is not a number. A percentage gets the suffix `e-2`.
pub fn written_number(text: &[u8], numbers: &Numbers) -> Option<Vec<u8>> {
    let mut text = std::str::from_utf8(text).ok()?.trim();
    let mut is_negative = false;
    if numbers.parentheses
        && let Some(inner) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'))
    {
        (text, is_negative) = (inner.trim(), true);
    }
    if let Some(rest) = text.strip_prefix('-').or_else(|| text.strip_prefix('−')) {
        if is_negative {
            return None;
        }
        (text, is_negative) = (rest.trim_start(), true);
    }
    if numbers.currency {
        let is_sign = |sign: char| matches!(sign, '¥' | '￥' | '$' | '€' | '£' | '元' | '₩' | '₽' | '₹');
        let without = text.trim_start_matches(is_sign).trim_end_matches(is_sign);
        let codes = ["CNY", "RMB", "USD", "EUR", "GBP", "JPY", "HKD", "TWD", "CHF"];
        let without =
            codes.iter().find_map(|code| without.strip_prefix(code).or_else(|| without.strip_suffix(code))).unwrap_or(without);
        text = without.trim();
    }
    // The minus sign may also follow the currency: `$-5` and `¥ -5`.
    if !is_negative && let Some(rest) = text.strip_prefix('-') {
        (text, is_negative) = (rest, true);
    }
    let mut is_percent = false;
    if numbers.percent
        && let Some(rest) = text.strip_suffix('%').or_else(|| text.strip_suffix('％'))
    {
        (text, is_percent) = (rest.trim_end(), true);
    }
    let decimal = numbers.decimal.unwrap_or(b'.');
    let mut plain = Vec::with_capacity(text.len() + 1);
    if is_negative {
        plain.push(b'-');
    }
    // Spreadsheets write spaces that do not break lines between groups of digits.
    let spaced = (numbers.thousands == Some(b' ')).then(|| text.replace(['\u{a0}', '\u{202f}', '\u{2009}'], " "));
    let bytes = spaced.as_deref().unwrap_or(text).as_bytes();
    let whole = bytes.iter().position(|byte| *byte == decimal).unwrap_or(bytes.len());
    let groups: Vec<&[u8]> = match numbers.thousands {
        Some(thousands) => bytes[..whole].split(|byte| *byte == thousands).collect(),
        None => vec![&bytes[..whole]],
    };
    let is_grouped = groups.len() > 1;
    let fits = groups
        .iter()
        .enumerate()
        .all(|(place, group)| is_digits(group) && (!is_grouped || if place == 0 { group.len() <= 3 } else { group.len() == 3 }));
    let has_whole = whole > 0 && fits;
    let fraction = bytes.get(whole + 1..).unwrap_or_default();
    if !has_whole && (whole > 0 || fraction.is_empty()) || !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    plain.extend(groups.concat());
    if whole < bytes.len() {
        plain.push(b'.');
        plain.extend(fraction);
    }
    if is_percent {
        plain.extend(b"e-2");
    }
    Some(plain)
}

/// Parses an integer; `None` if it is not one or does not fit into 64 bits.
pub fn integer(text: &[u8]) -> Option<i64> {
    let (digits, is_negative) = match text {
        [b'-', digits @ ..] => (digits, true),
        [b'+', digits @ ..] => (digits, false),
        digits => (digits, false),
    };
    if digits.is_empty() {
        return None;
    }
    // Up to 18 digits always fit.
    if digits.len() <= 18 {
        let mut number = 0_i64;
        for digit in digits {
            let digit = digit.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            number = number * 10 + i64::from(digit);
        }
        return Some(if is_negative { -number } else { number });
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Parses an integer from which its text can be had back: without `+` and leading zeros.
pub fn sure_integer(text: &[u8]) -> Option<i64> {
    match text {
        [b'+', ..] | [b'0', _, ..] | [b'-', b'0', ..] => None,
        text => integer(text),
    }
}

/// Parses a number that a column of guessed doubles may have: with the digits that a double keeps, and without leading zeros.
pub fn sure_double(text: &[u8]) -> Option<f64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let is_short = text.len() <= MOST_DIGITS && matches!(digits.first(), Some(b'1'..=b'9'));
    let is_sure = is_short && digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    if is_sure || plain_class(text) != Class::Text { double(text) } else { None }
}

/// Parses the double nearest to the number; `None` if it is not a number, or beyond all doubles.
pub fn double(text: &[u8]) -> Option<f64> {
    // Integers of up to 15 digits and powers of ten up to 10²² are exact as doubles, so their quotient is rounded only once, correctly.
    const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if (1..=16).contains(&digits.len()) && digits[0] != b'.' {
        let (mut number, mut after, mut has_point) = (0_u64, 0, false);
        let is_plain = digits.iter().all(|byte| {
            let digit = byte.wrapping_sub(b'0');
            if digit <= 9 {
                number = number * 10 + u64::from(digit);
                after += usize::from(has_point);
                return true;
            }
            let is_point = *byte == b'.' && !has_point;
            has_point = true;
            is_point
        });
        if is_plain && (has_point || digits.len() < 16) && (!has_point || after > 0) {
            let value = number as f64 / POWERS[after];
            return Some(if digits.len() < text.len() { -value } else { value });
        }
    }
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    // `inf` is meant, `1e400` is not infinite.
    (value.is_finite() || !text.iter().any(u8::is_ascii_digit)).then_some(value)
}

/// Parses a decimal in units of its last digit; `None` when it does not fit exactly.
pub fn decimal(text: &[u8], precision: u8, scale: usize) -> Option<i128> {
    let (text, exponent) = match text.strip_suffix(b"e-2") {
        Some(text) => (text, 2),
        None => (text, 0),
    };
    let (digits, is_negative) = match text {
        [b'-', digits @ ..] => (digits, true),
        [b'+', digits @ ..] => (digits, false),
        digits => (digits, false),
    };
    let point = digits.iter().position(|byte| *byte == b'.').unwrap_or(digits.len());
    let (whole, fraction) = (&digits[..point], digits.get(point + 1..).unwrap_or_default());
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0_i128;
    for digit in whole.iter().chain(fraction) {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i128::from(digit))?;
    }
    let after = fraction.len() + exponent;
    let value = if after <= scale {
        value.checked_mul(10_i128.checked_pow(u32::try_from(scale - after).ok()?)?)?
    } else {
        let unit = 10_i128.checked_pow(u32::try_from(after - scale).ok()?)?;
        if value % unit != 0 {
            return None;
        }
        value / unit
    };
    let limit = 10_i128.checked_pow(u32::from(precision))?;
    (value < limit).then_some(if is_negative { -value } else { value })
}

/// The Arrow type for a guess.
pub fn guessed_type(guess: Guess) -> DataType {
    let zone = |offset: i32| {
        let (sign, minutes) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
        format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    };
    match guess {
        Guess::Boolean => DataType::Boolean,
        Guess::Integer => DataType::Int64,
        Guess::Number => DataType::Float64,
        Guess::Date => DataType::Date32,
        Guess::Time => DataType::Timestamp(TimeUnit::Microsecond, None),
        Guess::Instant(offset) => DataType::Timestamp(TimeUnit::Microsecond, Some(zone(offset.unwrap_or(0)).into())),
        Guess::Text => DataType::Utf8View,
    }
}

/// The classes that were seen in a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    boolean: bool,
    integer: bool,
    number: bool,
    date: bool,
    time: bool,
    instant: bool,
    text: bool,
    /// The offset of the first instant.
    offset: Option<i32>,
    offsets_differ: bool,
}

/// The type inferred for a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guess {
    Boolean,
    Integer,
    Number,
    Date,
    Time,
    /// The offset in minutes east of UTC, if all instants have the same one.
    Instant(Option<i32>),
    Text,
}

impl Seen {
    /// Adds a class.
    pub fn add(&mut self, class: Class) {
        match class {
            Class::Boolean => self.boolean = true,
            Class::Integer => self.integer = true,
            Class::Number => self.number = true,
            Class::Date => self.date = true,
            Class::Time => self.time = true,
            Class::Instant(offset) => {
                self.instant = true;
                let first = *self.offset.get_or_insert(offset);
                self.offsets_differ |= first != offset;
            }
            Class::Text => self.text = true,
        }
    }

    /// Adds the classes that were seen elsewhere.
    pub fn merge(&mut self, other: &Self) {
        let offset = (self.offset, other.offset);
        self.offsets_differ |= other.offsets_differ || matches!(offset, (Some(own), Some(other)) if own != other);
        self.offset = self.offset.or(other.offset);
        self.boolean |= other.boolean;
        self.integer |= other.integer;
        self.number |= other.number;
        self.date |= other.date;
        self.time |= other.time;
        self.instant |= other.instant;
        self.text |= other.text;
    }

    /// The narrowest type that can hold all values; text for an empty column.
    pub fn guess(&self) -> Guess {
        let kinds = [self.boolean, self.integer || self.number, self.date || self.time, self.instant];
        if self.text || kinds.iter().filter(|seen| **seen).count() != 1 {
            return Guess::Text;
        }
        match () {
            () if self.boolean => Guess::Boolean,
            () if self.number => Guess::Number,
            () if self.integer => Guess::Integer,
            () if self.time => Guess::Time,
            () if self.date => Guess::Date,
            () => Guess::Instant(self.offset.filter(|_| !self.offsets_differ)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_doubles_when_their_digits_are_kept() {
        let kept = [
            "0.1",
            "-1.50",
            "0.30000000000000004",
            "0.10000000000000001",
            "0.00012345678901234567",
            "1.7976931348623157e+308",
            "5.0e-324",
            "000000000000000000.000",
            "1.500000000000000000e+00",
        ];
        for text in kept {
            assert!(is_kept_by_double(text.as_bytes()), "{text}");
        }
        let lost = ["1234567890123456.7", "0.1234567890123456789", "9007199254740993", "1.5e400", "1.0e-400", "1.5e99999999999"];
        for text in lost {
            assert!(!is_kept_by_double(text.as_bytes()), "{text}");
        }
        let mut state = 7_u64;
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let value = f64::from_bits(state);
            for text in [format!("{value}"), format!("{value:e}"), format!("{value:.16e}")] {
                assert!(!value.is_finite() || is_kept_by_double(text.as_bytes()), "{text}");
            }
        }
    }

    #[test]
    fn numbers_are_cast_where_that_keeps_them() {
        let cents = DataType::Decimal256(40, 2);
        for (text, data_type, is_kept) in [
            ("1.25", &cents, true),
            ("1.250", &cents, true),
            ("125e-2", &cents, true),
            ("0", &cents, true),
            ("1.005", &cents, false),
            ("1030", &DataType::Time64(TimeUnit::Nanosecond), false),
            ("10:30", &DataType::Time64(TimeUnit::Nanosecond), true),
            ("5", &DataType::Duration(TimeUnit::Second), false),
            ("1e40", &DataType::Float32, false),
            ("inf", &DataType::Float32, true),
        ] {
            assert_eq!(is_cast_faithfully(text, data_type), is_kept, "{text} {data_type}");
        }
    }

    #[test]
    fn dates_with_the_year_first_are_known() {
        for text in ["2025/6/1", "2025-6-01", "2025年6月1日", "20250601", "2025.06.01", "2025/6/1 9:05"] {
            assert!(is_year_first(text.as_bytes()), "{text}");
        }
        for text in ["31.12.2025", "12/31/2025", "2025-02-30", "2025", "12345678", "x", "", "2025/6", "2025/123/1"] {
            assert!(!is_year_first(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn doubles_are_the_nearest() {
        let mut state = 7_u64;
        let mut texts: Vec<String> =
            ["0", "-0", "1.", ".5", "-.5", "1e5", "0.1", "9007199254740993", "999999999999999.9", "1.5.2", "", "-", "1,5"]
                .map(String::from)
                .into();
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let digits = format!("{:018}", (state >> 3) % 1_000_000_000_000_000_000);
            let (whole, fraction) = ((state >> 40) as usize % 9, (state >> 50) as usize % 9);
            texts.push(format!(
                "{}{}.{}",
                if state & 1 == 0 { "-" } else { "" },
                &digits[..whole],
                &digits[whole..whole + fraction]
            ));
            texts.push(digits[..(whole + fraction).max(1)].to_string());
        }
        for text in texts {
            assert_eq!(double(text.as_bytes()).map(f64::to_bits), text.parse::<f64>().ok().map(f64::to_bits), "{text}");
        }
    }
}
