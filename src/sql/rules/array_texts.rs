//! `list = '{1,2}'`: a text that is compared with a list is read as one, as PostgreSQL writes arrays.

use datafusion::arrow::array::{Array, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, lit};
use sqlparser::ast::BinaryOperator;

use crate::error::{SqlState, coded};
use crate::sql::syntax::postgres::array_literal;

/// Reads the text as a list of the other side's type.
#[derive(Debug)]
pub struct ArraysInTexts;

impl ExprPlanner for ArraysInTexts {
    fn plan_binary_op(&self, expression: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        use BinaryOperator::{ArrowAt, AtArrow, Eq, Gt, GtEq, Lt, LtEq, NotEq};
        let RawBinaryExpr { op, left, right } = expression;
        if !matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | AtArrow | ArrowAt) {
            return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }));
        }
        let (left, right) = match (text(&left), text(&right)) {
            (Some(written), None) => (read(written, &right, schema)?.unwrap_or(left), right),
            (None, Some(written)) => {
                let read = read(written, &left, schema)?;
                (left, read.unwrap_or(right))
            }
            _ => (left, right),
        };
        Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }))
    }
}

fn text(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Literal(ScalarValue::Utf8(Some(text)), _) => Some(text),
        _ => None,
    }
}

/// The list that a text is beside a list; `None` beside anything else.
fn read(written: &str, other: &Expr, schema: &DFSchema) -> Result<Option<Expr>> {
    let Ok(DataType::List(item)) = other.get_type(schema) else { return Ok(None) };
    let Some(items) = array_literal(written) else {
        let problem = format!("'{written}' is compared with a list; write '{{a,b}}' or ['a', 'b']");
        return Err(coded(SqlState::INVALID_TEXT_REPRESENTATION, "list", problem));
    };
    let items = cast(&StringArray::from(items), item.data_type())?;
    let values = (0..items.len()).map(|place| ScalarValue::try_from_array(&items, place)).collect::<Result<Vec<_>>>()?;
    Ok(Some(lit(ScalarValue::List(ScalarValue::new_list(&values, item.data_type(), true)))))
}
