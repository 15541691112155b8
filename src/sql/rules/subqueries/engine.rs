//! Recognises the subqueries that DataFusion evaluates well by itself; its joins are cheaper than ours.

use datafusion::common::Result;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, Subquery};

use crate::walk::Tree;

use super::columns::{outer_columns, subquery_of};

/// True for a WHERE condition without subqueries, and for one that DataFusion plans as a semi join or an anti join.
pub fn computes_condition(condition: &Expr, rows: &LogicalPlan) -> Result<bool> {
    // An anti join of a value without columns would compare it beneath the join, and take NULL for a value that differs.
    let is_key = |value: &Expr| !value.column_refs().is_empty();
    let (subquery, negated) = match condition {
        Expr::Not(inner) => match inner.as_ref() {
            Expr::InSubquery(InSubquery { subquery, negated, expr }) if !has_subquery(expr) && (*negated || is_key(expr)) => {
                (subquery, !negated)
            }
            Expr::Exists(Exists { subquery, .. }) => (subquery, false),
            _ => return Ok(!has_subquery(condition)),
        },
        Expr::InSubquery(InSubquery { subquery, negated, expr }) if !has_subquery(expr) && (!negated || is_key(expr)) => {
            (subquery, *negated)
        }
        Expr::Exists(Exists { subquery, .. }) => (subquery, false),
        _ => return Ok(!has_subquery(condition)),
    };
    let columns = outer_columns(&subquery.subquery)?;
    // With NOT IN, a NULL value must count only for its own outer rows, which an anti join does not do.
    let is_known = columns.is_empty() || !negated;
    Ok(is_known && columns.iter().all(|(column, _)| rows.schema().has_column(column)) && is_filtered(&subquery.subquery)?)
}

/// True for an expression that is or contains a subquery.
pub fn has_subquery(expression: &Expr) -> bool {
    expression.any_part(|part| Ok(subquery_of(part).is_some())).unwrap_or(true)
}

/// True for a projection over filters over a plan that uses no outer columns.
fn is_filtered(plan: &LogicalPlan) -> Result<bool> {
    let mut beneath = match plan {
        LogicalPlan::Projection(projection) if !projection.expr.iter().any(Expr::contains_outer) => projection.input.as_ref(),
        other => other,
    };
    while let LogicalPlan::Filter(filter) = beneath {
        if has_subquery(&filter.predicate) {
            break;
        }
        beneath = &filter.input;
    }
    Ok(outer_columns(beneath)?.is_empty())
}

/// True for a scalar subquery that uses no outer columns, or is an aggregate over rows filtered by equality with outer columns.
pub fn computes_value(subquery: &Subquery, node: &LogicalPlan) -> Result<bool> {
    let columns = outer_columns(&subquery.subquery)?;
    if columns.is_empty() {
        return Ok(true);
    }
    let is_known = |(column, _): &(_, _)| node.inputs().iter().any(|input| input.schema().has_column(column));
    if !matches!(node, LogicalPlan::Projection(_) | LogicalPlan::Filter(_)) || !columns.iter().all(is_known) {
        return Ok(false);
    }
    let mut beneath = subquery.subquery.as_ref();
    while let LogicalPlan::Projection(projection) = beneath
        && projection.expr.iter().all(|expression| matches!(expression.clone().unalias(), Expr::Column(_)))
    {
        beneath = &projection.input;
    }
    let LogicalPlan::Aggregate(aggregate) = beneath else { return Ok(false) };
    if !aggregate.group_expr.is_empty()
        || aggregate.aggr_expr.iter().any(|aggregate| aggregate.contains_outer() || has_subquery(aggregate))
    {
        return Ok(false);
    }
    let LogicalPlan::Filter(filter) = aggregate.input.as_ref() else { return Ok(false) };
    let equal = |condition: &Expr| match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            matches!(
                (left.as_ref(), right.as_ref()),
                (Expr::Column(_), Expr::OuterReferenceColumn(..)) | (Expr::OuterReferenceColumn(..), Expr::Column(_))
            )
        }
        _ => false,
    };
    let conditions = split_conjunction(&filter.predicate);
    Ok(outer_columns(&filter.input)?.is_empty()
        && conditions.into_iter().all(|condition| equal(condition) || !(condition.contains_outer() || has_subquery(condition))))
}
