//! Statements that clients use to read and write in parts: cursors and COPY from and to the client. Also the statements that set and reset
//! a session's state.

mod copying;
mod cursors;
mod maintaining;
mod settings;

pub use copying::{ClientCopy, CopyFormat};
use copying::{copy, is_with_client};
pub use cursors::{Declare, Direction};
use cursors::{declare, direction};
pub use maintaining::Maintain;
use settings::{reset, set, show};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::command::normal;

/// A statement about the client's session.
#[derive(Debug, Clone)]
pub enum ClientCommand {
    /// `DECLARE name CURSOR FOR query`
    Declare(Declare),
    /// `FETCH … FROM name`, or `MOVE`, which returns no rows.
    Fetch { name: String, direction: Direction, gives_rows: bool },
    /// `CLOSE name`, or `CLOSE ALL`
    Close(Option<String>),
    /// `COPY … FROM STDIN | TO STDOUT`
    Copy(Box<ClientCopy>),
    /// `DISCARD ALL`, …
    Discard(Discarded),
    /// `SET name = value` for a PostgreSQL setting; without a value, back to its default.
    Set { name: String, value: Option<String>, is_local: bool },
    /// `RESET name`, or `RESET ALL`
    Reset(Option<String>),
    /// `SHOW name`
    ShowSetting(String),
    /// `DEALLOCATE ALL`
    DeallocateAll,
    /// `CANCEL number`: cancels a statement listed in `system.queries`.
    Cancel(i64),
    /// `LISTEN`, `UNLISTEN` and `NOTIFY`. They are accepted but do nothing.
    Messages(&'static str),
    /// `SET CONSTRAINTS {ALL | name, …} {DEFERRED | IMMEDIATE}`: whether these foreign keys, with no names all, are compared at COMMIT.
    Constraints { names: Vec<String>, are_late: bool },
    /// `ANALYZE`, `VACUUM`, … They are accepted but do nothing.
    Maintain(Maintain),
}

/// What DISCARD drops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discarded {
    All,
    Temporary,
    /// `SEQUENCES`: which numbers the session was given.
    Sequences,
    /// `PLANS`: there is nothing to drop.
    Nothing,
}

impl ClientCommand {
    /// The command tag.
    pub fn tag(&self) -> &'static str {
        match self {
            Self::Declare(_) => "DECLARE CURSOR",
            Self::Fetch { gives_rows: true, .. } => "FETCH",
            Self::Fetch { .. } => "MOVE",
            Self::Close(Some(_)) => "CLOSE CURSOR",
            Self::Close(None) => "CLOSE CURSOR ALL",
            Self::Copy(_) => "COPY",
            Self::Discard(Discarded::All) => "DISCARD ALL",
            Self::Discard(Discarded::Temporary) => "DISCARD TEMP",
            Self::Discard(Discarded::Sequences) => "DISCARD SEQUENCES",
            Self::Discard(Discarded::Nothing) => "DISCARD PLANS",
            Self::Set { .. } => "SET",
            Self::Reset(_) => "RESET",
            Self::ShowSetting(_) => "SHOW",
            Self::DeallocateAll => "DEALLOCATE ALL",
            Self::Cancel(_) => "CANCEL",
            Self::Messages(word) => word,
            Self::Constraints { .. } => "SET CONSTRAINTS",
            Self::Maintain(maintain) => maintain.word,
        }
    }
}

/// Parses a statement of this module; `None` when the next statement is another one. `words` are the next keywords in capitals.
///
/// # Errors
/// The statement has a syntax error.
pub fn parse(parser: &mut Parser<'_>, words: &[Option<&str>]) -> Result<Option<ClientCommand>, ParserError> {
    let first = words.first().copied().flatten();
    match first {
        Some("DECLARE") => {
            parser.advance_token();
            declare(parser).map(Some)
        }
        Some(word @ ("FETCH" | "MOVE")) => {
            parser.advance_token();
            let direction = direction(parser)?;
            let _ = parser.parse_one_of_keywords(&[Keyword::FROM, Keyword::IN]);
            let name = normal(&parser.parse_identifier()?);
            Ok(Some(ClientCommand::Fetch { name, direction, gives_rows: word == "FETCH" }))
        }
        Some("CLOSE") => {
            parser.advance_token();
            let is_all = parser.parse_keyword(Keyword::ALL);
            let name = if is_all { None } else { Some(normal(&parser.parse_identifier()?)) };
            Ok(Some(ClientCommand::Close(name)))
        }
        Some("DISCARD") => {
            parser.advance_token();
            let discarded = match word(parser).as_deref() {
                Some("ALL") => Discarded::All,
                Some("TEMP" | "TEMPORARY") => Discarded::Temporary,
                Some("SEQUENCES") => Discarded::Sequences,
                Some("PLANS") => Discarded::Nothing,
                _ => return parser.expected("ALL, TEMP, PLANS or SEQUENCES", parser.peek_token()),
            };
            Ok(Some(ClientCommand::Discard(discarded)))
        }
        Some("DEALLOCATE") if matches!(words, [_, Some("ALL"), ..] | [_, Some("PREPARE"), Some("ALL"), ..]) => {
            parser.advance_token();
            let _ = parser.parse_keyword(Keyword::PREPARE);
            parser.expect_keyword(Keyword::ALL)?;
            Ok(Some(ClientCommand::DeallocateAll))
        }
        Some("CANCEL") => {
            parser.advance_token();
            let _ = matches!(&parser.peek_token_ref().token, Token::Word(word) if word.value.eq_ignore_ascii_case("QUERY"))
                && parser.next_token().token != Token::EOF;
            let number = parser.next_token();
            match &number.token {
                Token::Number(digits, _) if digits.parse::<i64>().is_ok() => {
                    Ok(Some(ClientCommand::Cancel(digits.parse().unwrap_or_default())))
                }
                _ => parser.expected("the number of a query, as in system.queries", number),
            }
        }
        Some("SET") => set(parser),
        Some("RESET") => reset(parser),
        Some("SHOW") => show(parser),
        Some("ANALYZE" | "ANALYSE") => maintaining::parse(parser, "ANALYZE").map(Some),
        Some("VACUUM") => maintaining::parse(parser, "VACUUM").map(Some),
        Some("REINDEX") => maintaining::parse(parser, "REINDEX").map(Some),
        Some("CLUSTER") => maintaining::parse(parser, "CLUSTER").map(Some),
        Some("CHECKPOINT") => maintaining::parse(parser, "CHECKPOINT").map(Some),
        Some("LISTEN") => messages(parser, "LISTEN").map(Some),
        Some("NOTIFY") => messages(parser, "NOTIFY").map(Some),
        Some("UNLISTEN") => messages(parser, "UNLISTEN").map(Some),
        Some("COPY") if is_with_client(parser) => {
            parser.advance_token();
            copy(parser).map(|copy| Some(ClientCommand::Copy(Box::new(copy))))
        }
        _ => Ok(None),
    }
}

fn is_word(parser: &Parser<'_>, place: usize, keyword: Keyword) -> bool {
    matches!(parser.peek_nth_token(place).token, Token::Word(word) if word.keyword == keyword && word.quote_style.is_none())
}

fn skip(parser: &mut Parser<'_>, tokens: usize) {
    (0..tokens).for_each(|_| {
        parser.advance_token();
    });
}

/// `channel [, 'payload']`, or `*`
fn messages(parser: &mut Parser<'_>, word: &'static str) -> Result<ClientCommand, ParserError> {
    parser.advance_token();
    if !parser.consume_token(&Token::Mul) {
        parser.parse_identifier()?;
        if parser.consume_token(&Token::Comma) {
            parser.parse_literal_string()?;
        }
    }
    Ok(ClientCommand::Messages(word))
}

/// Takes the next word, in capitals; `None` when the next token is not an unquoted word.
fn word(parser: &mut Parser<'_>) -> Option<String> {
    match parser.peek_token().token {
        Token::Word(word) if word.quote_style.is_none() => {
            parser.advance_token();
            Some(word.value.to_uppercase())
        }
        _ => None,
    }
}

/// A word, a number or a string, without quotes.
fn text(parser: &mut Parser<'_>) -> Result<String, ParserError> {
    match parser.peek_token().token {
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => {
            parser.advance_token();
            Ok(text)
        }
        Token::Word(word) => {
            parser.advance_token();
            Ok(word.value)
        }
        Token::Number(number, _) => {
            parser.advance_token();
            Ok(number)
        }
        _ => parser.expected("a word or a text in single quotes", parser.peek_token()),
    }
}
