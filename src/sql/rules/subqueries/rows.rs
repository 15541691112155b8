//! Rows of VALUES with subqueries, `VALUES (1, (SELECT max(a) FROM t))`: each becomes a query of its own, in the order in which they are written.
//!
//! The engine computes all of VALUES while it plans, before there is a value of a subquery.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Union, Values, lit};

use super::engine::has_subquery;
use crate::walk::PlanTree;

/// The column with the number of the row; no user column has this name.
const ROW: &str = "?row?";

/// Replaces VALUES with subqueries.
pub fn as_queries(plan: LogicalPlan) -> Result<LogicalPlan> {
    let replaced = plan.changed_up_with_subqueries(|plan| match plan {
        LogicalPlan::Values(values) if values.values.iter().flatten().any(has_subquery) => {
            Ok(Transformed::yes(of_values(&values)?))
        }
        other => Ok(Transformed::no(other)),
    })?;
    if !replaced.transformed {
        return Ok(replaced.data);
    }
    // A column of VALUES may always be NULL, and one of queries may not be.
    Ok(replaced.data.changed_up_with_subqueries(|plan| Ok(Transformed::yes(plan.recompute_schema()?)))?.data)
}

fn of_values(values: &Values) -> Result<LogicalPlan> {
    let columns = values.schema.columns();
    let of_row = |(number, row): (i64, &Vec<Expr>)| {
        let named = row.iter().zip(&columns).map(|(value, column)| value.clone().alias(&column.name));
        let numbered = named.chain([lit(number).alias(ROW)]).collect::<Vec<_>>();
        LogicalPlanBuilder::empty(true).project(numbered)?.build().map(Arc::new)
    };
    let queries = (0..).zip(&values.values).map(of_row).collect::<Result<Vec<_>>>()?;
    let all = match queries.as_slice() {
        [only] => only.as_ref().clone(),
        _ => LogicalPlan::Union(Union::try_new_with_loose_types(queries)?),
    };
    let own: Vec<Expr> = columns.into_iter().map(Expr::Column).collect();
    let row = Expr::Column(Column::new_unqualified(ROW));
    LogicalPlanBuilder::from(all).sort([row.sort(true, false)])?.project(own)?.build()
}
