//! `DATE '2025-03-31' + INTERVAL '36 hours'` is a timestamp, as in PostgreSQL; DataFusion drops the hours and returns a date.
//!
//! A date plus a constant interval of whole days, months and years, or a whole number of such intervals, remains a date. So does a date plus
//! a number of days.

use datafusion::arrow::datatypes::{DataType, IntervalDayTime, IntervalMonthDayNano, TimeUnit};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, cast};
use datafusion::optimizer::AnalyzerRule;

use super::each_expression;
use crate::builtins::dates::moved::by_days;
use crate::builtins::spans::factors;
use crate::sql::call::constant;

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
            let is_day = |data_type: &DataType| matches!(data_type, DataType::Date32 | DataType::Date64);
            let (day, span) = match (left.get_type(schema), right.get_type(schema)) {
                (Ok(day), Ok(number)) if is_day(&day) && number.is_integer() => {
                    return Ok(Transformed::yes(by_days(op, *left, *right)));
                }
                (Ok(number), Ok(day)) if number.is_integer() && is_day(&day) && op == Operator::Plus => {
                    return Ok(Transformed::yes(by_days(op, *left, *right)));
                }
                (Ok(day), Ok(DataType::Interval(_))) if is_day(&day) => (&mut left, &right),
                (Ok(DataType::Interval(_)), Ok(day)) if is_day(&day) => (&mut right, &left),
                _ => return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right }))),
            };
            let is_constant =
                |span: &Expr| matches!(constant(span, &SimplifyContext::default()), Ok(Some(span)) if is_of_days(&span));
            let stays = match factors(span) {
                Some((span, number)) => is_constant(span) && number.get_type(schema)?.is_integer(),
                None => is_constant(span),
            };
            if !stays {
                // Not in nanoseconds, which end in the year 2262.
                **day = cast(std::mem::take(day.as_mut()), DataType::Timestamp(TimeUnit::Microsecond, None));
            }
            let moved = Expr::BinaryExpr(BinaryExpr { left, op, right });
            Ok(if stays { Transformed::no(moved) } else { Transformed::yes(moved) })
        })?
        .data)
    }
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
