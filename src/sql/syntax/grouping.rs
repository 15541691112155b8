//! Limits the number of grouping sets before they are expanded, and lets an item begin with a bracket.
//!
//! `CUBE (a, b, …)` with n columns stands for 2ⁿ grouping sets, and several items of one GROUP BY multiply. The planner expands them all.

use datafusion::common::Result;
use sqlparser::ast::{Expr, GroupByExpr, GroupByWithModifier};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::invalid;

/// The most grouping sets of one GROUP BY.
const MOST_SETS: u64 = 4_096;

/// Rejects a GROUP BY that stands for too many grouping sets.
///
/// # Errors
/// States their number and the limit.
pub fn check(group_by: &GroupByExpr) -> Result<()> {
    let (items, modifiers) = match group_by {
        GroupByExpr::All(modifiers) => (&[] as &[Expr], modifiers),
        GroupByExpr::Expressions(items, modifiers) => (items.as_slice(), modifiers),
    };
    let of_modifier = |modifier: &GroupByWithModifier| match modifier {
        GroupByWithModifier::Cube => power(items.len()),
        GroupByWithModifier::Rollup => items.len() as u64 + 1,
        GroupByWithModifier::GroupingSets(sets) => number(sets),
        GroupByWithModifier::Totals => 1,
    };
    let sets = items.iter().map(number).chain(modifiers.iter().map(of_modifier)).fold(1, u64::saturating_mul);
    if sets > MOST_SETS {
        let number = if sets == u64::MAX { "more than 2^64".to_string() } else { sets.to_string() };
        let problem = format!(
            "may stand for {MOST_SETS} groupings, and this one stands for {number}; name those you need in GROUPING SETS"
        );
        return Err(invalid("GROUP BY", problem));
    }
    Ok(())
}

fn number(item: &Expr) -> u64 {
    match item {
        Expr::Cube(columns) => power(columns.len()),
        Expr::Rollup(columns) => columns.len() as u64 + 1,
        Expr::GroupingSets(sets) => sets.len().max(1) as u64,
        _ => 1,
    }
}

fn power(columns: usize) -> u64 {
    u32::try_from(columns).ok().and_then(|columns| 2_u64.checked_pow(columns)).unwrap_or(u64::MAX)
}

/// `ROLLUP ((a + b) / c)` as `ROLLUP (((a + b) / c))`: sqlparser takes an item that begins with a bracket for columns that go together.
pub fn bracket(tokens: &mut Vec<TokenWithSpan>) {
    let is_word = |place: usize, word: &str| matches!(&tokens[place].token, Token::Word(other) if other.quote_style.is_none() && other.value.eq_ignore_ascii_case(word));
    let places: Vec<usize> = (0..tokens.len()).filter(|place| !matches!(tokens[*place].token, Token::Whitespace(_))).collect();
    let mut inserted: Vec<(usize, Token)> = vec![];
    for number in 1..places.len() {
        let of_sets = is_word(places[number - 1], "sets") && number > 1 && is_word(places[number - 2], "grouping");
        let begins = of_sets || is_word(places[number - 1], "rollup") || is_word(places[number - 1], "cube");
        if !begins || tokens[places[number]].token != Token::LParen {
            continue;
        }
        let (mut depth, mut first) = (0_usize, number + 1);
        // Whether the bracket that the item begins with is closed, and what follows it belongs to the item.
        let (mut is_closed, mut goes_on) = (false, false);
        for next in number..places.len() {
            let token = &tokens[places[next]].token;
            let ends = depth == 1 && matches!(token, Token::Comma | Token::RParen);
            if ends {
                if goes_on {
                    inserted.push((places[first], Token::LParen));
                    inserted.push((places[next], Token::RParen));
                }
                (first, is_closed, goes_on) = (next + 1, false, false);
            } else if is_closed {
                goes_on = true;
            }
            match token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            is_closed |= depth == 1 && *token == Token::RParen && tokens[places[first]].token == Token::LParen;
        }
    }
    // An inner clause may end where an outer item does.
    inserted.sort_by_key(|(place, _)| *place);
    for (place, token) in inserted.into_iter().rev() {
        let span = tokens[place].span;
        tokens.insert(place, TokenWithSpan { token, span });
    }
}
