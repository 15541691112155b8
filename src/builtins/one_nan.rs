//! Arithmetic of floats, whose NaN and whose zero have no sign.
//!
//! Processors give 0.0 / 0.0 and infinity less infinity the sign of a negative number, and comparisons of the engine go by it: such a NaN
//! would be less than all numbers and differ from `CAST('NaN' AS DOUBLE)`. Files written by other programs have such NaN too, and the text
//! `-nan` is read as one. In the same way -0.0 equals 0.0, but is another value wherever the engine compares bits: in long IN lists, lists,
//! structs, `count(DISTINCT x)`, and the values that a join looks for in a scan.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float32Array, Float64Array};
use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::common::{Result, ScalarValue, internal_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, Expr, Operator, ScalarUDF};
use datafusion::physical_expr_common::datum::apply;

use super::scalar::Scalar;

/// The function of an operator, `$name(left, right)`.
macro_rules! function {
    ($name:literal, $sign:literal, $operation:expr) => {
        Scalar {
            name: $name,
            takes,
            gives,
            compute: |arguments| match arguments.args.as_slice() {
                [left, right] => Ok(without_sign(apply(left, right, $operation)?)),
                _ => internal_err!("{} takes two numbers", $name),
            },
            written: |arguments| match arguments {
                [left, right] => Some(format!("{left} {} {right}", $sign)),
                _ => None,
            },
        }
    };
}

static ADD: Scalar = function!("add_floats", "+", numeric::add_wrapping);
static SUBTRACT: Scalar = function!("subtract_floats", "-", numeric::sub_wrapping);
static MULTIPLY: Scalar = function!("multiply_floats", "*", numeric::mul_wrapping);
static DIVIDE: Scalar = function!("divide_floats", "/", numeric::div);
static REMAINDER: Scalar = function!("remainder_of_floats", "%", numeric::rem);

/// A float as it is, unless it is NaN or zero.
static PLAIN: Scalar = Scalar {
    name: "plain_float",
    takes,
    gives,
    compute: |arguments| match arguments.args.as_slice() {
        [number] => Ok(without_sign(number.clone())),
        _ => internal_err!("plain_float takes one number"),
    },
    written: |arguments| arguments.first().cloned(),
};

static NEGATIVE: Scalar = Scalar {
    name: "negative_float",
    takes,
    gives,
    compute: |arguments| match arguments.args.as_slice() {
        [number] => {
            let negative = numeric::neg(number.to_array(arguments.number_rows)?.as_ref())?;
            Ok(without_sign(ColumnarValue::Array(negative)))
        }
        _ => internal_err!("negative_float takes one number"),
    },
    written: |arguments| match arguments {
        [number] => Some(format!("(- {number})")),
        _ => None,
    },
};

/// The functions of this module.
pub static ALL: [&Scalar; 7] = [&ADD, &SUBTRACT, &MULTIPLY, &DIVIDE, &REMAINDER, &NEGATIVE, &PLAIN];

/// True for the name of one of these functions, which never fail.
pub fn is_own(name: &str) -> bool {
    ALL.iter().any(|scalar| scalar.name == name)
}

fn takes(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [DataType::Float64, ..] | [DataType::Float32, ..] if types.iter().all(|data_type| *data_type == types[0]) => {
            Ok(types.to_vec())
        }
        _ => plan_err!("expected floats of one type"),
    }
}

fn gives(types: &[DataType]) -> Result<DataType> {
    match types.first() {
        Some(data_type) => Ok(data_type.clone()),
        None => plan_err!("expected floats"),
    }
}

fn is_float(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Float32 | DataType::Float64)
}

/// `left operator right` over floats of these types, if its result could have a sign that it must not have.
pub fn of_two(operator: Operator, left: (&Expr, &DataType), right: (&Expr, &DataType)) -> Option<Expr> {
    let function = match operator {
        Operator::Plus => &ADD,
        Operator::Minus => &SUBTRACT,
        Operator::Multiply => &MULTIPLY,
        Operator::Divide => &DIVIDE,
        Operator::Modulo => &REMAINDER,
        _ => return None,
    };
    (is_float(left.1) && left.1 == right.1).then(|| function.call(vec![left.0.clone(), right.0.clone()]))
}

/// `-number` over a float of this type.
pub fn negative(number: &Expr, data_type: &DataType) -> Option<Expr> {
    is_float(data_type).then(|| NEGATIVE.call(vec![number.clone()]))
}

/// A float that was read from a text or a file.
pub fn plain(number: Expr) -> Expr {
    PLAIN.call(vec![number])
}

/// The function of [`plain`].
pub fn plain_function() -> ScalarUDF {
    PLAIN.udf()
}

/// A constant NaN or zero without its sign; `None` for any other constant.
pub fn of_constant(value: &ScalarValue) -> Option<ScalarValue> {
    match value {
        ScalarValue::Float64(Some(number)) if is_signed_64(*number) => Some(ScalarValue::Float64(Some(plain_64(*number)))),
        ScalarValue::Float32(Some(number)) if is_signed_32(*number) => Some(ScalarValue::Float32(Some(plain_32(*number)))),
        _ => None,
    }
}

/// Takes the sign of every NaN and zero.
pub fn without_sign(value: ColumnarValue) -> ColumnarValue {
    match value {
        ColumnarValue::Array(values) => ColumnarValue::Array(all_without_sign(&values)),
        ColumnarValue::Scalar(value) => ColumnarValue::Scalar(of_constant(&value).unwrap_or(value)),
    }
}

fn all_without_sign(values: &ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Float64 => {
            let floats = values.as_primitive::<Float64Type>();
            if floats.values().iter().any(|number| is_signed_64(*number)) {
                let plain: Float64Array = floats.unary(plain_64);
                return Arc::new(plain);
            }
        }
        DataType::Float32 => {
            let floats = values.as_primitive::<Float32Type>();
            if floats.values().iter().any(|number| is_signed_32(*number)) {
                let plain: Float32Array = floats.unary(plain_32);
                return Arc::new(plain);
            }
        }
        _ => {}
    }
    Arc::clone(values)
}

/// True for a NaN, and for -0.0.
fn is_signed_64(number: f64) -> bool {
    number.is_nan() || number.to_bits() == (-0.0_f64).to_bits()
}

fn is_signed_32(number: f32) -> bool {
    number.is_nan() || number.to_bits() == (-0.0_f32).to_bits()
}

/// Adding 0.0 turns -0.0 into 0.0 and leaves every other number as it is.
fn plain_64(number: f64) -> f64 {
    if number.is_nan() { f64::NAN } else { number + 0.0 }
}

fn plain_32(number: f32) -> f32 {
    if number.is_nan() { f32::NAN } else { number + 0.0 }
}
