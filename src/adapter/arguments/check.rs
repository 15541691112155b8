//! Checks the value of an option against its page.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::compute::kernels::cast_utils::{IntervalParseConfig, IntervalUnit, parse_interval_month_day_nano_config};
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano};
use datafusion::common::{Result, ScalarValue};

use super::Moment;
use super::options::Value;
use crate::adapter::given_table;
use crate::docs::{Argument, Takes};
use crate::error::{did_you_mean, invalid, one_of};
use crate::kernels::decimal::Decimal;
use crate::text::article_of;

/// # Errors
/// The value is of another type than the page says, or out of its range; the error begins with `subject`.
pub fn check_option(subject: &str, argument: &'static Argument, value: &ScalarValue) -> Result<Value> {
    let name = argument.name;
    let wrong_type = || {
        let wanted = argument.takes.describe();
        let advice = match argument.takes {
            Takes::Moment => "; write a time such as DATE '2025-06-30'",
            Takes::Interval => "; write a span of time such as INTERVAL '30 days'",
            _ => "",
        };
        let (given, of) = (show(value), value.data_type());
        // Words to choose from have no article.
        let is_of_words = matches!(argument.takes, Takes::Choice(_) | Takes::Choices(_) | Takes::ConditionOr(_) | Takes::Flag);
        if is_of_words {
            return invalid(subject, format!("{name} must be {wanted}, got {given} of type {of}"));
        }
        let article = article_of(&wanted);
        invalid(subject, format!("{name} takes {article} {wanted}, got {given} of type {of}{advice}"))
    };
    match argument.takes {
        Takes::Integer(least, most) => {
            if !value.data_type().is_integer() {
                return Err(wrong_type());
            }
            let number = match value.cast_to(&DataType::Int64) {
                Ok(ScalarValue::Int64(Some(number))) if (least..=most).contains(&number) => number,
                _ => {
                    let range = if most == i64::MAX { format!("at least {least}") } else { format!("from {least} to {most}") };
                    return Err(invalid(subject, format!("{name} must be {range}, got {}", show(value))));
                }
            };
            Ok(Value::Integer(number))
        }
        Takes::Float(least, most) => {
            let number = number(value).ok_or_else(wrong_type)?;
            if !(least..=most).contains(&number) {
                let range = if most == f64::INFINITY { format!("at least {least}") } else { format!("from {least} to {most}") };
                return Err(invalid(subject, format!("{name} must be {range}, got {number}")));
            }
            Ok(Value::Float(number))
        }
        Takes::Share => Ok(Value::Float(share(subject, name, number(value).ok_or_else(wrong_type)?)?)),
        Takes::Shares => {
            let elements = elements(value).ok_or_else(wrong_type)?;
            let numbers = (0..elements.len()).map(|index| {
                let element = ScalarValue::try_from_array(&elements, index)?;
                share(subject, name, number(&element).ok_or_else(wrong_type)?)
            });
            let numbers = numbers.collect::<Result<Vec<_>>>()?;
            if numbers.is_empty() {
                return Err(invalid(subject, format!("{name} needs at least one number")));
            }
            Ok(Value::Floats(numbers))
        }
        Takes::ValuesOf(_) => {
            let elements = elements(value).ok_or_else(wrong_type)?;
            if elements.is_empty() {
                return Err(invalid(subject, format!("{name} needs at least one value")));
            }
            if elements.null_count() > 0 {
                return Err(invalid(subject, format!("{name} must not hold NULL")));
            }
            Ok(Value::List(elements))
        }
        Takes::Choice(words) | Takes::ConditionOr(words) => {
            let text = value.try_as_str().flatten().ok_or_else(wrong_type)?;
            let word = words.iter().find(|word| word.eq_ignore_ascii_case(text)).ok_or_else(|| {
                let suggestion = did_you_mean(text, words.iter().copied());
                let choices = one_of(words.iter().copied());
                invalid(subject, format!("{name} must be {choices}, got '{text}'{suggestion}"))
            })?;
            Ok(Value::Word(word))
        }
        Takes::Choices(words) => {
            let given = written_names(value).ok_or_else(wrong_type)?;
            let known = |text: String| {
                let word = words.iter().find(|word| word.eq_ignore_ascii_case(&text)).ok_or_else(|| {
                    let suggestion = did_you_mean(&text, words.iter().copied());
                    let choices = one_of(words.iter().copied());
                    invalid(subject, format!("{name} must be {choices}, got '{text}'{suggestion}"))
                })?;
                Ok((*word).to_string())
            };
            Ok(Value::Names(given.into_iter().map(known).collect::<Result<_>>()?))
        }
        Takes::Texts => Ok(Value::Names(texts(value).ok_or_else(wrong_type)?)),
        Takes::Moment => Moment::of(value).map(Value::Moment).ok_or_else(wrong_type),
        Takes::Interval => {
            let interval = interval(value).ok_or_else(wrong_type)?;
            if interval.months < 0 || interval.days < 0 || interval.nanoseconds < 0 || interval == IntervalMonthDayNano::ZERO {
                return Err(invalid(subject, format!("{name} must be positive, got {}", show(value))));
            }
            Ok(Value::Interval(interval))
        }
        Takes::Cuts => {
            let cuts = numbers(value).ok_or_else(wrong_type)?;
            if cuts.is_empty() {
                return Err(invalid(subject, format!("{name} needs at least one number")));
            }
            if let Some(pair) = cuts.windows(2).find(|pair| pair[0] >= pair[1]) {
                let problem = format!("{name} must be in strictly ascending order, got {} before {}", pair[0], pair[1]);
                return Err(invalid(subject, problem));
            }
            Ok(Value::Cuts(cuts))
        }
        Takes::Text => {
            let text = value.try_as_str().flatten().ok_or_else(wrong_type)?;
            Ok(Value::Text(text.to_string()))
        }
        Takes::Flag => match value {
            ScalarValue::Boolean(Some(flag)) => Ok(Value::Flag(*flag)),
            _ => Err(wrong_type()),
        },
        Takes::Table(columns) => {
            let rows = elements(value).filter(|rows| given_table::has_columns(rows, columns)).ok_or_else(|| {
                let wanted = argument.takes.describe();
                invalid(subject, format!("{name} takes a {wanted}, got {}; write {name} => my_table", value.data_type()))
            })?;
            Ok(Value::List(rows))
        }
        Takes::Names => Ok(Value::Names(written_names(value).ok_or_else(wrong_type)?)),
        _ => Err(invalid(subject, format!("there is no option {name}"))),
    }
}

fn show(value: &ScalarValue) -> String {
    if let (DataType::Interval(_), Ok(ScalarValue::Utf8(Some(text)))) = (value.data_type(), value.cast_to(&DataType::Utf8)) {
        return format!("INTERVAL '{text}'");
    }
    match value.try_as_str() {
        Some(Some(text)) => format!("'{text}'"),
        _ => value.to_string(),
    }
}

fn interval(value: &ScalarValue) -> Option<IntervalMonthDayNano> {
    match value {
        ScalarValue::IntervalMonthDayNano(Some(interval)) => Some(*interval),
        ScalarValue::IntervalYearMonth(Some(months)) => Some(IntervalMonthDayNano::new(*months, 0, 0)),
        ScalarValue::IntervalDayTime(Some(interval)) => {
            Some(IntervalMonthDayNano::new(0, interval.days, i64::from(interval.milliseconds) * 1_000_000))
        }
        _ => {
            let text = value.try_as_str()??;
            parse_interval_month_day_nano_config(text, IntervalParseConfig::new(IntervalUnit::Day)).ok()
        }
    }
}

fn elements(value: &ScalarValue) -> Option<ArrayRef> {
    match value {
        ScalarValue::List(list) => Some(list.value(0)),
        ScalarValue::LargeList(list) => Some(list.value(0)),
        ScalarValue::FixedSizeList(list) => Some(list.value(0)),
        _ => None,
    }
}

/// Names in a string, separated by commas, or in a list.
fn written_names(value: &ScalarValue) -> Option<Vec<String>> {
    match value.try_as_str() {
        Some(Some(text)) => Some(text.split(',').map(|name| name.trim().to_string()).filter(|name| !name.is_empty()).collect()),
        _ => texts(value),
    }
}

fn texts(value: &ScalarValue) -> Option<Vec<String>> {
    let elements = elements(value)?;
    let text = |row| match ScalarValue::try_from_array(&elements, row).ok()?.try_as_str() {
        Some(Some(text)) => Some(text.to_string()),
        _ => None,
    };
    (0..elements.len()).map(text).collect()
}

fn number(value: &ScalarValue) -> Option<f64> {
    if !value.data_type().is_numeric() || value.is_null() {
        return None;
    }
    number_text(value).parse().ok()
}

fn share(subject: &str, name: &str, number: f64) -> Result<f64> {
    if number > 0.0 && number <= 1.0 {
        return Ok(number);
    }
    Err(invalid(subject, format!("{name} must be above 0 and at most 1, got {number}")))
}

fn numbers(value: &ScalarValue) -> Option<Vec<Decimal>> {
    let elements = elements(value)?;
    (0..elements.len())
        .map(|row| {
            let element = ScalarValue::try_from_array(&Arc::clone(&elements), row).ok()?;
            let is_number = element.data_type().is_numeric() && !element.is_null();
            is_number.then(|| Decimal::parse(&number_text(&element)))?
        })
        .collect()
}

/// The shortest decimal string that parses to the same number.
fn number_text(value: &ScalarValue) -> String {
    match value {
        ScalarValue::Float64(Some(number)) => format!("{number}"),
        ScalarValue::Float32(Some(number)) => format!("{number}"),
        other => match other.cast_to(&DataType::Utf8) {
            Ok(ScalarValue::Utf8(Some(text))) => text,
            _ => other.to_string(),
        },
    }
}
