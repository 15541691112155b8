//! `date_part('year', NULL)` is NULL; DataFusion has no part of a value without a type. And in `[X'62', NULL]`, NULL is of the type of the
//! others, which DataFusion does not find out for bytes.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, cast};
use datafusion::optimizer::AnalyzerRule;

use super::each_expression;

/// Runs before type coercion.
#[derive(Debug)]
pub struct PartsOfNull;

impl AnalyzerRule for PartsOfNull {
    fn name(&self) -> &'static str {
        "parts_of_null"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(each_expression(plan, |mut expression, schema| {
            if let Expr::ScalarFunction(call) = &mut expression
                && call.func.name() == "date_part"
                && let [_, time] = call.args.as_mut_slice()
                && matches!(time.get_type(schema), Ok(DataType::Null))
            {
                *time = cast(std::mem::take(time), DataType::Timestamp(TimeUnit::Microsecond, None));
                return Ok(Transformed::yes(expression));
            }
            Ok(Transformed::no(expression))
        })?
        .data)
    }
}

/// Plans lists of bytes.
#[derive(Debug)]
pub struct BytesBesideNull;

impl ExprPlanner for BytesBesideNull {
    fn plan_array_literal(&self, mut values: Vec<Expr>, schema: &DFSchema) -> Result<PlannerResult<Vec<Expr>>> {
        let is_bytes =
            |data_type: &DataType| matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView);
        // A list of thousands of other values is not asked for the type of each.
        let bytes =
            match values.iter().map(|value| value.get_type(schema)).find(|data_type| !matches!(data_type, Ok(DataType::Null))) {
                Some(Ok(data_type)) if is_bytes(&data_type) => data_type,
                _ => return Ok(PlannerResult::Original(values)),
            };
        for value in &mut values {
            if matches!(value.get_type(schema), Ok(other) if other != bytes && (other.is_null() || is_bytes(&other))) {
                *value = cast(std::mem::take(value), bytes.clone());
            }
        }
        Ok(PlannerResult::Original(values))
    }
}
