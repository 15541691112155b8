//! INTERVALs compared, sorted, multiplied and divided as in PostgreSQL, where a month is 30 days and a day 24 hours.
//!
//! The engine compares intervals field by field: months, then days, then nanoseconds. So there, 25 hours is less than one day,
//! and a difference of timestamps, which has only nanoseconds, is less than any number of days.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, LargeListArray, ListArray, MapArray, PrimitiveArray, StructArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Decimal256Type, Field, FieldRef, Float64Type, Int64Type, IntervalMonthDayNano,
    IntervalMonthDayNanoType, IntervalUnit, TimeUnit, i256,
};
use datafusion::common::{Result, plan_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs};

use super::scalar::Scalar;
use crate::error::{SqlState, in_rows, invalid};

pub const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);
const DAYS_OF_MONTH: i128 = 30;
const NANOSECONDS_OF_DAY: i128 = 86_400_000_000_000;

/// The type of a length.
pub const LENGTHS: DataType = DataType::Decimal128(38, 0);

/// The type of a code.
pub const CODES: DataType = DataType::Decimal256(76, 0);

/// The length of an interval in nanoseconds, used for comparisons; in lists and structs, that of each interval.
static LENGTH: Scalar = Scalar {
    name: "interval_length",
    takes: one_span,
    gives: |types| Ok(types.first().map_or(LENGTHS, |of| with_spans_as(of, &LENGTHS))),
    compute: |arguments| each::<Decimal128Type>(arguments, &LENGTHS, length),
    written: |_| None,
};

/// An interval as a number that sorts like the interval: first the length, then the parts, from which [`DECODED`] restores the interval.
static ENCODED: Scalar = Scalar {
    name: "interval_encode",
    takes: one_span,
    gives: |types| Ok(types.first().map_or(CODES, |of| with_spans_as(of, &CODES))),
    compute: |arguments| each::<Decimal256Type>(arguments, &CODES, encode),
    written: |_| None,
};

/// The interval for a code, or the intervals for a list of them.
static DECODED: Scalar = Scalar {
    name: "interval_decode",
    takes: |types| match types {
        [list @ DataType::List(_)] => Ok(vec![list.clone()]),
        _ => Ok(vec![CODES]),
    },
    gives: |types| match types {
        [DataType::List(item)] => Ok(DataType::List(of_type(item, INTERVAL))),
        _ => Ok(INTERVAL),
    },
    compute: |arguments| {
        let codes = arguments.args[0].to_array(arguments.number_rows)?;
        let DataType::List(item) = codes.data_type() else { return Ok(ColumnarValue::Array(decoded_values(&codes))) };
        let lists = codes.as_list::<i32>();
        let values = decoded_values(lists.values());
        let spans = ListArray::try_new(of_type(item, INTERVAL), lists.offsets().clone(), values, lists.nulls().cloned())?;
        Ok(ColumnarValue::Array(Arc::new(spans)))
    },
    written: |_| None,
};

static TIMES: Scalar = Scalar {
    name: "interval_multiply",
    takes: span_and_number,
    gives: |types| Ok(types[0].clone()),
    compute: |arguments| scaled(arguments, Scaling::Times),
    written: |arguments| Some(format!("{} * {}", arguments[0], arguments[1])),
};

static DIVIDED: Scalar = Scalar {
    name: "interval_divide",
    takes: span_and_number,
    gives: |types| Ok(types[0].clone()),
    compute: |arguments| scaled(arguments, Scaling::Divided),
    written: |arguments| Some(format!("{} / {}", arguments[0], arguments[1])),
};

/// The functions of this module.
pub static ALL: [&Scalar; 5] = [&LENGTH, &ENCODED, &DECODED, &TIMES, &DIVIDED];

/// The value by which an interval is compared.
pub fn length_of(span: Expr) -> Expr {
    LENGTH.call(vec![span])
}

/// The value by which the smallest and largest interval are found.
pub fn encoded(span: Expr) -> Expr {
    ENCODED.call(vec![span])
}

/// The interval for an encoded value.
pub fn decoded(code: Expr) -> Expr {
    DECODED.call(vec![code])
}

/// `span * number`
pub fn times(span: Expr, number: Expr) -> Expr {
    TIMES.call(vec![span, number])
}

/// The interval and the number of a product that [`times`] has made.
pub fn factors(product: &Expr) -> Option<(&Expr, &Expr)> {
    match product {
        Expr::ScalarFunction(call) if call.func.name() == TIMES.name => call.args.first().zip(call.args.get(1)),
        _ => None,
    }
}

/// `span / number`
pub fn divided(span: Expr, number: Expr) -> Expr {
    DIVIDED.call(vec![span, number])
}

fn one_span(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [DataType::Duration(unit)] => Ok(vec![DataType::Duration(*unit)]),
        [DataType::Interval(_) | DataType::Null] => Ok(vec![INTERVAL]),
        [nested] if has_spans(nested) => Ok(vec![nested.clone()]),
        _ => plan_err!("expected an interval"),
    }
}

/// True for intervals, and for lists, structs and maps of them.
pub fn has_spans(data_type: &DataType) -> bool {
    match data_type {
        DataType::Interval(_) => true,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => has_spans(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_spans(field.data_type())),
        DataType::Map(entries, _) => has_spans(entries.data_type()),
        _ => false,
    }
}

fn of_type(field: &FieldRef, data_type: DataType) -> FieldRef {
    let field: Field = field.as_ref().clone();
    Arc::new(field.with_data_type(data_type))
}

/// A type in which each interval, and each NULL without a type, has become another one.
pub fn with_spans_as(data_type: &DataType, other: &DataType) -> DataType {
    let part = |field: &FieldRef| of_type(field, with_spans_as(field.data_type(), other));
    match data_type {
        DataType::Interval(_) | DataType::Duration(_) | DataType::Null => other.clone(),
        DataType::List(item) => DataType::List(part(item)),
        DataType::LargeList(item) => DataType::LargeList(part(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(part(item), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(part).collect()),
        DataType::Map(entries, ordered) => DataType::Map(part(entries), *ordered),
        others => others.clone(),
    }
}

/// A column in which each interval has become a value of another type.
fn converted(column: &ArrayRef, other: &DataType, convert: &dyn Fn(&ArrayRef) -> Result<ArrayRef>) -> Result<ArrayRef> {
    Ok(match with_spans_as(column.data_type(), other) {
        _ if matches!(column.data_type(), DataType::Interval(_) | DataType::Duration(_) | DataType::Null) => convert(column)?,
        DataType::List(item) => {
            let lists = column.as_list::<i32>();
            let values = converted(lists.values(), other, convert)?;
            Arc::new(ListArray::try_new(item, lists.offsets().clone(), values, lists.nulls().cloned())?)
        }
        DataType::LargeList(item) => {
            let lists = column.as_list::<i64>();
            let values = converted(lists.values(), other, convert)?;
            Arc::new(LargeListArray::try_new(item, lists.offsets().clone(), values, lists.nulls().cloned())?)
        }
        DataType::FixedSizeList(item, size) => {
            let lists = column.as_fixed_size_list();
            let values = converted(lists.values(), other, convert)?;
            Arc::new(FixedSizeListArray::try_new(item, size, values, lists.nulls().cloned())?)
        }
        DataType::Struct(fields) if !fields.is_empty() => {
            let parts = column.as_struct();
            let columns = parts.columns().iter().map(|part| converted(part, other, convert)).collect::<Result<Vec<_>>>()?;
            Arc::new(StructArray::try_new(fields, columns, parts.nulls().cloned())?)
        }
        DataType::Map(field, ordered) => {
            let maps = column.as_map();
            let entries: ArrayRef = Arc::new(maps.entries().clone());
            let entries = converted(&entries, other, convert)?.as_struct().clone();
            Arc::new(MapArray::try_new(field, maps.offsets().clone(), entries, maps.nulls().cloned(), ordered)?)
        }
        _ => Arc::clone(column),
    })
}

/// The values by which those of a column are compared: the lengths of intervals, and other values as they are.
pub fn lengths(column: &ArrayRef) -> Result<ArrayRef> {
    if !has_spans(column.data_type()) {
        return Ok(Arc::clone(column));
    }
    converted(column, &LENGTHS, &|spans| each_span::<Decimal128Type>(spans, &LENGTHS, length))
}

/// The same with the codes of intervals, from which these can be restored.
pub fn codes(column: &ArrayRef) -> Result<ArrayRef> {
    converted(column, &CODES, &|spans| each_span::<Decimal256Type>(spans, &CODES, encode))
}

/// The intervals for their codes.
pub fn decoded_values(codes: &ArrayRef) -> ArrayRef {
    let spans: PrimitiveArray<IntervalMonthDayNanoType> = codes.as_primitive::<Decimal256Type>().unary(decode);
    Arc::new(spans)
}

fn span_and_number(types: &[DataType]) -> Result<Vec<DataType>> {
    let [span, number] = types else { return plan_err!("expected an interval and a number") };
    let span = one_span(std::slice::from_ref(span))?;
    let number = if number.is_integer() { DataType::Int64 } else { DataType::Float64 };
    Ok(vec![span[0].clone(), number])
}

fn length(span: IntervalMonthDayNano) -> i128 {
    let days = i128::from(span.months) * DAYS_OF_MONTH + i128::from(span.days);
    days * NANOSECONDS_OF_DAY + i128::from(span.nanoseconds)
}

/// The high half is the length. The low half has the parts as bits, shifted above zero so that they sort by value.
fn encode(span: IntervalMonthDayNano) -> i256 {
    let part = |value: i32| u128::from((i64::from(value) - i64::from(i32::MIN)) as u64);
    let nanoseconds = (i128::from(span.nanoseconds) - i128::from(i64::MIN)) as u128;
    i256::from_parts(part(span.months) << 96 | part(span.days) << 64 | nanoseconds, length(span))
}

fn decode(code: i256) -> IntervalMonthDayNano {
    let (parts, _) = code.to_parts();
    let part = |bits: u128| (i64::from(bits as u32) + i64::from(i32::MIN)) as i32;
    let nanoseconds = (i128::from(parts as u64) + i128::from(i64::MIN)) as i64;
    IntervalMonthDayNano::new(part(parts >> 96), part(parts >> 64), nanoseconds)
}

/// A column of any interval or duration type, as intervals.
pub fn spans(column: &ArrayRef) -> Result<PrimitiveArray<IntervalMonthDayNanoType>> {
    let column = match column.data_type() {
        DataType::Duration(_) => {
            let nanoseconds = cast(&cast(column, &DataType::Duration(TimeUnit::Nanosecond))?, &DataType::Int64)?;
            return Ok(nanoseconds.as_primitive::<Int64Type>().unary(|nanoseconds| IntervalMonthDayNano::new(0, 0, nanoseconds)));
        }
        _ => cast(column, &INTERVAL)?,
    };
    Ok(column.as_primitive::<IntervalMonthDayNanoType>().clone())
}

fn each<T: ArrowPrimitiveType>(
    arguments: &ScalarFunctionArgs,
    data_type: &DataType,
    of: fn(IntervalMonthDayNano) -> T::Native,
) -> Result<ColumnarValue> {
    let column = arguments.args[0].to_array(arguments.number_rows)?;
    Ok(ColumnarValue::Array(converted(&column, data_type, &|spans| each_span::<T>(spans, data_type, of))?))
}

fn each_span<T: ArrowPrimitiveType>(
    column: &ArrayRef,
    data_type: &DataType,
    of: fn(IntervalMonthDayNano) -> T::Native,
) -> Result<ArrayRef> {
    let results: PrimitiveArray<T> = spans(column)?.unary(of);
    Ok(Arc::new(results.with_data_type(data_type.clone())))
}

#[derive(Clone, Copy)]
enum Scaling {
    Times,
    Divided,
}

fn scaled(arguments: &ScalarFunctionArgs, scaling: Scaling) -> Result<ColumnarValue> {
    let column = arguments.args[0].to_array(arguments.number_rows)?;
    let numbers = arguments.args[1].to_array(arguments.number_rows)?;
    let expression = arguments.return_field.name();
    let too_long = || {
        let rule = "an interval is too long";
        in_rows(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, expression, rule, "the interval is too long for its type")
    };
    let by_zero = || -> DataFusionError { invalid(expression, "an interval cannot be divided by zero") };
    let is_duration = matches!(column.data_type(), DataType::Duration(_));
    let column_of_spans = spans(&column)?;
    let mut results = Vec::with_capacity(column_of_spans.len());
    for row in 0..column_of_spans.len() {
        if column_of_spans.is_null(row) || numbers.is_null(row) {
            results.push(None);
            continue;
        }
        let span = column_of_spans.value(row);
        let result = match (numbers.data_type(), scaling) {
            (DataType::Int64, Scaling::Times) => by_whole(span, numbers.as_primitive::<Int64Type>().value(row).into(), 1),
            (DataType::Int64, Scaling::Divided) => match numbers.as_primitive::<Int64Type>().value(row) {
                0 => return Err(by_zero()),
                number => by_whole(span, 1, number.into()),
            },
            (_, scaling) => {
                let number = numbers.as_primitive::<Float64Type>().value(row);
                match scaling {
                    Scaling::Times => by_float(span, |part| part * number),
                    Scaling::Divided if number == 0.0 => return Err(by_zero()),
                    Scaling::Divided => by_float(span, |part| part / number),
                }
            }
        };
        results.push(Some(result.ok_or_else(too_long)?));
    }
    let results: ArrayRef = if is_duration {
        let nanoseconds = results.into_iter().map(|span| span.map(|span| span.nanoseconds));
        let nanoseconds: ArrayRef = Arc::new(nanoseconds.collect::<PrimitiveArray<Int64Type>>());
        cast(&cast(&nanoseconds, &DataType::Duration(TimeUnit::Nanosecond))?, column.data_type())?
    } else {
        Arc::new(PrimitiveArray::<IntervalMonthDayNanoType>::from_iter(results))
    };
    Ok(ColumnarValue::Array(results))
}

/// Multiplication and division by integers.
fn by_whole(span: IntervalMonthDayNano, times: i128, divided: i128) -> Option<IntervalMonthDayNano> {
    shared(i128::from(span.months) * times, i128::from(span.days) * times, i128::from(span.nanoseconds) * times, divided)
}

/// Months, days and time, divided: the remainder of the months goes to the days, and that of the days to the time.
pub fn shared(months: i128, days: i128, nanoseconds: i128, divided: i128) -> Option<IntervalMonthDayNano> {
    let days = days + months % divided * DAYS_OF_MONTH;
    let rest = (days % divided).checked_mul(NANOSECONDS_OF_DAY)?;
    let nanoseconds = nanoseconds.checked_add(rest)? / divided;
    Some(IntervalMonthDayNano::new(
        i32::try_from(months / divided).ok()?,
        i32::try_from(days / divided).ok()?,
        i64::try_from(nanoseconds).ok()?,
    ))
}

/// The same with a number that has decimals.
fn by_float(span: IntervalMonthDayNano, scale: impl Fn(f64) -> f64) -> Option<IntervalMonthDayNano> {
    let months = scale(f64::from(span.months));
    let days = scale(f64::from(span.days)) + months.fract() * DAYS_OF_MONTH as f64;
    let nanoseconds = scale(span.nanoseconds as f64) + days.fract() * NANOSECONDS_OF_DAY as f64;
    let within = |value: f64, most: f64| (value.is_finite() && value.abs() < most).then_some(value);
    Some(IntervalMonthDayNano::new(
        within(months.trunc(), 2_147_483_648.0)? as i32,
        within(days.trunc(), 2_147_483_648.0)? as i32,
        within(nanoseconds.round(), 9_223_372_036_854_775_808.0)? as i64,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = NANOSECONDS_OF_DAY as i64;

    #[test]
    fn codes_sort_by_length_and_give_the_span_back() {
        let parts = [i32::MIN, -31, -1, 0, 1, 29, 30, i32::MAX];
        let times = [i64::MIN, -DAY, -1, 0, 1, DAY, i64::MAX];
        let spans: Vec<IntervalMonthDayNano> = parts
            .iter()
            .flat_map(|months| parts.iter().map(move |days| (*months, *days)))
            .flat_map(|(months, days)| times.iter().map(move |time| IntervalMonthDayNano::new(months, days, *time)))
            .collect();
        for span in &spans {
            assert_eq!(decode(encode(*span)), *span);
        }
        let mut sorted = spans.clone();
        sorted.sort_by_key(|span| encode(*span));
        assert!(sorted.windows(2).all(|pair| length(pair[0]) <= length(pair[1])));
    }

    #[test]
    fn spans_are_scaled_as_in_postgresql() {
        let span = IntervalMonthDayNano::new;
        assert_eq!(by_whole(span(1, 2, 3), 5, 1), Some(span(5, 10, 15)));
        assert_eq!(by_whole(span(1, 0, 0), 1, 2), Some(span(0, 15, 0)));
        assert_eq!(by_whole(span(0, 1, 0), 1, -4), Some(span(0, 0, -DAY / 4)));
        assert_eq!(by_whole(span(i32::MAX, 0, 0), 2, 1), None);
        assert_eq!(by_float(span(1, 0, 0), |part| part * 1.5), Some(span(1, 15, 0)));
        assert_eq!(by_float(span(0, 1, 0), |part| part * 0.25), Some(span(0, 0, DAY / 4)));
        assert_eq!(by_float(span(0, 1, 0), |part| part * f64::NAN), None);
    }
}
