//! Floats as decimals: the digits of a float are rounded, as in PostgreSQL, so that 1.005 becomes 1.01.
//!
//! The digits are those that the float is shown with, the fewest that are read back as the same float. DataFusion rounds the product with a
//! power of ten, which for 1.005 is a little less than 100.5; products above 2⁵³ also have digits that nobody wrote.
//!
//! A number of the statement with more digits than a float holds keeps its text until it is known whether it becomes a decimal. A large
//! one, whose digits before the point are too many, is a decimal by itself.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, StringArray};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::{Case, ColumnarValue, Expr, LogicalPlan, Operator, cast, lit, try_cast};

use super::scalar::Scalar;

static DECIMAL: Scalar = Scalar {
    name: "decimal_of_float",
    takes: |types| match types {
        [DataType::Float32 | DataType::Float64, decimal] if decimal.is_decimal() => Ok(types.to_vec()),
        _ => plan_err!("expected a float and a decimal"),
    },
    gives: |types| match types {
        [_, decimal] => Ok(decimal.clone()),
        _ => plan_err!("expected a float and a decimal"),
    },
    compute: |arguments| {
        let to = arguments.return_field.data_type();
        let mut numbers = arguments.args[0].to_array(arguments.number_rows)?;
        if !are_rounded_alike(&numbers, to) {
            numbers = Arc::new(digits(&numbers));
        }
        let options = CastOptions { safe: false, ..CastOptions::default() };
        Ok(ColumnarValue::Array(cast_with_options(&numbers, to, &options)?))
    },
    written: |arguments| arguments.first().cloned(),
};

static DIGITS: Scalar = Scalar {
    name: "digits_of_float",
    takes: |types| match types {
        [DataType::Float32 | DataType::Float64] => Ok(types.to_vec()),
        _ => plan_err!("expected a float"),
    },
    gives: |_| Ok(DataType::Utf8),
    compute: |arguments| {
        let numbers = arguments.args[0].to_array(arguments.number_rows)?;
        Ok(ColumnarValue::Array(Arc::new(digits(&numbers))))
    },
    written: |arguments| arguments.first().cloned(),
};

static WRITTEN: Scalar = Scalar {
    name: "number_as_written",
    takes: |types| match types {
        [text] if text.is_string() => Ok(vec![DataType::Utf8]),
        [decimal] if decimal.is_decimal() => Ok(types.to_vec()),
        _ => plan_err!("expected a text"),
    },
    gives: |types| match types {
        [decimal] if decimal.is_decimal() => Ok(decimal.clone()),
        _ => Ok(DataType::Float64),
    },
    compute: |arguments| {
        if arguments.return_field.data_type().is_decimal() {
            return Ok(arguments.args[0].clone());
        }
        let texts = arguments.args[0].to_array(arguments.number_rows)?;
        let numbers: Float64Array = texts.as_string::<i32>().iter().map(|text| text?.parse().ok()).collect();
        Ok(ColumnarValue::Array(Arc::new(numbers)))
    },
    written: |arguments| arguments.first().cloned(),
};

/// The functions of this module.
pub static ALL: [&Scalar; 3] = [&DECIMAL, &DIGITS, &WRITTEN];

/// The function whose argument is a number as text.
pub const AS_WRITTEN: &str = "number_as_written";

/// True for a number in SQL that is read as a float and loses digits by that.
pub fn is_longer_than_float(number: &str) -> bool {
    let is_plain = number.bytes().all(|letter| letter.is_ascii_digit() || letter == b'.');
    is_plain
        && number.parse::<u64>().is_err()
        && number.parse::<f64>().is_ok_and(|float| without_zeros(&float.to_string()) != without_zeros(number))
}

/// The digits of a number in SQL, and how many of them are places, if it is a decimal by itself: neither an integer nor a float holds the
/// digits before its point.
pub fn own_digits(number: &str, sign: &str) -> Option<(usize, usize)> {
    let (whole, places) = number.split_once('.').unwrap_or((number, ""));
    let whole = whole.trim_start_matches('0');
    let is_plain = !whole.is_empty() && whole.bytes().chain(places.bytes()).all(|letter| letter.is_ascii_digit());
    let is_large = if number.contains('.') {
        whole.len() > 15 && is_longer_than_float(number)
    } else {
        let is_unsigned = sign.is_empty() && number.parse::<u64>().is_ok();
        !is_unsigned && format!("{sign}{number}").parse::<i64>().is_err()
    };
    (is_plain && is_large).then_some((whole.len() + places.len(), places.len()))
}

/// The number without zeros that do not count.
fn without_zeros(number: &str) -> &str {
    let number = number.trim_start_matches('0');
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// A number of the statement beside a decimal, as a decimal with its digits, so that `amount + 0.1` is exact; `None` for anything else, and
/// where a decimal would have too few digits left before the point.
///
/// Times a whole number, as in `100.0 * part / all`, stays a float: whoever writes the point there asks for one.
pub fn beside(number: &Expr, operator: Operator, other: &Expr, other_type: &DataType) -> Option<Expr> {
    let (precision, scale) = match other_type {
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            (i32::from(*precision), i32::from(*scale))
        }
        _ => return None,
    };
    let is_long = is_written(number);
    let text = text_of_number(number)?;
    let (whole, places) = digits_of(&text)?;
    let digits = u8::try_from((whole + places).max(1)).ok().filter(|digits| *digits <= 76)?;
    let own_scale = i8::try_from(places).ok()?;
    let is_wide = is_long || is_written(other) || matches!(other_type, DataType::Decimal256(..));
    let result_scale = match operator {
        Operator::Multiply if places == 0 && !is_wide => return None,
        Operator::Multiply => scale + i32::from(own_scale),
        _ => scale.max(i32::from(own_scale)),
    };
    // A result whose digits before the point are at least those of large sums of money.
    let needed = (precision - scale + i32::try_from(whole).ok()?).min(20);
    let fits = digits <= 38 && 38 - result_scale >= needed && matches!(other_type, DataType::Decimal128(..));
    match (fits, is_wide) {
        (true, _) => Some(cast(lit(text), DataType::Decimal128(digits, own_scale))),
        (false, true) => Some(cast(lit(text), DataType::Decimal256(digits, own_scale))),
        (false, false) => None,
    }
}

/// A number of the statement that is read as a float, as a decimal with its digits, and the type of that; `None` for anything else, and
/// for more digits than decimals have.
pub fn of_number(number: &Expr) -> Option<(Expr, DataType)> {
    let text = text_of_number(number)?;
    let (whole, places) = digits_of(&text)?;
    let digits = u8::try_from((whole + places).max(1)).ok()?;
    let places = i8::try_from(places).ok()?;
    let data_type = match digits {
        ..=38 => DataType::Decimal128(digits, places),
        39..=76 => DataType::Decimal256(digits, places),
        _ => return None,
    };
    Some((cast(lit(text), data_type.clone()), data_type))
}

/// The text of a number of the statement that has a point or an exponent.
fn text_of_number(number: &Expr) -> Option<String> {
    match number {
        Expr::Literal(ScalarValue::Float64(Some(number)), _) => Some(number.to_string()),
        Expr::ScalarFunction(call) if is_written(number) => match call.args.as_slice() {
            [Expr::Literal(ScalarValue::Utf8(Some(text)), _)] => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// How many digits a number has before its point and after it.
fn digits_of(text: &str) -> Option<(usize, usize)> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, places) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let whole = whole.trim_start_matches('0');
    let is_plain = whole.bytes().chain(places.bytes()).all(|letter| letter.is_ascii_digit());
    is_plain.then_some((whole.len(), places.len()))
}

/// True for a number of the statement that keeps its digits.
pub fn is_written(number: &Expr) -> bool {
    matches!(number, Expr::ScalarFunction(call) if call.name() == AS_WRITTEN)
}

/// A float cast to a decimal.
pub fn of_float(number: Expr, to: &DataType) -> Result<Expr> {
    if let Some(text) = text_of(&number) {
        return Ok(cast(text, to.clone()));
    }
    match number {
        // MERGE chooses among the values of its clauses by CASE.
        Expr::Case(mut choice) if results(&choice).any(|result| text_of(result).is_some()) => {
            for result in choice.when_then_expr.iter_mut().map(|(_, result)| result).chain(choice.else_expr.iter_mut()) {
                **result = of_float(std::mem::take(result.as_mut()), to)?;
            }
            Ok(Expr::Case(choice))
        }
        number => Ok(DECIMAL.call(vec![number, lit(ScalarValue::new_zero(to)?)])),
    }
}

fn results(choice: &Case) -> impl Iterator<Item = &Expr> {
    choice.when_then_expr.iter().map(|(_, result)| &**result).chain(choice.else_expr.iter().map(|result| &**result))
}

/// The number with more digits than a float holds that a query selects in this column, alone.
pub fn selected(query: &LogicalPlan, column: usize) -> Option<&Expr> {
    constant_column(query, column).filter(|item| text_of(item).is_some())
}

/// The expression that a query selects in this column, if that is one of the statement and the same for all rows: a number that keeps its
/// digits, or a constant.
pub fn constant_column(query: &LogicalPlan, column: usize) -> Option<&Expr> {
    match query {
        LogicalPlan::Projection(projection) => {
            let mut item = projection.expr.get(column)?;
            while let Expr::Alias(alias) = item {
                item = alias.expr.as_ref();
            }
            (matches!(item, Expr::Literal(..)) || text_of(item).is_some()).then_some(item)
        }
        LogicalPlan::Sort(sort) => constant_column(&sort.input, column),
        LogicalPlan::Limit(limit) => constant_column(&limit.input, column),
        LogicalPlan::SubqueryAlias(named) => constant_column(&named.input, column),
        _ => None,
    }
}

/// Like [`of_float`], but NULL where the decimal has too few digits.
pub fn try_of_float(number: Expr, to: &DataType) -> Expr {
    let text = text_of(&number);
    try_cast(text.unwrap_or_else(|| DIGITS.call(vec![number])), to.clone())
}

/// The text of a number with more digits than a float holds.
pub fn text_of(number: &Expr) -> Option<Expr> {
    match number {
        Expr::ScalarFunction(call) if call.name() == AS_WRITTEN => match call.args.first() {
            Some(Expr::Cast(Cast { expr: text, .. })) => Some(text.as_ref().clone()),
            other => other.cloned(),
        },
        _ => None,
    }
}

/// True if the engine's cast gives what rounding the digits gives. That is so unless a product with the power of ten is as close to a half
/// as it may be wrong, or is so large that its last digits may be. A product that no decimal holds is the same error either way.
fn are_rounded_alike(numbers: &ArrayRef, to: &DataType) -> bool {
    const LARGEST: f64 = 1_125_899_906_842_624.0;
    const RELATIVE_ERROR: f64 = 8.0 * f64::EPSILON;
    let scale = match to {
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) => *scale,
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => *scale,
        _ => return true,
    };
    // The engine reads no text as a decimal without digits before the tens.
    if scale < 0 {
        return true;
    }
    let Some(numbers) = numbers.as_primitive_opt::<Float64Type>() else { return false };
    let power = 10_f64.powi(scale.into());
    numbers.iter().flatten().all(|number| {
        let product = (number * power).abs();
        let is_exact = product < LARGEST && (product.fract() - 0.5).abs() > product * RELATIVE_ERROR;
        is_exact || product.is_nan() || product >= 1e77
    })
}

fn digits(numbers: &ArrayRef) -> StringArray {
    // Decimals have at most 76 places. Smaller numbers would be longer texts than the engine reads.
    const SMALLEST: f64 = 1e-77;
    match numbers.as_primitive_opt::<Float32Type>() {
        Some(numbers) => numbers.iter().map(|number| Some(number?.to_string())).collect(),
        None => numbers
            .as_primitive::<Float64Type>()
            .iter()
            .map(|number| number.map(|number| if number.abs() < SMALLEST { "0".to_string() } else { number.to_string() }))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::Array;
    use datafusion::arrow::util::display::array_value_to_string;

    #[test]
    fn the_digits_are_rounded() {
        let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.005, 0.285, -1.255, 123_456_789_012_345.67, 2.0]));
        let to = DataType::Decimal128(19, 2);
        assert!(!are_rounded_alike(&numbers, &to));
        assert!(are_rounded_alike(&numbers.slice(4, 1), &to));
        let rounded = cast_with_options(&digits(&numbers), &to, &CastOptions::default()).unwrap();
        let shown: Vec<String> = (0..rounded.len()).map(|row| array_value_to_string(&rounded, row).unwrap()).collect();
        assert_eq!(shown, ["1.01", "0.29", "-1.26", "123456789012345.67", "2.00"]);
    }

    #[test]
    fn long_numbers_are_recognised() {
        for long in ["12345678901234567.89", "12345678901234.567", "123456789012345678901", "0.12345678901234567890"] {
            assert!(is_longer_than_float(long), "{long}");
        }
        for short in ["1.005", "12345678901234567", "0.000000000000000001", "1e400", "00123456789012345.50", ".5", "5.", "0.0"] {
            assert!(!is_longer_than_float(short), "{short}");
        }
    }

    #[test]
    fn large_numbers_are_decimals() {
        assert_eq!(own_digits("123456789012345678901234567890", ""), Some((30, 0)));
        assert_eq!(own_digits("0012345678901234567.1234567892", ""), Some((27, 10)));
        assert_eq!(own_digits("9223372036854775809", "-"), Some((19, 0)));
        for other in ["18446744073709551615", "9223372036854775808", "3.14159265358979323846", "1e30", "1234567890123456.5"] {
            assert_eq!(own_digits(other, ""), None, "{other}");
        }
        assert_eq!(own_digits("9223372036854775808", "-"), None);
    }
}
