//! `&`, `|`, `#`, `<<`, `>>` and `~` take integers. DataFusion would round 1.5 to an integer first.

use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{ExprSchemable, lit};
use sqlparser::ast::BinaryOperator;

use crate::error::{SqlState, coded, in_sql};
use crate::sql::syntax::spellings::BITWISE_NOT;

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
            let Ok(data_type) = side.get_type(schema) else { continue };
            if data_type.is_floating() || data_type.is_decimal() {
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
