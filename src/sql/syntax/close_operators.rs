//! Operators of JSON and of lists right after a name: `doc#>>'{a}'`, `doc#-'{a}'`, `tags@>list`. The tokenizer takes the sign that they begin
//! with for the last letter of the name.

use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Takes such signs to the operators.
pub fn part(tokens: &mut [TokenWithSpan]) {
    for place in 1..tokens.len() {
        let Token::Word(word) = &tokens[place - 1].token else { continue };
        if word.quote_style.is_some() {
            continue;
        }
        let operator = match (word.value.chars().next_back(), &tokens[place].token) {
            (Some('#'), Token::Gt) => Token::HashArrow,
            (Some('#'), Token::ShiftRight) => Token::HashLongArrow,
            (Some('#'), Token::Minus) => Token::HashMinus,
            (Some('@'), Token::Gt) => Token::AtArrow,
            _ => continue,
        };
        let name = word.value.trim_end_matches(['#', '@']);
        if !name.is_empty() {
            tokens[place - 1].token = Token::make_word(name, None);
            tokens[place].token = operator;
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::GenericDialect;
    use sqlparser::tokenizer::Tokenizer;

    use super::*;

    #[test]
    fn names_end_before_operators() {
        for (sql, expected) in [
            ("doc#>'{a}'", "doc #> '{a}'"),
            ("t.doc#>>'{a}'", "t . doc #>> '{a}'"),
            ("doc#-'{a}'", "doc #- '{a}'"),
            ("tags@>list", "tags @> list"),
            ("a# > b", "a#   > b"),
            ("\"a#\">b", "\"a#\" > b"),
        ] {
            let mut tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().unwrap();
            part(&mut tokens);
            let shown: Vec<String> = tokens.iter().map(|token| token.token.to_string()).collect();
            assert_eq!(shown.join(" ").split_whitespace().collect::<Vec<_>>(), expected.split_whitespace().collect::<Vec<_>>());
        }
    }
}
