//! A list with the positions of its values, as `information_schema._pg_expandarray` returns them.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, Int32Array, ListArray, StructArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::cast::as_list_array;
use datafusion::common::plan_err;
use datafusion::logical_expr::ColumnarValue;

use crate::builtins::scalar::Scalar;

/// The functions of this module.
pub static ALL: [&Scalar; 1] = [&EXPANDED];

/// `expanded_array(list)`: a list of `{x: value, n: position}`, with positions from 1.
static EXPANDED: Scalar = Scalar {
    name: "expanded_array",
    takes: |types| match types {
        [DataType::List(_)] => Ok(types.to_vec()),
        [
            DataType::LargeList(item)
            | DataType::FixedSizeList(item, _)
            | DataType::ListView(item)
            | DataType::LargeListView(item),
        ] => Ok(vec![DataType::List(Arc::clone(item))]),
        [DataType::Null] => Ok(vec![DataType::List(Arc::new(Field::new("item", DataType::Int16, true)))]),
        _ => plan_err!("_pg_expandarray takes a list"),
    },
    gives: |types| match types {
        [DataType::List(item)] => Ok(DataType::List(Arc::new(Field::new("item", DataType::Struct(fields(item)), true)))),
        _ => plan_err!("_pg_expandarray takes a list"),
    },
    compute: |arguments| {
        let lists = arguments.args[0].to_array(arguments.number_rows)?;
        let lists = cast(&lists, arguments.arg_fields[0].data_type())?;
        let lists = as_list_array(&lists)?;
        let DataType::List(item) = lists.data_type() else { return plan_err!("_pg_expandarray takes a list") };
        let mut places = vec![0; lists.values().len()];
        for row in 0..lists.len() {
            let offsets = lists.value_offsets();
            let (first, end) = (usize::try_from(offsets[row]).unwrap_or(0), usize::try_from(offsets[row + 1]).unwrap_or(0));
            for (place, value) in (1..).zip(&mut places[first..end]) {
                *value = place;
            }
        }
        let columns: Vec<ArrayRef> = vec![Arc::clone(lists.values()), Arc::new(Int32Array::from(places))];
        let pairs = StructArray::new(fields(item), columns, None);
        let field = Arc::new(Field::new("item", pairs.data_type().clone(), true));
        let expanded = ListArray::new(field, lists.offsets().clone(), Arc::new(pairs), lists.nulls().cloned());
        Ok(ColumnarValue::Array(Arc::new(expanded)))
    },
    written: |_| None,
};

fn fields(item: &Field) -> Fields {
    Fields::from(vec![Field::new("x", item.data_type().clone(), true), Field::new("n", DataType::Int32, true)])
}
