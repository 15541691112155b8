//! `ARRAY(SELECT …)`, which gathers the values of a query.

use datafusion::common::Result;
use sqlparser::ast::{Expr, GroupByExpr, Ident, OrderBy, OrderByExpr, OrderByKind, Query, Select, SelectItem, SetExpr, Value};

use crate::sql::parser::parse_expression;

/// `ARRAY(SELECT x FROM … ORDER BY y)` as `(SELECT array_agg(x ORDER BY y) FROM …)`, and where the query does more, as
/// `(SELECT array_agg(item ORDER BY key_1) FROM (SELECT x AS item, y AS key_1 FROM … ORDER BY key_1 LIMIT 2) AS listed)`; `None` for an
/// ordered query of several columns.
pub fn list_of(query: &Query) -> Result<Option<Expr>> {
    let Some(OrderBy { kind: OrderByKind::Expressions(order), .. }) = &query.order_by else {
        return parse_expression(&format!("(SELECT coalesce(array_agg(item), []) FROM ({query}) AS listed(item))")).map(Some);
    };
    let SetExpr::Select(select) = query.body.as_ref() else {
        // Only the one column of such a query can be its key.
        let [key] = order.as_slice() else { return Ok(None) };
        let key = OrderByExpr { expr: Expr::Identifier(Ident::new("item")), ..key.clone() };
        let list = format!("(SELECT coalesce(array_agg(item ORDER BY {key}), []) FROM ({query}) AS listed(item))");
        return parse_expression(&list).map(Some);
    };
    let [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] = select.projection.as_slice() else {
        return Ok(None);
    };
    let plain = matches!(&select.group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty());
    let is_plain = plain
        && select.distinct.is_none()
        && select.having.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none()
        && query.with.is_none();
    let alias = match select.projection.as_slice() {
        [SelectItem::ExprWithAlias { alias, .. }] => Some(alias.clone()),
        _ => None,
    };
    let mut order = order.clone();
    for sort in &mut order {
        let is_item = match &sort.expr {
            Expr::Identifier(name) => Some(name) == alias.as_ref(),
            Expr::Value(value) => matches!(&value.value, Value::Number(number, _) if number == "1"),
            _ => false,
        };
        if is_item {
            sort.expr = item.clone();
        }
    }
    if !is_plain {
        return ordered_list_of(query, select, item, order).map(Some);
    }
    let order = order.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut gathered = select.as_ref().clone();
    gathered.projection =
        vec![SelectItem::UnnamedExpr(parse_expression(&format!("coalesce(array_agg({item} ORDER BY {order}), [])"))?)];
    parse_expression(&format!("({gathered})")).map(Some)
}

/// The list of a query whose rows are ordered before some are left out, or after they are grouped.
fn ordered_list_of(query: &Query, select: &Select, item: &Expr, mut order: Vec<OrderByExpr>) -> Result<Expr> {
    let mut inner = query.clone();
    let mut select = select.clone();
    let named = |expr: &Expr, name: String| SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::new(name) };
    select.projection = vec![named(item, "item".into())];
    for (place, sort) in order.iter_mut().enumerate() {
        let name = format!("key_{}", place + 1);
        select.projection.push(named(&sort.expr, name.clone()));
        sort.expr = Expr::Identifier(Ident::new(name));
    }
    let keys = order.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if let Some(OrderBy { kind, .. }) = &mut inner.order_by {
        *kind = OrderByKind::Expressions(order);
    }
    *inner.body = SetExpr::Select(Box::new(select));
    parse_expression(&format!("(SELECT coalesce(array_agg(item ORDER BY {keys}), []) FROM ({inner}) AS listed)"))
}
