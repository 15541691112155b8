//! SET, RESET and SHOW of the settings of PostgreSQL and of the client.

use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::{ClientCommand, is_word, skip, text, word};
use crate::postgres_settings::setting;
use crate::sql::command::normal;

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

/// `SET [SESSION | LOCAL] name = | TO value, … | DEFAULT`, `SET TIME ZONE value`, `SET NAMES value`, `SET ROLE name`
pub(super) fn set(parser: &mut Parser<'_>) -> Result<Option<ClientCommand>, ParserError> {
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

pub(super) fn reset(parser: &mut Parser<'_>) -> Result<Option<ClientCommand>, ParserError> {
    if is_word(parser, 1, Keyword::ALL) {
        skip(parser, 2);
        return Ok(Some(ClientCommand::Reset(None)));
    }
    if is_word(parser, 1, Keyword::TIME) && is_word(parser, 2, Keyword::ZONE) {
        skip(parser, 3);
        return Ok(Some(ClientCommand::Reset(Some("timezone".into()))));
    }
    if is_word(parser, 1, Keyword::SESSION) && is_word(parser, 2, Keyword::AUTHORIZATION) {
        skip(parser, 3);
        return Ok(Some(ClientCommand::Reset(Some("session_authorization".into()))));
    }
    let Some((name, count)) = setting_at(parser, 1) else { return Ok(None) };
    skip(parser, 1 + count);
    Ok(Some(ClientCommand::Reset(Some(name))))
}

pub(super) fn show(parser: &mut Parser<'_>) -> Result<Option<ClientCommand>, ParserError> {
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
