//! Decomposes a query of key and values so that it can be combined with others.
//!
//! From the top of the plan downwards, projections and aliases are folded into the expressions above them and filters are collected. At
//! most one aggregation by the key is passed. The plan left at the bottom is the *source*; all that is known of it is that equal plans give
//! equal rows. The descent stops at the first part that cannot be moved, which then belongs to the source: such a query is still computed
//! correctly, but shares less.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{Column, DFSchemaRef, Result, TableReference};
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan};

use crate::walk::Tree;

/// A decomposed query.
#[derive(Debug, Clone)]
pub struct QueryParts {
    pub source: LogicalPlan,
    /// Conditions on rows of the source, in evaluation order: a condition may fail on rows that an earlier one would have removed.
    pub conditions: Vec<Expr>,
    pub aggregation: Option<Aggregation>,
    /// The key; like the values, an expression over the aggregation if there is one, and over the source otherwise.
    pub key: Expr,
    pub values: Vec<Expr>,
    /// Conditions on the groups of the aggregation, also in evaluation order.
    pub having: Vec<Expr>,
}

/// An aggregation by one expression.
#[derive(Debug, Clone)]
pub struct Aggregation {
    /// The grouping expression, over the source.
    pub by: Expr,
    /// The aggregate calls, over the source, each with the column by which the expressions above refer to it.
    pub calls: Vec<(Column, Expr)>,
}

/// A value computed from one row of a table: every segment, and every derived tag that does not look at other customers.
#[derive(Debug, Clone)]
pub struct RowExpression {
    /// Conditions in evaluation order. Where one does not hold, the value is NULL and later conditions are not evaluated.
    pub conditions: Vec<Expr>,
    /// Over the columns of the table's scan, like the conditions.
    pub value: Expr,
}

/// The query as an expression over one row of `table`, when it reads nothing but the row with its key; `None` otherwise.
///
/// # Errors
/// Internal errors only.
pub fn over_own_row(plan: &LogicalPlan, table: &TableReference, key: &str) -> Result<Option<RowExpression>> {
    let parts = decompose(plan)?;
    let is_scan = matches!(&parts.source, LogicalPlan::TableScan(scan)
        if scan.table_name.table() == table.table() && scan.table_name.schema() == table.schema());
    let is_key = matches!(&parts.key, Expr::Column(column) if column.name == key);
    let value = parts.values.into_iter().next().filter(|_| is_scan && is_key && parts.aggregation.is_none());
    Ok(value.map(|value| RowExpression { conditions: parts.conditions, value }))
}

/// Decomposes a query as far as its parts can be combined again.
///
/// # Errors
/// Internal errors only.
pub fn decompose(plan: &LogicalPlan) -> Result<QueryParts> {
    let mut outputs: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
    let mut conditions = vec![];
    let top = descend(plan.clone(), &mut outputs, &mut conditions)?;
    match top {
        LogicalPlan::Aggregate(aggregate) if is_by_key(&aggregate, outputs.first()) => {
            let columns = aggregate.schema.columns().into_iter().skip(1);
            // Below the aggregation, its own expressions are folded into; the conditions collected above it are conditions on groups.
            let mut inner: Vec<Expr> = aggregate.group_expr.iter().chain(&aggregate.aggr_expr).cloned().collect();
            let mut below = vec![];
            let source = descend(Arc::unwrap_or_clone(Arc::clone(&aggregate.input)), &mut inner, &mut below)?;
            let by = inner.remove(0);
            let aggregation = Some(Aggregation { by, calls: columns.zip(inner).collect() });
            let key = outputs.remove(0);
            Ok(QueryParts { source, conditions: below, aggregation, key, values: outputs, having: conditions })
        }
        source => {
            let key = outputs.remove(0);
            Ok(QueryParts { source, conditions, aggregation: None, key, values: outputs, having: vec![] })
        }
    }
}

/// Folds nodes into the expressions above them and returns the first node that cannot be folded.
fn descend(mut plan: LogicalPlan, outputs: &mut [Expr], conditions: &mut Vec<Expr>) -> Result<LogicalPlan> {
    loop {
        plan = match plan {
            LogicalPlan::Projection(projection) if projection.expr.iter().all(can_move) => {
                fold(outputs, conditions, &projection.schema, |index| projection.expr[index].clone().unalias())?;
                Arc::unwrap_or_clone(projection.input)
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let below = alias.input.schema().columns();
                fold(outputs, conditions, &alias.schema, |index| Expr::Column(below[index].clone()))?;
                Arc::unwrap_or_clone(alias.input)
            }
            LogicalPlan::Filter(filter) if can_move(&filter.predicate) => {
                // The lower filter goes first: it protects the ones above it.
                conditions.splice(0..0, split_conjunction_owned(filter.predicate));
                Arc::unwrap_or_clone(filter.input)
            }
            // Without a limit, the order is irrelevant: the rows are aggregated or merged by key above.
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => Arc::unwrap_or_clone(sort.input),
            other => return Ok(other),
        };
    }
}

/// True for an aggregation by a single expression, which is the key.
fn is_by_key(aggregate: &Aggregate, key: Option<&Expr>) -> bool {
    let Some(Expr::Column(key)) = key else { return false };
    let is_plain = aggregate.group_expr.len() == 1 && !matches!(aggregate.group_expr[0], Expr::GroupingSet(_));
    let expressions = aggregate.group_expr.iter().chain(&aggregate.aggr_expr);
    is_plain && aggregate.schema.maybe_index_of_column(key) == Some(0) && expressions.into_iter().all(can_move)
}

/// True for expressions that mean the same elsewhere in the plan. A volatile one does not: it would be computed once for all members instead
/// of once for each. A subquery does not either: it looks at more than one row, and would be planned in another scope.
fn can_move(expression: &Expr) -> bool {
    let has_subquery = expression.any_part(|part| {
        Ok(matches!(part, Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_)))
    });
    !expression.is_volatile() && !has_subquery.unwrap_or(true)
}

/// Replaces the columns of a node by the expressions below it.
fn fold(outputs: &mut [Expr], conditions: &mut [Expr], schema: &DFSchemaRef, below: impl Fn(usize) -> Expr) -> Result<()> {
    for expression in outputs.iter_mut().chain(conditions.iter_mut()) {
        let replaced = std::mem::take(expression).changed_up(|part| match &part {
            Expr::Column(column) => Ok(match schema.maybe_index_of_column(column) {
                Some(index) => Transformed::yes(below(index)),
                None => Transformed::no(part),
            }),
            _ => Ok(Transformed::no(part)),
        });
        *expression = replaced.data()?;
    }
    Ok(())
}

/// Replaces columns by expressions.
///
/// # Errors
/// Internal errors only.
pub fn substitute(expression: Expr, replacements: &[(Column, Expr)]) -> Result<Expr> {
    let replaced = expression.changed_up(|part| {
        let found = match &part {
            Expr::Column(column) => replacements.iter().find(|(other, _)| other == column).map(|(_, new)| new.clone()),
            _ => None,
        };
        Ok(found.map_or_else(|| Transformed::no(part), Transformed::yes))
    });
    replaced.data()
}
