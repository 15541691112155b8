//! Limits deep nesting, so that it is answered or rejected but never crashes the process.
//!
//! The parser recurses for every bracket, and for keywords and signs before an operand, as in `NOT NOT NOT a`. It does not count all of
//! them (`EXPLAIN`, `INTERVAL`, the types within `ARRAY<…>`), so it may overflow the stack. This module counts them all, token by token,
//! before parsing. It also reports unbalanced brackets: the parser would try every way to read what follows an unclosed `CAST(`, and then
//! again for each one around it.

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use crate::error::{SqlState, coded};

/// The state between an opening bracket and its partner; the first level is the statement itself.
#[derive(Default)]
struct Level {
    /// The opening bracket and its position.
    opened: Option<(Token, Location)>,
    /// The number of consecutive keywords and signs that wait for their operand, as in `NOT - INTERVAL`.
    waiting: usize,
    /// The number of open `CASE`s.
    cases: usize,
    /// The number of `EXPLAIN`s; they stay open until the end of the statement.
    explains: usize,
    /// The number of open `<` in types such as `ARRAY<…>`, `STRUCT<…>` and `MAP<…>`.
    types: usize,
}

impl Level {
    fn depth(&self) -> usize {
        self.waiting + self.cases + self.explains + self.types
    }
}

/// Rejects statements nested deeper than `deepest`, and unbalanced brackets.
///
/// # Errors
/// States line and column, and for depth the setting that limits it.
pub fn check(tokens: &[TokenWithSpan], deepest: usize) -> Result<()> {
    let mut levels = vec![Level::default()];
    // The depth of all levels except the last.
    let mut beneath = 0;
    let mut previous = &Token::EOF;
    for TokenWithSpan { token, span } in tokens {
        let Some(level) = levels.last_mut() else { break };
        match token {
            Token::Whitespace(_) => continue,
            Token::LParen | Token::LBracket | Token::LBrace => {
                beneath += level.depth() + 1;
                levels.push(Level { opened: Some((token.clone(), span.start)), ..Level::default() });
            }
            Token::RParen | Token::RBracket | Token::RBrace => {
                match &level.opened {
                    Some((bracket, _)) if partner(bracket) == *token => {}
                    Some((bracket, place)) => return Err(unclosed(bracket, *place, Some((token, span.start)))),
                    None => return Err(at(span.start, format!("{token} has no opening bracket; take it out, or open one"))),
                }
                levels.pop();
                if let Some(outer) = levels.last_mut() {
                    beneath -= outer.depth() + 1;
                    // With the closing bracket, the operand is complete.
                    outer.waiting = 0;
                }
            }
            Token::SemiColon => {
                if let Some((bracket, place)) = &level.opened {
                    return Err(unclosed(bracket, *place, None));
                }
                *level = Level::default();
            }
            Token::Comma => {
                level.waiting = 0;
                level.explains = 0;
            }
            // The parser recurses for every part of a name such as `a.b.c`.
            Token::Period => level.waiting += 1,
            Token::Word(_) if *previous == Token::Period => {}
            Token::Word(word) => match word.keyword {
                Keyword::CASE => level.cases += 1,
                Keyword::END => {
                    level.cases = level.cases.saturating_sub(1);
                    level.waiting = 0;
                }
                Keyword::EXPLAIN => level.explains += 1,
                Keyword::NOT | Keyword::INTERVAL | Keyword::PRIOR | Keyword::DISTINCT | Keyword::ALL | Keyword::BINARY => {
                    level.waiting += 1;
                }
                _ => level.waiting = 0,
            },
            Token::Lt if is_type_with_parts(previous) => level.types += 1,
            Token::Gt => level.types = level.types.saturating_sub(1),
            Token::ShiftRight => level.types = level.types.saturating_sub(2),
            Token::Plus | Token::Minus | Token::Tilde | Token::ExclamationMark | Token::AtSign | Token::Sharp => {
                level.waiting += 1
            }
            Token::EOF => {}
            _ => level.waiting = 0,
        }
        if beneath + levels.last().map_or(0, Level::depth) > deepest {
            let problem = format!(
                "{token} is nested more than {deepest} levels deep; name what is inside in a WITH query, or raise datafusion.sql_parser.recursion_limit"
            );
            return Err(at(span.start, problem));
        }
        previous = token;
    }
    match levels.pop().and_then(|level| level.opened) {
        Some((bracket, place)) => Err(unclosed(&bracket, place, None)),
        None => Ok(()),
    }
}

fn partner(bracket: &Token) -> Token {
    match bracket {
        Token::LBracket => Token::RBracket,
        Token::LBrace => Token::RBrace,
        _ => Token::RParen,
    }
}

fn is_type_with_parts(token: &Token) -> bool {
    matches!(token, Token::Word(word) if matches!(word.keyword, Keyword::ARRAY | Keyword::STRUCT | Keyword::MAP))
}

fn unclosed(bracket: &Token, place: Location, found: Option<(&Token, Location)>) -> DataFusionError {
    let partner = partner(bracket);
    let before = found.map_or_else(String::new, |(token, Location { line, column })| {
        format!(" before the {token} at line {line}, column {column}")
    });
    at(place, format!("{bracket} is not closed{before}; write {partner} where it ends"))
}

/// A syntax error at a position in the text.
pub fn at(Location { line, column }: Location, problem: impl std::fmt::Display) -> DataFusionError {
    coded(SqlState::SYNTAX_ERROR, "syntax", format!("line {line}, column {column}: {problem}"))
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::GenericDialect;
    use sqlparser::tokenizer::Tokenizer;

    use super::*;
    use crate::error::message;

    fn told(sql: &str) -> String {
        let tokens = Tokenizer::new(&GenericDialect, sql).tokenize_with_location().unwrap();
        check(&tokens, 10).map_or_else(|error| message(&error), |()| String::new())
    }

    #[test]
    fn whatever_nests_is_counted() {
        let nesting = [
            "(",
            "[",
            "{",
            "f(",
            "CAST(",
            "a[",
            "NOT ",
            "- ",
            "+ ",
            "~ ",
            "INTERVAL ",
            "INTERVAL - ",
            "PRIOR ",
            "DISTINCT ",
            "EXPLAIN ",
            "EXPLAIN ANALYZE ",
            "EXPLAIN (ANALYZE, VERBOSE) ",
            "CASE ",
            "CASE WHEN a THEN ",
            "ARRAY<",
            "STRUCT<a ",
            "STRUCT<a INT, b ",
            "(SELECT a, ",
            "NOT (",
            "(-",
        ];
        for part in nesting {
            let text = told(&part.repeat(11));
            assert!(text.contains("is nested more than 10 levels deep"), "{part}: {text}");
        }
    }

    #[test]
    fn what_stands_side_by_side_does_not_nest() {
        let side_by_side = [
            "(a), ",
            "f(a) + ",
            "-a - ",
            "NOT a AND ",
            "INTERVAL '1 day' + ",
            "CASE WHEN a THEN b END, ",
            "a[1] = ",
            "EXPLAIN SELECT (1); ",
            "CAST(a AS ARRAY<INT>), ",
            "CAST(a AS ARRAY<ARRAY<INT>>), ",
            "a.case, ",
            "a < b > c, ",
            "explain, ",
            "a.b.c + ",
        ];
        for part in side_by_side {
            assert_eq!(told(&part.repeat(30)), "", "{part}");
        }
    }

    #[test]
    fn brackets_have_partners() {
        assert_eq!(told("SELECT\n CAST(CAST(1 AS INT)"), "syntax: line 2, column 6: ( is not closed; write ) where it ends");
        assert_eq!(
            told("SELECT [(1], 2"),
            "syntax: line 1, column 9: ( is not closed before the ] at line 1, column 11; write ) where it ends"
        );
        assert_eq!(told("SELECT 1)"), "syntax: line 1, column 9: ) has no opening bracket; take it out, or open one");
        assert_eq!(told("SELECT (1; SELECT 2)"), "syntax: line 1, column 8: ( is not closed; write ) where it ends");
    }
}
