//! Managed tables: rows that statements write into the database.
//!
//! A statement that writes works like a refresh. Its rows go to new files. When those are on disk, one catalog transaction refers to them,
//! together with the definition if the table is new. Until then readers see the earlier state, and a statement that fails or is killed
//! changes nothing. INSERT publishes the files of the newest snapshot together with its own. Statements that change rows rewrite the files
//! that contain them ([`change`]). Statements that write to the same table run one after another; they do not wait for other tables or
//! profiles.

mod change;
mod constraints;
mod create;
mod foreign;
mod identified;
mod writing;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::common::{Result, SchemaExt};
use datafusion::datasource::TableType;
use datafusion::datasource::sink::{DataSink, DataSinkExec};
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan};
use futures::future::BoxFuture;

pub use change::{Change, Lost};
pub use constraints::{Added, Check, Constraints, Key, Rows};
pub use create::{NewTable, Recheck, create};
pub use foreign::{Action, Compared, Contents, ForeignKey, Side, compare, compared_as};
pub use identified::{FILE, Identified, ROW};

use self::writing::Writing;
use super::Catalog;
use super::compaction::Compaction;
use super::data::Pinned;
use super::published::PublishedTable;
use super::snapshots::{Part, SnapshotOf, When, changed_meanwhile};
use super::view::View;
use crate::error::{SqlState, coded, failed, invalid};
use crate::opaque::forward;

/// How many snapshots are kept: one day of a statement every quarter of an hour, with some margin. The snapshots of INSERTs share files; a
/// table that is replaced every night keeps the files of that many nights.
const KEEP: usize = 100;
/// With this many small files, a statement rewrites their rows into its own files: with one file per row, reading would be slow.
const MANY_FILES: usize = 64;

/// One state of a managed table.
pub struct ManagedTable {
    catalog: Arc<Catalog>,
    name: String,
    rows: PublishedTable,
    defaults: HashMap<String, Expr>,
    constraints: std::result::Result<Arc<Constraints>, Arc<DataFusionError>>,
    /// The number and the version of its definition.
    definition: Option<(i64, i64)>,
    when: When,
}

impl fmt::Debug for ManagedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManagedTable({})", self.rows.label())
    }
}

impl ManagedTable {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of its snapshot.
    pub fn snapshot(&self) -> i64 {
        self.rows.snapshot
    }

    /// Its files.
    pub fn pins(&self) -> &[Arc<Pinned>] {
        self.rows.pins()
    }

    /// The names of its files, with their sizes.
    pub fn files(&self) -> impl Iterator<Item = (&str, u64)> {
        self.rows.pins().iter().map(|pin| (pin.name.as_str(), pin.bytes))
    }

    /// Its rows without those of some files.
    ///
    /// # Errors
    /// None for the files of a table.
    pub fn without_files(&self, others: &BTreeSet<String>) -> Result<Arc<dyn TableProvider>> {
        let pins: Vec<_> = self.rows.pins().iter().filter(|pin| !others.contains(&pin.name)).map(Arc::clone).collect();
        if pins.is_empty() {
            return Ok(Arc::new(MemTable::try_new(self.schema(), vec![vec![]])?));
        }
        Ok(Arc::new(PublishedTable::new((self.name.as_str(), self.rows.snapshot), self.schema(), pins, None)?))
    }

    /// The table as the statement sees it, or `None` when it did not exist at that time. `defaults` are the values of columns that an
    /// INSERT omits.
    ///
    /// # Errors
    /// A file is damaged.
    pub fn open(view: &View, name: &str, when: When, defaults: HashMap<String, Expr>) -> Result<Option<Self>> {
        let Some(snapshot) = view.snapshot(SnapshotOf::Table, name, when)? else { return Ok(None) };
        let pins = view.pin(&snapshot, &snapshot.part(Part::Rows))?;
        let Some(first) = pins.first() else { return Err(failed(name, format!("snapshot {} has no files", snapshot.id))) };
        let schema = Arc::clone(&first.schema);
        let rows = PublishedTable::new((name, snapshot.id), schema, pins, None)?;
        let (catalog, name, constraints) = (Arc::clone(view.catalog()), name.to_string(), Ok(Arc::default()));
        Ok(Some(Self { catalog, name, rows, defaults, constraints, definition: None, when }))
    }

    /// The same table with its constraints, which this version of a definition declares. If a condition can no longer be computed, its rows
    /// can still be read.
    #[must_use]
    pub fn with_constraints(self, constraints: Result<Arc<Constraints>>, definition: (i64, i64)) -> Self {
        Self { constraints: constraints.map_err(Arc::new), definition: Some(definition), ..self }
    }

    /// What holds for all of its rows.
    ///
    /// # Errors
    /// A condition can no longer be computed.
    pub fn constraints(&self) -> Result<Arc<Constraints>> {
        self.constraints.clone().map_err(DataFusionError::Shared)
    }
}

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

    forward! {
        fn scan<'state, 'columns, 'filters>(
            &self,
            state: &'state dyn Session,
            projection: Option<&'columns Vec<usize>>,
            filters: &'filters [Expr],
            limit: Option<usize>
        ) -> Result<Arc<dyn ExecutionPlan>> = Self::planned
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        self.rows.supports_filters_pushdown(filters)
    }

    forward! {
        fn insert_into<'state>(
            &self,
            state: &'state dyn Session,
            input: Arc<dyn ExecutionPlan>,
            op: InsertOp
        ) -> Result<Arc<dyn ExecutionPlan>> = Self::inserting
    }
}

impl ManagedTable {
    fn planned<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move { self.rows.scan(state, projection, filters, limit).await })
    }

    fn inserting<'a>(
        &'a self,
        _state: &'a dyn Session,
        input: Arc<dyn ExecutionPlan>,
        operation: InsertOp,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            if self.when != When::Now {
                return Err(invalid(&self.name, "the past cannot be changed; INSERT INTO the table itself"));
            }
            if operation != InsertOp::Append {
                let problem = format!(
                    "{} cannot write to it; write CREATE OR REPLACE TABLE {} AS SELECT … to give it other rows",
                    operation.name().to_uppercase(),
                    self.name
                );
                return Err(invalid(&self.name, problem));
            }
            self.schema().logically_equivalent_names_and_types(&input.schema())?;
            let columns = self.schema();
            let nullable = columns.fields().iter().map(|field| Field::clone(field).with_nullable(true)).collect::<Vec<_>>();
            let schema = Arc::new(Schema::new(nullable));
            let (catalog, name) = (Arc::clone(&self.catalog), self.name.clone());
            let (constraints, definition) = (self.constraints()?, self.definition);
            let sink = TableSink { catalog, name, columns, schema, constraints, definition };
            Ok(Arc::new(DataSinkExec::new(input, Arc::new(sink), None)) as _)
        })
    }
}

/// The target of an INSERT.
struct TableSink {
    catalog: Arc<Catalog>,
    name: String,
    columns: SchemaRef,
    /// The same columns, all nullable: a NULL that is not allowed is reported here, with the name of its column.
    schema: SchemaRef,
    constraints: Arc<Constraints>,
    /// The number and the version of the definition that declares them.
    definition: Option<(i64, i64)>,
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
        if self.constraints.refers {
            let problem = "a statement that writes to a table with a foreign key cannot be explained while it runs; write EXPLAIN without ANALYZE";
            return Err(coded(SqlState::FEATURE_NOT_SUPPORTED, &self.name, problem));
        }
        let options = context.session_config().options();
        let _lock = self.catalog.lock(SnapshotOf::Table, &self.name, "INSERT", options).await?;
        // Rows that others have added since the statement was planned stay; but a table that was dropped and created again under the name
        // is a conflict.
        let Some(newest) = self.catalog.snapshot(SnapshotOf::Table, &self.name, When::Now)? else {
            return Err(changed_meanwhile(&self.name));
        };
        let files = newest.part(Part::Rows);
        if let Some(first) = files.first()
            && self.catalog.data.pin(first)?.schema != self.columns
        {
            return Err(changed_meanwhile(&self.name));
        }
        if let Some((id, version)) = self.definition {
            // Its constraints may be others now.
            let (_, objects) = self.catalog.stamped_objects()?;
            if !objects.iter().any(|object| (object.id, object.version) == (id, version)) {
                return Err(changed_meanwhile(&self.name));
            }
        }
        let mut writing = Writing::new(&self.catalog, &self.name, &self.columns, &self.constraints, context)?;
        writing.write(data).await?;
        let inserted = writing.rows();
        if inserted > 0 {
            if !self.constraints.keys.is_empty() {
                let pins = files.iter().map(|file| self.catalog.data.pin(file)).collect::<Result<Vec<_>>>()?;
                writing.compare(&pins, None).await?;
            }
            let compaction = Compaction::of(files, MANY_FILES);
            compaction.copy(&self.catalog, |batch| writing.copy(batch)).await?;
            writing.publish(Some(&newest), compaction.kept, None).await?;
        }
        u64::try_from(inserted).map_err(|error| failed(&self.name, error))
    }
}
