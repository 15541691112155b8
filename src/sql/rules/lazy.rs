//! Conditions that protect others from values for which they fail: `n = 0 OR 10 / n > 6` computes no quotient where n is 0, and neither does
//! `CASE WHEN n = 0 THEN false ELSE 10 / n > 6 END`.
//!
//! DataFusion may compute both sides of AND and OR for all rows, and takes a CASE of booleans apart into them. It leaves a CASE of numbers
//! alone, so what can fail is computed in a CASE that gives 1 and 0, and is compared with 1. The conditions of a filter are left to
//! [`protecting`](super::protecting).

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::utils::{split_binary, split_conjunction_owned};
use datafusion::logical_expr::{BinaryExpr, Case, Expr, ExprSchemable, LogicalPlan, Operator, cast, lit};
use datafusion::optimizer::AnalyzerRule;

use super::filtered_arguments::is_wider;
use super::lossy_casts::loses;
use super::zones::is_date_or_timestamp;
use super::{input_schema, keeping_names};
use crate::builtins::division::is_division;
use crate::walk::{PlanTree, Tree};

/// Runs after type coercion.
#[derive(Debug)]
pub struct LazyConditions;

impl AnalyzerRule for LazyConditions {
    fn name(&self) -> &'static str {
        "lazy_conditions"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let lazy_plan = plan.changed_up_with_subqueries(|plan| {
            let schema = input_schema(&plan)?;
            let is_filter = matches!(plan, LogicalPlan::Filter(_) | LogicalPlan::Join(_));
            keeping_names(plan, |expression| if is_filter { of_filter(expression, &schema) } else { lazy(expression, &schema) })
        })?;
        Ok(lazy_plan.data)
    }
}

/// The conditions of a filter, each by itself.
fn of_filter(expression: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if !matches!(&expression, Expr::BinaryExpr(BinaryExpr { op: Operator::And, .. })) {
        return lazy(expression, schema);
    }
    let mut is_changed = false;
    let parts = split_conjunction_owned(expression).into_iter().map(|part| {
        let part = lazy(part, schema)?;
        is_changed |= part.transformed;
        Ok(part.data)
    });
    let whole = together(parts.collect::<Result<Vec<_>>>()?, Operator::And).unwrap_or_else(|| lit(true));
    Ok(if is_changed { Transformed::yes(whole) } else { Transformed::no(whole) })
}

fn lazy(expression: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    expression.changed_down(|part| match part {
        Expr::BinaryExpr(BinaryExpr { op: op @ (Operator::And | Operator::Or), .. }) => of_sides(part, op, schema),
        Expr::Case(case) if is_taken_apart(&case, schema)? => Ok(Transformed::yes(of_numbers(case))),
        other => Ok(Transformed::no(other)),
    })
}

/// AND or OR, in which the sides that cannot fail come first, and decide whether the others are computed.
fn of_sides(whole: Expr, op: Operator, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let (mut first, mut rest) = (vec![], vec![]);
    for side in split_binary(&whole, op) {
        if can_fail(side, schema)? { rest.push(side.clone()) } else { first.push(side.clone()) }
    }
    if rest.is_empty() {
        return Ok(Transformed::new(whole, false, TreeNodeRecursion::Jump));
    }
    let Some(guard) = together(first, op).filter(|guard| !guard.is_volatile()) else { return Ok(Transformed::no(whole)) };
    let rest = rest.into_iter().map(|side| Ok(lazy(side, schema)?.data)).collect::<Result<Vec<_>>>()?;
    let (decides, result) = match op {
        Operator::And => (guard.clone().is_false(), 0_i8),
        _ => (guard.clone().is_true(), 1_i8),
    };
    let both = together(std::iter::once(guard).chain(rest).collect(), op).map(|both| Box::new(cast(both, DataType::Int8)));
    let case = Case::new(None, vec![(Box::new(decides), Box::new(lit(result)))], both);
    // What is within is done.
    Ok(Transformed::new(is_one(case), true, TreeNodeRecursion::Jump))
}

/// AND or OR of these, in their order, as a tree that is no deeper than it must be; `None` of none.
fn together(mut sides: Vec<Expr>, op: Operator) -> Option<Expr> {
    if sides.len() < 2 {
        return sides.pop();
    }
    let right = sides.split_off(sides.len() / 2);
    let (left, right) = (together(sides, op)?, together(right, op)?);
    Some(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right))))
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

/// True for an expression with a quotient by what may be 0, or with a cast that not every value has.
fn can_fail(expression: &Expr, schema: &DFSchema) -> Result<bool> {
    expression.any_part(|part| match part {
        Expr::Cast(Cast { expr, field }) if !matches!(expr.as_ref(), Expr::Literal(..)) => {
            let (from, to) = (expr.get_type(schema)?, field.data_type());
            Ok(!is_safe(&from, to))
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) if is_division(func.name()) => {
            Ok(!args.get(1).is_some_and(is_other_than_zero))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Divide | Operator::Modulo, right }) => {
            Ok(!left.get_type(schema)?.is_floating() && !is_other_than_zero(right))
        }
        _ => Ok(false),
    })
}

/// True for a cast that every value has.
fn is_safe(from: &DataType, to: &DataType) -> bool {
    let is_time = |data_type: &DataType| is_date_or_timestamp(data_type) || *data_type == DataType::Boolean;
    let is_exact = |data_type: &DataType| data_type.is_integer() || data_type.is_decimal();
    is_wider(from, to)
        || is_exact(from) && is_exact(to) && !loses(from, to)
        || is_time(from) && (is_time(to) || *from == DataType::Boolean && to.is_integer())
}

/// True for a constant that is a number other than 0.
fn is_other_than_zero(divisor: &Expr) -> bool {
    let value = match divisor {
        Expr::Cast(Cast { expr, .. }) => expr.as_ref(),
        other => other,
    };
    match value {
        Expr::Literal(value, _) => !value.is_null() && ScalarValue::new_zero(&value.data_type()).is_ok_and(|zero| *value != zero),
        _ => false,
    }
}

fn of_numbers(mut case: Case) -> Expr {
    let number = |result: &mut Expr| *result = cast(std::mem::take(result), DataType::Int8);
    case.when_then_expr.iter_mut().for_each(|(_, result)| number(result.as_mut()));
    case.else_expr.iter_mut().for_each(|otherwise| number(otherwise.as_mut()));
    is_one(case)
}

fn is_one(case: Case) -> Expr {
    Expr::Case(case).eq(lit(1_i8))
}
