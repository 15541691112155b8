//! `<<` and `>>` of integers: the number times a power of two, or divided by it and rounded down; or an error.
//!
//! The engine counts places modulo 64 and drops the bits that do not fit: there, `1 << 64` is 1, and `4 << 61` the smallest number.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType, Int64Type, UInt64Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{ColumnarValue, Expr, Operator, ScalarFunctionArgs, cast};

use super::scalar::Scalar;
use crate::error::{SqlState, in_rows, invalid};

static LEFT: Scalar = Scalar {
    name: "shift_left",
    takes,
    gives,
    compute: |arguments| compute(arguments, "<<", |number, places| (places < 65).then(|| number << places)),
    written: |arguments| written(arguments, "<<"),
};

static RIGHT: Scalar = Scalar {
    name: "shift_right",
    takes,
    gives,
    compute: |arguments| compute(arguments, ">>", |number, places| Some(number >> places.min(127))),
    written: |arguments| written(arguments, ">>"),
};

/// The functions of this module.
pub static ALL: [&Scalar; 2] = [&LEFT, &RIGHT];

/// `number << places` or `number >> places` of integers of these types; `None` for other operators and types.
pub fn exact(operator: Operator, number: (&Expr, &DataType), places: (&Expr, &DataType)) -> Option<Expr> {
    let function = match operator {
        Operator::BitwiseShiftLeft => &LEFT,
        Operator::BitwiseShiftRight => &RIGHT,
        _ => return None,
    };
    let types = takes(&[number.1.clone(), places.1.clone()]).ok()?;
    let typed = |(value, from): (&Expr, &DataType), to: DataType| match *from == to {
        true => value.clone(),
        false => cast(value.clone(), to),
    };
    let [first, second] = <[DataType; 2]>::try_from(types).ok()?;
    Some(function.call(vec![typed(number, first), typed(places, second)]))
}

fn takes(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [DataType::UInt64, places] if places.is_integer() || places.is_null() => Ok(vec![DataType::UInt64, DataType::Int64]),
        [number, places] if [number, places].iter().all(|side| side.is_integer() || side.is_null()) => {
            Ok(vec![DataType::Int64; 2])
        }
        _ => plan_err!("expected two whole numbers"),
    }
}

fn gives(types: &[DataType]) -> Result<DataType> {
    match types {
        [number, _] => Ok(number.clone()),
        _ => plan_err!("expected two whole numbers"),
    }
}

fn written(arguments: &[String], sign: &str) -> Option<String> {
    match arguments {
        [number, places] => Some(format!("{number} {sign} {places}")),
        _ => None,
    }
}

fn compute(arguments: &ScalarFunctionArgs, sign: &str, shift: fn(i128, u32) -> Option<i128>) -> Result<ColumnarValue> {
    let [number, places] = arguments.args.as_slice() else { return plan_err!("expected two whole numbers") };
    let are_constants = matches!((number, places), (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_)));
    let rows = if are_constants { 1 } else { arguments.number_rows };
    let (number, places) = (number.to_array(rows)?, places.to_array(rows)?);
    let places = places.as_primitive::<Int64Type>();
    let result = match number.data_type() {
        DataType::UInt64 => shifted::<UInt64Type>(number.as_primitive(), places, arguments, "BIGINT UNSIGNED", sign, shift)?,
        _ => shifted::<Int64Type>(number.as_primitive(), places, arguments, "BIGINT", sign, shift)?,
    };
    Ok(match are_constants {
        true => ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?),
        false => ColumnarValue::Array(result),
    })
}

fn shifted<T: ArrowPrimitiveType>(
    numbers: &PrimitiveArray<T>,
    places: &PrimitiveArray<Int64Type>,
    arguments: &ScalarFunctionArgs,
    data_type: &str,
    sign: &str,
    shift: fn(i128, u32) -> Option<i128>,
) -> Result<ArrayRef>
where
    T::Native: Into<i128> + TryFrom<i128>,
{
    let name = arguments.return_field.name();
    let mut results = Vec::with_capacity(numbers.len());
    for (number, places) in numbers.iter().zip(places) {
        let (Some(number), Some(places)) = (number, places) else {
            results.push(None);
            continue;
        };
        let number: i128 = number.into();
        if places < 0 {
            return Err(invalid(name, format!("the number of places must be 0 or more, got {places}")));
        }
        let result = u32::try_from(places).ok().map_or_else(|| shift(number, u32::MAX), |places| shift(number, places));
        // Nothing is lost of 0.
        let result = if number == 0 { Some(0) } else { result };
        let Some(result) = result.and_then(|result| T::Native::try_from(result).ok()) else {
            let rule = "a result is out of the range of its type";
            let problem = format!("is out of the range of {data_type}: {number} {sign} {places}; shift by fewer places");
            return Err(in_rows(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, name, rule, problem));
        };
        results.push(Some(result));
    }
    Ok(Arc::new(PrimitiveArray::<T>::from_iter(results)))
}
