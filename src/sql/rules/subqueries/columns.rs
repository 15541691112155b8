//! Outer columns of a subquery: finding them, and replacing them.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::expr::{Exists, InSubquery, SetComparison};
use datafusion::logical_expr::{Expr, LogicalPlan, Subquery};

use crate::sql::rules::input_schema;
use crate::walk::{PlanTree, Tree};

/// The outer columns that a plan refers to, without duplicates, in the order they occur.
pub fn outer_columns(plan: &LogicalPlan) -> Result<Vec<(Column, FieldRef)>> {
    let mut found = vec![];
    plan.each_part(|node| {
        node.each_expression(|expression| {
            of_expression(expression, node, &mut found)?;
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

fn of_expression(expression: &Expr, node: &LogicalPlan, found: &mut Vec<(Column, FieldRef)>) -> Result<()> {
    expression.each_part(|part| {
        match part {
            Expr::OuterReferenceColumn(field, column) => add(column, field, found),
            _ => {
                if let Some(subquery) = subquery_of(part) {
                    // Columns that a nested subquery takes from this node are not outer columns of the plan.
                    let own = input_schema(node)?;
                    for (column, field) in outer_columns(&subquery.subquery)? {
                        if !own.has_column(&column) {
                            add(&column, &field, found);
                        }
                    }
                }
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

fn add(column: &Column, field: &FieldRef, found: &mut Vec<(Column, FieldRef)>) {
    if !found.iter().any(|(known, _)| known == column) {
        found.push((column.clone(), Arc::clone(field)));
    }
}

/// The subquery of the expression itself, not of its parts.
pub fn subquery_of(expression: &Expr) -> Option<&Subquery> {
    match expression {
        Expr::ScalarSubquery(subquery)
        | Expr::Exists(Exists { subquery, .. })
        | Expr::InSubquery(InSubquery { subquery, .. })
        | Expr::SetComparison(SetComparison { subquery, .. }) => Some(subquery),
        _ => None,
    }
}

/// Replaces outer columns by columns of the plan.
pub struct Bound(pub HashMap<Column, Column>);

impl Bound {
    /// The expression with outer columns replaced.
    pub fn expression(&self, expression: &Expr) -> Result<Expr> {
        let bound = expression.clone().changed_up(|part| {
            Ok(match part {
                Expr::OuterReferenceColumn(field, column) => match self.0.get(&column) {
                    Some(own) => Transformed::yes(Expr::Column(own.clone())),
                    None => Transformed::no(Expr::OuterReferenceColumn(field, column)),
                },
                Expr::ScalarSubquery(subquery) => Transformed::yes(Expr::ScalarSubquery(self.within(subquery)?)),
                Expr::Exists(Exists { subquery, negated }) => {
                    Transformed::yes(Expr::Exists(Exists { subquery: self.within(subquery)?, negated }))
                }
                Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                    Transformed::yes(Expr::InSubquery(InSubquery { expr, subquery: self.within(subquery)?, negated }))
                }
                other => Transformed::no(other),
            })
        })?;
        Ok(bound.data)
    }

    /// A nested subquery, in which the replaced columns are still outer ones.
    fn within(&self, subquery: Subquery) -> Result<Subquery> {
        let renamed = |expression: Expr| {
            expression.changed_up(|part| {
                Ok(match part {
                    Expr::OuterReferenceColumn(field, column) => match self.0.get(&column) {
                        Some(own) => Transformed::yes(Expr::OuterReferenceColumn(field, own.clone())),
                        None => Transformed::no(Expr::OuterReferenceColumn(field, column)),
                    },
                    other => Transformed::no(other),
                })
            })
        };
        let plan = subquery.subquery.as_ref().clone();
        let plan = plan.changed_down_with_subqueries(|node| node.changed_expressions(renamed))?.data;
        let outer_ref_columns = subquery.outer_ref_columns.into_iter().map(|column| Ok(renamed(column)?.data));
        Ok(Subquery {
            subquery: Arc::new(plan),
            outer_ref_columns: outer_ref_columns.collect::<Result<_>>()?,
            spans: subquery.spans,
        })
    }
}
