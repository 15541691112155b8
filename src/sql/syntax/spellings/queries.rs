//! Clauses of queries, and items of FROM.
//!
//! | written | rewritten to |
//! |---|---|
//! | `VALUES (DATE '2025-01-01'), ('2025-02-01')` in FROM | `VALUES (DATE '2025-01-01'), (CAST('2025-02-01' AS DATE))` |
//! | `SELECT TOP 3 …` | `… LIMIT 3` |
//! | `ORDER BY a FETCH FIRST 3 ROWS WITH TIES` | `QUALIFY rank() OVER (ORDER BY a) <= 3 ORDER BY a` |
//! | `ORDER BY a FETCH FIRST 5 PERCENT ROWS ONLY` | `QUALIFY row_number() OVER (ORDER BY a) <= ceil(count(*) OVER () * 5 / 100.0) ORDER BY a` |
//! | `MINUS` | `EXCEPT` |
//! | `t TABLESAMPLE (10 PERCENT)` | `(SELECT * FROM t WHERE random() < 0.1)` |
//! | `unnest(list) AS item` | `unnest(list) AS item(item)` |
//! | `unnest(list) WITH ORDINALITY AS u(item, place)` | `unnest(list, range(1, array_length(list) + 1)) AS u(item, place)` |
//! | `FROM DUAL` | no FROM clause |
//! | `SELECT t.* FROM s.t` | `SELECT s.t.* FROM s.t` |
//! | `ORDER BY ALL` after UNION | `ORDER BY 1, 2, …` |
//! | `SELECT *, a + 1 FROM t ORDER BY ALL` | `SELECT * FROM (SELECT *, a + 1 FROM t) ORDER BY ALL` |

use datafusion::common::Result;
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Fetch, Ident, LimitClause, NamedWindowDefinition, NamedWindowExpr, ObjectName,
    OrderBy, OrderByExpr, OrderByKind, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, SetOperator,
    TableAlias, TableAliasColumnDef, TableFactor, TableSampleKind, TableSampleUnit, TableWithJoins, TopQuantity, TypedString,
    Value, ValueWithSpan,
};

use super::intervals::one_form;
use crate::error::invalid;
use crate::sql::command::normal;
use crate::sql::parser::{parse_expression, parse_query};
use crate::sql::syntax::expression_macros::with;
use crate::sql::syntax::joins::name_of;
use crate::sql::syntax::rewritten::binary;

/// Rewrites one SELECT.
pub fn select(select: &mut Select) {
    for NamedWindowDefinition(_, named) in &mut select.named_window {
        if let NamedWindowExpr::WindowSpec(window) = named {
            one_form(window);
        }
    }
    whole_names(select);
    // The one-row table of Oracle and MySQL.
    let is_dual =
        |factor: &TableFactor| matches!(factor, TableFactor::Table { name, .. } if name.to_string().eq_ignore_ascii_case("dual"));
    if let [only] = select.from.as_slice()
        && only.joins.is_empty()
        && is_dual(&only.relation)
    {
        select.from.clear();
    }
}

/// `SELECT t.* FROM s.t` as `SELECT s.t.* FROM s.t`: the engine knows other columns of such a table by `t` as well.
fn whole_names(select: &mut Select) {
    let factors =
        select.from.iter().flat_map(|from| std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)));
    let last = |name: &ObjectName| name.0.last().and_then(|part| part.as_ident()).map(normal);
    let known = |factor: &TableFactor| match factor {
        TableFactor::Table { name, alias: None, .. } => last(name).map(|own| (own, (name.0.len() > 1).then(|| name.clone()))),
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::Function { alias: Some(alias), .. } => Some((normal(&alias.name), None)),
        _ => None,
    };
    let known: Vec<(String, Option<ObjectName>)> = factors.filter_map(known).collect();
    for item in &mut select.projection {
        let SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) = item else { continue };
        let (1, Some(own)) = (name.0.len(), last(&*name)) else { continue };
        if let [(_, Some(whole))] = known.iter().filter(|(other, _)| *other == own).collect::<Vec<_>>().as_slice() {
            *name = whole.clone();
        }
    }
}

/// Rewrites one query; its subqueries are visited separately.
pub fn query(query: &mut Query) {
    query.with.iter_mut().flat_map(|with| &mut with.cte_tables).for_each(|table| rows(&mut table.query));
    minus(&mut query.body);
    first_rows(query);
    top(query);
    order_by_all(query);
}

/// Writes a share of the rows, and rows with those that are equal to the last, as a condition on their place. Without ORDER BY, or beside
/// DISTINCT, LIMIT and OFFSET, they stay, and are refused.
fn first_rows(query: &mut Query) {
    let Query { body, limit_clause: None, fetch, order_by, .. } = query else { return };
    let Some(OrderBy { kind: OrderByKind::Expressions(order), .. }) = order_by else { return };
    let SetExpr::Select(select) = body.as_mut() else { return };
    let (percent, with_ties, count) = match (&select.top, &*fetch) {
        (None, Some(Fetch { with_ties, percent, quantity })) => {
            (*percent, *with_ties, quantity.as_ref().map_or_else(|| "1".to_string(), ToString::to_string))
        }
        (Some(top), None) => match &top.quantity {
            Some(TopQuantity::Expr(count)) => (top.percent, top.with_ties, count.to_string()),
            Some(TopQuantity::Constant(count)) => (top.percent, top.with_ties, count.to_string()),
            None => return,
        },
        (None, None) | (Some(_), Some(_)) => return,
    };
    if !(percent || with_ties) || select.distinct.is_some() || count.parse::<f64>().is_err() {
        return;
    }
    let Some(keys) = order.iter().map(|sort| sort_key(sort, &select.projection)).collect::<Option<Vec<_>>>() else { return };
    let place = if with_ties { "rank()" } else { "row_number()" };
    let most = if percent { format!("ceil(count(*) OVER () * {count} / 100.0)") } else { count };
    let Ok(condition) = parse_expression(&format!("{place} OVER (ORDER BY {}) <= {most}", keys.join(", "))) else { return };
    select.qualify = Some(match select.qualify.take() {
        Some(own) => binary(Expr::Nested(Box::new(own)), &BinaryOperator::And, condition),
        None => condition,
    });
    (select.top, *fetch) = (None, None);
}

/// What ORDER BY sorts by, with the expression in place of its number or its name in the list after SELECT.
fn sort_key(sort: &OrderByExpr, projection: &[SelectItem]) -> Option<String> {
    let mut sort = sort.clone();
    if let Expr::Value(ValueWithSpan { value: Value::Number(place, _), .. }) = &sort.expr {
        let place = place.parse::<usize>().ok()?.checked_sub(1)?;
        sort.expr = match projection.get(place)? {
            SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } => expression.clone(),
            _ => return None,
        };
    } else if let Expr::Identifier(name) = &sort.expr {
        let named = projection.iter().find_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } if normal(alias) == normal(name) => Some(expr.clone()),
            _ => None,
        });
        sort.expr = named.unwrap_or(sort.expr);
    }
    Some(sort.to_string())
}

fn top(query: &mut Query) {
    let Query { body, limit_clause, .. } = query;
    let SetExpr::Select(select) = body.as_mut() else { return };
    if let (Some(top), None) = (&select.top, &limit_clause)
        && !top.percent
        && !top.with_ties
    {
        let limit = match &top.quantity {
            Some(TopQuantity::Expr(count)) => count.clone(),
            Some(TopQuantity::Constant(count)) => Expr::value(Value::Number(count.to_string(), false)),
            None => return,
        };
        *limit_clause = Some(LimitClause::LimitOffset { limit: Some(limit), offset: None, limit_by: vec![] });
        select.top = None;
    }
}

/// Replaces ORDER BY ALL by column numbers where the columns can be counted, because DataFusion sorts by column names only. Where a star
/// stands beside an expression, the columns get names in a subquery.
fn order_by_all(query: &mut Query) {
    let Some(OrderBy { kind: kind @ OrderByKind::All(_), .. }) = &mut query.order_by else { return };
    let OrderByKind::All(options) = kind else { return };
    let options = *options;
    let mut first = query.body.as_ref();
    while let SetExpr::SetOperation { left, .. } = first {
        first = left;
    }
    let SetExpr::Select(select) = first else { return };
    let counted =
        select.projection.iter().all(|item| matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. }));
    if counted {
        let place =
            |place: usize| OrderByExpr { expr: Expr::value(Value::Number(place.to_string(), false)), options, with_fill: None };
        *kind = OrderByKind::Expressions((1..=select.projection.len()).map(place).collect());
        return;
    }
    let is_column = |item: &SelectItem| match item {
        SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => options.opt_replace.is_none(),
        SelectItem::UnnamedExpr(expression) => matches!(expression, Expr::Identifier(_) | Expr::CompoundIdentifier(_)),
        _ => false,
    };
    if select.projection.iter().all(is_column) || matches!(query.body.as_ref(), SetExpr::SetOperation { .. }) {
        return;
    }
    let Ok(mut around) = parse_query("SELECT * FROM (SELECT 1) AS __all") else { return };
    if let SetExpr::Select(outer) = around.body.as_mut()
        && let [TableWithJoins { relation: TableFactor::Derived { subquery, .. }, .. }] = outer.from.as_mut_slice()
    {
        std::mem::swap(&mut subquery.body, &mut query.body);
        query.body = around.body;
    }
}

fn minus(body: &mut SetExpr) {
    if let SetExpr::SetOperation { op, left, right, .. } = body {
        if *op == SetOperator::Minus {
            *op = SetOperator::Except;
        }
        minus(left);
        minus(right);
    }
}

/// Rewrites an item of FROM.
///
/// # Errors
/// A sampled item has no name.
pub fn factor(factor: &mut TableFactor) -> Result<()> {
    if let TableFactor::Derived { subquery, .. } = factor {
        rows(subquery);
    }
    sampled(factor)?;
    let TableFactor::UNNEST { alias, array_exprs, with_offset, with_offset_alias, with_ordinality } = factor else {
        return Ok(());
    };
    let column = |name: &Ident| TableAliasColumnDef { name: name.clone(), data_type: None };
    let lists = array_exprs.clone();
    let is_one = lists.len() == 1;
    if !is_one && (*with_offset || !*with_ordinality) {
        return Ok(());
    }
    // The longest list has the most places.
    let counts = (1..=lists.len()).map(|place| format!("CAST(array_length(${place}) AS BIGINT)"));
    let counts = counts.collect::<Vec<String>>().join(", ");
    let count = if is_one { counts } else { format!("greatest({counts})") };
    let places = match (&with_offset, &with_ordinality) {
        (true, _) => Some(format!("range(0, {count})")),
        (_, true) => Some(format!("range(1, {count} + 1)")),
        _ => None,
    };
    if places.is_some() && is_one && alias.is_none() {
        *alias = Some(TableAlias { explicit: true, name: Ident::new("unnest"), columns: vec![], at: None });
    }
    if let Some(alias) = alias {
        let default = if *with_offset { "offset" } else { "ordinality" };
        let place = with_offset_alias.clone().unwrap_or_else(|| Ident::new(default));
        if alias.columns.is_empty() && is_one {
            alias.columns.push(column(&alias.name));
        }
        if places.is_some() && alias.columns.len() == lists.len() {
            alias.columns.push(column(&place));
        }
    }
    if let Some(places) = places {
        array_exprs.push(with(&places, &lists)?);
        *with_offset = false;
        *with_ordinality = false;
        *with_offset_alias = None;
    }
    Ok(())
}

/// Rewrites TABLESAMPLE: a percentage or a number of rows, chosen at random.
fn sampled(factor: &mut TableFactor) -> Result<()> {
    let (TableFactor::Table { sample, .. } | TableFactor::Derived { sample, .. }) = factor else { return Ok(()) };
    let Some(TableSampleKind::BeforeTableAlias(given) | TableSampleKind::AfterTableAlias(given)) = &sample else { return Ok(()) };
    let given = given.clone();
    let (None, None, None, Some(quantity)) = (&given.seed, &given.bucket, &given.offset, &given.quantity) else { return Ok(()) };
    let condition = match &quantity.unit {
        Some(TableSampleUnit::Rows) => format!("ORDER BY random() LIMIT {}", quantity.value),
        _ if quantity.value.to_string().parse().is_ok_and(|share: f64| !(0.0..=100.0).contains(&share)) => {
            return Err(invalid("TABLESAMPLE", format!("takes a percentage from 0 to 100, got {}", quantity.value)));
        }
        _ => format!("WHERE random() * 100 < {}", quantity.value),
    };
    *sample = None;
    let name = name_of(factor)?;
    *factor = TableFactor::Derived {
        lateral: false,
        subquery: parse_query(&format!("SELECT * FROM {factor} {condition}"))?,
        alias: Some(TableAlias { explicit: true, name, columns: vec![], at: None }),
        sample: None,
    };
    Ok(())
}

/// Casts texts beside dates, times, intervals and booleans to their type, as PostgreSQL does in VALUES and ARRAY. The planner does so with
/// numbers alone.
pub fn like_the_typed(values: &mut [&mut Expr]) {
    let is_timestamp = |data_type: &DataType| matches!(data_type, DataType::Timestamp(..));
    let types = || values.iter().filter_map(|value| written_type(value));
    let Some(data_type) = types().find(is_timestamp).or_else(|| types().next()) else { return };
    for value in values {
        if matches!(&**value, Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(_), .. })) {
            let (expr, data_type) = (Box::new((**value).clone()), data_type.clone());
            **value = Expr::Cast { kind: CastKind::Cast, expr, data_type, array: false, format: None };
        }
    }
}

/// The type that a value says it has, if no text is taken for it without a cast.
fn written_type(value: &Expr) -> Option<DataType> {
    match value {
        Expr::TypedString(TypedString { data_type, .. }) | Expr::Cast { data_type, .. } => match data_type {
            DataType::Date | DataType::Timestamp(..) | DataType::Time(..) | DataType::Interval { .. } | DataType::Boolean => {
                Some(data_type.clone())
            }
            _ => None,
        },
        Expr::Interval(_) => Some(DataType::Interval { fields: None, precision: None }),
        Expr::Value(ValueWithSpan { value: Value::Boolean(_), .. }) => Some(DataType::Boolean),
        _ => None,
    }
}

/// Rewrites VALUES in FROM or WITH; those of INSERT have the types of the table.
fn rows(query: &mut Query) {
    let SetExpr::Values(values) = query.body.as_mut() else { return };
    let width = values.rows.first().map_or(0, |row| row.content.len());
    for place in 0..width {
        let mut column: Vec<&mut Expr> = values.rows.iter_mut().filter_map(|row| row.content.get_mut(place)).collect();
        like_the_typed(&mut column);
    }
}
