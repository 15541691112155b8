//! Numbers formatted as strings, by PostgreSQL's pattern: `to_char(1234.5, 'FM9,999.00')`.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use crate::builtins::dates::{arrays, texts};
use crate::error::{SqlState, in_rows};

/// Formats the numbers in the first argument by the patterns in the second.
///
/// # Errors
/// A pattern has a letter that is not supported.
pub fn write(arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let arrays = arrays(arguments)?;
    let numbers = cast(&arrays[0], &DataType::Float64)?;
    let patterns = texts(&arrays[1])?;
    let mut result = vec![];
    for (number, pattern) in numbers.as_primitive::<Float64Type>().iter().zip(patterns.as_string::<i32>()) {
        result.push(match (number, pattern) {
            (Some(number), Some(pattern)) => Some(written(number, pattern).map_err(|problem| {
                let problem = format!("in the pattern '{pattern}', {problem}");
                in_rows(SqlState::INVALID_PARAMETER_VALUE, "to_char", "takes a pattern of 9, 0, comma and point", problem)
            })?),
            _ => None,
        });
    }
    Ok(ColumnarValue::Array(Arc::new(StringArray::from(result))))
}

fn written(number: f64, pattern: &str) -> Result<String, String> {
    let upper = pattern.to_uppercase();
    let fill = !upper.starts_with("FM");
    let pattern = upper.strip_prefix("FM").unwrap_or(&upper);
    let (whole, fraction) = pattern.split_once(['.', 'D']).unwrap_or((pattern, ""));
    if let Some(other) = whole.chars().find(|letter| !matches!(letter, '9' | '0' | ',' | 'G')) {
        return Err(format!("{other} is not supported; use 9, 0, comma, point, and FM before them"));
    }
    if let Some(other) = fraction.chars().find(|letter| !matches!(letter, '9' | '0')) {
        return Err(format!("{other} is not supported after the point; use 9 and 0"));
    }
    let digits = format!("{:.*}", fraction.len(), number.abs());
    let (own_whole, own_fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let places = whole.chars().filter(|letter| matches!(letter, '9' | '0')).count();
    let own_whole = if own_whole == "0" { "" } else { own_whole };
    let overflows = own_whole.len() > places || !number.is_finite();
    let mut missing = places.saturating_sub(own_whole.len());
    let mut own = own_whole.chars();
    let (mut text, mut begun) = (String::new(), false);
    for letter in whole.chars() {
        match letter {
            _ if overflows => text.push(if matches!(letter, ',' | 'G') { ',' } else { '#' }),
            ',' | 'G' => text.push_str(if begun {
                ","
            } else if fill {
                " "
            } else {
                ""
            }),
            _ if missing > 0 => {
                missing -= 1;
                begun |= letter == '0';
                text.push_str(if begun {
                    "0"
                } else if fill {
                    " "
                } else {
                    ""
                });
            }
            _ => {
                begun = true;
                text.extend(own.next());
            }
        }
    }
    if !fraction.is_empty() {
        let mut own_fraction = if overflows { "#".repeat(fraction.len()) } else { own_fraction.to_string() };
        if !fill {
            let kept = fraction.rfind('0').map_or(0, |place| place + 1);
            while own_fraction.len() > kept && own_fraction.ends_with('0') {
                own_fraction.pop();
            }
        }
        text.push('.');
        text.push_str(&own_fraction);
    }
    // The sign stands right before the first digit.
    let blank = text.len() - text.trim_start().len();
    let sign = if number < 0.0 {
        "-"
    } else if fill {
        " "
    } else {
        ""
    };
    Ok(format!("{}{sign}{}", &text[..blank], &text[blank..]))
}
