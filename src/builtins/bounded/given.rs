//! How large the arguments of a call are, row by row.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, OffsetSizeTrait};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{ByteArrayType, DataType, GenericBinaryType, GenericStringType};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::ColumnarValue;

/// The size of a number or time as a string, which is more than it takes as a value.
const AS_TEXT: u64 = 40;

/// One number per row.
pub enum Each {
    Same(u64),
    Rows(Vec<u64>),
}

impl Each {
    pub fn at(&self, row: usize) -> u64 {
        match self {
            Self::Same(number) => *number,
            Self::Rows(numbers) => numbers.get(row).copied().unwrap_or(0),
        }
    }
}

/// The arguments of a call.
pub struct Given<'a> {
    pub arguments: &'a [ColumnarValue],
    /// How many rows there are; one when all arguments are constants.
    pub rows: usize,
}

impl Given<'_> {
    /// Bytes of all arguments of a row together.
    pub fn all_bytes(&self) -> Result<Vec<u64>> {
        let mut all = vec![0_u64; self.rows];
        for position in 0..self.arguments.len() {
            let bytes = self.bytes(position)?;
            all.iter_mut().enumerate().for_each(|(row, sum)| *sum = sum.saturating_add(bytes.at(row)));
        }
        Ok(all)
    }

    /// Total bytes of all arguments in all rows; a fast estimate that is rather too high.
    pub fn total_bytes(&self) -> u64 {
        let of = |argument: &ColumnarValue| match argument {
            ColumnarValue::Array(array) => {
                (array.get_array_memory_size() as u64).saturating_add((array.len() as u64).saturating_mul(AS_TEXT))
            }
            ColumnarValue::Scalar(value) => (value.size() as u64).saturating_mul(self.rows as u64),
        };
        self.arguments.iter().map(of).fold(0, u64::saturating_add)
    }

    /// Bytes of one argument.
    pub fn bytes(&self, position: usize) -> Result<Each> {
        match self.arguments.get(position) {
            Some(ColumnarValue::Array(array)) => bytes_of(array).map(Each::Rows),
            Some(ColumnarValue::Scalar(value)) => Ok(Each::Same(bytes_of(&value.to_array()?)?.first().copied().unwrap_or(0))),
            None => Ok(Each::Same(0)),
        }
    }

    /// Elements of a list argument, where elements of nested lists are counted separately.
    pub fn elements(&self, position: usize) -> Result<Each> {
        match self.arguments.get(position) {
            Some(ColumnarValue::Array(array)) => Ok(Each::Rows(elements_of(array))),
            Some(ColumnarValue::Scalar(value)) => Ok(Each::Same(elements_of(&value.to_array()?).first().copied().unwrap_or(0))),
            None => Ok(Each::Same(0)),
        }
    }

    /// The value of an integer argument; 0 if it is NULL or negative.
    pub fn count(&self, position: usize) -> Result<Each> {
        let at_least_0 = |value: i64| u64::try_from(value).unwrap_or(0);
        Ok(match self.integers(position)? {
            Integers::Same(value) => Each::Same(at_least_0(value.unwrap_or(0))),
            Integers::Rows(values) => Each::Rows(values.iter().map(|value| at_least_0(value.unwrap_or(0))).collect()),
        })
    }

    /// The value of an integer argument.
    pub fn integers(&self, position: usize) -> Result<Integers> {
        Ok(match self.arguments.get(position) {
            Some(ColumnarValue::Array(array)) => Integers::Rows(cast(array, &DataType::Int64)?.as_primitive().clone()),
            Some(ColumnarValue::Scalar(value)) => match value.cast_to(&DataType::Int64)? {
                ScalarValue::Int64(value) => Integers::Same(value),
                _ => Integers::Same(None),
            },
            None => Integers::Same(None),
        })
    }

    /// True if a constant string has only one-byte characters.
    pub fn is_ascii(&self, position: usize) -> bool {
        match self.arguments.get(position) {
            Some(ColumnarValue::Scalar(value)) => value.try_as_str().flatten().is_none_or(str::is_ascii),
            Some(ColumnarValue::Array(_)) => false,
            None => true,
        }
    }
}

/// Integers, one per row.
pub enum Integers {
    Same(Option<i64>),
    Rows(Int64Array),
}

impl Integers {
    pub fn at(&self, row: usize) -> Option<i64> {
        match self {
            Self::Same(value) => *value,
            Self::Rows(values) => (row < values.len() && values.is_valid(row)).then(|| values.value(row)),
        }
    }
}

fn of_offsets<O: OffsetSizeTrait>(offsets: &[O]) -> impl Iterator<Item = u64> {
    offsets.windows(2).map(|pair| (pair[1] - pair[0]).as_usize() as u64)
}

fn of_text<T: ByteArrayType>(array: &ArrayRef) -> Vec<u64> {
    of_offsets(array.as_bytes::<T>().value_offsets()).collect()
}

/// The bytes of each row. Nested lists count with the mean size of their elements, so that the total over all rows is right.
pub fn bytes_of(array: &ArrayRef) -> Result<Vec<u64>> {
    /// Offsets, lengths and validity of one value.
    const AROUND: u64 = 16;
    let of_lists = |lengths: Vec<u64>, values: &ArrayRef| {
        let each = mean_bytes(values);
        lengths.into_iter().map(|length| AROUND + length.saturating_mul(each)).collect()
    };
    Ok(match array.data_type() {
        DataType::Utf8 => of_text::<GenericStringType<i32>>(array),
        DataType::LargeUtf8 => of_text::<GenericStringType<i64>>(array),
        DataType::Binary => of_text::<GenericBinaryType<i32>>(array),
        DataType::LargeBinary => of_text::<GenericBinaryType<i64>>(array),
        DataType::Utf8View => array.as_string_view().lengths().map(u64::from).collect(),
        DataType::BinaryView => array.as_binary_view().lengths().map(u64::from).collect(),
        DataType::List(_) => of_lists(lengths_of(array), array.as_list::<i32>().values()),
        DataType::LargeList(_) => of_lists(lengths_of(array), array.as_list::<i64>().values()),
        DataType::FixedSizeList(..) => of_lists(lengths_of(array), array.as_fixed_size_list().values()),
        DataType::Struct(_) => {
            let mut all = vec![AROUND; array.len()];
            for column in array.as_struct().columns() {
                all.iter_mut().zip(bytes_of(column)?).for_each(|(sum, bytes)| *sum = sum.saturating_add(bytes));
            }
            all
        }
        DataType::Dictionary(..) => {
            let values = bytes_of(array.as_any_dictionary().values())?;
            vec![values.into_iter().max().unwrap_or(0); array.len()]
        }
        DataType::Null => vec![1; array.len()],
        data_type if data_type.is_primitive() || *data_type == DataType::Boolean => vec![AS_TEXT; array.len()],
        _ => vec![mean_bytes(array); array.len()],
    })
}

/// The mean size of a value, at least that of a number.
fn mean_bytes(array: &ArrayRef) -> u64 {
    let bytes = array.to_data().get_slice_memory_size().unwrap_or(usize::MAX) as u64;
    bytes.div_ceil(array.len().max(1) as u64).max(8)
}

/// The lengths of lists.
fn lengths_of(array: &ArrayRef) -> Vec<u64> {
    match array.data_type() {
        DataType::List(_) => of_offsets(array.as_list::<i32>().value_offsets()).collect(),
        DataType::LargeList(_) => of_offsets(array.as_list::<i64>().value_offsets()).collect(),
        DataType::FixedSizeList(_, length) => vec![u64::try_from(*length).unwrap_or(0); array.len()],
        _ => vec![1; array.len()],
    }
}

/// Elements of each list, where elements of nested lists are counted separately.
pub fn elements_of(array: &ArrayRef) -> Vec<u64> {
    let values = match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().values(),
        DataType::LargeList(_) => array.as_list::<i64>().values(),
        DataType::FixedSizeList(..) => array.as_fixed_size_list().values(),
        _ => return vec![1; array.len()],
    };
    let each = elements_of(values).into_iter().fold(0, u64::saturating_add).div_ceil(values.len().max(1) as u64);
    lengths_of(array).into_iter().map(|length| length.saturating_mul(each)).collect()
}
