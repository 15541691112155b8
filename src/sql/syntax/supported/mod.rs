//! Every part of a statement is planned, or refused by its name.
//!
//! The parser reads the clauses of a dozen dialects, and DataFusion plans what it knows of them. What it does not know it drops in some
//! places without a word: `TABLESAMPLE (1 PERCENT)` would answer with the whole table. So each statement is walked before it is planned.
//! Structs are taken apart without `..` and what can stand in a query is matched without a wildcard: a part that a newer parser adds does
//! not compile until somebody has looked at what the planner makes of it.
//!
//! This comes after the [rewrites](super::rewritten), which say by other means what can be said so.

mod changes;
mod expression;
mod function;
mod query;
mod statement;
mod table;

use datafusion::execution::session_state::SessionState;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{Expr, Query};
use sqlparser::tokenizer::Span;

/// A clause that is not planned.
#[derive(Debug)]
pub struct Refusal {
    /// The clause as it is written; `…` stands for what is between its words.
    pub clause: String,
    /// What to do or to write.
    pub instead: String,
    /// Where it is, or near it, when the parser knows.
    pub span: Option<Span>,
}

/// What a walk finds.
pub type Checked = Result<(), Box<Refusal>>;

/// Checks a statement.
///
/// # Errors
/// The first clause that is not planned.
pub fn check(parsed: &SqlParsed, state: &SessionState) -> Checked {
    Walk { state }.parsed(parsed)
}

/// Checks the query of a definition.
///
/// # Errors
/// As [`check`].
pub fn check_query(query: &Query, state: &SessionState) -> Checked {
    Walk { state }.query(query)
}

/// Checks the condition of a definition.
///
/// # Errors
/// As [`check`].
pub fn check_condition(condition: &Expr, state: &SessionState) -> Checked {
    Walk { state }.expression(condition)
}

/// A walk over one statement.
struct Walk<'a> {
    /// The functions there are decide what a call may carry.
    state: &'a SessionState,
}

fn refuse(clause: &str, instead: impl Into<String>) -> Checked {
    Err(Box::new(Refusal { clause: clause.into(), instead: instead.into(), span: None }))
}

fn refuse_at(span: Span, clause: &str, instead: impl Into<String>) -> Checked {
    let span = (span != Span::empty()).then_some(span);
    Err(Box::new(Refusal { clause: clause.into(), instead: instead.into(), span }))
}

/// Refuses a clause that is there.
fn absent<T>(part: &Option<T>, clause: &str, instead: &str) -> Checked {
    if part.is_some() { refuse(clause, instead) } else { Ok(()) }
}

/// Likewise, one that may be there several times.
fn none<T>(parts: &[T], clause: &str, instead: &str) -> Checked {
    if parts.is_empty() { Ok(()) } else { refuse(clause, instead) }
}

/// Likewise, one that is a word.
fn without(word: bool, clause: &str, instead: &str) -> Checked {
    if word { refuse(clause, instead) } else { Ok(()) }
}
