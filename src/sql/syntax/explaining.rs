//! `EXPLAIN (…)` with the options of PostgreSQL.
//!
//! Options about what there is nothing of here add nothing to a plan: BUFFERS, WAL, SETTINGS, MEMORY, SERIALIZE, GENERIC_PLAN. COSTS belong to
//! a plan that does not run, TIMING and SUMMARY to one that does; with the other, they change nothing. FORMAT TEXT is the usual form, and
//! FORMAT JSON that of DataFusion, `pgjson`.

use datafusion::common::Result;
use datafusion::common::format::ExplainStatementOptions;
use datafusion::error::DataFusionError;
use datafusion::sql::parser::{DFParser, ExplainStatement, Statement as SqlParsed};
use sqlparser::ast::{Expr, Ident, UtilityOption};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::Token;

/// Options that add nothing.
const OF_NOTHING: [&str; 6] = ["buffers", "wal", "settings", "memory", "serialize", "generic_plan"];

/// Parses an EXPLAIN with a list of options; `None` when the next statement is another one.
///
/// # Errors
/// An option is unknown, or what follows is no statement.
pub fn parse(parser: &mut DFParser<'_>) -> Result<Option<SqlParsed>> {
    let is_word = |token: &Token, words: &[Keyword]| matches!(token, Token::Word(word) if words.contains(&word.keyword));
    let queries = [Keyword::SELECT, Keyword::WITH, Keyword::VALUES, Keyword::FROM, Keyword::TABLE];
    let [first, second, third] = [0, 1, 2].map(|place| parser.parser.peek_nth_token(place).token);
    if !is_word(&first, &[Keyword::EXPLAIN]) || second != Token::LParen || third == Token::LParen || is_word(&third, &queries) {
        return Ok(None);
    }
    parser.parser.next_token();
    let given = parser.parser.parse_utility_options().map_err(|error| DataFusionError::SQL(Box::new(error), None))?;
    let options = ExplainStatementOptions::from_utility_options(&known(given))?;
    let statement = Box::new(parser.parse_statement()?);
    Ok(Some(SqlParsed::Explain(ExplainStatement { statement, options })))
}

/// The options that say something here, under the names that DataFusion knows.
fn known(mut given: Vec<UtilityOption>) -> Vec<UtilityOption> {
    let name = |option: &UtilityOption| option.name.value.to_lowercase();
    let value = |option: &UtilityOption| {
        option.arg.as_ref().map_or_else(String::new, |value| value.to_string().trim_matches('\'').to_lowercase())
    };
    let is_on = |option: &UtilityOption| !["false", "off", "0", "no"].contains(&value(option).as_str());
    let runs = given.iter().any(|option| name(option) == "analyze" && is_on(option));
    let is_json = given.iter().any(|option| name(option) == "format" && value(option) == "json");
    given.retain(|option| match name(option).as_str() {
        "costs" => !runs,
        "timing" | "summary" => runs,
        "format" => value(option) != "text",
        // The JSON form has everything.
        "verbose" => !is_json,
        other => !OF_NOTHING.contains(&other),
    });
    for option in &mut given {
        if name(&*option) == "format" && value(&*option) == "json" {
            option.arg = Some(Expr::Identifier(Ident::new("pgjson")));
        }
    }
    given
}
