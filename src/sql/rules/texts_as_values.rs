//! `list = '{1,2}'`, `flag = 't'`: a string constant that is compared with a list or a boolean is parsed as one, in PostgreSQL's notation.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, lit};
use sqlparser::ast::BinaryOperator;

use crate::error::{SqlState, coded};
use crate::sql::syntax::postgres::array_literal;
use crate::text::{array_parts, literal, written_name};

/// Converts the string to the type of the other side.
#[derive(Debug)]
pub struct TextsAsValues;

impl ExprPlanner for TextsAsValues {
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

/// The string as a list or boolean, depending on the other side; `None` for other types, and for a string that is not a boolean.
fn read(written: &str, other: &Expr, schema: &DFSchema) -> Result<Option<Expr>> {
    let item = match other.get_type(schema) {
        Ok(DataType::Boolean) => {
            let word = written.trim().to_lowercase();
            return Ok(match word.as_str() {
                "t" | "true" | "y" | "yes" | "on" | "1" => Some(lit(true)),
                "f" | "false" | "n" | "no" | "off" | "0" => Some(lit(false)),
                _ => None,
            });
        }
        Ok(DataType::List(item)) => item,
        _ => return Ok(None),
    };
    let Some(value) = list(written, item.data_type())? else {
        let name = if let Expr::Column(column) = other { written_name(&column.name) } else { "list".into() };
        let value = literal(written);
        let problem = format!("is a list; write {value} = ANY({name}) to find the value in it, or ['a', 'b'] for a whole list");
        return Err(coded(SqlState::INVALID_TEXT_REPRESENTATION, &name, problem));
    };
    Ok(Some(lit(value)))
}

/// The list that a text like `{1,2,NULL}` stands for, or `{{1,2},{3,4}}` for lists of lists; `None` if it is not written as one.
///
/// # Errors
/// An item is not of this type.
pub(super) fn list(written: &str, item: &DataType) -> Result<Option<ScalarValue>> {
    let mut values = vec![];
    if let DataType::List(inner) = item {
        let Some(parts) = array_parts(written) else { return Ok(None) };
        for part in parts {
            if part.trim().eq_ignore_ascii_case("null") {
                values.push(ScalarValue::try_from(item)?);
                continue;
            }
            let Some(value) = list(part, inner.data_type())? else { return Ok(None) };
            values.push(value);
        }
    } else {
        let Some(items) = array_literal(written) else { return Ok(None) };
        for text in items {
            values.push(ScalarValue::Utf8(text).cast_to(item)?);
        }
    }
    Ok(Some(ScalarValue::List(ScalarValue::new_list(&values, item, true))))
}
