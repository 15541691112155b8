//! `ALTER TABLE name SET SCHEMA schema`, and the same of views.

use sqlparser::ast::{Ident, ObjectName};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};

/// `ALTER TABLE [IF EXISTS] name SET SCHEMA schema`
#[derive(Debug, Clone)]
pub struct SetSchema {
    /// TABLE or VIEW, as written.
    pub word: &'static str,
    pub name: ObjectName,
    pub if_exists: bool,
    pub schema: Ident,
}

/// Parses the statement; `None` when the next statement is another one. `words` are the next keywords in capitals.
///
/// # Errors
/// The statement has a syntax error.
pub fn parse(parser: &mut Parser<'_>, words: &[Option<&str>]) -> Result<Option<SetSchema>, ParserError> {
    let word = match words {
        [Some("ALTER"), Some("TABLE"), ..] => "TABLE",
        [Some("ALTER"), Some("VIEW"), ..] => "VIEW",
        _ => return Ok(None),
    };
    parser.maybe_parse(|parser| {
        (0..2).for_each(|_| parser.advance_token());
        let if_exists = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
        let _ = parser.parse_keyword(Keyword::ONLY);
        let name = parser.parse_object_name(false)?;
        parser.expect_keywords(&[Keyword::SET, Keyword::SCHEMA])?;
        Ok(SetSchema { word, name, if_exists, schema: parser.parse_identifier()? })
    })
}
