//! The integer nearest to a float; ties go to the even one.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{ScalarValue, plan_err};
use datafusion::logical_expr::{ColumnarValue, Expr};

use super::scalar::Scalar;

static NEAREST: Scalar = Scalar {
    name: "nearest_whole_number",
    takes: |types| match types {
        [number] if number.is_floating() => Ok(vec![DataType::Float64]),
        _ => plan_err!("expected a float"),
    },
    gives: |_| Ok(DataType::Float64),
    compute: |arguments| {
        let numbers = arguments.args[0].to_array(arguments.number_rows)?;
        let nearest: Float64Array = numbers.as_primitive::<Float64Type>().unary(f64::round_ties_even);
        Ok(ColumnarValue::Array(Arc::new(nearest)))
    },
    written: |arguments| arguments.first().cloned(),
};

/// The functions of this module.
pub static ALL: [&Scalar; 1] = [&NEAREST];

/// The nearest integer, still as a float.
pub fn of_float(number: Expr) -> Expr {
    NEAREST.call(vec![number])
}

/// True for a number that was already rounded.
pub fn is_rounded(number: &Expr) -> bool {
    match number {
        Expr::ScalarFunction(call) if call.name() == "round" => {
            matches!(call.args.as_slice(), [_] | [_, Expr::Literal(ScalarValue::Int32(Some(0)), _)])
        }
        Expr::ScalarFunction(call) => [NEAREST.name, "floor", "ceil"].contains(&call.name()),
        _ => false,
    }
}
