//! COMMENT ON: describes objects and columns.
//!
//! Comments are stored apart from the definition, which stays as it was written: a tag with a new comment still has the same version. A
//! comment stays with its object when that is altered, renamed or replaced.

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;

use super::kind_of;
use super::lifecycle::{find, missing, unless_moved};
use super::relation::NAMES;
use crate::catalog::objects::Object;
use crate::catalog::snapshots::When;
use crate::error::{SqlState, coded, did_you_mean, invalid};
use crate::sql::command::Target;
use crate::statement::StatementContext;
use crate::text::with_article;

/// What a comment is on.
#[derive(Debug)]
pub enum Commented<'a> {
    Object(&'a Target),
    Relation { word: &'a str, name: String },
    Column { table: String, column: String },
}

/// Sets a comment; `None` removes it.
///
/// # Errors
/// There is no such object or column, or it is of another kind.
pub async fn comment(commented: &Commented<'_>, text: Option<&str>, if_exists: bool, context: &StatementContext) -> Result<()> {
    context.settled(|context| async move { said(commented, text, if_exists, &context).await }).await
}

async fn said(commented: &Commented<'_>, text: Option<&str>, if_exists: bool, context: &StatementContext) -> Result<()> {
    let (name, word, column) = match commented {
        Commented::Object(target) => {
            return match find(context, target)? {
                Some(object) => {
                    context.check_owns(&object)?;
                    put(&object, "", text, context)
                }
                None if if_exists => Ok(()),
                None => Err(missing(context, target)?),
            };
        }
        Commented::Relation { word, name } => (name, Some(*word), ""),
        Commented::Column { table, column } => (table, None, column.as_str()),
    };
    if let Some(table) = context.tables().temporary(name) {
        check_word(name, "table", word)?;
        check_column(name, column, &table.schema())?;
        let mut comments = context.tables().comments(name);
        match text {
            Some(text) => drop(comments.insert(column.into(), text.into())),
            None => drop(comments.remove(column)),
        }
        context.tables().set_comments(name, comments);
        return Ok(());
    }
    let objects = context.objects()?;
    let is_relation = |object: &&Object| NAMES.contains(&object.kind.as_str());
    let Some(object) = objects.iter().filter(is_relation).find(|object| object.name == *name) else {
        if if_exists {
            return Ok(());
        }
        let names = objects.iter().filter(is_relation).map(|object| object.name.as_str());
        let suggestion = did_you_mean(name, names);
        let word = word.unwrap_or("table");
        let listed = if word == "sequence" { "SEQUENCES" } else { "TABLES" };
        let problem = format!("no such {word}{suggestion}; SHOW {listed} lists them");
        return Err(context.unseen(coded(SqlState::UNDEFINED_TABLE, name, problem), name));
    };
    context.check_owns(object)?;
    check_word(name, &object.kind, word)?;
    if !column.is_empty()
        && let Some(kind) = kind_of(&object.kind)
    {
        check_column(name, column, &kind.open(object, When::Now, context).await?.schema())?;
    }
    put(object, column, text, context)
}

/// Checks the keyword in the statement: TABLE for a table (or an external table), VIEW for a view, SEQUENCE for a sequence.
fn check_word(name: &str, kind: &str, word: Option<&str>) -> Result<()> {
    match word {
        Some(word) if word != kind && !(word == "table" && kind == "external table") => {
            let problem = format!("is {}; write COMMENT ON {} {name} IS …", with_article(kind), kind.to_uppercase());
            Err(invalid(name, problem))
        }
        _ => Ok(()),
    }
}

fn check_column(table: &str, column: &str, schema: &SchemaRef) -> Result<()> {
    if column.is_empty() || schema.column_with_name(column).is_some() {
        return Ok(());
    }
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let suggestion = did_you_mean(column, names.iter().copied());
    let problem = format!("{table} has no such column{suggestion}; there is {}", names.join(", "));
    Err(coded(SqlState::UNDEFINED_COLUMN, column, problem))
}

fn put(object: &Object, column: &str, text: Option<&str>, context: &StatementContext) -> Result<()> {
    // A comment in the definition itself is hidden by an empty comment.
    let says_itself = column.is_empty() && !NAMES.contains(&object.kind.as_str());
    let text = text.or_else(|| says_itself.then_some(""));
    let seen = context.view().stamp()?;
    unless_moved(context.catalog().put_comment(object, column, text, Some(seen)), context)
}
