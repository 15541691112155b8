//! Statements that are short for a query: `SUMMARIZE orders`, `TABLE orders`, `PIVOT orders ON item …`, `UNPIVOT orders ON a, b …`; and tokens that
//! the parser reads in one dialect alone.

use datafusion::error::DataFusionError;
use sqlparser::ast::{Expr, ExprWithAlias, Ident, Query, SelectItem, Statement, TableFactor};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::pivots::{Pivot, unpivot};
use crate::error::invalid;
use crate::sql::parser::{parse_expression, parse_query};

fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(other) if other.quote_style.is_none() && other.value.eq_ignore_ascii_case(word))
}

/// Reads a statement that begins with one of these words; nothing when it begins with another.
///
/// # Errors
/// What cannot be read.
pub fn parse(parser: &mut Parser<'_>) -> Result<Option<Statement>, ParserError> {
    let first = parser.peek_token().token;
    let next = parser.peek_nth_token(1).token;
    let is_of_query = is_word(&next, "select") || is_word(&next, "from") || is_word(&next, "with") || is_word(&next, "values");
    let query = if is_word(&first, "summarize") {
        parser.next_token();
        let query = if is_of_query {
            parser.parse_query()?.to_string()
        } else {
            format!("SELECT * FROM {}", parser.parse_table_factor()?)
        };
        own(&format!("SELECT * FROM summarize(({query}))"))?
    } else if is_word(&first, "table") {
        parser.next_token();
        own(&format!("SELECT * FROM {}", parser.parse_table_factor()?))?
    } else if is_word(&first, "pivot") {
        parser.next_token();
        pivot(parser)?
    } else if is_word(&first, "unpivot") {
        parser.next_token();
        unpivoted(parser)?
    } else {
        return Ok(None);
    };
    Ok(Some(Statement::Query(ordered(parser, query)?)))
}

fn own(sql: &str) -> Result<Box<Query>, ParserError> {
    parse_query(sql).map_err(as_syntax)
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn as_syntax(error: DataFusionError) -> ParserError {
    ParserError::ParserError(crate::error::message(&error))
}

/// With what may follow: an order and a limit.
fn ordered(parser: &mut Parser<'_>, mut query: Box<Query>) -> Result<Box<Query>, ParserError> {
    query.order_by = parser.parse_optional_order_by()?;
    if parser.parse_keyword(Keyword::LIMIT) {
        let limit = Some(parser.parse_expr()?);
        query.limit_clause = Some(sqlparser::ast::LimitClause::LimitOffset { limit, offset: None, limit_by: vec![] });
    }
    Ok(query)
}

/// What stands after PIVOT or UNPIVOT, as it is written.
fn source(parser: &mut Parser<'_>) -> Result<String, ParserError> {
    let factor = parser.parse_table_factor()?;
    Ok(match &factor {
        TableFactor::Derived { alias: None, .. } => format!("{factor} AS pivoted"),
        _ => factor.to_string(),
    })
}

fn item(item: SelectItem) -> Result<ExprWithAlias, ParserError> {
    match item {
        SelectItem::UnnamedExpr(expr) => Ok(ExprWithAlias { expr, alias: None }),
        SelectItem::ExprWithAlias { expr, alias } => Ok(ExprWithAlias { expr, alias: Some(alias) }),
        other => Err(ParserError::ParserError(format!("PIVOT takes an aggregate such as sum(amount), got {other}"))),
    }
}

/// `PIVOT t ON item IN ('tea', 'ice') USING sum(cups) GROUP BY city`
fn pivot(parser: &mut Parser<'_>) -> Result<Box<Query>, ParserError> {
    let source = source(parser)?;
    parser.expect_keyword_is(Keyword::ON)?;
    let (on, values) = match parser.parse_expr()? {
        Expr::InList { expr, list, negated: false } => (*expr, list),
        other => {
            let text = format!(
                "PIVOT: the columns of a query are known before it reads a row; write the values: ON {other} IN ('tea', 'ice')"
            );
            return Err(ParserError::ParserError(text));
        }
    };
    let aggregates = if parser.parse_keyword(Keyword::USING) {
        let items = parser.parse_comma_separated(Parser::parse_select_item)?;
        items.into_iter().map(item).collect::<Result<Vec<_>, _>>()?
    } else {
        vec![ExprWithAlias { expr: parse_expression("count(*)").map_err(as_syntax)?, alias: None }]
    };
    let groups = if parser.parse_keywords(&[Keyword::GROUP, Keyword::BY]) {
        Some(parser.parse_comma_separated(Parser::parse_expr)?)
    } else {
        None
    };
    let values = values.into_iter().map(|expr| ExprWithAlias { expr, alias: None }).collect();
    let pivot = Pivot { source, aggregates: &aggregates, on: &[on], values, default: None, groups: groups.as_deref() };
    pivot.query().map_err(as_syntax)
}

/// `UNPIVOT t ON a, b INTO NAME place VALUE item`
fn unpivoted(parser: &mut Parser<'_>) -> Result<Box<Query>, ParserError> {
    let source = source(parser)?;
    parser.expect_keyword_is(Keyword::ON)?;
    let columns = parser.parse_comma_separated(Parser::parse_select_item)?;
    let columns = columns.into_iter().map(item).collect::<Result<Vec<_>, _>>()?;
    let (mut name, mut value) = (Ident::new("name"), Ident::new("value"));
    if parser.parse_keyword(Keyword::INTO) {
        parser.expect_keyword_is(Keyword::NAME)?;
        name = parser.parse_identifier()?;
        parser.expect_keyword_is(Keyword::VALUE)?;
        value = parser.parse_identifier()?;
    }
    unpivot(&source, &Expr::Identifier(value), &name, &columns, false).map_err(as_syntax)
}

/// Changes tokens that only the parser of one dialect reads: `FILTER (condition)` without WHERE, `MATERIALIZED`, and `ASOF JOIN … ON`, which is
/// marked as global for the [joins](super::joins).
///
/// # Errors
/// GLOBAL before JOIN, which would be taken for that mark.
pub fn respell(tokens: &mut Vec<TokenWithSpan>) -> Result<(), DataFusionError> {
    let word = |text: &str, keyword: Keyword| Token::Word(Word { value: text.into(), quote_style: None, keyword });
    let places: Vec<usize> = (0..tokens.len()).filter(|place| !matches!(tokens[*place].token, Token::Whitespace(_))).collect();
    let at = |tokens: &[TokenWithSpan], number: usize| places.get(number).map(|place| tokens[*place].token.clone());
    let mut inserted = vec![];
    let mut removed = vec![];
    for number in 0..places.len() {
        let Some(token) = at(tokens, number) else { continue };
        if is_word(&token, "filter")
            && number > 0
            && at(tokens, number - 1) == Some(Token::RParen)
            && at(tokens, number + 1) == Some(Token::LParen)
            && at(tokens, number + 2).is_some_and(|next| !is_word(&next, "where"))
        {
            inserted.push(places[number + 1] + 1);
        }
        if is_word(&token, "materialized") && number > 0 && at(tokens, number + 1) == Some(Token::LParen) {
            let before = at(tokens, number - 1);
            if before.as_ref().is_some_and(|before| is_word(before, "not")) {
                removed.push(places[number - 1]);
            }
            let first = if removed.last() == Some(&places[number - 1]) { number.checked_sub(2) } else { Some(number - 1) };
            if first.and_then(|first| at(tokens, first)).is_some_and(|first| is_word(&first, "as")) {
                removed.push(places[number]);
            } else {
                removed.retain(|place| *place != places[number - 1]);
            }
        }
        let is_join =
            |next: &Token| ["join", "left", "inner", "right", "full", "any", "all"].iter().any(|word| is_word(next, word));
        if is_word(&token, "global") && at(tokens, number + 1).as_ref().is_some_and(is_join) {
            return Err(invalid("GLOBAL", "is not supported; the engine spreads the work by itself; leave it out"));
        }
        if is_word(&token, "asof") && is_join_with_on(tokens, &places, number) {
            tokens[places[number]].token = word("GLOBAL", Keyword::GLOBAL);
        }
    }
    let span = |tokens: &[TokenWithSpan], place: usize| {
        tokens.get(place).map_or_else(sqlparser::tokenizer::Span::empty, |token| token.span)
    };
    for place in removed {
        tokens[place].token = Token::Whitespace(sqlparser::tokenizer::Whitespace::Space);
    }
    for place in inserted.into_iter().rev() {
        let span = span(tokens, place);
        tokens.insert(place, TokenWithSpan { token: word("WHERE", Keyword::WHERE), span });
    }
    Ok(())
}

/// Whether `ASOF JOIN table` is followed by ON, and not by MATCH_CONDITION.
fn is_join_with_on(tokens: &[TokenWithSpan], places: &[usize], number: usize) -> bool {
    let mut depth = 0_usize;
    let mut rest = places[number + 1..].iter().map(|place| &tokens[*place].token);
    if !rest.next().is_some_and(|next| is_word(next, "join") || is_word(next, "left") || is_word(next, "inner")) {
        return false;
    }
    for token in rest {
        match token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 0 => return false,
            Token::RParen => depth -= 1,
            other if depth == 0 && (is_word(other, "on") || is_word(other, "using")) => return true,
            other if depth == 0 && is_word(other, "match_condition") => return false,
            _ => {}
        }
    }
    false
}
