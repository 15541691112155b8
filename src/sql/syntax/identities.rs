//! What PostgreSQL writes about IDENTITY columns and sqlparser does not parse.
//!
//! | written | rewritten to |
//! |---|---|
//! | `AS IDENTITY (START 10 INCREMENT 5)` | `AS IDENTITY (INCREMENT 5 START 10)`, the one order that is parsed |
//! | `INSERT INTO t (a) OVERRIDING SYSTEM VALUE …` | `INSERT INTO t (a) PARTITION ("overriding system value") …` |

use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{Expr, Ident, Insert, Statement};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// Whose values IDENTITY columns get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overriding {
    /// `OVERRIDING SYSTEM VALUE`: those that are given, also where only the counter gives values.
    System,
    /// `OVERRIDING USER VALUE`: those of the counter, whatever is given.
    User,
}

impl Overriding {
    /// The name that stands for it in PARTITION.
    const fn name(self) -> &'static str {
        match self {
            Self::System => "overriding system value",
            Self::User => "overriding user value",
        }
    }
}

/// What an INSERT says about the values of IDENTITY columns.
pub fn overriding(insert: &Insert) -> Option<Overriding> {
    let [Expr::Identifier(name)] = insert.partitioned.as_deref()? else { return None };
    let all = [Overriding::System, Overriding::User];
    all.into_iter().find(|own| name.quote_style.is_some() && name.value == own.name())
}

/// Takes out of a statement what it says about the values of IDENTITY columns.
pub fn take_overriding(parsed: &mut SqlParsed) -> Option<Overriding> {
    let SqlParsed::Statement(statement) = parsed else { return None };
    let Statement::Insert(insert) = statement.as_mut() else { return None };
    let found = overriding(insert)?;
    insert.partitioned = None;
    Some(found)
}

fn is_word(token: Option<&TokenWithSpan>, word: &str) -> bool {
    match token.map(|token| &token.token) {
        Some(Token::Word(other)) => other.quote_style.is_none() && other.value.eq_ignore_ascii_case(word),
        _ => false,
    }
}

/// Rewrites the tokens of a script.
pub fn respell(tokens: &mut Vec<TokenWithSpan>) {
    overridden(tokens);
    in_order(tokens);
}

/// The places of the tokens that are not spaces.
fn places(tokens: &[TokenWithSpan]) -> Vec<usize> {
    (0..tokens.len()).filter(|place| !matches!(tokens[*place].token, Token::Whitespace(_))).collect()
}

fn overridden(tokens: &mut Vec<TokenWithSpan>) {
    if !tokens.iter().any(|token| is_word(Some(token), "overriding")) {
        return;
    }
    for own in places(tokens).windows(3).map(<[usize]>::to_vec).collect::<Vec<_>>().into_iter().rev() {
        let &[first, second, third] = own.as_slice() else { continue };
        let is = |place: usize, word: &str| is_word(tokens.get(place), word);
        let whose = match (is(second, "system"), is(second, "user")) {
            (true, _) => Overriding::System,
            (_, true) => Overriding::User,
            _ => continue,
        };
        if !is(first, "overriding") || !is(third, "value") {
            continue;
        }
        let span = tokens[first].span;
        let name = Word { value: whose.name().into(), quote_style: Some('"'), keyword: Keyword::NoKeyword };
        let written = [Token::make_keyword("PARTITION"), Token::LParen, Token::Word(name), Token::RParen];
        tokens.splice(first..=third, written.into_iter().map(|token| TokenWithSpan { token, span }));
    }
}

/// The place of an option of a counter in the order that sqlparser parses.
fn rank(first: Option<&TokenWithSpan>, second: Option<&TokenWithSpan>) -> Option<usize> {
    let own = if is_word(first, "no") { second } else { first };
    ["increment", "minvalue", "maxvalue", "start", "cache", "cycle"].iter().position(|word| is_word(own, word))
}

/// Puts the options of each IDENTITY into the order that sqlparser parses; options that it does not know stay, for its error.
fn in_order(tokens: &mut [TokenWithSpan]) {
    if !tokens.iter().any(|token| is_word(Some(token), "identity")) {
        return;
    }
    let all = places(tokens);
    for (number, place) in all.iter().enumerate() {
        let before = number.checked_sub(1).and_then(|before| all.get(before)).and_then(|place| tokens.get(*place));
        let opens = all.get(number + 1).is_some_and(|next| tokens[*next].token == Token::LParen);
        if !is_word(tokens.get(*place), "identity") || !is_word(before, "as") || !opens {
            continue;
        }
        let own: Vec<usize> =
            all[number + 2..].iter().copied().take_while(|place| tokens[*place].token != Token::RParen).collect();
        let mut options: Vec<(usize, Vec<TokenWithSpan>)> = vec![];
        for (offset, place) in own.iter().enumerate() {
            let token = tokens[*place].clone();
            let follows_no = offset > 0 && is_word(tokens.get(own[offset - 1]), "no");
            let next = own.get(offset + 1).and_then(|next| tokens.get(*next));
            match rank(tokens.get(*place), next).filter(|_| !follows_no) {
                Some(rank) => options.push((rank, vec![token])),
                None => match options.last_mut() {
                    Some((_, option)) => option.push(token),
                    None => break,
                },
            }
        }
        if options.iter().map(|(_, option)| option.len()).sum::<usize>() != own.len() {
            continue;
        }
        options.sort_by_key(|(rank, _)| *rank);
        for (place, token) in own.into_iter().zip(options.into_iter().flat_map(|(_, option)| option)) {
            tokens[place] = token;
        }
    }
}

/// The word DEFAULT as a value.
pub fn default_word() -> Expr {
    Expr::Identifier(Ident::new("DEFAULT"))
}

#[cfg(test)]
mod tests {
    use sqlparser::tokenizer::Tokenizer;

    use super::*;
    use crate::sql::dialect::PortraitDialect;

    fn respelled(sql: &str) -> String {
        let mut tokens = Tokenizer::new(&PortraitDialect, sql).tokenize_with_location().unwrap();
        respell(&mut tokens);
        tokens.iter().map(|token| token.token.to_string()).collect()
    }

    #[test]
    fn options_of_a_counter_come_in_the_order_of_the_parser() {
        let column = |options: &str| format!("a INT GENERATED ALWAYS AS IDENTITY ({options}), b TEXT");
        // The parser reads tokens, whatever stands between them.
        let of = |options: &str| respelled(&column(options)).replace(' ', "");
        let expected = |options: &str| column(options).replace(' ', "");
        assert_eq!(of("START WITH 10 INCREMENT BY 5"), expected("INCREMENT BY 5 START WITH 10"));
        assert_eq!(of("NO CYCLE CACHE 1 NO MAXVALUE START -3"), expected("NO MAXVALUE START -3 CACHE 1 NO CYCLE"));
        assert_eq!(of("INCREMENT 1 START 1 MINVALUE 1"), expected("INCREMENT 1 MINVALUE 1 START 1"));
        assert_eq!(of("OWNED BY x START 1"), expected("OWNED BY x START 1"));
    }

    #[test]
    fn overriding_becomes_a_partition() {
        assert_eq!(
            respelled("INSERT INTO t (a) OVERRIDING  SYSTEM VALUE VALUES (1)"),
            "INSERT INTO t (a) PARTITION(\"overriding system value\") VALUES (1)"
        );
        assert_eq!(respelled("SELECT overriding FROM t"), "SELECT overriding FROM t");
    }
}
