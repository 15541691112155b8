//! Parameters written as `?`, which are numbered `$1`, `$2`, … in the order of the text.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::common::Result;
use sqlparser::ast::{Expr, Value, ValueWithSpan, VisitorMut};
use sqlparser::tokenizer::Location;

use super::parser::{Statement, visit};
use crate::error::{SqlState, coded};

/// The positions of question marks, and whether there are also named or numbered parameters.
#[derive(Default)]
struct Found {
    marks: BTreeSet<(u64, u64)>,
    has_numbers: bool,
}

fn place(Location { line, column }: Location) -> (u64, u64) {
    (line, column)
}

fn parameter(expression: &mut Expr) -> Option<(&mut String, (u64, u64))> {
    match expression {
        Expr::Value(ValueWithSpan { value: Value::Placeholder(name), span }) => Some((name, place(span.start))),
        _ => None,
    }
}

impl VisitorMut for Found {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Some((name, at)) = parameter(expression) {
            if name == "?" {
                self.marks.insert(at);
            } else {
                self.has_numbers = true;
            }
        }
        ControlFlow::Continue(())
    }
}

/// Replaces each question mark by its number. The syntax tree is not visited in text order, so numbers follow from positions.
struct Numbered(Vec<(u64, u64)>);

impl VisitorMut for Numbered {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Some((name, at)) = parameter(expression)
            && name == "?"
            && let Ok(index) = self.0.binary_search(&at)
        {
            *name = format!("${}", index + 1);
        }
        ControlFlow::Continue(())
    }
}

impl Statement {
    /// The same statement with all `?` parameters numbered.
    ///
    /// # Errors
    /// It has both `?` and `$1`, whose order would be unclear.
    pub fn numbered(mut self) -> Result<Self> {
        let Some(parsed) = self.parsed.sql_mut() else { return Ok(self) };
        let mut found = Found::default();
        let _ = visit(parsed, &mut found);
        if found.marks.is_empty() {
            return Ok(self);
        }
        if found.has_numbers {
            return Err(coded(SqlState::SYNTAX_ERROR, "parameters", "are written ? or $1, not both in one statement"));
        }
        let _ = visit(parsed, &mut Numbered(found.marks.into_iter().collect()));
        Ok(self)
    }
}
