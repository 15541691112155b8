//! `INTERSECT ALL` and `EXCEPT ALL` count rows: if a row occurs three times on the left and twice on the right, INTERSECT keeps two and
//! EXCEPT keeps one.
//!
//! DataFusion only checks whether the right side has the row at all. This rule numbers the copies of each row on both sides and compares
//! the numbers too, so the third copy has no match.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, NullEquality, Result};
use datafusion::config::ConfigOptions;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{Expr, ExprFunctionExt, Join, JoinType, LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::AnalyzerRule;

use crate::walk::PlanTree;

/// The column with the number of the copy; no user column has this name.
const COPY: &str = "?copy?";

/// Runs before other rules change the joins that DataFusion plans for these.
#[derive(Debug)]
pub struct CountedRows;

impl AnalyzerRule for CountedRows {
    fn name(&self) -> &'static str {
        "counted_rows"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let counted = plan.changed_up_with_subqueries(|plan| match &plan {
            LogicalPlan::Join(join) if is_of_all(join) => Ok(Transformed::yes(counted(join)?)),
            _ => Ok(Transformed::no(plan)),
        })?;
        Ok(counted.data)
    }
}

/// True for the join that `INTERSECT ALL` or `EXCEPT ALL` is planned as: it compares all columns by position, NULL equals NULL, and the
/// left side is not distinct (without ALL it would be).
fn is_of_all(join: &Join) -> bool {
    let (left, right) = (join.left.schema().columns(), join.right.schema().columns());
    let is_pair = |((own, other), (left, right)): ((&Column, &Column), &(Expr, Expr))| matches!((left, right), (Expr::Column(left), Expr::Column(right)) if left == own && right == other);
    matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti)
        && join.null_equality == NullEquality::NullEqualsNull
        && join.filter.is_none()
        && !matches!(join.left.as_ref(), LogicalPlan::Distinct(_))
        && join.on.len() == left.len()
        && left.iter().zip(&right).zip(&join.on).all(is_pair)
        && !left.iter().any(|column| column.name == COPY)
}

fn counted(join: &Join) -> Result<LogicalPlan> {
    let numbered = |side: &LogicalPlan| {
        let columns: Vec<Expr> = side.schema().columns().into_iter().map(Expr::Column).collect();
        let number = row_number().partition_by(columns).build()?.alias(COPY);
        LogicalPlanBuilder::from(side.clone()).window([number])?.build()
    };
    let copy = Column::new_unqualified(COPY);
    let with_copy = |side: &LogicalPlan| side.schema().columns().into_iter().chain([copy.clone()]).collect::<Vec<_>>();
    let own: Vec<Expr> = join.left.schema().columns().into_iter().map(Expr::Column).collect();
    LogicalPlanBuilder::from(numbered(&join.left)?)
        .join_detailed(
            numbered(&join.right)?,
            join.join_type,
            (with_copy(&join.left), with_copy(&join.right)),
            None,
            NullEquality::NullEqualsNull,
        )?
        .project(own)?
        .build()
}
