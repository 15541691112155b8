//! Texts such as `1.5e3` that are cast to DECIMAL. The engine takes no exponent there.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{ColumnarValue, Expr, lit};

use super::scalar::Scalar;

/// The function of this module.
pub static ALL: [&Scalar; 1] = [&PLAIN];

static PLAIN: Scalar = Scalar {
    name: "text_without_exponent",
    takes: |types| Ok(types.to_vec()),
    gives: |_| Ok(DataType::Utf8),
    compute: |arguments| {
        let given = cast(&arguments.args[0].to_array(arguments.number_rows)?, &DataType::Utf8)?;
        let texts = given.as_string::<i32>();
        if texts.iter().flatten().all(|text| plain(text).is_none()) {
            return Ok(ColumnarValue::Array(given));
        }
        let texts: StringArray = texts.iter().map(|text| Some(plain(text?).map_or(Cow::Borrowed(text?), Cow::Owned))).collect();
        Ok(ColumnarValue::Array(Arc::new(texts)))
    },
    written: |arguments| arguments.first().cloned(),
};

/// A text that is to be read as a decimal, without an exponent; `None` if it is so already.
pub fn written_out(text: &Expr) -> Option<Expr> {
    match text {
        Expr::Literal(value, _) => value.try_as_str().flatten().and_then(plain).map(lit),
        Expr::ScalarFunction(call) if call.func.name() == PLAIN.name => None,
        _ => Some(PLAIN.call(vec![text.clone()])),
    }
}

/// The most places that a point is moved: more than any decimal has digits.
const MOST: u32 = 100;

/// `1500` for `1.5e3`; `None` for a text without an exponent, and for one that is no number.
fn plain(text: &str) -> Option<String> {
    let (number, exponent) = text.trim().split_once(['e', 'E'])?;
    let exponent: i32 = exponent.parse().ok().filter(|exponent: &i32| exponent.unsigned_abs() <= MOST)?;
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let are_digits = |part: &str| part.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let all = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).ok()? + exponent;
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    let length = i32::try_from(all.len()).ok()?;
    Some(match usize::try_from(point) {
        Ok(place) if place > 0 && place < all.len() => format!("{sign}{}.{}", &all[..place], &all[place..]),
        Ok(place) if place > 0 => format!("{sign}{all}{}", zeros(point - length)),
        _ => format!("{sign}0.{}{all}", zeros(-point)),
    })
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn exponents_move_the_point() {
        for (text, expected) in [
            ("1.5e3", Some("1500")),
            ("1E-10", Some("0.0000000001")),
            ("-12.5e-1", Some("-1.25")),
            (" +7e+2 ", Some("700")),
            (".5e1", Some("5")),
            ("5.e1", Some("50")),
            ("1e0", Some("1")),
            ("1.25e1", Some("12.5")),
            ("12", None),
            ("e5", None),
            ("1e", None),
            ("1e1000", None),
            ("1e+-5", None),
            ("one", None),
            ("", None),
        ] {
            assert_eq!(plain(text).as_deref(), expected, "{text}");
        }
    }
}
