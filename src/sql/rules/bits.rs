//! `&`, `|`, `#`, `<<`, `>>` and `~` take integers. DataFusion would round 1.5 to an integer first.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, lit};
use sqlparser::ast::BinaryOperator;

use super::unions;
use crate::error::{SqlState, coded, in_sql};
use crate::sql::syntax::spellings::BITWISE_NOT;

/// The type of a value that may have a fraction; `None` for other values. The planner knows of CASE and of UNION in a subquery only the type
/// of the first branch.
fn fraction(value: &Expr, schema: &DFSchema) -> Option<DataType> {
    let data_type = match value {
        Expr::Case(case) => {
            let mut results = case.when_then_expr.iter().map(|(_, result)| result.as_ref()).chain(case.else_expr.as_deref());
            return results.find_map(|result| fraction(result, schema));
        }
        Expr::ScalarSubquery(query) => {
            unions::settled(query.subquery.as_ref().clone()).ok()?.data.schema().fields().first()?.data_type().clone()
        }
        value => value.get_type(schema).ok()?,
    };
    (data_type.is_floating() || data_type.is_decimal()).then_some(data_type)
}

/// Refuses other numbers, and plans `~`.
#[derive(Debug)]
pub struct BitsOfIntegers;

impl ExprPlanner for BitsOfIntegers {
    fn plan_binary_op(&self, expression: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let operator = match &expression.op {
            BinaryOperator::BitwiseAnd => "&",
            BinaryOperator::BitwiseOr => "|",
            BinaryOperator::BitwiseXor | BinaryOperator::PGBitwiseXor => "#",
            BinaryOperator::PGBitwiseShiftLeft => "<<",
            BinaryOperator::PGBitwiseShiftRight => ">>",
            BinaryOperator::Custom(name) if name == BITWISE_NOT => "~",
            _ => return Ok(PlannerResult::Original(expression)),
        };
        for side in [&expression.left, &expression.right] {
            if let Some(data_type) = fraction(side, schema) {
                let (side, data_type) = (side.human_display().to_string(), in_sql(&data_type.to_string()));
                let problem = format!("is {data_type}, and {operator} takes integers; write CAST({side} AS BIGINT)");
                return Err(coded(SqlState::DATATYPE_MISMATCH, &side, problem));
            }
        }
        Ok(match operator {
            "~" => PlannerResult::Planned(lit(-1_i64) - expression.left),
            _ => PlannerResult::Original(expression),
        })
    }
}
