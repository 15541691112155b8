//! `typeof`: the type of a value.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use crate::adapter::ScalarFunction;
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::in_sql;

/// The function.
#[derive(Debug)]
pub struct TypeOf;

const DOC: Doc = Doc {
    name: "typeof",
    kind: Kind::Scalar,
    domain: "conditions",
    summary: "Returns the SQL type of a value.",
    description: "\
This is the type of the expression: it is the same for every row, also if the value is NULL.

A bare NULL has the type `NULL`; a NULL in a column has the type of the column.

**Elsewhere.** DuckDB: `typeof`; PostgreSQL: `pg_typeof`, with the names of PostgreSQL (`integer`, `text`). In SQLite `typeof` depends on
the value of the row.",
    arguments: &[Argument::required("value", Takes::Value("any type"), "expression whose type is wanted; its value is not looked at")],
    examples: &["SELECT typeof(1) AS number, typeof('tea') AS text, typeof(DATE '2025-05-01') AS day;", "SELECT typeof(amount) AS amount, typeof(ordered_at) AS ordered_at, typeof(sum(amount)) AS total
FROM sample_orders(rows => 100) GROUP BY ALL;"],
    ..Doc::EMPTY
};

impl ScalarFunction for TypeOf {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn udf(&self) -> ScalarUDF {
        ScalarUDF::from(Type { signature: Signature::any(1, Volatility::Immutable) })
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Type {
    signature: Signature,
}

impl ScalarUDFImpl for Type {
    fn name(&self) -> &str {
        DOC.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let named = arguments.arg_fields.first().map(|field| match field.data_type() {
            DataType::Null => "NULL".into(),
            data_type => in_sql(&data_type.to_string()),
        });
        Ok(ColumnarValue::Scalar(ScalarValue::Utf8(named)))
    }
}
