//! Columns whose names have capital letters, as in many files: `SELECT UserID FROM 'orders.csv'`.
//!
//! A name without quotes means the column in small letters. Where there is none, it means the one column that differs from it in capital
//! letters only, or of several the one that is spelled just so. A name in quotes is always exact. The planner knows which columns there are
//! at each place, so the statement is planned, and the name that it did not find is replaced.

use std::ops::ControlFlow;

use datafusion::common::{Column, Result, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{Expr as SqlExpr, Ident, JoinConstraint, ObjectNamePart, Query, SetExpr, VisitorMut};
use sqlparser::tokenizer::Location;

use super::diagnostics::planning::diagnosed;
use super::inserting;
use super::parser::visit;
use super::syntax::merged_columns::constraint;
use crate::walk::WalkMut;

/// How many names of a statement are replaced at most.
const MOST: usize = 500;

/// Plans a statement.
///
/// # Errors
/// The statement is wrong.
pub async fn plan(mut parsed: SqlParsed, state: &SessionState) -> Result<LogicalPlan> {
    for _ in 0..MOST {
        let error = match inserting::plan(parsed.clone(), state).await {
            Err(error) => error,
            planned => return planned,
        };
        let Some(mut missing) = Missing::of(&error) else { return Err(error) };
        let _ = visit(&mut parsed, &mut missing);
        if !missing.is_replaced {
            return Err(error);
        }
    }
    inserting::plan(parsed, state).await
}

/// Plans an expression of a statement.
///
/// # Errors
/// The expression is wrong.
pub fn planned<P>(mut expression: SqlExpr, mut plan: impl FnMut(SqlExpr) -> Result<P>) -> Result<P> {
    for _ in 0..MOST {
        let error = match plan(expression.clone()) {
            Err(error) => error,
            planned => return planned,
        };
        let Some(mut missing) = Missing::of(&error) else { return Err(error) };
        let _ = expression.walk_mut(&mut missing);
        if !missing.is_replaced {
            return Err(error);
        }
    }
    plan(expression)
}

/// A name that the planner did not find.
struct Missing {
    /// The name in small letters, as the planner looks for it.
    name: String,
    /// The columns there that differ from it in capital letters only.
    known: Vec<String>,
    place: Option<Location>,
    is_replaced: bool,
}

impl Missing {
    fn of(error: &DataFusionError) -> Option<Self> {
        let (field, fields) = missing(error)?;
        let is_there = |known: &&Column| match (&field.relation, &known.relation) {
            (Some(table), Some(of)) => table.table() == of.table(),
            (Some(_), None) => false,
            (None, _) => true,
        };
        let same = fields.iter().filter(is_there).map(|known| &known.name);
        let mut known: Vec<String> =
            same.filter(|known| known.to_lowercase() == field.name && **known != field.name).cloned().collect();
        known.sort();
        known.dedup();
        let place = diagnosed(error).map(|span| Location { line: span.start.line, column: span.start.column });
        (!known.is_empty()).then_some(Self { name: field.name.clone(), known, place, is_replaced: false })
    }

    fn replace(&mut self, name: &mut Ident, start: Location) {
        let is_here = self.place.is_none_or(|place| place == start || place == name.span.start);
        if name.quote_style.is_some() || !is_here || name.value.to_lowercase() != self.name {
            return;
        }
        let meant = match self.known.as_slice() {
            [one] => one,
            several => match several.iter().find(|known| **known == name.value) {
                Some(same) => same,
                None => return,
            },
        };
        name.value = meant.clone();
        name.quote_style = Some('"');
        self.is_replaced = true;
    }
}

impl VisitorMut for Missing {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let SetExpr::Select(select) = query.body.as_mut() else { return ControlFlow::Continue(()) };
        for join in select.from.iter_mut().flat_map(|table| &mut table.joins) {
            let Some(JoinConstraint::Using(columns)) = constraint(&mut join.join_operator) else { continue };
            for column in columns {
                if let [ObjectNamePart::Identifier(name)] = column.0.as_mut_slice() {
                    let start = name.span.start;
                    self.replace(name, start);
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &mut SqlExpr) -> ControlFlow<()> {
        match expression {
            SqlExpr::Identifier(name) => {
                let start = name.span.start;
                self.replace(name, start);
            }
            SqlExpr::CompoundIdentifier(names) => {
                let start = names.first().map_or(Location { line: 0, column: 0 }, |first| first.span.start);
                names.iter_mut().skip(1).for_each(|name| self.replace(name, start));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn missing(error: &DataFusionError) -> Option<(&Column, &[Column])> {
    match error {
        DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => missing(inner),
        DataFusionError::Shared(inner) => missing(inner),
        DataFusionError::Collection(errors) => missing(errors.first()?),
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => Some((field, valid_fields)),
            SchemaError::AmbiguousReference { .. }
            | SchemaError::DuplicateQualifiedField { .. }
            | SchemaError::DuplicateUnqualifiedField { .. } => None,
        },
        _ => None,
    }
}
