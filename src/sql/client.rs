//! Statements that clients use to read and write in parts: cursors and COPY from and to the client. Also the statements that set and reset
//! a session's state.

use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{Ident, ObjectName, Statement as SqlStatement};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::command::normal;
use super::maintaining::{self, Maintain};
use crate::postgres_settings::setting;

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

/// True for the settings of PostgreSQL and of the client; those of Portrait and DataFusion are parsed elsewhere.
fn is_of_postgres(name: &str) -> bool {
    match name.split_once('.') {
        None => true,
        Some((of, _)) => !matches!(of, "portrait" | "datafusion"),
    }
}

/// The name of a setting that begins at token `place`, and how many tokens it takes.
fn setting_at(parser: &Parser<'_>, place: usize) -> Option<(String, usize)> {
    let Token::Word(first) = parser.peek_nth_token(place).token else { return None };
    let (mut name, mut count) = (first.value.to_lowercase(), 1);
    while parser.peek_nth_token(place + count).token == Token::Period
        && let Token::Word(next) = parser.peek_nth_token(place + count + 1).token
    {
        name = format!("{name}.{}", next.value.to_lowercase());
        count += 2;
    }
    is_of_postgres(&name).then_some((name, count))
}

fn is_word(parser: &Parser<'_>, place: usize, keyword: Keyword) -> bool {
    matches!(parser.peek_nth_token(place).token, Token::Word(word) if word.keyword == keyword && word.quote_style.is_none())
}

fn skip(parser: &mut Parser<'_>, tokens: usize) {
    (0..tokens).for_each(|_| {
        parser.advance_token();
    });
}

/// `SET [SESSION | LOCAL] name = | TO value, … | DEFAULT`, `SET TIME ZONE value`, `SET NAMES value`, `SET ROLE name`
fn set(parser: &mut Parser<'_>) -> Result<Option<ClientCommand>, ParserError> {
    let scope = usize::from(is_word(parser, 1, Keyword::SESSION) || is_word(parser, 1, Keyword::LOCAL));
    let is_local = is_word(parser, 1, Keyword::LOCAL);
    let place = 1 + scope;
    let of = |name: &str, value: Option<String>| Ok(Some(ClientCommand::Set { name: name.into(), value, is_local }));
    if is_word(parser, place, Keyword::TIME) && is_word(parser, place + 1, Keyword::ZONE) {
        skip(parser, place + 2);
        let value = zone(parser)?;
        return of("timezone", value);
    }
    if is_word(parser, place, Keyword::NAMES) {
        skip(parser, place + 1);
        let value = value(parser)?;
        return of("client_encoding", value);
    }
    if is_word(parser, place, Keyword::ROLE) {
        skip(parser, place + 1);
        // `SET ROLE name`, or `SET role TO name` as of any other setting.
        let _ = parser.consume_token(&Token::Eq) || parser.parse_keyword(Keyword::TO);
        let value = value(parser)?;
        return of("role", value);
    }
    if scope == 1 && is_word(parser, place, Keyword::AUTHORIZATION) {
        skip(parser, place + 1);
        let value = value(parser)?;
        return of("session_authorization", value);
    }
    if scope == 0
        && matches!(&parser.peek_nth_token(1).token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("CONSTRAINTS"))
    {
        skip(parser, 2);
        let names = match parser.parse_keyword(Keyword::ALL) {
            true => vec![],
            // A schema before the name is that of the table.
            false => parser.parse_comma_separated(|parser| parser.parse_object_name(false))?,
        };
        let names = names.iter().filter_map(|name| name.0.last()?.as_ident().map(normal)).collect();
        return match word(parser).as_deref() {
            Some(when @ ("DEFERRED" | "IMMEDIATE")) => {
                Ok(Some(ClientCommand::Constraints { names, are_late: when == "DEFERRED" }))
            }
            _ => parser.expected("DEFERRED or IMMEDIATE", parser.peek_token()),
        };
    }
    // `SET [SESSION] TRANSACTION` and `SET SESSION CHARACTERISTICS` are left to sqlparser.
    if is_word(parser, place, Keyword::TRANSACTION) || is_word(parser, place, Keyword::CHARACTERISTICS) {
        return Ok(None);
    }
    let Some((name, count)) = setting_at(parser, place) else { return Ok(None) };
    let after = parser.peek_nth_token(place + count).token;
    if after != Token::Eq && !is_word(parser, place + count, Keyword::TO) {
        return Ok(None);
    }
    skip(parser, place + count + 1);
    if name == "timezone" {
        let value = zone(parser)?;
        return of("timezone", value);
    }
    let Some(mut all) = value(parser)? else { return of(&name, None) };
    while parser.consume_token(&Token::Comma) {
        all.push_str(", ");
        all.push_str(&value(parser)?.unwrap_or_default());
    }
    of(&name, Some(all))
}

/// The value of a setting; `None` for DEFAULT.
fn value(parser: &mut Parser<'_>) -> Result<Option<String>, ParserError> {
    if parser.parse_keyword(Keyword::DEFAULT) {
        return Ok(None);
    }
    let sign = if parser.consume_token(&Token::Minus) { "-" } else { "" };
    // A quoted word keeps its quotes, because a list of schemas is parsed again later.
    if let Token::Word(word) = parser.peek_token().token
        && word.quote_style.is_some()
    {
        parser.advance_token();
        return Ok(Some(word.to_string()));
    }
    text(parser).map(|text| Some(format!("{sign}{text}")))
}

/// A time zone: a name, an offset in hours, or an interval. `None` for LOCAL and DEFAULT.
fn zone(parser: &mut Parser<'_>) -> Result<Option<String>, ParserError> {
    if parser.parse_keyword(Keyword::LOCAL) {
        return Ok(None);
    }
    let _ = parser.parse_keyword(Keyword::INTERVAL);
    let is_number = matches!(parser.peek_token().token, Token::Number(..) | Token::Minus);
    let Some(value) = value(parser)? else { return Ok(None) };
    if !is_number {
        return Ok(Some(value));
    }
    // A positive number is hours east of Greenwich.
    let hours: f64 = value.parse().map_err(|_| ParserError::ParserError(format!("{value} is not an offset in hours")))?;
    let minutes = (hours.abs() * 60.0).round() as i64;
    let sign = if hours < 0.0 { '-' } else { '+' };
    Ok(Some(format!("<{sign}{:02}:{:02}>", minutes / 60, minutes % 60)))
}

fn reset(parser: &mut Parser<'_>) -> Result<Option<ClientCommand>, ParserError> {
    if is_word(parser, 1, Keyword::ALL) {
        skip(parser, 2);
        return Ok(Some(ClientCommand::Reset(None)));
    }
    if is_word(parser, 1, Keyword::TIME) && is_word(parser, 2, Keyword::ZONE) {
        skip(parser, 3);
        return Ok(Some(ClientCommand::Reset(Some("timezone".into()))));
    }
    let Some((name, count)) = setting_at(parser, 1) else { return Ok(None) };
    skip(parser, 1 + count);
    Ok(Some(ClientCommand::Reset(Some(name))))
}

fn show(parser: &mut Parser<'_>) -> Result<Option<ClientCommand>, ParserError> {
    let words = |first, second| is_word(parser, 1, first) && is_word(parser, 2, second);
    let known = match () {
        () if words(Keyword::TIME, Keyword::ZONE) => Some(("timezone", 3)),
        () if words(Keyword::TRANSACTION, Keyword::ISOLATION) => Some(("transaction_isolation", 4)),
        () if words(Keyword::SESSION, Keyword::AUTHORIZATION) => Some(("session_authorization", 3)),
        () => None,
    };
    if let Some((name, count)) = known {
        skip(parser, count);
        return Ok(Some(ClientCommand::ShowSetting(name.into())));
    }
    match setting_at(parser, 1) {
        Some((name, count)) if is_known(&name) && is_end(&parser.peek_nth_token(1 + count).token) => {
            skip(parser, 1 + count);
            Ok(Some(ClientCommand::ShowSetting(name)))
        }
        _ => Ok(None),
    }
}

fn is_end(token: &Token) -> bool {
    matches!(token, Token::EOF | Token::SemiColon)
}

/// True for the settings of PostgreSQL and of the client.
fn is_known(name: &str) -> bool {
    name.contains('.') || setting(name).is_some()
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

/// `name [BINARY] [ASENSITIVE | INSENSITIVE] [[NO] SCROLL] CURSOR [WITH | WITHOUT HOLD] FOR query`
fn declare(parser: &mut Parser<'_>) -> Result<ClientCommand, ParserError> {
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

fn direction(parser: &mut Parser<'_>) -> Result<Direction, ParserError> {
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

/// True for a COPY from STDIN or to STDOUT, whose other side is the client rather than a file.
fn is_with_client(parser: &Parser<'_>) -> bool {
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

fn copy(parser: &mut Parser<'_>) -> Result<ClientCopy, ParserError> {
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
