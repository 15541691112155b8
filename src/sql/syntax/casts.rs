//! `min(CAST(a AS VARCHAR)), min(a)` and `GROUP BY at, CAST(at AS DATE)`: a value beside what it is cast to.
//!
//! The planner names a cast as what it casts, and wants each name of an aggregation once. Where one value is there in several types, each cast
//! is of [`named_apart`](crate::builtins::named_apart), which the optimizer takes out again.

use std::ops::ControlFlow;

use sqlparser::ast::{
    CastKind, DataType, Expr, GroupByExpr, Ident, OrderBy, Query, Select, SetExpr, Value, VisitMut, VisitorMut,
};

use super::call_of;
use crate::builtins::named_apart::NAME;

/// Gives casts names of their own where they would share one.
pub fn tell_apart(query: &mut Query) {
    match query.body.as_mut() {
        SetExpr::Select(select) => of_select(select, query.order_by.as_mut()),
        body => of_body(body),
    }
}

fn of_body(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => of_select(select, None),
        SetExpr::SetOperation { left, right, .. } => {
            of_body(left);
            of_body(right);
        }
        // A query of its own is visited on its own.
        _ => {}
    }
}

fn of_select(select: &mut Select, mut order: Option<&mut OrderBy>) {
    let mut found = Found::default();
    visit(select, order.as_deref_mut(), &mut found);
    let is_grouped = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(keys, modifiers) => !keys.is_empty() || !modifiers.is_empty(),
    };
    if found.casts.is_empty() || !found.has_call && !is_grouped {
        return;
    }
    let mut counted = Counted { values: std::mem::take(&mut found.casts) };
    visit(select, order.as_deref_mut(), &mut counted);
    counted.values.retain(|value| value.types.len() > 1 || value.seen > value.casts);
    if !counted.values.is_empty() {
        visit(select, order, &mut Renaming { values: counted.values });
    }
}

/// Visits the expressions that an aggregation may have names for.
fn visit<V: VisitorMut<Break = ()>>(select: &mut Select, order: Option<&mut OrderBy>, visitor: &mut V) {
    let _ = select.projection.visit(visitor);
    let _ = select.group_by.visit(visitor);
    let _ = select.having.visit(visitor);
    let _ = select.qualify.visit(visitor);
    let _ = select.distinct.visit(visitor);
    let _ = select.named_window.visit(visitor);
    if let Some(order) = order {
        let _ = order.visit(visitor);
    }
}

/// A value that is cast.
struct Cast {
    value: Expr,
    /// How it is cast.
    types: Vec<String>,
    /// How often it is cast, and how often it is there at all.
    casts: usize,
    seen: usize,
}

#[derive(Default)]
struct Found {
    casts: Vec<Cast>,
    has_call: bool,
}

impl VisitorMut for Found {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        match expression {
            Expr::Cast { kind, expr, data_type, .. } => {
                let (value, written) = (plain(expr), written(kind, data_type));
                // What a literal or a parameter is follows from its cast.
                if matches!(value, Expr::Value(_)) {
                    return ControlFlow::Continue(());
                }
                match self.casts.iter_mut().find(|known| known.value == value) {
                    Some(known) => {
                        known.casts += 1;
                        if !known.types.contains(&written) {
                            known.types.push(written);
                        }
                    }
                    None => self.casts.push(Cast { value, types: vec![written], casts: 1, seen: 0 }),
                }
            }
            Expr::Function(_) => self.has_call = true,
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

struct Counted {
    values: Vec<Cast>,
}

impl VisitorMut for Counted {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        // Parentheses are visited, and then what is in them.
        if !matches!(expression, Expr::Nested(_))
            && let written = plain(expression)
            && let Some(known) = self.values.iter_mut().find(|known| known.value == written)
        {
            known.seen += 1;
        }
        ControlFlow::Continue(())
    }
}

struct Renaming {
    values: Vec<Cast>,
}

impl VisitorMut for Renaming {
    type Break = ();

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Expr::Cast { kind, expr, data_type, .. } = expression
            && let value = plain(expr)
            && self.values.iter().any(|known| known.value == value)
        {
            let cast = Expr::Value(Value::SingleQuotedString(written(kind, data_type)).with_empty_span());
            **expr = call_of(NAME, vec![expr.as_ref().clone(), cast]);
        }
        ControlFlow::Continue(())
    }
}

/// `CAST BIGINT`, `TRY_CAST BIGINT`
fn written(kind: &CastKind, data_type: &DataType) -> String {
    let word = if matches!(kind, CastKind::TryCast | CastKind::SafeCast) { "TRY_CAST" } else { "CAST" };
    format!("{word} {data_type}")
}

/// The expression by which values are compared: without parentheses, and a column without its table, which may be written or not.
fn plain(expression: &Expr) -> Expr {
    match expression {
        Expr::Nested(within) => plain(within),
        Expr::Identifier(name) => Expr::Identifier(lower(name)),
        Expr::CompoundIdentifier(names) => match names.last() {
            Some(name) => Expr::Identifier(lower(name)),
            None => expression.clone(),
        },
        other => other.clone(),
    }
}

fn lower(name: &Ident) -> Ident {
    Ident::new(crate::sql::command::normal(name))
}
