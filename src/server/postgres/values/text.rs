//! The text form of values.

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

use super::{Write, arrays, intervals, is_array, is_packed, json, numbers, records, times};
use crate::error::failed;
use crate::postgres_types::Seen;

/// Floats are written with an exponent from this power of ten on: 10^15, and 10^6 for 4-byte floats.
const FIXED: [i32; 2] = [15, 6];

/// A writer for a column; instants are shown in `zone`.
///
/// # Errors
/// The type has no text form.
pub fn writer<'a>(array: &'a dyn Array, seen: Seen, zone: Tz) -> Result<Write<'a>> {
    if is_array(seen) {
        return arrays::text(array, seen, zone);
    }
    if let Some(values) = is_packed(array.data_type()) {
        let plain: ArrayRef = cast(array, values)?;
        // Checked here, so that writing does not fail.
        drop(writer(plain.as_ref(), seen, zone)?);
        return Ok(owned(plain, move |array| writer(array, seen, zone).ok()));
    }
    if seen.base.name == "record" && matches!(array.data_type(), DataType::Struct(_)) {
        return records::text(array, zone);
    }
    macro_rules! whole {
        ($type:ty) => {{
            let values = array.as_primitive::<$type>();
            Box::new(move |row, out| numbers::whole(values.value(row), out))
        }};
    }
    macro_rules! decimal {
        ($type:ty, $scale:expr) => {{
            let (values, scale) = (array.as_primitive::<$type>(), *$scale);
            Box::new(move |row, out| numbers::decimal_text(itoa::Buffer::new().format(values.value(row)), scale, out))
        }};
    }
    macro_rules! float {
        ($type:ty, $fixed:expr) => {{
            let values = array.as_primitive::<$type>();
            Box::new(move |row, out| numbers::float(values.value(row), $fixed, out))
        }};
    }
    macro_rules! time {
        ($type:ty, $unit:expr) => {{
            let values = array.as_primitive::<$type>();
            Box::new(move |row, out| times::time_of_day(times::micros(i64::from(values.value(row)), $unit), out))
        }};
    }
    macro_rules! timestamp {
        ($type:ty, $unit:expr, $zone:expr) => {{
            let (values, has_zone) = (array.as_primitive::<$type>(), $zone.is_some());
            Box::new(move |row, out| {
                let micros = times::micros(values.value(row), $unit);
                if has_zone { times::instant(micros, zone, out) } else { times::timestamp(micros, out) }
            })
        }};
    }
    Ok(match array.data_type() {
        DataType::Null => Box::new(|_, _| ()),
        DataType::Boolean => {
            let values = array.as_boolean();
            Box::new(move |row, out| out.push(if values.value(row) { b't' } else { b'f' }))
        }
        DataType::Int8 => whole!(Int8Type),
        DataType::Int16 => whole!(Int16Type),
        DataType::Int32 => whole!(Int32Type),
        DataType::Int64 => whole!(Int64Type),
        DataType::UInt8 => whole!(UInt8Type),
        DataType::UInt16 => whole!(UInt16Type),
        DataType::UInt32 => whole!(UInt32Type),
        DataType::UInt64 => whole!(UInt64Type),
        DataType::Float16 => {
            let values = array.as_primitive::<Float16Type>();
            Box::new(move |row, out| numbers::float(values.value(row).to_f32(), FIXED[1], out))
        }
        DataType::Float32 => float!(Float32Type, FIXED[1]),
        DataType::Float64 => float!(Float64Type, FIXED[0]),
        DataType::Decimal32(_, scale) => decimal!(Decimal32Type, scale),
        DataType::Decimal64(_, scale) => decimal!(Decimal64Type, scale),
        DataType::Decimal128(_, scale) => decimal!(Decimal128Type, scale),
        DataType::Decimal256(_, scale) => {
            let (values, scale) = (array.as_primitive::<Decimal256Type>(), *scale);
            Box::new(move |row, out| numbers::decimal_text(&values.value(row).to_string(), scale, out))
        }
        DataType::Utf8 => {
            let values = array.as_string::<i32>();
            Box::new(move |row, out| out.extend_from_slice(values.value(row).as_bytes()))
        }
        DataType::LargeUtf8 => {
            let values = array.as_string::<i64>();
            Box::new(move |row, out| out.extend_from_slice(values.value(row).as_bytes()))
        }
        DataType::Utf8View => {
            let values = array.as_string_view();
            Box::new(move |row, out| out.extend_from_slice(values.value(row).as_bytes()))
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            let bytes = bytes(array)?;
            Box::new(move |row, out| {
                out.extend_from_slice(b"\\x");
                let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
                out.extend(bytes(row).iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
            })
        }
        DataType::Date32 => {
            let values = array.as_primitive::<Date32Type>();
            Box::new(move |row, out| times::date(i64::from(values.value(row)), out))
        }
        DataType::Date64 => {
            let values = array.as_primitive::<Date64Type>();
            Box::new(move |row, out| times::date(values.value(row).div_euclid(86_400_000), out))
        }
        DataType::Time32(TimeUnit::Second) => time!(Time32SecondType, TimeUnit::Second),
        DataType::Time32(_) => time!(Time32MillisecondType, TimeUnit::Millisecond),
        DataType::Time64(TimeUnit::Microsecond) => time!(Time64MicrosecondType, TimeUnit::Microsecond),
        DataType::Time64(_) => time!(Time64NanosecondType, TimeUnit::Nanosecond),
        DataType::Timestamp(TimeUnit::Second, of) => timestamp!(TimestampSecondType, TimeUnit::Second, of),
        DataType::Timestamp(TimeUnit::Millisecond, of) => timestamp!(TimestampMillisecondType, TimeUnit::Millisecond, of),
        DataType::Timestamp(TimeUnit::Microsecond, of) => timestamp!(TimestampMicrosecondType, TimeUnit::Microsecond, of),
        DataType::Timestamp(TimeUnit::Nanosecond, of) => timestamp!(TimestampNanosecondType, TimeUnit::Nanosecond, of),
        DataType::Interval(_) | DataType::Duration(_) => {
            let Some(interval) = intervals::reader(array) else { return Err(no_form(array)) };
            Box::new(move |row, out| intervals::text(interval(row), out))
        }
        DataType::Struct(_)
        | DataType::Map(..)
        | DataType::Union(..)
        | DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(..) => json::writer(array)?,
        _ => return Err(no_form(array)),
    })
}

/// Reads the bytes in each row of a binary column.
///
/// # Errors
/// The column has another type.
pub fn bytes<'a>(array: &'a dyn Array) -> Result<Box<dyn Fn(usize) -> &'a [u8] + Send + Sync + 'a>> {
    Ok(match array.data_type() {
        DataType::Binary => Box::new(|row| array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => Box::new(|row| array.as_binary::<i64>().value(row)),
        DataType::BinaryView => Box::new(|row| array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => Box::new(|row| array.as_fixed_size_binary().value(row)),
        _ => return Err(no_form(array)),
    })
}

/// A writer that owns its array. The inner writer borrows it, so one is created per value; only dictionary and run-end encoded columns need
/// this.
pub fn owned<'a>(array: ArrayRef, of: impl for<'b> Fn(&'b dyn Array) -> Option<Write<'b>> + Send + Sync + 'a) -> Write<'a> {
    Box::new(move |row, out| {
        if let Some(write) = of(array.as_ref()) {
            write(row, out);
        }
    })
}

fn no_form(array: &dyn Array) -> datafusion::error::DataFusionError {
    failed("result", format!("a column of {} cannot be sent to clients; cast it to text", array.data_type()))
}
