//! The end of a window's frame, which sqlparser does not know.
//!
//! | written | stands for |
//! |---|---|
//! | `OVER (ORDER BY a ROWS 1 PRECEDING EXCLUDE NO OTHERS)` | the same without these words |
//! | `OVER (PARTITION BY a ROWS 1 PRECEDING EXCLUDE TIES)` | `OVER (PARTITION BY ('__exclude_ties'), a ROWS 1 PRECEDING)`, by which a [rule](crate::sql::rules) knows it |
//!
//! The planner leaves out plain constants among the partitions, but not those in parentheses.

use sqlparser::ast::{Expr, Value};
use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};

use super::tokens::{is_word, tokens_of};
use crate::builtins::excluding::Excluded;

/// True for a mark of a window whose frame leaves rows out.
pub fn is_mark(partition: &Expr) -> bool {
    match partition {
        Expr::Nested(inner) => is_mark(inner),
        Expr::Value(value) => {
            matches!(&value.value, Value::SingleQuotedString(text) if Excluded::of_mark(text).is_some())
        }
        _ => false,
    }
}

/// Rewrites the tokens of a script.
pub fn rewrite(tokens: &mut Vec<TokenWithSpan>) {
    if !tokens.iter().any(|token| is_word(&token.token, "exclude")) {
        return;
    }
    let places: Vec<usize> = (0..tokens.len()).filter(|place| !matches!(tokens[*place].token, Token::Whitespace(_))).collect();
    let mut marks: Vec<(usize, String)> = vec![];
    for number in 1..places.len() {
        let is = |number: usize, word: &str| places.get(number).is_some_and(|place| is_word(&tokens[*place].token, word));
        let ends_frame = ["row", "preceding", "following"].iter().any(|word| is(number - 1, word));
        if !is(number, "exclude") || !ends_frame {
            continue;
        }
        let has = |words: &[&str]| words.iter().enumerate().all(|(after, word)| is(number + 1 + after, word));
        let words = if has(&["no", "others"]) {
            2
        } else {
            let Some(excluded) = Excluded::ALL.into_iter().find(|excluded| has(excluded.words())) else { continue };
            let Some(open) = opening(tokens, &places, number) else { continue };
            let after = |more: usize| places.get(open + more).copied();
            let (before, written) = match (is(open + 1, "partition") && is(open + 2, "by"), is_base(tokens, after(1))) {
                (true, _) => (open + 3, format!("('{}'), ", excluded.mark())),
                (false, true) => (open + 2, format!(" PARTITION BY ('{}') ", excluded.mark())),
                (false, false) => (open + 1, format!("PARTITION BY ('{}') ", excluded.mark())),
            };
            let Some(before) = places.get(before) else { continue };
            marks.push((*before, written));
            excluded.words().len()
        };
        for place in &places[number..=number + words] {
            tokens[*place].token = Token::Whitespace(Whitespace::Space);
        }
    }
    for (place, written) in marks.into_iter().rev() {
        let written = tokens_of(&written, &GenericDialect {}, tokens[place].span).unwrap_or_default();
        tokens.splice(place..place, written);
    }
}

/// The parenthesis of the window to whose frame a word belongs, as its number among the places.
fn opening(tokens: &[TokenWithSpan], places: &[usize], word: usize) -> Option<usize> {
    let mut depth = 0;
    for number in (0..word).rev() {
        match &tokens[places[number]].token {
            Token::RParen => depth += 1,
            Token::LParen if depth == 0 => return Some(number),
            Token::LParen => depth -= 1,
            _ => {}
        }
    }
    None
}

/// True for the name of another window, with which a window begins.
fn is_base(tokens: &[TokenWithSpan], place: Option<usize>) -> bool {
    match place.map(|place| &tokens[place].token) {
        Some(first @ Token::Word(_)) => {
            !["partition", "order", "rows", "range", "groups"].iter().any(|word| is_word(first, word))
        }
        _ => false,
    }
}
