//! `/` and `%` of integers and decimals: if the divisor is 0, the error names the expression and suggests what to write.
//!
//! The engine's own error is only "Divide by zero".

use datafusion::arrow::array::{ArrayRef, Datum};
use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use datafusion::common::{Result, ScalarValue, internal_err, plan_err};
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{ColumnarValue, Expr, Operator};

use super::scalar::Scalar;
use crate::error::{SqlState, in_rows};

/// The function of an operator, `$name(left, right)`.
macro_rules! function {
    ($name:literal, $operator:expr) => {
        Scalar {
            name: $name,
            takes: |types| takes($operator, types),
            gives: |types| match types {
                [left, right] => BinaryTypeCoercer::new(left, &$operator, right).get_result_type(),
                _ => plan_err!("{} takes two numbers", $name),
            },
            compute: |arguments| match arguments.args.as_slice() {
                [left, right] => {
                    let divisor = arguments.arg_fields.get(1).filter(|_| matches!(right, ColumnarValue::Array(_)));
                    let divisor = divisor.map(|field| field.name().as_str());
                    compute($operator, [left, right], arguments.number_rows, arguments.return_field.name(), divisor)
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

fn takes(operator: Operator, types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [left, right] => {
            let (left, right) = BinaryTypeCoercer::new(left, &operator, right).get_input_types()?;
            Ok(vec![left, right])
        }
        _ => plan_err!("{operator} takes two numbers"),
    }
}

/// The result for numbers whose types are coerced; `expression` and `divisor` are their names in errors.
pub fn compute(
    operator: Operator,
    [left, right]: [&ColumnarValue; 2],
    rows: usize,
    expression: &str,
    divisor: Option<&str>,
) -> Result<ColumnarValue> {
    let datum = |value: &ColumnarValue| -> Result<Box<dyn Datum>> {
        Ok(match value {
            ColumnarValue::Array(column) => Box::new(ArrayRef::clone(column)),
            ColumnarValue::Scalar(value) => Box::new(value.to_scalar()?),
        })
    };
    let (first, second) = (datum(left)?, datum(right)?);
    let computed = match operator {
        Operator::Divide => numeric::div(first.as_ref(), second.as_ref()),
        Operator::Modulo => numeric::rem(first.as_ref(), second.as_ref()),
        _ => return internal_err!("{operator} does not divide"),
    };
    let result = computed.map_err(|error| match error {
        ArrowError::DivideByZero => {
            let problem = match divisor {
                Some(divisor) => format!("division by zero; write NULLIF({divisor}, 0)"),
                None => "division by zero: the divisor is 0".into(),
            };
            in_rows(SqlState::DIVISION_BY_ZERO, expression, "division by zero", problem)
        }
        ArrowError::ArithmeticOverflow(_) => {
            let problem = "a result is out of the range of its type; cast one side to DECIMAL(38, 0), or to DOUBLE";
            in_rows(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, expression, problem, problem)
        }
        other => other.into(),
    })?;
    debug_assert!(matches!((left, right), (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_))) || result.len() == rows);
    Ok(match (left, right) {
        (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_)) => ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?),
        _ => ColumnarValue::Array(result),
    })
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
