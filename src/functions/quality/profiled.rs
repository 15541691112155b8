//! The columns of a `data_profile` while they are read: arrays to bits and bytes, and values back to strings.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    ArrowNativeType, DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, DurationMicrosecondType,
    DurationMillisecondType, DurationNanosecondType, DurationSecondType, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::{Result, internal_err};

use crate::kernels::profile::{Kind, Numbers, Texts};

/// Decimals with this many digits fit in 64 bits; wider ones are read as doubles.
const NARROW: u8 = 18;

/// How a type is read.
#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    /// As 64 bits, from arrays of this type.
    Bits(Kind, DataType),
    /// As bytes, from arrays of strings.
    Text,
    /// As bytes that are not text.
    Binary,
    /// Only whether they are NULL.
    Opaque,
}

impl Form {
    pub fn of(data_type: &DataType) -> Self {
        let bits = |kind| Self::Bits(kind, data_type.clone());
        let scaled = |scale: i8| bits(Kind::Signed { scale: 10_f64.powi(i32::from(scale)) });
        match data_type {
            DataType::Dictionary(_, values) => Self::of(values),
            DataType::Boolean
            | DataType::Date32
            | DataType::Date64
            | DataType::Timestamp(..)
            | DataType::Time32(_)
            | DataType::Time64(_)
            | DataType::Duration(_) => bits(Kind::Time),
            whole if whole.is_signed_integer() => bits(Kind::Signed { scale: 1.0 }),
            whole if whole.is_unsigned_integer() => bits(Kind::Unsigned),
            DataType::Float32 => bits(Kind::Float),
            DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) => scaled(*scale),
            DataType::Decimal128(precision, scale) if *precision <= NARROW => scaled(*scale),
            number if number.is_numeric() => Self::Bits(Kind::Float, DataType::Float64),
            text if text.is_string() => Self::Text,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => Self::Binary,
            DataType::Interval(_) => Self::Text,
            _ => Self::Opaque,
        }
    }

    /// The type in which arrays are read.
    fn read_as(&self, data_type: &DataType) -> DataType {
        match self {
            Self::Bits(_, wanted) => wanted.clone(),
            Self::Text if !data_type.is_string() => DataType::Utf8,
            Self::Binary => match data_type {
                DataType::LargeBinary | DataType::BinaryView => data_type.clone(),
                _ => DataType::Binary,
            },
            _ => data_type.clone(),
        }
    }

    /// True for columns of numbers and times, which have correlations.
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Bits(_, data_type) if *data_type != DataType::Boolean)
    }
}

/// The statistics kept for a column.
#[derive(Debug, Clone)]
pub enum Kept {
    Numbers(Numbers),
    Texts(Texts),
    Nothing,
}

/// One column of one partition.
#[derive(Debug, Clone)]
pub struct Profiled {
    pub form: Form,
    pub missing: u64,
    pub kept: Kept,
    /// For a column of bits: the current batch, including NULLs.
    pub bits: Vec<u64>,
    pub nulls: Option<NullBuffer>,
    /// The current batch without NULLs.
    dense: Vec<u64>,
}

impl Profiled {
    /// `limit`: the microsecond after which times lie in the future.
    pub fn new(data_type: &DataType, limit: Option<i64>) -> Self {
        let form = Form::of(data_type);
        let kept = match &form {
            Form::Bits(kind, data_type) => {
                let limit = limit.and_then(|limit| ticks(limit, data_type)).map(Kind::signed);
                Kept::Numbers(Numbers::new(*kind, limit))
            }
            Form::Text | Form::Binary => Kept::Texts(Texts::default()),
            Form::Opaque => Kept::Nothing,
        };
        Self { form, missing: 0, kept, bits: vec![], nulls: None, dense: vec![] }
    }

    /// Adds the column of a batch.
    pub fn update(&mut self, column: &ArrayRef) -> Result<()> {
        let wanted = self.form.read_as(column.data_type());
        let column = if *column.data_type() == wanted { Arc::clone(column) } else { cast(column, &wanted)? };
        self.nulls = column.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        self.missing += self.nulls.as_ref().map_or(0, |nulls| nulls.null_count() as u64);
        match (&mut self.kept, &self.nulls) {
            (Kept::Numbers(numbers), nulls) => {
                self.bits.clear();
                read_bits(&column, &mut self.bits)?;
                match nulls {
                    None => numbers.update(&self.bits),
                    Some(nulls) => {
                        self.dense.clear();
                        self.dense.extend(nulls.valid_indices().map(|row| self.bits[row]));
                        numbers.update(&self.dense);
                    }
                }
            }
            (Kept::Texts(texts), nulls) => read_texts(&column, nulls.as_ref(), texts)?,
            (Kept::Nothing, _) => {}
        }
        Ok(())
    }

    pub fn merge(&mut self, other: Self) {
        self.missing += other.missing;
        match (&mut self.kept, other.kept) {
            (Kept::Numbers(own), Kept::Numbers(other)) => own.merge(other),
            (Kept::Texts(own), Kept::Texts(other)) => own.merge(other),
            _ => {}
        }
    }

    /// Bytes on the heap.
    pub fn size(&self) -> usize {
        let kept = match &self.kept {
            Kept::Numbers(numbers) => numbers.size(),
            Kept::Texts(texts) => texts.size(),
            Kept::Nothing => 0,
        };
        kept + (self.bits.capacity() + self.dense.capacity()) * size_of::<u64>()
    }
}

/// A time in the ticks of a type; `None` for types that are not points in time.
fn ticks(microseconds: i64, data_type: &DataType) -> Option<i64> {
    match data_type {
        DataType::Date32 => Some(microseconds.div_euclid(86_400_000_000)),
        DataType::Date64 | DataType::Timestamp(TimeUnit::Millisecond, _) => Some(microseconds.div_euclid(1_000)),
        DataType::Timestamp(TimeUnit::Second, _) => Some(microseconds.div_euclid(1_000_000)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Some(microseconds),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Some(microseconds.saturating_mul(1_000)),
        _ => None,
    }
}

/// Runs a macro for the primitive type of a data type.
macro_rules! with_type {
    ($data_type:expr, $run:ident, $($argument:expr),*) => {
        match $data_type {
            DataType::Int8 => $run::<Int8Type>($($argument),*),
            DataType::Int16 => $run::<Int16Type>($($argument),*),
            DataType::Int32 => $run::<Int32Type>($($argument),*),
            DataType::Int64 => $run::<Int64Type>($($argument),*),
            DataType::Date32 => $run::<Date32Type>($($argument),*),
            DataType::Date64 => $run::<Date64Type>($($argument),*),
            DataType::Time32(TimeUnit::Second) => $run::<Time32SecondType>($($argument),*),
            DataType::Time32(_) => $run::<Time32MillisecondType>($($argument),*),
            DataType::Time64(TimeUnit::Microsecond) => $run::<Time64MicrosecondType>($($argument),*),
            DataType::Time64(_) => $run::<Time64NanosecondType>($($argument),*),
            DataType::Timestamp(TimeUnit::Second, _) => $run::<TimestampSecondType>($($argument),*),
            DataType::Timestamp(TimeUnit::Millisecond, _) => $run::<TimestampMillisecondType>($($argument),*),
            DataType::Timestamp(TimeUnit::Microsecond, _) => $run::<TimestampMicrosecondType>($($argument),*),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => $run::<TimestampNanosecondType>($($argument),*),
            DataType::Duration(TimeUnit::Second) => $run::<DurationSecondType>($($argument),*),
            DataType::Duration(TimeUnit::Millisecond) => $run::<DurationMillisecondType>($($argument),*),
            DataType::Duration(TimeUnit::Microsecond) => $run::<DurationMicrosecondType>($($argument),*),
            DataType::Duration(TimeUnit::Nanosecond) => $run::<DurationNanosecondType>($($argument),*),
            DataType::Decimal32(..) => $run::<Decimal32Type>($($argument),*),
            DataType::Decimal64(..) => $run::<Decimal64Type>($($argument),*),
            other => internal_err!("{other} cannot be read as integers"),
        }
    };
}

fn read_whole<T: ArrowPrimitiveType>(column: &ArrayRef, bits: &mut Vec<u64>) -> Result<()>
where
    T::Native: Into<i64>,
{
    bits.extend(column.as_primitive::<T>().values().iter().map(|value| Kind::signed((*value).into())));
    Ok(())
}

/// The bits of all rows; for NULLs, whatever is stored there.
fn read_bits(column: &ArrayRef, bits: &mut Vec<u64>) -> Result<()> {
    match column.data_type() {
        DataType::Boolean => bits.extend(column.as_boolean().values().iter().map(|value| Kind::signed(i64::from(value)))),
        DataType::UInt8 => bits.extend(column.as_primitive::<UInt8Type>().values().iter().map(|value| u64::from(*value))),
        DataType::UInt16 => bits.extend(column.as_primitive::<UInt16Type>().values().iter().map(|value| u64::from(*value))),
        DataType::UInt32 => bits.extend(column.as_primitive::<UInt32Type>().values().iter().map(|value| u64::from(*value))),
        DataType::UInt64 => bits.extend_from_slice(column.as_primitive::<UInt64Type>().values()),
        DataType::Float32 => {
            bits.extend(column.as_primitive::<Float32Type>().values().iter().map(|value| Kind::float(f64::from(*value))));
        }
        DataType::Float64 => bits.extend(column.as_primitive::<Float64Type>().values().iter().map(|value| Kind::float(*value))),
        DataType::Decimal128(..) => {
            bits.extend(column.as_primitive::<Decimal128Type>().values().iter().map(|value| Kind::signed(*value as i64)));
        }
        data_type => with_type!(data_type, read_whole, column, bits)?,
    }
    Ok(())
}

fn read_texts(column: &ArrayRef, nulls: Option<&NullBuffer>, texts: &mut Texts) -> Result<()> {
    macro_rules! read {
        ($array:expr, $bytes:expr) => {{
            let array = $array;
            match nulls {
                None => texts.update((0..array.len()).map(|row| $bytes(array.value(row)))),
                Some(nulls) => texts.update(nulls.valid_indices().map(|row| $bytes(array.value(row)))),
            }
        }};
    }
    match column.data_type() {
        DataType::Utf8 => read!(column.as_string::<i32>(), str::as_bytes),
        DataType::LargeUtf8 => read!(column.as_string::<i64>(), str::as_bytes),
        DataType::Utf8View => read!(column.as_string_view(), str::as_bytes),
        DataType::Binary => read!(column.as_binary::<i32>(), std::convert::identity),
        DataType::LargeBinary => read!(column.as_binary::<i64>(), std::convert::identity),
        DataType::BinaryView => read!(column.as_binary_view(), std::convert::identity),
        other => return internal_err!("{other} cannot be read as text"),
    }
    Ok(())
}

fn write_whole<T: ArrowPrimitiveType>(bits: &[u64], data_type: &DataType) -> Result<ArrayRef>
where
    T::Native: ArrowNativeType + ArrowNativeTypeOp + TryFrom<i64>,
{
    let values = bits.iter().map(|bits| T::Native::try_from(Kind::whole(*bits)).unwrap_or_default());
    Ok(Arc::new(PrimitiveArray::<T>::from_iter_values(values).with_data_type(data_type.clone())))
}

/// Values from bits as strings, as the columns would show them.
pub fn texts_of_bits(bits: &[u64], data_type: &DataType) -> Result<Vec<String>> {
    let number = |bits: &u64| Kind::Float.number(*bits);
    let array: ArrayRef = match data_type {
        DataType::Boolean => Arc::new(bits.iter().map(|bits| Some(Kind::whole(*bits) == 1)).collect::<BooleanArray>()),
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
            Arc::new(PrimitiveArray::<UInt64Type>::from_iter_values(bits.iter().copied()))
        }
        DataType::Float32 => {
            Arc::new(PrimitiveArray::<Float32Type>::from_iter_values(bits.iter().map(|bits| number(bits) as f32)))
        }
        DataType::Float64 => Arc::new(PrimitiveArray::<Float64Type>::from_iter_values(bits.iter().map(number))),
        DataType::Decimal128(..) => {
            let values = bits.iter().map(|bits| i128::from(Kind::whole(*bits)));
            Arc::new(PrimitiveArray::<Decimal128Type>::from_iter_values(values).with_data_type(data_type.clone()))
        }
        other => with_type!(other, write_whole, bits, data_type)?,
    };
    let options = FormatOptions::default().with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"));
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options)?;
    (0..array.len()).map(|row| Ok(formatter.value(row).try_to_string()?)).collect()
}

/// Bytes as a string.
pub fn text_of_bytes(bytes: &[u8], form: &Form) -> String {
    match form {
        Form::Binary => bytes.iter().fold("\\x".to_string(), |text, byte| format!("{text}{byte:02x}")),
        // A sample keeps only the beginning of a long text, which may end in the middle of a character.
        _ => String::from_utf8_lossy(bytes).trim_end_matches('\u{fffd}').to_string(),
    }
}
