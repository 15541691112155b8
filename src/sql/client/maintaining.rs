//! Statements with which PostgreSQL is maintained: `ANALYZE`, `VACUUM`, `REINDEX`, `CLUSTER`, `CHECKPOINT`.
//!
//! Scripts and tools send them after they have loaded rows. Here there is nothing to do by hand; their tables must exist.

use sqlparser::ast::ObjectName;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::ClientCommand;

/// A statement of maintenance.
#[derive(Debug, Clone)]
pub struct Maintain {
    pub word: &'static str,
    pub tables: Vec<ObjectName>,
}

/// Parses the statement that begins with this word.
///
/// # Errors
/// The statement has a syntax error.
pub fn parse(parser: &mut Parser<'_>, word: &'static str) -> Result<ClientCommand, ParserError> {
    parser.advance_token();
    let tables = match word {
        "CHECKPOINT" => vec![],
        "REINDEX" => {
            options(parser)?;
            let what = [Keyword::TABLE, Keyword::INDEX, Keyword::SCHEMA, Keyword::DATABASE];
            let what = parser.expect_one_of_keywords(&what)?;
            while is_next(parser, &["CONCURRENTLY"]) {
                parser.advance_token();
            }
            let has_name = what != Keyword::DATABASE || !is_at_end(parser);
            let name = if has_name { Some(parser.parse_object_name(false)?) } else { None };
            name.into_iter().filter(|_| what == Keyword::TABLE).collect()
        }
        _ => {
            options(parser)?;
            while is_next(parser, &["FULL", "FREEZE", "VERBOSE", "ANALYZE", "ANALYSE"]) {
                parser.advance_token();
            }
            if is_at_end(parser) { vec![] } else { parser.parse_comma_separated(table)? }
        }
    };
    if word == "CLUSTER" && parser.parse_keyword(Keyword::USING) {
        parser.parse_identifier()?;
    }
    Ok(ClientCommand::Maintain(Maintain { word, tables }))
}

/// `name [(column, …)]`
fn table(parser: &mut Parser<'_>) -> Result<ObjectName, ParserError> {
    let name = parser.parse_object_name(false)?;
    if parser.consume_token(&Token::LParen) {
        parser.parse_comma_separated(Parser::parse_identifier)?;
        parser.expect_token(&Token::RParen)?;
    }
    Ok(name)
}

/// `(FULL, ANALYZE false, …)`
fn options(parser: &mut Parser<'_>) -> Result<(), ParserError> {
    if !parser.consume_token(&Token::LParen) {
        return Ok(());
    }
    loop {
        let token = parser.next_token();
        match token.token {
            Token::RParen => return Ok(()),
            Token::Word(_) | Token::Number(..) | Token::Comma | Token::SingleQuotedString(_) => {}
            _ => return parser.expected("an option", token),
        }
    }
}

fn is_next(parser: &Parser<'_>, words: &[&str]) -> bool {
    match &parser.peek_token_ref().token {
        Token::Word(word) => word.quote_style.is_none() && words.iter().any(|own| word.value.eq_ignore_ascii_case(own)),
        _ => false,
    }
}

fn is_at_end(parser: &Parser<'_>) -> bool {
    matches!(parser.peek_token_ref().token, Token::EOF | Token::SemiColon)
}
