//! The two zeros of floats, 0.0 and -0.0, are one value: `=` and GROUP BY say so, and windows, sorts, `nullif` and CASE follow them.
//!
//! DataFusion compares the bits of floats there, which puts -0.0 before 0.0. Adding 0.0 turns -0.0 into 0.0 and leaves every other
//! number as it is.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{Case, ScalarFunction, Sort, WindowFunction};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, lit};
use datafusion::optimizer::AnalyzerRule;

use crate::walk::PlanTree;

use super::{each_expression, input_schema};

/// Runs after type coercion.
#[derive(Debug)]
pub struct OneZero;

impl AnalyzerRule for OneZero {
    fn name(&self) -> &'static str {
        "one_zero"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = each_expression(plan, |mut expression, schema| {
            let changed = match &mut expression {
                Expr::WindowFunction(window) => of_window(window, schema)?,
                Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == "nullif" => all(args.iter_mut(), schema)?,
                Expr::Case(Case { expr: Some(expr), when_then_expr, else_expr: _ }) => {
                    let compared = when_then_expr.iter_mut().map(|(when, _)| when.as_mut());
                    all(compared.chain([expr.as_mut()]), schema)?
                }
                _ => false,
            };
            Ok(if changed { Transformed::yes(expression) } else { Transformed::no(expression) })
        })?;
        let sorted = plan.data.changed_up_with_subqueries(|mut plan| {
            let schema = input_schema(&plan)?;
            let changed = match &mut plan {
                LogicalPlan::Sort(sort) => of_sorts(&mut sort.expr, &schema)?,
                _ => false,
            };
            Ok(if changed { Transformed::yes(plan) } else { Transformed::no(plan) })
        })?;
        Ok(sorted.data)
    }
}

fn of_window(window: &mut WindowFunction, schema: &DFSchema) -> Result<bool> {
    let partitions = all(window.params.partition_by.iter_mut(), schema)?;
    let orders = all(window.params.order_by.iter_mut().map(|order| &mut order.expr), schema)?;
    Ok(partitions | orders)
}

/// The last key of a sort may stay: nothing depends on the order of its equal values.
fn of_sorts(sorts: &mut [Sort], schema: &DFSchema) -> Result<bool> {
    let Some((_, first)) = sorts.split_last_mut() else { return Ok(false) };
    all(first.iter_mut().map(|sort| &mut sort.expr), schema)
}

/// Makes the zeros of these expressions one; true if any of them is a float.
fn all<'a>(expressions: impl Iterator<Item = &'a mut Expr>, schema: &DFSchema) -> Result<bool> {
    let mut changed = false;
    for expression in expressions {
        let data_type = expression.get_type(schema)?;
        if data_type.is_floating() && !matches!(expression, Expr::Literal(..)) {
            *expression = std::mem::take(expression) + lit(0.0).cast_to(&data_type, schema)?;
            changed = true;
        }
    }
    Ok(changed)
}
