//! A value beside a cast of itself: `min(CAST(a AS VARCHAR)), min(a)` and `GROUP BY at, CAST(at AS DATE)`.
//!
//! DataFusion names a cast like the value it casts, and the names in an aggregation must be unique. If a value occurs with several types,
//! each cast is wrapped in [`named_apart`](crate::builtins::named_apart), which the optimizer removes again.

use std::ops::ControlFlow;

use sqlparser::ast::{
    CastKind, DataType, Distinct, Expr, GroupByExpr, Ident, OrderBy, Query, Select, SetExpr, Value, VisitorMut,
};

use super::call_of;
use crate::builtins::named_apart::NAME;
use crate::walk::WalkMut;

/// Gives casts their own names where they would clash.
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
        // A nested query is visited by itself.
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
    // DISTINCT ON is an aggregation by its values.
    let is_grouped = is_grouped || matches!(select.distinct, Some(Distinct::On(_)));
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

/// Visits the expressions that name columns of an aggregation.
fn visit<V: VisitorMut<Break = ()>>(select: &mut Select, order: Option<&mut OrderBy>, visitor: &mut V) {
    let _ = select.projection.walk_mut(visitor);
    let _ = select.group_by.walk_mut(visitor);
    let _ = select.having.walk_mut(visitor);
    let _ = select.qualify.walk_mut(visitor);
    let _ = select.distinct.walk_mut(visitor);
    let _ = select.named_window.walk_mut(visitor);
    if let Some(order) = order {
        let _ = order.walk_mut(visitor);
    }
}

/// A value that is cast somewhere.
struct Cast {
    value: Expr,
    /// The distinct casts.
    types: Vec<String>,
    /// How often the value is cast, and how often it occurs in total.
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
                // The type of a literal or parameter follows from its cast, so the cast must stay directly around it.
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
        // Parentheses are skipped, because their contents are visited next.
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

/// The text that tells casts apart: `CAST BIGINT`, `TRY_CAST BIGINT`.
fn written(kind: &CastKind, data_type: &DataType) -> String {
    let word = if matches!(kind, CastKind::TryCast | CastKind::SafeCast) { "TRY_CAST" } else { "CAST" };
    format!("{word} {data_type}")
}

/// The form in which values are compared: without parentheses, and with columns unqualified, because the qualifier is optional.
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
