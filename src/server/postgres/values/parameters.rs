//! Parameter values sent by clients.

use std::sync::Arc;

use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::types::IntervalMonthDayNano;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, IntervalUnit, TimeUnit, i256};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;

use super::{Format, numbers, times};
use crate::calendar;
use crate::error::{SqlState, coded};
use crate::postgres_types::{numbered, seen};
use crate::text::array_parts;

/// The OID for a type that the client left open.
pub const OPEN: u32 = 0;
/// The OID of a string literal whose type is inferred, as in PostgreSQL.
pub const UNKNOWN: u32 = 705;
/// The OID of `text`.
pub const TEXT: u32 = 25;
/// The most dimensions of an array, as in PostgreSQL.
const DIMENSIONS: usize = 6;

/// The Arrow type for values of a PostgreSQL type; `None` for unknown OIDs.
pub fn data_type_of(oid: u32) -> Option<DataType> {
    let (of, is_array) = numbered(oid)?;
    let one = match of.name {
        "bool" => DataType::Boolean,
        "bytea" => DataType::Binary,
        "int2" => DataType::Int16,
        "int4" => DataType::Int32,
        "int8" | "oid" | "xid" | "regclass" | "regtype" | "regproc" | "regnamespace" | "regrole" => DataType::Int64,
        "float4" => DataType::Float32,
        "float8" => DataType::Float64,
        // A value's own digits determine its type; this is the default without a value.
        "numeric" => DataType::Decimal128(DECIMAL128_MAX_PRECISION, 10),
        "date" => DataType::Date32,
        "time" => DataType::Time64(TimeUnit::Microsecond),
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "timestamptz" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "interval" => DataType::Interval(IntervalUnit::MonthDayNano),
        _ => DataType::Utf8,
    };
    Some(if is_array { DataType::List(Arc::new(Field::new_list_field(one, true))) } else { one })
}

/// The value of parameter number `place`: `oid` is the type that the client declared or was told, and `inferred` is the type that the
/// statement expects, where known.
///
/// # Errors
/// The bytes are not a value of the type; the error has the number of the parameter.
pub fn parameter(
    place: usize,
    value: Option<&[u8]>,
    oid: u32,
    format: Format,
    inferred: Option<&Field>,
    zone: Tz,
) -> Result<ScalarValue> {
    let is_open = matches!(oid, OPEN | UNKNOWN);
    // The bytes are of the type that the client was told, as `oid`.
    let oid = if is_open { inferred.map_or(TEXT, |field| seen(field).oid()) } else { oid };
    let declared = if is_open { inferred.map(|field| field.data_type().clone()) } else { data_type_of(oid) };
    let data_type = declared.unwrap_or(DataType::Utf8);
    let Some(bytes) = value else { return ScalarValue::try_from(&data_type) };
    let own = numbered(oid).filter(|(of, is_array)| of.name == "numeric" && !is_array);
    if own.is_some() && is_no_number(bytes, format) {
        let problem = "NaN and infinity are not values of DECIMAL; send a double precision, or NULL";
        return Err(coded(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, &format!("parameter ${place}"), problem));
    }
    match format {
        Format::Text => {
            let text = std::str::from_utf8(bytes).map_err(|_| {
                coded(SqlState::CHARACTER_NOT_IN_REPERTOIRE, &format!("parameter ${place}"), "is not text in UTF-8")
            })?;
            let value = of_text(text, &data_type, zone).map_err(|error| wrong_text(place, text, &data_type, &error))?;
            // Some drivers write them without hyphens.
            match numbered(oid) {
                Some((of, _)) if of.name == "uuid" => uuids(value).ok_or_else(|| {
                    let short: String = text.chars().take(80).collect();
                    let problem = format!("'{short}' is not a valid uuid");
                    coded(SqlState::INVALID_TEXT_REPRESENTATION, &format!("parameter ${place}"), problem)
                }),
                _ => Ok(value),
            }
        }
        Format::Binary => of_binary(bytes, oid).ok_or_else(|| {
            let name = numbered(oid).map_or_else(|| data_type.to_string(), |(of, _)| of.sql_name.to_string());
            let problem = format!("{} bytes that are not a valid {name} in binary", bytes.len());
            coded(SqlState::INVALID_BINARY_REPRESENTATION, &format!("parameter ${place}"), problem)
        }),
    }
}

/// A UUID, or a list of them, as texts with hyphens and small letters.
fn uuids(value: ScalarValue) -> Option<ScalarValue> {
    match value {
        ScalarValue::Utf8(Some(text)) => {
            let digits = text.trim();
            Some(ScalarValue::Utf8(Some(uuid::Uuid::try_parse(digits).ok()?.to_string())))
        }
        ScalarValue::List(list) if list.value_type() == DataType::Utf8 && list.len() == 1 => {
            let items = list.value(0);
            let items = items.as_string::<i32>().iter().map(|item| match item {
                Some(item) => uuids(ScalarValue::Utf8(Some(item.to_string()))),
                None => Some(ScalarValue::Utf8(None)),
            });
            let items = items.collect::<Option<Vec<_>>>()?;
            Some(ScalarValue::List(ScalarValue::new_list(&items, &DataType::Utf8, true)))
        }
        other => Some(other),
    }
}

/// True for the values of `numeric` that have no digits.
fn is_no_number(bytes: &[u8], format: Format) -> bool {
    let text = match format {
        Format::Text => String::from_utf8_lossy(bytes).trim().to_lowercase(),
        Format::Binary => numbers::decimal_of_binary(bytes).unwrap_or_default().to_lowercase(),
    };
    matches!(text.trim_start_matches(['-', '+']), "nan" | "inf" | "infinity")
}

fn wrong_text(place: usize, text: &str, data_type: &DataType, error: &DataFusionError) -> DataFusionError {
    let name = crate::postgres_types::seen_type(data_type).base.sql_name;
    let why = crate::error::message(error);
    let short: String = text.chars().take(80).collect();
    coded(
        SqlState::INVALID_TEXT_REPRESENTATION,
        &format!("parameter ${place}"),
        format!("'{short}' is not a valid {name}: {why}"),
    )
}

fn of_text(text: &str, data_type: &DataType, zone: Tz) -> Result<ScalarValue> {
    let wrong = |problem: &str| coded(SqlState::INVALID_TEXT_REPRESENTATION, "value", problem);
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(ScalarValue::Utf8(Some(text.into()))),
        DataType::Boolean => match text.trim().to_lowercase().as_str() {
            "t" | "tr" | "tru" | "true" | "y" | "ye" | "yes" | "on" | "1" => Ok(ScalarValue::Boolean(Some(true))),
            "f" | "fa" | "fal" | "fals" | "false" | "n" | "no" | "of" | "off" | "0" => Ok(ScalarValue::Boolean(Some(false))),
            _ => Err(wrong("write true or false")),
        },
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
            decimal(text.trim()).ok_or_else(|| wrong("write digits, with a point where it is needed, at most 76 of them"))
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            let bytes = match text.strip_prefix("\\x") {
                Some(digits) => hexadecimal(digits).ok_or_else(|| wrong("write two hexadecimal digits for each byte"))?,
                None => text.as_bytes().to_vec(),
            };
            Ok(ScalarValue::Binary(Some(bytes)))
        }
        DataType::List(item) | DataType::LargeList(item) => {
            let (elements, lengths) = elements(text, 1).ok_or_else(|| wrong("write an array as {1,2,NULL}"))?;
            let mut item = item.data_type();
            while let DataType::List(inner) | DataType::LargeList(inner) = item {
                item = inner.data_type();
            }
            let values = elements.iter().map(|element| match element {
                Some(element) => of_text(element, item, zone),
                None => ScalarValue::try_from(item),
            });
            lists(&values.collect::<Result<Vec<_>>>()?, &lengths, item)
        }
        DataType::Timestamp(..) => {
            let text = with_seconds(text.trim());
            // A time without a zone is in the session's zone.
            if let DataType::Timestamp(unit, Some(_)) = data_type {
                let named: Arc<str> = zone.to_string().into();
                let text = ScalarValue::Utf8(Some(calendar::settled(&text, zone).unwrap_or(text)));
                return text.cast_to(&DataType::Timestamp(*unit, Some(named)))?.cast_to(data_type);
            }
            ScalarValue::Utf8(Some(text)).cast_to(data_type)
        }
        DataType::Null => Ok(ScalarValue::Utf8(Some(text.into()))),
        other => ScalarValue::Utf8(Some(text.trim().to_string())).cast_to(other),
    }
}

/// Adds seconds to a time with hours and minutes only: PostgreSQL accepts it, but the engine's parser does not.
fn with_seconds(text: &str) -> String {
    let Some(begin) = text.find([' ', 'T']) else { return text.to_string() };
    let end = text[begin + 1..].find(['+', '-', 'Z', ' ']).map_or(text.len(), |end| begin + 1 + end);
    let clock = &text[begin + 1..end];
    let is_short = clock.len() == 5 && clock.bytes().filter(|byte| *byte == b':').count() == 1;
    if is_short { format!("{}:00{}", &text[..end], &text[end..]) } else { text.to_string() }
}

/// A decimal with exactly the digits of its text.
fn decimal(text: &str) -> Option<ScalarValue> {
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let unsigned = digits.strip_prefix(['-', '+']).unwrap_or(digits);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let is_number = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let mut scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    let mut all = format!("{whole}{fraction}").trim_start_matches('0').to_string();
    if scale < 0 {
        let zeros = usize::try_from(scale.unsigned_abs()).ok().filter(|zeros| *zeros <= 76)?;
        if !all.is_empty() {
            all.push_str(&"0".repeat(zeros));
        }
        scale = 0;
    }
    let needed = all.len().max(usize::try_from(scale).ok()?).max(1);
    let sign = if digits.starts_with('-') { "-" } else { "" };
    let text = format!("{sign}{}", if all.is_empty() { "0" } else { &all });
    let (precision, scale) = (u8::try_from(needed).ok()?, i8::try_from(scale).ok()?);
    match needed {
        0..=38 => Some(ScalarValue::Decimal128(Some(text.parse().ok()?), precision, scale)),
        39..=76 => Some(ScalarValue::Decimal256(i256::from_string(&text), precision, scale)),
        _ => None,
    }
}

fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = digits
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .map(|letter| Some(letter.to_digit(16)? as u8))
        .collect::<Option<_>>()?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// The elements of a one-dimensional array in PostgreSQL's text form.
fn array(text: &str) -> Option<Vec<Option<String>>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut elements = vec![];
    if inner.trim().is_empty() {
        return Some(elements);
    }
    let mut letters = inner.chars().peekable();
    loop {
        let (mut element, mut is_quoted) = (String::new(), false);
        while letters.peek().is_some_and(|letter| letter.is_whitespace()) {
            letters.next();
        }
        if letters.peek() == Some(&'"') {
            letters.next();
            is_quoted = true;
            loop {
                match letters.next()? {
                    '"' => break,
                    '\\' => element.push(letters.next()?),
                    other => element.push(other),
                }
            }
            while letters.peek().is_some_and(|letter| letter.is_whitespace()) {
                letters.next();
            }
            if letters.peek().is_some_and(|letter| *letter != ',') {
                return None;
            }
        } else {
            while let Some(letter) = letters.peek().copied().filter(|letter| *letter != ',') {
                letters.next();
                match letter {
                    '{' | '}' | '"' => return None,
                    '\\' => element.push(letters.next()?),
                    other => element.push(other),
                }
            }
            element.truncate(element.trim_end().len());
            if element.is_empty() {
                return None;
            }
        }
        let is_null = !is_quoted && element.eq_ignore_ascii_case("null");
        elements.push((!is_null).then_some(element));
        match letters.next() {
            Some(',') => {}
            Some(_) => return None,
            None => return Some(elements),
        }
    }
}

/// The elements of an array in text form, row by row, and its length in each dimension; it is the array in this dimension, from 1.
fn elements(text: &str, dimension: usize) -> Option<(Vec<Option<String>>, Vec<usize>)> {
    if let Some(flat) = array(text) {
        let length = flat.len();
        return Some((flat, vec![length]));
    }
    let parts = array_parts(text).filter(|_| dimension < DIMENSIONS)?;
    let (mut all, mut lengths) = (vec![], vec![]);
    for (place, part) in parts.iter().enumerate() {
        // Anything else in between, such as a NULL, is no array.
        let (own, inner) = part.trim_start().starts_with('{').then(|| elements(part, dimension + 1))??;
        if place > 0 && inner != lengths {
            return None;
        }
        lengths = inner;
        all.extend(own);
    }
    lengths.insert(0, parts.len());
    Some((all, lengths))
}

/// A list of lists, one level for each length.
fn lists(values: &[ScalarValue], lengths: &[usize], item: &DataType) -> Result<ScalarValue> {
    let Some((_, inner)) = lengths.split_first().filter(|(_, inner)| !inner.is_empty() && !values.is_empty()) else {
        return list(values, item);
    };
    // All of them have the type that the widest needs.
    let ScalarValue::List(whole) = list(values, item)? else { return list(values, item) };
    let mut made: ArrayRef = Arc::clone(whole.values());
    for length in inner.iter().rev() {
        let field = Arc::new(Field::new_list_field(made.data_type().clone(), true));
        let counts = std::iter::repeat_n(*length, made.len() / (*length).max(1));
        made = Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(counts), made, None)?);
    }
    Ok(ScalarValue::List(Arc::new(SingleRowListArrayBuilder::new(made).build_list_array())))
}

fn list(values: &[ScalarValue], item: &DataType) -> Result<ScalarValue> {
    // Decimals with different digits are widened to a common type.
    let item = match (item, values.iter().map(ScalarValue::data_type).collect::<Vec<_>>().as_slice()) {
        (DataType::Decimal128(..) | DataType::Decimal256(..), types) => widest(types),
        _ => item.clone(),
    };
    let cast = values.iter().map(|value| value.cast_to(&item)).collect::<Result<Vec<_>>>()?;
    Ok(ScalarValue::List(ScalarValue::new_list(&cast, &item, true)))
}

/// The narrowest decimal type that holds all of these.
fn widest(types: &[DataType]) -> DataType {
    let parts = types.iter().filter_map(|of| match of {
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            Some((i16::from(*precision) - i16::from(*scale), *scale))
        }
        _ => None,
    });
    let (whole, scale) = parts.fold((1, 0), |(whole, scale), (other_whole, other)| (whole.max(other_whole), scale.max(other)));
    let precision = u8::try_from((whole + i16::from(scale)).clamp(1, 76)).unwrap_or(76);
    if precision <= DECIMAL128_MAX_PRECISION {
        DataType::Decimal128(precision, scale)
    } else {
        DataType::Decimal256(precision, scale)
    }
}

fn fixed<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

/// Parses a binary value of the type with this OID.
fn of_binary(bytes: &[u8], oid: u32) -> Option<ScalarValue> {
    let (of, is_array) = numbered(oid)?;
    if is_array || matches!(of.name, "int2vector" | "oidvector") {
        return array_of_binary(bytes, of.oid);
    }
    let text = |bytes: &[u8]| Some(ScalarValue::Utf8(Some(std::str::from_utf8(bytes).ok()?.to_string())));
    Some(match of.name {
        "bool" => ScalarValue::Boolean(Some(fixed::<1>(bytes)?[0] != 0)),
        "bytea" => ScalarValue::Binary(Some(bytes.to_vec())),
        "int2" => ScalarValue::Int16(Some(i16::from_be_bytes(fixed(bytes)?))),
        "int4" => ScalarValue::Int32(Some(i32::from_be_bytes(fixed(bytes)?))),
        "int8" => ScalarValue::Int64(Some(i64::from_be_bytes(fixed(bytes)?))),
        "oid" | "xid" | "regclass" | "regtype" | "regproc" | "regnamespace" | "regrole" => {
            ScalarValue::Int64(Some(i64::from(u32::from_be_bytes(fixed(bytes)?))))
        }
        "float4" => ScalarValue::Float32(Some(f32::from_be_bytes(fixed(bytes)?))),
        "float8" => ScalarValue::Float64(Some(f64::from_be_bytes(fixed(bytes)?))),
        "numeric" => decimal(&numbers::decimal_of_binary(bytes)?)?,
        "date" => ScalarValue::Date32(Some(i32::from_be_bytes(fixed(bytes)?).checked_add(times::EPOCH_DAYS)?)),
        "time" => ScalarValue::Time64Microsecond(
            Some(i64::from_be_bytes(fixed(bytes)?)).filter(|time| (0..=86_400_000_000).contains(time)),
        ),
        "timestamp" | "timestamptz" => {
            let micros = i64::from_be_bytes(fixed(bytes)?).checked_add(times::EPOCH_MICROS)?;
            let zone = (of.name == "timestamptz").then(|| "UTC".into());
            ScalarValue::TimestampMicrosecond(Some(micros), zone)
        }
        "interval" => {
            let parts: [u8; 16] = fixed(bytes)?;
            let (micros, rest) = parts.split_at(8);
            let (days, months) = rest.split_at(4);
            let nanoseconds = i64::from_be_bytes(fixed(micros)?).checked_mul(1000)?;
            let (days, months) = (i32::from_be_bytes(fixed(days)?), i32::from_be_bytes(fixed(months)?));
            ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano { months, days, nanoseconds }))
        }
        "uuid" => ScalarValue::Utf8(Some(uuid::Uuid::from_bytes(fixed(bytes)?).to_string())),
        "jsonb" => text(bytes.strip_prefix(&[1])?)?,
        _ => text(bytes)?,
    })
}

fn array_of_binary(bytes: &[u8], element: u32) -> Option<ScalarValue> {
    let number = |place: usize| Some(i32::from_be_bytes(fixed(bytes.get(place..place + 4)?)?));
    let (dimensions, of) = (number(0)?, number(8)?);
    // The element type in the array takes precedence, as in PostgreSQL, if it is known.
    let element = u32::try_from(of).ok().filter(|of| numbered(*of).is_some()).unwrap_or(element);
    let item = data_type_of(element)?;
    if dimensions == 0 {
        return list(&[], &item).ok();
    }
    let dimensions = usize::try_from(dimensions).ok().filter(|dimensions| *dimensions <= DIMENSIONS)?;
    let lengths = (0..dimensions).map(|dimension| usize::try_from(number(12 + dimension * 8)?).ok());
    let lengths = lengths.collect::<Option<Vec<usize>>>()?;
    let count = lengths.iter().try_fold(1_usize, |all, length| all.checked_mul(*length))?;
    let (mut place, mut values) = (12 + dimensions * 8, vec![]);
    for _ in 0..count {
        let length = number(place)?;
        place += 4;
        let Ok(length) = usize::try_from(length) else {
            values.push(ScalarValue::try_from(&item).ok()?);
            continue;
        };
        values.push(of_binary(bytes.get(place..place.checked_add(length)?)?, element)?);
        place += length;
    }
    (place == bytes.len()).then(|| lists(&values, &lengths, &item).ok())?
}
