//! Converts values of up to 64 bits to 64-bit words, and back.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, UInt64Array};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use arrow::error::ArrowError;

/// True for types whose values are equal exactly if their words are equal. Floats are excluded: 0.0 equals -0.0.
pub fn holds(data_type: &DataType) -> bool {
    data_type.is_integer() || matches!(data_type, DataType::Boolean) || is_time(data_type)
}

fn is_time(data_type: &DataType) -> bool {
    use DataType::{Date32, Date64, Time32, Time64, Timestamp};
    matches!(data_type, Date32 | Date64 | Time32(_) | Time64(_) | Timestamp(_, _))
}

/// The words of a column that has no NULL.
pub fn words(column: &ArrayRef) -> Result<ScalarBuffer<u64>, ArrowError> {
    let words = match column.data_type() {
        DataType::UInt64 => return Ok(column.as_primitive::<UInt64Type>().values().clone()),
        DataType::Int64 => Arc::clone(column),
        DataType::Date32 | DataType::Time32(_) => cast(&cast(column, &DataType::Int32)?, &DataType::Int64)?,
        _ => cast(column, &DataType::Int64)?,
    };
    Ok(ScalarBuffer::from(words.as_primitive::<Int64Type>().values().inner().clone()))
}

/// Builds a column from words; one of 64 bits is not copied.
pub fn array(data_type: &DataType, words: Vec<u64>, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
    if *data_type == DataType::UInt64 {
        return Ok(Arc::new(UInt64Array::new(words.into(), nulls)));
    }
    let words: ArrayRef = Arc::new(Int64Array::new(ScalarBuffer::from(Buffer::from_vec(words)), nulls));
    match data_type {
        DataType::Date32 | DataType::Time32(_) => cast(&cast(&words, &DataType::Int32)?, data_type),
        _ => cast(&words, data_type),
    }
}
