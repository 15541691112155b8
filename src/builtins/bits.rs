//! Bits and bytes: `bit_count(7)`, and `hex` of numbers, texts and bytes.

use std::fmt::Write;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, UInt64Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::ColumnarValue;

use super::dates::{arrays, is_text};
use super::scalar::Scalar;

/// The functions of this module.
pub static ALL: [&Scalar; 2] = [&COUNT, &HEX];

static COUNT: Scalar = Scalar {
    name: "bit_count",
    takes: |types| match types {
        [DataType::Null] => Ok(vec![DataType::Int64]),
        [number] if number.is_integer() || is_bytes(number) => Ok(types.to_vec()),
        _ => plan_err!("bit_count takes a whole number or bytes, got {types:?}"),
    },
    gives: |_| Ok(DataType::Int64),
    compute: |arguments| {
        let values = arrays(arguments)?.swap_remove(0);
        Ok(ColumnarValue::Array(Arc::new(counts(&values)?)))
    },
    written: |_| None,
};

static HEX: Scalar = Scalar {
    name: "hex",
    takes: |types| match types {
        [text] if is_text(text) => Ok(vec![DataType::Utf8]),
        [bytes] if is_bytes(bytes) => Ok(vec![DataType::Binary]),
        [DataType::UInt64] => Ok(types.to_vec()),
        [number] if number.is_integer() => Ok(vec![DataType::Int64]),
        _ => plan_err!("hex takes a whole number, a text or bytes, got {types:?}"),
    },
    gives: |_| Ok(DataType::Utf8),
    compute: |arguments| {
        let values = arrays(arguments)?.swap_remove(0);
        let digits: StringArray = match values.data_type() {
            DataType::Int64 => values.as_primitive::<Int64Type>().iter().map(|number| Some(format!("{:X}", number?))).collect(),
            DataType::UInt64 => values.as_primitive::<UInt64Type>().iter().map(|number| Some(format!("{:X}", number?))).collect(),
            _ => {
                let bytes = cast(&values, &DataType::Binary)?;
                bytes.as_binary::<i32>().iter().map(|bytes| bytes.map(of_bytes)).collect()
            }
        };
        Ok(ColumnarValue::Array(Arc::new(digits)))
    },
    written: |_| None,
};

/// True for the types of bytes.
pub fn is_bytes(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_))
}

fn of_bytes(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(digits, "{byte:02X}");
    }
    digits
}

/// The number of bits that are 1. A negative number has those of its type, in two's complement.
fn counts(values: &ArrayRef) -> Result<Int64Array> {
    if is_bytes(values.data_type()) {
        let bytes = cast(values, &DataType::Binary)?;
        let count = |bytes: &[u8]| bytes.iter().map(|byte| i64::from(byte.count_ones())).sum();
        return Ok(bytes.as_binary::<i32>().iter().map(|bytes| bytes.map(count)).collect());
    }
    if *values.data_type() == DataType::UInt64 {
        return Ok(values.as_primitive::<UInt64Type>().iter().map(|number| Some(i64::from(number?.count_ones()))).collect());
    }
    let width = values.data_type().primitive_width().unwrap_or(8) * 8;
    let mask = if width >= 64 { u64::MAX } else { (1 << width) - 1 };
    let numbers = cast(values, &DataType::Int64)?;
    let numbers = numbers.as_primitive::<Int64Type>();
    Ok(numbers.iter().map(|number| Some(i64::from((number?.cast_unsigned() & mask).count_ones()))).collect())
}
