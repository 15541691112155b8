//! `format` and `printf`: values inserted into a string.

use std::fmt::Write;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use crate::builtins::dates::{arrays, is_text};
use crate::builtins::scalar::Scalar;
use crate::error::{SqlState, in_rows};
use crate::postgres_catalog::quoted;

/// Maximum number of characters for one value.
const WIDEST: usize = 10_000;

pub static FORMAT: Scalar = Scalar {
    name: "format",
    takes: |types| takes("format", types),
    gives: |_| Ok(DataType::Utf8),
    compute: |arguments| compute(arguments, "format"),
    written: |_| None,
};

pub static PRINTF: Scalar = Scalar {
    name: "printf",
    takes: |types| takes("printf", types),
    gives: |_| Ok(DataType::Utf8),
    compute: |arguments| compute(arguments, "printf"),
    written: |_| None,
};

fn takes(name: &str, types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [pattern, values @ ..] if is_text(pattern) => Ok([&[DataType::Utf8], values].concat()),
        _ => plan_err!(
            "{name} takes a text with %s or {{}}, and values, got {types:?}; to write a number with its digits use to_char(number, 'FM999,990.00')"
        ),
    }
}

fn compute(arguments: &ScalarFunctionArgs, name: &str) -> Result<ColumnarValue> {
    let arrays = arrays(arguments)?;
    let texts = arrays.iter().map(|array| cast(array, &DataType::Utf8)).collect::<Result<Vec<_>, _>>()?;
    let columns: Vec<&StringArray> = texts.iter().map(|array| array.as_string::<i32>()).collect();
    let Some((patterns, values)) = columns.split_first() else { return plan_err!("{name} takes a text") };
    let numbers: Vec<bool> = arrays.iter().skip(1).map(|array| array.data_type().is_numeric()).collect();
    let mut result = Vec::with_capacity(patterns.len());
    for row in 0..patterns.len() {
        let given = values.iter().map(|column| column.is_valid(row).then(|| column.value(row)));
        let given: Vec<Option<&str>> = given.collect();
        let text = match patterns.is_valid(row).then(|| patterns.value(row)) {
            Some(pattern) => filled(name, pattern, &given, &numbers).map_err(|problem| wrong(name, pattern, &problem))?,
            None => None,
        };
        result.push(text);
    }
    Ok(ColumnarValue::Array(Arc::new(StringArray::from(result))))
}

fn wrong(name: &str, pattern: &str, problem: &str) -> DataFusionError {
    let problem = format!("in '{pattern}', {problem}");
    in_rows(SqlState::INVALID_PARAMETER_VALUE, name, "takes a pattern and the values that it needs", problem)
}

/// The text, or NULL. PostgreSQL's `format` writes a NULL as it is wanted; C's letters and DuckDB's braces have no form for it.
fn filled(name: &str, pattern: &str, values: &[Option<&str>], numbers: &[bool]) -> Result<Option<String>, String> {
    let of_braces = name == "format" && !pattern.contains('%') && pattern.contains('{');
    let known: Option<Vec<&str>> = values.iter().copied().collect();
    match known {
        Some(known) if of_braces => by_braces(pattern, &known, numbers).map(Some),
        None if of_braces || name != "format" => Ok(None),
        _ => by_percent(pattern, values),
    }
}

fn missing<T>(place: usize, values: &[T]) -> String {
    format!("there is no value {} for it, only {}", place + 1, values.len())
}

/// `{}` for the next value and `{0}` for the first; after a colon how it is written, `{:.2f}`, `{:>10}`, `{:,}`.
fn by_braces(pattern: &str, values: &[&str], numbers: &[bool]) -> Result<String, String> {
    let (mut text, mut next, mut rest) = (String::new(), 0, pattern);
    while let Some(letter) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("{{") {
            text.push('{');
            rest = after;
        } else if let Some(after) = rest.strip_prefix("}}") {
            text.push('}');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let Some((inner, after)) = after.split_once('}') else { return Err("a { is not closed".into()) };
            let (number, form) = inner.split_once(':').map_or((inner, None), |(number, form)| (number, Some(form)));
            let place = if number.is_empty() {
                next += 1;
                next - 1
            } else {
                number.parse::<usize>().map_err(|_| format!("{{{inner}}} is not supported; write {{}}, {{0}}, or {{:.2f}}"))?
            };
            let value = values.get(place).ok_or_else(|| missing(place, values))?;
            match form {
                None => text.push_str(value),
                Some(form) => text.push_str(&in_form(form, value, numbers.get(place) == Some(&true))?),
            }
            rest = after;
        } else {
            text.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    Ok(text)
}

/// One value in a form of Python and DuckDB: fill and side, sign, 0, width, separator of thousands, digits after the point, and letter.
fn in_form(form: &str, value: &str, is_number: bool) -> Result<String, String> {
    const SIDES: [char; 3] = ['<', '>', '^'];
    let unknown = || format!("{{:{form}}} is not supported; write {{:.2f}}, {{:>10}}, {{:,}}, {{:05d}} or {{:x}}");
    let letters: Vec<char> = form.chars().collect();
    let (fill, side, mut rest) = match letters.as_slice() {
        [fill, side, rest @ ..] if SIDES.contains(side) => (*fill, Some(*side), rest),
        [side, rest @ ..] if SIDES.contains(side) => (' ', Some(*side), rest),
        rest => (' ', None, rest),
    };
    let mut flags = String::new();
    if let [sign @ ('+' | ' ' | '-'), after @ ..] = rest {
        // A minus sign asks for what is done anyway.
        flags.extend((*sign != '-').then_some(*sign));
        rest = after;
    }
    let has_zeros = matches!(rest, ['0', ..]) && side.is_none();
    fn number(from: &mut &[char]) -> Option<usize> {
        let count = from.iter().take_while(|letter| letter.is_ascii_digit()).count();
        let (digits, after) = from.split_at(count);
        *from = after;
        digits.iter().collect::<String>().parse().ok()
    }
    let width = number(&mut rest).unwrap_or(0);
    let separator = match rest {
        [separator @ (',' | '_'), after @ ..] => {
            flags.push(',');
            rest = after;
            Some(*separator)
        }
        _ => None,
    };
    let mut precision = None;
    if let ['.', after @ ..] = rest {
        rest = after;
        precision = Some(number(&mut rest).ok_or_else(unknown)?);
    }
    if width > WIDEST || precision.is_some_and(|digits| digits > WIDEST) {
        return Err(format!("asks for more than {WIDEST} characters"));
    }
    let kind = match rest {
        [] if !is_number => 's',
        // A number as it is; its digits alone are counted from the first, which no other form here does.
        [] if precision.is_none() && (separator.is_none() || !value.contains(['.', 'e', 'E'])) => {
            if value.contains(['.', 'e', 'E', 'N', 'i']) { 's' } else { 'd' }
        }
        [] if precision.is_none() => 's',
        [kind @ ('d' | 'f' | 'F' | 'e' | 'E' | 'x' | 'X' | 'o' | 'c' | 's')] => *kind,
        _ => return Err(unknown()),
    };
    let mut written = converted(kind, &flags, precision, value)?;
    if kind == 's' && is_number && separator.is_some() {
        written = grouped(&written);
    }
    if let Some(separator) = separator.filter(|separator| *separator != ',') {
        written = written.replace(',', &separator.to_string());
    }
    if has_zeros && is_number {
        return Ok(padded(&written, "0", width, 'd'));
    }
    let missing = width.saturating_sub(written.chars().count());
    let before = match side {
        Some('<') => 0,
        Some('^') => missing / 2,
        Some(_) => missing,
        None if is_number => missing,
        None => 0,
    };
    let fill = fill.to_string();
    Ok(format!("{}{written}{}", fill.repeat(before), fill.repeat(missing - before)))
}

/// `%s` and similar, with C's flags and widths, and PostgreSQL's `%1$s`, `%I` and `%L`.
fn by_percent(pattern: &str, values: &[Option<&str>]) -> Result<Option<String>, String> {
    let (mut text, mut next, mut rest) = (String::new(), 0, pattern);
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            text.push('%');
            rest = after;
            continue;
        }
        let digits = |from: &str| from.bytes().take_while(u8::is_ascii_digit).count();
        let mut own = after;
        let mut place = None;
        let count = digits(own);
        if count > 0 && own[count..].starts_with('$') {
            place = own[..count].parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            own = &own[count + 1..];
        }
        let flags = own.bytes().take_while(|letter| b"-+ 0,#".contains(letter)).count();
        let (flags, after_flags) = own.split_at(flags);
        let (width, after_width) = after_flags.split_at(digits(after_flags));
        let (precision, own) = match after_width.strip_prefix('.') {
            Some(after) => {
                let (precision, after) = after.split_at(digits(after));
                (Some(precision.parse().unwrap_or(0)), after)
            }
            None => (None, after_width),
        };
        let own = own.trim_start_matches(['l', 'h']);
        let Some(kind) = own.chars().next() else { return Err("ends within a %; write %% for a percent sign".into()) };
        let place = place.unwrap_or_else(|| {
            next += 1;
            next - 1
        });
        let value = match (values.get(place).ok_or_else(|| missing(place, values))?, kind) {
            (Some(value), _) => converted(kind, flags, precision, value)?,
            (None, 's') => String::new(),
            (None, 'L') => "NULL".to_string(),
            (None, 'I') => return Err("%I takes a name, got NULL".into()),
            (None, _) => return Ok(None),
        };
        let width: usize = width.parse().unwrap_or(0);
        if width > WIDEST || precision.is_some_and(|digits: usize| digits > WIDEST) {
            return Err(format!("asks for more than {WIDEST} characters"));
        }
        text.push_str(&padded(&value, flags, width, kind));
        rest = &own[kind.len_utf8()..];
    }
    text.push_str(rest);
    Ok(Some(text))
}

fn converted(kind: char, flags: &str, precision: Option<usize>, value: &str) -> Result<String, String> {
    let number = || value.trim().parse::<f64>().map_err(|_| format!("%{kind} takes a number, got \"{value}\""));
    let whole = || match value.trim().parse::<i128>() {
        Ok(whole) => Ok(whole),
        Err(_) => match number()? {
            whole if whole.fract() == 0.0 && whole.abs() < 1e38 => Ok(whole as i128),
            other => Err(format!("%{kind} takes a whole number, got {other}; write %f")),
        },
    };
    let signed = |text: String| match (flags.contains('+'), flags.contains(' '), text.starts_with('-')) {
        (true, _, false) => format!("+{text}"),
        (_, true, false) => format!(" {text}"),
        _ => text,
    };
    Ok(match kind {
        's' => match precision {
            Some(most) => value.chars().take(most).collect(),
            None => value.to_string(),
        },
        'd' | 'i' | 'u' => {
            let text = whole()?.to_string();
            signed(if flags.contains(',') { grouped(&text) } else { text })
        }
        'f' | 'F' => {
            let text = format!("{:.*}", precision.unwrap_or(6), number()?);
            signed(if flags.contains(',') { grouped(&text) } else { text })
        }
        'e' | 'E' => {
            let text = format!("{:.*e}", precision.unwrap_or(6), number()?);
            let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let exponent: i32 = exponent.parse().unwrap_or(0);
            let sign = if exponent < 0 { '-' } else { '+' };
            let text = format!("{mantissa}e{sign}{:02}", exponent.abs());
            signed(if kind == 'E' { text.to_uppercase() } else { text })
        }
        'g' => signed(number()?.to_string()),
        'x' => format!("{:x}", whole()?),
        'X' => format!("{:X}", whole()?),
        'o' => format!("{:o}", whole()?),
        'c' => value.chars().take(1).collect(),
        'I' => quoted(value),
        'L' => format!("'{}'", value.replace('\'', "''")),
        other => return Err(format!("%{other} is not supported; use %s, %d, %f, %e, %g, %x, %o, %c, %I and %L")),
    })
}

/// Commas between thousands.
pub fn grouped(number: &str) -> String {
    let (sign, number) = number.split_at(usize::from(number.starts_with('-')));
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut text = sign.to_string();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        let _ = write!(text, ".{fraction}");
    }
    text
}

fn padded(text: &str, flags: &str, width: usize, kind: char) -> String {
    let missing = width.saturating_sub(text.chars().count());
    if missing == 0 {
        return text.to_string();
    }
    if flags.contains('-') {
        return format!("{text}{}", " ".repeat(missing));
    }
    if flags.contains('0') && !matches!(kind, 's' | 'c' | 'I' | 'L') {
        let (sign, digits) = text.split_at(usize::from(text.starts_with(['-', '+', ' '])));
        return format!("{sign}{}{digits}", "0".repeat(missing));
    }
    format!("{}{text}", " ".repeat(missing))
}
