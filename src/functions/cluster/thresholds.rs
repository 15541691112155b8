//! Thresholds of rules as SQL constants, for every type that values are compared in.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::{Result, internal_err};

use crate::kernels::tree::numbers::{Cut, float_of};
use crate::kernels::tree::threshold::{between, whole_between};

/// The constant to compare a row's value with, so that the row falls on the same side of the cut as in the tree.
///
/// In SQL a literal with a decimal point is a double, and DataFusion compares decimals with it to 15 decimals. Where that may be too few
/// digits, the constant is written in the type of the column.
pub fn threshold(cut: &Cut, data_type: Option<&DataType>) -> Result<String> {
    let Some(data_type) = data_type else { return Ok(between(float_of(cut.low), float_of(cut.high)).to_string()) };
    let Cut { low, high } = *cut;
    let is_small = |limit: i128| low.unsigned_abs() < limit as u128 && high.unsigned_abs() < limit as u128;
    Ok(match data_type {
        DataType::Int64 | DataType::UInt64 if is_small(1 << 53) => between(low as f64, high as f64).to_string(),
        DataType::Int64 | DataType::UInt64 => whole_between(low, high).to_string(),
        DataType::Decimal128(_, scale @ 0..=12) if is_small(10_i128.pow(13)) => {
            let unit = 10_f64.powi(i32::from(*scale));
            between(low as f64 / unit, high as f64 / unit).to_string()
        }
        DataType::Decimal128(precision, scale) => {
            let text = decimal(whole_between(low, high), *scale);
            match text.parse::<i64>() {
                Ok(whole) => whole.to_string(),
                Err(_) if *scale >= 0 => format!("CAST('{text}' AS DECIMAL({precision}, {scale}))"),
                Err(_) => format!("CAST('{text}' AS DECIMAL(38, 0))"),
            }
        }
        DataType::Date32 => {
            let text = shown(low, data_type)?;
            if year(&text).is_some() {
                format!("DATE '{text}'")
            } else {
                format!("arrow_cast(arrow_cast({low}, 'Int32'), 'Date32')")
            }
        }
        DataType::Timestamp(unit, zone) => {
            let ticks = i128::from(last_round(low, high, *unit));
            let text = shown(ticks, data_type)?;
            match year(&text) {
                // A TIMESTAMP literal counts nanoseconds, reaches from 1678 to 2261, and has no zone.
                Some(1678..2262) if zone.is_none() => format!("TIMESTAMP '{text}'"),
                Some(_) => format!("arrow_cast('{text}', '{data_type}')"),
                None => format!("arrow_cast({ticks}, '{data_type}')"),
            }
        }
        other => return internal_err!("{other} cannot be compared directly"),
    })
}

/// A decimal as it is written: `-12.34`, without zeros at the end.
fn decimal(digits: i128, scale: i8) -> String {
    let (sign, magnitude) = (if digits < 0 { "-" } else { "" }, digits.unsigned_abs());
    if scale <= 0 {
        return format!("{sign}{magnitude}{}", "0".repeat(if magnitude == 0 { 0 } else { usize::from(scale.unsigned_abs()) }));
    }
    let places = usize::from(scale.unsigned_abs());
    let padded = format!("{magnitude:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at(padded.len() - places);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// The latest whole day (else hour, minute or second) below `high` and not before `low`; `low` when there is none.
fn last_round(low: i128, high: i128, unit: TimeUnit) -> i64 {
    let second: i128 = match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    let last = |step: i128| (high - 1).div_euclid(step * second) * step * second;
    let round = [86_400, 3_600, 60, 1].into_iter().map(last).find(|moment| *moment >= low);
    round.unwrap_or(low) as i64
}

/// The year of a displayed date or time, if it has four digits and so can be parsed again.
fn year(shown: &str) -> Option<i32> {
    shown.split_once('-').filter(|(year, _)| year.len() == 4)?.0.parse().ok()
}

/// A date or time as displayed.
fn shown(key: i128, data_type: &DataType) -> Result<String> {
    let ticks: ArrayRef = Arc::new(Int64Array::from(vec![key as i64]));
    let own = if data_type == &DataType::Date32 { cast(&ticks, &DataType::Int32)? } else { ticks };
    Ok(array_value_to_string(&cast(&own, data_type)?, 0)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(low: i128, high: i128, data_type: &DataType) -> String {
        threshold(&Cut { low, high }, Some(data_type)).unwrap()
    }

    #[test]
    fn constants_lie_in_the_cut_and_are_read_as_written() {
        let (day, micro) = (DataType::Date32, DataType::Timestamp(TimeUnit::Microsecond, None));
        let milli = DataType::Timestamp(TimeUnit::Millisecond, None);
        let zoned = DataType::Timestamp(TimeUnit::Second, Some("Asia/Shanghai".into()));
        let large = 9_007_199_254_740_993;
        for (low, high, data_type, expected) in [
            (9, 10, DataType::Int64, "9.5"),
            (-3, 100, DataType::Int64, "0"),
            (large, large + 1, DataType::Int64, "9007199254740993"),
            (i128::from(u64::MAX) - 1, i128::from(u64::MAX), DataType::UInt64, "18446744073709551614"),
            (49_999, 50_000, DataType::Decimal128(10, 2), "499.995"),
            (large, large + 1, DataType::Decimal128(20, 0), "9007199254740993"),
            (large, large + 1, DataType::Decimal128(20, 3), "CAST('9007199254740.993' AS DECIMAL(20, 3))"),
            (-large, 1 - large, DataType::Decimal128(38, 20), "CAST('-0.00009007199254740993' AS DECIMAL(38, 20))"),
            (
                10_i128.pow(30),
                10_i128.pow(30) + 1,
                DataType::Decimal128(38, 0),
                "CAST('1000000000000000000000000000000' AS DECIMAL(38, 0))",
            ),
            (5, 6, DataType::Decimal128(5, -2), "500"),
            (0, 1, day.clone(), "DATE '1970-01-01'"),
            (86_399_999_999, 172_800_000_001, micro.clone(), "TIMESTAMP '1970-01-03T00:00:00'"),
            (1, 2, micro.clone(), "TIMESTAMP '1970-01-01T00:00:00.000001'"),
            (1_500_000, 3_000_001, micro, "TIMESTAMP '1970-01-01T00:00:03'"),
            (10_000_000_000_000, 10_000_000_000_001, milli.clone(), "arrow_cast('2286-11-20T17:46:40', 'Timestamp(ms)')"),
            (253_402_300_800_000, 253_402_300_800_001, milli.clone(), "arrow_cast(253402300800000, 'Timestamp(ms)')"),
            (2_932_897, 2_932_898, day.clone(), "arrow_cast(arrow_cast(2932897, 'Int32'), 'Date32')"),
            (0, 1, zoned, "arrow_cast('1970-01-01T08:00:00+08:00', 'Timestamp(s, \"Asia/Shanghai\")')"),
        ] {
            assert_eq!(written(low, high, &data_type), expected);
        }
        assert_eq!(threshold(&Cut { low: 0, high: 1 }, None).unwrap(), "0");
    }
}
