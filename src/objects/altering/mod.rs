//! ALTER TABLE: changes the columns or the name of a table.
//!
//! A table with changed columns replaces the old one, in the same way as `CREATE OR REPLACE TABLE`: a change that would break users of the
//! table is refused, rows and definition change at once, and earlier states stay readable. Its definition is written anew, with all of its
//! columns.

mod columns;
mod definition;
mod renaming;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::common::Result;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::empty::EmptyTable;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation, Ident, ObjectName, RenameTableNameKind, TableConstraint,
};

use crate::catalog::objects::{Moved, Object};
use crate::catalog::sequences::Sequence;
use crate::catalog::snapshots::When;
use crate::catalog::tables::{Added, Constraints, Rows};
use crate::error::{SqlState, coded, did_you_mean, invalid};
use crate::files::kinds::is_file;
use crate::objects::broken::check_users;
use crate::objects::constraining;
use crate::objects::kind::Kind;
use crate::objects::lifecycle::{NewObject, remember};
use crate::objects::numbering;
use crate::objects::protection::class;
use crate::objects::referring;
use crate::objects::relation::NAMESPACE;
use crate::objects::schema::quoted;
use crate::objects::table::{self, Made, Table};
use crate::objects::{sequence, sequencing};
use crate::sql::command::{Body, Create, Target, normal};
use crate::sql::inserting::with_identities;
use crate::sql::parser;
use crate::sql::planning::plan;
use crate::sql::syntax::constraints;
use crate::sql::syntax::foreign::Foreign;
use crate::sql::syntax::numbered::{Numbered, sequence_name};
use crate::statement::{RunningPlan, StatementContext};
use crate::text::with_article;

use columns::{Column, changed, columns};
use definition::{check, check_defaults, definition, rows};
use renaming::rename;

/// Alters a table.
///
/// # Errors
/// There is no such table, the change is impossible, or it would break something; nothing is changed then.
pub async fn alter(statement: &AlterTable, name: &str, context: &StatementContext, running: &RunningPlan) -> Result<Vec<String>> {
    if let [AlterTableOperation::RenameTable { table_name }] = statement.operations.as_slice() {
        let (RenameTableNameKind::As(new) | RenameTableNameKind::To(new)) = table_name;
        let new = own(new)?;
        return context.settled(|context| async move { rename(name, new, statement.if_exists, &context).await }).await;
    }
    let altered = |context: StatementContext| async move {
        if let Some(table) = context.tables().temporary(name) {
            return alter_temporary(statement, name, table, &context).await;
        }
        let Some(object) = found(name, statement.if_exists, &context)? else { return Ok(vec![]) };
        context.check_owns(&object)?;
        if object.kind != "table" {
            let problem = format!("is {}; ALTER only changes columns of tables", with_article(&object.kind));
            return Err(invalid(name, problem));
        }
        // The rows are read and written again, so they must be readable without masks and row policies.
        super::protection::refuse_changes(&object, &context)?;
        let adds = |operation: &AlterTableOperation| {
            matches!(operation, AlterTableOperation::AddConstraint { constraint: TableConstraint::ForeignKey(_), .. })
        };
        let is_part = statement.operations.iter().any(adds) || referring::is_part(&object.name, &context)?;
        let work = |context: StatementContext| async move { alter_columns(statement, object, &context, running).await };
        table::together(is_part, &context, work).await
    };
    context.settled(altered).await
}

/// Moves a table or view to another schema.
///
/// # Errors
/// There is no such table or schema, the name is taken there, or something uses it.
pub async fn set_schema(name: &str, schema: &Ident, if_exists: bool, context: &StatementContext) -> Result<Vec<String>> {
    let moved = |context: StatementContext| async move {
        if context.tables().temporary(name).is_some() {
            return Err(invalid(name, "is a temporary table, which is in no schema; make another"));
        }
        if found(name, if_exists, &context)?.is_none() {
            return Ok(vec![]);
        }
        match sequencing::moved(name, schema, &context)? {
            new if new == name => Ok(vec![]),
            new => renaming::rename_to(name, new, if_exists, &context).await,
        }
    };
    context.settled(moved).await
}

/// The relation with this name.
fn found(name: &str, if_exists: bool, context: &StatementContext) -> Result<Option<Object>> {
    let objects = context.objects()?;
    let is_it = |object: &&Object| object.name == name && NAMESPACE.contains(&object.kind.as_str());
    match objects.iter().find(is_it) {
        None if is_file(name) => {
            let instead = "make a table of its rows with CREATE TABLE … AS SELECT, or write a new file with COPY";
            Err(invalid(name, format!("is a file, which ALTER cannot change; {instead}")))
        }
        None if !if_exists => {
            let names = objects.iter().filter(|object| object.kind == "table").map(|object| object.name.as_str());
            let suggestion = did_you_mean(name, names);
            let problem = format!("no such table{suggestion}; SHOW TABLES lists them");
            Err(context.unseen(coded(SqlState::UNDEFINED_TABLE, name, problem), name))
        }
        found => Ok(found.cloned()),
    }
}

fn own(name: &ObjectName) -> Result<&Ident> {
    match name.0.as_slice() {
        [name] => name.as_ident().ok_or_else(|| invalid("ALTER TABLE", format!("{name} is not a name"))),
        _ => Err(invalid(&name.to_string(), "a table stays in its schema; leave the schema out of the new name")),
    }
}

async fn alter_columns(
    statement: &AlterTable,
    object: Object,
    context: &StatementContext,
    running: &RunningPlan,
) -> Result<Vec<String>> {
    let name = object.name.clone();
    let table = Table.open(&object, When::Now, context).await?;
    let now = columns(table.as_ref(), Some(&object), context)?;
    let known = table::written_constraints(&object, context)?;
    let mut constraints = known.clone();
    let (mut columns, checks) = changed(&name, &quoted(&name, context), now, &mut constraints, &statement.operations)?;
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let constraints = referring::resolved(&name, constraints, &known, (&names, false), context).await?;
    check(&name, &checks, context).await?;
    share(&mut columns, context)?;
    for column in columns.iter_mut().filter(|column| column.is_to_count) {
        let Some(numbered) = &column.numbered else { continue };
        let usual = sequence_name(&statement.name, &column.name, false);
        let sequence = numbering::make(numbered, &usual, context)?;
        column.count_with(&sequence);
    }
    let (definition, declared) = definition(&name, &columns, &constraints, true, context).await?;
    referring::check(&name, &name, &declared, &constraints, context).await?;
    let tested = of_present_rows(constraining::of(&name, &constraints, &declared, context).await?);
    check_defaults(&name, &columns, context).await?;
    let target = Target { grammar: &Table, name: name.clone(), profile: None };
    let only_words = statement.operations.iter().all(changes_no_row);
    let body = parser::parse_composed(&definition, context.session())?;
    let body = Body::Sql(Box::new(body));
    let create = Create {
        target,
        or_replace: true,
        if_not_exists: false,
        parameters: vec![],
        options: vec![],
        body,
        table: None,
        protection: None,
    };
    let owned = sequence::owned(&name, context)?;
    let base = context.base().display().to_string();
    let new = Object { version: object.version + 1, sql: definition, base, author: context.role().into(), ..object.clone() };
    let new = NewObject { object: new, existing: Some(object), create };
    if only_words {
        return remember(&Table, &new, context).await;
    }
    let rows =
        plan(&parser::parse_composed(&rows(&quoted(&name, context), &columns, &declared), context.session())?, context).await?;
    let referred = referring::foreign(&constraints).map(|(_, own)| referring::object_name(&own.table)).collect();
    let moves = moved(&statement.operations);
    let following = following(&name, &moves, context)?;
    let made = Made { declared: Some(declared), moved: moves.clone(), constraints: Arc::new(tested), referred, following };
    Box::pin(table::write(&new, rows, made, context, running)).await?;
    sequencing::follow(owned, &name, &moves, context)?;
    Ok(vec![])
}

/// Finds the columns with the numbers of a sequence, which is not theirs alone.
fn share(columns: &mut [Column], context: &StatementContext) -> Result<()> {
    for column in columns {
        // A new column with SERIAL or IDENTITY gets a counter of its own.
        let is_own = column.numbered.as_ref().is_some_and(Numbered::is_own);
        let Some(default) = column.default.as_ref().filter(|_| !is_own) else { continue };
        let Some(shared) = numbering::shared(default, column.numbered.is_some(), context)? else { continue };
        if column.values == *default {
            column.values.clone_from(&shared);
        }
        (column.default, column.numbered, column.is_to_count) = (Some(shared), None, false);
    }
    Ok(())
}

/// The tables whose foreign keys name columns of the table, with their new names.
fn following(table: &str, moved: &[Moved], context: &StatementContext) -> Result<Vec<Object>> {
    referring::following(table, |own| rename_columns(own, moved), context)
}

fn rename_columns(own: &mut Foreign, moved: &[Moved]) {
    for (old, new) in moved {
        if let Some(new) = new {
            own.referred.iter_mut().filter(|name| *name == old).for_each(|name| name.clone_from(new));
        }
    }
}

/// Constraints that the rows of the table are compared with.
fn of_present_rows(constraints: Constraints) -> Constraints {
    Constraints { rows: Rows::Present, ..constraints }
}

async fn alter_temporary(
    statement: &AlterTable,
    name: &str,
    table: Arc<dyn TableProvider>,
    context: &StatementContext,
) -> Result<Vec<String>> {
    let now = columns(table.as_ref(), None, context)?;
    let known = constraints::read(name, &context.tables().constraints(name))?;
    let mut constraints = known.clone();
    let (mut columns, checks) = changed(name, &quoted(name, context), now, &mut constraints, &statement.operations)?;
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let constraints = referring::resolved(name, constraints, &known, (&names, true), context).await?;
    check(name, &checks, context).await?;
    share(&mut columns, context)?;
    for column in columns.iter_mut().filter(|column| column.is_to_count) {
        let Some(Numbered { counting, .. }) = column.numbered else { continue };
        let sequence = sequence_name(&statement.name, &column.name, true);
        column.count_with(&sequence);
        context.tables().make_counter(Sequence::new(sequence, counting), false);
    }
    let (definition, declared) = definition(name, &columns, &constraints, false, context).await?;
    referring::check(name, name, &declared, &constraints, context).await?;
    let tested = Arc::new(of_present_rows(constraining::of(name, &constraints, &declared, context).await?));
    check_defaults(name, &columns, context).await?;
    let changed = context.with_relation(name, Arc::new(EmptyTable::new(Arc::clone(&declared))));
    check_users(&of_session(name), context, &changed).await?;
    let rows =
        plan(&parser::parse_composed(&rows(&quoted(name, context), &columns, &declared), context.session())?, context).await?;
    let classes = class::of_rows(&rows, context).await?;
    let frame = DataFrame::new(context.state(), rows);
    let keys = MemoryConsumer::new(format!("keys of table {name}")).register(frame.task_ctx().memory_pool());
    let mut added = Added::new(&tested, name, &declared, keys)?;
    let rows = frame.collect().await?;
    let rows = rows.iter().map(|batch| {
        added.add(batch)?;
        Ok(RecordBatch::try_new(Arc::clone(&declared), batch.columns().to_vec())?)
    });
    let rows = rows.collect::<Result<Vec<_>>>()?;
    let made = plan(&parser::parse_composed(&definition, context.session())?, &context.making(name)).await?;
    let defaults = match made {
        LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(made)) => made.column_defaults,
        _ => vec![],
    };
    let numbered: Vec<_> = columns.iter().filter_map(|own| Some((own.name.clone(), own.numbered.clone()?))).collect();
    let defaults = with_identities(defaults, &numbered);
    let altered = MemTable::try_new(declared, vec![rows])?.with_column_defaults(defaults.into_iter().collect());
    let saved = match referring::all(context)?.is_empty() && referring::foreign(&constraints).next().is_none() {
        true => None,
        false => Some(context.tables().saved().await),
    };
    context.tables().add_temporary(name.into(), Arc::new(altered));
    let mut comments = context.tables().comments(name);
    for (column, new) in moved(&statement.operations) {
        if let Some((comment, new)) = comments.remove(&column).zip(new) {
            comments.insert(new, comment);
        }
    }
    context.tables().set_comments(name, comments);
    context.tables().set_held(name, classes);
    context.tables().set_constraints(name, constraints.iter().map(ToString::to_string).collect());
    let moved = moved(&statement.operations);
    referring::follow_in_session(name, |own| rename_columns(own, &moved), context)?;
    if let Some(saved) = saved
        && let Err(error) = referring::verify_made(name, context).await
    {
        context.tables().restore(saved).await;
        return Err(error);
    }
    Ok(vec![])
}

/// Fails when a table of the session cannot be replaced by one with these columns, as something that reads it would break.
///
/// # Errors
/// The first object that would break, and why.
pub async fn check_replaced(name: &str, columns: SchemaRef, context: &StatementContext) -> Result<()> {
    let table = &Arc::new(EmptyTable::new(columns));
    let check = |context: StatementContext| async move {
        let changed = context.with_relation(name, Arc::clone(table) as _);
        check_users(&of_session(name), &context, &changed).await
    };
    context.settled(check).await.map(|_| ())
}

/// The columns that are renamed or dropped; their comments and classes move with them.
fn moved(operations: &[AlterTableOperation]) -> Vec<Moved> {
    let of = |operation: &AlterTableOperation| match operation {
        AlterTableOperation::RenameColumn { old_column_name, new_column_name } => {
            vec![(normal(old_column_name), Some(normal(new_column_name)))]
        }
        AlterTableOperation::DropColumn { column_names, .. } => column_names.iter().map(|name| (normal(name), None)).collect(),
        _ => vec![],
    };
    operations.iter().flat_map(of).collect()
}

/// True for a change after which all rows are as before, and need no test.
fn changes_no_row(operation: &AlterTableOperation) -> bool {
    use AlterColumnOperation::{DropDefault, SetDefault};
    matches!(
        operation,
        AlterTableOperation::AlterColumn { op: SetDefault { .. } | DropDefault, .. }
            | AlterTableOperation::DropConstraint { .. }
            | AlterTableOperation::RenameConstraint { .. }
    )
}

/// A table of the session as an object without a version, to find what uses it.
pub fn of_session(name: &str) -> Object {
    Object {
        id: 0,
        kind: "table".into(),
        profile: String::new(),
        name: name.into(),
        version: 0,
        sql: String::new(),
        base: String::new(),
        author: String::new(),
        owner: String::new(),
        created_at: String::new(),
        comments: BTreeMap::new(),
        classes: BTreeMap::new(),
    }
}
