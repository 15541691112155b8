//! PostgreSQL's types, and ours for them.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};
use tokio_postgres::types::{Kind, Type};

/// The type for a `numeric` without precision. A value with more digits is an error that shows the value.
const UNBOUNDED: DataType = DataType::Decimal128(38, 10);
/// The most digits of a decimal.
const MOST_DIGITS: i32 = 76;

/// The type for a column; `None` when it cannot be read.
pub fn data_type(source: &Type, modifier: i32) -> Option<DataType> {
    match source.kind() {
        Kind::Array(items) => return Some(DataType::List(Arc::new(Field::new_list_field(data_type(items, modifier)?, true)))),
        Kind::Domain(base) => return data_type(base, modifier),
        Kind::Enum(_) => return Some(DataType::Utf8View),
        _ => {}
    }
    Some(match *source {
        Type::BOOL => DataType::Boolean,
        Type::INT2 => DataType::Int16,
        Type::INT4 => DataType::Int32,
        Type::INT8 | Type::OID => DataType::Int64,
        Type::FLOAT4 => DataType::Float32,
        Type::FLOAT8 => DataType::Float64,
        Type::NUMERIC => numeric(modifier)?,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UUID | Type::JSON | Type::JSONB | Type::CHAR => {
            DataType::Utf8View
        }
        Type::BYTEA => DataType::Binary,
        Type::DATE => DataType::Date32,
        Type::TIME => DataType::Time64(TimeUnit::Microsecond),
        Type::TIMESTAMP => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::TIMESTAMPTZ => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        Type::INTERVAL => DataType::Interval(IntervalUnit::MonthDayNano),
        _ if source.name() == "citext" => DataType::Utf8View,
        _ => return None,
    })
}

/// The decimal type for a `numeric` with this type modifier.
fn numeric(modifier: i32) -> Option<DataType> {
    if modifier < 4 {
        return Some(UNBOUNDED);
    }
    let digits = ((modifier - 4) >> 16) & 0xffff;
    // The scale is a signed number of eleven bits. It may be negative, as in numeric(2, -3).
    let scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
    let (digits, scale) = if scale < 0 { (digits - scale, 0) } else { (digits.max(scale), scale) };
    if digits > MOST_DIGITS {
        return None;
    }
    let (digits, scale) = (u8::try_from(digits).ok()?, i8::try_from(scale).ok()?);
    Some(if digits <= 38 { DataType::Decimal128(digits, scale) } else { DataType::Decimal256(digits, scale) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modifiers_are_digits_and_scale() {
        let modifier = |digits: i32, scale: i32| ((digits << 16) | (scale & 0x7ff)) + 4;
        for (modifier, expected) in [
            (modifier(12, 2), Some(DataType::Decimal128(12, 2))),
            (modifier(2, -3), Some(DataType::Decimal128(5, 0))),
            (modifier(3, 5), Some(DataType::Decimal128(5, 5))),
            (modifier(50, 10), Some(DataType::Decimal256(50, 10))),
            (modifier(100, 10), None),
            (-1, Some(UNBOUNDED)),
        ] {
            assert_eq!(data_type(&Type::NUMERIC, modifier), expected);
        }
        assert!(matches!(data_type(&Type::NUMERIC_ARRAY, modifier(12, 2)), Some(DataType::List(_))));
        assert_eq!(data_type(&Type::POINT, -1), None);
    }
}
