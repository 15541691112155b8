//! The statement that only experiments have: `ALTER EXPERIMENT name SET DECISION 'text'`.

use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::command::normal;

/// `ALTER EXPERIMENT name SET DECISION 'text' | RESET DECISION`
#[derive(Debug, Clone)]
pub struct AlterExperiment {
    pub name: String,
    /// `None` removes the decision.
    pub decision: Option<String>,
}

/// Parses `ALTER EXPERIMENT`; `None` when the next statement is another one. `words` are the next keywords in capitals.
///
/// # Errors
/// The statement has a syntax error.
pub fn parse(parser: &mut Parser<'_>, words: &[Option<&str>]) -> Result<Option<AlterExperiment>, ParserError> {
    let [Some("ALTER"), Some("EXPERIMENT"), Some(_), ..] = words else { return Ok(None) };
    (0..2).for_each(|_| parser.advance_token());
    let name = normal(&parser.parse_identifier()?);
    let sets = parser.parse_keyword(Keyword::SET);
    if !sets && !parser.parse_keyword(Keyword::RESET) {
        return parser.expected("SET DECISION 'text' or RESET DECISION", parser.peek_token());
    }
    match parser.peek_token().token {
        Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("decision") => parser.advance_token(),
        _ => return parser.expected("DECISION", parser.peek_token()),
    }
    let decision = if sets { Some(parser.parse_literal_string()?) } else { None };
    Ok(Some(AlterExperiment { name, decision }))
}
