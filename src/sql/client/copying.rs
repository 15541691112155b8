//! COPY from and to the client.

use sqlparser::ast::{Ident, ObjectName};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::{text, word};
use crate::sql::command::normal;

/// A COPY between a table or query and the client.
#[derive(Debug, Clone)]
pub struct ClientCopy {
    /// The table that rows are added to, as written in SQL; `None` when rows go to the client.
    pub into: Option<String>,
    /// The query for the rows to send, or for the columns to receive.
    pub query: String,
    /// The column list, as written in SQL.
    pub columns: Vec<String>,
    pub format: CopyFormat,
    pub delimiter: Option<char>,
    pub null: Option<String>,
    pub header: bool,
    pub quote: char,
    pub escape: Option<char>,
    /// Columns whose values are always quoted. `None` quotes only values that need it; an empty list quotes all columns.
    pub force_quote: Option<Vec<String>>,
}

/// The format of the rows of a COPY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFormat {
    Text,
    Csv,
    Binary,
}

/// True for a COPY from STDIN or to STDOUT, whose other side is the client rather than a file.
pub(super) fn is_with_client(parser: &Parser<'_>) -> bool {
    let (mut place, mut depth) = (1, 0_usize);
    loop {
        match parser.peek_nth_token(place).token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            Token::EOF | Token::SemiColon => return false,
            Token::Word(word) if depth == 0 && matches!(word.keyword, Keyword::FROM | Keyword::TO) => {
                let next = parser.peek_nth_token(place + 1).token;
                return matches!(next, Token::Word(word) if matches!(word.keyword, Keyword::STDIN | Keyword::STDOUT));
            }
            _ => {}
        }
        place += 1;
    }
}

pub(super) fn copy(parser: &mut Parser<'_>) -> Result<ClientCopy, ParserError> {
    let (mut columns, mut table, query): (Vec<String>, Option<ObjectName>, String);
    if parser.consume_token(&Token::LParen) {
        query = parser.parse_query()?.to_string();
        parser.expect_token(&Token::RParen)?;
        (columns, table) = (vec![], None);
    } else {
        let name = parser.parse_object_name(false)?;
        columns = vec![];
        if parser.consume_token(&Token::LParen) {
            let names: Vec<Ident> = parser.parse_comma_separated(|parser| parser.parse_identifier())?;
            parser.expect_token(&Token::RParen)?;
            columns = names.iter().map(ToString::to_string).collect();
        }
        let selected = if columns.is_empty() { "*".into() } else { columns.join(", ") };
        query = format!("SELECT {selected} FROM {name}");
        table = Some(name);
    }
    if parser.expect_one_of_keywords(&[Keyword::FROM, Keyword::TO])? == Keyword::TO {
        parser.expect_keyword(Keyword::STDOUT)?;
        table = None;
    } else {
        parser.expect_keyword(Keyword::STDIN)?;
        if table.is_none() {
            return Err(ParserError::ParserError("COPY … FROM STDIN takes a table, with or without its columns".into()));
        }
    }
    let mut copy = ClientCopy {
        into: table.map(|table| table.to_string()),
        query,
        columns: std::mem::take(&mut columns),
        format: CopyFormat::Text,
        delimiter: None,
        null: None,
        header: false,
        quote: '"',
        escape: None,
        force_quote: None,
    };
    let _ = parser.parse_keyword(Keyword::WITH);
    if parser.consume_token(&Token::LParen) {
        loop {
            option(parser, &mut copy, true)?;
            if !parser.consume_token(&Token::Comma) {
                break;
            }
        }
        parser.expect_token(&Token::RParen)?;
    } else {
        // The syntax before PostgreSQL 9.0: options follow one another without commas.
        while matches!(parser.peek_token().token, Token::Word(_)) {
            option(parser, &mut copy, false)?;
        }
    }
    check(copy)
}

fn option(parser: &mut Parser<'_>, copy: &mut ClientCopy, is_listed: bool) -> Result<(), ParserError> {
    let Some(name) = word(parser) else { return parser.expected("an option of COPY", parser.peek_token()) };
    let yes = |parser: &mut Parser<'_>| -> Result<bool, ParserError> {
        match parser.peek_token().token {
            Token::Comma | Token::RParen => Ok(true),
            _ if !is_listed => Ok(true),
            _ => match text(parser)?.to_lowercase().as_str() {
                "true" | "on" | "1" | "match" => Ok(true),
                "false" | "off" | "0" => Ok(false),
                other => Err(ParserError::ParserError(format!("{name} must be true or false, got {other}"))),
            },
        }
    };
    let letter = |parser: &mut Parser<'_>| -> Result<char, ParserError> {
        let _ = parser.parse_keyword(Keyword::AS);
        let given = text(parser)?;
        let mut letters = given.chars();
        match (letters.next(), letters.next()) {
            (Some(letter), None) if letter.is_ascii() && !matches!(letter, '\n' | '\r') => Ok(letter),
            _ => Err(ParserError::ParserError(format!("{name} must be one ASCII character, got '{given}'"))),
        }
    };
    match name.as_str() {
        "FORMAT" => {
            copy.format = match text(parser)?.to_lowercase().as_str() {
                "text" => CopyFormat::Text,
                "csv" => CopyFormat::Csv,
                "binary" => CopyFormat::Binary,
                other => return Err(ParserError::ParserError(format!("FORMAT must be text, csv or binary, got {other}"))),
            }
        }
        "CSV" if !is_listed => copy.format = CopyFormat::Csv,
        "BINARY" if !is_listed => copy.format = CopyFormat::Binary,
        "DELIMITER" | "DELIMITERS" => copy.delimiter = Some(letter(parser)?),
        "NULL" => {
            let _ = parser.parse_keyword(Keyword::AS);
            copy.null = Some(text(parser)?);
        }
        "HEADER" => copy.header = yes(parser)?,
        "QUOTE" => copy.quote = letter(parser)?,
        "ESCAPE" => copy.escape = Some(letter(parser)?),
        "FREEZE" => _ = yes(parser)?,
        "ENCODING" => match text(parser)?.to_uppercase().replace('-', "").as_str() {
            "UTF8" | "UNICODE" => {}
            other => return Err(ParserError::ParserError(format!("ENCODING must be UTF8, got {other}"))),
        },
        "FORCE_QUOTE" | "FORCE" => {
            if name == "FORCE" {
                parser.expect_keyword(Keyword::QUOTE)?;
            }
            copy.force_quote = Some(vec![]);
            if !parser.consume_token(&Token::Mul) {
                let in_parentheses = parser.consume_token(&Token::LParen);
                let names: Vec<Ident> = parser.parse_comma_separated(|parser| parser.parse_identifier())?;
                if in_parentheses {
                    parser.expect_token(&Token::RParen)?;
                }
                copy.force_quote = Some(names.iter().map(normal).collect());
            }
        }
        other => return Err(ParserError::ParserError(format!("COPY has no option {other} here; leave it out"))),
    }
    Ok(())
}

fn check(copy: ClientCopy) -> Result<ClientCopy, ParserError> {
    let wrong = |problem: &str| Err(ParserError::ParserError(problem.into()));
    match copy.format {
        CopyFormat::Binary if copy.delimiter.is_some() || copy.null.is_some() || copy.header => {
            wrong("the binary format has no DELIMITER, NULL or HEADER")
        }
        CopyFormat::Csv if copy.delimiter == Some(copy.quote) => wrong("DELIMITER and QUOTE must be different characters"),
        CopyFormat::Text if copy.force_quote.is_some() || copy.escape.is_some() || copy.quote != '"' => {
            wrong("QUOTE, ESCAPE and FORCE_QUOTE require FORMAT csv")
        }
        CopyFormat::Text
            if copy.delimiter.is_some_and(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '\\' | '.')) =>
        {
            wrong("DELIMITER must not be a letter, digit, point or backslash")
        }
        _ => Ok(copy),
    }
}
