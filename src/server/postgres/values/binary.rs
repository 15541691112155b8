//! The binary form of values.

use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float16Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use datafusion::common::Result;

use super::text::{self, bytes, owned};
use super::{Write, arrays, intervals, is_array, is_packed, numbers, records, times};
use crate::error::failed;
use crate::postgres_types::Seen;

/// A writer for a column.
///
/// # Errors
/// The type has no binary form.
pub fn writer<'a>(array: &'a dyn Array, seen: Seen) -> Result<Write<'a>> {
    if is_array(seen) {
        return arrays::binary(array, seen);
    }
    if let Some(values) = is_packed(array.data_type()) {
        let plain: ArrayRef = cast(array, values)?;
        drop(writer(plain.as_ref(), seen)?);
        return Ok(owned(plain, move |array| writer(array, seen).ok()));
    }
    if seen.base.name == "record" && matches!(array.data_type(), DataType::Struct(_)) {
        return records::binary(array);
    }
    // OIDs: 4 bytes, unsigned, whatever the type of the column.
    if matches!(seen.base.name, "oid" | "xid" | "regclass" | "regtype" | "regproc" | "regnamespace" | "regrole") {
        return numbers_of_objects(array);
    }
    if seen.base.name == "uuid" && !matches!(array.data_type(), DataType::FixedSizeBinary(16)) {
        return uuids(array);
    }
    if seen.base.name == "jsonb" {
        let text = text::writer(array, seen, utc())?;
        // A format version precedes the text.
        return Ok(Box::new(move |row, out| {
            out.push(1);
            text(row, out);
        }));
    }
    macro_rules! number {
        ($type:ty, $as:ty) => {{
            let values = array.as_primitive::<$type>();
            Box::new(move |row, out| out.extend_from_slice(&<$as>::from(values.value(row)).to_be_bytes()))
        }};
    }
    macro_rules! decimal {
        ($type:ty, $scale:expr) => {{
            let (values, scale) = (array.as_primitive::<$type>(), $scale);
            Box::new(move |row, out| numbers::decimal_binary(values.value(row).into(), scale, out))
        }};
    }
    macro_rules! timestamp {
        ($type:ty, $unit:expr) => {{
            let values = array.as_primitive::<$type>();
            Box::new(move |row, out| {
                let micros = times::micros(values.value(row), $unit).saturating_sub(times::EPOCH_MICROS);
                out.extend_from_slice(&micros.to_be_bytes());
            })
        }};
    }
    macro_rules! time {
        ($type:ty, $unit:expr) => {{
            let values = array.as_primitive::<$type>();
            Box::new(move |row, out| out.extend_from_slice(&times::micros(i64::from(values.value(row)), $unit).to_be_bytes()))
        }};
    }
    let day = |days: i64, out: &mut Vec<u8>| {
        let days = i32::try_from(days - i64::from(times::EPOCH_DAYS)).unwrap_or(if days > 0 { i32::MAX } else { i32::MIN });
        out.extend_from_slice(&days.to_be_bytes());
    };
    Ok(match array.data_type() {
        DataType::Null => Box::new(|_, _| ()),
        DataType::Boolean => {
            let values = array.as_boolean();
            Box::new(move |row, out| out.push(u8::from(values.value(row))))
        }
        DataType::Int8 => number!(Int8Type, i16),
        DataType::Int16 => number!(Int16Type, i16),
        DataType::Int32 => number!(Int32Type, i32),
        DataType::Int64 => number!(Int64Type, i64),
        DataType::UInt8 => number!(UInt8Type, i16),
        DataType::UInt16 => number!(UInt16Type, i32),
        DataType::UInt32 => number!(UInt32Type, i64),
        // Lengths and positions of lists, which clients see as `bigint`.
        DataType::UInt64 if seen.base.name == "int8" => {
            let values = array.as_primitive::<UInt64Type>();
            Box::new(move |row, out| {
                out.extend_from_slice(&i64::try_from(values.value(row)).unwrap_or(i64::MAX).to_be_bytes());
            })
        }
        DataType::UInt64 => decimal!(UInt64Type, 0),
        DataType::Float16 => {
            let values = array.as_primitive::<Float16Type>();
            Box::new(move |row, out| out.extend_from_slice(&values.value(row).to_f32().to_be_bytes()))
        }
        DataType::Float32 => number!(Float32Type, f32),
        DataType::Float64 => number!(Float64Type, f64),
        DataType::Decimal32(_, scale) => decimal!(Decimal32Type, *scale),
        DataType::Decimal64(_, scale) => decimal!(Decimal64Type, *scale),
        DataType::Decimal128(_, scale) => decimal!(Decimal128Type, *scale),
        DataType::Decimal256(_, scale) => {
            let (values, scale) = (array.as_primitive::<Decimal256Type>(), *scale);
            Box::new(move |row, out| numbers::decimal_binary_of_text(&values.value(row).to_string(), scale, out))
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            let bytes = bytes(array)?;
            Box::new(move |row, out| out.extend_from_slice(bytes(row)))
        }
        DataType::Date32 => {
            let values = array.as_primitive::<Date32Type>();
            Box::new(move |row, out| day(i64::from(values.value(row)), out))
        }
        DataType::Date64 => {
            let values = array.as_primitive::<Date64Type>();
            Box::new(move |row, out| day(values.value(row).div_euclid(86_400_000), out))
        }
        DataType::Time32(TimeUnit::Second) => time!(Time32SecondType, TimeUnit::Second),
        DataType::Time32(_) => time!(Time32MillisecondType, TimeUnit::Millisecond),
        DataType::Time64(TimeUnit::Microsecond) => time!(Time64MicrosecondType, TimeUnit::Microsecond),
        DataType::Time64(_) => time!(Time64NanosecondType, TimeUnit::Nanosecond),
        DataType::Timestamp(TimeUnit::Second, _) => timestamp!(TimestampSecondType, TimeUnit::Second),
        DataType::Timestamp(TimeUnit::Millisecond, _) => timestamp!(TimestampMillisecondType, TimeUnit::Millisecond),
        DataType::Timestamp(TimeUnit::Microsecond, _) => timestamp!(TimestampMicrosecondType, TimeUnit::Microsecond),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => timestamp!(TimestampNanosecondType, TimeUnit::Nanosecond),
        DataType::Interval(_) | DataType::Duration(_) => {
            let Some(interval) = intervals::reader(array) else {
                return Err(failed("result", format!("{} is not an interval", array.data_type())));
            };
            Box::new(move |row, out| {
                let interval = interval(row);
                out.extend_from_slice(&interval.micros.to_be_bytes());
                out.extend_from_slice(&interval.days.to_be_bytes());
                out.extend_from_slice(&interval.months.to_be_bytes());
            })
        }
        // Strings and JSON are the same in both forms.
        _ => return text::writer(array, seen, utc()),
    })
}

/// The zone does not matter for strings.
fn utc() -> Tz {
    "+00:00".parse().unwrap_or_else(|_| unreachable!("UTC is a zone"))
}

fn numbers_of_objects<'a>(array: &'a dyn Array) -> Result<Write<'a>> {
    let wide = cast(array, &DataType::Int64)?;
    Ok(Box::new(move |row, out| {
        let number = u32::try_from(wide.as_primitive::<Int64Type>().value(row)).unwrap_or(0);
        out.extend_from_slice(&number.to_be_bytes());
    }))
}

fn uuids<'a>(array: &'a dyn Array) -> Result<Write<'a>> {
    let text = cast(array, &DataType::Utf8)?;
    Ok(Box::new(move |row, out| {
        let id = uuid::Uuid::try_parse(text.as_string::<i32>().value(row)).unwrap_or_default();
        out.extend_from_slice(id.as_bytes());
    }))
}
