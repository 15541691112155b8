//! Intervals in other words.
//!
//! | written | rewritten to |
//! |---|---|
//! | `RANGE INTERVAL '1' DAY PRECEDING` | `RANGE INTERVAL '1 days' PRECEDING` |
//! | `INTERVAL n DAY`, `INTERVAL 2 QUARTER` | `n * INTERVAL '1 day'`, `2 * INTERVAL '3 months'` |
//! | `INTERVAL '04:05:06'` | `INTERVAL '04 hours 05 minutes 06 seconds'` |

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

/// Writes the clock at the end of the text of an interval in words: `1 day 04:05:06` as `1 day 4 hours 5 minutes 6 seconds`.
pub fn clock_in_words(interval: &mut Expr) {
    let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) = interval else { return };
    let words: Vec<&str> = text.split_whitespace().collect();
    let Some((clock, before)) = words.split_last() else { return };
    let (sign, digits) = clock.strip_prefix('-').map_or(("", clock.trim_start_matches('+')), |digits| ("-", digits));
    let parts: Vec<&str> = digits.split(':').collect();
    let is_part = |part: &&str| !part.is_empty() && part.bytes().all(|letter| letter.is_ascii_digit() || letter == b'.');
    if !matches!(parts.len(), 2 | 3) || !parts.iter().all(is_part) {
        return;
    }
    let clock = parts.iter().zip(["hours", "minutes", "seconds"]).map(|(part, unit)| format!("{sign}{part} {unit}"));
    *text = before.iter().map(ToString::to_string).chain(clock).collect::<Vec<_>>().join(" ");
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
