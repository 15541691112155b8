//! `ALTER SYSTEM`: settings of the database, for all sessions.

use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use crate::catalog::audit::Events;

/// `ALTER SYSTEM SET portrait.audit = 'read, export, …' | RESET portrait.audit`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterSystem {
    /// What the audit log records.
    pub events: String,
}

/// The only setting it supports.
const AUDIT: &str = "portrait.audit";

/// Parses `ALTER SYSTEM`; `None` when the statement is another one. `words` are the next keywords in capitals.
///
/// # Errors
/// The statement has a syntax error.
pub fn parse(parser: &mut Parser<'_>, words: &[Option<&str>]) -> Result<Option<AlterSystem>, ParserError> {
    let [Some("ALTER"), Some("SYSTEM"), ..] = words else { return Ok(None) };
    (0..2).for_each(|_| parser.advance_token());
    let sets = parser.parse_keyword(Keyword::SET);
    if !sets && !parser.parse_keyword(Keyword::RESET) {
        return parser.expected("SET portrait.audit = 'read, export, …' or RESET portrait.audit", parser.peek_token());
    }
    let place = parser.peek_token();
    if !parser.parse_object_name(false)?.to_string().eq_ignore_ascii_case(AUDIT) {
        return parser.expected(AUDIT, place);
    }
    if !sets || {
        if !parser.consume_token(&Token::Eq) {
            parser.expect_keyword(Keyword::TO)?;
        }
        parser.parse_keyword(Keyword::DEFAULT)
    } {
        return Ok(Some(AlterSystem { events: Events::default().to_string() }));
    }
    let place = parser.peek_token();
    let text = match place.token {
        Token::SingleQuotedString(_) => parser.parse_literal_string()?,
        _ => parser
            .parse_comma_separated(Parser::parse_identifier)?
            .iter()
            .map(|name| name.value.clone())
            .collect::<Vec<_>>()
            .join(","),
    };
    match Events::read(&text) {
        Ok(events) => Ok(Some(AlterSystem { events: events.to_string() })),
        Err(_) => parser.expected(&format!("'all', 'none' or a list of {}", Events::names()), place),
    }
}
