//! Tags over the same source, computed together.
//!
//! Each tag is a query of its own. Its plan is taken apart from the top, as far as the parts can be put together again with those of
//! other tags: projections and aliases are folded into the expressions above them, filters are collected, at most one aggregation by
//! the key is passed, and what is left at the bottom is the *source*. Tags of equal sources, keys and kind share one scan and one
//! aggregation:
//!
//! ```text
//! SELECT customer_id, CASE WHEN sum(amount) > 500 … FROM orders GROUP BY customer_id      Projection: key, tag a, tag b
//! SELECT customer_id, count(*) FROM orders WHERE status = 'paid' GROUP BY customer_id  ⇒    Aggregate: customer_id, [sum(amount),
//!                                                                                             count(*) FILTER (WHERE status = 'paid')]
//!                                                                                             orders
//! ```
//! Conditions that all of them have stay below the aggregation, where they reach the scan; others become filters of the calls, and a
//! tag whose conditions no row of a customer meets has no value. Tags of rows as they are, without aggregation, join the profile's own
//! scan when they have its source and key; otherwise they are brought to one row a key, with the smallest and the largest value, so
//! that a customer with two is found.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, DFSchemaRef, Result, ScalarValue};
use datafusion::functions_aggregate::expr_fn::{array_agg, count, max, min};
use datafusion::functions_nested::expr_fn::{array_sort, make_array};
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::utils::COUNT_STAR_EXPANSION;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Aggregate, Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, cast, lit, when};

/// The column of the key in every group.
pub const KEY: &str = "key";

/// A query giving key and values, to be combined with others.
#[derive(Debug, Clone)]
pub struct Piece {
    pub plan: LogicalPlan,
    /// The names of its values, in the order of the plan's columns after the key.
    pub names: Vec<String>,
    /// A tag that may have several values: they become a list.
    pub multiple: bool,
}

/// Pieces that are computed together: key, one column a value, each key once unless it is the profile's own.
#[derive(Debug, Clone)]
pub struct Group {
    pub plan: LogicalPlan,
}

/// The column in which a group gives another value than the first of a key that has two.
pub fn conflict_of(tag: &str) -> String {
    format!("other:{tag}")
}

/// A plan taken apart.
#[derive(Debug, Clone)]
struct Parts {
    source: LogicalPlan,
    /// Conditions on rows of the source.
    filters: Vec<Expr>,
    aggregation: Option<Aggregation>,
    /// Over the source, or over the aggregation when there is one.
    key: Expr,
    values: Vec<Expr>,
    /// Conditions on groups.
    having: Vec<Expr>,
}

#[derive(Debug, Clone)]
struct Aggregation {
    /// What is grouped by, over the source.
    by: Expr,
    /// The calls, over the source, and the names that expressions above know them by.
    calls: Vec<(Column, Expr)>,
}

/// Puts pieces together. The first is the profile itself; its group comes first.
///
/// # Errors
/// What the parts cannot be planned to; a fault of the program.
pub fn combine(pieces: Vec<Piece>, key_type: &DataType) -> Result<Vec<Group>> {
    let mut together: Vec<Vec<(Piece, Parts)>> = vec![];
    for (index, piece) in pieces.into_iter().enumerate() {
        let parts = take_apart(&piece.plan)?;
        let joins = |members: &Vec<(Piece, Parts)>, first: bool| {
            let Some((other_piece, other)) = members.first() else { return false };
            let same = other.source == parts.source;
            match (&other.aggregation, &parts.aggregation) {
                (Some(one), Some(two)) => same && one.by == two.by,
                (None, None) if first => {
                    // A row of the profile's own is there once; the tag must be of these rows and no others.
                    let inside = other.filters.iter().all(|filter| parts.filters.contains(filter));
                    same && other.key == parts.key && !piece.multiple && inside
                }
                (None, None) => same && other.key == parts.key && other_piece.multiple == piece.multiple,
                _ => false,
            }
        };
        let place = together.iter().enumerate().find(|(place, members)| index > 0 && joins(members, *place == 0));
        match place.map(|(place, _)| place) {
            Some(place) => together[place].push((piece, parts)),
            None => together.push(vec![(piece, parts)]),
        }
    }
    let groups = together.into_iter().enumerate().map(|(index, members)| build(members, key_type, index == 0));
    groups.collect()
}

/// Takes a plan apart as far as its parts can be put together again.
fn take_apart(plan: &LogicalPlan) -> Result<Parts> {
    let mut outputs = plan.schema().columns().into_iter().map(Expr::Column).collect::<Vec<_>>();
    let mut filters: Vec<Expr> = vec![];
    let mut plan = plan.clone();
    // Down to the aggregation, or to the source.
    loop {
        plan = match plan {
            LogicalPlan::Aggregate(aggregate) if is_by_key(&aggregate, outputs.first()) => {
                let columns = aggregate.schema.columns();
                let mut calls: Vec<Expr> = aggregate.aggr_expr.clone();
                let mut below = vec![aggregate.group_expr[0].clone()];
                below.append(&mut calls);
                let (source, mut below, source_filters) = descend(Arc::unwrap_or_clone(aggregate.input), below, vec![])?;
                let by = below.remove(0);
                let calls = columns.into_iter().skip(1).zip(below).collect();
                let key = outputs.remove(0);
                let aggregation = Some(Aggregation { by, calls });
                return Ok(Parts { source, filters: source_filters, aggregation, key, values: outputs, having: filters });
            }
            other => match step(other, &mut outputs, &mut filters)? {
                Step::Down(below) => below,
                Step::Stop(source) => {
                    let key = outputs.remove(0);
                    return Ok(Parts { source, filters, aggregation: None, key, values: outputs, having: vec![] });
                }
            },
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

/// True for expressions that mean the same in another place: no chance in them, and no subquery, which looks at more than its row.
fn can_move(expression: &Expr) -> bool {
    let has_subquery = expression.exists(|part| {
        Ok(matches!(part, Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_)))
    });
    !expression.is_volatile() && !has_subquery.unwrap_or(true)
}

enum Step {
    Down(LogicalPlan),
    Stop(LogicalPlan),
}

/// Folds one node into the expressions above it.
fn step(plan: LogicalPlan, outputs: &mut [Expr], filters: &mut Vec<Expr>) -> Result<Step> {
    match plan {
        LogicalPlan::Projection(projection) if projection.expr.iter().all(can_move) => {
            fold(outputs, filters, &projection.schema, |index| projection.expr[index].clone().unalias())?;
            Ok(Step::Down(Arc::unwrap_or_clone(projection.input)))
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let below = alias.input.schema().columns();
            fold(outputs, filters, &alias.schema, |index| Expr::Column(below[index].clone()))?;
            Ok(Step::Down(Arc::unwrap_or_clone(alias.input)))
        }
        LogicalPlan::Filter(filter) if can_move(&filter.predicate) => {
            filters.extend(split_conjunction_owned(filter.predicate));
            Ok(Step::Down(Arc::unwrap_or_clone(filter.input)))
        }
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => Ok(Step::Down(Arc::unwrap_or_clone(sort.input))),
        other => Ok(Step::Stop(other)),
    }
}

/// Below an aggregation: down to the source.
fn descend(mut plan: LogicalPlan, mut outputs: Vec<Expr>, mut filters: Vec<Expr>) -> Result<(LogicalPlan, Vec<Expr>, Vec<Expr>)> {
    loop {
        plan = match step(plan, &mut outputs, &mut filters)? {
            Step::Down(below) => below,
            Step::Stop(source) => return Ok((source, outputs, filters)),
        };
    }
}

/// Replaces the columns of a node by what they are below it.
fn fold(outputs: &mut [Expr], filters: &mut [Expr], schema: &DFSchemaRef, below: impl Fn(usize) -> Expr) -> Result<()> {
    for expression in outputs.iter_mut().chain(filters.iter_mut()) {
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

/// An expression over one row of `relation`, when a plan is no more than that: what the derived tags are that need no other rows.
///
/// Gives the conditions and the values, over the columns of the scan of that table.
pub fn over_rows_of(plan: &LogicalPlan, table: &str, key: &str) -> Result<Option<(Vec<Expr>, Vec<Expr>)>> {
    let parts = take_apart(plan)?;
    let is_scan = matches!(&parts.source, LogicalPlan::TableScan(scan) if scan.table_name.table() == table);
    let is_key = matches!(&parts.key, Expr::Column(column) if column.name == key);
    Ok((is_scan && is_key && parts.aggregation.is_none()).then_some((parts.filters, parts.values)))
}

fn build(members: Vec<(Piece, Parts)>, key_type: &DataType, is_profile: bool) -> Result<Group> {
    let Some((_, first)) = members.first() else { return datafusion::common::internal_err!("a group of no tags") };
    // What all have in common reaches the scan.
    let common: Vec<Expr> = match is_profile {
        true => first.filters.clone(),
        false => {
            let in_all = |filter: &&Expr| members.iter().all(|(_, parts)| parts.filters.contains(filter));
            first.filters.iter().filter(in_all).cloned().collect()
        }
    };
    let mut source = LogicalPlanBuilder::from(first.source.clone());
    if let Some(predicate) = conjunction(common.clone()) {
        source = source.filter(predicate)?;
    }
    let plan = if first.aggregation.is_some() {
        aggregated(members, source, &common, key_type)?
    } else {
        rows(members, source, &common, key_type, is_profile)?
    };
    Ok(Group { plan })
}

/// The conditions of a member beyond the common ones.
fn rest(parts: &Parts, common: &[Expr]) -> Option<Expr> {
    conjunction(parts.filters.iter().filter(|filter| !common.contains(filter)).cloned())
}

/// A value only where a condition holds.
fn only_when(condition: Option<Expr>, value: Expr) -> Result<Expr> {
    match condition {
        Some(condition) => when(condition, value).end(),
        None => Ok(value),
    }
}

fn aggregated(
    members: Vec<(Piece, Parts)>,
    source: LogicalPlanBuilder,
    common: &[Expr],
    key_type: &DataType,
) -> Result<LogicalPlan> {
    let mut calls: Vec<Expr> = vec![];
    let mut call = |expression: Expr| -> Expr {
        let place = calls.iter().position(|other| *other == expression).unwrap_or_else(|| {
            calls.push(expression);
            calls.len() - 1
        });
        Expr::Column(Column::new_unqualified(format!("call {place}")))
    };
    let mut by = None;
    let mut columns = vec![];
    for (piece, parts) in members {
        let Some(aggregation) = parts.aggregation.clone() else { continue };
        let rest = rest(&parts, common);
        let mut replacements = vec![];
        for (column, expression) in aggregation.calls {
            let expression = match &rest {
                Some(condition) => filtered(expression.unalias(), condition)?,
                None => expression.unalias(),
            };
            replacements.push((column, call(expression)));
        }
        let mut conditions = vec![];
        if let Some(rest) = rest {
            conditions.push(call(count(Expr::Literal(COUNT_STAR_EXPANSION, None)).filter(rest).build()?).gt(lit(0_i64)));
        }
        if let Expr::Column(key) = &parts.key {
            replacements.push((key.clone(), Expr::Column(Column::new_unqualified(KEY))));
        }
        for having in parts.having {
            conditions.push(substitute(having, &replacements)?);
        }
        let condition = conjunction(conditions);
        for (name, value) in piece.names.iter().zip(parts.values) {
            let value = only_when(condition.clone(), substitute(value, &replacements)?)?;
            columns.push((name.clone(), value, piece.multiple));
        }
        by = Some(aggregation.by);
    }
    let by = by.into_iter().map(|by| by.alias(KEY));
    let calls = calls.iter().enumerate().map(|(place, call)| call.clone().alias(format!("call {place}")));
    let plan = source.aggregate(by, calls.collect::<Vec<_>>())?.build()?;
    let key = cast(Expr::Column(Column::new_unqualified(KEY)), key_type.clone()).alias(KEY);
    let mut projected = vec![key];
    for (name, value, multiple) in columns {
        let value = if multiple { when(value.clone().is_not_null(), make_array(vec![value])).end()? } else { value };
        projected.push(value.alias(name));
    }
    LogicalPlanBuilder::from(plan).project(projected)?.build()
}

/// An aggregate call over the rows that meet a condition.
fn filtered(call: Expr, condition: &Expr) -> Result<Expr> {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = call else {
        return datafusion::common::internal_err!("an aggregate call was expected, got {call}");
    };
    let filter = match params.filter {
        Some(filter) => filter.and(condition.clone()),
        None => condition.clone(),
    };
    let params = AggregateFunctionParams { filter: Some(Box::new(filter)), ..params };
    Ok(Expr::AggregateFunction(AggregateFunction { func, params }))
}

fn rows(
    members: Vec<(Piece, Parts)>,
    source: LogicalPlanBuilder,
    common: &[Expr],
    key_type: &DataType,
    is_profile: bool,
) -> Result<LogicalPlan> {
    let mut projected = vec![];
    let mut names = vec![];
    for (piece, parts) in members {
        if projected.is_empty() {
            projected.push(cast(parts.key.clone(), key_type.clone()).alias(KEY));
        }
        let rest = rest(&parts, common);
        for (name, value) in piece.names.iter().zip(parts.values) {
            projected.push(only_when(rest.clone(), value)?.alias(name));
            names.push((name.clone(), piece.multiple));
        }
    }
    let plan = source.project(projected)?;
    if is_profile {
        return plan.build();
    }
    // One row a key. The names are quoted as they stand.
    let column = |name: &str| Expr::Column(Column::new_unqualified(name));
    let mut calls = vec![];
    let mut values = vec![column(KEY)];
    for (name, multiple) in names {
        let value = column(&name);
        if multiple {
            let call = array_agg(value.clone()).distinct().filter(value.is_not_null()).build()?;
            calls.push(call.alias(&name));
            values.push(array_sort(column(&name), lit("ASC"), lit("NULLS LAST")).alias(name));
        } else {
            let (least, most) = (format!("least:{name}"), format!("most:{name}"));
            calls.push(min(value.clone()).alias(&least));
            calls.push(max(value).alias(&most));
            values.push(column(&least).alias(&name));
            values.push(when(column(&least).not_eq(column(&most)), column(&most)).end()?.alias(conflict_of(&name)));
        }
    }
    plan.aggregate(vec![column(KEY)], calls)?.project(values)?.build()
}

/// A NULL of a type, for columns that a group does not have.
pub fn null_of(data_type: &DataType) -> Result<Expr> {
    Ok(lit(ScalarValue::try_from(data_type)?))
}
