//! `at` as the name of a table or column, which sqlparser takes for the beginning of `AT TIME ZONE` or `AT (…)`:
//! `FROM pg_attribute at JOIN …` as `FROM pg_attribute "at" JOIN …`.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::tokens::is_word;

/// The words that may follow the name of a table or column.
const AFTER: [&str; 20] = [
    "join",
    "left",
    "right",
    "inner",
    "full",
    "cross",
    "natural",
    "where",
    "on",
    "using",
    "group",
    "order",
    "having",
    "limit",
    "offset",
    "union",
    "except",
    "intersect",
    "from",
    "set",
];

/// Puts the name in quotes.
pub fn quote(tokens: &mut [TokenWithSpan]) {
    if !tokens.iter().any(|token| is_word(&token.token, "at")) {
        return;
    }
    let places: Vec<usize> = (0..tokens.len()).filter(|place| !matches!(tokens[*place].token, Token::Whitespace(_))).collect();
    for number in 1..places.len() {
        let (before, own) = (&tokens[places[number - 1]].token, &tokens[places[number]].token);
        let after = places.get(number + 1).map(|place| &tokens[*place].token);
        let is_named = matches!(before, Token::Word(_) | Token::RParen);
        let is_end = after.is_none_or(|after| {
            matches!(after, Token::Comma | Token::RParen | Token::SemiColon | Token::EOF)
                || AFTER.iter().any(|word| is_word(after, word))
        });
        if !is_word(own, "at") || !is_named || !is_end {
            continue;
        }
        if let Token::Word(name) = &mut tokens[places[number]].token {
            (name.value, name.quote_style, name.keyword) = ("at".into(), Some('"'), Keyword::NoKeyword);
        }
    }
}
