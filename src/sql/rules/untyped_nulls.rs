//! `date_part('year', NULL)` is NULL; DataFusion has no part of a value without a type.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
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
