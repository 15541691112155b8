//! `SELECT a + 1 AS b, b * 2`: refers to an alias defined earlier in the list, as in DuckDB, Snowflake and Redshift. PostgreSQL does not
//! allow it, so a column of that name in FROM takes precedence.
//!
//! Every use of an alias is a copy of its expression. With thirty aliases, each using the previous one twice, that makes 2³⁰ copies, so
//! their size is limited.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::Volatility;
use sqlparser::ast::{Expr, Query, Select, SelectItem, VisitorMut};

use crate::error::{SqlState, coded, invalid};
use crate::sql::command::normal;
use crate::walk::{Walk, WalkMut};

/// True for a SELECT with an expression, or a WHERE condition, that contains a name which an earlier item defines as alias.
pub fn reads(select: &Select) -> bool {
    let mut given: HashSet<String> = HashSet::new();
    let reads = |expression: &Expr, given: &HashSet<String>| {
        !given.is_empty()
            && expression
                .each_expression(|part| match part {
                    Expr::Identifier(name) if given.contains(&normal(name)) => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                })
                .is_break()
    };
    for item in &select.projection {
        let (SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. }) = item else { continue };
        if reads(expression, &given) {
            return true;
        }
        if let Some((name, _)) = given_by(item) {
            given.insert(name);
        }
    }
    select.selection.as_ref().is_some_and(|condition| reads(condition, &given))
}

/// The alias that an item defines, with its expression.
fn given_by(item: &SelectItem) -> Option<(String, &Expr)> {
    match item {
        SelectItem::ExprWithAlias { expr: Expr::Identifier(column), alias } if normal(column) == normal(alias) => None,
        SelectItem::ExprWithAlias { expr, alias } => Some((normal(alias), expr)),
        _ => None,
    }
}

/// The most parts of expressions that are copied into one SELECT.
const MOST_COPIED: usize = 50_000;

/// Replaces the aliases by their expressions; `known` are the columns of FROM, which take precedence.
///
/// # Errors
/// The expression is volatile, so copies of it would have different values, or the copies are too large.
pub fn put(select: &mut Select, known: &HashSet<String>, state: &SessionState) -> Result<()> {
    let mut names = Names { given: vec![], state, depth: 0, copied: 0 };
    for item in &mut select.projection {
        let (SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. }) = item else { continue };
        if let ControlFlow::Break(error) = expression.walk_mut(&mut names) {
            return Err(error);
        }
        if let Some((name, value)) = given_by(item).filter(|(name, _)| !known.contains(name)) {
            let given = Given { value: value.clone(), parts: parts(value), name };
            names.given.retain(|other| other.name != given.name);
            names.given.push(given);
        }
    }
    match select.selection.as_mut().map_or(ControlFlow::Continue(()), |condition| condition.walk_mut(&mut names)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// An alias with its expression.
struct Given {
    name: String,
    value: Expr,
    /// The size of the expression.
    parts: usize,
}

fn parts(value: &Expr) -> usize {
    let mut parts = 0;
    let _ = value.each_expression(|_| {
        parts += 1;
        ControlFlow::<()>::Continue(())
    });
    parts
}

struct Names<'a> {
    given: Vec<Given>,
    state: &'a SessionState,
    /// The number of enclosing subqueries. A name inside them may be one of their columns.
    depth: usize,
    /// The parts that were copied so far.
    copied: usize,
}

impl VisitorMut for Names<'_> {
    type Break = datafusion::error::DataFusionError;

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<Self::Break> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Self::Break> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    // Children are visited before their parent, so the inserted expression is not visited again.
    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Self::Break> {
        if self.depth == 0
            && let Expr::Identifier(name) = expression
            && let Some(Given { name, value, parts }) = self.given.iter().find(|given| given.name == normal(name))
        {
            self.copied += parts;
            if self.copied > MOST_COPIED {
                let problem = format!(
                    "stands for {parts} parts, and what such names stand for would be written out in more than {MOST_COPIED}; \
                     compute {name} in a subquery first"
                );
                return ControlFlow::Break(invalid(name, problem));
            }
            if let Some(function) = volatile(value, self.state) {
                let problem = format!(
                    "stands for {value}, and {function} gives another value wherever it is written; compute {name} in a subquery first"
                );
                return ControlFlow::Break(coded(SqlState::FEATURE_NOT_SUPPORTED, name, problem));
            }
            *expression = Expr::Nested(Box::new(value.clone()));
        }
        ControlFlow::Continue(())
    }
}

/// The name of a volatile function in the expression, if any.
fn volatile(value: &Expr, state: &SessionState) -> Option<String> {
    let found = value.each_expression(|part| match part {
        Expr::Function(call) => {
            let name = call.name.to_string().to_lowercase();
            match state.scalar_functions().get(&name) {
                Some(function) if function.signature().volatility == Volatility::Volatile => ControlFlow::Break(name),
                _ => ControlFlow::Continue(()),
            }
        }
        _ => ControlFlow::Continue(()),
    });
    found.break_value()
}
