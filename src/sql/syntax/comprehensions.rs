//! `[x * 2 FOR x IN list IF x > 1]`, as Python and DuckDB write it, as `list_transform(list_filter(list, x -> x > 1), x -> x * 2)`.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// Rewrites the tokens of a script.
pub fn rewrite(tokens: &mut Vec<TokenWithSpan>) {
    if !tokens.iter().any(|token| is_word(&token.token, "for")) {
        return;
    }
    // From the end, so that inner ones are rewritten first.
    for open in (0..tokens.len()).rev() {
        if tokens.get(open).is_some_and(|token| token.token == Token::LBracket)
            && let Some((close, written)) = written(tokens, open)
        {
            tokens.splice(open..=close, written);
        }
    }
}

fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(own) if own.quote_style.is_none() && own.value.eq_ignore_ascii_case(word))
}

/// What the brackets at this place stand for, with the place of the closing one.
fn written(tokens: &[TokenWithSpan], open: usize) -> Option<(usize, Vec<TokenWithSpan>)> {
    let (mut depth, mut close) = (0_usize, None);
    // The places of the words and signs directly within the brackets.
    let mut own = vec![];
    for (place, TokenWithSpan { token, .. }) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::LBracket | Token::LParen | Token::LBrace => depth += 1,
            Token::RBracket | Token::RParen | Token::RBrace => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    close = (*token == Token::RBracket).then_some(place);
                    break;
                }
            }
            Token::SemiColon => return None,
            Token::Whitespace(_) => {}
            _ if depth == 1 => own.push(place),
            _ => {}
        }
    }
    let close = close?;
    let is = |number: usize, word: &str| own.get(number).is_some_and(|place| is_word(&tokens[*place].token, word));
    let number = (0..own.len()).find(|number| is(*number, "for") && is(number + 2, "in"))?;
    if own[..number].iter().any(|place| tokens[*place].token == Token::Comma) {
        return None;
    }
    let (each, name, within) = (own[number], &tokens[own[number + 1]], own[number + 2]);
    let condition = (number + 3..own.len()).find(|number| is(*number, "if")).map(|number| own[number]);
    let body = &tokens[open + 1..each];
    let list = &tokens[within + 1..condition.unwrap_or(close)];
    let span = tokens[open].span;
    let sign = |token: Token| TokenWithSpan { token, span };
    let call = |name: &str, list: &[TokenWithSpan], parameter: &TokenWithSpan, result: &[TokenWithSpan]| {
        let word = Word { value: name.into(), quote_style: None, keyword: Keyword::NoKeyword };
        let mut call = vec![sign(Token::Word(word)), sign(Token::LParen)];
        call.extend_from_slice(list);
        call.extend([sign(Token::Comma), parameter.clone(), sign(Token::Arrow)]);
        call.extend_from_slice(result);
        call.push(sign(Token::RParen));
        call
    };
    let kept = match condition {
        Some(condition) => call("list_filter", list, name, &tokens[condition + 1..close]),
        None => list.to_vec(),
    };
    Some((close, call("list_transform", &kept, name, body)))
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::GenericDialect;
    use sqlparser::tokenizer::Tokenizer;

    use super::*;

    #[test]
    fn comprehensions_are_calls() {
        let written = |sql: &str| {
            let mut tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().unwrap();
            rewrite(&mut tokens);
            let texts = tokens.iter().map(|token| token.token.to_string());
            texts.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
        };
        for (sql, expected) in [
            ("[x + 1 FOR x IN l]", "list_transform( l,x->x + 1 )"),
            ("[x FOR x IN [1, 2] IF x > 1]", "list_transform(list_filter( [1, 2] ,x-> x > 1),x->x )"),
            ("[[y FOR y IN x] FOR x IN l]", "list_transform( l,x->list_transform( x,y->y ) )"),
            ("l[1] FOR x IN", "l[1] FOR x IN"),
            ("[a, b FOR x IN l]", "[a, b FOR x IN l]"),
        ] {
            assert_eq!(written(sql), expected, "{sql}");
        }
    }
}
