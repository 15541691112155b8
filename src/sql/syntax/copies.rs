//! `COPY (query) TO 'sales.svg' (CHART 'bar', X month, Y 'orders, returns', TITLE 'Sales')`, which draws a chart. Also `COPY orders TO
//! 'orders.csv' (FORMAT csv, HEADER, DELIMITER ';')`, which is PostgreSQL's and DuckDB's way to write OPTIONS.

use datafusion::sql::parser::{CopyToSource, CopyToStatement, Statement as SqlParsed};
use sqlparser::ast::{Ident, ObjectName, Query, Value};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use crate::sql::dialect::PortraitDialect;

/// The file extensions of charts.
pub const ENDINGS: [&str; 3] = ["svg", "png", "html"];

/// True for the file name of a chart.
pub fn is_picture(target: &str) -> bool {
    let ending = target.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// Parses such a COPY; `None` when the next statement is another one.
///
/// # Errors
/// The file name is followed by something other than a list of options, or the statement is COPY FROM a file.
pub fn parse(parser: &mut Parser<'_>) -> Result<Option<SqlParsed>, ParserError> {
    let is_copy = matches!(&parser.peek_token().token, Token::Word(word) if word.keyword == Keyword::COPY);
    if !is_copy {
        return Ok(None);
    }
    if let Some((table, file)) = parser.maybe_parse(|parser| {
        parser.expect_keyword(Keyword::COPY)?;
        let table = parser.parse_object_name(true)?;
        parser.expect_keyword(Keyword::FROM)?;
        Ok((table, parser.parse_literal_string()?))
    })? {
        let is_published = matches!(table.0.as_slice(), [schema, _] if schema.as_ident().is_some_and(is_of_refresh));
        return Err(ParserError::ParserError(match is_published {
            true => format!(
                "COPY FROM: only REFRESH changes {table}; INSERT INTO a table that its definition reads, SELECT * FROM '{file}', and refresh it"
            ),
            false => format!("COPY FROM: a file is read in FROM; write INSERT INTO {table} SELECT * FROM '{file}'"),
        }));
    }
    let head = parser.maybe_parse(|parser| {
        parser.expect_keyword(Keyword::COPY)?;
        let mut names_columns = false;
        let source = if parser.consume_token(&Token::LParen) {
            let query = parser.parse_query()?;
            parser.expect_token(&Token::RParen)?;
            CopyToSource::Query(query)
        } else {
            let table = parser.parse_object_name(true)?;
            names_columns = parser.consume_token(&Token::LParen);
            if names_columns {
                let columns = parser.parse_comma_separated(Parser::parse_identifier)?;
                parser.expect_token(&Token::RParen)?;
                CopyToSource::Query(columns_of(&table, &columns)?)
            } else {
                CopyToSource::Relation(table)
            }
        };
        parser.expect_keyword(Keyword::TO)?;
        let target = parser.parse_literal_string()?;
        let has_options = parser.peek_token().token == Token::LParen
            || parser.peek_keyword(Keyword::WITH) && parser.peek_nth_token(1).token == Token::LParen;
        if is_picture(&target) || has_options || names_columns {
            Ok((source, target))
        } else {
            parser.expected("(", parser.peek_token())
        }
    })?;
    let Some((source, target)) = head else { return Ok(None) };
    let mut options = vec![];
    let _ = parser.parse_keyword(Keyword::WITH);
    if parser.consume_token(&Token::LParen) {
        options = parser.parse_comma_separated(option)?;
        parser.expect_token(&Token::RParen)?;
    }
    let is_picture = is_picture(&target);
    let mut copy = CopyToStatement { source, target, partitioned_by: vec![], stored_as: None, options: vec![] };
    let mut names: Vec<String> = vec![];
    for (name, value) in options {
        let own = own_name(&name, is_picture).to_string();
        if names.contains(&own) {
            return Err(ParserError::ParserError(format!("COPY: {own} is given twice")));
        }
        match name.as_str() {
            "format" if !is_picture => copy.stored_as = Some(value.to_uppercase()),
            "partition_by" | "partitioned_by" if !is_picture => {
                copy.partitioned_by = value.split(',').map(String::from).collect()
            }
            _ => copy.options.push((own.clone(), Value::SingleQuotedString(value))),
        }
        names.push(own);
    }
    Ok(Some(SqlParsed::CopyTo(copy)))
}

/// The query of some columns of a table.
fn columns_of(table: &ObjectName, columns: &[Ident]) -> Result<Box<Query>, ParserError> {
    let columns = columns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Parser::new(&PortraitDialect).try_with_sql(&format!("SELECT {columns} FROM {table}"))?.parse_query()
}

/// True for the schemas of what profiles and segments publish.
fn is_of_refresh(schema: &Ident) -> bool {
    matches!(schema.value.to_lowercase().as_str(), "profile" | "segment")
}

/// The name that the option has here.
fn own_name(name: &str, is_picture: bool) -> &str {
    match name {
        "delimiter" | "delim" | "sep" if !is_picture => "separator",
        "nullstr" if !is_picture => "null",
        "codec" if !is_picture => "compression",
        name => name,
    }
}

/// `NAME value`, where the value is a string, a number, a name or names in parentheses. A name alone means true.
fn option(parser: &mut Parser<'_>) -> Result<(String, String), ParserError> {
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
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => {
            parser.advance_token();
            text
        }
        Token::Comma | Token::RParen => "true".into(),
        _ => column(parser)?,
    };
    Ok((name, value))
}
