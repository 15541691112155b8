//! How the numbers, times and texts of a new file are stored, which its first rows tell.
//!
//! A dictionary is short for columns of few values, such as numbers of days. Keys have too many for one, and are stored by the differences
//! between neighbours. What looks like chance, such as hashes, has no small differences either, and is stored as it is. Texts and
//! fractions that are nearly all different, such as names, have no dictionary: it would hold them all, and be read whole for one row.

use std::collections::HashSet;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef, Int64Type};
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::WriterPropertiesBuilder;
use parquet::schema::types::ColumnPath;

/// The size of a dictionary of whole numbers or times. What has more distinct values, such as keys, is stored by the differences between
/// neighbours, which takes a fourth of the time to write and less space: a dictionary of a whole row group is as large as its values.
const MOST_WHOLE_NUMBERS: usize = 128 << 10;

/// How many values are looked at. Fewer tell nothing.
const SAMPLE: usize = 4096;

/// A difference of more bits than these is hardly shorter than the values themselves.
const MOST_BITS: u32 = 48;

#[derive(Debug, PartialEq, Eq)]
enum Values {
    /// Perhaps few enough for a dictionary.
    Few,
    /// Too many, at short distances.
    Near,
    /// Too many, at any distance.
    Scattered,
}

/// Chooses for each column; `rows` are the first of the file.
pub fn chosen(mut properties: WriterPropertiesBuilder, rows: &RecordBatch) -> WriterPropertiesBuilder {
    for (field, values) in rows.schema().fields().iter().zip(rows.columns()).filter(|(field, _)| is_whole(field.data_type())) {
        let column = ColumnPath::from(field.name().as_str());
        let known = cast(&values.slice(0, values.len().min(SAMPLE)), &DataType::Int64);
        properties = match known.map_or(Values::Few, |known| Values::of(known.as_primitive::<Int64Type>())) {
            Values::Few => properties
                .set_column_dictionary_page_size_limit(column.clone(), MOST_WHOLE_NUMBERS)
                .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED),
            Values::Near => properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED),
            Values::Scattered => properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column.clone(), Encoding::PLAIN)
                .set_column_compression(column, Compression::UNCOMPRESSED),
        };
    }
    for (field, _) in others(rows).filter(|(_, values)| are_distinct(values)) {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(field.name().as_str()), false);
    }
    properties
}

/// The columns of texts and fractions.
fn others(rows: &RecordBatch) -> impl Iterator<Item = (&FieldRef, &ArrayRef)> {
    let is_other = |of: &DataType| of.is_string() || of.is_floating() || of.is_decimal();
    rows.schema_ref().fields().iter().zip(rows.columns()).filter(move |(field, _)| is_other(field.data_type()))
}

/// True for values that are nearly all different.
fn are_distinct(values: &ArrayRef) -> bool {
    let Ok(sample) = cast(&values.slice(0, values.len().min(SAMPLE)), &DataType::Utf8View) else { return false };
    are_many(sample.as_string_view().iter().flatten().collect::<HashSet<&str>>().len())
}

/// So many values of a sample are distinct if there are four times as many as a dictionary takes, and few enough if it is full of them.
fn are_many(distinct: usize) -> bool {
    distinct * 16 > SAMPLE * 15
}

/// True for types whose values Parquet stores as whole numbers.
fn is_whole(data_type: &DataType) -> bool {
    data_type.is_integer() || (data_type.is_temporal() && !matches!(data_type, DataType::Interval(_)))
}

impl Values {
    fn of(values: &Int64Array) -> Self {
        let mut known: Vec<i64> = values.iter().flatten().collect();
        if known.len() < SAMPLE {
            return Self::Few;
        }
        let distances = known.windows(2).map(|pair| i128::from(pair[1]) - i128::from(pair[0]));
        let (least, most) =
            distances.fold((i128::MAX, i128::MIN), |(least, most), distance| (least.min(distance), most.max(distance)));
        let bits = i128::BITS - (most - least).leading_zeros();
        known.sort_unstable();
        known.dedup();
        match are_many(known.len()) {
            false => Self::Few,
            true if bits > MOST_BITS => Self::Scattered,
            true => Self::Near,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::StringArray;

    use super::*;

    fn values(of: impl Fn(i64) -> i64) -> Values {
        Values::of(&(0..SAMPLE as i64).map(|row| Some(of(row))).collect())
    }

    #[test]
    fn the_first_rows_tell() {
        let hash = |row: i64| {
            row.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed()).rotate_left(31).wrapping_mul(0x2545_F491_4F6C_DD1D)
        };
        assert_eq!(values(|row| row), Values::Near);
        assert_eq!(values(|row| 1_700_000_000_000_000 + row * 7919 % 1_000_003), Values::Near);
        assert_eq!(values(hash), Values::Scattered);
        assert_eq!(values(|row| hash(row % 1000)), Values::Few);
        assert_eq!(values(|row| row % 365), Values::Few);
        assert_eq!(Values::of(&Int64Array::from(vec![Some(1), None, Some(i64::MAX), Some(i64::MIN)])), Values::Few);
    }

    #[test]
    fn texts_that_are_all_different_have_no_dictionary() {
        let texts = |rows: usize, of: fn(usize) -> String| {
            are_distinct(&(Arc::new(StringArray::from_iter_values((0..rows).map(of))) as ArrayRef))
        };
        assert!(texts(5000, |row| format!("customer {row}")));
        assert!(!texts(5000, |row| format!("city {}", row % 300)) && !texts(100, |row| format!("customer {row}")));
    }

    #[test]
    fn no_distance_overflows() {
        assert_eq!(values(|row| if row % 2 == 0 { i64::MIN + row } else { i64::MAX - row }), Values::Scattered);
    }
}
