//! Error messages for the author of a statement: subject, problem, what to do next, and the place in the text.
//!
//! DataFusion's own errors are written for programmers. This module translates them into SQL terms when a statement is parsed, planned or
//! started. `error::message` remains the only place where an error becomes text.

pub mod functions;
pub mod place;
pub mod planning;
pub mod syntax;

use datafusion::error::DataFusionError;

use self::place::Source;
use super::syntax::supported::Refusal;
use crate::error::{SqlState, coded, placed};

/// The error for a clause that is not supported.
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

/// The words of a clause to look for in the text: those after the last `…`, or those before it if none follow.
fn words(clause: &str) -> Vec<&str> {
    let is_word = |word: &&str| word.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    let parts = clause.rsplit('…').map(|part| part.split_whitespace().take_while(is_word).collect::<Vec<_>>());
    parts.into_iter().find(|words| !words.is_empty()).unwrap_or_default()
}
