//! Values given on the command line and by `\set`.

use datafusion::arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion::common::ScalarValue;
use percent_encoding::percent_decode_str;
use portraitdb::Environment;
use url::Url;

/// `--set name=value`.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) value: ScalarValue,
    /// The value as a text.
    pub(super) text: String,
}

/// The URL of a server without its password, which is moved to the environment.
pub(super) fn without_password(text: &str, environment: Environment) -> (String, Environment) {
    let Ok(mut url) = Url::parse(text) else { return (text.to_string(), environment) };
    let Some(password) = url.password().map(|password| percent_decode_str(password).decode_utf8_lossy().into_owned()) else {
        return (text.to_string(), environment);
    };
    // Removing it from a URL that has one does not fail.
    let _ = url.set_password(None);
    (url.to_string(), environment.with("PGPASSWORD", &password))
}

/// Reads `name=value` or `name:type=value`. Without a type, integers, numbers, dates, timestamps and booleans are recognised;
/// everything else, and anything in single quotes, is text.
pub(super) fn parse(text: &str) -> Result<Parameter, String> {
    let (name, value) = text.split_once('=').ok_or("write name=value")?;
    let (name, data_type) = match name.split_once(':') {
        Some((name, data_type)) => (name, Some(data_type)),
        None => (name, None),
    };
    let name = name.trim().trim_start_matches('$');
    if name.is_empty() || !name.chars().all(|letter| letter.is_alphanumeric() || letter == '_') {
        return Err(format!("\"{name}\" is not a name; use letters, digits and _"));
    }
    let written = match value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(quoted) if data_type.is_none() => quoted.replace("''", "'"),
        _ => value.to_string(),
    };
    let value = match data_type {
        None => guess(value),
        Some(data_type) => {
            typed(value, &type_named(data_type)?).ok_or_else(|| format!("\"{value}\" is not a value of type {data_type}"))?
        }
    };
    Ok(Parameter { name: name.to_string(), value, text: written })
}

fn type_named(name: &str) -> Result<DataType, String> {
    Ok(match name.to_lowercase().as_str() {
        "text" | "varchar" | "string" => DataType::Utf8,
        "int" | "integer" | "bigint" => DataType::Int64,
        "double" | "float" => DataType::Float64,
        "decimal" | "numeric" => DataType::Decimal128(38, 10),
        "date" => DataType::Date32,
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "interval" => DataType::Interval(IntervalUnit::MonthDayNano),
        "bool" | "boolean" => DataType::Boolean,
        other => {
            return Err(format!("unknown type {other}; use text, int, double, decimal, date, timestamp, interval or bool"));
        }
    })
}

fn typed(value: &str, data_type: &DataType) -> Option<ScalarValue> {
    let text = ScalarValue::Utf8(Some(value.to_string()));
    text.cast_to(data_type).ok().filter(|value| !value.is_null())
}

fn guess(value: &str) -> ScalarValue {
    let text = |text: &str| ScalarValue::Utf8(Some(text.to_string()));
    if let Some(quoted) = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return text(&quoted.replace("''", "'"));
    }
    let starts_as_number = value.starts_with(|letter: char| letter.is_ascii_digit() || "+-.".contains(letter));
    if starts_as_number {
        let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
        let date_like = value.len() == 10 && value.matches('-').count() == 2;
        let kinds: &[&DataType] =
            if date_like { &[&DataType::Date32] } else { &[&DataType::Int64, &DataType::Float64, &timestamp] };
        if let Some(found) = kinds.iter().find_map(|kind| typed(value, kind)) {
            return found;
        }
    }
    match value {
        "true" => ScalarValue::Boolean(Some(true)),
        "false" => ScalarValue::Boolean(Some(false)),
        other => text(other),
    }
}

/// Reads `512MB`, `4GB`, `1.5g` or a number of bytes.
pub(super) fn parse_size(text: &str) -> Result<usize, String> {
    let lower = text.trim().to_lowercase();
    let digits = lower.trim_end_matches(|letter: char| letter.is_alphabetic() || letter == ' ');
    let unit: u64 = match lower[digits.len()..].trim() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        other => return Err(format!("unknown unit {other}; use MB or GB")),
    };
    match digits.trim().parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok((number * unit as f64) as usize),
        _ => Err("write a size such as 512MB or 4GB".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_by_the_value() {
        let value = |text: &str| parse(text).unwrap().value;
        assert_eq!(value("n=5"), ScalarValue::Int64(Some(5)));
        assert_eq!(value("n=-1.5"), ScalarValue::Float64(Some(-1.5)));
        assert_eq!(value("d=2025-06-30"), ScalarValue::Date32(Some(20_269)));
        assert!(matches!(value("t=2025-06-30 12:00:00"), ScalarValue::TimestampMicrosecond(Some(_), None)));
        assert_eq!(value("city=上海"), ScalarValue::from("上海"));
        assert_eq!(value("code='007'"), ScalarValue::from("007"));
        assert_eq!(value("code:text=007"), ScalarValue::from("007"));
        assert!(parse("novalue").is_err() && parse("d:date=yesterday").is_err() && parse("x y=1").is_err());
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_size("4GB"), Ok(4 << 30));
        assert_eq!(parse_size("1.5 m"), Ok(3 << 19));
        assert!(parse_size("lots").is_err() && parse_size("-1GB").is_err());
    }
}
