//! Names in ORDER BY, as in PostgreSQL: a name alone is a column of the result, and names within an expression, like names with their
//! table, are columns of FROM.
//!
//! DataFusion takes the alias for both, and refuses `t.a` beside an alias `a`. So in `SELECT abs(a) AS a … ORDER BY -a` the alias is
//! [marked](super::column_names), where `a` is known to be a column of FROM because the aliased expression, or one before it, reads it. In a
//! query with groups, that are the columns that ORDER BY aggregates, as in `SELECT sum(a) AS a … GROUP BY b ORDER BY max(a)`. A subquery in
//! FROM, whose names are read, is wrapped in one that gives the names back.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::common::Result;
use sqlparser::ast::{
    Expr, FunctionArguments, GroupByExpr, Ident, OrderBy, OrderByExpr, OrderByKind, Query, Select, SelectItem, SetExpr,
    TableFactor, Visitor,
};

use super::column_names::Place;
use crate::sql::command::normal;
use crate::sql::parser::parse_query;
use crate::text::marked;
use crate::walk::Walk;

/// Tells the columns of FROM in ORDER BY apart from those of the result.
///
/// # Errors
/// None for parsed queries.
pub fn tell_apart(query: &mut Query, place: Place) -> Result<()> {
    let Some(OrderBy { kind: OrderByKind::Expressions(order), .. }) = &mut query.order_by else { return Ok(()) };
    let SetExpr::Select(select) = query.body.as_mut() else { return Ok(()) };
    let read = Read::of(order);
    if read.within.is_empty() && read.of_tables.is_empty() {
        return Ok(());
    }
    by_alias(select, order, &read);
    let read = Read::of(order);
    let places: Vec<usize> = (0..select.projection.len()).filter(|place| is_hidden(select, *place, &read)).collect();
    if places.is_empty() || !(place == Place::Result || all_named(select)) || place == Place::Unseen {
        return Ok(());
    }
    let mut names = vec![];
    for (number, item) in select.projection.iter_mut().enumerate() {
        let Some(name) = called(item) else { continue };
        let hides = places.contains(&number);
        let own = if hides { marked(&name, number) } else { name.clone() };
        names.push((own.clone(), name.clone()));
        let SelectItem::ExprWithAlias { alias, .. } = item else { continue };
        if !hides {
            continue;
        }
        *alias = Ident::with_quote('"', own);
        for sort in order.iter_mut() {
            if matches!(&sort.expr, Expr::Identifier(alone) if normal(alone) == name) {
                sort.expr = Expr::Identifier(alias.clone());
            }
        }
    }
    if place == Place::Result { Ok(()) } else { wrap(query, &names) }
}

/// The names that ORDER BY reads otherwise than alone: without and with a table.
#[derive(Default)]
struct Read {
    within: HashSet<String>,
    of_tables: HashSet<String>,
    /// Those without a table that no aggregate reads.
    not_aggregated: HashSet<String>,
}

impl Read {
    fn of(order: &[OrderByExpr]) -> Self {
        let mut read = Self::default();
        for sort in order.iter().filter(|sort| !matches!(sort.expr, Expr::Identifier(_)) && !has_query(&sort.expr)) {
            let _ = sort.expr.each_expression(|part| {
                match part {
                    Expr::Identifier(name) => drop(read.within.insert(normal(name))),
                    Expr::CompoundIdentifier(names) => read.of_tables.extend(names.last().map(normal)),
                    _ => {}
                }
                ControlFlow::<()>::Continue(())
            });
            let mut outside = NotAggregated { names: &mut read.not_aggregated, within: 0 };
            let _ = sort.expr.walk(&mut outside);
        }
        read
    }

    fn has(&self, name: &str) -> bool {
        self.within.contains(name) || self.of_tables.contains(name)
    }
}

/// Finds the names that no aggregate reads.
struct NotAggregated<'a> {
    names: &'a mut HashSet<String>,
    /// The number of aggregates around.
    within: usize,
}

impl Visitor for NotAggregated<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        match expression {
            Expr::Identifier(name) if self.within == 0 => drop(self.names.insert(normal(name))),
            other => self.within += usize::from(is_aggregate(other)),
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        self.within -= usize::from(is_aggregate(expression));
        ControlFlow::Continue(())
    }
}

/// Sorts by the alias where the whole aliased expression stands in ORDER BY.
fn by_alias(select: &Select, order: &mut [OrderByExpr], read: &Read) {
    for item in &select.projection {
        let SelectItem::ExprWithAlias { expr, alias } = item else { continue };
        let is_alone =
            select.projection.iter().filter(|other| called(other).is_some_and(|name| name == normal(alias))).count() == 1;
        if !read.has(&normal(alias)) || is_column(expr) || !is_alone {
            continue;
        }
        for sort in order.iter_mut().filter(|sort| sort.expr == *expr) {
            sort.expr = Expr::Identifier(alias.clone());
        }
    }
}

/// True for an alias that hides a column of FROM from ORDER BY.
fn is_hidden(select: &Select, place: usize, read: &Read) -> bool {
    let Some(SelectItem::ExprWithAlias { expr, alias }) = select.projection.get(place) else { return false };
    let name = normal(alias);
    if select.distinct.is_some() || is_named(expr, &name) {
        return false;
    }
    // In a query with groups, FROM has no columns any more but those that are grouped.
    let has_groups = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(keys, modifiers) => !keys.is_empty() || !modifiers.is_empty(),
    };
    if select.having.is_some() || select.qualify.is_some() {
        return false;
    }
    if has_groups || select.projection.iter().any(aggregates) {
        return read.within.contains(&name) && !read.not_aggregated.contains(&name) && reads(expr, &name);
    }
    read.of_tables.contains(&name) || read.within.contains(&name) && is_read_before(&select.projection[..=place], &name)
}

/// True if the last of these items, or one before it, reads a column of FROM of this name: no alias before it has the name.
fn is_read_before(items: &[SelectItem], name: &str) -> bool {
    let reads_it = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } => reads(expression, name),
        _ => false,
    };
    let defines_it = |item: &SelectItem| matches!(item, SelectItem::ExprWithAlias { alias, .. } if normal(alias) == name);
    match items.split_last() {
        Some((last, before)) => !before.iter().any(defines_it) && (reads_it(last) || before.iter().any(reads_it)),
        None => false,
    }
}

fn is_column(expression: &Expr) -> bool {
    matches!(expression, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
}

/// True for the column of this name, alone.
fn is_named(expression: &Expr, name: &str) -> bool {
    match expression {
        Expr::Identifier(own) => normal(own) == name,
        Expr::CompoundIdentifier(names) => names.last().is_some_and(|own| normal(own) == name),
        Expr::Nested(within) => is_named(within, name),
        _ => false,
    }
}

fn reads(expression: &Expr, name: &str) -> bool {
    expression
        .each_expression(|part| if is_named(part, name) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        .is_break()
}

fn has_query(expression: &Expr) -> bool {
    struct Queries;
    impl Visitor for Queries {
        type Break = ();
        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }
    expression.walk(&mut Queries).is_break()
}

/// Aggregates that are common without GROUP BY; their result has one row, which needs no order.
const AGGREGATES: [&str; 9] = ["count", "sum", "avg", "mean", "min", "max", "median", "string_agg", "array_agg"];

fn aggregates(item: &SelectItem) -> bool {
    let (SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. }) = item else { return false };
    expression
        .each_expression(|part| if is_aggregate(part) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        .is_break()
}

fn is_aggregate(expression: &Expr) -> bool {
    matches!(expression, Expr::Function(call) if call.over.is_none()
        && matches!(call.args, FunctionArguments::List(_))
        && AGGREGATES.contains(&call.name.to_string().to_lowercase().as_str()))
}

/// The name of a column that has an alias, or is one.
fn called(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(normal(alias)),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(normal(name)),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => names.last().map(normal),
        _ => None,
    }
}

/// True if every column has a name, and each its own.
fn all_named(select: &Select) -> bool {
    let mut names = HashSet::new();
    select.projection.iter().all(|item| called(item).is_some_and(|name| names.insert(name)))
}

/// Puts a query into one that gives its columns the names that others read.
fn wrap(query: &mut Query, names: &[(String, String)]) -> Result<()> {
    let quoted = |name: &str| Ident::with_quote('"', name);
    let mut outer = parse_query("SELECT 1 FROM (SELECT 1) AS __sorted")?;
    let SetExpr::Select(select) = outer.body.as_mut() else { return Ok(()) };
    let item =
        |(own, name): &(String, String)| SelectItem::ExprWithAlias { expr: Expr::Identifier(quoted(own)), alias: quoted(name) };
    select.projection = names.iter().map(item).collect();
    let Some(TableFactor::Derived { subquery, .. }) = select.from.first_mut().map(|table| &mut table.relation) else {
        return Ok(());
    };
    moved(query, subquery);
    query.body = outer.body;
    Ok(())
}

/// Moves the query, without its WITH, which the outer query keeps.
fn moved(query: &mut Query, inner: &mut Query) {
    std::mem::swap(&mut query.body, &mut inner.body);
    inner.order_by = query.order_by.take();
    inner.limit_clause = query.limit_clause.take();
    inner.fetch = query.fetch.take();
}
