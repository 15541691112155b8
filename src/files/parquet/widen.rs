//! The common type of two columns.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, TimeUnit};

/// The most digits of a decimal with 128 and with 256 bits.
const DIGITS: (u8, u8) = (38, 76);

/// The narrowest type that can hold the values of both; `None` when there is none.
pub fn wider(one: &DataType, other: &DataType) -> Option<DataType> {
    use DataType::{
        Binary, BinaryView, Boolean, Date32, Date64, Decimal32, Decimal64, Decimal128, Decimal256, Dictionary, Duration,
        FixedSizeBinary, FixedSizeList, Float16, Float32, Float64, LargeBinary, LargeList, LargeUtf8, List, Map, Null, Struct,
        Time32, Time64, Timestamp, Utf8, Utf8View,
    };
    if one == other {
        return Some(one.clone());
    }
    match (one, other) {
        (Null, other) | (other, Null) => Some(other.clone()),
        (Dictionary(_, value), other) | (other, Dictionary(_, value)) => wider(value, other),
        (Utf8 | LargeUtf8 | Utf8View, Utf8 | LargeUtf8 | Utf8View) => Some(Utf8View),
        (Binary | LargeBinary | BinaryView | FixedSizeBinary(_), Binary | LargeBinary | BinaryView | FixedSizeBinary(_)) => {
            Some(BinaryView)
        }
        (Boolean, _) | (_, Boolean) => None,
        (Float16 | Float32 | Float64, Float16 | Float32 | Float64) => {
            Some(if *one == Float64 || *other == Float64 { Float64 } else { Float32 })
        }
        (Float16 | Float32 | Float64, whole) | (whole, Float16 | Float32 | Float64) => {
            // A double is exact for 32-bit integers, and for 64-bit ones if they are small, which the caller must check.
            bits(whole).is_some().then_some(Float64)
        }
        (Date32, Date64) | (Date64, Date32) => Some(Date64),
        (Date32 | Date64, Timestamp(unit, None)) | (Timestamp(unit, None), Date32 | Date64) => Some(Timestamp(*unit, None)),
        (Timestamp(one, first), Timestamp(other, second)) if first.is_some() == second.is_some() => {
            // The time zone only affects how an instant is shown.
            Some(Timestamp(finer(*one, *other), first.clone()))
        }
        (Time32(one) | Time64(one), Time32(other) | Time64(other)) => Some(match finer(*one, *other) {
            unit @ (TimeUnit::Second | TimeUnit::Millisecond) => Time32(unit),
            unit => Time64(unit),
        }),
        (Duration(one), Duration(other)) => Some(Duration(finer(*one, *other))),
        (List(one) | LargeList(one) | FixedSizeList(one, _), List(other) | LargeList(other) | FixedSizeList(other, _)) => {
            Some(List(Arc::new(Field::new_list_field(wider(one.data_type(), other.data_type())?, true))))
        }
        (Struct(one), Struct(other)) => Some(Struct(all_fields(one, other)?)),
        (Map(one, is_sorted), Map(other, _)) => {
            let (Struct(fields), Struct(others)) = (one.data_type(), other.data_type()) else { return None };
            // Writers name them differently. A key is never NULL.
            let ([key, value], [other_key, other_value]) = (&fields[..], &others[..]) else { return None };
            let key = Field::new(key.name(), wider(key.data_type(), other_key.data_type())?, false);
            let value = Field::new(value.name(), wider(value.data_type(), other_value.data_type())?, true);
            let entries = Struct(vec![key, value].into());
            Some(Map(Arc::new(Field::new(one.name(), entries, false)), *is_sorted))
        }
        (Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..), _)
        | (_, Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..)) => {
            let ((one_whole, one_scale), (other_whole, other_scale)) = (digits(one)?, digits(other)?);
            let scale = one_scale.max(other_scale);
            let precision = one_whole.max(other_whole).checked_add_signed(scale)?;
            match precision {
                precision if precision <= DIGITS.0 => Some(Decimal128(precision, scale)),
                precision if precision <= DIGITS.1 => Some(Decimal256(precision, scale)),
                _ => None,
            }
        }
        _ => wider_whole(one, other),
    }
}

/// The type with Date32 in place of each Date64, also in lists, structs and maps.
pub fn with_plain_dates(data_type: &DataType) -> DataType {
    let within = |field: &FieldRef| Arc::new(field.as_ref().clone().with_data_type(with_plain_dates(field.data_type())));
    match data_type {
        DataType::Date64 => DataType::Date32,
        DataType::List(item) => DataType::List(within(item)),
        DataType::LargeList(item) => DataType::LargeList(within(item)),
        DataType::FixedSizeList(item, length) => DataType::FixedSizeList(within(item), *length),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(within).collect()),
        DataType::Map(entries, is_sorted) => DataType::Map(within(entries), *is_sorted),
        other => other.clone(),
    }
}

/// Whether an integer type is signed, and its number of bits.
fn bits(data_type: &DataType) -> Option<(bool, u8)> {
    Some(match data_type {
        DataType::Int8 => (true, 8),
        DataType::Int16 => (true, 16),
        DataType::Int32 => (true, 32),
        DataType::Int64 => (true, 64),
        DataType::UInt8 => (false, 8),
        DataType::UInt16 => (false, 16),
        DataType::UInt32 => (false, 32),
        DataType::UInt64 => (false, 64),
        _ => return None,
    })
}

fn wider_whole(one: &DataType, other: &DataType) -> Option<DataType> {
    let ((one_signed, one_bits), (other_signed, other_bits)) = (bits(one)?, bits(other)?);
    if one_signed == other_signed {
        return Some(if one_bits >= other_bits { one.clone() } else { other.clone() });
    }
    // An unsigned type needs a wider signed one.
    let unsigned = if one_signed { other_bits } else { one_bits };
    let signed = if one_signed { one_bits } else { other_bits };
    Some(match signed.max(unsigned.saturating_mul(2)) {
        ..=16 => DataType::Int16,
        17..=32 => DataType::Int32,
        33..=64 => DataType::Int64,
        _ => DataType::Decimal128(20, 0),
    })
}

/// The number of digits before the point, and the scale, that hold every value exactly.
fn digits(data_type: &DataType) -> Option<(u8, i8)> {
    Some(match data_type {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => (precision.checked_add_signed(-scale)?, (*scale).max(0)),
        whole => match bits(whole)? {
            (_, 8) => (3, 0),
            (_, 16) => (5, 0),
            (_, 32) => (10, 0),
            (true, _) => (19, 0),
            (false, _) => (20, 0),
        },
    })
}

fn finer(one: TimeUnit, other: TimeUnit) -> TimeUnit {
    let order = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 1,
        TimeUnit::Microsecond => 2,
        TimeUnit::Nanosecond => 3,
    };
    if order(&one) >= order(&other) { one } else { other }
}

/// The fields of both by name. A field that only one has is NULL for the other.
fn all_fields(one: &Fields, other: &Fields) -> Option<Fields> {
    let mut fields: Vec<FieldRef> = vec![];
    for field in one {
        let data_type = match other.find(field.name()) {
            Some((_, other)) => wider(field.data_type(), other.data_type())?,
            None => field.data_type().clone(),
        };
        fields.push(Arc::new(Field::new(field.name(), data_type, true)));
    }
    fields.extend(
        other
            .iter()
            .filter(|field| one.find(field.name()).is_none())
            .map(|field| Arc::new(field.as_ref().clone().with_nullable(true))),
    );
    Some(fields.into())
}

#[cfg(test)]
mod tests {
    use DataType::{
        Boolean, Date32, Decimal128, Decimal256, Dictionary, Float64, Int8, Int32, Int64, LargeUtf8, UInt8, UInt32, UInt64, Utf8,
        Utf8View,
    };

    use super::*;

    #[test]
    fn maps_keep_keys_without_null() {
        let map = |names: [&str; 2], value: DataType| {
            let fields = vec![Field::new(names[0], Utf8, false), Field::new(names[1], value, true)];
            DataType::Map(Arc::new(Field::new("entries", DataType::Struct(fields.into()), false)), false)
        };
        let (one, other) = (map(["key", "value"], Int32), map(["keys", "values"], Int64));
        assert_eq!(wider(&one, &other), Some(map(["key", "value"], Int64)));
        assert_eq!(wider(&other, &one), Some(map(["keys", "values"], Int64)));
    }

    #[test]
    fn dates_are_plain_at_every_depth() {
        let list = |item: DataType| DataType::List(Arc::new(Field::new_list_field(item, true)));
        let within =
            |date: DataType| list(DataType::Struct(vec![Field::new("a", list(date), true), Field::new("b", Utf8, true)].into()));
        assert_eq!(with_plain_dates(&within(DataType::Date64)), within(Date32));
        assert_eq!(with_plain_dates(&within(Int32)), within(Int32));
    }

    #[test]
    fn the_wider_type_is_the_same_from_both_sides() {
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
        let dictionary = Dictionary(Box::new(Int32), Box::new(Utf8));
        for (one, other, expected) in [
            (Int32, Int64, Some(Int64)),
            (UInt8, Int8, Some(DataType::Int16)),
            (UInt32, Int32, Some(Int64)),
            (UInt64, Int8, Some(Decimal128(20, 0))),
            (Int64, Float64, Some(Float64)),
            (Utf8, LargeUtf8, Some(Utf8View)),
            (dictionary, Utf8View, Some(Utf8View)),
            (Utf8, Int64, None),
            (Boolean, Int8, None),
            (Decimal128(12, 2), Decimal128(10, 4), Some(Decimal128(14, 4))),
            (Decimal128(12, 2), Int64, Some(Decimal128(21, 2))),
            (Decimal128(38, 2), Decimal128(38, 4), Some(Decimal256(40, 4))),
            (Decimal128(12, 2), Float64, None),
            (Date32, micros.clone(), Some(micros.clone())),
            (micros.clone(), nanos.clone(), Some(nanos)),
            (micros, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), None),
            (DataType::Null, Utf8View, Some(Utf8View)),
        ] {
            assert_eq!(wider(&one, &other), expected, "{one} {other}");
            assert_eq!(wider(&other, &one), expected, "{other} {one}");
        }
    }
}
