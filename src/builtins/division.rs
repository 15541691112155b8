//! `/` and `%` of integers and decimals: if the divisor is 0, the error names the expression and suggests what to write.
//!
//! The engine's own error is only "Divide by zero". A quotient of decimals has at least 16 places, as in PostgreSQL, and is rounded; the
//! engine gives it four more than the dividend, so that a small share of a large sum would be 0, and cuts the rest off.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, ArrowNativeTypeOp, AsArray, Datum, PrimitiveArray};
use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Decimal128Type, Decimal256Type,
    DecimalType, Field, i256,
};
use datafusion::arrow::error::ArrowError;
use datafusion::common::{Result, ScalarValue, internal_err, plan_err};
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{ColumnarValue, Expr, Operator};

use super::scalar::{Scalar, shown_name};
use crate::error::{SqlState, in_rows};

/// The function of an operator, `$name(left, right)`.
macro_rules! function {
    ($name:literal, $operator:expr) => {
        Scalar {
            name: $name,
            takes: |types| takes($operator, types),
            gives: |types| match types {
                [left, right] => result_type($operator, left, right),
                _ => plan_err!("{} takes two numbers", $name),
            },
            compute: |arguments| match arguments.args.as_slice() {
                [left, right] => {
                    let divisor = arguments.arg_fields.get(1).filter(|_| matches!(right, ColumnarValue::Array(_)));
                    let divisor = divisor.map(|field| shown_name(field));
                    compute($operator, [left, right], arguments.number_rows, &arguments.return_field, divisor.as_deref())
                }
                _ => internal_err!("{} takes two numbers", $name),
            },
            written: |arguments| match arguments {
                [left, right] => Some(format!("{} {} {}", dividend(left), $operator, divisor(right))),
                _ => None,
            },
        }
    };
}

static DIVIDE: Scalar = function!("divide", Operator::Divide);
static MODULO: Scalar = function!("modulo", Operator::Modulo);

/// The functions of this module.
pub static ALL: [&Scalar; 2] = [&DIVIDE, &MODULO];

/// True for the name of one of these functions.
pub fn is_division(name: &str) -> bool {
    ALL.iter().any(|own| own.name == name)
}

/// `left operator right` over numbers of these types, which are already coerced, if 0 is an error.
pub fn named(operator: Operator, left: (&Expr, &DataType), right: (&Expr, &DataType)) -> Option<Expr> {
    let function = match operator {
        Operator::Divide => &DIVIDE,
        Operator::Modulo => &MODULO,
        _ => return None,
    };
    let is_exact = |data_type: &DataType| data_type.is_integer() || data_type.is_decimal();
    (is_exact(left.1) && is_exact(right.1)).then(|| function.call(vec![left.0.clone(), right.0.clone()]))
}

/// The quotient of decimals, or of a decimal and an integer, before types are coerced; `None` for other types.
pub fn of_decimals(left: (&Expr, &DataType), right: (&Expr, &DataType)) -> Option<Expr> {
    let is_wide = |data_type: &DataType| matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..));
    let is_exact = |data_type: &DataType| is_wide(data_type) || data_type.is_integer();
    let ours = is_exact(left.1) && is_exact(right.1) && (is_wide(left.1) || is_wide(right.1));
    ours.then(|| DIVIDE.call(vec![left.0.clone(), right.0.clone()]))
}

/// The type of a result, for numbers whose types are coerced.
pub fn result_type(operator: Operator, left: &DataType, right: &DataType) -> Result<DataType> {
    match (operator, left, right) {
        (Operator::Divide, DataType::Decimal128(precision, scale), DataType::Decimal128(_, other)) => {
            let (precision, scale) = quotient(DECIMAL128_MAX_PRECISION, *precision, *scale, *other);
            Ok(DataType::Decimal128(precision, scale))
        }
        (Operator::Divide, DataType::Decimal256(precision, scale), DataType::Decimal256(_, other)) => {
            let (precision, scale) = quotient(DECIMAL256_MAX_PRECISION, *precision, *scale, *other);
            Ok(DataType::Decimal256(precision, scale))
        }
        _ => BinaryTypeCoercer::new(left, &operator, right).get_result_type(),
    }
}

/// The digits of a quotient, and how many of them are places: at least 16, and not fewer than those of either side. What is left stands
/// before the point.
fn quotient(most: u8, precision: u8, scale: i8, other: i8) -> (u8, i8) {
    const FEWEST_PLACES: i8 = 16;
    let places = FEWEST_PLACES.max(scale).max(other);
    let before = (i16::from(precision) - i16::from(scale) + i16::from(other)).max(1);
    let digits = u8::try_from(before + i16::from(places)).unwrap_or(most).min(most);
    (digits, places)
}

fn takes(operator: Operator, types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [left, right] => {
            let (left, right) = BinaryTypeCoercer::new(left, &operator, right).get_input_types()?;
            Ok(vec![left, right])
        }
        _ => plan_err!("{operator} takes two numbers"),
    }
}

/// The result for numbers whose types are coerced; `divisor` is its name in errors, and the name of `result` that of the expression.
pub fn compute(
    operator: Operator,
    [left, right]: [&ColumnarValue; 2],
    rows: usize,
    result: &Field,
    divisor: Option<&str>,
) -> Result<ColumnarValue> {
    let are_constants = matches!((left, right), (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_)));
    let rows = if are_constants { 1 } else { rows };
    let datum = |value: &ColumnarValue| -> Result<Box<dyn Datum>> {
        Ok(match value {
            ColumnarValue::Array(column) => Box::new(ArrayRef::clone(column)),
            ColumnarValue::Scalar(value) => Box::new(value.to_scalar()?),
        })
    };
    let (first, second) = (datum(left)?, datum(right)?);
    let computed = match operator {
        Operator::Divide => match result.data_type() {
            DataType::Decimal128(precision, scale) => {
                let (left, right) = (left.to_array(rows)?, right.to_array(rows)?);
                quotients::<Decimal128Type>(left.as_primitive(), right.as_primitive(), *precision, *scale)
            }
            DataType::Decimal256(precision, scale) => {
                let (left, right) = (left.to_array(rows)?, right.to_array(rows)?);
                quotients::<Decimal256Type>(left.as_primitive(), right.as_primitive(), *precision, *scale)
            }
            _ => numeric::div(first.as_ref(), second.as_ref()),
        },
        Operator::Modulo => numeric::rem(first.as_ref(), second.as_ref()),
        _ => return internal_err!("{operator} does not divide"),
    };
    let expression = result.name();
    let is_decimal = result.data_type().is_decimal();
    let result = computed.map_err(|error| match error {
        ArrowError::DivideByZero => {
            let problem = match divisor {
                Some(divisor) => format!("division by zero; write NULLIF({divisor}, 0)"),
                None => "division by zero: the divisor is 0".into(),
            };
            in_rows(SqlState::DIVISION_BY_ZERO, expression, "division by zero", problem)
        }
        ArrowError::ArithmeticOverflow(_) => {
            let problem = match is_decimal {
                true => "a result is out of the range of its type; cast one side to DOUBLE",
                false => "a result is out of the range of its type; cast one side to DECIMAL(38, 0), or to DOUBLE",
            };
            in_rows(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, expression, problem, problem)
        }
        other => other.into(),
    })?;
    debug_assert!(result.len() == rows);
    Ok(match are_constants {
        true => ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?),
        false => ColumnarValue::Array(result),
    })
}

/// The digits of a decimal.
trait Digits: Copy {
    fn wide(self) -> i256;
    fn narrow(wide: i256) -> Option<Self>;

    /// `self * up / (other * down)` rounded, if that is computed without more digits.
    fn quotient(self, other: Self, up: i256, down: i256) -> Option<Self>;
}

impl Digits for i128 {
    fn wide(self) -> i256 {
        i256::from_i128(self)
    }

    fn narrow(wide: i256) -> Option<Self> {
        wide.to_i128()
    }

    fn quotient(self, other: Self, up: i256, down: i256) -> Option<Self> {
        let dividend = self.checked_mul(up.to_i128()?)?;
        let divisor = other.checked_mul(down.to_i128()?)?;
        let (quotient, rest) = (dividend.checked_div(divisor)?, dividend.checked_rem(divisor)?);
        let is_up = rest.unsigned_abs() >= divisor.unsigned_abs() - rest.unsigned_abs();
        let away = if (dividend < 0) == (divisor < 0) { 1 } else { -1 };
        quotient.checked_add(if is_up { away } else { 0 })
    }
}

impl Digits for i256 {
    fn wide(self) -> i256 {
        self
    }

    fn narrow(wide: i256) -> Option<Self> {
        Some(wide)
    }

    fn quotient(self, _: Self, _: i256, _: i256) -> Option<Self> {
        None
    }
}

/// Quotients of decimals, rounded to so many places; halves go away from zero.
fn quotients<T: DecimalType + ArrowPrimitiveType>(
    left: &PrimitiveArray<T>,
    right: &PrimitiveArray<T>,
    precision: u8,
    scale: i8,
) -> std::result::Result<ArrayRef, ArrowError>
where
    T::Native: Digits,
{
    let too_large = || ArrowError::ArithmeticOverflow("a quotient of decimals".into());
    let ten_to = |places: u32| i256::from_i128(10).checked_pow(places).ok_or_else(too_large);
    let places = i32::from(scale) - i32::from(left.scale()) + i32::from(right.scale());
    let (up, down) = (ten_to(places.max(0).unsigned_abs())?, ten_to(places.min(0).unsigned_abs())?);
    let most = ten_to(precision.into())?;
    let widely = |dividend: i256, divisor: i256| -> Option<i256> {
        let (dividend, divisor) = (dividend.checked_mul(up)?, divisor.checked_mul(down)?);
        let (quotient, rest) = (dividend.checked_div(divisor)?, dividend.checked_rem(divisor)?);
        let (rest, whole) = (rest.wrapping_abs(), divisor.wrapping_abs());
        let away = if dividend.is_negative() == divisor.is_negative() { i256::ONE } else { i256::MINUS_ONE };
        quotient.checked_add(if rest >= whole.wrapping_sub(rest) { away } else { i256::ZERO })
    };
    let divided = |dividend: T::Native, divisor: T::Native| {
        if divisor.is_zero() {
            return Err(ArrowError::DivideByZero);
        }
        let quotient = match Digits::quotient(dividend, divisor, up, down) {
            Some(quotient) => Some(quotient),
            None => widely(dividend.wide(), divisor.wide()).and_then(T::Native::narrow),
        };
        quotient.filter(|quotient| quotient.wide().wrapping_abs() < most).ok_or_else(too_large)
    };
    let quotients = left.iter().zip(right).map(|pair| match pair {
        (Some(dividend), Some(divisor)) => divided(dividend, divisor).map(Some),
        _ => Ok(None),
    });
    let quotients = quotients.collect::<std::result::Result<PrimitiveArray<T>, ArrowError>>()?;
    Ok(Arc::new(quotients.with_precision_and_scale(precision, scale)?))
}

/// The dividend, as it is written before `/`.
fn dividend(text: &str) -> String {
    if has_operator(text, &[" + ", " - "]) { format!("({text})") } else { text.into() }
}

fn divisor(text: &str) -> String {
    if has_operator(text, &[" + ", " - ", " * ", " / ", " % "]) { format!("({text})") } else { text.into() }
}

/// True for a string that contains one of the operators outside brackets and quotes.
fn has_operator(text: &str, operators: &[&str]) -> bool {
    let (mut depth, mut quote) = (0_usize, None);
    for (place, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), letter) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(letter),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, ' ') if depth == 0 && operators.iter().any(|operator| text[place..].starts_with(operator)) => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::Decimal128Array;

    fn quotients_of(left: &[i128], right: &[i128], scales: (i8, i8)) -> std::result::Result<Vec<i128>, ArrowError> {
        let decimals =
            |digits: &[i128], scale| Decimal128Array::from(digits.to_vec()).with_precision_and_scale(38, scale).unwrap();
        let (precision, scale) = quotient(38, 38, scales.0, scales.1);
        let results = quotients::<Decimal128Type>(&decimals(left, scales.0), &decimals(right, scales.1), precision, scale)?;
        Ok(results.as_primitive::<Decimal128Type>().values().to_vec())
    }

    #[test]
    fn quotients_are_rounded_and_have_sixteen_places() {
        assert_eq!(quotients_of(&[1, 2], &[3, 3], (0, 0)).unwrap(), [3_333_333_333_333_333, 6_666_666_666_666_667]);
        assert_eq!(quotients_of(&[-2, 2], &[3, -3], (0, 0)).unwrap(), [-6_666_666_666_666_667; 2]);
        // 10³⁷ / 10³⁰, whose dividend needs more than 128 bits.
        assert_eq!(quotients_of(&[10_i128.pow(37)], &[10_i128.pow(30)], (0, 0)).unwrap(), [10_i128.pow(23)]);
        // 0.03 / 2.00
        assert_eq!(quotients_of(&[3], &[200], (2, 2)).unwrap(), [150_000_000_000_000]);
        assert!(matches!(quotients_of(&[1], &[0], (0, 0)), Err(ArrowError::DivideByZero)));
        assert!(matches!(quotients_of(&[10_i128.pow(37)], &[1], (0, 0)), Err(ArrowError::ArithmeticOverflow(_))));
    }

    #[test]
    fn digits_that_are_not_places_stand_before_the_point() {
        assert_eq!(quotient(38, 10, 2, 0), (24, 16));
        assert_eq!(quotient(38, 38, 0, 0), (38, 16));
        assert_eq!(quotient(38, 38, 20, 2), (38, 20));
        assert_eq!(quotient(76, 76, 0, 2), (76, 16));
    }
}
