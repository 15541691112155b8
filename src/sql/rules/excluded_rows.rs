//! `EXCLUDE CURRENT ROW`, `EXCLUDE GROUP` and `EXCLUDE TIES` in the frames of windows.
//!
//! They come as a mark among the partitions of a window, see [`exclusions`](crate::sql::syntax::exclusions). Functions that look at their frame
//! become those of [`excluding`]; the others, such as `rank` and `lag`, are the same with any frame.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{Expr, LogicalPlan, WindowFunctionDefinition};
use datafusion::optimizer::AnalyzerRule;

use super::each_expression;
use crate::builtins::excluding::{self, Computed, Excluded};

/// Runs after type coercion, which gives the arguments of an aggregate their types.
#[derive(Debug)]
pub struct ExcludedRows;

impl AnalyzerRule for ExcludedRows {
    fn name(&self) -> &'static str {
        "excluded_rows"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = each_expression(plan, |expression, _schema| match expression {
            Expr::WindowFunction(mut call) => {
                let Some(excluded) = taken(&mut call) else { return Ok(Transformed::no(Expr::WindowFunction(call))) };
                without_rows(&mut call, excluded);
                Ok(Transformed::yes(Expr::WindowFunction(call)))
            }
            other => Ok(Transformed::no(other)),
        })?;
        Ok(plan.data)
    }
}

/// Takes the mark from the partitions.
fn taken(call: &mut WindowFunction) -> Option<Excluded> {
    let mark = |partition: &Expr| match partition {
        Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)), _) => Excluded::of_mark(text),
        _ => None,
    };
    let found = call.params.partition_by.iter().find_map(mark)?;
    call.params.partition_by.retain(|partition| mark(partition).is_none());
    Some(found)
}

fn without_rows(call: &mut WindowFunction, excluded: Excluded) {
    let computed = match (call.fun.name(), &call.fun) {
        ("first_value", _) => Computed::FirstValue,
        ("last_value", _) => Computed::LastValue,
        ("nth_value", _) => Computed::NthValue,
        (_, WindowFunctionDefinition::WindowUDF(_)) => return,
        (_, WindowFunctionDefinition::AggregateUDF(function)) => {
            let condition = call.params.filter.take();
            let has_filter = condition.is_some();
            call.params.args.extend(condition.map(|condition| *condition));
            let is_distinct = std::mem::take(&mut call.params.distinct);
            Computed::Aggregate { function: function.clone(), is_distinct, has_filter }
        }
    };
    call.fun = WindowFunctionDefinition::WindowUDF(excluding::udf(computed, excluded).into());
}
