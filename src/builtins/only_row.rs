//! The value of a subquery that returns one row for each row of the outer query.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use crate::error::{SqlState, coded};

/// The name of the function.
pub const NAME: &str = "only_row";

/// The value of the first row, if there are no more rows.
pub fn of(first: Expr, rows: Expr) -> Expr {
    udf().call(vec![first, rows])
}

/// The function.
pub fn udf() -> ScalarUDF {
    ScalarUDF::from(OnlyRow { signature: Signature::any(2, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OnlyRow {
    signature: Signature,
}

impl ScalarUDFImpl for OnlyRow {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [value, _] => Ok(value.clone()),
            _ => internal_err!("{NAME} takes a value and a number of rows"),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value, rows] = arguments.args.as_slice() else {
            return internal_err!("{NAME} takes a value and a number of rows");
        };
        let counts = rows.to_array(arguments.number_rows)?;
        if counts.as_primitive::<Int64Type>().iter().flatten().any(|rows| rows > 1) {
            let problem = "gives more than one row for one row of the query around it; write max(…) or another aggregate in its SELECT, \
                           or ORDER BY … LIMIT 1";
            return Err(coded(SqlState::CARDINALITY_VIOLATION, "subquery", problem));
        }
        Ok(value.clone())
    }
}
