//! SELECT columns that would have the same name.
//!
//! `SELECT *, a`, `a AS b, b`, `sum(a), sum(a)` and `at >= DATE '2025-01-01', at >= '2025-01-01'` are valid SQL. DataFusion rejects them,
//! because it names a column by its expression without casts and requires unique names. The later of two is [marked](super::column_names),
//! so that users see the same name twice.
//!
//! The column names of the later sides of UNION, INTERSECT and EXCEPT are never shown. DataFusion would give them the names of the first
//! side, which may already be names of columns there: `SELECT a, b + 1 FROM t UNION ALL SELECT b + 1, a FROM t`.

use std::collections::HashSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Ident, ObjectName, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier,
    VisitorMut,
};

use super::star_columns;
use crate::text::marked;
use crate::walk::WalkMut;

/// Gives columns unique names where they would share one.
pub fn tell_apart(query: &mut Query) {
    of_body(&mut query.body);
}

fn of_body(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => of_select(select),
        SetExpr::SetOperation { op, left, right, set_quantifier } => {
            of_body(left);
            of_body(right);
            if matches!(op, SetOperator::Intersect | SetOperator::Except) {
                name_qualified(left);
            }
            if !matches!(set_quantifier, SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName) {
                name_unseen(right);
            }
        }
        // A nested query is visited by itself.
        _ => {}
    }
}

/// Aliases `t.a` as `a`. With its qualifier, DataFusion would look for that column on the other side as well.
fn name_qualified(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => {
            let mut taken: HashSet<String> = select.projection.iter().filter_map(given).collect();
            for item in &mut select.projection {
                let SelectItem::UnnamedExpr(expression) = item else { continue };
                let Some((qualifier, name)) = column(expression) else { continue };
                let names = std::iter::once(name.clone()).chain(numbered(&name));
                let free = names.into_iter().find(|name| !taken.contains(name)).unwrap_or_else(|| name.clone());
                taken.insert(free.clone());
                if !qualifier.is_empty() || free != name {
                    *item = SelectItem::ExprWithAlias { expr: expression.clone(), alias: Ident::with_quote('"', free) };
                }
            }
        }
        SetExpr::SetOperation { left, .. } => name_qualified(left),
        _ => {}
    }
}

/// Gives unnamed columns of a later side unique names.
fn name_unseen(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => {
            let mut columns = HashSet::new();
            for (place, item) in select.projection.iter_mut().enumerate() {
                // A column keeps its name unless it repeats, as in `l.item, r.item`.
                if let SelectItem::UnnamedExpr(expression) = item
                    && column(expression).is_none_or(|(_, name)| !columns.insert(name))
                {
                    let alias = Ident::with_quote('"', format!("?column{}?", place + 1));
                    *item = SelectItem::ExprWithAlias { expr: expression.clone(), alias };
                }
            }
        }
        SetExpr::SetOperation { left, .. } => name_unseen(left),
        _ => {}
    }
}

fn of_select(select: &mut Select) {
    if select.projection.len() < 2 {
        return;
    }
    let mut all = false;
    let mut whole: HashSet<String> = HashSet::new();
    let mut taken: HashSet<String> = HashSet::new();
    let given: HashSet<String> = select.projection.iter().filter_map(given).collect();
    let mut given_before: HashSet<String> = HashSet::new();
    let is_unclear = star_columns::is_unclear(select);
    before_stars(&mut select.projection, is_unclear);
    for (place, item) in select.projection.iter_mut().enumerate() {
        match item {
            SelectItem::Wildcard(options) => all |= options.opt_exclude.is_none() && options.opt_except.is_none(),
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                whole.insert(table(name));
            }
            SelectItem::UnnamedExpr(expression) => {
                let plain = without_casts(expression);
                let column = column(&plain);
                let text = match &column {
                    Some((qualifier, name)) if qualifier.is_empty() => name.clone(),
                    Some((qualifier, name)) => format!("{qualifier}.{name}"),
                    None => plain.to_string(),
                };
                let again = match &column {
                    // `a` and `t.a` may be the same column.
                    Some((qualifier, name)) => {
                        let of_other = if qualifier.is_empty() { format!(".{name}") } else { name.clone() };
                        all || whole.contains(qualifier) || taken.contains(&of_other) || given_before.contains(name)
                    }
                    None => false,
                };
                let again = !taken.insert(text) || again;
                if let Some((qualifier, name)) = &column
                    && !qualifier.is_empty()
                {
                    taken.insert(format!(".{name}"));
                }
                if !again {
                    continue;
                }
                let written = match column {
                    Some((_, name)) => name,
                    None if has_query(&plain) => format!("column{}", place + 1),
                    None => expression.to_string(),
                };
                let is_whole = plain == *expression;
                let names = std::iter::once(written.clone()).filter(|_| !is_whole).chain(numbered(&written));
                let Some(name) = names.into_iter().find(|name| !taken.contains(name) && !given.contains(name)) else { continue };
                taken.insert(name.clone());
                let alias = Ident::with_quote('"', name);
                *item = SelectItem::ExprWithAlias { expr: expression.clone(), alias };
            }
            SelectItem::ExprWithAlias { alias, .. } => {
                let name = normal(alias);
                // The alias is the name of a column that is already in the list.
                if (taken.contains(&name) || taken.contains(&format!(".{name}")))
                    && let Some(free) = numbered(&name).find(|name| !taken.contains(name) && !given.contains(name))
                {
                    taken.insert(free.clone());
                    *alias = Ident::with_quote('"', free);
                } else {
                    given_before.insert(name);
                }
            }
            _ => {}
        }
    }
}

/// In `t.a, t.*` and `a, *`, the column before the star gets another name. For `a, t.*` over several tables, [the columns are looked up
/// first](star_columns).
fn before_stars(projection: &mut [SelectItem], is_unclear: bool) {
    let stars = projection.iter().enumerate().filter_map(|(place, item)| match item {
        SelectItem::Wildcard(options) if options.opt_exclude.is_none() && options.opt_except.is_none() => Some((place, None)),
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => Some((place, Some(table(name)))),
        _ => None,
    });
    let stars: Vec<(usize, Option<String>)> = stars.collect();
    let mut taken: HashSet<String> = HashSet::new();
    for (place, item) in projection.iter_mut().enumerate() {
        let SelectItem::UnnamedExpr(expression) = item else { continue };
        let Some((qualifier, name)) = column(expression) else { continue };
        let is_repeated = |(star, of): &(usize, Option<String>)| {
            *star > place && of.as_ref().is_none_or(|of| qualifier.is_empty() && !is_unclear || *of == qualifier)
        };
        if stars.iter().any(is_repeated)
            && let Some(free) = numbered(&name).find(|name| taken.insert(name.clone()))
        {
            *item = SelectItem::ExprWithAlias { expr: expression.clone(), alias: Ident::with_quote('"', free) };
        }
    }
}

/// The alias of an item.
fn given(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(normal(alias)),
        _ => None,
    }
}

fn numbered(name: &str) -> impl Iterator<Item = String> {
    (1_usize..).map(move |number| marked(name, number))
}

/// A name in the form that is compared.
fn normal(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

/// The name of a table in the form that is compared.
fn table(name: &ObjectName) -> String {
    let parts = name.0.iter().map(|part| part.as_ident().map_or_else(|| part.to_string(), normal));
    parts.collect::<Vec<_>>().join(".")
}

/// The qualifier and name of a column.
fn column(expression: &Expr) -> Option<(String, String)> {
    match expression {
        Expr::Identifier(name) => Some((String::new(), normal(name))),
        Expr::CompoundIdentifier(names) => {
            let (name, qualifier) = names.split_last()?;
            let qualifier: Vec<String> = qualifier.iter().map(normal).collect();
            Some((qualifier.join("."), normal(name)))
        }
        _ => None,
    }
}

/// What DataFusion calls any subquery within an expression.
const QUERY: &str = "<subquery>";

fn has_query(plain: &Expr) -> bool {
    plain.to_string().contains(QUERY)
}

/// The expression as DataFusion names it.
fn without_casts(expression: &Expr) -> Expr {
    struct Casts;
    impl VisitorMut for Casts {
        type Break = ();
        fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
            match expression {
                Expr::Cast { expr, .. } | Expr::Nested(expr) => *expression = expr.as_ref().clone(),
                Expr::TypedString(typed) => *expression = Expr::Value(typed.value.clone()),
                Expr::Subquery(_) | Expr::Exists { .. } => *expression = Expr::Identifier(Ident::new(QUERY)),
                Expr::InSubquery { expr, negated, .. } => {
                    let list = vec![Expr::Identifier(Ident::new(QUERY))];
                    *expression = Expr::InList { expr: expr.clone(), list, negated: *negated };
                }
                _ => {}
            }
            ControlFlow::Continue(())
        }
    }
    let mut plain = expression.clone();
    let _ = plain.walk_mut(&mut Casts);
    plain
}
