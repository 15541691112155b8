//! `COPY (query) TO 'sales.svg' (CHART 'bar', X month, Y 'orders, returns', TITLE 'Sales')`: rows as a picture.

use datafusion::sql::parser::{CopyToSource, CopyToStatement, Statement as SqlParsed};
use sqlparser::ast::Value;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

/// The endings of pictures.
pub const ENDINGS: [&str; 3] = ["svg", "png", "html"];

/// True for the name of a picture.
pub fn is_picture(target: &str) -> bool {
    let ending = target.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// Parses such a statement; nothing when the next one is another.
///
/// # Errors
/// What follows the name of the file is no list of options.
pub fn parse(parser: &mut Parser<'_>) -> Result<Option<SqlParsed>, ParserError> {
    let is_copy = matches!(&parser.peek_token().token, Token::Word(word) if word.keyword == Keyword::COPY);
    if !is_copy {
        return Ok(None);
    }
    let head = parser.maybe_parse(|parser| {
        parser.expect_keyword(Keyword::COPY)?;
        let source = if parser.consume_token(&Token::LParen) {
            let query = parser.parse_query()?;
            parser.expect_token(&Token::RParen)?;
            CopyToSource::Query(query)
        } else {
            CopyToSource::Relation(parser.parse_object_name(true)?)
        };
        parser.expect_keyword(Keyword::TO)?;
        let target = parser.parse_literal_string()?;
        if is_picture(&target) { Ok((source, target)) } else { Err(ParserError::ParserError("no picture".into())) }
    })?;
    let Some((source, target)) = head else { return Ok(None) };
    let mut options = vec![];
    if parser.consume_token(&Token::LParen) {
        options = parser.parse_comma_separated(option)?;
        parser.expect_token(&Token::RParen)?;
    }
    let copy = CopyToStatement { source, target, partitioned_by: vec![], stored_as: None, options };
    Ok(Some(SqlParsed::CopyTo(copy)))
}

/// `NAME value`, where a value is a text, a number, a name or names in parentheses.
fn option(parser: &mut Parser<'_>) -> Result<(String, Value), ParserError> {
    let name = parser.parse_identifier()?.value.to_lowercase();
    let column = |parser: &mut Parser<'_>| parser.parse_identifier().map(|name| crate::sql::command::normal(&name));
    let token = parser.peek_token().token;
    let value = match token {
        Token::LParen => {
            parser.expect_token(&Token::LParen)?;
            let columns = parser.parse_comma_separated(column)?;
            parser.expect_token(&Token::RParen)?;
            columns.join(",")
        }
        Token::Number(number, _) => {
            parser.advance_token();
            number
        }
        Token::SingleQuotedString(text) => {
            parser.advance_token();
            text
        }
        _ => column(parser)?,
    };
    Ok((name, Value::SingleQuotedString(value)))
}
