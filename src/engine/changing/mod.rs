//! DELETE, UPDATE, MERGE, TRUNCATE, and INSERT with RETURNING.
//!
//! All of them work in the same way. The statement's query ([`crate::sql::changing`]) tells which rows are removed and which are added. The
//! former are marked and the latter written as they arrive. Then the rows of RETURNING are computed, and only after that is the new state
//! published, all at once.

mod memory;
mod together;
pub mod whole;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray, UInt64Array};
use datafusion::arrow::compute::{filter_record_batch, is_not_null};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::common::{DFSchema, Result, TableReference};
use datafusion::dataframe::DataFrame;
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{Cast, DmlStatement, Expr, LogicalPlan, LogicalPlanBuilder, TableScan, WriteOp};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::sql::parser::{ExplainStatement, Statement as SqlParsed};
use datafusion::sql::unparser::expr_to_sql;
use futures::{StreamExt, TryStreamExt, stream};
use sqlparser::ast::{Expr as SqlExpr, SelectItem, SetExpr, Statement as SqlStatement, TableFactor};

use self::memory::InMemory;
use self::together::{Gone, Together};
use super::Session;
use super::answer::Answer;
use super::missing_tables::no_such_table;
use super::naming::{own_name, relation};
use super::rights::check_own_rows;
use crate::catalog::data::Pinned;
use crate::catalog::locks::Lock;
use crate::catalog::objects::{Object, REFERENCES};
use crate::catalog::snapshots::{Part, Snapshot, SnapshotOf, When, changed_meanwhile};
use crate::catalog::tables::{Change, Constraints, Identified, Lost};
use crate::error::{SqlState, coded, failed, invalid};
use crate::files::kinds::is_file;
use crate::objects::constraining;
use crate::objects::protection::barrier::Barrier;
use crate::objects::protection::{FirstError, class, notes_on_copy, read_and_written};
use crate::objects::referring;
use crate::objects::schema::reference;
use crate::objects::subject::sources;
use crate::postgres_types::MARK;
use crate::refresh::published::name_and_time;
use crate::sql::changing::{self, BEFORE, Known, Returning, TARGET, returned};
use crate::sql::headings::of_column;
use crate::sql::parser;
use crate::sql::planning::{bind_parameters, plan};
use crate::sql::postgres::{self, Told};
use crate::sql::settled;
use crate::sql::syntax::column_names::{self, Place};
use crate::sql::syntax::conflicts;
use crate::sql::syntax::constraints::Constraint;
use crate::statement::StatementContext;
use crate::text::with_article;

/// The name of the table of rows for RETURNING.
const GIVEN: &str = "portrait:given";
/// The column with the row count.
const COUNT: &str = "count";

/// Runs a statement that changes rows; `None` for other statements.
///
/// # Errors
/// The rows of the table cannot be changed, or the statement is wrong.
pub async fn run(session: &Session, parsed: &SqlParsed, context: &StatementContext) -> Result<Option<Answer>> {
    let name = match changing::target(parsed) {
        Some(name) => own_name(name, context)?,
        None => match constrained(parsed, context)? {
            Some(name) => name,
            None => return Ok(None),
        },
    };
    let word = changing::word(parsed);
    let is_in_memory = Target::is_in_memory(&name, context);
    if !is_in_memory {
        check_kind(&name, word, context)?;
    }
    let together = Together::begin(&name, word, context).await?;
    let lock = match &together {
        None if !is_in_memory => {
            let options = context.session().config_options();
            context.catalog().lock(SnapshotOf::Table, &name, word, options).await?
        }
        _ => None,
    };
    // Renewed under the lock: the state of the table that no one else can change.
    let context = &together.as_ref().map_or_else(|| context.renewed(), |together| together.context.clone());
    if together.is_none() && !is_in_memory {
        if referring::is_part(&name, context)? {
            return Err(changed_meanwhile(&name));
        }
        if context.catalog().is_transaction() && word != "INSERT" {
            referring::require_no_other(&name, context)?;
        }
    }
    let needed = &together.as_ref().map(|together| together.needed(&name)).unwrap_or_default();
    let completed = with_columns(parsed, &name, context).await?;
    let parsed = completed.as_ref().unwrap_or(parsed);
    let planned = |context: StatementContext| {
        let name = name.clone();
        async move { Planned::of(parsed, &name, needed, &context).await }
    };
    let planned = context.settled(planned).await?;
    // Before the rows, so that nobody reads them without their classes.
    let mut notes = class::carry(&name, TARGET, &planned.rows, &planned.context).await?;
    if planned.inserts || !removes(word) {
        sources::note(&name, &planned.rows, &planned.context)?;
    }
    if planned.inserts {
        sources::note_columns(&name, &planned.rows, &planned.context)?;
    }
    if planned.inserts && !is_in_memory {
        notes.extend(notes_on_copy(&name, &planned.rows, context)?);
    }
    let rows = bind_parameters(planned.rows.clone(), context)?;
    let frame = DataFrame::new(planned.context.state(), rows);
    let (task, again) = (Arc::new(frame.task_ctx()), FirstError::of(&frame, &planned.context)?);
    let plan = frame.create_physical_plan().await?;
    let (schema, gives_rows) = (planned.answered(), planned.returned.is_some());
    let context = planned.context.clone();
    let work = planned.run(lock, together, Arc::clone(&plan), task);
    let batches = stream::once(work).map_ok(|batches| stream::iter(batches.into_iter().map(Ok))).try_flatten();
    let rows: SendableRecordBatchStream = Box::pin(RecordBatchStreamAdapter::new(schema, batches.boxed()));
    let mut answer = Answer::start(&session.engine, &context, plan, rows, None, again)?;
    answer.add_notes(notes);
    Ok(Some(if gives_rows { answer } else { answer.counting() }))
}

/// The table that an INSERT writes to, if its rows refer to those of a table; or the temporary table, if not every row may be in it: DataFusion,
/// which adds rows to the others, tests no constraints, and names columns by their places.
fn constrained(parsed: &SqlParsed, context: &StatementContext) -> Result<Option<String>> {
    let Some(name) = changing::inserted(parsed) else { return Ok(None) };
    let name = own_name(name, context)?;
    let Some(table) = context.tables().temporary(&name) else {
        let refers = |object: &Object| object.kind == "table" && object.sql.contains(REFERENCES);
        return Ok(relation(&name, context)?.filter(refers).map(|_| name));
    };
    let is_constrained =
        !context.tables().constraints(&name).is_empty() || table.schema().fields().iter().any(|field| !field.is_nullable());
    Ok(is_constrained.then_some(name))
}

/// True for a statement that adds no rows.
fn removes(word: &str) -> bool {
    matches!(word, "DELETE" | "TRUNCATE")
}

/// The number of rows of a temporary table.
///
/// # Errors
/// None for a table that CREATE TABLE has made.
pub async fn rows_in_memory(name: &str, context: &StatementContext) -> Result<usize> {
    let Some(table) = context.tables().temporary(name) else { return Ok(0) };
    Ok(InMemory::of(name, table, Arc::default()).await?.rows().into_iter().sum())
}

/// Lets the columns of a temporary table that a query has made be NULL.
///
/// # Errors
/// None for a table that CREATE TABLE has made.
pub async fn loosen(name: &str, context: &StatementContext) -> Result<()> {
    if let Some(table) = context.tables().temporary(name) {
        let columns = nullable(&table.schema());
        context.tables().add_temporary(name.to_string(), memory::declared(name, &table, &columns).await?);
    }
    Ok(())
}

/// Gives a new temporary table its constraints, and its columns that must have values; `is_of_query` where a query has made its rows.
///
/// # Errors
/// Its rows are not as they say.
pub async fn constrain(
    name: &str,
    constraints: &[Constraint],
    required: &[String],
    is_of_query: bool,
    context: &StatementContext,
) -> Result<()> {
    let Some(table) = context.tables().temporary(name) else { return Ok(()) };
    if is_of_query && !(constraints.is_empty() && required.is_empty()) {
        let columns = constraining::with_required(required, constraints, &table.schema()).unwrap_or_else(|| table.schema());
        let tested = Arc::new(constraining::of(name, constraints, &columns, context).await?);
        InMemory::of(name, Arc::clone(&table), tested).await?.test(&columns, &context.state().task_ctx())?;
        let declared = memory::declared(name, &table, &columns).await?;
        context.tables().add_temporary(name.to_string(), declared);
    }
    context.tables().set_constraints(name, constraints.iter().map(ToString::to_string).collect());
    Ok(())
}

/// The columns and parameters of a statement that changes rows, as a plan that writes; `None` for other statements.
///
/// # Errors
/// As [`run`].
pub async fn described(parsed: &SqlParsed, context: &StatementContext) -> Result<Option<LogicalPlan>> {
    let Some(name) = changing::target(parsed) else { return Ok(None) };
    let name = own_name(name, context)?;
    if !Target::is_in_memory(&name, context) {
        check_kind(&name, changing::word(parsed), context)?;
    }
    let completed = with_columns(parsed, &name, context).await?;
    let planned = Planned::of(completed.as_ref().unwrap_or(parsed), &name, &[], context).await?;
    let (table, target) = (TableReference::bare(name), provider_as_source(planned.target.identified()?));
    let mut described = DmlStatement::new(table, target, WriteOp::Insert(InsertOp::Append), Arc::new(planned.rows.clone()));
    described.output_schema = Arc::new(DFSchema::try_from(planned.answered().as_ref().clone())?);
    Ok(Some(LogicalPlan::Dml(described)))
}

/// EXPLAIN of a statement that changes rows, as EXPLAIN of its query, with the context to plan it in; `None` for other statements.
///
/// # Errors
/// As [`run`].
pub async fn explained(parsed: &SqlParsed, context: &StatementContext) -> Result<Option<(SqlParsed, StatementContext)>> {
    let changed = match parsed {
        SqlParsed::Explain(explain) => explain.statement.as_ref().clone(),
        SqlParsed::Statement(statement) => match statement.as_ref() {
            SqlStatement::Explain { statement, .. } => SqlParsed::Statement(statement.clone()),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    let Some(name) = changing::target(&changed) else { return Ok(None) };
    let name = own_name(name, context)?;
    if !Target::is_in_memory(&name, context) {
        check_kind(&name, changing::word(&changed), context)?;
    }
    let target = Target::of(&name, context).await?;
    let changed = with_columns(&changed, &name, context).await?.unwrap_or(changed);
    let Some(change) = target.change(&changed, &name, (&[], &[]), context).await? else { return Ok(None) };
    let context = context.with_files(vec![(TARGET.into(), target.identified()?)]);
    let query = SqlStatement::Query(Box::new(change.query));
    let explained = match parsed.clone() {
        SqlParsed::Explain(explain) => {
            let statement = Box::new(SqlParsed::Statement(Box::new(query)));
            SqlParsed::Explain(ExplainStatement { statement, ..explain })
        }
        SqlParsed::Statement(mut statement) => {
            if let SqlStatement::Explain { statement, .. } = statement.as_mut() {
                **statement = query;
            }
            SqlParsed::Statement(statement)
        }
        other => other,
    };
    Ok(Some((explained, context)))
}

/// INSERT … ON CONFLICT without the names of its columns, or of those of a key, as MERGE with them; `None` for other statements.
async fn with_columns(parsed: &SqlParsed, name: &str, context: &StatementContext) -> Result<Option<SqlParsed>> {
    let SqlParsed::Statement(statement) = parsed else { return Ok(None) };
    if !matches!(statement.as_ref(), SqlStatement::Insert(insert) if insert.on.is_some()) {
        return Ok(None);
    }
    let target = Target::of(name, context).await?;
    let columns: Vec<&str> = target.columns().fields().iter().map(|field| field.name().as_str()).collect();
    if let Some(plain) = conflicts::without_conflict(parsed, &defaults(&columns, name, context).await?) {
        return Ok(Some(plain));
    }
    let keys = match target {
        Target::Managed { .. } => match relation(name, context)? {
            Some(object) => constraining::declared(&object, context)?,
            None => vec![],
        },
        Target::Memory(_) => constraining::declared_in_session(name, context)?,
    };
    conflicts::with_columns(parsed, &columns, &keys)
}

/// Fails unless the name refers to a managed table, the only kind of object whose rows can change.
fn check_kind(name: &str, word: &str, context: &StatementContext) -> Result<()> {
    match relation(name, context)? {
        Some(object) if object.kind == "table" => Ok(()),
        Some(object) => {
            let instead = match object.kind.as_str() {
                "view" => "change the rows of the tables that it reads",
                _ => "its rows are elsewhere; make a table of them with CREATE TABLE … AS SELECT",
            };
            Err(invalid(name, format!("is {}, whose rows {word} cannot change; {instead}", with_article(&object.kind))))
        }
        None => match name_and_time(name) {
            (own, When::At(_)) => Err(invalid(own, format!("the past cannot be changed; {word} the table itself"))),
            _ if is_file(name) => {
                let instead = "make a table of them with CREATE TABLE … AS SELECT, or write a new file with COPY";
                Err(invalid(name, format!("is a file, whose rows {word} cannot change; {instead}")))
            }
            _ => Err(no_such_table(name, context)),
        },
    }
}

/// The table to change, in one state.
enum Target {
    Managed { name: String, snapshot: Arc<Snapshot>, files: Vec<Arc<Pinned>>, columns: SchemaRef, constraints: Arc<Constraints> },
    Memory(InMemory),
}

impl Target {
    fn is_in_memory(name: &str, context: &StatementContext) -> bool {
        context.tables().temporary(name).is_some()
    }

    async fn of(name: &str, context: &StatementContext) -> Result<Self> {
        if let Some(table) = context.tables().temporary(name) {
            let constraints = constraining::of_session(name, &table.schema(), context).await?;
            return Ok(Self::Memory(InMemory::of(name, table, constraints).await?));
        }
        let view = context.view();
        let snapshot = view.snapshot(SnapshotOf::Table, name, When::Now)?.ok_or_else(|| changed_meanwhile(name))?;
        let files = view.pin(&snapshot, &snapshot.part(Part::Rows))?;
        let Some(first) = files.first() else { return Err(failed(name, format!("snapshot {} has no files", snapshot.id))) };
        let columns = Arc::clone(&first.schema);
        let constraints = match relation(name, context)? {
            Some(object) => constraining::of_object(&object, &columns, context).await?,
            None => return Err(changed_meanwhile(name)),
        };
        Ok(Self::Managed { name: name.into(), snapshot, files, columns, constraints })
    }

    fn columns(&self) -> &SchemaRef {
        match self {
            Self::Managed { columns, .. } => columns,
            Self::Memory(table) => table.columns(),
        }
    }

    /// The PostgreSQL types that are reported to clients for its columns.
    fn told(&self) -> &[(String, &'static str)] {
        match self {
            Self::Managed { constraints, .. } => &constraints.told,
            Self::Memory(table) => table.told(),
        }
    }

    /// Its rows, with their identity.
    fn identified(&self) -> Result<Arc<dyn TableProvider>> {
        match self {
            Self::Managed { columns, files, constraints, .. } => {
                Ok(Arc::new(Identified::new(columns, files.clone(), constraints.told.clone())))
            }
            Self::Memory(table) => table.identified(),
        }
    }

    /// The number of rows in each of its files or batches.
    fn rows(&self) -> Vec<usize> {
        match self {
            Self::Managed { snapshot, .. } => {
                snapshot.part(Part::Rows).iter().map(|file| usize::try_from(file.rows).unwrap_or(0)).collect()
            }
            Self::Memory(table) => table.rows(),
        }
    }

    async fn change(
        &self,
        parsed: &SqlParsed,
        name: &str,
        (needed, others): (&[String], &[SelectItem]),
        context: &StatementContext,
    ) -> Result<Option<changing::Change>> {
        let columns: Vec<&str> = self.columns().fields().iter().map(|field| field.name().as_str()).collect();
        let defaults = defaults(&columns, name, context).await?;
        let known = Known { columns, defaults, needed, others };
        changing::change(parsed, &known, changing::returning(parsed).is_some() || !needed.is_empty())
    }
}

/// The values of columns of a table that a statement does not mention.
async fn defaults(columns: &[&str], name: &str, context: &StatementContext) -> Result<HashMap<String, SqlExpr>> {
    let reference = reference(name, context);
    let schema = context.state().schema_for_ref(reference.clone())?;
    let table = schema.table(reference.table()).await?.ok_or_else(|| changed_meanwhile(name))?;
    let mut defaults = HashMap::new();
    for column in columns {
        if let Some(default) = table.get_column_default(column) {
            defaults.insert((*column).to_string(), expr_to_sql(default)?);
        }
    }
    Ok(defaults)
}

/// The PostgreSQL types that are reported to clients for the rows that RETURNING reads.
struct OfGiven<'a>(&'a [(String, &'static str)]);

impl Told for OfGiven<'_> {
    fn of_scan(&self, scan: &TableScan, column: &str) -> Option<&'static str> {
        let is_given = scan.table_name.table() == GIVEN;
        self.0.iter().find(|(own, _)| is_given && own == column).map(|(_, of)| *of)
    }

    fn of_target(&self, _written: &DmlStatement, _column: &str) -> Option<&'static str> {
        None
    }
}

/// A statement ready to run.
struct Planned {
    name: String,
    target: Target,
    /// The rows to remove and to add; for INSERT, only the latter.
    rows: LogicalPlan,
    /// The columns whose old values stand after the table's own.
    needed: Vec<String>,
    /// The columns of other tables that RETURNING reads, which stand after these.
    others: Vec<FieldRef>,
    inserts: bool,
    may_repeat: bool,
    /// The RETURNING clause, with its columns.
    returned: Option<(Returning, SchemaRef)>,
    context: StatementContext,
}

impl Planned {
    /// Plans a statement; for each row that it removes, `needed` are columns whose old values are needed.
    async fn of(parsed: &SqlParsed, name: &str, needed: &[String], context: &StatementContext) -> Result<Self> {
        let target = Target::of(name, context).await?;
        let columns = Arc::clone(target.columns());
        let mut returning = changing::returning(parsed);
        let others = match &mut returning {
            Some(returning) => others(parsed, returning, &target, context).await?,
            None => vec![],
        };
        let (rows, inserts, may_repeat) = match target.change(parsed, name, (needed, &others), context).await? {
            Some(change) => {
                let context = context.with_files(vec![(TARGET.into(), target.identified()?)]);
                let query = SqlParsed::Statement(Box::new(SqlStatement::Query(Box::new(change.query))));
                let rows = with_types(plan(&query, &context).await?, &columns)?;
                (rows, false, change.may_repeat)
            }
            None => {
                let inserted = plan(&changing::without_returning(parsed), context).await?;
                let LogicalPlan::Dml(insert) = inserted else { return Err(failed(name, "is not written to by this statement")) };
                check_own_rows(&insert.input, context)?;
                // What the role does not see in full is opened to be read only.
                if source_as_provider(&insert.target)?.downcast_ref::<Barrier>().is_some() {
                    return Err(read_and_written(name));
                }
                (Arc::unwrap_or_clone(insert.input), true, false)
            }
        };
        let (name, needed, context) = (name.into(), needed.to_vec(), context.not_writing());
        let others = match others.len() {
            0 => vec![],
            count => {
                let columns = settled::columns(rows.schema().as_arrow(), &rows, &context.state(), |_| false);
                columns.fields().iter().skip(columns.fields().len().saturating_sub(count)).cloned().collect()
            }
        };
        let mut planned = Self { name, target, rows, needed, others, inserts, may_repeat, returned: None, context };
        if let Some(returning) = returning {
            // Mistakes in it are reported before anything changes.
            let plan = planned.given(&returning, vec![]).await?;
            let told = OfGiven(planned.target.told());
            let columns = postgres::columns(&plan, &told);
            let has_mark = |field: &Field| field.metadata().contains_key(MARK);
            let columns = settled::columns(&columns, &plan, &planned.context.state(), has_mark);
            planned.returned = Some((returning, Arc::new(columns)));
        }
        Ok(planned)
    }

    /// The columns of the answer.
    fn answered(&self) -> SchemaRef {
        match &self.returned {
            Some((_, columns)) => Arc::clone(columns),
            None => Arc::new(Schema::new(vec![Field::new(COUNT, DataType::UInt64, false)])),
        }
    }

    /// The columns that RETURNING reads.
    fn returned_from(&self) -> SchemaRef {
        let own = nullable(self.target.columns());
        let others = self.others.iter().map(|field| Arc::new(field.as_ref().clone().with_nullable(true)));
        Arc::new(Schema::new(own.fields().iter().cloned().chain(others).collect::<Vec<_>>()))
    }

    /// The plan of RETURNING over these rows of the table.
    async fn given(&self, returning: &Returning, rows: Vec<RecordBatch>) -> Result<LogicalPlan> {
        let table = MemTable::try_new(self.returned_from(), vec![rows])?;
        let context = self.context.with_files(vec![(GIVEN.into(), Arc::new(table))]);
        plan(&given(returning, &context)?, &context).await
    }

    /// Changes the table and returns the answer. No one else can write to the table while the lock is held.
    async fn run(
        self,
        lock: Option<Lock>,
        together: Option<Together>,
        plan: Arc<dyn ExecutionPlan>,
        task: Arc<TaskContext>,
    ) -> Result<Vec<RecordBatch>> {
        let name = self.name.clone();
        let (answer, gone) = self.change(plan, task).await?;
        if let Some(together) = together {
            together.end(&name, gone).await?;
        }
        drop(lock);
        Ok(answer)
    }

    /// Changes the table; returns the answer, and the keys that are gone.
    async fn change(self, plan: Arc<dyn ExecutionPlan>, task: Arc<TaskContext>) -> Result<(Vec<RecordBatch>, Gone)> {
        let columns = Arc::clone(self.target.columns());
        let mut lost = Lost::new(self.target.rows(), &task);
        let mut writing = match &self.target {
            Target::Managed { name, snapshot, files, columns, constraints } => {
                let change = Change::new(self.context.catalog(), name, snapshot, files, (columns, constraints), &task)?;
                Writing::Managed(Box::new(change))
            }
            Target::Memory(table) => Writing::Memory(table.change(&task)?),
        };
        let memory = MemoryConsumer::new("RETURNING").register(task.memory_pool());
        let keys = MemoryConsumer::new("foreign keys").register(task.memory_pool());
        let mut gone = Gone::new(self.needed.clone());
        let (mut given, mut count) = (vec![], 0);
        let mut rows = execute_stream(plan, Arc::clone(&task))?;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            let (changed, new) = if self.inserts {
                let all = RecordBatch::try_new(nullable(&columns), batch.columns().to_vec())?;
                (all.clone(), all)
            } else {
                self.note_gone(&batch, &columns, &mut gone, &keys)?;
                self.split(&batch, &mut lost, &columns)?
            };
            count += changed.num_rows();
            if new.num_columns() > 0 {
                writing.add(&new)?;
            }
            if self.returned.is_some() {
                memory.try_grow(changed.get_array_memory_size())?;
                given.push(changed);
            }
            tokio::task::consume_budget().await;
        }
        let answer = match &self.returned {
            Some((returning, _)) => {
                let plan = bind_parameters(self.given(returning, given).await?, &self.context)?;
                let batches = DataFrame::new(self.context.state(), plan).collect().await?;
                batches.iter().try_for_each(|batch| memory.try_grow(batch.get_array_memory_size()))?;
                batches
            }
            None => {
                let count = UInt64Array::from(vec![count as u64]);
                vec![RecordBatch::try_new(self.answered(), vec![Arc::new(count)])?]
            }
        };
        match writing {
            Writing::Managed(change) => Box::pin(change.publish(&lost)).await?,
            Writing::Memory(change) => change.publish(&lost).await?,
        }
        Ok((answer, gone))
    }

    /// Notes the keys of rows that go, or get others.
    fn note_gone(&self, batch: &RecordBatch, columns: &SchemaRef, gone: &mut Gone, memory: &MemoryReservation) -> Result<()> {
        let first = BEFORE + columns.fields().len();
        if self.needed.is_empty() || batch.num_columns() < first + self.needed.len() {
            return Ok(());
        }
        let new = self.needed.iter().map(|name| Ok(Arc::clone(batch.column(BEFORE + columns.index_of(name)?))));
        let new = new.collect::<Result<Vec<_>>>()?;
        let removed = is_not_null(batch.column(1))?;
        gone.add((&batch.columns()[first..], &new), (&removed, batch.column(2).as_boolean()), memory)
    }

    /// Marks the removed rows; returns the rows that the statement affects, and the new rows.
    fn split(&self, batch: &RecordBatch, lost: &mut Lost, columns: &SchemaRef) -> Result<(RecordBatch, RecordBatch)> {
        let (files, rows) = (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_primitive::<Int64Type>());
        let mut counts = vec![true; batch.num_rows()];
        for (place, counts) in counts.iter_mut().enumerate() {
            if rows.is_valid(place) && !lost.lose(files.value(place), rows.value(place))? {
                if !self.may_repeat {
                    return Err(self.repeated());
                }
                *counts = false;
            }
        }
        let counts = BooleanArray::from(counts);
        if batch.num_columns() < BEFORE {
            // Only their number is known and needed.
            let options = RecordBatchOptions::new().with_row_count(Some(counts.true_count()));
            let none = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options)?;
            return Ok((none.clone(), none));
        }
        let own = BEFORE..BEFORE + columns.fields().len();
        let values = RecordBatch::try_new(nullable(columns), batch.columns()[own].to_vec())?;
        let stays = batch.column(2).as_boolean();
        let changed = match self.others.len() {
            0 => filter_record_batch(&values, &counts)?,
            others => {
                let others = &batch.columns()[batch.num_columns() - others..];
                let all = values.columns().iter().chain(others).cloned().collect();
                filter_record_batch(&RecordBatch::try_new(self.returned_from(), all)?, &counts)?
            }
        };
        let new = filter_record_batch(&values, stays)?;
        Ok((changed, new))
    }

    fn repeated(&self) -> DataFusionError {
        let problem = "a row would be changed twice, as several rows of the other table belong to it; nothing was changed; leave one for each, with GROUP BY or DISTINCT ON";
        coded(SqlState::CARDINALITY_VIOLATION, &self.name, problem)
    }
}

/// Lets RETURNING read the columns of the tables in FROM and USING; returns the items that the change gives for it.
async fn others(
    parsed: &SqlParsed,
    returning: &mut Returning,
    target: &Target,
    context: &StatementContext,
) -> Result<Vec<SelectItem>> {
    let names = returned::names(parsed);
    if names.is_empty() {
        return Ok(vec![]);
    }
    let context = context.with_files(vec![(TARGET.into(), target.identified()?)]);
    let mut sources = vec![];
    for name in names {
        let Some(query) = returned::columns_of(parsed, &name)? else { continue };
        let columns = plan(&query, &context).await?.schema().fields().iter().map(|field| of_column(field.name())).collect();
        sources.push(returned::Source { name, columns });
    }
    let own: Vec<&str> = target.columns().fields().iter().map(|field| field.name().as_str()).collect();
    Ok(returned::read(returning, &own, &sources))
}

/// The new state of the table being written.
enum Writing<'a> {
    Managed(Box<Change<'a>>),
    Memory(memory::Change<'a>),
}

impl Writing<'_> {
    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        match self {
            Self::Managed(change) => change.add(batch),
            Self::Memory(change) => change.add(batch),
        }
    }
}

/// The query of RETURNING.
fn given(returning: &Returning, context: &StatementContext) -> Result<SqlParsed> {
    let parsed = parser::parse_composed(&format!("SELECT 1 FROM \"{GIVEN}\" AS x"), context.session())?;
    let SqlParsed::Statement(mut statement) = parsed else { return Err(failed("RETURNING", "cannot be written as a query")) };
    let SqlStatement::Query(query) = statement.as_mut() else { return Err(failed("RETURNING", "cannot be written as a query")) };
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.projection.clone_from(&returning.items);
        for table in &mut select.from {
            if let TableFactor::Table { alias: Some(alias), .. } = &mut table.relation {
                alias.name = returning.name.clone();
            }
        }
    }
    column_names::of_query(query, Place::Result)?;
    Ok(SqlParsed::Statement(statement))
}

/// Casts the values of a change to the types of the table; old values, which stand after them, have theirs.
fn with_types(plan: LogicalPlan, columns: &SchemaRef) -> Result<LogicalPlan> {
    let typed = |value: Expr, field: &Field| {
        Expr::Cast(Cast::new(Box::new(value), field.data_type().clone())).alias(field.name().as_str())
    };
    let own = columns.fields().len();
    // A number with more digits than a float holds keeps them if it is cast where it is written.
    if let LogicalPlan::Projection(projection) = &plan
        && projection.expr.len() >= BEFORE + own
    {
        let values = projection.expr.iter().skip(BEFORE).zip(columns.fields());
        let values = values.map(|(value, field)| typed(value.clone().unalias(), field));
        let old = projection.expr.iter().skip(BEFORE + own).cloned();
        let items: Vec<Expr> = projection.expr.iter().take(BEFORE).cloned().chain(values).chain(old).collect();
        return LogicalPlanBuilder::from(projection.input.as_ref().clone()).project(items)?.build();
    }
    let before = plan.schema().columns().into_iter().take(BEFORE).map(Expr::Column);
    let old = plan.schema().columns().into_iter().skip(BEFORE + own).map(Expr::Column);
    let values = plan.schema().columns().into_iter().enumerate().skip(BEFORE).zip(columns.fields());
    let values = values.map(|((place, column), field)| {
        let written = changing::written_decimal(&plan, place).filter(|_| field.data_type().is_decimal());
        typed(written.cloned().unwrap_or(Expr::Column(column)), field)
    });
    let items: Vec<Expr> = before.chain(values).chain(old).collect();
    LogicalPlanBuilder::from(plan).project(items)?.build()
}

/// The same columns, all nullable: a NULL that a column does not allow is reported later, with the column's name.
fn nullable(columns: &SchemaRef) -> SchemaRef {
    Arc::new(Schema::new(columns.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect::<Vec<_>>()))
}
