//! The statement that only tags have: `ALTER TAG name ON profile VALIDATE WITH experiment`.

use sqlparser::parser::{Parser, ParserError};

use super::command::normal;

/// `ALTER TAG name ON profile VALIDATE WITH experiment | RESET VALIDATION`
#[derive(Debug, Clone)]
pub struct AlterTag {
    pub name: String,
    pub profile: String,
    /// `None` removes the validation.
    pub experiment: Option<String>,
}

/// Parses the statement; `None` when the next statement is another one. `words` are the next keywords in capitals.
///
/// # Errors
/// The statement has a syntax error.
pub fn parse(parser: &mut Parser<'_>, words: &[Option<&str>]) -> Result<Option<AlterTag>, ParserError> {
    let [Some("ALTER"), Some("TAG"), Some(_), Some("ON"), Some(_), Some(verb @ ("VALIDATE" | "RESET"))] = words else {
        return Ok(None);
    };
    let validates = *verb == "VALIDATE";
    (0..2).for_each(|_| parser.advance_token());
    let name = normal(&parser.parse_identifier()?);
    parser.advance_token();
    let profile = normal(&parser.parse_identifier()?);
    parser.advance_token();
    let (word, wanted) = if validates { ("WITH", "WITH and the name of an experiment") } else { ("VALIDATION", "VALIDATION") };
    if !parser.peek_token().token.to_string().eq_ignore_ascii_case(word) {
        return parser.expected(wanted, parser.peek_token());
    }
    parser.advance_token();
    let experiment = if validates { Some(normal(&parser.parse_identifier()?)) } else { None };
    Ok(Some(AlterTag { name, profile, experiment }))
}
