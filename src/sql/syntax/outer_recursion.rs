//! A recursive query within another begins at a value of the query around it: `WHERE r.id = outer.id`. DataFusion cannot compute it for
//! each of these values. It is computed for all, and each row carries the value that it began at:
//!
//! | written | rewritten to |
//! |---|---|
//! | `WITH RECURSIVE t AS (SELECT r.a FROM r WHERE r.id = o.id UNION ALL SELECT s.a FROM t JOIN s ON …) SELECT a FROM t` | `WITH RECURSIVE t AS (SELECT r.a, r.id AS __key FROM r UNION ALL SELECT s.a, t.__key FROM t JOIN s ON …) SELECT a FROM t WHERE t.__key = o.id` |

use sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Ident, Query, Select, SelectItem, SetExpr, SetOperator, TableAliasColumnDef, TableFactor,
};

use super::rewritten::binary;
use crate::sql::command::normal;

const KEY: &str = "__key";

/// Rewrites a query; others stay as they are.
pub fn carry(query: &mut Query) {
    let _ = carried(query);
}

fn carried(query: &mut Query) -> Option<()> {
    let Query { with: Some(with), body, .. } = query else { return None };
    let [table] = with.cte_tables.as_mut_slice() else { return None };
    let SetExpr::Select(reading) = body.as_mut() else { return None };
    let SetExpr::SetOperation { op: SetOperator::Union, left, right, .. } = table.query.body.as_mut() else { return None };
    let (SetExpr::Select(first), SetExpr::Select(next)) = (left.as_mut(), right.as_mut()) else { return None };
    let is_plain = |select: &Select| {
        let is_star = |item: &SelectItem| !matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. });
        !select.projection.iter().any(is_star)
    };
    let is_of_rows = |select: &Select| {
        let is_grouped = !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
        is_plain(select) && !is_grouped && select.distinct.is_none() && select.having.is_none()
    };
    if !with.recursive || !is_plain(reading) || !is_of_rows(first) || !is_of_rows(next) {
        return None;
    }
    let name = normal(&table.alias.name);
    let (in_next, in_reading) = (named_in(next, &name)?, named_in(reading, &name)?);
    let (own, outer) = take_outer(first)?;
    let key = |of: Ident| Expr::CompoundIdentifier(vec![of, Ident::new(KEY)]);
    first.projection.push(SelectItem::ExprWithAlias { expr: own, alias: Ident::new(KEY) });
    next.projection.push(SelectItem::UnnamedExpr(key(in_next)));
    if !table.alias.columns.is_empty() {
        table.alias.columns.push(TableAliasColumnDef::from_name(KEY));
    }
    let begins = binary(key(in_reading), &BinaryOperator::Eq, outer);
    reading.selection = Some(match reading.selection.take() {
        Some(condition) => binary(Expr::Nested(Box::new(condition)), &BinaryOperator::And, begins),
        None => begins,
    });
    Some(())
}

/// The name under which a SELECT reads a table once; `None` where it does not, or more often.
fn named_in(select: &Select, name: &str) -> Option<Ident> {
    let mut found = factors(select).filter_map(|factor| match factor {
        TableFactor::Table { name: own, alias, args: None, .. } => match own.0.as_slice() {
            [part] if normal(part.as_ident()?) == name => {
                alias.as_ref().map(|alias| alias.name.clone()).or_else(|| part.as_ident().cloned())
            }
            _ => None,
        },
        _ => None,
    });
    let only = found.next()?;
    found.next().is_none().then_some(only)
}

fn factors(select: &Select) -> impl Iterator<Item = &TableFactor> {
    select.from.iter().flat_map(|from| std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)))
}

/// Takes `own.column = outer.column` out of the condition of a SELECT: its own column, and that of the query around it.
fn take_outer(select: &mut Select) -> Option<(Expr, Expr)> {
    let names = factors(select).map(|factor| match factor {
        TableFactor::Table { name, alias, .. } => match alias {
            Some(alias) => Some(normal(&alias.name)),
            None => name.0.last().and_then(|part| part.as_ident()).map(normal),
        },
        TableFactor::Derived { alias: Some(alias), .. } => Some(normal(&alias.name)),
        _ => None,
    });
    let names = names.collect::<Option<Vec<String>>>()?;
    let is_own = |column: &Expr| match column {
        Expr::CompoundIdentifier(parts) if parts.len() == 2 => Some(names.contains(&normal(&parts[0]))),
        _ => None,
    };
    let mut conditions = vec![];
    let mut open = vec![select.selection.clone()?];
    while let Some(condition) = open.pop() {
        match condition {
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => open.extend([*right, *left]),
            other => conditions.push(other),
        }
    }
    let pair = |condition: &Expr| match condition {
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => match (is_own(left)?, is_own(right)?) {
            (true, false) => Some((left.as_ref().clone(), right.as_ref().clone())),
            (false, true) => Some((right.as_ref().clone(), left.as_ref().clone())),
            _ => None,
        },
        _ => None,
    };
    let (place, found) = conditions.iter().enumerate().find_map(|(place, condition)| Some((place, pair(condition)?)))?;
    conditions.remove(place);
    select.selection = conditions.into_iter().reduce(|left, right| binary(left, &BinaryOperator::And, right));
    Some(found)
}
