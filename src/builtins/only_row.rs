//! The value of a subquery that returns one row, or none.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, ScalarFunctionArgs};

use super::wrapper::Wrapper;
use crate::error::{SqlState, coded};

/// The function: the value of the first row, and the number of rows.
pub static ONLY_ROW: Wrapper = Wrapper { check: at_most_one, ..Wrapper::new("only_row", 2) };

/// The value of the first row, if there are no more rows.
pub fn of(first: Expr, rows: Expr) -> Expr {
    ONLY_ROW.call(vec![first, rows])
}

/// The function: the value of a subquery, which is NULL without rows.
pub static ROW_OR_NULL: Wrapper = Wrapper { can_be_null: true, ..Wrapper::new("row_or_null", 1) };

/// The value of a subquery that may have no rows.
pub fn or_null(value: Expr) -> Expr {
    ROW_OR_NULL.call(vec![value])
}

fn at_most_one(arguments: &ScalarFunctionArgs) -> Result<()> {
    let counts = arguments.args.iter().skip(1).map(|rows| rows.to_array(arguments.number_rows)).collect::<Result<Vec<_>>>()?;
    if counts.iter().any(|rows| rows.as_primitive::<Int64Type>().iter().flatten().any(|rows| rows > 1)) {
        let problem = "gives more than one row for one row of the query around it; write max(…) or another aggregate in its SELECT, \
                       or ORDER BY … LIMIT 1";
        return Err(coded(SqlState::CARDINALITY_VIOLATION, "subquery", problem));
    }
    Ok(())
}
