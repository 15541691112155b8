//! The order of lists and structs: the first elements that differ decide, and NULL is greater than any value, as in ORDER BY. And lists
//! as texts.
//!
//! DataFusion's operators take NULL for less than any value.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{Array, Int8Array, make_comparator};
use datafusion::arrow::compute::{CastOptions, SortOptions, cast_with_options};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::FormatOptions;
use datafusion::common::plan_err;
use datafusion::logical_expr::{ColumnarValue, Expr, Operator, binary_expr, lit};

use super::scalar::Scalar;

/// -1, 0 or 1 for a value that is less, equal or greater; NULL if either is NULL as a whole.
static COMPARED: Scalar = Scalar {
    name: "nested_comparison",
    takes: |types| match types {
        [left, right] if left.is_nested() && left.equals_datatype(right) => Ok(types.to_vec()),
        _ => plan_err!("expected two lists or two structs"),
    },
    gives: |_| Ok(DataType::Int8),
    compute: |arguments| {
        let left = arguments.args[0].to_array(arguments.number_rows)?;
        let right = arguments.args[1].to_array(arguments.number_rows)?;
        let compare = make_comparator(&left, &right, SortOptions { descending: false, nulls_first: false })?;
        let place = |row| match compare(row, row) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        };
        let compared: Int8Array =
            (0..left.len()).map(|row| (left.is_valid(row) && right.is_valid(row)).then(|| place(row))).collect();
        Ok(ColumnarValue::Array(Arc::new(compared)))
    },
    written: |_| None,
};

/// A list as text, `[a, NULL]`, as results show it. The engine writes nothing for NULL.
static TEXT: Scalar = Scalar {
    name: "list_as_text",
    takes: |types| Ok(types.to_vec()),
    gives: |_| Ok(DataType::Utf8),
    compute: |arguments| {
        let lists = arguments.args[0].to_array(arguments.number_rows)?;
        let options = CastOptions { safe: false, format_options: FormatOptions::default().with_null("NULL") };
        Ok(ColumnarValue::Array(cast_with_options(&lists, &DataType::Utf8, &options)?))
    },
    written: |arguments| arguments.first().cloned(),
};

/// The functions of this module.
pub static ALL: [&Scalar; 2] = [&COMPARED, &TEXT];

/// A list as text.
pub fn as_text(list: Expr) -> Expr {
    TEXT.call(vec![list])
}

/// `left < right` and the like.
pub fn compared(left: Expr, operator: Operator, right: Expr) -> Expr {
    binary_expr(COMPARED.call(vec![left, right]), operator, lit(0_i8))
}
