//! What a role without SUPERUSER may do: read everything, and have tables of its session.

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{ObjectType, Statement as SqlStatement, TableObject};

use super::execution::{own_name, tag_of};
use crate::error::{SqlState, coded};
use crate::sql::changing;
use crate::sql::command::Command;
use crate::sql::parser::Parsed;
use crate::statement::StatementContext;

/// Refuses what the role may not do.
///
/// # Errors
/// The statement changes what is not of its session, or writes a file.
pub(super) fn check(parsed: &Parsed, context: &StatementContext) -> Result<()> {
    if context.is_superuser() {
        return Ok(());
    }
    let refused = || not_allowed(&tag_of(parsed), context);
    let parsed = match parsed {
        Parsed::Command(Command::Show(_) | Command::Describe(_) | Command::ExplainRefresh(_) | Command::Client(_)) => {
            return Ok(());
        }
        Parsed::Command(_) => return Err(refused()),
        Parsed::Sql(parsed) => parsed.as_ref(),
    };
    if let Some(target) = changing::target(parsed) {
        return if context.tables().temporary(&own_name(target, context)?).is_some() { Ok(()) } else { Err(refused()) };
    }
    let statement = match parsed {
        SqlParsed::Statement(statement) => statement.as_ref(),
        SqlParsed::Explain(_) | SqlParsed::Reset(_) => return Ok(()),
        SqlParsed::CreateExternalTable(_) | SqlParsed::CopyTo(_) => return Err(refused()),
    };
    let is_of_session = match statement {
        SqlStatement::CreateTable(table) => table.temporary || !context.catalog().is_durable(),
        SqlStatement::CreateView(view) => view.temporary,
        SqlStatement::Drop { object_type: ObjectType::Role, .. } => true,
        SqlStatement::Drop { names, .. } => {
            names.iter().all(|name| own_name(name, context).is_ok_and(|name| context.tables().temporary(&name).is_some()))
        }
        SqlStatement::Insert(insert) => match &insert.table {
            TableObject::TableName(name) => context.tables().temporary(&own_name(name, context)?).is_some(),
            _ => false,
        },
        SqlStatement::AlterTable(alter) => context.tables().temporary(&own_name(&alter.name, context)?).is_some(),
        // Of roles it is decided there: everybody may choose another password.
        SqlStatement::CreateRole(_) | SqlStatement::AlterRole { .. } => true,
        SqlStatement::Query(_)
        | SqlStatement::Explain { .. }
        | SqlStatement::ExplainTable { .. }
        | SqlStatement::Set(_)
        | SqlStatement::Reset(_)
        | SqlStatement::ShowVariable { .. }
        | SqlStatement::ShowTables { .. }
        | SqlStatement::ShowColumns { .. }
        | SqlStatement::ShowFunctions { .. }
        | SqlStatement::ShowCreate { .. }
        | SqlStatement::Prepare { .. }
        | SqlStatement::Execute { .. }
        | SqlStatement::Deallocate { .. } => true,
        // Whatever else there is, or will be.
        _ => false,
    };
    if is_of_session { Ok(()) } else { Err(refused()) }
}

fn not_allowed(tag: &str, context: &StatementContext) -> DataFusionError {
    let problem = format!(
        "the role {} may not: it reads, and has temporary tables; ALTER ROLE {} SUPERUSER lets it change the database",
        context.role(),
        context.role()
    );
    coded(SqlState::INSUFFICIENT_PRIVILEGE, tag, problem)
}
