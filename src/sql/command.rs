//! Statements over named objects, all with one grammar:
//! `CREATE [OR REPLACE] kind [IF NOT EXISTS] name [ON profile] [WITH (option = constant, …)] AS body`, `DROP`, `SHOW`, `DESCRIBE`, `REFRESH`.

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use sqlparser::ast::{Expr, Ident, Query};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use crate::catalog::objects::ObjectKind;

/// A statement over a named object.
#[derive(Debug, Clone)]
pub enum Command {
    /// `CREATE …`
    Create(Box<Create>),
    /// `DROP …`
    Drop {
        /// What.
        kind: ObjectKind,
        /// Its name.
        name: String,
        /// The profile after `ON`.
        profile: Option<String>,
        /// `IF EXISTS`
        if_exists: bool,
    },
    /// `SHOW PROFILES`, …
    Show(ObjectKind),
    /// `DESCRIBE …`
    Describe {
        /// What.
        kind: ObjectKind,
        /// Its name.
        name: String,
        /// The profile after `ON`.
        profile: Option<String>,
    },
    /// `REFRESH …`
    Refresh(Refresh),
    /// `EXPLAIN REFRESH …`
    ExplainRefresh(Refresh),
}

/// `CREATE …`
#[derive(Debug, Clone)]
pub struct Create {
    /// What.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
    /// The profile after `ON`.
    pub profile: Option<String>,
    /// `OR REPLACE`
    pub or_replace: bool,
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// Options as they were written, by name.
    pub options: Vec<(String, Expr)>,
    /// What comes after `AS`.
    pub body: Body,
}

/// What comes after `AS`.
#[derive(Debug, Clone)]
pub enum Body {
    /// Of a profile, tag or model.
    Query(Box<Query>),
    /// Of a segment.
    Condition(Box<Expr>),
}

/// `REFRESH …`
#[derive(Debug, Clone)]
pub struct Refresh {
    /// A profile, or a segment of one.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
    /// `TAGS (…)`: only these.
    pub tags: Option<Vec<String>>,
    /// Options as they were written, by name.
    pub options: Vec<(String, Expr)>,
}

/// Parses a statement over a named object, or `None` when the next one is another statement.
pub fn parse(parser: &mut Parser<'_>) -> Result<Option<Command>> {
    let words = Words::ahead(parser);
    let kind = |word: Option<&str>, plural: bool| {
        let found = ObjectKind::ALL.into_iter().find(|(_, one, many)| word == Some(if plural { many } else { one }));
        found.map(|(kind, ..)| kind)
    };
    let words: Vec<Option<&str>> = words.0.iter().map(Option::as_deref).collect();
    let parsed = match words.as_slice() {
        [Some("CREATE"), word, ..] if let Some(kind) = kind(*word, false) => {
            skip(parser, 2);
            create(parser, kind, false)
        }
        [Some("CREATE"), Some("OR"), Some("REPLACE"), word, ..] if let Some(kind) = kind(*word, false) => {
            skip(parser, 4);
            create(parser, kind, true)
        }
        [Some("DROP"), word, ..] if let Some(kind) = kind(*word, false) => {
            skip(parser, 2);
            drop_object(parser, kind)
        }
        [Some("SHOW"), word, ..] if let Some(kind) = kind(*word, true) => {
            skip(parser, 2);
            Ok(Command::Show(kind))
        }
        [Some("DESCRIBE" | "DESC"), word, Some(_), ..] if let Some(kind) = kind(*word, false) => {
            skip(parser, 2);
            named(parser).map(|(name, profile)| Command::Describe { kind, name, profile })
        }
        [Some("REFRESH"), ..] => {
            skip(parser, 1);
            refresh(parser).map(Command::Refresh)
        }
        [Some("EXPLAIN"), Some("REFRESH"), ..] => {
            skip(parser, 2);
            refresh(parser).map(Command::ExplainRefresh)
        }
        _ => return Ok(None),
    };
    parsed.map(Some).map_err(|error| DataFusionError::SQL(Box::new(error), None))
}

/// The next words in capitals; anything else is `None`.
struct Words([Option<String>; 4]);

impl Words {
    fn ahead(parser: &Parser<'_>) -> Self {
        Self([0, 1, 2, 3].map(|place| match parser.peek_nth_token(place).token {
            Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_uppercase()),
            Token::Word(word) => Some(word.value),
            _ => None,
        }))
    }
}

fn skip(parser: &mut Parser<'_>, words: usize) {
    (0..words).for_each(|_| {
        parser.advance_token();
    });
}

fn create(parser: &mut Parser<'_>, kind: ObjectKind, or_replace: bool) -> Result<Command, ParserError> {
    let if_not_exists = parser.parse_keywords(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS]);
    let (name, profile) = named(parser)?;
    if profile.is_some() && !kind.is_of_profile() {
        return Err(ParserError::ParserError(format!("a {kind} is of no profile; leave ON out")));
    }
    if kind.is_of_profile() && profile.is_none() {
        let found = parser.peek_token();
        return parser.expected(&format!("ON and the name of the profile that the {kind} is of"), found);
    }
    let options = options(parser)?;
    parser.expect_keyword(Keyword::AS)?;
    let body = match kind {
        ObjectKind::Segment => Body::Condition(Box::new(parser.parse_expr()?)),
        _ => Body::Query(parser.parse_query()?),
    };
    Ok(Command::Create(Box::new(Create { kind, name, profile, or_replace, if_not_exists, options, body })))
}

fn drop_object(parser: &mut Parser<'_>, kind: ObjectKind) -> Result<Command, ParserError> {
    let if_exists = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
    let (name, profile) = named(parser)?;
    Ok(Command::Drop { kind, name, profile, if_exists })
}

fn refresh(parser: &mut Parser<'_>) -> Result<Refresh, ParserError> {
    let kind = match Words::ahead(parser).0[0].as_deref() {
        Some("PROFILE") => ObjectKind::Profile,
        Some("SEGMENT") => ObjectKind::Segment,
        _ => {
            let found = parser.peek_token();
            return parser.expected("PROFILE or SEGMENT", found);
        }
    };
    skip(parser, 1);
    let name = identifier(parser)?;
    let mut tags = None;
    if kind == ObjectKind::Profile && Words::ahead(parser).0[0].as_deref() == Some("TAGS") {
        skip(parser, 1);
        parser.expect_token(&Token::LParen)?;
        tags = Some(parser.parse_comma_separated(identifier)?);
        parser.expect_token(&Token::RParen)?;
    }
    Ok(Refresh { kind, name, tags, options: options(parser)? })
}

/// `name [ON profile]`
fn named(parser: &mut Parser<'_>) -> Result<(String, Option<String>), ParserError> {
    let name = identifier(parser)?;
    let profile = if parser.parse_keyword(Keyword::ON) { Some(identifier(parser)?) } else { None };
    Ok((name, profile))
}

fn options(parser: &mut Parser<'_>) -> Result<Vec<(String, Expr)>, ParserError> {
    if !parser.parse_keyword(Keyword::WITH) {
        return Ok(vec![]);
    }
    parser.expect_token(&Token::LParen)?;
    let options = parser.parse_comma_separated(|parser| {
        let name = identifier(parser)?;
        if !parser.consume_token(&Token::RArrow) {
            parser.expect_token(&Token::Eq)?;
        }
        Ok((name, parser.parse_expr()?))
    })?;
    parser.expect_token(&Token::RParen)?;
    Ok(options)
}

fn identifier(parser: &mut Parser<'_>) -> Result<String, ParserError> {
    parser.parse_identifier().map(|name| normal(&name))
}

/// A name as it is compared: in small letters unless it is quoted.
pub fn normal(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}
