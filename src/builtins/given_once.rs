//! Rows that a statement may give only once, as those of INSERT … ON CONFLICT … DO UPDATE.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, BooleanArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::plan_err;
use datafusion::logical_expr::ColumnarValue;

use super::scalar::Scalar;
use crate::error::{SqlState, in_rows};

/// The name of the function.
pub const NAME: &str = "given_once";

/// True for the number 1; any other number of a row within its key is an error.
pub static GIVEN_ONCE: Scalar = Scalar {
    name: NAME,
    takes: |types| match types {
        [_] => Ok(vec![DataType::Int64]),
        _ => plan_err!("{NAME} takes the number of a row, got {types:?}"),
    },
    gives: |_| Ok(DataType::Boolean),
    compute: |arguments| {
        let numbers = cast(&arguments.args[0].to_array(arguments.number_rows)?, &DataType::Int64)?;
        let numbers = numbers.as_primitive::<Int64Type>();
        if numbers.iter().flatten().any(|number| number > 1) {
            let rule = "the same key is given twice, and DO UPDATE would change one row twice; give each key once";
            return Err(in_rows(SqlState::CARDINALITY_VIOLATION, "ON CONFLICT", rule, rule));
        }
        Ok(ColumnarValue::Array(Arc::new(
            numbers.iter().map(|number| number.map(|number| number == 1)).collect::<BooleanArray>(),
        )))
    },
    written: |_| None,
};
