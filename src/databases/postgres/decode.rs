//! Decodes values of `COPY … (FORMAT binary)`.

use chrono::NaiveDate;
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, i256};
use tokio_postgres::types::{Kind, Type};

use crate::databases::columns::Values;

/// The days from 1970 to 2000, the epoch of PostgreSQL.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROSECONDS: i64 = 946_684_800_000_000;
const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;

/// Why a value cannot be read: a description of it for the error.
pub type Misfit = String;

/// Bytes that are consumed from the front.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub fn int16(&mut self) -> Option<i16> {
        self.array().map(i16::from_be_bytes)
    }

    pub fn int32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    fn int64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    /// A value prefixed by its length; `Some(None)` for NULL.
    pub fn value(&mut self) -> Option<Option<&'a [u8]>> {
        match self.int32()? {
            -1 => Some(None),
            length => self.take(usize::try_from(length).ok()?).map(Some),
        }
    }
}

/// Adds a value that is not NULL.
///
/// # Errors
/// The value does not fit the type of the column.
pub fn add(values: &mut Values, bytes: &[u8], source: &Type, data_type: &DataType) -> Result<(), Misfit> {
    let broken = || format!("{} bytes that are no {}", bytes.len(), source.name());
    let mut input = Input(bytes);
    match values {
        Values::Boolean(values) => values.append_value(*bytes.first().ok_or_else(broken)? != 0),
        Values::Int16(values) => values.append_value(input.int16().ok_or_else(broken)?),
        Values::Int32(values) => values.append_value(input.int32().ok_or_else(broken)?),
        Values::Int64(values) if *source == Type::OID => {
            values.append_value(i64::from(input.array().map(u32::from_be_bytes).ok_or_else(broken)?));
        }
        Values::Int64(values) => values.append_value(input.int64().ok_or_else(broken)?),
        Values::Float32(values) => {
            let number = input.array().map(f32::from_be_bytes).ok_or_else(broken)?;
            // PostgreSQL has only one NaN, Arrow has several.
            values.append_value(if number.is_nan() { f32::NAN } else { number });
        }
        Values::Float64(values) => {
            let number = input.array().map(f64::from_be_bytes).ok_or_else(broken)?;
            values.append_value(if number.is_nan() { f64::NAN } else { number });
        }
        Values::Decimal128(values) => {
            let number = numeric(bytes, data_type)?;
            values.append_value(number.to_i128().ok_or_else(broken)?);
        }
        Values::Decimal256(values) => values.append_value(numeric(bytes, data_type)?),
        Values::Text(values) => {
            if *source == Type::UUID {
                let bytes: [u8; 16] = input.array().ok_or_else(broken)?;
                values.append_value(uuid::Uuid::from_bytes(bytes).hyphenated().to_string());
                return Ok(());
            }
            // The first byte of a jsonb value is its version.
            let text = if *source == Type::JSONB { bytes.get(1..).ok_or_else(broken)? } else { bytes };
            let text = str::from_utf8(text).map_err(|_| "a text that is not UTF-8".to_string())?;
            // The server fills char(n) up with spaces, which mean nothing there: 'x' is equal to the value, and casts leave them out.
            values.append_value(if *source == Type::BPCHAR { text.trim_end_matches(' ') } else { text });
        }
        Values::Bytes(values) => values.append_value(bytes),
        Values::Date(values) => {
            let days = input.int32().filter(|days| !matches!(*days, i32::MIN | i32::MAX));
            values.append_value(days.and_then(|days| days.checked_add(EPOCH_DAYS)).ok_or_else(|| infinite(bytes))?);
        }
        Values::Time(values) => {
            let time = input.int64().ok_or_else(broken)?;
            if time >= MICROSECONDS_PER_DAY {
                return Err("24:00".into());
            }
            values.append_value(time);
        }
        Values::Timestamp(values) => {
            let time = input.int64().filter(|time| !matches!(*time, i64::MIN | i64::MAX));
            values.append_value(time.and_then(|time| time.checked_add(EPOCH_MICROSECONDS)).ok_or_else(|| infinite(bytes))?);
        }
        Values::Interval(values) => {
            let microseconds = input.int64().ok_or_else(broken)?;
            let (days, months) = (input.int32().ok_or_else(broken)?, input.int32().ok_or_else(broken)?);
            let nanoseconds = microseconds.checked_mul(1000).ok_or_else(|| "an interval of more than 292 years".to_string())?;
            values.append_value(IntervalMonthDayNano::new(months, days, nanoseconds));
        }
        Values::List(lists) => {
            let (Kind::Array(items), DataType::List(field)) = (source.kind(), data_type) else { return Err(broken()) };
            let dimensions = input.int32().ok_or_else(broken)?;
            // Skips the flag for NULLs and the type of the items.
            input.take(8).ok_or_else(broken)?;
            if dimensions > 1 {
                return Err(format!("an array of {dimensions} dimensions"));
            }
            let mut length = 0;
            if dimensions == 1 {
                length = usize::try_from(input.int32().ok_or_else(broken)?).map_err(|_| broken())?;
                input.take(4).ok_or_else(broken)?;
            }
            for _ in 0..length {
                match input.value().ok_or_else(broken)? {
                    Some(item) => add(&mut lists.items, item, items, field.data_type())?,
                    None => lists.items.null(),
                }
            }
            lists.end(length);
        }
    }
    Ok(())
}

/// The smallest and largest values stand for minus infinity and infinity.
fn infinite(bytes: &[u8]) -> Misfit {
    let is_past = bytes.first().is_some_and(|first| first & 0x80 != 0);
    if is_past { "-infinity".into() } else { "infinity".into() }
}

/// Decodes a `numeric`: groups of four digits, the first of which is multiplied by 10000 to the power of `weight`.
fn numeric(bytes: &[u8], data_type: &DataType) -> Result<i256, Misfit> {
    let (DataType::Decimal128(digits, scale) | DataType::Decimal256(digits, scale)) = data_type else {
        return Err("a number".into());
    };
    let mut input = Input(bytes);
    let broken = || "a number that cannot be read".to_string();
    let count = usize::try_from(input.int16().ok_or_else(broken)?).map_err(|_| broken())?;
    let weight = i32::from(input.int16().ok_or_else(broken)?);
    let sign = input.array().map(u16::from_be_bytes).ok_or_else(broken)?;
    match sign {
        0xc000 => return Err("NaN".into()),
        0xd000 => return Err("Infinity".into()),
        0xf000 => return Err("-Infinity".into()),
        _ => {}
    }
    input.take(2).ok_or_else(broken)?;
    let wide = || format!("a number of more than {} digits before the point", i32::from(*digits) - i32::from(*scale));
    let mut number = i256::ZERO;
    // The power of ten of the group's last digit, relative to the last digit of the column's scale.
    let mut power = (weight + 1) * 4 + i32::from(*scale);
    for _ in 0..count {
        let group = i128::from(input.int16().ok_or_else(broken)?);
        power -= 4;
        let (shift, group) = match power {
            0.. => (4, group),
            -3..0 => {
                let unit = 10_i128.pow(power.unsigned_abs());
                if group % unit != 0 {
                    return Err(format!("a number of more than {scale} digits after the point"));
                }
                (4 - power.unsigned_abs(), group / unit)
            }
            _ if group == 0 => continue,
            _ => return Err(format!("a number of more than {scale} digits after the point")),
        };
        number = number
            .checked_mul(i256::from_i128(10_i128.pow(shift)))
            .and_then(|number| number.checked_add(i256::from_i128(group)))
            .ok_or_else(wide)?;
    }
    if power > 0 && number != i256::ZERO {
        let unit = i256::from_i128(10).checked_pow(power.unsigned_abs()).ok_or_else(wide)?;
        number = number.checked_mul(unit).ok_or_else(wide)?;
    }
    let most = i256::from_i128(10).checked_pow(u32::from(*digits)).ok_or_else(wide)?;
    if number >= most {
        return Err(wide());
    }
    Ok(if sign == 0x4000 { number.wrapping_neg() } else { number })
}

/// A date in PostgreSQL's notation, if its year has four digits.
pub fn day(days: i64) -> Option<NaiveDate> {
    let day = NaiveDate::default().checked_add_signed(chrono::TimeDelta::try_days(days)?)?;
    (1..=9999).contains(&chrono::Datelike::year(&day)).then_some(day)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::IntervalUnit;

    use super::*;

    fn bytes(weight: i16, sign: u16, groups: &[i16]) -> Vec<u8> {
        let mut bytes = vec![];
        bytes.extend(i16::try_from(groups.len()).unwrap().to_be_bytes());
        bytes.extend(weight.to_be_bytes());
        bytes.extend(sign.to_be_bytes());
        bytes.extend(0_i16.to_be_bytes());
        groups.iter().for_each(|group| bytes.extend(group.to_be_bytes()));
        bytes
    }

    #[test]
    fn numbers_are_exact() {
        let read = |weight: i16, sign: u16, groups: &[i16], digits: u8, scale: i8| {
            let number = numeric(&bytes(weight, sign, groups), &DataType::Decimal128(digits, scale));
            number.map(|number| number.to_i128().unwrap())
        };
        assert_eq!(read(0, 0, &[], 10, 2), Ok(0));
        assert_eq!(read(0, 0, &[12, 3400], 10, 2), Ok(1234));
        assert_eq!(read(0, 0x4000, &[12, 3400], 10, 2), Ok(-1234));
        assert_eq!(read(0, 0, &[12, 3450], 10, 2), Err("a number of more than 2 digits after the point".into()));
        assert_eq!(read(1, 0, &[1], 10, 2), Ok(1_000_000));
        assert_eq!(read(-2, 0, &[5000], 10, 5), Ok(5));
        assert_eq!(read(-1, 0, &[1, 2345], 10, 8), Ok(12_345));
        assert_eq!(read(2, 0, &[100], 10, 2), Err("a number of more than 8 digits before the point".into()));
        assert_eq!(read(1000, 0, &[1], 38, 2), Err("a number of more than 36 digits before the point".into()));
        assert_eq!(read(0, 0xc000, &[], 10, 2), Err("NaN".into()));
        let nines = [9999; 9];
        assert_eq!(read(8, 0, &nines, 38, 2), Ok((10_i128.pow(36) - 1) * 100));
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        for (source, data_type) in [
            (Type::INT4, DataType::Int32),
            (Type::NUMERIC, DataType::Decimal128(10, 2)),
            (Type::UUID, DataType::Utf8View),
            (Type::JSONB, DataType::Utf8View),
            (Type::INTERVAL, DataType::Interval(IntervalUnit::MonthDayNano)),
        ] {
            let mut values = Values::of(&data_type).unwrap();
            assert!(add(&mut values, &[], &source, &data_type).is_err(), "{source}");
        }
    }
}
