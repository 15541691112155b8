//! What the engine says of values that do not fit a type: of casts, of texts that are read as numbers and times, and of results that are
//! too large. The type is the subject, because a value is also converted where no CAST is written, as in `day = 'yesterday'`.

use super::known::parts;

const OTHER_FORMS: &str = "TRY_CAST gives NULL, parse_number(…) reads other forms";
const WIDER: &str = "a wider type holds it, such as DECIMAL(38, 0) or DOUBLE";
const MORE_DIGITS: &str = "a type of more digits holds it, such as DECIMAL(38, 2), or DOUBLE";
const A_TIME: &str = "a time is written 2024-12-31 16:30:00; strptime(…, '%d.%m.%Y %H:%M') reads other forms";
const ENDLESS: &str = "times have no infinity; write NULL, or a far day such as 9999-12-31";
const A_SPAN: &str = "write INTERVAL '2 days', or INTERVAL '1 month 3 hours'";

/// The text of an error that is known here, without the kind of error before it.
pub fn translated(text: &str) -> Option<String> {
    of_texts(text).or_else(|| of_times(text)).or_else(|| of_spans(text)).or_else(|| of_numbers(text)).or_else(|| of_types(text))
}

/// Texts that do not read as what they are cast to.
fn of_texts(text: &str) -> Option<String> {
    if let Some(found) = parts(text, ["Cannot cast value '", "' to value of Boolean type"]) {
        return Some(format!("BOOLEAN: '{}' is neither true nor false; write a condition, such as x = 'yes'", found[0]));
    }
    // The engine names its widest decimal, not the one that is wanted.
    if let Some(found) = parts(text, ["Cannot cast string '", "' to value of Decimal", ""]) {
        return Some(of_decimal(found[0]));
    }
    let of_decimals = parts(text, ["can't parse the string value ", " to decimal"])
        .or_else(|| parts(text, ["Invalid decimal format: \"", "\""]))
        .or_else(|| parts(text, ["Cannot parse decimal format: ", ""]));
    if let Some(found) = of_decimals {
        return Some(of_decimal(found[0]));
    }
    if let Some(found) = parts(text, ["Failed to parse '", "' as time"]) {
        return Some(format!("TIME: '{}' is not a time of day, such as 16:30:00", found[0]));
    }
    if let Some(found) = parts(text, ["Failed to decode value using hex: Invalid character '", "' at position "]) {
        return Some(format!("decode: '{}' is not a hexadecimal digit", found[0]));
    }
    let found = parts(text, ["Cannot cast string '", "' to value of ", " type"])?;
    let (value, name) = (found[0], found[1]);
    let digits = value.trim().trim_start_matches(['+', '-']);
    Some(match name {
        "Date32" | "Date64" => format!("DATE: '{value}' is not a date; {}", of_date(value)),
        "Float16" | "Float32" | "Float64" => format!("{name}: '{value}' is not a number; {OTHER_FORMS}"),
        _ if name.starts_with("Time32") || name.starts_with("Time64") => {
            format!("TIME: '{value}' is not a time of day, such as 16:30:00")
        }
        _ if name.starts_with("Timestamp") => format!("{name}: '{value}' is not a date and a time; {}", of_time(value)),
        _ if !["Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"].contains(&name) => {
            format!("{name}: '{value}' cannot be read as this type")
        }
        _ if !digits.is_empty() && digits.bytes().all(|letter| letter.is_ascii_digit()) => {
            format!("{name}: {value} is out of its range; {WIDER}")
        }
        _ if value.parse::<chrono::NaiveDate>().is_ok() => format!(
            "{name}: '{value}' is not a whole number; where days are written as 20250308, compare parse_date(…) with DATE '{value}'"
        ),
        _ => format!("{name}: '{value}' is not a whole number; {OTHER_FORMS}"),
    })
}

/// A text that is no decimal, or one with more digits than any decimal has.
fn of_decimal(value: &str) -> String {
    let digits = value.trim().trim_start_matches(['+', '-']);
    let is_number = digits.bytes().all(|letter| letter.is_ascii_digit() || letter == b'.') && digits.matches('.').count() < 2;
    match is_number && digits.len() > MOST_DIGITS {
        true => too_long(value.trim()),
        false => format!("DECIMAL: '{value}' is not a number; {OTHER_FORMS}"),
    }
}

fn too_long(number: &str) -> String {
    format!("DECIMAL: {number} has too many digits; CAST to DOUBLE")
}

/// The digits of the widest decimal that texts are read as.
const MOST_DIGITS: usize = 38;

/// PostgreSQL's words for the ends of time.
fn is_endless(value: &str) -> bool {
    let word = value.trim().trim_start_matches(['+', '-']);
    ["infinity", "inf"].iter().any(|endless| word.eq_ignore_ascii_case(endless))
}

/// What to write for a text that is no time.
fn of_time(value: &str) -> &'static str {
    match () {
        () if is_endless(value) => ENDLESS,
        // A day without a time of day, which is the midnight before it.
        () if numbers_of_date(value).len() == 3 => of_date(value),
        () => A_TIME,
    }
}

/// The numbers of a text such as `31.12.2025`, as far as it is made of numbers.
fn numbers_of_date(value: &str) -> Vec<u32> {
    value.split(['.', '/', '-']).map_while(|number| number.trim().parse().ok()).collect()
}

/// What to write for a text that is a date in another form than SQL's.
fn of_date(value: &str) -> &'static str {
    if is_endless(value) {
        return ENDLESS;
    }
    match numbers_of_date(value).as_slice() {
        [1..=12, 13..=31, _] => "write parse_date(…, order => 'mdy')",
        [13..=31, 1..=12, _] => "write parse_date(…, order => 'dmy')",
        [1..=12, 1..=12, _] => "write parse_date(…, order => 'dmy'), or 'mdy' where the month comes first",
        _ => "a date is written 2024-12-31; parse_date(…) reads other forms",
    }
}

fn of_times(text: &str) -> Option<String> {
    if let Some(found) = parts(text, ["Error parsing timestamp from '", "': "]) {
        return Some(format!("TIMESTAMP: '{}' is not a date and a time; {}", found[0], of_time(found[0])));
    }
    if let Some(found) = parts(text, ["Invalid timezone \"", "\": "]) {
        return Some(format!(
            "TIMESTAMP: '{}' is not a time zone; write a name such as 'Asia/Shanghai', or an offset such as '+08:00'",
            found[0]
        ));
    }
    if text == "Unable to cast to Date32 for converting from i64 to i32 failed" {
        return Some("to_date: a date is written 2024-12-31; write to_date(…, 'DD.MM.YYYY'), or parse_date(…)".into());
    }
    if text.ends_with("Timestamp out of range") {
        return Some("TIMESTAMP: the result is out of range; times in nanoseconds are between the years 1677 and 2262".into());
    }
    let in_nanoseconds = text.starts_with("Overflow converting ") && text.contains(" to Nanosecond")
        || text.contains(" to Timestamp(ns") && text.ends_with("converted value exceeds the representable i64 range");
    if in_nanoseconds {
        return Some("TIMESTAMP: nanoseconds only reach from 1677 to 2262; write TIMESTAMP(6), which keeps microseconds".into());
    }
    if text.starts_with("Overflow converting ") {
        return Some("TIMESTAMP: the time is out of the range of its type".into());
    }
    None
}

fn of_spans(text: &str) -> Option<String> {
    if let Some(found) = parts(text, ["Invalid input syntax for type interval: \"", "\". Repeated type '", "'"]) {
        return Some(format!("INTERVAL: '{}' names {} twice; add them up", found[0], found[1]));
    }
    if let Some(found) = parts(text, ["Invalid input syntax for type interval: \"", "\""]) {
        return Some(format!("INTERVAL: '{}' is not a span of time; {A_SPAN}", found[0]));
    }
    if let Some(found) = parts(text, ["Failed to parse ", " as interval amount"]) {
        return Some(format!("INTERVAL: '{}' is not a number; {A_SPAN}", found[0]));
    }
    if let Some(found) = parts(text, ["Unknown interval type: ", ""]) {
        return Some(format!("INTERVAL: there is no unit '{}'; {A_SPAN}", found[0]));
    }
    let is_long =
        text.starts_with("Unable to represent ") || text.ends_with(" exceeds the precision available for interval amount");
    if is_long {
        return Some("INTERVAL: the span is too long for its type".into());
    }
    if text.starts_with("Cannot convert interval containing non-zero months or days to duration") {
        return Some("INTERVAL: months and days have no fixed length; write the span in hours".into());
    }
    None
}

/// Numbers that are too large for their type.
fn of_numbers(text: &str) -> Option<String> {
    if let Some(found) = parts(text, ["Can't cast value ", " to type ", ""]) {
        return Some(format!("{}: {} is out of its range; {WIDER}", found[1], found[0]));
    }
    if let Some(found) = parts(text, ["value of ", " is out of range ", ""]) {
        return Some(format!("{}: {} is out of its range; {WIDER}", found[1], found[0]));
    }
    for (is, bound) in [(" is too large to store in a ", ". Max is "), (" is too small to store in a ", ". Min is ")] {
        if let Some(found) = parts(text, ["", is, " of precision ", bound]) {
            return Some(format!("DECIMAL: {} has more digits than a precision of {}; {MORE_DIGITS}", found[0], found[2]));
        }
    }
    for ends in [". Overflowing on ", ". Value overflows for output scale"] {
        if let Some(found) = parts(text, ["Cannot cast to ", ends]) {
            return Some(match found[0].starts_with("Decimal") {
                true => format!("{}: a number has more digits; {MORE_DIGITS}", found[0]),
                false => format!("{}: a value is out of its range", found[0]),
            });
        }
    }
    if let Some(found) = parts(text, ["parse decimal overflow (", ")"]) {
        return Some(too_long(found[0]));
    }
    if let Some(found) = parts(text, ["Overflow happened on: ", ""]) {
        return Some(format!("{}: is out of the range of its type; CAST one side to DOUBLE", found[0]));
    }
    if let Some(found) = parts(text, ["Cannot get result type for decimal operation ", ": "])
        && text.contains(" would exceed max scale")
    {
        return Some(format!("{}: the result has too many places; CAST one side to fewer places, or to DOUBLE", found[0]));
    }
    None
}

fn of_types(text: &str) -> Option<String> {
    let pair = parts(text, ["Unsupported CAST from ", " to ", ""])
        .or_else(|| parts(text, ["Casting from type ", " to ", " not supported"]))
        .or_else(|| parts(text, ["Casting from ", " to ", " not supported"]));
    if let Some(found) = pair {
        return Some(format!(
            "CAST: there is no way from {} to {}; CAST to VARCHAR first, or convert by a function",
            found[0], found[1]
        ));
    }
    if let Some(found) = parts(text, ["Cannot cast LIST to non-list data type ", ""]) {
        return Some(format!("CAST: there is no way from a list to {}; take a value of it, as in list[1]", found[0]));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::plain;

    #[test]
    fn values_that_do_not_fit_are_named_with_their_type() {
        let cases = [
            (
                "Cast error: Cannot cast string 'abc' to value of Int32 type",
                "INTEGER: 'abc' is not a whole number; TRY_CAST gives NULL, parse_number(…) reads other forms",
            ),
            (
                "Cast error: Cannot cast string '2025-01-01' to value of Int64 type",
                "BIGINT: '2025-01-01' is not a whole number; where days are written as 20250308, compare parse_date(…) with DATE '2025-01-01'",
            ),
            (
                "Arrow error: Cast error: Cannot cast string '99999999999' to value of Int32 type",
                "INTEGER: 99999999999 is out of its range; a wider type holds it, such as DECIMAL(38, 0) or DOUBLE",
            ),
            (
                "Optimizer rule 'simplify_expressions' failed\ncaused by\nArrow error: Parser error: Error parsing timestamp from 'x': \
                 timestamp must contain at least 10 characters",
                "TIMESTAMP: 'x' is not a date and a time; a time is written 2024-12-31 16:30:00; strptime(…, '%d.%m.%Y %H:%M') reads \
                 other forms",
            ),
            (
                "Invalid argument error: 123456.00 is too large to store in a Decimal128 of precision 4. Max is 99.99",
                "DECIMAL: 123456.00 has more digits than a precision of 4; a type of more digits holds it, such as DECIMAL(38, 2), or DOUBLE",
            ),
            (
                "Cast error: Cannot cast string '123456789012345678901234567890123456789.5' to value of Decimal128(38, 10) type",
                "DECIMAL: 123456789012345678901234567890123456789.5 has too many digits; CAST to DOUBLE",
            ),
            (
                "Cast error: Cannot cast string '1.2.3' to value of Decimal128(38, 10) type",
                "DECIMAL: '1.2.3' is not a number; TRY_CAST gives NULL, parse_number(…) reads other forms",
            ),
            ("Cast error: Something else", "Something else"),
        ];
        for (engine, said) in cases {
            assert_eq!(plain(engine), said);
        }
    }
}
