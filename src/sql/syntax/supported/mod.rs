//! Ensures that every part of a statement is either planned or rejected by name.
//!
//! The parser accepts the clauses of a dozen dialects, and DataFusion plans those that it knows. In some places it silently drops the
//! others: `TABLESAMPLE (1 PERCENT)` would return the whole table. So each statement is checked before it is planned. Structs are
//! destructured without `..` and enums are matched without a wildcard, so that a part added by a newer parser does not compile until
//! somebody has checked what the planner does with it.
//!
//! This runs after the [rewrites](super::rewritten), which replace unsupported constructs where they can.

mod changes;
mod constraint;
mod expression;
mod function;
mod query;
mod statement;
mod table;

use datafusion::execution::session_state::SessionState;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{Expr, Query};
use sqlparser::tokenizer::Span;

use crate::sql::changing::within::{self, Within};

/// A clause that is not supported.
#[derive(Debug)]
pub struct Refusal {
    /// The clause as written; `…` stands for what is between its words.
    pub clause: String,
    /// What to do or write instead.
    pub instead: String,
    /// Its position, or one near it, if the parser recorded it.
    pub span: Option<Span>,
}

/// The result of a check.
pub type Checked = Result<(), Box<Refusal>>;

/// Checks a statement.
///
/// # Errors
/// The first clause that is not supported.
pub fn check(parsed: &SqlParsed, state: &SessionState) -> Checked {
    Walk { state }.parsed(parsed)
}

/// Checks a statement that runs as it is, whose WITH clause may change rows.
///
/// # Errors
/// The first clause that is not supported.
pub fn check_whole(parsed: &SqlParsed, state: &SessionState) -> Checked {
    match within::split(parsed) {
        Ok(Some(Within { parts, last })) => {
            parts.iter().try_for_each(|part| check(&part.statement, state))?;
            check(&last, state)
        }
        Ok(None) => check(parsed, state),
        // The statement itself reports it.
        Err(_) => Ok(()),
    }
}

/// Checks the query of a definition.
///
/// # Errors
/// Same as [`check`].
pub fn check_query(query: &Query, state: &SessionState) -> Checked {
    Walk { state }.query(query)
}

/// Checks the condition of a definition.
///
/// # Errors
/// Same as [`check`].
pub fn check_condition(condition: &Expr, state: &SessionState) -> Checked {
    Walk { state }.expression(condition)
}

/// A visit of one statement.
struct Walk<'a> {
    /// Has the functions, whose kinds decide which clauses a call may have.
    state: &'a SessionState,
}

fn refuse(clause: &str, instead: impl Into<String>) -> Checked {
    Err(Box::new(Refusal { clause: clause.into(), instead: instead.into(), span: None }))
}

fn refuse_at(span: Span, clause: &str, instead: impl Into<String>) -> Checked {
    let span = (span != Span::empty()).then_some(span);
    Err(Box::new(Refusal { clause: clause.into(), instead: instead.into(), span }))
}

/// Rejects a clause if it is present.
fn absent<T>(part: &Option<T>, clause: &str, instead: &str) -> Checked {
    if part.is_some() { refuse(clause, instead) } else { Ok(()) }
}

/// Like [`absent`], for a clause that may occur several times.
fn none<T>(parts: &[T], clause: &str, instead: &str) -> Checked {
    if parts.is_empty() { Ok(()) } else { refuse(clause, instead) }
}

/// Like [`absent`], for a clause that is a keyword.
fn without(word: bool, clause: &str, instead: &str) -> Checked {
    if word { refuse(clause, instead) } else { Ok(()) }
}
