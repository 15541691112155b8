//! Statements about personal data and its retention: `ERASE SUBJECT`, `EXPORT SUBJECT`, `RETAIN`, `REFRESH RETENTION`.

use sqlparser::ast::{Expr, ObjectName};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::command::{normal, options_in_parentheses};

/// The data subjects: keys of a profile, or persons of an identity graph.
#[derive(Debug, Clone)]
pub struct Subjects {
    pub keys: Vec<Expr>,
    /// What the keys belong to: `profile` or `identity`.
    pub kind: &'static str,
    pub name: String,
}

impl Subjects {
    /// Kind and name, for messages.
    pub fn of(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }
}

/// A statement about personal data.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "one per statement, and moved a few times")]
pub enum Erasing {
    /// `ERASE SUBJECT key, … FROM PROFILE | IDENTITY name WITH (reason = '…')`
    Erase(Subjects, Vec<(String, Expr)>),
    /// `EXPORT SUBJECT key FROM PROFILE | IDENTITY name [TO 'file.json']`; without a file, the data is returned as rows.
    Export(Subjects, Option<String>, Vec<(String, Expr)>),
    /// `RETAIN table FOR INTERVAL '…' [ON column]`, or `RETAIN table FOREVER` with `None`.
    Retain(ObjectName, Option<(Expr, Option<String>)>),
    /// `REFRESH RETENTION [table]`
    Refresh(Option<ObjectName>),
}

impl Erasing {
    /// The command tag.
    pub fn tag(&self) -> &'static str {
        match self {
            Self::Erase(..) => "ERASE SUBJECT",
            Self::Export(..) => "EXPORT SUBJECT",
            Self::Retain(..) => "RETAIN",
            Self::Refresh(_) => "REFRESH RETENTION",
        }
    }
}

/// Parses a statement of this module; `None` when the next statement is another one. `words` are the next keywords in capitals.
///
/// # Errors
/// The statement has a syntax error.
pub fn parse(parser: &mut Parser<'_>, words: &[Option<&str>]) -> Result<Option<Erasing>, ParserError> {
    match words {
        [Some("ERASE"), Some("SUBJECT"), ..] => {
            skip(parser, 2);
            let subjects = subjects(parser)?;
            Ok(Some(Erasing::Erase(subjects, options(parser)?)))
        }
        [Some("EXPORT"), Some("SUBJECT"), ..] => {
            skip(parser, 2);
            let subjects = subjects(parser)?;
            let file = if parser.parse_keyword(Keyword::TO) { Some(parser.parse_literal_string()?) } else { None };
            Ok(Some(Erasing::Export(subjects, file, options(parser)?)))
        }
        // RETENTION is unambiguous here: REFRESH otherwise takes the keyword of a kind, never a bare table name.
        [Some("REFRESH"), Some("RETENTION"), ..] => {
            skip(parser, 2);
            let ends = matches!(parser.peek_token().token, Token::EOF | Token::SemiColon);
            Ok(Some(Erasing::Refresh(if ends { None } else { Some(parser.parse_object_name(false)?) })))
        }
        [Some("RETAIN"), Some(_), ..] => {
            skip(parser, 1);
            let _ = parser.parse_keyword(Keyword::TABLE);
            let table = parser.parse_object_name(false)?;
            retain(parser).map(|rule| Some(Erasing::Retain(table, rule)))
        }
        _ => Ok(None),
    }
}

fn skip(parser: &mut Parser<'_>, words: usize) {
    (0..words).for_each(|_| parser.advance_token());
}

/// `key, … FROM [PROFILE | IDENTITY] name`
fn subjects(parser: &mut Parser<'_>) -> Result<Subjects, ParserError> {
    let keys = parser.parse_comma_separated(Parser::parse_expr)?;
    parser.expect_keyword(Keyword::FROM)?;
    let word = match (parser.peek_nth_token(0).token, parser.peek_nth_token(1).token) {
        (Token::Word(word), Token::Word(_)) if word.quote_style.is_none() => word.value.to_uppercase(),
        _ => String::new(),
    };
    let kind = if word == "IDENTITY" { "identity" } else { "profile" };
    if matches!(word.as_str(), "IDENTITY" | "PROFILE") {
        parser.advance_token();
    }
    Ok(Subjects { keys, kind, name: normal(&parser.parse_identifier()?) })
}

/// `FOR INTERVAL '…' [ON column]`, or `FOREVER`
fn retain(parser: &mut Parser<'_>) -> Result<Option<(Expr, Option<String>)>, ParserError> {
    if let Token::Word(word) = parser.peek_token().token
        && word.quote_style.is_none()
        && word.value.eq_ignore_ascii_case("forever")
    {
        parser.advance_token();
        return Ok(None);
    }
    if !parser.parse_keyword(Keyword::FOR) {
        return parser.expected("FOR INTERVAL '…' [ON column], or FOREVER", parser.peek_token());
    }
    let time = parser.parse_expr()?;
    let column = match parser.parse_keyword(Keyword::ON) {
        true => Some(normal(&parser.parse_identifier()?)),
        false => None,
    };
    Ok(Some((time, column)))
}

fn options(parser: &mut Parser<'_>) -> Result<Vec<(String, Expr)>, ParserError> {
    if parser.parse_keyword(Keyword::WITH) { options_in_parentheses(parser) } else { Ok(vec![]) }
}
