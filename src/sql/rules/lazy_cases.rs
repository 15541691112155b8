//! Booleans of CASE that can fail: `CASE WHEN n = 0 THEN false ELSE 10 / n > 6 END` computes no quotient where n is 0.
//!
//! DataFusion takes a CASE of booleans apart into AND and OR, whose sides it may compute for all rows. It leaves numbers alone, so a CASE
//! whose branches can fail gives 1 and 0 here, and is compared with 1.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::{BinaryExpr, Case, Expr, ExprSchemable, LogicalPlan, Operator, cast, lit};
use datafusion::optimizer::AnalyzerRule;

use super::each_expression;
use super::filtered_arguments::is_wider;
use crate::builtins::division::is_division;
use crate::walk::Tree;

/// Runs after type coercion.
#[derive(Debug)]
pub struct LazyCases;

impl AnalyzerRule for LazyCases {
    fn name(&self) -> &'static str {
        "lazy_cases"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(each_expression(plan, |expression, schema| match expression {
            Expr::Case(case) if is_taken_apart(&case, schema)? => Ok(Transformed::yes(of_numbers(case))),
            other => Ok(Transformed::no(other)),
        })?
        .data)
    }
}

/// True for a CASE of booleans with a branch that can fail.
fn is_taken_apart(case: &Case, schema: &DFSchema) -> Result<bool> {
    let Some((_, first)) = case.when_then_expr.first() else { return Ok(false) };
    if case.expr.is_some() || first.get_type(schema)? != DataType::Boolean {
        return Ok(false);
    }
    let conditions = case.when_then_expr.iter().skip(1).map(|(when, _)| when.as_ref());
    let results = case.when_then_expr.iter().map(|(_, result)| result.as_ref()).chain(case.else_expr.as_deref());
    for part in conditions.chain(results) {
        if can_fail(part, schema)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// True for an expression with a quotient, or with a cast that not every value has.
fn can_fail(expression: &Expr, schema: &DFSchema) -> Result<bool> {
    expression.any_part(|part| match part {
        Expr::Cast(Cast { expr, field }) if !matches!(expr.as_ref(), Expr::Literal(..)) => {
            Ok(!is_wider(&expr.get_type(schema)?, field.data_type()))
        }
        Expr::ScalarFunction(ScalarFunction { func, .. }) => Ok(is_division(func.name())),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Divide | Operator::Modulo, .. }) => {
            Ok(!left.get_type(schema)?.is_floating())
        }
        _ => Ok(false),
    })
}

fn of_numbers(mut case: Case) -> Expr {
    let number = |result: &mut Expr| *result = cast(std::mem::take(result), DataType::Int8);
    case.when_then_expr.iter_mut().for_each(|(_, result)| number(result.as_mut()));
    case.else_expr.iter_mut().for_each(|otherwise| number(otherwise.as_mut()));
    Expr::Case(case).eq(lit(1_i8))
}
