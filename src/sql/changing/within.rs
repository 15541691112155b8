//! Queries whose WITH clause changes rows: `WITH gone AS (DELETE FROM a … RETURNING *) INSERT INTO b SELECT * FROM gone`.
//!
//! Each change becomes a statement of its own, and what it returns a table that the later ones and the query itself read. As in
//! PostgreSQL, only that tells them of each other's changes: all read the rows that were there before.

use datafusion::common::Result;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{Cte, Query, SetExpr, Statement, With};

use crate::error::{SqlState, coded};
use crate::sql::command::normal;
use crate::sql::parser::parse_query;

/// A change in a WITH clause.
#[derive(Debug)]
pub struct Part {
    pub statement: SqlParsed,
    /// The name of the table of what it returns; `None` without RETURNING.
    pub gives: Option<String>,
}

/// Such a query in its parts.
#[derive(Debug)]
pub struct Within {
    /// The changes, in their order.
    pub parts: Vec<Part>,
    /// The query, or the last change, which reads what they return.
    pub last: SqlParsed,
}

/// The statement that a query consists of, if it changes rows.
pub fn changing(query: &Query) -> Option<&Statement> {
    match query.body.as_ref() {
        SetExpr::Insert(statement) | SetExpr::Update(statement) | SetExpr::Delete(statement) | SetExpr::Merge(statement) => {
            Some(statement)
        }
        _ => None,
    }
}

/// The WITH clause of a statement.
fn with_of(statement: &Statement) -> Option<&With> {
    match statement {
        Statement::Query(query) => query.with.as_ref(),
        Statement::Insert(insert) => insert.source.as_ref()?.with.as_ref(),
        _ => None,
    }
}

/// True for a statement whose own WITH clause changes rows.
pub fn changes(parsed: &SqlParsed) -> bool {
    let SqlParsed::Statement(statement) = parsed else { return false };
    with_of(statement).is_some_and(|with| with.cte_tables.iter().any(|table| changing(&table.query).is_some()))
}

/// Moves the WITH clause before an INSERT into its query, where it means the same: `WITH a AS (…) INSERT INTO t SELECT … FROM a`.
pub fn move_into_insert(parsed: &mut SqlParsed) {
    let SqlParsed::Statement(statement) = parsed else { return };
    let Statement::Query(query) = statement.as_mut() else { return };
    if !matches!(query.body.as_ref(), SetExpr::Insert(Statement::Insert(insert)) if insert.source.is_some()) {
        return;
    }
    let with = query.with.take();
    let SetExpr::Insert(inserting) = query.body.as_mut() else { return };
    let mut inserting = inserting.clone();
    if let Some(with) = with {
        give(&mut inserting, with);
    }
    **statement = inserting;
}

/// The parts of a statement whose WITH clause changes rows; `None` for others.
///
/// # Errors
/// A change is within another, or within WITH RECURSIVE.
pub fn split(parsed: &SqlParsed) -> Result<Option<Within>> {
    let SqlParsed::Statement(statement) = parsed else { return Ok(None) };
    if !changes(parsed) {
        return Ok(None);
    }
    let Some(with) = with_of(statement) else { return Ok(None) };
    let (mut parts, mut known): (Vec<Part>, Vec<Cte>) = (vec![], vec![]);
    let clause = |tables: &[Cte]| With { cte_tables: tables.to_vec(), ..with.clone() };
    for table in &with.cte_tables {
        let Some(change) = changing(&table.query) else {
            known.push(table.clone());
            continue;
        };
        let name = normal(&table.alias.name);
        if with.recursive {
            let problem = "a change of rows cannot be in WITH RECURSIVE; write WITH, or the change as a statement of its own";
            return Err(coded(SqlState::FEATURE_NOT_SUPPORTED, &name, problem));
        }
        let mut change = change.clone();
        if table.query.with.is_some() || with_of(&change).is_some_and(has_change) {
            let problem = "a change of rows has no WITH clause of its own here; write its tables before it";
            return Err(coded(SqlState::FEATURE_NOT_SUPPORTED, &name, problem));
        }
        if !known.is_empty() {
            change = prefixed(change, clause(&known))?;
        }
        let statement = SqlParsed::Statement(Box::new(change));
        let gives = super::returning(&statement).map(|_| format!("portrait:with:{}", parts.len()));
        if let Some(given) = &gives {
            let query = parse_query(&format!("SELECT * FROM \"{given}\""))?;
            known.push(Cte { query, ..table.clone() });
        }
        parts.push(Part { statement, gives });
    }
    let mut last = statement.as_ref().clone();
    let own = if known.is_empty() { None } else { Some(clause(&known)) };
    match &mut last {
        Statement::Query(query) => query.with = own,
        Statement::Insert(insert) => {
            if let Some(source) = &mut insert.source {
                source.with = own;
            }
        }
        _ => {}
    }
    Ok(Some(Within { parts, last: SqlParsed::Statement(Box::new(last)) }))
}

fn has_change(with: &With) -> bool {
    with.cte_tables.iter().any(|table| changing(&table.query).is_some())
}

/// A change that reads the tables of a WITH clause.
fn prefixed(mut change: Statement, with: With) -> Result<Statement> {
    if matches!(change, Statement::Insert(_)) {
        give(&mut change, with);
        return Ok(change);
    }
    let mut query = parse_query("SELECT 1")?;
    query.with = Some(with);
    *query.body = match &change {
        Statement::Delete(_) => SetExpr::Delete(change),
        Statement::Merge(_) => SetExpr::Merge(change),
        _ => SetExpr::Update(change),
    };
    Ok(Statement::Query(query))
}

/// Puts tables before those of the query of an INSERT.
fn give(inserting: &mut Statement, with: With) {
    let Statement::Insert(insert) = inserting else { return };
    let Some(source) = &mut insert.source else { return };
    match &mut source.with {
        Some(own) => {
            own.recursive |= with.recursive;
            own.cte_tables.splice(0..0, with.cte_tables);
        }
        None => source.with = Some(with),
    }
}

#[cfg(test)]
mod tests {
    use sqlparser::parser::Parser;

    use super::*;
    use crate::sql::dialect::PortraitDialect;

    fn parsed(sql: &str) -> SqlParsed {
        SqlParsed::Statement(Box::new(Parser::parse_sql(&PortraitDialect, sql).unwrap().remove(0)))
    }

    #[test]
    fn changes_become_statements() {
        let sql = "WITH a AS (SELECT 1 AS x), b(y) AS (DELETE FROM t WHERE id IN (SELECT x FROM a) RETURNING id), \
                   c AS (INSERT INTO u SELECT y FROM b) SELECT * FROM a, b";
        let Within { parts, last } = split(&parsed(sql)).unwrap().unwrap();
        let texts: Vec<String> = parts.iter().map(|part| part.statement.to_string()).collect();
        assert_eq!(
            texts,
            [
                "WITH a AS (SELECT 1 AS x) DELETE FROM t WHERE id IN (SELECT x FROM a) RETURNING id",
                "INSERT INTO u WITH a AS (SELECT 1 AS x), b (y) AS (SELECT * FROM \"portrait:with:0\") SELECT y FROM b",
            ]
        );
        let gives: Vec<_> = parts.iter().map(|part| part.gives.as_deref()).collect();
        assert_eq!(gives, [Some("portrait:with:0"), None]);
        let expected = "WITH a AS (SELECT 1 AS x), b (y) AS (SELECT * FROM \"portrait:with:0\") SELECT * FROM a, b";
        assert_eq!(last.to_string(), expected);
        assert!(split(&parsed("WITH a AS (SELECT 1) SELECT * FROM a")).unwrap().is_none());
    }

    #[test]
    fn tables_move_into_an_insert() {
        let mut inserting = parsed("WITH a AS (SELECT 1 AS x) INSERT INTO t SELECT x FROM a");
        move_into_insert(&mut inserting);
        assert_eq!(inserting.to_string(), "INSERT INTO t WITH a AS (SELECT 1 AS x) SELECT x FROM a");
    }
}
