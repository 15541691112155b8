//! Lists, structs and maps of intervals as bytes: they sort by the lengths of the intervals, and the value is restored from them.
//!
//! The first half of the bytes is the value with the length of each interval, the second half the value with the code of each.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, FixedSizeListArray, LargeListArray, ListArray, MapArray, StructArray, UInt64Array,
    new_null_array,
};
use datafusion::arrow::compute::{SortOptions, cast, take};
use datafusion::arrow::datatypes::{DataType, FieldRef, Int64Type, IntervalMonthDayNanoType, TimeUnit};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, ScalarValue, internal_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, lit};

use super::scalar::Scalar;
use super::spans::{CODES, LENGTHS, codes, decoded_values, has_spans, lengths, with_spans_as};

static PACKED: Scalar = Scalar {
    name: "interval_pack",
    takes: |types| match types {
        [nested] if nested.is_nested() && has_spans(nested) => Ok(types.to_vec()),
        _ => plan_err!("expected a list, a struct or a map of intervals"),
    },
    gives: |_| Ok(DataType::Binary),
    compute: packed_values,
    written: |_| None,
};

/// Its second argument is a list of the type of the value.
static UNPACKED: Scalar = Scalar {
    name: "interval_unpack",
    takes: |types| match types {
        [_, list @ DataType::List(_)] => Ok(vec![DataType::Binary, list.clone()]),
        _ => plan_err!("expected bytes and a list"),
    },
    gives: |types| match types {
        [_, DataType::List(item)] => Ok(item.data_type().clone()),
        _ => plan_err!("expected bytes and a list"),
    },
    compute: unpacked_values,
    written: |_| None,
};

/// The functions of this module.
pub static ALL: [&Scalar; 2] = [&PACKED, &UNPACKED];

/// The bytes of a list, a struct or a map of intervals.
pub fn packed(nested: Expr) -> Expr {
    PACKED.call(vec![nested])
}

/// The value of this type that has these bytes.
///
/// # Errors
/// There is no NULL of the type.
pub fn unpacked(bytes: Expr, data_type: &DataType) -> Result<Expr> {
    let of_type = ScalarValue::new_list(&[ScalarValue::try_from(data_type)?], data_type, true);
    Ok(UNPACKED.call(vec![bytes, lit(ScalarValue::List(of_type))]))
}

fn converter(data_type: &DataType) -> Result<RowConverter> {
    let options = SortOptions { descending: false, nulls_first: false };
    let half = |spans: &DataType| SortField::new_with_options(with_spans_as(data_type, spans), options);
    Ok(RowConverter::new(vec![half(&LENGTHS), half(&CODES)])?)
}

fn packed_values(arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let column = arguments.args[0].to_array(arguments.number_rows)?;
    let rows = converter(column.data_type())?.convert_columns(&[lengths(&column)?, codes(&column)?])?;
    let bytes: BinaryArray = (0..column.len()).map(|row| column.is_valid(row).then(|| rows.row(row).data())).collect();
    Ok(ColumnarValue::Array(Arc::new(bytes)))
}

fn unpacked_values(arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let data_type = arguments.return_field.data_type();
    let bytes = arguments.args[0].to_array(arguments.number_rows)?;
    let bytes = bytes.as_binary::<i32>();
    let converter = converter(data_type)?;
    let parser = converter.parser();
    let mut known = vec![];
    let mut places = Vec::with_capacity(bytes.len());
    for bytes in bytes {
        let bytes = bytes.filter(|bytes| !bytes.is_empty());
        places.push(bytes.map(|_| known.len() as u64));
        known.extend(bytes.map(|bytes| parser.parse(bytes)));
    }
    if known.is_empty() {
        return Ok(ColumnarValue::Array(new_null_array(data_type, bytes.len())));
    }
    let Some(codes) = converter.convert_rows(known)?.pop() else { return internal_err!("bytes of intervals have two halves") };
    Ok(ColumnarValue::Array(take(&restored(&codes, data_type)?, &UInt64Array::from(places), None)?))
}

/// A value of this type, in which codes have become intervals again.
fn restored(column: &ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    let item = |values: &ArrayRef, field: &FieldRef| restored(values, field.data_type());
    Ok(match data_type {
        DataType::Interval(_) => cast(&decoded_values(column), data_type)?,
        DataType::Duration(_) => {
            let spans = decoded_values(column);
            let nanoseconds = spans.as_primitive::<IntervalMonthDayNanoType>();
            let nanoseconds: ArrayRef = Arc::new(nanoseconds.unary::<_, Int64Type>(|span| span.nanoseconds));
            cast(&cast(&nanoseconds, &DataType::Duration(TimeUnit::Nanosecond))?, data_type)?
        }
        DataType::Null => new_null_array(&DataType::Null, column.len()),
        DataType::List(field) => {
            let lists = column.as_list::<i32>();
            let values = item(lists.values(), field)?;
            Arc::new(ListArray::try_new(Arc::clone(field), lists.offsets().clone(), values, lists.nulls().cloned())?)
        }
        DataType::LargeList(field) => {
            let lists = column.as_list::<i64>();
            let values = item(lists.values(), field)?;
            Arc::new(LargeListArray::try_new(Arc::clone(field), lists.offsets().clone(), values, lists.nulls().cloned())?)
        }
        DataType::FixedSizeList(field, size) => {
            let lists = column.as_fixed_size_list();
            let values = item(lists.values(), field)?;
            Arc::new(FixedSizeListArray::try_new(Arc::clone(field), *size, values, lists.nulls().cloned())?)
        }
        DataType::Struct(fields) if !fields.is_empty() => {
            let parts = column.as_struct();
            let columns =
                parts.columns().iter().zip(fields).map(|(part, field)| item(part, field)).collect::<Result<Vec<_>>>()?;
            Arc::new(StructArray::try_new(fields.clone(), columns, parts.nulls().cloned())?)
        }
        DataType::Map(field, ordered) => {
            let maps = column.as_map();
            let entries: ArrayRef = Arc::new(maps.entries().clone());
            let entries = item(&entries, field)?.as_struct().clone();
            let offsets = maps.offsets().clone();
            Arc::new(MapArray::try_new(Arc::clone(field), offsets, entries, maps.nulls().cloned(), *ordered)?)
        }
        other if other == column.data_type() => Arc::clone(column),
        // Rows have the values of a dictionary.
        other => cast(column, other)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtins::spans::INTERVAL;
    use datafusion::arrow::array::{Int32Array, PrimitiveArray};
    use datafusion::arrow::datatypes::{Field, IntervalMonthDayNano};

    #[test]
    fn values_are_restored_from_halves_that_sort_by_length() {
        let span = IntervalMonthDayNano::new;
        let spans = [Some(span(1, 0, 0)), Some(span(0, 30, 0)), None, Some(span(0, 29, 0))];
        let spans: ArrayRef = Arc::new(PrimitiveArray::<IntervalMonthDayNanoType>::from_iter(spans));
        assert_eq!(spans.data_type(), &INTERVAL);
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![Some(2), Some(1), None, Some(9)]));
        let fields = [Field::new("length", INTERVAL, true), Field::new("number", DataType::Int32, true)];
        let parts: ArrayRef = Arc::new(StructArray::try_new(fields.into_iter().collect(), vec![spans, numbers], None).unwrap());
        let converter = converter(parts.data_type()).unwrap();
        let rows = converter.convert_columns(&[lengths(&parts).unwrap(), codes(&parts).unwrap()]).unwrap();
        let mut order = [0, 1, 2, 3];
        order.sort_by_key(|row| rows.row(*row));
        assert_eq!(order, [3, 1, 0, 2]);
        let halves = converter.convert_rows(rows.iter()).unwrap();
        assert_eq!(&restored(&halves[1], parts.data_type()).unwrap(), &parts);
    }
}
