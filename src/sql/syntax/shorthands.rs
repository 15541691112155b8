//! Statements that abbreviate queries: `SUMMARIZE orders`, `DESCRIBE read_csv('orders.csv')`, `PIVOT orders ON item …`,
//! `UNPIVOT orders ON a, b …`.

use datafusion::error::DataFusionError;
use sqlparser::ast::{DescribeAlias, Expr, ExprWithAlias, Ident, Query, SelectItem, Statement, TableFactor};
use sqlparser::dialect::{Dialect, PostgreSqlDialect};
use sqlparser::keywords::{Keyword, RESERVED_FOR_COLUMN_ALIAS};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::pivots::{Pivot, columns_of, unpivot};
use super::star_columns::has_columns;
use super::tokens::{is_word, tokens_of};
use crate::sql::parser::{parse_expression, parse_query};
use crate::text::as_sql;

/// Parses a statement that begins with one of these words, or one about roles; `None` for any other statement.
///
/// # Errors
/// The statement has a syntax error.
pub fn parse(parser: &mut Parser<'_>) -> Result<Option<Statement>, ParserError> {
    let first = parser.peek_token().token;
    let next = parser.peek_nth_token(1).token;
    if ["create", "alter", "drop"].iter().any(|word| is_word(&first, word)) && (is_word(&next, "role") || is_word(&next, "user"))
    {
        return role(parser).map(Some);
    }
    if (is_word(&first, "describe") || is_word(&first, "desc")) && is_call(parser) {
        parser.next_token();
        return described(parser).map(Some);
    }
    let is_of_query = is_word(&next, "select") || is_word(&next, "from") || is_word(&next, "with") || is_word(&next, "values");
    let query = if is_word(&first, "summarize") {
        parser.next_token();
        let query = if is_of_query {
            as_sql(parser.parse_query()?.as_ref())
        } else {
            format!("SELECT * FROM {}", as_sql(&parser.parse_table_factor()?))
        };
        own(&format!("SELECT * FROM summarize(({query}))"))?
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

/// True if a name with a bracket follows the next word, as in `DESCRIBE read_csv('orders.csv')`.
fn is_call(parser: &Parser<'_>) -> bool {
    let begins_query = |token: &Token| ["select", "from", "with", "values", "table"].iter().any(|word| is_word(token, word));
    let mut place = 1;
    loop {
        match (parser.peek_nth_token(place).token, parser.peek_nth_token(place + 1).token) {
            (word, _) if begins_query(&word) => return false,
            (Token::Word(_), Token::LParen) => return true,
            (Token::Word(_), Token::Period) => place += 2,
            _ => return false,
        }
    }
}

/// DESCRIBE of a call as DESCRIBE of all its columns.
fn described(parser: &mut Parser<'_>) -> Result<Statement, ParserError> {
    let query = own(&format!("SELECT * FROM {}", as_sql(&parser.parse_table_factor()?)))?;
    Ok(Statement::Explain {
        describe_alias: DescribeAlias::Describe,
        analyze: false,
        verbose: false,
        query_plan: false,
        estimate: false,
        statement: Box::new(Statement::Query(query)),
        format: None,
        options: None,
    })
}

fn own(sql: &str) -> Result<Box<Query>, ParserError> {
    parse_query(sql).map_err(as_syntax)
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn as_syntax(error: DataFusionError) -> ParserError {
    ParserError::ParserError(crate::error::message(&error))
}

/// `CREATE ROLE`, `ALTER ROLE` and `DROP ROLE`, which sqlparser parses only in its PostgreSQL dialect. A user is a role that may log in.
fn role(parser: &mut Parser<'_>) -> Result<Statement, ParserError> {
    let mut tokens = vec![];
    loop {
        let next = parser.peek_nth_token(tokens.len());
        if matches!(next.token, Token::SemiColon | Token::EOF) {
            break;
        }
        tokens.push(next);
    }
    let is_user = tokens.get(1).is_some_and(|token| is_word(&token.token, "user"));
    if is_user && let Some(token) = tokens.get_mut(1) {
        token.token = Token::make_keyword("ROLE");
    }
    let count = tokens.len();
    let mut role = Parser::new(&PostgreSqlDialect {}).with_tokens_with_locations(tokens);
    let mut statement = role.parse_statement()?;
    let rest = role.peek_token();
    if rest.token != Token::EOF {
        return role.expected("the end of the statement", rest);
    }
    if let Statement::CreateRole(create) = &mut statement
        && is_user
    {
        create.login.get_or_insert(true);
    }
    (0..count).for_each(|_| {
        parser.advance_token();
    });
    Ok(statement)
}

/// Parses the ORDER BY and LIMIT that may follow.
fn ordered(parser: &mut Parser<'_>, mut query: Box<Query>) -> Result<Box<Query>, ParserError> {
    query.order_by = parser.parse_optional_order_by()?;
    if parser.parse_keyword(Keyword::LIMIT) {
        let limit = Some(parser.parse_expr()?);
        query.limit_clause = Some(sqlparser::ast::LimitClause::LimitOffset { limit, offset: None, limit_by: vec![] });
    }
    Ok(query)
}

/// The text of the source after PIVOT or UNPIVOT.
fn source(parser: &mut Parser<'_>) -> Result<String, ParserError> {
    let factor = parser.parse_table_factor()?;
    Ok(match &factor {
        TableFactor::Derived { alias: None, .. } => format!("{} AS pivoted", as_sql(&factor)),
        _ => as_sql(&factor),
    })
}

fn item(item: SelectItem) -> Result<ExprWithAlias, ParserError> {
    match item {
        SelectItem::UnnamedExpr(expr) => Ok(ExprWithAlias { expr, alias: None }),
        SelectItem::ExprWithAlias { expr, alias } => Ok(ExprWithAlias { expr, alias: Some(alias) }),
        other => Err(ParserError::ParserError(format!("PIVOT takes an aggregate such as sum(amount), got {other}"))),
    }
}

/// One of the columns after ON, with its values if they are given.
struct PivotColumn {
    column: Expr,
    values: Option<Vec<Expr>>,
}

/// `PIVOT t ON item IN ('tea', 'ice') USING sum(cups) GROUP BY city`
fn pivot(parser: &mut Parser<'_>) -> Result<Box<Query>, ParserError> {
    let source = source(parser)?;
    parser.expect_keyword_is(Keyword::ON)?;
    let on = parser.parse_comma_separated(Parser::parse_expr)?.into_iter().map(|column| match column {
        Expr::InList { expr, list, negated: false } => PivotColumn { column: *expr, values: Some(list) },
        column => PivotColumn { column, values: None },
    });
    let on: Vec<PivotColumn> = on.collect();
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
    let Some(values) = combined(&on) else { return asked(&source, &on, &aggregates, groups.as_deref()) };
    let on: Vec<Expr> = on.into_iter().map(|on| on.column).collect();
    let values = values.into_iter().map(|expr| ExprWithAlias { expr, alias: None }).collect();
    let pivot = Pivot { source, aggregates: &aggregates, on: &on, values, default: None, groups: groups.as_deref() };
    pivot.query().map_err(as_syntax)
}

/// Every combination of the values that are given; `None` if those of a column have to be looked up.
fn combined(on: &[PivotColumn]) -> Option<Vec<Expr>> {
    let lists = on.iter().map(|on| on.values.as_deref()).collect::<Option<Vec<_>>>()?;
    if let [only] = lists.as_slice() {
        return Some(only.to_vec());
    }
    let rows = lists.into_iter().fold(vec![vec![]], |rows: Vec<Vec<Expr>>, list| {
        rows.iter().flat_map(|row| list.iter().map(|value| row.iter().chain([value]).cloned().collect())).collect()
    });
    Some(rows.into_iter().map(Expr::Tuple).collect())
}

/// A PIVOT whose values are looked up when it is planned. If the groups are given, the source is reduced to the columns that the PIVOT
/// mentions.
fn asked(
    source: &str,
    on: &[PivotColumn],
    aggregates: &[ExprWithAlias],
    groups: Option<&[Expr]>,
) -> Result<Box<Query>, ParserError> {
    let columns = || on.iter().map(|on| &on.column);
    let aggregated = aggregates.iter().map(as_sql).collect::<Vec<_>>().join(", ");
    let reduced = match groups {
        None => source.to_string(),
        Some(groups) => {
            let mut read: Vec<String> = groups.iter().map(as_sql).collect();
            for column in columns().chain(aggregates.iter().map(|aggregate| &aggregate.expr)).flat_map(columns_of) {
                if !read.contains(&column) {
                    read.push(column);
                }
            }
            format!("(SELECT {} FROM {source}) AS pivoted", read.join(", "))
        }
    };
    let list = columns().map(as_sql).collect::<Vec<_>>().join(", ");
    let (on, values) = match on {
        [_] => (list, "ANY".to_string()),
        several => {
            // Every value of one column with every value of the others, also where no row has both.
            let each = several.iter().enumerate().map(|(place, PivotColumn { column, values })| match values {
                None => format!("(SELECT DISTINCT {} AS part_{place} FROM {source}) AS of_{place}", as_sql(column)),
                Some(values) => {
                    let rows = values.iter().map(|value| format!("({})", as_sql(value))).collect::<Vec<_>>().join(", ");
                    format!("(VALUES {rows}) AS of_{place}(part_{place})")
                }
            });
            (format!("({list})"), format!("SELECT * FROM {}", each.collect::<Vec<_>>().join(" CROSS JOIN ")))
        }
    };
    own(&format!("SELECT * FROM {reduced} PIVOT ({aggregated} FOR {on} IN ({values})) AS pivoted"))
}

/// `UNPIVOT t ON a, b INTO NAME place VALUE item`
fn unpivoted(parser: &mut Parser<'_>) -> Result<Box<Query>, ParserError> {
    let source = source(parser)?;
    parser.expect_keyword_is(Keyword::ON)?;
    let columns = parser.parse_comma_separated(Parser::parse_select_item)?;
    let columns = columns.into_iter().map(unpivoted_column).collect::<Result<Vec<_>, _>>()?;
    let (mut name, mut values) = (Ident::new("name"), vec![Ident::new("value")]);
    if parser.parse_keyword(Keyword::INTO) {
        parser.expect_keyword_is(Keyword::NAME)?;
        name = parser.parse_identifier()?;
        parser.expect_keyword_is(Keyword::VALUE)?;
        values = parser.parse_comma_separated(Parser::parse_identifier)?;
    }
    let value = match values.as_slice() {
        [value] => Expr::Identifier(value.clone()),
        _ => Expr::Tuple(values.into_iter().map(Expr::Identifier).collect()),
    };
    if !columns.iter().any(|column| has_columns(&column.expr)) {
        return unpivot(&source, &value, &name, &columns, false).map_err(as_syntax);
    }
    // The columns are looked up when it is planned.
    let columns = columns.iter().map(as_sql).collect::<Vec<_>>().join(", ");
    own(&format!("SELECT * FROM {source} UNPIVOT ({} FOR {name} IN ({columns})) AS unpivoted", as_sql(&value)))
}

/// One of the columns after ON; a star is written `COLUMNS(*)` where columns are looked up.
fn unpivoted_column(column: SelectItem) -> Result<ExprWithAlias, ParserError> {
    match column {
        SelectItem::Wildcard(options) => {
            let expr = parse_expression(&format!("COLUMNS(*{options})")).map_err(as_syntax)?;
            Ok(ExprWithAlias { expr, alias: None })
        }
        other => item(other),
    }
}

/// Expands shorthands within other statements: in brackets, after EXPLAIN, and after `CREATE TABLE … AS`. One that cannot be parsed is
/// left in place, and the parser reports the error.
pub fn within(tokens: &mut Vec<TokenWithSpan>, dialect: &dyn Dialect) {
    let is_space = |token: &TokenWithSpan| matches!(token.token, Token::Whitespace(_));
    // From the end, so that inner ones are expanded first.
    for place in (1..tokens.len()).rev() {
        let first = &tokens[place].token;
        if !["pivot", "unpivot", "summarize"].iter().any(|word| is_word(first, word)) {
            continue;
        }
        let before = tokens[..place].iter().rfind(|token| !is_space(token)).map(|token| &token.token);
        let next = tokens[place + 1..].iter().find(|token| !is_space(token)).map(|token| &token.token);
        let begins = match before {
            Some(Token::LParen) => true,
            Some(Token::Word(word)) if word.quote_style.is_none() => {
                matches!(word.keyword, Keyword::AS | Keyword::EXPLAIN | Keyword::ANALYZE | Keyword::VERBOSE)
            }
            _ => false,
        };
        let goes_on = match next {
            Some(Token::LParen | Token::SingleQuotedString(_)) => true,
            Some(Token::Word(word)) => {
                word.quote_style.is_some()
                    || !RESERVED_FOR_COLUMN_ALIAS.contains(&word.keyword)
                    || (is_word(first, "summarize") && matches!(word.keyword, Keyword::SELECT | Keyword::FROM | Keyword::WITH))
                        && before == Some(&Token::LParen)
            }
            _ => false,
        };
        if !begins || !goes_on {
            continue;
        }
        let mut depth = 0_usize;
        let end = tokens[place..].iter().position(|token| match token.token {
            Token::LParen => {
                depth += 1;
                false
            }
            Token::RParen if depth == 0 => true,
            Token::RParen => {
                depth -= 1;
                false
            }
            Token::SemiColon | Token::EOF => depth == 0,
            _ => false,
        });
        let end = end.map_or(tokens.len(), |length| place + length);
        let mut parser = Parser::new(dialect).with_tokens_with_locations(tokens[place..end].to_vec());
        let Ok(Some(Statement::Query(query))) = parse(&mut parser) else { continue };
        if parser.peek_token().token != Token::EOF {
            continue;
        }
        let span = tokens[place].span;
        if let Some(written) = tokens_of(&as_sql(query.as_ref()), dialect, span) {
            tokens.splice(place..end, written);
        }
    }
}
