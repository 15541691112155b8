//! Evaluates FILTER before the arguments of the aggregate: `sum(CAST(code AS INT)) FILTER (WHERE code ~ '^[0-9]+$')` casts only the codes
//! that are numbers.
//!
//! DataFusion evaluates the arguments for all rows, and so fails on rows that the filter excludes.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{AggregateFunction, Cast};
use datafusion::logical_expr::{BinaryExpr, Case, Expr, ExprSchemable, LogicalPlan, Operator, lit};
use datafusion::optimizer::AnalyzerRule;

use crate::walk::Tree;

use super::each_expression;

/// Runs after type coercion and after arithmetic is made exact.
#[derive(Debug)]
pub struct FilterBeforeArguments;

impl AnalyzerRule for FilterBeforeArguments {
    fn name(&self) -> &'static str {
        "filter_before_arguments"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(each_expression(plan, |mut expression, schema| {
            let (filter, mut arguments): (_, Vec<&mut Expr>) = match &mut expression {
                Expr::AggregateFunction(AggregateFunction { params, .. }) => {
                    let order = params.order_by.iter_mut().map(|sort| &mut sort.expr);
                    (&params.filter, params.args.iter_mut().chain(order).collect())
                }
                // The order of a window covers all rows, filtered or not.
                Expr::WindowFunction(call) => (&call.params.filter, call.params.args.iter_mut().collect()),
                _ => return Ok(Transformed::no(expression)),
            };
            let Some(filter) = filter.clone().filter(|filter| !filter.is_volatile()) else {
                return Ok(Transformed::no(expression));
            };
            let mut changed = false;
            for argument in &mut arguments {
                if may_fail(argument, schema)? && !is_guarded(argument, &filter) {
                    let guarded = std::mem::take(*argument);
                    // CASE with an operand: without one, the optimizer might turn it into AND and OR, and both sides would be evaluated.
                    let when = vec![(Box::new(lit(true)), Box::new(guarded))];
                    **argument = Expr::Case(Case::new(Some(filter.clone()), when, None));
                    changed = true;
                }
            }
            Ok(if changed { Transformed::yes(expression) } else { Transformed::no(expression) })
        })?
        .data)
    }
}

/// True for an argument that is guarded already, as a plan may be analysed twice.
fn is_guarded(argument: &Expr, filter: &Expr) -> bool {
    matches!(argument, Expr::Case(Case { expr: Some(operand), .. }) if operand.as_ref() == filter)
}

/// True when evaluation can fail for some row.
fn may_fail(expression: &Expr, schema: &DFSchema) -> Result<bool> {
    if expression.column_refs().is_empty() {
        return Ok(false);
    }
    let mut found = false;
    expression.each_part(|part| {
        found |= match part {
            Expr::Cast(Cast { expr, field }) => !is_wider(&expr.get_type(schema)?, field.data_type()),
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Divide | Operator::Modulo, .. }) => {
                !left.get_type(schema)?.is_floating()
            }
            Expr::ScalarFunction(_) | Expr::ScalarSubquery(_) => true,
            _ => false,
        };
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// True when every value of `from` can be represented in `to`.
pub fn is_wider(from: &DataType, to: &DataType) -> bool {
    match (from, to) {
        (from, DataType::Float64 | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) if from.is_numeric() => true,
        (
            DataType::Boolean | DataType::Date32 | DataType::Timestamp(..),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View,
        ) => true,
        (from, to) if from.is_signed_integer() && to.is_signed_integer() => from.primitive_width() <= to.primitive_width(),
        (from, to) if from.is_string() && to.is_string() => true,
        (DataType::Dictionary(_, values), to) => values.as_ref() == to || is_wider(values, to),
        (from, to) => from == to,
    }
}
