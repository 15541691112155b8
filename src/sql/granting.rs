//! `GRANT`, `REVOKE`, and changes of ownership.

use sqlparser::ast::ObjectName;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::command::{Grammars, normal};
use crate::catalog::grants::Privilege;

/// A statement about privileges or ownership.
#[derive(Debug, Clone)]
pub enum Granting {
    /// `GRANT … ON … TO …`, and its REVOKE
    Privileges { gives: bool, privileges: Privileges, on: GrantOn, roles: Vec<String>, only_option: bool },
    /// `GRANT role TO role`, and its REVOKE
    Membership { gives: bool, groups: Vec<String>, roles: Vec<String>, with_option: bool },
    /// `ALTER … OWNER TO role`
    Owner { on: GrantOn, owner: String },
    /// `REASSIGN OWNED BY role TO role`
    Reassign { from: Vec<String>, to: String },
}

/// The privileges that are granted or revoked.
#[derive(Debug, Clone)]
pub struct Privileges {
    /// An empty list stands for ALL.
    pub named: Vec<Privilege>,
    /// `WITH GRANT OPTION`
    pub with_option: bool,
}

/// What privileges are granted on.
#[derive(Debug, Clone)]
pub enum GrantOn {
    /// Tables, views and external tables, and the tables that profiles and segments publish.
    Relations(Vec<ObjectName>),
    /// Sequences, and the counters of columns.
    Sequences(Vec<ObjectName>),
    /// Objects of a kind, given by its keyword.
    Objects(&'static str, Vec<String>),
    Database(Vec<String>),
    Schemas(Vec<String>),
    /// All objects of these kinds in these schemas; in all schemas when none is named.
    All(Vec<&'static str>, Vec<String>),
    Files,
}

impl Granting {
    /// The command tag.
    pub fn tag(&self) -> &'static str {
        match self {
            Self::Privileges { gives: true, .. } => "GRANT",
            Self::Privileges { .. } => "REVOKE",
            Self::Membership { gives: true, .. } => "GRANT ROLE",
            Self::Membership { .. } => "REVOKE ROLE",
            Self::Owner { on: GrantOn::Relations(_), .. } => "ALTER TABLE",
            Self::Owner { on: GrantOn::Schemas(_), .. } => "ALTER SCHEMA",
            Self::Owner { on: GrantOn::Sequences(_), .. } => "ALTER SEQUENCE",
            Self::Owner { .. } => "ALTER",
            Self::Reassign { .. } => "REASSIGN OWNED",
        }
    }
}

/// Parses a statement of this module; `None` when the next statement is another one. `words` are the next keywords in capitals.
///
/// # Errors
/// The statement has a syntax error.
pub fn parse(parser: &mut Parser<'_>, words: &[Option<&str>], grammars: &Grammars) -> Result<Option<Granting>, ParserError> {
    match words {
        [Some(word @ ("GRANT" | "REVOKE")), ..] => {
            parser.advance_token();
            grant(parser, *word == "GRANT", grammars).map(Some)
        }
        [Some("REASSIGN"), Some("OWNED"), ..] => {
            parser.advance_token();
            parser.advance_token();
            parser.expect_keyword_is(Keyword::BY)?;
            let from = roles(parser)?;
            parser.expect_keyword_is(Keyword::TO)?;
            Ok(Some(Granting::Reassign { from, to: role(parser)? }))
        }
        [Some("ALTER"), Some(_), ..] => parser.maybe_parse(|parser| {
            parser.advance_token();
            let on = on(parser, grammars)?;
            word(parser, "OWNER")?;
            parser.expect_keyword_is(Keyword::TO)?;
            Ok(Granting::Owner { on, owner: role(parser)? })
        }),
        _ => Ok(None),
    }
}

fn is_word(token: &Token, expected: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected))
}

fn takes(parser: &mut Parser<'_>, expected: &str) -> bool {
    let is_next = is_word(&parser.peek_token_ref().token, expected);
    if is_next {
        parser.advance_token();
    }
    is_next
}

fn word(parser: &mut Parser<'_>, expected: &str) -> Result<(), ParserError> {
    if takes(parser, expected) {
        return Ok(());
    }
    let found = parser.peek_token();
    parser.expected(expected, found)
}

/// The name of a role; an empty name for `CURRENT_USER` and the like, which stand for the current role.
fn role(parser: &mut Parser<'_>) -> Result<String, ParserError> {
    let _ = takes(parser, "GROUP");
    if ["CURRENT_USER", "CURRENT_ROLE", "SESSION_USER"].iter().any(|own| takes(parser, own)) {
        return Ok(String::new());
    }
    parser.parse_identifier().map(|name| normal(&name))
}

fn roles(parser: &mut Parser<'_>) -> Result<Vec<String>, ParserError> {
    parser.parse_comma_separated(role)
}

fn names(parser: &mut Parser<'_>) -> Result<Vec<String>, ParserError> {
    parser.parse_comma_separated(|parser| parser.parse_identifier().map(|name| normal(&name)))
}

fn grant(parser: &mut Parser<'_>, gives: bool, grammars: &Grammars) -> Result<Granting, ParserError> {
    let option = if gives { None } else { ["GRANT", "ADMIN"].into_iter().find(|word| takes(parser, word)) };
    if option.is_some() {
        word(parser, "OPTION")?;
        word(parser, "FOR")?;
    }
    // Without ON, the list is one of roles.
    let mut ahead = 0;
    let has_on = loop {
        match &parser.peek_nth_token_ref(ahead).token {
            token if is_word(token, "ON") => break true,
            token if is_word(token, "TO") || is_word(token, "FROM") => break false,
            Token::EOF | Token::SemiColon => break true,
            _ => ahead += 1,
        }
    };
    if !has_on {
        let groups = roles(parser)?;
        let to = to(parser, gives)?;
        let mut with_option = option.is_some();
        if gives && takes(parser, "WITH") {
            // `WITH ADMIN OPTION`, `WITH INHERIT TRUE`; only ADMIN has an effect.
            with_option = takes(parser, "ADMIN");
            while !matches!(parser.peek_token_ref().token, Token::EOF | Token::SemiColon)
                && !is_word(&parser.peek_token_ref().token, "GRANTED")
            {
                parser.advance_token();
            }
        }
        rest(parser, gives)?;
        return Ok(Granting::Membership { gives, groups, roles: to, with_option });
    }
    let mut named = vec![];
    if takes(parser, "ALL") {
        let _ = takes(parser, "PRIVILEGES");
    } else {
        named = parser.parse_comma_separated(|parser| {
            let token = parser.next_token();
            let privilege = match &token.token {
                Token::Word(word) => word.value.to_uppercase().parse().ok().filter(|privilege| *privilege != Privilege::Member),
                _ => None,
            };
            let Some(privilege) = privilege else {
                let known = "SELECT, INSERT, UPDATE, DELETE, TRUNCATE, USAGE, EXECUTE, CREATE, CONNECT, TEMPORARY, REFRESH, FILTER, DETOKENIZE, READ, WRITE or ALL";
                return parser.expected(known, token);
            };
            if parser.peek_token_ref().token == Token::LParen {
                let problem = "privileges are on whole tables; make a view of the columns, and GRANT SELECT on that";
                return Err(ParserError::ParserError(problem.into()));
            }
            Ok(privilege)
        })?;
    }
    parser.expect_keyword_is(Keyword::ON)?;
    let on = on(parser, grammars)?;
    let roles = to(parser, gives)?;
    let with_option = gives && takes(parser, "WITH");
    if with_option {
        word(parser, "GRANT")?;
        word(parser, "OPTION")?;
    }
    rest(parser, gives)?;
    let privileges = Privileges { named, with_option };
    Ok(Granting::Privileges { gives, privileges, on, roles, only_option: option.is_some() })
}

fn to(parser: &mut Parser<'_>, gives: bool) -> Result<Vec<String>, ParserError> {
    word(parser, if gives { "TO" } else { "FROM" })?;
    roles(parser)
}

/// `[GRANTED BY role] [CASCADE | RESTRICT]`. Both behave alike: privileges that were granted on are always revoked along with the grant
/// option.
fn rest(parser: &mut Parser<'_>, gives: bool) -> Result<(), ParserError> {
    if takes(parser, "GRANTED") {
        word(parser, "BY")?;
        role(parser)?;
    }
    if !gives {
        let _ = takes(parser, "CASCADE") || takes(parser, "RESTRICT");
    }
    Ok(())
}

/// What follows ON.
fn on(parser: &mut Parser<'_>, grammars: &Grammars) -> Result<GrantOn, ParserError> {
    let relations =
        |parser: &mut Parser<'_>| parser.parse_comma_separated(|parser| parser.parse_object_name(false)).map(GrantOn::Relations);
    let next = match &parser.peek_token_ref().token {
        Token::Word(word) if word.quote_style.is_none() => word.value.to_uppercase(),
        _ => String::new(),
    };
    // A table may have the same name as a keyword for a kind.
    let is_name = matches!(parser.peek_nth_token_ref(1).token, Token::Comma | Token::Period)
        || ["TO", "FROM"].iter().any(|word| is_word(&parser.peek_nth_token_ref(1).token, word));
    match next.as_str() {
        "FILES" => {
            parser.advance_token();
            Ok(GrantOn::Files)
        }
        _ if is_name => relations(parser),
        "TABLE" | "VIEW" => {
            parser.advance_token();
            relations(parser)
        }
        "SEQUENCE" => {
            parser.advance_token();
            parser.parse_comma_separated(|parser| parser.parse_object_name(false)).map(GrantOn::Sequences)
        }
        "EXTERNAL" | "FOREIGN" | "MATERIALIZED" => {
            parser.advance_token();
            parser.advance_token();
            relations(parser)
        }
        "DATABASE" => {
            parser.advance_token();
            names(parser).map(GrantOn::Database)
        }
        "SCHEMA" => {
            parser.advance_token();
            names(parser).map(GrantOn::Schemas)
        }
        "ALL" => {
            parser.advance_token();
            all(parser)
        }
        other => {
            let other = if matches!(other, "ROUTINE" | "PROCEDURE") { "FUNCTION" } else { other };
            // The kind may have two words, as in ROW POLICY.
            let two = format!("{other} {}", parser.peek_nth_token_ref(1).token);
            let is_it = |word: &&str| word.eq_ignore_ascii_case(other) || word.eq_ignore_ascii_case(&two);
            let kind = grammars.iter().map(|grammar| grammar.word()).find(is_it);
            let Some(kind) = kind.filter(|kind| !matches!(*kind, "role" | "schedule")) else { return relations(parser) };
            kind.split(' ').for_each(|_| parser.advance_token());
            parser
                .parse_comma_separated(|parser| {
                    let name = normal(&parser.parse_identifier()?);
                    // PostgreSQL allows the parameter types of a function here; they are skipped.
                    if parser.consume_token(&Token::LParen) {
                        while !parser.consume_token(&Token::RParen) {
                            if parser.next_token().token == Token::EOF {
                                let found = parser.peek_token();
                                return parser.expected(")", found);
                            }
                        }
                    }
                    Ok(name)
                })
                .map(|names| GrantOn::Objects(kind, names))
        }
    }
}

/// `TABLES IN SCHEMA a, b`
fn all(parser: &mut Parser<'_>) -> Result<GrantOn, ParserError> {
    const KINDS: [(&str, &[&str]); 9] = [
        ("TABLES", &["table", "view", "external table", "profile", "segment"]),
        ("VIEWS", &["view"]),
        ("PROFILES", &["profile"]),
        ("SEGMENTS", &["segment"]),
        ("MODELS", &["model"]),
        ("FUNCTIONS", &["function"]),
        ("ROUTINES", &["function"]),
        ("PROCEDURES", &[]),
        ("SEQUENCES", &["sequence"]),
    ];
    let token = parser.next_token();
    let found = KINDS.iter().find(|(word, _)| is_word(&token.token, word));
    let Some((_, kinds)) = found else {
        return parser.expected("TABLES, VIEWS, SEQUENCES, PROFILES, SEGMENTS, MODELS or FUNCTIONS", token);
    };
    let mut schemas = vec![];
    if takes(parser, "IN") {
        word(parser, "SCHEMA")?;
        schemas = names(parser)?;
    }
    Ok(GrantOn::All(kinds.to_vec(), schemas))
}
