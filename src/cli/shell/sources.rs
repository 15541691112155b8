//! The sources in FROM of a statement that is being typed: tables, files, functions, subqueries, and their aliases.

use super::keywords::is_keyword;
use super::lexer::{Kind, Token, tokens};

/// One source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As it is written in FROM.
    pub text: String,
    /// The name that qualifies its columns.
    pub alias: String,
}

/// The sources of a statement, and its WITH clause, which they may refer to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sources {
    pub with: String,
    pub found: Vec<Source>,
}

/// Finds the sources of a statement, of which any part may be missing.
pub fn sources(statement: &str) -> Sources {
    let all: Vec<Token> =
        tokens(statement).into_iter().filter(|token| !matches!(token.kind, Kind::Space | Kind::Comment)).collect();
    let text = |place: usize| all.get(place).map_or("", |token| &statement[token.range.clone()]);
    let is_word = |place: usize, words: &[&str]| {
        all.get(place).is_some_and(|token| token.kind == Kind::Word)
            && words.iter().any(|word| text(place).eq_ignore_ascii_case(word))
    };
    let mut sources = Sources { with: with(statement, &all), found: vec![] };
    // In FROM, a comma is followed by the next source.
    let mut is_list = vec![false];
    for place in 0..all.len() {
        match all[place].kind {
            Kind::Opening => is_list.push(false),
            Kind::Closing if is_list.len() > 1 => {
                is_list.pop();
            }
            Kind::Word if is_word(place, &["WHERE", "GROUP", "ORDER", "HAVING", "SELECT", "ON", "LIMIT", "QUALIFY", "SET"]) => {
                is_list.iter_mut().last().into_iter().for_each(|list| *list = false);
            }
            _ => {}
        }
        let begins = is_word(place, &["FROM", "JOIN", "INTO", "UPDATE"]) || (text(place) == "," && is_list.last() == Some(&true));
        if !begins {
            continue;
        }
        is_list.iter_mut().last().into_iter().for_each(|list| *list = true);
        let first = place + 1 + usize::from(is_word(place + 1, &["LATERAL"]));
        if let Some(end) = end_of_source(statement, &all, first) {
            let written = &statement[all[first].range.start..all[end - 1].range.end];
            let named = end + usize::from(is_word(end, &["AS"]));
            let is_alias = all.get(named).is_some_and(|token| match token.kind {
                Kind::Word => !is_keyword(text(named)),
                Kind::Name => token.is_closed,
                _ => false,
            });
            let alias = if is_alias { text(named) } else { own_name(statement, &all[first..end]) };
            sources.found.push(Source { text: written.to_string(), alias: alias.trim_matches('"').to_string() });
        }
    }
    sources
}

/// The token after a source that begins at `first`; `None` if there is no source, or it is unfinished.
fn end_of_source(statement: &str, all: &[Token], first: usize) -> Option<usize> {
    let text = |place: usize| all.get(place).map_or("", |token| &statement[token.range.clone()]);
    let is_name =
        |place: usize| all.get(place).is_some_and(|token| matches!(token.kind, Kind::Word | Kind::Name) && token.is_closed);
    let mut end = first;
    match all.get(first)?.kind {
        Kind::Text if all[first].is_closed => return Some(first + 1),
        Kind::Opening => {}
        _ if is_name(first) && !is_keyword(text(first)) => {
            end += 1;
            while text(end) == "." && is_name(end + 1) {
                end += 2;
            }
        }
        _ => return None,
    }
    if text(end) == "(" {
        let mut depth = 0_usize;
        for (place, token) in all.iter().enumerate().skip(end) {
            match token.kind {
                Kind::Opening => depth += 1,
                Kind::Closing => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return Some(place + 1);
            }
        }
        return None;
    }
    Some(end)
}

/// The name of a table without an alias: the last part of its full name.
fn own_name<'a>(statement: &'a str, source: &[Token]) -> &'a str {
    let names = source.iter().take_while(|token| token.kind != Kind::Opening);
    names.filter(|token| matches!(token.kind, Kind::Word | Kind::Name)).last().map_or("", |token| &statement[token.range.clone()])
}

/// The WITH clause, up to the query itself.
fn with(statement: &str, all: &[Token]) -> String {
    let is = |token: &Token, word: &str| statement[token.range.clone()].eq_ignore_ascii_case(word);
    if !all.first().is_some_and(|token| is(token, "WITH")) {
        return String::new();
    }
    let mut depth = 0_usize;
    for token in all {
        match token.kind {
            Kind::Opening => depth += 1,
            Kind::Closing => depth = depth.saturating_sub(1),
            Kind::Word if depth == 0 && (is(token, "SELECT") || is(token, "FROM")) => {
                return statement[all[0].range.start..token.range.start].to_string();
            }
            _ => {}
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(statement: &str) -> Vec<(String, String)> {
        sources(statement).found.into_iter().map(|source| (source.text, source.alias)).collect()
    }

    #[test]
    fn tables_files_functions_and_subqueries_are_found() {
        for (statement, expected) in [
            ("SELECT  FROM orders WHERE ", vec![("orders", "orders")]),
            ("SELECT FROM profile.customer c JOIN 'a.csv' AS f ON ", vec![("profile.customer", "c"), ("'a.csv'", "f")]),
            ("SELECT FROM a, b x, \"C d\" ORDER BY q, r", vec![("a", "a"), ("b", "x"), ("\"C d\"", "C d")]),
            ("SELECT FROM rfm(orders, customer => id) r WHERE", vec![("rfm(orders, customer => id)", "r")]),
            ("SELECT FROM (SELECT a FROM t) s WHERE", vec![("(SELECT a FROM t)", "s"), ("t", "t")]),
            ("SELECT FROM rfm(orders, ", vec![]),
            ("INSERT INTO 订单 (", vec![]),
            ("INSERT INTO 订单 SELECT", vec![("订单", "订单")]),
            ("SELECT 1 FROM ", vec![]),
            ("FROM 'open", vec![]),
        ] {
            let expected: Vec<(String, String)> = expected.into_iter().map(|(text, alias)| (text.into(), alias.into())).collect();
            assert_eq!(found(statement), expected, "{statement}");
        }
        let statement = "WITH a AS (SELECT 1 AS x) SELECT * FROM a";
        assert_eq!(sources(statement).with, "WITH a AS (SELECT 1 AS x) ");
    }
}
