//! DECLARE and FETCH.

use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::Statement as SqlStatement;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::{ClientCommand, word};
use crate::sql::command::normal;

/// `DECLARE … CURSOR`.
#[derive(Debug, Clone)]
pub struct Declare {
    pub name: String,
    /// `SCROLL`: the cursor can move backwards.
    pub scrolls: bool,
    /// `WITH HOLD`: the cursor outlives its transaction.
    pub holds: bool,
    pub query: Box<SqlParsed>,
}

/// Which rows FETCH returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// This many rows forward; a negative number goes backward.
    Count(i64),
    /// All following rows.
    All,
    /// All preceding rows, nearest first.
    BackwardAll,
    /// The row with this number, from 1; a negative number counts from the end.
    Absolute(i64),
    /// The row this many places forward; a negative number goes backward.
    Relative(i64),
}

/// `name [BINARY] [ASENSITIVE | INSENSITIVE] [[NO] SCROLL] CURSOR [WITH | WITHOUT HOLD] FOR query`
pub(super) fn declare(parser: &mut Parser<'_>) -> Result<ClientCommand, ParserError> {
    let name = normal(&parser.parse_identifier()?);
    let mut scrolls = false;
    loop {
        match word(parser).as_deref() {
            // BINARY is ignored because clients choose the format when they fetch. A cursor always reads one snapshot, so it is
            // insensitive anyway.
            Some("BINARY" | "ASENSITIVE" | "INSENSITIVE") => {}
            Some("NO") => parser.expect_keyword(Keyword::SCROLL).map(|_| ())?,
            Some("SCROLL") => scrolls = true,
            Some("CURSOR") => break,
            _ => return parser.expected("CURSOR", parser.peek_token()),
        }
    }
    let mut holds = false;
    if parser.parse_keyword(Keyword::WITH) {
        parser.expect_keyword(Keyword::HOLD)?;
        holds = true;
    } else if parser.parse_keyword(Keyword::WITHOUT) {
        parser.expect_keyword(Keyword::HOLD)?;
    }
    parser.expect_keyword(Keyword::FOR)?;
    let query = Box::new(SqlParsed::Statement(Box::new(SqlStatement::Query(parser.parse_query()?))));
    Ok(ClientCommand::Declare(Declare { name, scrolls, holds, query }))
}

pub(super) fn direction(parser: &mut Parser<'_>) -> Result<Direction, ParserError> {
    if let Some(count) = signed(parser)? {
        return Ok(Direction::Count(count));
    }
    let Token::Word(next) = parser.peek_token().token else { return Ok(Direction::Count(1)) };
    // A quoted word is the name of a cursor, even if it is the same as a direction.
    if next.quote_style.is_some() {
        return Ok(Direction::Count(1));
    }
    let direction = next.value.to_uppercase();
    let known = ["NEXT", "PRIOR", "FIRST", "LAST", "ALL", "FORWARD", "BACKWARD", "ABSOLUTE", "RELATIVE"];
    if !known.contains(&direction.as_str()) {
        return Ok(Direction::Count(1));
    }
    parser.advance_token();
    let counted = |parser: &mut Parser<'_>| {
        signed(parser)?.ok_or_else(|| ParserError::ParserError(format!("{direction} takes a number of rows")))
    };
    Ok(match direction.as_str() {
        "PRIOR" => Direction::Count(-1),
        "FIRST" => Direction::Absolute(1),
        "LAST" => Direction::Absolute(-1),
        "ALL" => Direction::All,
        "ABSOLUTE" => Direction::Absolute(counted(parser)?),
        "RELATIVE" => Direction::Relative(counted(parser)?),
        "FORWARD" if parser.parse_keyword(Keyword::ALL) => Direction::All,
        "BACKWARD" if parser.parse_keyword(Keyword::ALL) => Direction::BackwardAll,
        "BACKWARD" => Direction::Count(-signed(parser)?.unwrap_or(1)),
        "FORWARD" => Direction::Count(signed(parser)?.unwrap_or(1)),
        _ => Direction::Count(1),
    })
}

fn signed(parser: &mut Parser<'_>) -> Result<Option<i64>, ParserError> {
    let is_negative = parser.consume_token(&Token::Minus);
    match parser.peek_token().token {
        Token::Number(digits, _) => {
            parser.advance_token();
            let count: i64 = digits.parse().map_err(|_| ParserError::ParserError(format!("{digits} is too many rows")))?;
            Ok(Some(if is_negative { -count } else { count }))
        }
        _ if is_negative => parser.expected("a number of rows", parser.peek_token()),
        _ => Ok(None),
    }
}
