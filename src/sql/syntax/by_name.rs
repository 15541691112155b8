//! DuckDB's `INSERT INTO t BY NAME SELECT 1 AS id, 5 AS amount` as `INSERT INTO t (id, amount) SELECT …`.

use datafusion::error::DataFusionError;
use sqlparser::ast::{Expr, SelectItem, SetExpr};
use sqlparser::dialect::Dialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};

use super::tokens::{is_word, tokens_of};
use crate::error::invalid;

/// Rewrites the tokens of a script.
///
/// # Errors
/// A column of the query has no name, or its names are not written.
pub fn rewrite(tokens: &mut Vec<TokenWithSpan>, dialect: &dyn Dialect) -> Result<(), DataFusionError> {
    if !tokens.iter().any(|token| is_word(&token.token, "insert")) {
        return Ok(());
    }
    let places: Vec<usize> = (0..tokens.len()).filter(|place| !matches!(tokens[*place].token, Token::Whitespace(_))).collect();
    let mut found = vec![];
    for number in 1..places.len() {
        let is = |number: usize, word: &str| places.get(number).is_some_and(|place| is_word(&tokens[*place].token, word));
        if !is(number - 1, "insert") || !is(number, "into") {
            continue;
        }
        // The name of the table, with its schema.
        let mut by = number + 2;
        while places.get(by).is_some_and(|place| tokens[*place].token == Token::Period) {
            by += 2;
        }
        if is(by, "by") && is(by + 1, "name") {
            let rest = places[by + 1] + 1;
            let end = tokens[rest..].iter().position(|token| token.token == Token::SemiColon);
            let end = end.map_or(tokens.len(), |length| rest + length);
            if let Some(names) = names(&tokens[rest..end], dialect)? {
                found.push((places[by], places[by + 1], names));
            }
        }
    }
    for (by, name, names) in found.into_iter().rev() {
        let written = tokens_of(&format!("({}) ", names.join(", ")), dialect, tokens[by].span).unwrap_or_default();
        tokens[name].token = Token::Whitespace(Whitespace::Space);
        tokens.splice(by..=by, written);
    }
    Ok(())
}

/// The names of a query's columns; `None` if it cannot be parsed, which is reported later.
fn names(query: &[TokenWithSpan], dialect: &dyn Dialect) -> Result<Option<Vec<String>>, DataFusionError> {
    let mut parser = Parser::new(dialect).with_tokens_with_locations(query.to_vec());
    let Ok(query) = parser.parse_query() else { return Ok(None) };
    let mut first = query.body.as_ref();
    let items = loop {
        match first {
            SetExpr::SetOperation { left, .. } => first = left,
            SetExpr::Query(within) => first = within.body.as_ref(),
            SetExpr::Select(select) => break select.projection.as_slice(),
            _ => break &[],
        }
    };
    let name = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => Ok(alias.to_string()),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Ok(name.to_string()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) if let Some(name) = names.last() => Ok(name.to_string()),
        SelectItem::UnnamedExpr(other) => {
            Err(invalid("INSERT … BY NAME", format!("{other} has no name; write {other} AS column")))
        }
        other => {
            let problem = format!(
                "takes columns that are written out, got {other}; or name those of the table: INSERT INTO t (a, b) SELECT …"
            );
            Err(invalid("INSERT … BY NAME", problem))
        }
    };
    match items {
        [] => Err(invalid("INSERT … BY NAME", "takes the names of SELECT; VALUES has none, write INSERT INTO t (a, b) VALUES …")),
        items => items.iter().map(name).collect::<Result<Vec<_>, _>>().map(Some),
    }
}
