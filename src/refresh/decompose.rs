//! A query of key and values taken apart, so that it can be put together again with others.
//!
//! From the top of its plan downwards, projections and aliases are folded into the expressions above them and filters are
//! collected; at most one aggregation by the key is passed; the plan that is left at the bottom is the *source*. Nothing is known of
//! the source but that equal plans give equal rows. Where a part cannot be moved the descent ends, and that part belongs to
//! the source: such a query is computed rightly, and shares less.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, DFSchemaRef, Result, TableReference};
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan};

/// A query taken apart.
#[derive(Debug, Clone)]
pub struct QueryParts {
    pub source: LogicalPlan,
    /// Conditions on rows of the source, in the order that they are asked in: one may fail where those before it do not hold.
    pub conditions: Vec<Expr>,
    pub aggregation: Option<Aggregation>,
    /// Over the source, or over the aggregation when there is one; so are the values.
    pub key: Expr,
    pub values: Vec<Expr>,
    /// Conditions on the groups of the aggregation, likewise.
    pub having: Vec<Expr>,
}

/// An aggregation by one expression.
#[derive(Debug, Clone)]
pub struct Aggregation {
    /// What is grouped by, over the source.
    pub by: Expr,
    /// The calls, over the source, and the columns that expressions above know them by.
    pub calls: Vec<(Column, Expr)>,
}

/// A value computed of one row of a table: what a derived tag is that needs no other customers, and what every segment is.
#[derive(Debug, Clone)]
pub struct RowExpression {
    /// Where one of these does not hold there is no value, and those after it are not asked.
    pub conditions: Vec<Expr>,
    /// Over the columns of the table's scan, as the conditions are.
    pub value: Expr,
}

/// The expression that a query of key and value is, when it looks at nothing but the row of `table` with that key.
///
/// # Errors
/// A fault of the program.
pub fn over_own_row(plan: &LogicalPlan, table: &TableReference, key: &str) -> Result<Option<RowExpression>> {
    let parts = decompose(plan)?;
    let is_scan = matches!(&parts.source, LogicalPlan::TableScan(scan)
        if scan.table_name.table() == table.table() && scan.table_name.schema() == table.schema());
    let is_key = matches!(&parts.key, Expr::Column(column) if column.name == key);
    let value = parts.values.into_iter().next().filter(|_| is_scan && is_key && parts.aggregation.is_none());
    Ok(value.map(|value| RowExpression { conditions: parts.conditions, value }))
}

/// Takes a query apart as far as its parts can be put together again.
///
/// # Errors
/// A fault of the program.
pub fn decompose(plan: &LogicalPlan) -> Result<QueryParts> {
    let mut outputs: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
    let mut conditions = vec![];
    let top = descend(plan.clone(), &mut outputs, &mut conditions)?;
    match top {
        LogicalPlan::Aggregate(aggregate) if is_by_key(&aggregate, outputs.first()) => {
            let columns = aggregate.schema.columns().into_iter().skip(1);
            // Below the aggregation, what is folded are its own expressions; what was collected above are conditions on groups.
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

/// Folds nodes into the expressions above them, down to the first that cannot be folded, which is given back.
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
                // The lower filter comes first: it protects those above it.
                conditions.splice(0..0, split_conjunction_owned(filter.predicate));
                Arc::unwrap_or_clone(filter.input)
            }
            // An order without a limit means nothing to what is merged by key or aggregated above it.
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => Arc::unwrap_or_clone(sort.input),
            other => return Ok(other),
        };
    }
}

/// True for an aggregation by one expression, which the key is.
fn is_by_key(aggregate: &Aggregate, key: Option<&Expr>) -> bool {
    let Some(Expr::Column(key)) = key else { return false };
    let is_plain = aggregate.group_expr.len() == 1 && !matches!(aggregate.group_expr[0], Expr::GroupingSet(_));
    let expressions = aggregate.group_expr.iter().chain(&aggregate.aggr_expr);
    is_plain && aggregate.schema.maybe_index_of_column(key) == Some(0) && expressions.into_iter().all(can_move)
}

/// True for expressions that mean the same in another place: no chance in them, which would be drawn once for all instead of once for
/// each, and no subquery, which looks at more than its row and would be planned in another scope.
fn can_move(expression: &Expr) -> bool {
    let has_subquery = expression.exists(|part| {
        Ok(matches!(part, Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_)))
    });
    !expression.is_volatile() && !has_subquery.unwrap_or(true)
}

/// Replaces the columns of a node by what they are below it.
fn fold(outputs: &mut [Expr], conditions: &mut [Expr], schema: &DFSchemaRef, below: impl Fn(usize) -> Expr) -> Result<()> {
    for expression in outputs.iter_mut().chain(conditions.iter_mut()) {
        let replaced = std::mem::take(expression).transform(|part| match &part {
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
/// A fault of the program.
pub fn substitute(expression: Expr, replacements: &[(Column, Expr)]) -> Result<Expr> {
    let replaced = expression.transform(|part| {
        let found = match &part {
            Expr::Column(column) => replacements.iter().find(|(other, _)| other == column).map(|(_, new)| new.clone()),
            _ => None,
        };
        Ok(found.map_or_else(|| Transformed::no(part), Transformed::yes))
    });
    replaced.data()
}
