//! Tells the two meanings of `->` apart: `x -> x > 1` is a lambda, and `props -> 'page'` reads from JSON.
//!
//! The parser takes every name before an arrow for the parameter of a lambda. A lambda stands only as a whole argument of a function that
//! takes one; every other arrow becomes the token of an operator with the name `->`.

use sqlparser::tokenizer::{Token, TokenWithSpan};

/// The functions that take lambdas.
const TAKES_LAMBDA: [&str; 26] = [
    "aggregate",
    "all_match",
    "any_match",
    "apply",
    "array_all_match",
    "array_any_match",
    "array_apply",
    "array_exists",
    "array_filter",
    "array_first",
    "array_reduce",
    "array_transform",
    "exists",
    "filter",
    "forall",
    "list_any_match",
    "list_apply",
    "list_filter",
    "list_first",
    "list_reduce",
    "list_sort",
    "list_transform",
    "map_filter",
    "none_match",
    "reduce",
    "transform",
];

/// The functions whose first argument is a lambda. Of `COLUMNS` it is the only one.
const BEGINS_WITH_LAMBDA: [&str; 8] =
    ["arrayall", "arraycount", "arrayexists", "arrayfilter", "arrayfirst", "arraylast", "arraymap", "columns"];

/// What the arguments in a bracket may be.
#[derive(Clone, Copy)]
enum Arguments {
    Values,
    /// The first argument of a function that takes lambdas.
    First,
    /// The first argument of a function whose first argument is the lambda.
    Lambda,
    MayBeLambda,
}

/// The name of the operator that reads a value from JSON.
pub const ARROW: &str = "->";

/// Marks the arrows that are operators.
pub fn mark(tokens: &mut [TokenWithSpan]) {
    if !tokens.iter().any(|token| token.token == Token::Arrow) {
        return;
    }
    // For each open bracket: whether an argument in it may be a lambda, and the length of the argument around it. The first argument is
    // mostly a list, and lambdas come after it.
    let mut open: Vec<(Arguments, usize)> = vec![];
    // The words and signs since the argument began. A lambda begins with one name, or one list of names in brackets.
    let mut length = 0_usize;
    let mut before: Option<usize> = None;
    for place in 0..tokens.len() {
        match &tokens[place].token {
            Token::Whitespace(_) => continue,
            Token::LParen => {
                let name = before.and_then(|before| match &tokens[before].token {
                    Token::Word(word) => Some(word.value.to_lowercase()),
                    _ => None,
                });
                let arguments = match name.as_deref() {
                    Some(name) if BEGINS_WITH_LAMBDA.contains(&name) => Arguments::Lambda,
                    Some(name) if TAKES_LAMBDA.contains(&name) => Arguments::First,
                    _ => Arguments::Values,
                };
                open.push((arguments, length));
                length = 0;
            }
            Token::LBracket | Token::LBrace => {
                open.push((Arguments::Values, length));
                length = 0;
            }
            Token::RParen | Token::RBracket | Token::RBrace => {
                // What was in brackets counts as one.
                length = open.pop().map_or(0, |(_, length)| length + 1);
            }
            Token::Comma => {
                length = 0;
                if let Some((arguments, _)) = open.last_mut() {
                    *arguments = match arguments {
                        Arguments::First | Arguments::MayBeLambda => Arguments::MayBeLambda,
                        Arguments::Lambda | Arguments::Values => Arguments::Values,
                    };
                }
            }
            Token::Arrow => {
                let is_lambda = length == 1 && matches!(open.last(), Some((Arguments::Lambda | Arguments::MayBeLambda, _)));
                if !is_lambda {
                    tokens[place].token = Token::CustomBinaryOperator(ARROW.into());
                }
                length += 1;
            }
            _ => length += 1,
        }
        before = Some(place);
    }
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::GenericDialect;
    use sqlparser::tokenizer::Tokenizer;

    use super::*;

    #[test]
    fn lambdas_are_whole_arguments() {
        let count = |sql: &str| {
            let mut tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().unwrap();
            mark(&mut tokens);
            let is = |wanted: &Token| tokens.iter().filter(|token| token.token == *wanted).count();
            (is(&Token::Arrow), is(&Token::CustomBinaryOperator(ARROW.into())))
        };
        for (sql, lambdas, operators) in [
            ("SELECT props -> 'a' -> 'b' FROM t", 0, 2),
            ("SELECT list_filter(l, x -> x > 1)", 1, 0),
            ("SELECT list_reduce(l, (a, x) -> a + x, 0)", 1, 0),
            ("SELECT list_transform(l, x -> x -> 'a')", 1, 1),
            ("SELECT list_filter(props -> 'l', x -> f(x -> 'a'))", 1, 2),
            ("SELECT json_array_length(props -> 'tags')", 0, 1),
            ("SELECT f(a, props -> 'tags'), (props -> 'x')", 0, 2),
            ("SELECT list_filter(l, t.x -> 'a' = 'b')", 0, 1),
            ("SELECT COLUMNS(c -> c LIKE 'a%')", 1, 0),
            ("SELECT arrayMap(x -> x + 1, props -> 'l')", 1, 1),
            ("SELECT [props -> 'a'], {'k': props -> 'b'}", 0, 2),
        ] {
            assert_eq!(count(sql), (lambdas, operators), "{sql}");
        }
    }
}
