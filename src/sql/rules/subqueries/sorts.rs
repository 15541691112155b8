//! `SELECT name FROM t ORDER BY (SELECT count(*) FROM u WHERE u.k = t.k)`: a sort by a subquery with columns that are not selected.

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Column, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Sort};

use super::columns::{outer_columns, subquery_of};
use crate::walk::Tree;

/// The sort over rows that have the columns its subqueries use. The planner adds only those that its expressions use themselves.
pub fn with_columns(sort: Sort) -> Result<Sort> {
    let LogicalPlan::Projection(projection) = sort.input.as_ref() else { return Ok(sort) };
    let mut missing: Vec<Column> = vec![];
    for order in &sort.expr {
        order.expr.each_part(|part| {
            if let Some(subquery) = subquery_of(part) {
                for (column, _) in outer_columns(&subquery.subquery)? {
                    let is_beneath = projection.input.schema().has_column(&column) && !projection.schema.has_column(&column);
                    if is_beneath && !missing.contains(&column) {
                        missing.push(column);
                    }
                }
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    if missing.is_empty() {
        return Ok(sort);
    }
    let selected = projection.expr.iter().cloned().chain(missing.into_iter().map(Expr::Column));
    let rows = LogicalPlanBuilder::from(projection.input.as_ref().clone()).project(selected.collect::<Vec<_>>())?.build()?;
    Ok(Sort { input: rows.into(), ..sort })
}
