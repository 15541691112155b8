//! RETURNING of the columns of other tables, those of FROM and USING: `UPDATE t SET … FROM s WHERE … RETURNING t.id, s.name, s.*`.
//!
//! The query of the change gives these columns after all others, under names that nobody else uses, and RETURNING reads them from there.

use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{
    Expr, FromTable, Ident, Query, SelectItem, SelectItemQualifiedWildcardKind, Statement, TableFactor, TableWithJoins,
    UpdateTableFromKind, VisitorMut,
};

use super::parts::{Parts, aliased, quoted};
use super::{Returning, changing, targeted};
use crate::sql::command::normal;
use crate::sql::syntax::joins;
use crate::walk::WalkMut;

/// A table beside the one that changes, with its columns.
#[derive(Debug)]
pub struct Source {
    pub name: Ident,
    pub columns: Vec<String>,
}

/// The names of the tables beside the one that changes; none where one of them has no name.
pub fn names(parsed: &SqlParsed) -> Vec<Ident> {
    let mut names = vec![];
    let all = others(parsed).iter().try_for_each(|table| {
        let factors = std::iter::once(&table.relation).chain(table.joins.iter().map(|join| &join.relation));
        factors.map(name_of).try_for_each(|name| name.map(|name| names.push(name)))
    });
    if all.is_some() { names } else { vec![] }
}

fn name_of(factor: &TableFactor) -> Option<Ident> {
    match factor {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::Function { alias: Some(alias), .. }
        | TableFactor::UNNEST { alias: Some(alias), .. } => Some(alias.name.clone()),
        TableFactor::Table { name, args: None, .. } => name.0.last()?.as_ident().cloned(),
        _ => None,
    }
}

fn others(parsed: &SqlParsed) -> Vec<TableWithJoins> {
    let SqlParsed::Statement(statement) = parsed else { return vec![] };
    match changing(statement) {
        Some(Statement::Update(update)) => match &update.from {
            Some(UpdateTableFromKind::BeforeSet(from) | UpdateTableFromKind::AfterSet(from)) => from.clone(),
            None => vec![],
        },
        Some(Statement::Delete(delete)) => delete.using.clone().unwrap_or_default(),
        _ => vec![],
    }
}

/// A query for the columns of one of these tables.
///
/// # Errors
/// The statement names no table.
pub fn columns_of(parsed: &SqlParsed, name: &Ident) -> Result<Option<SqlParsed>> {
    let SqlParsed::Statement(statement) = parsed else { return Ok(None) };
    let mut table = match changing(statement) {
        Some(Statement::Update(update)) => update.table.clone(),
        Some(Statement::Delete(delete)) => {
            let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
            let Some(table) = from.first() else { return Ok(None) };
            table.clone()
        }
        _ => return Ok(None),
    };
    targeted(&mut table.relation)?;
    let kind = SelectItemQualifiedWildcardKind::ObjectName(vec![name.clone()].into());
    let items = vec![SelectItem::QualifiedWildcard(kind, Default::default())];
    let from = std::iter::once(table).chain(others(parsed)).collect();
    let query = Parts { items, from, ..Parts::default() }.query()?;
    let with = match statement.as_ref() {
        Statement::Query(query) => query.with.clone(),
        _ => None,
    };
    Ok(Some(SqlParsed::Statement(Box::new(Statement::Query(Box::new(Query { with, ..query }))))))
}

/// The name under which the query of the change gives a column of another table.
fn given(source: &Ident, column: &str) -> String {
    format!("portrait:from:{}:{column}", normal(source))
}

/// Lets RETURNING read the columns of other tables; returns the items that the query of the change gives in addition. `own` are the columns
/// of the table that changes.
pub fn read(returning: &mut Returning, own: &[&str], sources: &[Source]) -> Vec<SelectItem> {
    let mut reading = Reading { own, sources, found: vec![] };
    let items = std::mem::take(&mut returning.items);
    for item in items {
        match item {
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                let named = name.0.as_slice().first().and_then(|part| part.as_ident()).filter(|_| name.0.len() == 1);
                let source = named.and_then(|name| sources.iter().find(|source| normal(&source.name) == normal(name)));
                match source {
                    Some(source) => returning.items.extend(reading.all(source)),
                    None => returning
                        .items
                        .push(SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options)),
                }
            }
            SelectItem::Wildcard(options) => {
                returning.items.push(SelectItem::Wildcard(options));
                sources.iter().for_each(|source| returning.items.extend(reading.all(source)));
            }
            SelectItem::UnnamedExpr(mut value) => {
                let heading = match &value {
                    Expr::Identifier(name) => Some(name.clone()),
                    Expr::CompoundIdentifier(names) => names.last().cloned(),
                    _ => None,
                };
                let before = value.clone();
                let _ = value.walk_mut(&mut reading);
                returning.items.push(match heading {
                    Some(alias) if value != before => SelectItem::ExprWithAlias { expr: value, alias },
                    _ => SelectItem::UnnamedExpr(value),
                });
            }
            mut other => {
                let _ = other.walk_mut(&mut reading);
                returning.items.push(other);
            }
        }
    }
    let given_names: Vec<Ident> = reading.found.iter().map(|(source, column)| quoted(&given(source, column))).collect();
    joins::hide(&mut returning.items, &given_names);
    let one = |(source, column): &(Ident, String)| {
        aliased(Expr::CompoundIdentifier(vec![source.clone(), quoted(column)]), &given(source, column))
    };
    reading.found.iter().map(one).collect()
}

struct Reading<'a> {
    own: &'a [&'a str],
    sources: &'a [Source],
    /// The columns that are read.
    found: Vec<(Ident, String)>,
}

impl Reading<'_> {
    fn take(&mut self, source: &Ident, column: &str) -> Expr {
        if !self.found.iter().any(|(known, name)| normal(known) == normal(source) && name == column) {
            self.found.push((source.clone(), column.to_string()));
        }
        Expr::Identifier(quoted(&given(source, column)))
    }

    fn all(&mut self, source: &Source) -> Vec<SelectItem> {
        let one = |column: &String| SelectItem::ExprWithAlias { expr: self.take(&source.name, column), alias: quoted(column) };
        source.columns.iter().map(one).collect()
    }
}

impl VisitorMut for Reading<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        let found = match expression {
            Expr::CompoundIdentifier(names) => match names.as_slice() {
                [table, column] => {
                    let source = self.sources.iter().find(|source| normal(&source.name) == normal(table));
                    source.filter(|source| source.columns.contains(&normal(column))).map(|source| (source, normal(column)))
                }
                _ => None,
            },
            Expr::Identifier(name) if !self.own.contains(&normal(name).as_str()) => {
                let mut having = self.sources.iter().filter(|source| source.columns.contains(&normal(name)));
                match (having.next(), having.next()) {
                    (Some(source), None) => Some((source, normal(name))),
                    _ => None,
                }
            }
            _ => None,
        };
        if let Some((source, column)) = found {
            let source = source.name.clone();
            *expression = self.take(&source, &column);
        }
        ControlFlow::Continue(())
    }
}
