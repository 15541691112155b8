//! The columns of what statements return, before they run, and the notes of DESCRIBE.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{Result, TableReference};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{ObjectName, Statement as SqlStatement};

use super::naming::shown_definition;
use super::schema::PUBLIC;
use super::{changing, exporting, rights};
use crate::files;
use crate::objects::{check, kind_of};
use crate::sql::changing::truncated;
use crate::sql::client::{ClientCommand, Declare};
use crate::sql::command::{Command, normal};
use crate::sql::erasing::Erasing;
use crate::sql::parser::{self, Parsed};
use crate::sql::planning::{plan, plan_answered};
use crate::sql::syntax::copies;
use crate::statement::StatementContext;
use crate::system::comment_rows;

/// A plan that describes the columns and parameters of a statement; `None` when it has neither.
pub(super) async fn description_plan(parsed: &Parsed, context: &StatementContext) -> Result<Option<LogicalPlan>> {
    let context = &rights::check(parsed, context)?;
    match parsed {
        Parsed::Sql(parsed) if gives_nothing(parsed) => Ok(None),
        Parsed::Sql(parsed) => {
            let mut parsed = match shown_definition(parsed, context)? {
                Some(shown) => shown,
                None => parsed.as_ref().clone(),
            };
            parser::take_if_not_exists(&mut parsed);
            parser::take_temporary(&mut parsed);
            if let Some(last) = changing::whole::described(&parsed, context).await?.pop() {
                return Ok(Some(last));
            }
            match changing::described(&parsed, context).await? {
                Some(plan) => Ok(Some(plan)),
                None => plan_answered(&parsed, context).await.map(Some),
            }
        }
        Parsed::Command(Command::Show(grammar)) => {
            let Some(kind) = kind_of(grammar.word()) else { return Ok(None) };
            let shown = parser::parse_composed(kind.shown(), context.session())?;
            plan(&shown, context).await.map(Some)
        }
        Parsed::Command(Command::Describe(_) | Command::ExplainRefresh(_)) => {
            let columns = if matches!(parsed, Parsed::Command(Command::Describe(_))) { PROPERTIES } else { PLANS };
            let frame = SessionContext::new_with_state(context.state()).read_batch(pairs(columns, &[])?)?;
            Ok(Some(frame.into_unoptimized_plan()))
        }
        Parsed::Command(Command::Check(_)) => {
            let frame = SessionContext::new_with_state(context.state()).read_batch(RecordBatch::new_empty(check_schema()))?;
            Ok(Some(frame.into_unoptimized_plan()))
        }
        Parsed::Command(Command::Erasing(Erasing::Export(_, None, _))) => {
            let empty = RecordBatch::new_empty(crate::system::schema_of(&exporting::COLUMNS));
            Ok(Some(SessionContext::new_with_state(context.state()).read_batch(empty)?.into_unoptimized_plan()))
        }
        Parsed::Command(Command::Client(ClientCommand::Declare(Declare { query, .. }))) => {
            plan_answered(query, context).await.map(Some)
        }
        Parsed::Command(_) => Ok(None),
    }
}

/// The columns that CHECK TABLE returns.
pub(super) fn check_schema() -> SchemaRef {
    crate::system::schema_of(&check::COLUMNS)
}

/// True for statements without rows and parameters.
fn gives_nothing(parsed: &SqlParsed) -> bool {
    let statement = match parsed {
        SqlParsed::Statement(statement) => statement,
        SqlParsed::CopyTo(copy) => return copies::is_picture(&copy.target),
        _ => return false,
    };
    matches!(
        statement.as_ref(),
        SqlStatement::AlterTable(_)
            | SqlStatement::CreateIndex(_)
            | SqlStatement::CreateRole(_)
            | SqlStatement::AlterRole { .. }
            | SqlStatement::Drop { .. }
            | SqlStatement::Comment { .. }
            | SqlStatement::StartTransaction { .. }
            | SqlStatement::Commit { .. }
            | SqlStatement::Rollback { .. }
            | SqlStatement::Savepoint { .. }
            | SqlStatement::ReleaseSavepoint { .. }
            | SqlStatement::Set(_)
            | SqlStatement::Prepare { .. }
    ) || truncated(parsed).is_some()
}

pub(super) const PROPERTIES: [&str; 2] = ["property", "value"];

pub(super) const PLANS: [&str; 2] = ["plan_type", "plan"];

/// What DESCRIBE shows about the files of a table, in addition to its columns.
pub(super) async fn described(parsed: &SqlParsed, context: &StatementContext) -> Result<Vec<String>> {
    let SqlParsed::Statement(statement) = parsed else { return Ok(vec![]) };
    let SqlStatement::ExplainTable { table_name, .. } = statement.as_ref() else { return Ok(vec![]) };
    let Some(name) = table_name.0.last().and_then(|part| part.as_ident()) else { return Ok(vec![]) };
    let state = context.state();
    let schema = state.schema_for_ref(TableReference::bare(name.value.as_str()))?;
    let table = match schema.table(&name.value).await? {
        // Only the plan knows a folder whose name has no slash.
        None if name.quote_style == Some('\'') && context.base().join(&name.value).is_dir() => {
            Some(files::open(&state, &name.value, context.base()).await?)
        }
        table => table,
    };
    let mut notes = comments_on(table_name, context)?;
    notes.extend(table.iter().flat_map(files::told));
    Ok(notes)
}

/// What COMMENT ON says of a table and its columns.
fn comments_on(table: &ObjectName, context: &StatementContext) -> Result<Vec<String>> {
    let names: Vec<String> = table.0.iter().filter_map(|part| part.as_ident()).map(normal).collect();
    let path = context.path();
    let (schema, name) = match names.as_slice() {
        [name] if path.len() < 2 => (path.first().map_or(PUBLIC, String::as_str), name),
        [.., schema, name] => (schema.as_str(), name),
        _ => return Ok(vec![]),
    };
    let rows = comment_rows(context)?.into_iter();
    let of_table = rows.filter(|[of, table, ..]| of.as_deref() == Some(schema) && table.as_ref() == Some(name));
    let told = of_table.map(|[_, _, column, comment]| match column {
        Some(column) => format!("{name}.{column}: {}", comment.unwrap_or_default()),
        None => format!("{name}: {}", comment.unwrap_or_default()),
    });
    Ok(told.collect())
}

/// Pairs of strings as rows.
pub(super) fn pairs(columns: [&str; 2], pairs: &[(String, String)]) -> Result<RecordBatch> {
    let schema = Schema::new(columns.map(|column| Field::new(column, DataType::Utf8, false)).to_vec());
    let names: ArrayRef = Arc::new(StringArray::from_iter_values(pairs.iter().map(|(name, _)| name)));
    let values: ArrayRef = Arc::new(StringArray::from_iter_values(pairs.iter().map(|(_, value)| value)));
    Ok(RecordBatch::try_new(Arc::new(schema), vec![names, values])?)
}
