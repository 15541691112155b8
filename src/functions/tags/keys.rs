//! Values of any type as keys: a word or bytes with the same order as the values.
//!
//! | type | key |
//! |---|---|
//! | integer, boolean, date, time, timestamp, duration | a word, with the sign bit flipped so that negative values come first |
//! | float | a word: IEEE 754 total order; −0 is 0, every NaN is one NaN and the largest |
//! | text, binary | its bytes: UTF-8 orders as its code points do |
//! | any other that has an order: decimals, intervals, lists, structs | the bytes of Arrow's row format |
//!
//! The state of a group keeps keys, and states are passed on as keys, so that nothing is decoded before the result.

use std::cmp::Ordering;
use std::hash::Hash;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayAccessor, ArrayRef, AsArray, BinaryArray, BinaryViewArray, Float64Array, Int64Array, LargeBinaryArray,
    LargeStringArray, StringArray, StringViewArray, UInt32Array, UInt64Array, new_null_array,
};
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use datafusion::arrow::row::{RowConverter, Rows, SortField};
use datafusion::common::{HashMap, Result, internal_datafusion_err, internal_err};

use crate::error::{failed, invalid};

/// Converts the values of one type to keys and back.
#[derive(Debug, Clone)]
pub struct Keys {
    data_type: DataType,
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Word,
    Bytes,
    Rows(Arc<RowConverter>),
}

/// The type of a result that is a value of the argument; an error for types without an order.
pub fn value_type(function: &str, argument: &str, data_type: &DataType) -> Result<DataType> {
    let field = SortField::new(data_type.clone());
    if form_without_rows(data_type).is_some() || RowConverter::supports_fields(&[field]) {
        return Ok(data_type.clone());
    }
    let advice = "convert it with CAST, or take one of its parts";
    Err(invalid(function, format!("{argument} must have an order, got {data_type}; {advice}")))
}

fn form_without_rows(data_type: &DataType) -> Option<Form> {
    use DataType as T;
    match data_type {
        T::Boolean | T::Date32 | T::Date64 | T::Time32(_) | T::Time64(_) | T::Timestamp(_, _) | T::Duration(_) => {
            Some(Form::Word)
        }
        T::Utf8 | T::LargeUtf8 | T::Utf8View | T::Binary | T::LargeBinary | T::BinaryView => Some(Form::Bytes),
        number if number.is_integer() || number.is_floating() => Some(Form::Word),
        _ => None,
    }
}

/// A column converted for reading it as keys.
pub struct Encoded {
    column: ArrayRef,
    rows: Option<Rows>,
}

impl Keys {
    pub fn of(data_type: &DataType) -> Result<Self> {
        let form = match form_without_rows(data_type) {
            Some(form) => form,
            None => Form::Rows(Arc::new(RowConverter::new(vec![SortField::new(data_type.clone())])?)),
        };
        Ok(Self { data_type: data_type.clone(), form })
    }

    /// Whether keys are words; otherwise they are bytes.
    pub fn are_words(&self) -> bool {
        matches!(self.form, Form::Word)
    }

    /// The type of keys in states.
    pub fn state_type(&self) -> DataType {
        if self.are_words() { DataType::UInt64 } else { DataType::BinaryView }
    }

    pub fn encode(&self, column: &ArrayRef) -> Result<Encoded> {
        let rows = match &self.form {
            Form::Rows(converter) => Some(converter.convert_columns(&[Arc::clone(column)])?),
            Form::Word | Form::Bytes => None,
        };
        Ok(Encoded { column: Arc::clone(column), rows })
    }
}

/// A word or bytes.
pub trait Key: std::fmt::Debug + Clone + Eq + Hash + Send + Sync + 'static {
    /// The form in which it is read from a column.
    type Borrowed<'a>: Copy + Ord;

    /// The keys of a column; NULL has a key without meaning.
    fn read(encoded: &Encoded) -> Result<Vec<Self::Borrowed<'_>>>;
    /// The keys of a state column.
    fn read_state(column: &ArrayRef) -> Vec<Self::Borrowed<'_>>;
    /// Converts keys to a state column.
    fn write_state<'a>(keys: impl Iterator<Item = Option<Self::Borrowed<'a>>>) -> ArrayRef;
    /// Converts keys back to values.
    fn write<'a>(kind: &Keys, keys: impl Iterator<Item = Option<Self::Borrowed<'a>>>) -> Result<ArrayRef>;

    fn borrowed(&self) -> Self::Borrowed<'_>;
    fn kept(key: Self::Borrowed<'_>) -> Self;
    /// How a key compares with this one.
    fn place_of(&self, key: Self::Borrowed<'_>) -> Ordering;
    /// Replaces it by another key, in the same memory if that fits.
    fn replace(&mut self, key: Self::Borrowed<'_>);
    /// Bytes on the heap.
    fn heap(&self) -> usize;
    /// Bytes on the heap if it were kept.
    fn heap_of(key: Self::Borrowed<'_>) -> usize;
    /// The number of a key; a new key gets `next`.
    fn number(numbers: &mut HashMap<Self, u32>, key: Self::Borrowed<'_>, next: u32) -> u32;
}

const SIGN: u64 = 1 << 63;

/// For a type whose keys are words: the integer type of its own width, and the 64-bit type it fits in.
fn word_types(data_type: &DataType) -> (DataType, DataType) {
    match data_type {
        DataType::Boolean => (DataType::UInt64, DataType::UInt64),
        DataType::Date32 | DataType::Time32(_) => (DataType::Int32, DataType::Int64),
        number if number.is_unsigned_integer() => (DataType::UInt64, DataType::UInt64),
        number if number.is_floating() => (DataType::Float64, DataType::Float64),
        _ => (DataType::Int64, DataType::Int64),
    }
}

fn word_of_float(value: f64) -> u64 {
    // Adding 0 makes −0 positive.
    let bits = if value.is_nan() { f64::NAN.to_bits() & !SIGN } else { (value + 0.0).to_bits() };
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

fn float_of_word(word: u64) -> f64 {
    f64::from_bits(if word & SIGN == 0 { !word } else { word & !SIGN })
}

impl Key for u64 {
    type Borrowed<'a> = Self;

    fn read(encoded: &Encoded) -> Result<Vec<Self>> {
        let (own, wide) = word_types(encoded.column.data_type());
        let column = cast(&cast(&encoded.column, &own)?, &wide)?;
        Ok(match wide {
            DataType::Int64 => column.as_primitive::<Int64Type>().values().iter().map(|value| *value as Self ^ SIGN).collect(),
            DataType::Float64 => column.as_primitive::<Float64Type>().values().iter().copied().map(word_of_float).collect(),
            _ => column.as_primitive::<UInt64Type>().values().to_vec(),
        })
    }

    fn read_state(column: &ArrayRef) -> Vec<Self> {
        column.as_primitive::<UInt64Type>().values().to_vec()
    }

    fn write_state<'a>(keys: impl Iterator<Item = Option<Self::Borrowed<'a>>>) -> ArrayRef {
        Arc::new(keys.collect::<UInt64Array>())
    }

    fn write<'a>(kind: &Keys, keys: impl Iterator<Item = Option<Self::Borrowed<'a>>>) -> Result<ArrayRef> {
        let (own, wide) = word_types(&kind.data_type);
        let column: ArrayRef = match wide {
            DataType::Int64 => Arc::new(keys.map(|key| key.map(|key| (key ^ SIGN) as i64)).collect::<Int64Array>()),
            DataType::Float64 => Arc::new(keys.map(|key| key.map(float_of_word)).collect::<Float64Array>()),
            _ => Arc::new(keys.collect::<UInt64Array>()),
        };
        Ok(cast(&cast(&column, &own)?, &kind.data_type)?)
    }

    fn borrowed(&self) -> Self {
        *self
    }

    fn kept(key: Self) -> Self {
        key
    }

    fn place_of(&self, key: Self) -> Ordering {
        key.cmp(self)
    }

    fn replace(&mut self, key: Self) {
        *self = key;
    }

    fn heap(&self) -> usize {
        0
    }

    fn heap_of(_key: Self) -> usize {
        0
    }

    fn number(numbers: &mut HashMap<Self, u32>, key: Self, next: u32) -> u32 {
        *numbers.entry(key).or_insert(next)
    }
}

impl Key for Vec<u8> {
    type Borrowed<'a> = &'a [u8];

    fn read(encoded: &Encoded) -> Result<Vec<&[u8]>> {
        if let Some(rows) = &encoded.rows {
            return Ok((0..rows.num_rows()).map(|row| rows.row(row).data()).collect());
        }
        let column = &encoded.column;
        Ok(match column.data_type() {
            DataType::Utf8 => bytes(column.as_string::<i32>(), str::as_bytes),
            DataType::LargeUtf8 => bytes(column.as_string::<i64>(), str::as_bytes),
            DataType::Utf8View => bytes(column.as_string_view(), str::as_bytes),
            DataType::Binary => bytes(column.as_binary::<i32>(), |key| key),
            DataType::LargeBinary => bytes(column.as_binary::<i64>(), |key| key),
            DataType::BinaryView => bytes(column.as_binary_view(), |key| key),
            other => return internal_err!("keys of {other} are not bytes"),
        })
    }

    fn read_state(column: &ArrayRef) -> Vec<&[u8]> {
        bytes(column.as_binary_view(), |key| key)
    }

    fn write_state<'a>(keys: impl Iterator<Item = Option<Self::Borrowed<'a>>>) -> ArrayRef {
        Arc::new(keys.collect::<BinaryViewArray>())
    }

    fn write<'a>(kind: &Keys, keys: impl Iterator<Item = Option<Self::Borrowed<'a>>>) -> Result<ArrayRef> {
        let keys: Vec<Option<&[u8]>> = keys.collect();
        if let Form::Rows(converter) = &kind.form {
            return rows_back(converter, &kind.data_type, &keys);
        }
        let short = matches!(kind.data_type, DataType::Utf8 | DataType::Binary);
        if short && keys.iter().flatten().map(|key| key.len()).sum::<usize>() > i32::MAX as usize {
            let advice =
                format!("CAST the values to {}", if kind.data_type == DataType::Utf8 { "LargeUtf8" } else { "LargeBinary" });
            return Err(failed("aggregate", format!("results of type {} are over 2 GB in one batch; {advice}", kind.data_type)));
        }
        let texts = || -> Result<Vec<Option<&str>>> {
            let text = |key: &Option<&'a [u8]>| key.map(std::str::from_utf8).transpose();
            let texts: Result<Vec<_>, _> = keys.iter().map(text).collect();
            texts.map_err(|error| internal_datafusion_err!("a text key is not valid text: {error}"))
        };
        Ok(match &kind.data_type {
            DataType::Utf8 => Arc::new(StringArray::from(texts()?)),
            DataType::LargeUtf8 => Arc::new(LargeStringArray::from(texts()?)),
            DataType::Utf8View => Arc::new(StringViewArray::from(texts()?)),
            DataType::Binary => Arc::new(BinaryArray::from(keys)),
            DataType::LargeBinary => Arc::new(LargeBinaryArray::from(keys)),
            DataType::BinaryView => Arc::new(BinaryViewArray::from(keys)),
            other => return internal_err!("keys of {other} are not bytes"),
        })
    }

    fn borrowed(&self) -> &[u8] {
        self
    }

    fn kept(key: &[u8]) -> Self {
        key.to_vec()
    }

    fn place_of(&self, key: &[u8]) -> Ordering {
        key.cmp(self.as_slice())
    }

    fn replace(&mut self, key: &[u8]) {
        self.clear();
        self.extend_from_slice(key);
    }

    fn heap(&self) -> usize {
        self.capacity()
    }

    fn heap_of(key: &[u8]) -> usize {
        key.len()
    }

    fn number(numbers: &mut HashMap<Self, u32>, key: &[u8], next: u32) -> u32 {
        *numbers.entry_ref(key).or_insert(next)
    }
}

fn bytes<'a, C: ArrayAccessor + Copy>(column: C, of_item: impl Fn(C::Item) -> &'a [u8]) -> Vec<&'a [u8]> {
    (0..column.len()).map(|row| of_item(column.value(row))).collect()
}

/// Converts keys of the row format to values. A key is never the row format's own NULL; NULLs are inserted afterwards.
fn rows_back(converter: &RowConverter, data_type: &DataType, keys: &[Option<&[u8]>]) -> Result<ArrayRef> {
    if keys.iter().all(Option::is_none) {
        return Ok(new_null_array(data_type, keys.len()));
    }
    let parser = converter.parser();
    let mut columns = converter.convert_rows(keys.iter().flatten().map(|key| parser.parse(key)))?;
    let Some(values) = columns.pop() else { return internal_err!("rows of one column have one column") };
    // Within a list or struct, dictionaries come back as their value type.
    let values = if values.data_type() == data_type { values } else { cast(&values, data_type)? };
    let mut next = 0;
    let places = keys.iter().map(|key| {
        key.map(|_| {
            next += 1;
            next - 1
        })
    });
    Ok(take(&values, &places.collect::<UInt32Array>(), None)?)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{BooleanArray, Date32Array, Decimal128Array, Float32Array, TimestampSecondArray};
    use datafusion::arrow::compute::{SortColumn, SortOptions, lexsort_to_indices};

    use super::*;

    /// Encoded, in the order of the keys, and decoded: the sorted column.
    fn sorted<K: Key>(column: &ArrayRef) -> ArrayRef {
        let kind = Keys::of(column.data_type()).unwrap();
        let encoded = kind.encode(column).unwrap();
        let mut keys = K::read(&encoded).unwrap();
        keys.sort();
        let state = K::write_state(keys.iter().copied().map(Some));
        assert_eq!(state.data_type(), &kind.state_type());
        K::write(&kind, K::read_state(&state).into_iter().map(Some)).unwrap()
    }

    fn check<K: Key>(column: impl Array + 'static) {
        let column: ArrayRef = Arc::new(column);
        let options = Some(SortOptions { descending: false, nulls_first: true });
        let order = lexsort_to_indices(&[SortColumn { values: Arc::clone(&column), options }], None).unwrap();
        assert_eq!(&sorted::<K>(&column), &take(&column, &order, None).unwrap());
    }

    #[test]
    fn keys_order_as_values_do_and_come_back() {
        check::<u64>(Int64Array::from(vec![3, -1, i64::MIN, i64::MAX, 0]));
        check::<u64>(UInt64Array::from(vec![u64::MAX, 0, 7]));
        check::<u64>(Float64Array::from(vec![1.5, -2.0, f64::INFINITY, f64::NAN, f64::NEG_INFINITY, 1e-300]));
        check::<u64>(Float32Array::from(vec![1.5, -2.0, 0.1]));
        check::<u64>(Date32Array::from(vec![20_000, -5, 0]));
        check::<u64>(TimestampSecondArray::from(vec![20_000, -5, 0]).with_timezone("Asia/Shanghai"));
        check::<u64>(BooleanArray::from(vec![true, false]));
        check::<Vec<u8>>(StringArray::from(vec!["b", "", "母婴", "a", "ab"]));
        check::<Vec<u8>>(StringViewArray::from(vec!["a text longer than a view holds", "", "母婴"]));
        check::<Vec<u8>>(Decimal128Array::from(vec![300, -1, 20]).with_precision_and_scale(12, 2).unwrap());
    }

    #[test]
    fn zero_has_one_key_and_so_has_nan() {
        assert_eq!(word_of_float(-0.0), word_of_float(0.0));
        assert_eq!(word_of_float(-f64::NAN), word_of_float(f64::NAN));
        assert!(word_of_float(f64::NAN) > word_of_float(f64::INFINITY));
    }

    #[test]
    fn nulls_are_put_in_their_places() {
        let kind = Keys::of(&DataType::Decimal128(12, 2)).unwrap();
        let column: ArrayRef = Arc::new(Decimal128Array::from(vec![5, 7]).with_precision_and_scale(12, 2).unwrap());
        let encoded = kind.encode(&column).unwrap();
        let keys = Vec::<u8>::read(&encoded).unwrap();
        let back = Vec::<u8>::write(&kind, [None, Some(keys[1]), None, Some(keys[0])].into_iter()).unwrap();
        let expected = Decimal128Array::from(vec![None, Some(7), None, Some(5)]).with_precision_and_scale(12, 2).unwrap();
        assert_eq!(back.as_primitive(), &expected);
        assert_eq!(Vec::<u8>::write(&kind, [None].into_iter()).unwrap().len(), 1);
    }
}
