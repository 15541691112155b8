//! `DATE '2025-03-31' + INTERVAL '36 hours'` is a timestamp, as in PostgreSQL; DataFusion drops the hours and returns a date.
//!
//! A date plus a constant interval of whole days, months and years remains a date.

use datafusion::arrow::datatypes::{DataType, IntervalDayTime, IntervalMonthDayNano, TimeUnit};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, cast};
use datafusion::optimizer::AnalyzerRule;

use super::each_expression;
use crate::sql::call::constant;

const DAY_IN_SECONDS: i64 = 86_400;
const DAY_IN_MILLISECONDS: i32 = 86_400_000;
const DAY_IN_NANOSECONDS: i64 = 86_400_000_000_000;

/// Runs before type coercion.
#[derive(Debug)]
pub struct HoursOfDays;

impl AnalyzerRule for HoursOfDays {
    fn name(&self) -> &'static str {
        "hours_of_days"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(each_expression(plan, |expression, schema| {
            let Expr::BinaryExpr(BinaryExpr { mut left, op: op @ (Operator::Plus | Operator::Minus), mut right }) = expression
            else {
                return Ok(Transformed::no(expression));
            };
            let (day, span) = match (left.get_type(schema), right.get_type(schema)) {
                (Ok(DataType::Date32 | DataType::Date64), Ok(DataType::Interval(_))) => (&mut left, &right),
                (Ok(DataType::Interval(_)), Ok(DataType::Date32 | DataType::Date64)) => (&mut right, &left),
                _ => return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right }))),
            };
            let is_constant = matches!(constant(span, &SimplifyContext::default()), Ok(Some(span)) if is_of_days(&span));
            let has_hours = !is_constant && !is_number_of_days(span);
            if has_hours {
                // Not in nanoseconds, which end in the year 2262.
                **day = cast(std::mem::take(day.as_mut()), DataType::Timestamp(TimeUnit::Microsecond, None));
            }
            let moved = Expr::BinaryExpr(BinaryExpr { left, op, right });
            Ok(if has_hours { Transformed::yes(moved) } else { Transformed::no(moved) })
        })?
        .data)
    }
}

/// True for what type coercion makes of the number in `day + 7`. A plan may be analysed twice, and then must not change again.
fn is_number_of_days(span: &Expr) -> bool {
    let inner = |expression: &Expr| match expression {
        Expr::Cast(Cast { expr, .. }) => Some(expr.as_ref().clone()),
        _ => None,
    };
    let seconds = match inner(span).as_ref().and_then(inner) {
        Some(Expr::ScalarFunction(call)) => call.args.last().cloned(),
        Some(Expr::BinaryExpr(BinaryExpr { right, .. })) => Some(*right),
        _ => None,
    };
    matches!(seconds, Some(Expr::Literal(ScalarValue::Int64(Some(DAY_IN_SECONDS)), _)))
}

fn is_of_days(span: &ScalarValue) -> bool {
    match span {
        ScalarValue::IntervalYearMonth(_) => true,
        ScalarValue::IntervalDayTime(Some(IntervalDayTime { milliseconds, .. })) => milliseconds % DAY_IN_MILLISECONDS == 0,
        ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano { nanoseconds, .. })) => {
            nanoseconds % DAY_IN_NANOSECONDS == 0
        }
        other => other.is_null(),
    }
}
