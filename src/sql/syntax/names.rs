//! Columns of a SELECT that would have the same name.
//!
//! `SELECT *, a`, `sum(a), sum(a)` and `at >= DATE '2025-01-01', at >= '2025-01-01'` are SQL; the engine refuses them, because it names a column by its
//! expression without casts, and wants each name once. The later of two gets a name of its own: `a_1`, or the expression as it is
//! written.

use std::collections::HashSet;
use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Ident, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, VisitMut, VisitorMut};

/// Gives columns names of their own where they would share one.
pub fn tell_apart(query: &mut Query) {
    of_body(&mut query.body);
}

fn of_body(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => of_select(select),
        SetExpr::SetOperation { left, right, .. } => {
            of_body(left);
            of_body(right);
        }
        // A query of its own is visited on its own.
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
    for (place, item) in select.projection.iter_mut().enumerate() {
        match item {
            SelectItem::Wildcard(options) => all |= options.opt_exclude.is_none() && options.opt_except.is_none(),
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                whole.insert(name.to_string());
            }
            SelectItem::UnnamedExpr(expression) => {
                let plain = without_casts(expression);
                let (text, column) = (plain.to_string(), column(&plain));
                let again = match &column {
                    // Both `a` and `t.a` may be the one column.
                    Some((qualifier, name)) => {
                        let of_other = if qualifier.is_empty() { format!(".{name}") } else { name.clone() };
                        all || whole.contains(qualifier) || taken.contains(&of_other)
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
                let numbered = (1_usize..).map(|number| format!("{written}_{number}"));
                let names = std::iter::once(written.clone()).filter(|_| !is_whole).chain(numbered);
                let Some(name) = names.into_iter().find(|name| !taken.contains(name)) else { continue };
                taken.insert(name.clone());
                let alias = Ident::with_quote('"', name);
                *item = SelectItem::ExprWithAlias { expr: expression.clone(), alias };
            }
            _ => {}
        }
    }
}

/// The qualifier and name of a column.
fn column(expression: &Expr) -> Option<(String, String)> {
    match expression {
        Expr::Identifier(name) => Some((String::new(), name.value.clone())),
        Expr::CompoundIdentifier(names) => {
            let (name, qualifier) = names.split_last()?;
            let qualifier: Vec<String> = qualifier.iter().map(ToString::to_string).collect();
            Some((qualifier.join("."), name.value.clone()))
        }
        _ => None,
    }
}

/// What the engine calls every query within an expression.
const QUERY: &str = "<subquery>";

fn has_query(plain: &Expr) -> bool {
    plain.to_string().contains(QUERY)
}

/// An expression as the engine names it.
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
    let _ = plain.visit(&mut Casts);
    plain
}
