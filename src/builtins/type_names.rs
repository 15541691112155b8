//! The names of types in SQL, of those that the engine tells.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::plan_err;
use datafusion::logical_expr::{ColumnarValue, Expr};

use super::scalar::Scalar;
use crate::error::in_sql;

static SQL_TYPE: Scalar = Scalar {
    name: "sql_type_name",
    takes: |types| match types {
        [text] if text.is_string() => Ok(vec![DataType::Utf8]),
        _ => plan_err!("expected the name of a type"),
    },
    gives: |_| Ok(DataType::Utf8),
    compute: |arguments| {
        let names = cast(&arguments.args[0].to_array(arguments.number_rows)?, &DataType::Utf8)?;
        let names: StringArray = names.as_string::<i32>().iter().map(|name| name.map(in_sql)).collect();
        Ok(ColumnarValue::Array(Arc::new(names)))
    },
    written: |_| None,
};

/// The functions.
pub static ALL: [&Scalar; 1] = [&SQL_TYPE];

/// The name in SQL of a type that the engine names: `Utf8View` is VARCHAR.
pub fn sql_type_name(name: Expr) -> Expr {
    SQL_TYPE.call(vec![name])
}
