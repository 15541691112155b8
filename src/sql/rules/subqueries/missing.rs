//! `SELECT (SELECT 1 WHERE false)` is NULL: a scalar subquery without rows, over a column that is never NULL.
//!
//! DataFusion takes the value of a subquery to be never NULL where its column is not, and then fails.

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::builtins::only_row;
use crate::sql::rules::each_expression;
use crate::walk::PlanTree;

/// Marks the subqueries that may be NULL although their columns are not.
pub fn marked(plan: LogicalPlan) -> Result<LogicalPlan> {
    let marked = each_expression(plan, |part, _| {
        let may_be_missing = match &part {
            Expr::ScalarSubquery(subquery) => {
                let is_known = subquery.subquery.schema().fields().first().is_some_and(|field| !field.is_nullable());
                is_known && !gives_a_row(&subquery.subquery)
            }
            _ => false,
        };
        Ok(if may_be_missing { Transformed::yes(only_row::or_null(part)) } else { Transformed::no(part) })
    })?;
    if !marked.transformed {
        return Ok(marked.data);
    }
    Ok(marked.data.changed_up_with_subqueries(|plan| Ok(Transformed::yes(plan.recompute_schema()?)))?.data)
}

/// True for a plan that always returns a row.
fn gives_a_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::EmptyRelation(relation) => relation.produce_one_row,
        LogicalPlan::Projection(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Distinct(_) => plan.inputs().into_iter().all(gives_a_row),
        _ => false,
    }
}
