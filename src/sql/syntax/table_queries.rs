//! `TABLE name` where a query may stand: alone, in brackets, in WITH, in set operations, after INSERT, COPY and CREATE … AS.
//!
//! It means `SELECT * FROM name`, and is written so before the parser sees it: sqlparser reads it in a few of these places only, and
//! there not to its end.

use sqlparser::dialect::GenericDialect;
use sqlparser::keywords::{Keyword, RESERVED_FOR_TABLE_ALIAS};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::tokens::{is_word, tokens_of};

/// Rewrites each `TABLE name` that is a query to `SELECT * FROM name`.
pub fn rewrite(tokens: &mut Vec<TokenWithSpan>) {
    if !tokens.iter().any(|token| is_word(&token.token, "table")) {
        return;
    }
    let places: Vec<usize> = (0..tokens.len()).filter(|place| !matches!(tokens[*place].token, Token::Whitespace(_))).collect();
    let written: Vec<&Token> = places.iter().map(|place| &tokens[*place].token).collect();
    let is_query =
        |number: &usize| is_word(written[*number], "table") && may_begin(&written[..*number]) && is_whole(&written[number + 1..]);
    let found: Vec<usize> = (0..written.len()).filter(is_query).collect();
    for number in found.into_iter().rev() {
        let place = places[number];
        if let Some(select) = tokens_of("SELECT * FROM", &GenericDialect {}, tokens[place].span) {
            tokens.splice(place..=place, select);
        }
    }
}

/// True if a query may begin after these tokens.
fn may_begin(before: &[&Token]) -> bool {
    let Some((last, rest)) = before.split_last() else { return true };
    let follows = |words: &[&str]| rest.last().is_some_and(|token| words.iter().any(|word| is_word(token, word)));
    match last {
        Token::SemiColon | Token::RParen => true,
        Token::LParen => may_have_bracket(rest),
        Token::Word(word) if word.quote_style.is_some() => is_after_into(before),
        Token::Word(word) => match word.keyword {
            Keyword::AS | Keyword::EXPLAIN | Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::MINUS => true,
            Keyword::ALL | Keyword::DISTINCT => follows(&["union", "except", "intersect", "minus"]),
            Keyword::NAME => follows(&["by"]),
            Keyword::ANALYZE | Keyword::VERBOSE => follows(&["explain", "analyze"]) && !is_analyze_alone(before),
            Keyword::FOR => follows(&["cursor", "hold"]),
            _ => is_after_into(before),
        },
        Token::SingleQuotedString(_) => is_after_into(before),
        _ => false,
    }
}

/// True if these tokens end with `ANALYZE VERBOSE` without EXPLAIN: that statement is about tables.
fn is_analyze_alone(before: &[&Token]) -> bool {
    let words = before.iter().rev().take_while(|token| is_word(token, "analyze") || is_word(token, "verbose")).count();
    let explain = before.len().checked_sub(words + 1).and_then(|place| before.get(place));
    !explain.is_some_and(|token| is_word(token, "explain"))
}

/// True if these tokens end with `INTO name`.
fn is_after_into(before: &[&Token]) -> bool {
    let mut rest = before;
    while let Some((last, others)) = rest.split_last() {
        if !matches!(last, Token::Word(_) | Token::SingleQuotedString(_)) {
            return false;
        }
        match others.split_last() {
            Some((Token::Period, others)) => rest = others,
            Some((into, _)) => return is_word(into, "into"),
            None => return false,
        }
    }
    false
}

/// True if a bracket after these tokens may hold a query. After a name it holds arguments or columns, of which one may be named `table`.
fn may_have_bracket(before: &[&Token]) -> bool {
    let Some(last) = before.last() else { return true };
    match last {
        Token::Word(word) if word.quote_style.is_some() => is_after_into(before),
        Token::Word(word) => {
            let queries = [
                Keyword::ALL,
                Keyword::ANALYZE,
                Keyword::AND,
                Keyword::ANY,
                Keyword::ARRAY,
                Keyword::AS,
                Keyword::BETWEEN,
                Keyword::BY,
                Keyword::CASE,
                Keyword::COPY,
                Keyword::DISTINCT,
                Keyword::ELSE,
                Keyword::EXCEPT,
                Keyword::EXISTS,
                Keyword::EXPLAIN,
                Keyword::FOR,
                Keyword::FROM,
                Keyword::HAVING,
                Keyword::IN,
                Keyword::INTERSECT,
                Keyword::JOIN,
                Keyword::LATERAL,
                Keyword::LIMIT,
                Keyword::MATERIALIZED,
                Keyword::MINUS,
                Keyword::NAME,
                Keyword::NOT,
                Keyword::OFFSET,
                Keyword::ON,
                Keyword::OR,
                Keyword::PIVOT,
                Keyword::QUALIFY,
                Keyword::RETURNING,
                Keyword::SELECT,
                Keyword::SOME,
                Keyword::THEN,
                Keyword::UNION,
                Keyword::UNPIVOT,
                Keyword::USING,
                Keyword::VERBOSE,
                Keyword::WHEN,
                Keyword::WHERE,
            ];
            queries.contains(&word.keyword) || is_word(last, "summarize") || is_after_into(before)
        }
        Token::SingleQuotedString(_) | Token::Number(..) | Token::RBracket => is_after_into(before),
        _ => true,
    }
}

/// True if a name, a file or a call stands here, and after it the query ends or goes on as one does after FROM and WHERE.
fn is_whole(after: &[&Token]) -> bool {
    let mut rest = match after {
        [Token::SingleQuotedString(_), rest @ ..] => rest,
        [Token::Word(word), rest @ ..] if word.quote_style.is_some() || !RESERVED_FOR_TABLE_ALIAS.contains(&word.keyword) => rest,
        _ => return false,
    };
    while let [Token::Period, Token::Word(_), others @ ..] = rest {
        rest = others;
    }
    if let [Token::LParen, others @ ..] = rest {
        let mut depth = 1_usize;
        let end = others.iter().position(|token| {
            match token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        let Some(end) = end else { return false };
        rest = &others[end + 1..];
    }
    match rest {
        [] | [Token::EOF | Token::SemiColon | Token::RParen, ..] => true,
        [Token::Word(word), ..] if word.quote_style.is_none() => matches!(
            word.keyword,
            Keyword::UNION
                | Keyword::EXCEPT
                | Keyword::INTERSECT
                | Keyword::MINUS
                | Keyword::ORDER
                | Keyword::LIMIT
                | Keyword::OFFSET
                | Keyword::FETCH
                | Keyword::FOR
                | Keyword::ON
                | Keyword::RETURNING
                | Keyword::WITH
        ),
        _ => false,
    }
}
