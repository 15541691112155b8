//! Tells the two meanings of `?` apart: in `WHERE id = ?` it is a parameter, and in `doc ? 'name'` an operator of JSON, as in `doc ?| list`
//! and `doc ?& list`.
//!
//! The tokenizer takes each for a parameter. After a parameter comes no value; after the operator, and before it, one does.

use sqlparser::keywords::RESERVED_FOR_COLUMN_ALIAS;
use sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};

use super::tokens::is_word;

/// Words after which a value comes, so that a `?` there is one.
const BEFORE_VALUES: [&str; 28] = [
    "all",
    "and",
    "any",
    "as",
    "between",
    "by",
    "case",
    "default",
    "distinct",
    "else",
    "escape",
    "ilike",
    "in",
    "interval",
    "is",
    "like",
    "not",
    "on",
    "or",
    "return",
    "returning",
    "rows",
    "set",
    "some",
    "then",
    "to",
    "values",
    "when",
];

/// Marks the operators.
pub fn mark(tokens: &mut [TokenWithSpan]) {
    let is_mark = |token: &Token| matches!(token, Token::Placeholder(name) if name == "?");
    if !tokens.iter().any(|token| is_mark(&token.token)) {
        return;
    }
    let places: Vec<usize> = (0..tokens.len()).filter(|place| !matches!(tokens[*place].token, Token::Whitespace(_))).collect();
    for number in 1..places.len() {
        let place = places[number];
        if !is_mark(&tokens[place].token) || !ends_value(&tokens[places[number - 1]].token) {
            continue;
        }
        // The two letters of an operator stand side by side.
        let operator = match tokens.get(place + 1).map(|next| &next.token) {
            Some(Token::Pipe) => Token::QuestionPipe,
            Some(Token::Ampersand) => Token::QuestionAnd,
            _ => {
                let next = places.get(number + 1).map(|next| &tokens[*next].token);
                if next.is_some_and(begins_value) {
                    tokens[place].token = Token::Question;
                }
                continue;
            }
        };
        tokens[place].token = operator;
        tokens[place + 1].token = Token::Whitespace(Whitespace::Space);
    }
}

/// True for the last token of a value.
fn ends_value(token: &Token) -> bool {
    match token {
        Token::Word(word) => {
            word.quote_style.is_some()
                || !RESERVED_FOR_COLUMN_ALIAS.contains(&word.keyword)
                    && !BEFORE_VALUES.iter().any(|before| is_word(token, before))
        }
        Token::SingleQuotedString(_)
        | Token::DollarQuotedString(_)
        | Token::Number(..)
        | Token::Placeholder(_)
        | Token::RParen
        | Token::RBracket => true,
        _ => false,
    }
}

/// True for the first token of a value that cannot come after another value.
fn begins_value(token: &Token) -> bool {
    match token {
        Token::SingleQuotedString(_) | Token::DollarQuotedString(_) | Token::Placeholder(_) | Token::LParen => true,
        word => ["array", "cast", "any"].iter().any(|first| is_word(word, first)),
    }
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::GenericDialect;
    use sqlparser::tokenizer::Tokenizer;

    use super::*;

    #[test]
    fn parameters_stay() {
        for (sql, operators) in [
            ("SELECT j ? 'a', t.j ? $1, \"j\" ?| array['a'], j::jsonb ?& '{a}' FROM t", 4),
            ("SELECT (j -> 'a') ? 'b' FROM t WHERE j ? ?", 2),
            ("SELECT ?, ?::INT, a + ? FROM t WHERE a = ? AND b BETWEEN ? AND ? LIMIT ? OFFSET ?", 0),
            ("SELECT * FROM t WHERE a LIKE ? ESCAPE '!' AND b IN (?, ?) OR ? | 3 > b", 0),
            ("INSERT INTO t VALUES (?, ?), (?, ?)", 0),
            ("SELECT CASE WHEN ? THEN ? ELSE ? END, f(?, 'x')", 0),
        ] {
            let mut tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().unwrap();
            mark(&mut tokens);
            let is_operator = |token: &Token| matches!(token, Token::Question | Token::QuestionPipe | Token::QuestionAnd);
            assert_eq!(tokens.iter().filter(|token| is_operator(&token.token)).count(), operators, "{sql}");
        }
    }
}
