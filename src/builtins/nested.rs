//! The order of lists and structs: the first elements that differ decide, and NULL is greater than any value, as in ORDER BY. And lists,
//! structs and maps as texts.
//!
//! DataFusion's operators take NULL for less than any value.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{Array, Int8Array, StringArray, make_comparator};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::{Result, plan_err};
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

/// Times within lists and structs, as they are written elsewhere.
const TIMES: &str = "%Y-%m-%d %H:%M:%S%.f";
const INSTANTS: &str = "%Y-%m-%d %H:%M:%S%.f%:z";

/// A list, a struct or a map as text, `[a, NULL]`, as results show it. The engine writes nothing for NULL, and has no text of structs.
static TEXT: Scalar = Scalar {
    name: "list_as_text",
    takes: |types| Ok(types.to_vec()),
    gives: |_| Ok(DataType::Utf8),
    compute: |arguments| {
        let values = arguments.args[0].to_array(arguments.number_rows)?;
        let options = FormatOptions::default()
            .with_display_error(false)
            .with_null("NULL")
            .with_timestamp_format(Some(TIMES))
            .with_timestamp_tz_format(Some(INSTANTS));
        let shown = ArrayFormatter::try_new(values.as_ref(), &options)?;
        let text = |row: usize| -> Result<Option<String>> {
            Ok(if values.is_null(row) { None } else { Some(shown.value(row).try_to_string()?) })
        };
        let texts = (0..values.len()).map(text).collect::<Result<StringArray>>()?;
        Ok(ColumnarValue::Array(Arc::new(texts)))
    },
    written: |arguments| arguments.first().cloned(),
};

/// The functions of this module.
pub static ALL: [&Scalar; 2] = [&COMPARED, &TEXT];

/// A list, a struct or a map as text.
pub fn as_text(list: Expr) -> Expr {
    TEXT.call(vec![list])
}

/// `left < right` and the like.
pub fn compared(left: Expr, operator: Operator, right: Expr) -> Expr {
    binary_expr(COMPARED.call(vec![left, right]), operator, lit(0_i8))
}
