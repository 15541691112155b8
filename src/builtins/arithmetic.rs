//! `+`, `-` and `*` of integers and decimals: the right number, or an error.
//!
//! The engine's own operators wrap: there, 2147483647 + 1 is -2147483648. Here, numbers of up to 32 bits are computed in 64,
//! and a result outside its range is an error that names the expression. Decimals get as many digits as their result can need,
//! up to 38; only results that could need more are checked. A product that would have more than 30 places, such as one of two quotients,
//! is rounded to 24, because too few digits would be left before the point.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Datum, PrimitiveArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Field, Int64Type, UInt64Type, i256};
use datafusion::arrow::error::ArrowError;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{ColumnarValue, Expr, Operator, ScalarUDF};

use super::scalar::Scalar;
use crate::error::{SqlState, in_rows};
use crate::kernels::checked::{Operand, Operation};

/// The function of an operation, `$name(left, right)`.
macro_rules! function {
    ($name:literal, $operation:expr) => {
        Scalar {
            name: $name,
            takes: |types| takes($operation, types),
            gives: |types| gives($operation, types),
            compute: |arguments| match arguments.args.as_slice() {
                [left, right] => compute($operation, [left, right], arguments.number_rows, &arguments.return_field),
                _ => internal_err!("{} takes two numbers", $name),
            },
            written: |arguments| match arguments {
                [left, right] => Some(format!("{left} {} {right}", sign($operation))),
                _ => None,
            },
        }
    };
}

static ADD: Scalar = function!("add", Operation::Add);
static SUBTRACT: Scalar = function!("subtract", Operation::Subtract);
static MULTIPLY: Scalar = function!("multiply", Operation::Multiply);

/// The functions of this module.
pub static ALL: [&Scalar; 3] = [&ADD, &SUBTRACT, &MULTIPLY];

/// The operation of an operator.
fn operation(operator: Operator) -> Option<Operation> {
    match operator {
        Operator::Plus => Some(Operation::Add),
        Operator::Minus => Some(Operation::Subtract),
        Operator::Multiply => Some(Operation::Multiply),
        _ => None,
    }
}

/// True if the engine's own operator could be wrong for numbers of these types, which are already coerced.
fn is_needed(operation: Operation, left: &DataType, right: &DataType) -> bool {
    match (left, right) {
        (left, right) if left.is_integer() && right.is_integer() => true,
        (DataType::Decimal128(..), DataType::Decimal128(..)) => {
            matches!(decimal(operation, left, right), Ok(DataType::Decimal128(38, _)))
        }
        _ => false,
    }
}

/// `left operator right` over numbers of these types, if the engine's own operator could be wrong.
pub fn exact(operator: Operator, left: (&Expr, &DataType), right: (&Expr, &DataType)) -> Option<Expr> {
    let operation = operation(operator)?;
    let scalar = match operation {
        Operation::Add => &ADD,
        Operation::Subtract => &SUBTRACT,
        Operation::Multiply => &MULTIPLY,
    };
    is_needed(operation, left.1, right.1).then(|| scalar.call(vec![left.0.clone(), right.0.clone()]))
}

/// The same for values whose types are already coerced.
pub fn exactly(operator: Operator, sides: [&ColumnarValue; 2], rows: usize, result: &Field) -> Result<Option<ColumnarValue>> {
    match operation(operator) {
        Some(operation) if is_needed(operation, &sides[0].data_type(), &sides[1].data_type()) => {
            compute(operation, sides, rows, result).map(Some)
        }
        _ => Ok(None),
    }
}

/// The types to which two integers are converted, and the type of the result, if these differ from the engine's.
pub fn whole_types(operator: Operator, left: &DataType, right: &DataType) -> Option<[DataType; 3]> {
    let operation = operation(operator).filter(|_| left.is_integer() && right.is_integer())?;
    let [left, right] = <[DataType; 2]>::try_from(takes(operation, &[left.clone(), right.clone()]).ok()?).ok()?;
    let result = gives(operation, &[left.clone(), right.clone()]).ok()?;
    Some([left, right, result])
}

/// True for the functions of this module.
pub fn is_arithmetic(function: &ScalarUDF) -> bool {
    ALL.iter().any(|own| own.name == function.name())
}

fn sign(operation: Operation) -> Operator {
    match operation {
        Operation::Add => Operator::Plus,
        Operation::Subtract => Operator::Minus,
        Operation::Multiply => Operator::Multiply,
    }
}

/// The type of a decimal result: that of the engine, except for products with many places.
fn decimal(operation: Operation, left: &DataType, right: &DataType) -> Result<DataType> {
    const MOST_PLACES: i8 = 30;
    const ROUNDED_PLACES: i8 = 24;
    if let (Operation::Multiply, DataType::Decimal128(digits, places), DataType::Decimal128(others, other_places)) =
        (operation, left, right)
        && digits.saturating_add(*others) >= DECIMAL128_MAX_PRECISION
        && places.saturating_add(*other_places) > MOST_PLACES
    {
        let places = ROUNDED_PLACES.max(*places).max(*other_places);
        return Ok(DataType::Decimal128(DECIMAL128_MAX_PRECISION, places));
    }
    BinaryTypeCoercer::new(left, &sign(operation), right).get_result_type()
}

/// The type of a result, for numbers whose types are coerced.
pub fn result_type(operator: Operator, left: &DataType, right: &DataType) -> Result<DataType> {
    match operation(operator) {
        Some(operation) => decimal(operation, left, right),
        None => BinaryTypeCoercer::new(left, &operator, right).get_result_type(),
    }
}

/// A product of decimals that is rounded, before types are coerced; `None` for any other.
pub fn rounded_product(left: (&Expr, &DataType), right: (&Expr, &DataType)) -> Option<Expr> {
    let product = decimal(Operation::Multiply, left.1, right.1).ok()?;
    let engines = BinaryTypeCoercer::new(left.1, &Operator::Multiply, right.1).get_result_type();
    let differs = product.is_decimal() && !engines.is_ok_and(|engines| engines == product);
    differs.then(|| MULTIPLY.call(vec![left.0.clone(), right.0.clone()]))
}

fn takes(operation: Operation, types: &[DataType]) -> Result<Vec<DataType>> {
    let [left, right] = types else {
        return Err(DataFusionError::Plan(format!("{} takes two numbers", sign(operation))));
    };
    Ok(match (left, right) {
        (DataType::UInt64, DataType::UInt64) => vec![DataType::UInt64; 2],
        (left, right) if [left, right].iter().all(|side| side.is_integer() || side.is_null()) => vec![DataType::Int64; 2],
        // The engine has no type for a product with more than 38 places, and refuses the numbers.
        (DataType::Decimal128(..), DataType::Decimal128(..)) if operation == Operation::Multiply => types.to_vec(),
        (left, right) => {
            let (left, right) = BinaryTypeCoercer::new(left, &sign(operation), right).get_input_types()?;
            vec![left, right]
        }
    })
}

fn gives(operation: Operation, types: &[DataType]) -> Result<DataType> {
    match (&types[0], &types[1]) {
        // A difference of two row counts can be negative.
        (DataType::UInt64, DataType::UInt64) if operation == Operation::Subtract => Ok(DataType::Int64),
        (DataType::UInt64, DataType::UInt64) => Ok(DataType::UInt64),
        (DataType::Int64, DataType::Int64) => Ok(DataType::Int64),
        (left, right) => decimal(operation, left, right),
    }
}

fn compute(operation: Operation, [left, right]: [&ColumnarValue; 2], rows: usize, field: &Field) -> Result<ColumnarValue> {
    let rows = match (left, right) {
        (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_)) => 1,
        _ => rows,
    };
    let about = |values: String| {
        let data_type = match field.data_type() {
            DataType::Int64 => "BIGINT".to_string(),
            DataType::UInt64 => "BIGINT UNSIGNED".to_string(),
            DataType::Decimal128(precision, scale) => format!("DECIMAL({precision}, {scale})"),
            other => other.to_string(),
        };
        let rule = "a result is out of the range of its type";
        let advice = match field.data_type() {
            DataType::Decimal128(..) => "cast to fewer digits, or to DOUBLE",
            _ => "cast one side to DECIMAL(38, 0), or to DOUBLE",
        };
        let problem = format!("is out of the range of {data_type}: {values}; {advice}");
        in_rows(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, field.name(), rule, problem)
    };
    let result: ArrayRef = match left.data_type() {
        DataType::Int64 => match whole(operation, left, right, rows)? {
            Ok(result) => Arc::new(result),
            Err((left, right)) => return Err(about(format!("{left} {} {right}", sign(operation)))),
        },
        DataType::UInt64 => match unsigned(operation, left, right, rows, field.data_type())? {
            Ok(result) => result,
            Err((left, right)) => return Err(about(format!("{left} {} {right}", sign(operation)))),
        },
        _ => match rounded_places(operation, left, right, field.data_type()) {
            Some(dropped) => rounded_products(left, right, rows, field.data_type(), dropped, about)?,
            None => of_decimals(operation, left, right, about)?,
        },
    };
    Ok(match (left, right) {
        (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_)) => ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?),
        _ => ColumnarValue::Array(result),
    })
}

/// The operands whose result does not fit.
type Misfit = (i128, i128);

/// A column of numbers, or one number for all rows; `None` for NULL.
enum Side<'a> {
    Column(&'a PrimitiveArray<Int64Type>),
    Value(Option<i64>),
}

impl Side<'_> {
    fn of(value: &ColumnarValue) -> Result<Side<'_>> {
        Ok(match value {
            ColumnarValue::Array(column) => Side::Column(column.as_primitive()),
            ColumnarValue::Scalar(ScalarValue::Int64(value)) => Side::Value(*value),
            ColumnarValue::Scalar(other) => return internal_err!("expected a BIGINT, got {other}"),
        })
    }

    fn nulls(&self) -> Option<&NullBuffer> {
        match self {
            Self::Column(column) => column.nulls(),
            Self::Value(_) => None,
        }
    }

    fn operand(&self) -> Option<Operand<'_>> {
        match self {
            Self::Column(column) => Some(Operand::Column(column.values())),
            Self::Value(value) => value.map(Operand::Value),
        }
    }
}

fn whole(
    operation: Operation,
    left: &ColumnarValue,
    right: &ColumnarValue,
    rows: usize,
) -> Result<std::result::Result<PrimitiveArray<Int64Type>, Misfit>> {
    let (left, right) = (Side::of(left)?, Side::of(right)?);
    let (Some(first), Some(second)) = (left.operand(), right.operand()) else {
        return Ok(Ok(PrimitiveArray::new_null(rows)));
    };
    let nulls = NullBuffer::union(left.nulls(), right.nulls());
    if let Some(results) = operation.of_columns(first, second, rows) {
        return Ok(Ok(PrimitiveArray::new(results.into(), nulls)));
    }
    // The value that does not fit may belong to a NULL row, under which there is an arbitrary number.
    let mut results = vec![0; rows];
    for row in (0..rows).filter(|row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*row))) {
        match operation.of(first.at(row), second.at(row)) {
            Some(result) => results[row] = result,
            None => return Ok(Err((first.at(row).into(), second.at(row).into()))),
        }
    }
    Ok(Ok(PrimitiveArray::new(results.into(), nulls)))
}

fn unsigned(
    operation: Operation,
    left: &ColumnarValue,
    right: &ColumnarValue,
    rows: usize,
    result: &DataType,
) -> Result<std::result::Result<ArrayRef, Misfit>> {
    let (left, right) = (left.to_array(rows)?, right.to_array(rows)?);
    let (left, right) = (left.as_primitive::<UInt64Type>(), right.as_primitive::<UInt64Type>());
    let mut misfit = None;
    let mut of = |left: u64, right: u64| {
        let (left, right) = (i128::from(left), i128::from(right));
        let number = match operation {
            Operation::Add => Some(left + right),
            Operation::Subtract => Some(left - right),
            Operation::Multiply => left.checked_mul(right),
        };
        let fits = |number: &i128| match result {
            DataType::Int64 => i64::try_from(*number).is_ok(),
            _ => u64::try_from(*number).is_ok(),
        };
        let fitting = number.filter(fits);
        if fitting.is_none() {
            misfit = Some((left, right));
        }
        fitting
    };
    let numbers = left.iter().zip(right).map(|pair| match pair {
        (Some(left), Some(right)) => of(left, right),
        _ => None,
    });
    let result: ArrayRef = match result {
        DataType::Int64 => {
            Arc::new(numbers.map(|number| number.map(|number| number as i64)).collect::<PrimitiveArray<Int64Type>>())
        }
        _ => Arc::new(numbers.map(|number| number.map(|number| number as u64)).collect::<PrimitiveArray<UInt64Type>>()),
    };
    Ok(misfit.map_or(Ok(result), Err))
}

/// How many places a product of decimals loses.
fn rounded_places(operation: Operation, left: &ColumnarValue, right: &ColumnarValue, result: &DataType) -> Option<u32> {
    match (operation, left.data_type(), right.data_type(), result) {
        (
            Operation::Multiply,
            DataType::Decimal128(_, places),
            DataType::Decimal128(_, other_places),
            DataType::Decimal128(_, kept),
        ) => u32::try_from(i32::from(places) + i32::from(other_places) - i32::from(*kept)).ok().filter(|dropped| *dropped > 0),
        _ => None,
    }
}

/// Products without their last places; halves are rounded away from zero.
fn rounded_products(
    left: &ColumnarValue,
    right: &ColumnarValue,
    rows: usize,
    result: &DataType,
    dropped: u32,
    about: impl Fn(String) -> DataFusionError,
) -> Result<ArrayRef> {
    let DataType::Decimal128(precision, scale) = *result else { return internal_err!("expected a decimal, got {result}") };
    let (left, right) = (left.to_array(rows)?, right.to_array(rows)?);
    let (left, right) = (left.as_primitive::<Decimal128Type>(), right.as_primitive::<Decimal128Type>());
    let half = i256::from_i128(5).wrapping_mul(i256::from_i128(10).wrapping_pow(dropped - 1));
    let unit = half.wrapping_add(half);
    let product = |left: i128, right: i128| {
        // Two numbers of 38 digits have a product of 76, which 256 bits hold.
        let product = i256::from_i128(left).wrapping_mul(i256::from_i128(right));
        let product = if product.is_negative() { product.wrapping_sub(half) } else { product.wrapping_add(half) };
        let product = product.checked_div(unit).and_then(|product| product.to_i128());
        product.filter(|product| product.unsigned_abs() < 10_u128.pow(precision.into()))
    };
    let products = left.iter().zip(right).map(|pair| match pair {
        (Some(left), Some(right)) => product(left, right).map(Some).ok_or_else(|| about("more than 38 digits".into())),
        _ => Ok(None),
    });
    let products = products.collect::<Result<PrimitiveArray<Decimal128Type>>>()?;
    Ok(Arc::new(products.with_precision_and_scale(precision, scale)?))
}

fn of_decimals(
    operation: Operation,
    left: &ColumnarValue,
    right: &ColumnarValue,
    about: impl Fn(String) -> DataFusionError,
) -> Result<ArrayRef> {
    let datum = |value: &ColumnarValue| -> Result<Box<dyn Datum>> {
        Ok(match value {
            ColumnarValue::Array(column) => Box::new(Arc::clone(column)),
            ColumnarValue::Scalar(value) => Box::new(value.to_scalar()?),
        })
    };
    let (left, right) = (datum(left)?, datum(right)?);
    let computed = match operation {
        Operation::Add => numeric::add(left.as_ref(), right.as_ref()),
        Operation::Subtract => numeric::sub(left.as_ref(), right.as_ref()),
        Operation::Multiply => numeric::mul(left.as_ref(), right.as_ref()),
    };
    let out_of_range = |error: ArrowError| match error {
        ArrowError::ArithmeticOverflow(_) | ArrowError::InvalidArgumentError(_) => about("more than 38 digits".into()),
        other => other.into(),
    };
    let result = computed.map_err(out_of_range)?;
    if let Some(decimals) = result.as_primitive_opt::<Decimal128Type>() {
        decimals.validate_decimal_precision(decimals.precision()).map_err(out_of_range)?;
    }
    Ok(result)
}
