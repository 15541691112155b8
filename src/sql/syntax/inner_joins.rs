//! `a JOIN b JOIN c ON b.x = c.x ON a.y = b.y` as `a JOIN (b JOIN c ON b.x = c.x) ON a.y = b.y`: each condition belongs to the last join
//! that has none yet, as SQL says. sqlparser parses such joins in one dialect only, and there a join after NATURAL JOIN becomes an inner one.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};

/// A join that waits for its condition.
struct Open {
    /// Where the table after JOIN begins.
    table: usize,
    /// Whether the table is followed by a join with a condition of its own.
    has_inner: bool,
}

/// Puts inner joins into brackets.
pub fn bracket(tokens: &mut Vec<TokenWithSpan>) {
    let mut inserted: Vec<(usize, Token)> = vec![];
    // For each open bracket the joins that wait for a condition.
    let mut open: Vec<Vec<Open>> = vec![vec![]];
    let mut before = Keyword::NoKeyword;
    for (place, token) in tokens.iter().enumerate() {
        let word = match &token.token {
            Token::Whitespace(_) => continue,
            Token::Word(word) if word.quote_style.is_none() => word.keyword,
            _ => Keyword::NoKeyword,
        };
        match &token.token {
            Token::LParen => open.push(vec![]),
            Token::RParen if open.len() > 1 => drop(open.pop()),
            _ => {}
        }
        let Some(joins) = open.last_mut() else { continue };
        if matches!(token.token, Token::Comma | Token::SemiColon) {
            joins.clear();
        }
        match word {
            // These have no condition.
            Keyword::JOIN if !matches!(before, Keyword::CROSS | Keyword::NATURAL | Keyword::ARRAY) => {
                joins.push(Open { table: place + 1, has_inner: false });
            }
            Keyword::ON | Keyword::USING => {
                let Some(join) = joins.pop() else { continue };
                if join.has_inner {
                    inserted.extend([(join.table, Token::LParen), (place, Token::RParen)]);
                }
                if let Some(outer) = joins.last_mut() {
                    outer.has_inner = true;
                }
            }
            Keyword::SELECT | Keyword::FROM | Keyword::WHERE | Keyword::GROUP | Keyword::SET => joins.clear(),
            _ => {}
        }
        // NATURAL stands before LEFT, INNER and the like.
        let is_kind = matches!(word, Keyword::LEFT | Keyword::RIGHT | Keyword::FULL | Keyword::INNER | Keyword::OUTER);
        if !(before == Keyword::NATURAL && is_kind) {
            before = word;
        }
    }
    // Of two at one place, the bracket of the inner join is the first: it was found first.
    inserted.sort_by_key(|(place, _)| *place);
    for (place, bracket) in inserted.into_iter().rev() {
        let span = tokens[place].span;
        let space = TokenWithSpan { token: Token::Whitespace(Whitespace::Space), span };
        tokens.splice(place..place, [space.clone(), TokenWithSpan { token: bracket, span }, space]);
    }
}
