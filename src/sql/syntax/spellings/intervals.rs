//! Intervals in other words.
//!
//! | written | rewritten to |
//! |---|---|
//! | `RANGE INTERVAL '1' DAY PRECEDING` | `RANGE INTERVAL '1 days' PRECEDING` |
//! | `INTERVAL n DAY`, `INTERVAL 2 QUARTER` | `n * INTERVAL '1 day'`, `2 * INTERVAL '3 months'` |
//! | `INTERVAL '04:05:06'` | `INTERVAL '04 hours 05 minutes 06 seconds'` |
//! | `INTERVAL '1-2'`, `INTERVAL 'P1Y2M'` | `INTERVAL '1 years 2 months'` |

use datafusion::arrow::compute::kernels::cast_utils::{IntervalParseConfig, IntervalUnit, parse_interval_month_day_nano_config};
use datafusion::common::Result;
use sqlparser::ast::{
    DataType, Expr, Interval, Value, ValueWithSpan, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowSpec,
};

use crate::sql::syntax::expression_macros::with;

/// `INTERVAL n DAY` and `INTERVAL (n + 1) MONTH` as `n * INTERVAL '1 day'`, and quarters as months. The planner takes constants alone.
pub fn of_number(interval: &Interval) -> Result<Option<Expr>> {
    let Interval {
        value,
        leading_field: Some(unit),
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    } = interval
    else {
        return Ok(None);
    };
    let unit = unit.to_string().to_lowercase();
    let is_quarter = matches!(unit.as_str(), "quarter" | "quarters");
    let unit = if is_quarter { "3 months".to_string() } else { format!("1 {unit}") };
    match value.as_ref() {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text) | Value::Number(text, _), .. }) if is_quarter => {
            let number = Expr::value(Value::Number(text.trim().to_string(), false));
            if text.trim().parse::<i64>().is_err() {
                return Ok(None);
            }
            with(&format!("($1 * INTERVAL '{unit}')"), &[number]).map(Some)
        }
        Expr::Value(_) if !is_quarter => Ok(None),
        Expr::UnaryOp { expr, .. } if !is_quarter && matches!(expr.as_ref(), Expr::Value(_)) => Ok(None),
        number => with(&format!("($1 * INTERVAL '{unit}')"), std::slice::from_ref(number)).map(Some),
    }
}

/// Writes the text of an interval in words, where it has other forms of PostgreSQL: `1 day 04:05:06`, `1-2` of years and months,
/// `1 04:05:06` with days, `1.5 weeks`, `P1Y2M3DT4H5M6S` of ISO 8601, and `ago` at the end. The engine knows words alone.
pub fn in_words(interval: &mut Expr) {
    let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) = interval else { return };
    if let Some(words) = iso_parts(text.trim()).or_else(|| parts(text)) {
        *text = words.iter().map(|(count, unit)| format!("{count} {unit}")).collect::<Vec<_>>().join(" ");
    }
}

/// A number without its sign, and whether it is negative.
fn signed(number: &str) -> (bool, &str) {
    match number.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    }
}

fn is_number(digits: &str) -> bool {
    digits.bytes().any(|letter| letter.is_ascii_digit()) && digits.bytes().all(|letter| letter.is_ascii_digit() || letter == b'.')
}

fn with_sign(is_negative: bool, digits: &str) -> String {
    format!("{}{digits}", if is_negative { "-" } else { "" })
}

/// The numbers and units of a text of PostgreSQL; `None` if it is another text, or has words alone that the engine knows.
fn parts(text: &str) -> Option<Vec<(String, String)>> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let is_ago = words.last().is_some_and(|last| last.eq_ignore_ascii_case("ago"));
    if is_ago {
        words.pop();
    }
    let mut parts: Vec<(String, String)> = vec![];
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        let (is_negative, digits) = signed(word);
        let is_negative = is_negative != is_ago;
        if digits.contains(':') {
            let clock: Vec<&str> = digits.split(':').collect();
            if !matches!(clock.len(), 2 | 3) || !clock.iter().all(|part| is_number(part)) {
                return None;
            }
            let units = ["hours", "minutes", "seconds"];
            parts.extend(clock.iter().zip(units).map(|(part, unit)| (with_sign(is_negative, part), unit.to_string())));
        } else if let Some((years, months)) = digits.split_once('-') {
            if !is_number(years) || !is_number(months) {
                return None;
            }
            let units = ["years", "months"];
            parts.extend([years, months].iter().zip(units).map(|(part, unit)| (with_sign(is_negative, part), unit.to_string())));
        } else if is_number(digits) {
            let unit = match words.peek() {
                // A number before a clock counts days.
                Some(clock) if clock.contains(':') => "days".to_string(),
                Some(_) => words.next()?.to_string(),
                None => return None,
            };
            parts.push(of_unit(is_negative, digits, unit));
        } else {
            return None;
        }
    }
    (!parts.is_empty()).then_some(parts)
}

/// A number of units; of weeks, in days, as the engine gives a part of a week hours alone.
fn of_unit(is_negative: bool, digits: &str, unit: String) -> (String, String) {
    let is_weeks = ["week", "weeks", "w"].iter().any(|name| unit.eq_ignore_ascii_case(name));
    match digits.parse::<f64>() {
        Ok(weeks) if is_weeks && digits.contains('.') => (with_sign(is_negative, &(weeks * 7.0).to_string()), "days".into()),
        _ => (with_sign(is_negative, digits), unit),
    }
}

/// The numbers and units of `P1Y2M3DT4H5M6S`; `None` for another text.
fn iso_parts(text: &str) -> Option<Vec<(String, String)>> {
    let (date, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (&text[1..], None),
    };
    let mut parts = vec![];
    let units: [(&str, &[(char, &str)]); 2] = [
        (date, &[('Y', "years"), ('M', "months"), ('W', "weeks"), ('D', "days")]),
        (time.unwrap_or_default(), &[('H', "hours"), ('M', "minutes"), ('S', "seconds")]),
    ];
    for (mut rest, units) in units {
        while !rest.is_empty() {
            let end = rest.find(|letter: char| letter.is_ascii_alphabetic())?;
            let (is_negative, digits) = signed(&rest[..end]);
            let (_, unit) = units.iter().find(|(letter, _)| rest[end..].starts_with(*letter))?;
            if !is_number(digits) {
                return None;
            }
            parts.push(of_unit(is_negative, digits, (*unit).to_string()));
            rest = &rest[end + 1..];
        }
    }
    (!parts.is_empty()).then_some(parts)
}

/// Writes the intervals of a frame in one form. The planner refuses frames that mean the same in other words.
pub fn one_form(window: &mut WindowSpec) {
    let Some(WindowFrame { units: WindowFrameUnits::Range, start_bound, end_bound }) = &mut window.window_frame else { return };
    for bound in std::iter::once(start_bound).chain(end_bound) {
        let (WindowFrameBound::Preceding(Some(offset)) | WindowFrameBound::Following(Some(offset))) = bound else { continue };
        if let Some(text) = written_out(offset) {
            **offset = Expr::Interval(Interval {
                value: Box::new(Expr::value(Value::SingleQuotedString(text))),
                leading_field: None,
                leading_precision: None,
                last_field: None,
                fractional_seconds_precision: None,
            });
        }
    }
}

/// An interval of constants in months, days and seconds; `None` without a unit, which the planner reports.
fn written_out(interval: &Expr) -> Option<String> {
    const SECOND: i64 = 1_000_000_000;
    let (value, unit) = match interval {
        Expr::Interval(Interval { value, leading_field, last_field: None, .. }) => (value, leading_field.as_ref()),
        Expr::Cast { expr, data_type: DataType::Interval { .. }, .. } => (expr, None),
        _ => return None,
    };
    let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text) | Value::Number(text, _), .. }) = value.as_ref()
    else {
        return None;
    };
    let text = unit.map_or_else(|| text.to_string(), |unit| format!("{text} {unit}"));
    if !text.bytes().any(|letter| letter.is_ascii_alphabetic()) {
        return None;
    }
    let span = parse_interval_month_day_nano_config(&text, IntervalParseConfig::new(IntervalUnit::Second)).ok()?;
    let (seconds, nanoseconds) = (span.nanoseconds / SECOND, span.nanoseconds % SECOND);
    let parts =
        [(i64::from(span.months), "months"), (i64::from(span.days), "days"), (seconds, "seconds"), (nanoseconds, "nanoseconds")];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count != 0).map(|(count, unit)| format!("{count} {unit}")).collect();
    Some(if parts.is_empty() { "0 days".into() } else { parts.join(" ") })
}
