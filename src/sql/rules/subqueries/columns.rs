//! Columns of the query around a subquery: which there are, and others in their place.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::expr::{Exists, InSubquery, SetComparison};
use datafusion::logical_expr::{Expr, LogicalPlan, Subquery};

use crate::sql::rules::input_schema;

/// The columns that a plan takes from outside it, each once, in the order in which they are met.
pub fn outer_columns(plan: &LogicalPlan) -> Result<Vec<(Column, FieldRef)>> {
    let mut found = vec![];
    plan.apply(|node| {
        node.apply_expressions(|expression| {
            of_expression(expression, node, &mut found)?;
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

fn of_expression(expression: &Expr, node: &LogicalPlan, found: &mut Vec<(Column, FieldRef)>) -> Result<()> {
    expression.apply(|part| {
        match part {
            Expr::OuterReferenceColumn(field, column) => add(column, field, found),
            _ => {
                if let Some(subquery) = subquery_of(part) {
                    // What the subquery takes from this node is of this plan.
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

/// The subquery that an expression asks, itself and not in its parts.
pub fn subquery_of(expression: &Expr) -> Option<&Subquery> {
    match expression {
        Expr::ScalarSubquery(subquery)
        | Expr::Exists(Exists { subquery, .. })
        | Expr::InSubquery(InSubquery { subquery, .. })
        | Expr::SetComparison(SetComparison { subquery, .. }) => Some(subquery),
        _ => None,
    }
}

/// Columns of a plan in the place of columns from outside it.
pub struct Bound(pub HashMap<Column, Column>);

impl Bound {
    /// The expression with these columns.
    pub fn expression(&self, expression: &Expr) -> Result<Expr> {
        let bound = expression.clone().transform(|part| {
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

    /// A subquery within, for which these columns are outside still.
    fn within(&self, subquery: Subquery) -> Result<Subquery> {
        let renamed = |expression: Expr| {
            expression.transform(|part| {
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
        let plan = plan.transform_down_with_subqueries(|node| node.map_expressions(renamed))?.data;
        let outer_ref_columns = subquery.outer_ref_columns.into_iter().map(|column| Ok(renamed(column)?.data));
        Ok(Subquery {
            subquery: Arc::new(plan),
            outer_ref_columns: outer_ref_columns.collect::<Result<_>>()?,
            spans: subquery.spans,
        })
    }
}
