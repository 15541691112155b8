//! CREATE INDEX and DROP INDEX. Tables are read without indexes; what a unique one says is a constraint, which it becomes.

use datafusion::common::Result;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{AlterTable, CreateIndex, Expr, ObjectName, Statement as SqlStatement};

use super::Session;
use super::answer::Answer;
use super::missing_tables::no_such_table;
use super::naming::{own_name, relation};
use crate::catalog::objects::Object;
use crate::error::{SqlState, coded};
use crate::objects::{altering, constraining, schema};
use crate::sql::command::normal;
use crate::sql::parser;
use crate::sql::syntax::constraints::{Constraint, Rule};
use crate::statement::StatementContext;
use crate::text::identifier;

/// The note of statements about indexes that have nothing to do.
fn no_index(statement: &str) -> String {
    format!("{statement} has nothing to do: tables are read without indexes")
}

/// CREATE INDEX; a unique one becomes a UNIQUE constraint of its name.
///
/// # Errors
/// There is no such table, the role does not own it, or its rows are not unique.
pub(super) fn create(session: &Session, index: &CreateIndex, context: &StatementContext) -> Result<Answer> {
    let name = own_name(&index.table_name, context)?;
    let is_temporary = context.tables().temporary(&name).is_some();
    let table = relation(&name, context)?;
    if !is_temporary {
        let Some(table) = &table else {
            return Err(no_such_table(&name, context));
        };
        context.check_owns(table)?;
    }
    if !index.unique {
        return Ok(Answer::done(vec![no_index("CREATE INDEX")]));
    }
    let own = index.name.as_ref().and_then(|name| name.0.last()?.as_ident().map(normal));
    let declared = match (&table, is_temporary) {
        (Some(table), false) => constraining::declared(table, context)?,
        _ => constraining::declared_in_session(&name, context)?,
    };
    if index.if_not_exists && own.as_ref().is_some_and(|own| declared.iter().any(|constraint| constraint.name == *own)) {
        return Ok(Answer::done(vec![]));
    }
    let constraint = own.map_or_else(String::new, |own| format!("CONSTRAINT {} ", identifier(&own)));
    let nulls = if index.nulls_distinct == Some(false) { "NULLS NOT DISTINCT " } else { "" };
    let columns = index.columns.iter().filter_map(|column| match &column.column.expr {
        Expr::Identifier(name) => Some(identifier(&normal(name))),
        _ => None,
    });
    let columns = columns.collect::<Vec<_>>().join(", ");
    let text = format!("ALTER TABLE {} ADD {constraint}UNIQUE {nulls}({columns})", schema::quoted(&name, context));
    let alter = altered(&text, context)?;
    work(session, vec![(name, alter)], vec![], context)
}

/// DROP INDEX: the UNIQUE constraints of these names are dropped.
///
/// # Errors
/// The database cannot be read.
pub(super) fn drop(session: &Session, names: &[ObjectName], context: &StatementContext) -> Result<Answer> {
    let (mut alters, mut notes) = (vec![], vec![]);
    for name in names {
        let Some(own) = name.0.last().and_then(|part| part.as_ident()).map(normal) else { continue };
        match table_with(&own, context)? {
            Some(table) => {
                let text = format!("ALTER TABLE {} DROP CONSTRAINT {}", schema::quoted(&table, context), identifier(&own));
                alters.push((table, altered(&text, context)?));
            }
            None => notes.push(no_index("DROP INDEX")),
        }
    }
    if alters.is_empty() { Ok(Answer::done(notes)) } else { work(session, alters, notes, context) }
}

/// The table that has a UNIQUE constraint of this name.
fn table_with(constraint: &str, context: &StatementContext) -> Result<Option<String>> {
    let is_it = |own: &Constraint| own.name == constraint && matches!(own.rule, Rule::Unique { .. });
    for name in context.tables().temporary_names() {
        if constraining::declared_in_session(&name, context)?.iter().any(is_it) {
            return Ok(Some(name));
        }
    }
    let may_have = |object: &&Object| object.kind == "table" && object.sql.contains(constraint);
    for table in context.objects()?.iter().filter(may_have) {
        if constraining::declared(table, context)?.iter().any(is_it) {
            return Ok(Some(table.name.clone()));
        }
    }
    Ok(None)
}

fn altered(text: &str, context: &StatementContext) -> Result<AlterTable> {
    match parser::parse_composed(text, context.session())? {
        SqlParsed::Statement(statement) => match *statement {
            SqlStatement::AlterTable(alter) => Ok(alter),
            other => Err(coded(SqlState::INTERNAL_ERROR, "index", format!("{other} does not alter a table"))),
        },
        other => Err(coded(SqlState::INTERNAL_ERROR, "index", format!("{other} does not alter a table"))),
    }
}

/// Alters tables one after another.
fn work(session: &Session, alters: Vec<(String, AlterTable)>, notes: Vec<String>, context: &StatementContext) -> Result<Answer> {
    let altering = context.clone();
    Answer::work(&session.engine, context, move |running| async move {
        let mut notes = notes;
        for (name, alter) in alters {
            notes.extend(altering::alter(&alter, &name, &altering.renewed(), &running).await?);
        }
        Ok(notes)
    })
}
