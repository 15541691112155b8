//! Errors for the author of a statement: subject, problem, next step, and the place in the text.
//!
//! DataFusion's own errors are written for its programmers. This module reads them once, where a statement is parsed, planned and started, and
//! translates them into terms of SQL. `error::message` is still the only place where an error becomes text.

mod functions;
pub mod place;
pub mod planning;
pub mod syntax;

use datafusion::error::DataFusionError;

use self::place::Source;
use super::syntax::supported::Refusal;
use crate::error::{SqlState, coded, placed};

/// The error of a clause that is not planned.
pub fn refused(refusal: &Refusal, source: Source<'_>) -> DataFusionError {
    let Refusal { clause, instead, span } = refusal;
    let error = coded(SqlState::FEATURE_NOT_SUPPORTED, clause, format!("is not supported; {instead}"));
    let at = span.map(|span| span.start).or_else(|| source.find(&words(clause)));
    let at = at.or_else(|| Some(source.tokens().first()?.span.start));
    match at.and_then(|at| source.excerpt(at)) {
        Some(excerpt) => placed(error, excerpt),
        None => error,
    }
}

/// The words of a clause that follow one another in the text: those after `…`, or before it when there are none.
fn words(clause: &str) -> Vec<&str> {
    let is_word = |word: &&str| word.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    let parts = clause.rsplit('…').map(|part| part.split_whitespace().take_while(is_word).collect::<Vec<_>>());
    parts.into_iter().find(|words| !words.is_empty()).unwrap_or_default()
}
