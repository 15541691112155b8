//! Privileges that can be checked from the statement alone.
//!
//! Reads are checked where names are resolved, and creating, altering and dropping where the object is known. Checked here is what the
//! statement itself tells: which tables it changes, which files it writes, and what is reserved for SUPERUSER.

use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{
    Insert, ObjectName, ObjectType, OnConflict, OnConflictAction, OnInsert, SetExpr, Statement as SqlStatement, TableObject,
};

use super::execution::tag_of;
use super::naming::{own_name, relation};
use crate::catalog::grants::Privilege;
use crate::error::{SqlState, coded};
use crate::objects::lifecycle::{find, missing};
use crate::objects::protection;
use crate::objects::protection::scans::{Names, is_behind, is_recursive};
use crate::sql::changing;
use crate::sql::command::{Command, Target};
use crate::sql::erasing::Erasing;
use crate::sql::parser::Parsed;
use crate::sql::references::tables_in;
use crate::statement::StatementContext;
use crate::walk::PlanTree;

use Privilege::{Delete, Insert as Adding, Read, Refresh, Select, Temporary, Truncate, Update, Write};

/// Refuses what the role may not do, and returns the context for the rest.
///
/// # Errors
/// The role lacks a privilege.
pub(super) fn check(parsed: &Parsed, context: &StatementContext) -> Result<StatementContext> {
    let context = context.clone();
    if context.rights()?.is_superuser() {
        return Ok(context);
    }
    match parsed {
        Parsed::Command(command) => match command {
            Command::BackUp(_) => Err(refused(&tag_of(parsed), &context)),
            Command::Refresh(refresh) | Command::ExplainRefresh(refresh) => refreshes(&refresh.target, context),
            // Checked where the object is known.
            Command::Create(_)
            | Command::Drop(..)
            | Command::Comment(_)
            | Command::Grant(_)
            | Command::SetClass(_)
            | Command::AlterSystem(_)
            | Command::Sequence(_)
            | Command::SetSchema(_)
            | Command::Describe(_) => Ok(context),
            Command::Check(tables) => tables.iter().try_fold(context, |context, table| changes(table, &[Select], context)),
            Command::Show(_) | Command::Client(_) | Command::Schedule(_) | Command::AlterExperiment(_) | Command::AlterTag(_) => {
                Ok(context)
            }
            // Ownership is checked where the objects are known.
            Command::Erasing(Erasing::Export(_, Some(file), _)) => {
                context.check_files(Write, file)?;
                Ok(context)
            }
            Command::Erasing(_) => Ok(context),
            // Its queries are checked one by one.
            Command::Report(report) => {
                context.check_files(Write, &report.target)?;
                Ok(context)
            }
        },
        Parsed::Sql(parsed) => check_sql(parsed, context),
    }
}

fn refused(tag: &str, context: &StatementContext) -> datafusion::error::DataFusionError {
    let problem = format!("the role {} may not; ask a role with SUPERUSER", context.role());
    coded(SqlState::INSUFFICIENT_PRIVILEGE, tag, problem)
}

fn refreshes(target: &Target, context: StatementContext) -> Result<StatementContext> {
    let Some(object) = find(&context, target)? else { return Err(missing(&context, target)?) };
    context.check_may(Refresh, &object)?;
    Ok(context)
}

fn check_sql(parsed: &SqlParsed, context: StatementContext) -> Result<StatementContext> {
    if let Some(target) = changing::target(parsed) {
        let needed: &[Privilege] = match changing::word(parsed) {
            "DELETE" => &[Delete, Select],
            "UPDATE" => &[Update, Select],
            "MERGE" => &[Adding, Update, Delete, Select],
            "TRUNCATE" => &[Truncate],
            // INSERT with RETURNING.
            _ => &[Adding, Select],
        };
        if let SqlParsed::Statement(statement) = parsed
            && let SqlStatement::Insert(insert) = statement.as_ref()
        {
            let needed = match &insert.on {
                Some(OnInsert::OnConflict(OnConflict { action: OnConflictAction::DoNothing, .. })) => &[Adding, Select],
                Some(_) => &[Adding, Update, Select][..],
                None => needed,
            };
            return inserts(insert, needed, context);
        }
        return changes(target, needed, context);
    }
    let statement = match parsed {
        SqlParsed::Statement(statement) => statement.as_ref(),
        SqlParsed::Explain(explain) => return check_sql(&explain.statement, context),
        SqlParsed::Reset(_) => return Ok(context),
        SqlParsed::CopyTo(copy) => {
            context.check_files(Write, &copy.target)?;
            return Ok(context);
        }
        SqlParsed::CreateExternalTable(table) => {
            for location in &table.locations {
                context.check_files(Read, location)?;
            }
            if table.temporary {
                temporary(&context)?;
            }
            return Ok(context);
        }
    };
    check_statement(statement, context)
}

fn check_statement(statement: &SqlStatement, context: StatementContext) -> Result<StatementContext> {
    match statement {
        SqlStatement::Query(query) => match query.body.as_ref() {
            // `WITH … INSERT`
            SetExpr::Insert(insert) => check_statement(insert, context),
            _ => Ok(context),
        },
        SqlStatement::Insert(insert) => inserts(insert, &[Adding], context),
        SqlStatement::Explain { statement, .. } => check_statement(statement, context),
        SqlStatement::CreateTable(table) => {
            if table.temporary || !context.catalog().is_durable() {
                temporary(&context)?;
            }
            Ok(context)
        }
        SqlStatement::CreateView(view) => {
            if view.temporary {
                temporary(&context)?;
            }
            Ok(context)
        }
        // Checked for each table.
        SqlStatement::Truncate(_) => Ok(context),
        // Checked where the object is known.
        SqlStatement::CreateSchema { .. }
        | SqlStatement::CreateRole(_)
        | SqlStatement::AlterRole { .. }
        | SqlStatement::AlterTable(_)
        | SqlStatement::CreateIndex(_)
        | SqlStatement::Drop {
            object_type: ObjectType::Table | ObjectType::View | ObjectType::Schema | ObjectType::Role | ObjectType::Index,
            ..
        } => Ok(context),
        SqlStatement::ExplainTable { .. }
        | SqlStatement::Set(_)
        | SqlStatement::Reset(_)
        | SqlStatement::ShowVariable { .. }
        | SqlStatement::ShowTables { .. }
        | SqlStatement::ShowColumns { .. }
        | SqlStatement::ShowFunctions { .. }
        | SqlStatement::ShowCreate { .. }
        | SqlStatement::Prepare { .. }
        | SqlStatement::Execute { .. }
        | SqlStatement::Deallocate { .. }
        // Drivers prepare them too.
        | SqlStatement::StartTransaction { .. }
        | SqlStatement::Commit { .. }
        | SqlStatement::Rollback { .. }
        | SqlStatement::Savepoint { .. }
        | SqlStatement::ReleaseSavepoint { .. } => Ok(context),
        // Refuse any other statement, present or future.
        other => {
            let text = other.to_string();
            let first: Vec<&str> = text.split_whitespace().take(2).collect();
            Err(refused(&first.join(" "), &context))
        }
    }
}

fn temporary(context: &StatementContext) -> Result<()> {
    if context.rights()?.may_in_database(Temporary) {
        return Ok(());
    }
    Err(context.not_allowed("temporary table", &format!("GRANT TEMPORARY ON DATABASE portrait TO {}", context.role())))
}

/// Checks a change of the rows of a table.
fn changes(target: &ObjectName, needed: &[Privilege], context: StatementContext) -> Result<StatementContext> {
    let name = own_name(target, &context)?;
    if context.tables().temporary(&name).is_none()
        && let Some(object) = relation(&name, &context)?
    {
        needed.iter().try_for_each(|privilege| context.check_may(*privilege, &object))?;
        if needed.iter().any(|privilege| matches!(privilege, Update | Delete | Truncate)) {
            protection::refuse_changes(&object, &context)?;
        }
        let adds = needed.iter().any(|privilege| matches!(privilege, Adding | Update));
        let removes = needed.iter().any(|privilege| matches!(privilege, Update | Delete | Truncate));
        protection::refuse_references(&object, adds, removes, &context)?;
    }
    // A table that does not exist is reported where the statement is planned.
    Ok(context)
}

/// Checks an INSERT: it need not be allowed to read its own target, unless its query reads it.
fn inserts(insert: &Insert, needed: &[Privilege], context: StatementContext) -> Result<StatementContext> {
    let TableObject::TableName(target) = &insert.table else { return Ok(context) };
    let name = own_name(target, &context)?;
    let context = changes(target, needed, context)?;
    if insert.on.is_some()
        && context.tables().temporary(&name).is_none()
        && let Some(object) = relation(&name, &context)?
    {
        protection::refuse_conflicts(&object, &context)?;
    }
    if context.tables().temporary(&name).is_none()
        && let Some(object) = relation(&name, &context)?
    {
        let named = insert.columns.iter().filter_map(|column| column.0.last()?.as_ident().map(crate::sql::command::normal));
        protection::refuse_keys(&object, &named.collect::<Vec<_>>(), &context)?;
    }
    let own = target.0.last().and_then(|part| part.as_ident()).map(crate::sql::command::normal);
    let read = insert.source.as_ref().map(|source| tables_in(source.as_ref())).unwrap_or_default();
    let is_read = read.iter().any(|table| table.last() == own.as_ref());
    Ok(if is_read { context } else { context.writing(&name) })
}

/// Refuses an INSERT whose query reads the rows of its own table. The table was opened to be written to, without masks and row policies, and
/// a query can name it in more ways than its text shows.
///
/// # Errors
/// The role may not read the table, or does not see all of it.
pub(super) fn check_own_rows(plan: &LogicalPlan, context: &StatementContext) -> Result<()> {
    let Some(name) = context.written() else { return Ok(()) };
    let Some(object) = relation(name, context)? else { return Ok(()) };
    let objects = context.all_objects()?;
    let names = Names::new(&objects, context);
    let mut is_read = false;
    plan.each_plan(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let is_it = names.scanned(scan).is_some_and(|scanned| scanned.object.id == object.id);
            is_read |= is_it && !is_recursive(scan)? && !is_behind(scan)?;
        }
        Ok(if is_read { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    if !is_read {
        return Ok(());
    }
    context.check_may(Select, &object)?;
    if protection::covers(&object, context)? {
        return Err(protection::read_and_written(name));
    }
    Ok(())
}
