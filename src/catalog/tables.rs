//! Managed tables: rows that statements write into the database.
//!
//! A statement that writes takes the way of a refresh. Its rows go to a fresh file; when that is on disk, one transaction of the
//! catalog names it, with the definition of a table that is new. Readers see the state before until then, and a statement that
//! fails or is killed leaves it as it was. INSERT names the files of the newest snapshot together with its own. Statements that write
//! to one table take turns, each for the whole of its work; they wait for no other table, and for no profile.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, IntervalUnit, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, SchemaExt};
use datafusion::datasource::TableType;
use datafusion::datasource::sink::{DataSink, DataSinkExec};
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, execute_stream};
use fail::fail_point;
use futures::StreamExt;
use futures::future::BoxFuture;
use parquet::arrow::ArrowSchemaConverter;

use super::Catalog;
use super::compaction::Compaction;
use super::data::DataFile;
use super::objects::{NewVersion, Object};
use super::output::Output;
use super::published::PublishedTable;
use super::runs::now;
use super::snapshots::{NewSnapshot, Part, Snapshot, SnapshotOf, When, changed_meanwhile, taken};
use super::stamp::Stamp;
use super::view::View;
use crate::error::{SqlState, coded, failed, invalid};

/// How many snapshots stay readable: a day of one statement every quarter of an hour, and some. Those of INSERT share their files; a
/// table that is replaced every night holds the files of as many nights.
const KEEP: usize = 100;
/// An INSERT that finds so many small files writes their rows anew with its own: a file a row would make reading slow.
const MANY_FILES: usize = 64;

/// One state of a managed table.
pub struct ManagedTable {
    catalog: Arc<Catalog>,
    name: String,
    rows: PublishedTable,
    defaults: HashMap<String, Expr>,
    when: When,
}

impl fmt::Debug for ManagedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManagedTable({})", self.rows.label)
    }
}

impl ManagedTable {
    /// The table as the statement sees it, or `None` when it was not there at that time; `defaults` are the values of columns that an
    /// INSERT leaves out.
    ///
    /// # Errors
    /// A file is damaged.
    pub fn open(view: &View, name: &str, when: When, defaults: HashMap<String, Expr>) -> Result<Option<Self>> {
        let Some(snapshot) = view.snapshot(SnapshotOf::Table, name, when)? else { return Ok(None) };
        let pins = view.pin(&snapshot, &snapshot.part(Part::Rows))?;
        let Some(first) = pins.first() else { return Err(failed(name, format!("snapshot {} has no files", snapshot.id))) };
        let schema = Arc::clone(&first.schema);
        let rows = PublishedTable::new(format!("{name}, snapshot {}", snapshot.id), schema, pins, None)?;
        Ok(Some(Self { catalog: Arc::clone(view.catalog()), name: name.to_string(), rows, defaults, when }))
    }

    /// What cannot be done to rows that never change.
    fn immutable(&self, statement: &str, instead: &str) -> DataFusionError {
        let name = &self.name;
        let problem =
            format!("{statement} cannot change rows that are written; write CREATE OR REPLACE TABLE {name} AS {instead}");
        invalid(name, problem)
    }
}

#[async_trait]
impl TableProvider for ManagedTable {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn get_column_default(&self, column: &str) -> Option<&Expr> {
        self.defaults.get(column)
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.rows.scan(state, projection, filters, limit).await
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        self.rows.supports_filters_pushdown(filters)
    }

    async fn insert_into(
        &self,
        _state: &dyn Session,
        input: Arc<dyn ExecutionPlan>,
        operation: InsertOp,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if self.when != When::Now {
            return Err(invalid(&self.name, "the past cannot be written to; INSERT INTO the table itself"));
        }
        if operation != InsertOp::Append {
            return Err(self.immutable(&operation.name().to_uppercase(), "SELECT …"));
        }
        self.schema().logically_equivalent_names_and_types(&input.schema())?;
        let columns = self.schema();
        let nullable = columns.fields().iter().map(|field| Field::clone(field).with_nullable(true)).collect::<Vec<_>>();
        let schema = Arc::new(Schema::new(nullable));
        let sink = TableSink { catalog: Arc::clone(&self.catalog), name: self.name.clone(), columns, schema };
        Ok(Arc::new(DataSinkExec::new(input, Arc::new(sink), None)))
    }

    async fn delete_from(&self, _state: &dyn Session, _filters: Vec<Expr>) -> Result<Arc<dyn ExecutionPlan>> {
        Err(self.immutable("DELETE", &format!("SELECT * FROM {} WHERE … with the condition of the rows that stay", self.name)))
    }

    async fn update(
        &self,
        _state: &dyn Session,
        _assignments: Vec<(String, Expr)>,
        _filters: Vec<Expr>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Err(self.immutable("UPDATE", &format!("SELECT … FROM {} with the new values", self.name)))
    }

    async fn truncate(&self, _state: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        Err(self.immutable("TRUNCATE", &format!("SELECT * FROM {} WHERE false", self.name)))
    }
}

/// Where INSERT brings its rows.
struct TableSink {
    catalog: Arc<Catalog>,
    name: String,
    columns: SchemaRef,
    /// The same columns, all of which may hold NULL: a NULL that is not allowed is reported here, with the name of its column.
    schema: SchemaRef,
}

impl fmt::Debug for TableSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TableSink({})", self.name)
    }
}

impl DisplayAs for TableSink {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table {}", self.name)
    }
}

#[async_trait]
impl DataSink for TableSink {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    async fn write_all(&self, data: SendableRecordBatchStream, context: &Arc<TaskContext>) -> Result<u64> {
        let options = context.session_config().options();
        let _lock = self.catalog.lock(SnapshotOf::Table, &self.name, "INSERT", options).await?;
        // Rows that others have added since the statement was planned stay; another table of the name is none of ours.
        let Some(newest) = self.catalog.snapshot(SnapshotOf::Table, &self.name, When::Now)? else {
            return Err(changed_meanwhile(&self.name));
        };
        let files = newest.part(Part::Rows);
        if let Some(first) = files.first()
            && self.catalog.data.pin(first)?.schema != self.columns
        {
            return Err(changed_meanwhile(&self.name));
        }
        let mut writing = Writing::new(&self.catalog, &self.name, &self.columns, context)?;
        writing.write(data).await?;
        let inserted = writing.rows;
        if inserted > 0 {
            let compaction = Compaction::of(files, MANY_FILES);
            compaction.copy(&self.catalog, |batch| writing.add(batch)).await?;
            writing.publish(Some(&newest), compaction.kept, None).await?;
        }
        u64::try_from(inserted).map_err(|error| failed(&self.name, error))
    }
}

/// A check against the definitions there are by now.
pub type Recheck = dyn Fn() -> BoxFuture<'static, Result<Stamp>> + Send + Sync;

/// A table that is to be made.
pub struct NewTable<'a> {
    pub definition: NewVersion<'a>,
    /// Checks once more, when the rows are written, that nothing that uses the table it replaces would be broken; gives the state
    /// of the definitions that this holds for.
    pub recheck: Option<&'a Recheck>,
    /// The snapshot that it replaces, as the statement saw it.
    pub replaced: Option<i64>,
    /// One that is there already is left alone.
    pub if_not_exists: bool,
    /// Its columns are declared; those of a query may hold NULL whatever the query promises.
    pub declared: bool,
}

/// Makes a table, or replaces one, with the rows of a plan.
///
/// # Errors
/// What goes wrong with the plan, or with writing; nothing is published then.
pub async fn create(
    catalog: &Arc<Catalog>,
    new: &NewTable<'_>,
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
) -> Result<()> {
    let name = new.definition.name;
    let schema = columns(name, &plan.schema(), new.declared)?;
    let _lock = catalog.lock(SnapshotOf::Table, name, "CREATE TABLE", context.session_config().options()).await?;
    let newest = catalog.snapshot(SnapshotOf::Table, name, When::Now)?;
    if newest.is_some() && new.if_not_exists {
        return Ok(());
    }
    // Refused before the work rather than after it.
    let (_, objects) = catalog.stamped_objects()?;
    let is_other = |object: &&Object| object.name == name && ["view", "external table"].contains(&object.kind.as_str());
    if let Some(other) = objects.iter().find(is_other) {
        return Err(taken(name, &other.kind));
    }
    if newest.as_ref().map(|newest| newest.id) != new.replaced {
        return Err(changed_meanwhile(name));
    }
    let mut writing = Writing::new(catalog, name, &schema, &context)?;
    writing.write(execute_stream(plan, context)?).await?;
    writing.publish(newest.as_ref(), vec![], Some(new)).await
}

/// The columns of a table to be made.
fn columns(name: &str, schema: &Schema, declared: bool) -> Result<SchemaRef> {
    if schema.fields().is_empty() {
        return Err(invalid(name, "a table needs a column; write CREATE TABLE name (column type, …) or AS SELECT …"));
    }
    let mut names = HashSet::new();
    let mut fields = vec![];
    for field in schema.fields() {
        if !names.insert(field.name()) {
            return Err(invalid(name, format!("two columns have the name {}; give one another name with AS", field.name())));
        }
        let field = Field::clone(field).with_nullable(field.is_nullable() || !declared);
        if !can_be_stored(field.data_type()) || ArrowSchemaConverter::new().convert(&Schema::new(vec![field.clone()])).is_err() {
            let problem = format!(
                "column {} has the type {}, which Parquet cannot store; CAST it to another",
                field.name(),
                field.data_type()
            );
            return Err(invalid(name, problem));
        }
        fields.push(field);
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// False for types that the writer of Parquet has a schema for and no values, or panics at.
fn can_be_stored(data_type: &DataType) -> bool {
    match data_type {
        DataType::Union(..) | DataType::Interval(IntervalUnit::MonthDayNano) => false,
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _)
        | DataType::RunEndEncoded(_, field)
        | DataType::Map(field, _) => can_be_stored(field.data_type()),
        DataType::Struct(fields) => fields.iter().all(|field| can_be_stored(field.data_type())),
        DataType::Dictionary(_, value) => can_be_stored(value),
        _ => true,
    }
}

/// Publishes a table that is made. What others define while its rows are written, or while it is checked, is checked anew.
async fn publish_made(catalog: &Catalog, new: &NewSnapshot<'_>, made: &NewTable<'_>) -> Result<i64> {
    let Some(recheck) = made.recheck else { return catalog.publish_table(new, made.definition, None) };
    loop {
        let seen = recheck().await?;
        let published = catalog.publish_table(new, made.definition, Some(seen));
        if published.is_ok() || catalog.newest_stamp()?.definitions == seen.definitions {
            return published;
        }
    }
}

/// The next state of a table in the making. The caller has the table's lock.
struct Writing<'a> {
    catalog: &'a Catalog,
    name: &'a str,
    schema: &'a SchemaRef,
    output: Output,
    rows: i64,
}

impl<'a> Writing<'a> {
    fn new(catalog: &'a Catalog, name: &'a str, schema: &'a SchemaRef, context: &TaskContext) -> Result<Self> {
        let memory = MemoryConsumer::new(format!("table {name}")).register(context.memory_pool());
        Ok(Self { catalog, name, schema, output: Output::new(catalog, schema, None, &memory)?, rows: 0 })
    }

    async fn write(&mut self, mut data: SendableRecordBatchStream) -> Result<()> {
        while let Some(batch) = data.next().await {
            self.add(&batch?)?;
            // Here the statement can be cancelled, also when its rows come without waiting.
            tokio::task::consume_budget().await;
        }
        Ok(())
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        for (field, column) in self.schema.fields().iter().zip(batch.columns()) {
            if !field.is_nullable() && column.logical_null_count() > 0 {
                let problem = format!("column {} is NOT NULL, and a row has no value for it; nothing was written", field.name());
                return Err(coded(SqlState::NOT_NULL_VIOLATION, self.name, problem));
            }
        }
        let batch = RecordBatch::try_new(Arc::clone(self.schema), batch.columns().to_vec())?;
        self.rows += i64::try_from(batch.num_rows()).unwrap_or(0);
        self.output.write(&batch)
    }

    /// Brings the file to disk and publishes it with those that are kept.
    async fn publish(self, newest: Option<&Snapshot>, kept: Vec<DataFile>, made: Option<&NewTable<'_>>) -> Result<()> {
        fail_point!("table::written", |_| std::process::abort());
        let written = self.output.finish()?;
        fail_point!("table::finished", |_| std::process::abort());
        self.catalog.data.sync()?;
        fail_point!("table::synced", |_| std::process::abort());
        let new = NewSnapshot {
            of: SnapshotOf::Table,
            name: self.name,
            // A clock that was set back does not change the order of what happened.
            at: newest.map_or(i64::MIN, |newest| newest.at.saturating_add(1)).max(now()),
            rows: kept.iter().fold(self.rows, |rows, file| rows.saturating_add(file.rows)),
            expected: newest.map(|newest| newest.id),
            columns: vec![],
            new: vec![(Part::Rows, written.file.clone())],
            kept,
            keep: KEEP,
        };
        let published = match made {
            Some(made) => publish_made(self.catalog, &new, made).await,
            None => self.catalog.publish(&new, None),
        };
        fail_point!("table::published", |_| std::process::abort());
        // After an error of the disk it is not certain that the catalog will never name it. What it does not name is collected.
        written.let_go();
        published?;
        // What cannot be removed now is removed later; the rows are there.
        let _ = self.catalog.collect();
        Ok(())
    }
}
