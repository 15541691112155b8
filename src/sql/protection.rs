//! `CREATE MASK`, `CREATE ROW POLICY` and `ALTER … SET CLASS`.

use sqlparser::ast::{Expr, ObjectName};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::command::{Body, Command, Create, Grammar, Target, identifier, normal, options};

/// What a mask or a row policy protects, and for which roles.
#[derive(Debug, Clone)]
pub struct Protection {
    pub covers: Covers,
    /// The roles that it applies to; empty for all roles.
    pub roles: Vec<String>,
}

/// What is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Covers {
    /// Columns of a class, in any table.
    Class(String),
    /// One column of the table.
    Column(String),
    /// The rows of the table.
    Rows,
}

/// `ALTER … ALTER COLUMN … SET CLASS 'class'`, or `DROP CLASS`.
#[derive(Debug, Clone)]
pub struct SetClass {
    /// The keyword after ALTER: `TABLE`, `EXTERNAL TABLE`, `VIEW` or `PROFILE`.
    pub word: &'static str,
    pub table: ObjectName,
    pub column: String,
    /// `None` removes the class.
    pub class: Option<String>,
}

/// The keywords after ALTER for objects that have columns.
const ALTERED: [(&str, &[&str]); 4] =
    [("EXTERNAL TABLE", &["EXTERNAL", "TABLE"]), ("TABLE", &["TABLE"]), ("VIEW", &["VIEW"]), ("PROFILE", &["PROFILE"])];

/// Parses what follows the name of a mask or a row policy.
pub(super) fn create(
    parser: &mut Parser<'_>,
    kind: &'static dyn Grammar,
    name: String,
    (or_replace, if_not_exists): (bool, bool),
) -> Result<Command, ParserError> {
    parser.expect_keyword(Keyword::ON)?;
    let is_of_rows = kind.word() == "row policy";
    // In `ON class (column)`, class is the name of a table.
    let is_class = !is_of_rows && is_word(parser, 0, "CLASS") && parser.peek_nth_token(1).token != Token::LParen;
    let (covers, table) = if is_class {
        parser.advance_token();
        (Covers::Class(class(parser)?), None)
    } else {
        let table = parser.parse_object_name(false)?;
        let covers = if is_of_rows {
            Covers::Rows
        } else {
            parser.expect_token(&Token::LParen)?;
            let column = identifier(parser)?;
            parser.expect_token(&Token::RParen)?;
            Covers::Column(column)
        };
        (covers, Some(table))
    };
    parser.expect_keyword(Keyword::USING)?;
    let using = match parser.parse_expr()? {
        Expr::Nested(inner) => *inner,
        using => using,
    };
    let mut roles = vec![];
    if parser.parse_keyword(Keyword::FOR) {
        roles = parser.parse_comma_separated(identifier)?;
    }
    let options = options(parser)?;
    Ok(Command::Create(Box::new(Create {
        target: Target { grammar: kind, name, profile: None },
        or_replace,
        if_not_exists,
        parameters: vec![],
        options,
        body: Body::Condition(Box::new(using)),
        table,
        protection: Some(Protection { covers, roles }),
    })))
}

/// The name of a class, quoted as a string or not.
fn class(parser: &mut Parser<'_>) -> Result<String, ParserError> {
    match parser.peek_token().token {
        Token::SingleQuotedString(_) => parser.parse_literal_string(),
        _ => parser.parse_identifier().map(|name| normal(&name)),
    }
}

fn is_word(parser: &Parser<'_>, place: usize, expected: &str) -> bool {
    match parser.peek_nth_token(place).token {
        Token::Word(word) => word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected),
        _ => false,
    }
}

/// Parses the statement that sets or drops the class of a column; `None` when the next statement is another one. `words` are the next
/// keywords in capitals.
///
/// # Errors
/// The statement has a syntax error.
pub(super) fn set_class(parser: &mut Parser<'_>, words: &[Option<&str>]) -> Result<Option<SetClass>, ParserError> {
    let [Some("ALTER"), rest @ ..] = words else { return Ok(None) };
    let is_it = |named: &[&str]| named.iter().zip(rest).all(|(named, word)| *word == Some(named));
    let Some((word, named)) = ALTERED.into_iter().find(|(_, named)| is_it(named)) else { return Ok(None) };
    let begun = parser.maybe_parse(|parser| {
        (0..=named.len()).for_each(|_| parser.advance_token());
        let table = parser.parse_object_name(false)?;
        parser.expect_keyword_is(Keyword::ALTER)?;
        let _ = parser.parse_keyword(Keyword::COLUMN);
        let column = identifier(parser)?;
        let sets = parser.parse_keyword(Keyword::SET);
        if !sets {
            parser.expect_keyword_is(Keyword::DROP)?;
        }
        if !is_word(parser, 0, "CLASS") {
            let found = parser.peek_token();
            return parser.expected("CLASS", found);
        }
        parser.advance_token();
        Ok((table, column, sets))
    })?;
    let Some((table, column, sets)) = begun else { return Ok(None) };
    let class = match sets {
        true if parser.parse_keyword(Keyword::NULL) => None,
        true => Some(class(parser)?),
        false => None,
    };
    Ok(Some(SetClass { word, table, column, class }))
}
