//! Temporary tables, whose rows are in memory.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};

use crate::catalog::snapshots::changed_meanwhile;
use crate::catalog::tables::{Added, Constraints, FILE, Lost, ROW};
use crate::error::invalid;
use crate::sql::postgres::with_mark;

/// One state of a table in memory.
pub struct InMemory {
    name: String,
    table: Arc<dyn TableProvider>,
    columns: SchemaRef,
    constraints: Arc<Constraints>,
    batches: Vec<RecordBatch>,
}

impl InMemory {
    /// The table with this name.
    ///
    /// # Errors
    /// The rows of the table are not in memory.
    pub async fn of(name: &str, table: Arc<dyn TableProvider>, constraints: Arc<Constraints>) -> Result<Self> {
        let mut batches = vec![];
        for part in &in_memory(name, &table)?.batches {
            batches.extend(part.read().await.iter().cloned());
        }
        Ok(Self { name: name.into(), columns: table.schema(), constraints, batches, table })
    }

    pub fn columns(&self) -> &SchemaRef {
        &self.columns
    }

    /// The PostgreSQL types that are reported to clients for its columns.
    pub fn told(&self) -> &[(String, &'static str)] {
        &self.constraints.told
    }

    /// The number of rows in each batch.
    pub fn rows(&self) -> Vec<usize> {
        self.batches.iter().map(RecordBatch::num_rows).collect()
    }

    /// Its rows, with their identity.
    ///
    /// # Errors
    /// None.
    pub fn identified(&self) -> Result<Arc<dyn TableProvider>> {
        // The types reported to clients are found by the name of a stored table, and by a session's table itself.
        let told = |field: &FieldRef| match self.told().iter().find(|(name, _)| name == field.name()) {
            Some((_, of)) => Arc::new(with_mark(field, *of)),
            None => Arc::clone(field),
        };
        let mut fields: Vec<FieldRef> = self.columns.fields().iter().map(told).collect();
        fields.extend([FILE, ROW].map(|name| Arc::new(Field::new(name, DataType::Int64, false))));
        let schema = Arc::new(Schema::new(fields));
        let batch = |(number, batch): (i64, &RecordBatch)| {
            let rows = batch.num_rows();
            let mut columns = batch.columns().to_vec();
            columns.push(Arc::new(Int64Array::from(vec![number; rows])) as ArrayRef);
            columns.push(Arc::new((0..).take(rows).collect::<Int64Array>()));
            Ok(RecordBatch::try_new(Arc::clone(&schema), columns)?)
        };
        let batches = (0..).zip(&self.batches).map(batch).collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(MemTable::try_new(Arc::clone(&schema), vec![batches])?))
    }

    /// Tests all of its rows.
    ///
    /// # Errors
    /// A row that the constraints forbid, or a NULL where these columns allow none.
    pub fn test(&self, columns: &SchemaRef, context: &TaskContext) -> Result<()> {
        let keys = MemoryConsumer::new(format!("keys of table {}", self.name)).register(context.memory_pool());
        let mut added = Added::new(&self.constraints, &self.name, columns, keys)?;
        self.batches.iter().try_for_each(|batch| added.add(batch))
    }

    /// Begins a change of the table.
    ///
    /// # Errors
    /// The type of a column of a key cannot be compared.
    pub fn change(&self, context: &TaskContext) -> Result<Change<'_>> {
        let memory = MemoryConsumer::new(format!("table {}", self.name)).register(context.memory_pool());
        let keys = MemoryConsumer::new(format!("keys of table {}", self.name)).register(context.memory_pool());
        let added = Added::new(&self.constraints, &self.name, &self.columns, keys)?;
        Ok(Change { table: self, new: vec![], added, memory })
    }
}

/// The same table with columns that declare this about NULL: those of a query take what it gives, and its literals declare nothing.
///
/// # Errors
/// The rows of the table are not in memory, or have a NULL where none may be.
pub async fn declared(name: &str, table: &Arc<dyn TableProvider>, columns: &SchemaRef) -> Result<Arc<dyn TableProvider>> {
    let mut parts = vec![];
    for part in &in_memory(name, table)?.batches {
        let batch = |batch: &RecordBatch| Ok(RecordBatch::try_new(Arc::clone(columns), batch.columns().to_vec())?);
        parts.push(part.read().await.iter().map(batch).collect::<Result<Vec<_>>>()?);
    }
    let default = |field: &Arc<Field>| Some((field.name().clone(), table.get_column_default(field.name())?.clone()));
    let defaults = columns.fields().iter().filter_map(default).collect();
    Ok(Arc::new(MemTable::try_new(Arc::clone(columns), parts)?.with_column_defaults(defaults)))
}

fn in_memory<'a>(name: &str, table: &'a Arc<dyn TableProvider>) -> Result<&'a MemTable> {
    let problem = "is not a table whose rows can change; CREATE TABLE … AS SELECT creates one";
    table.downcast_ref::<MemTable>().ok_or_else(|| invalid(name, problem))
}

/// The next state of a table in memory.
pub struct Change<'a> {
    table: &'a InMemory,
    new: Vec<RecordBatch>,
    /// The new rows, as far as the table's constraints speak of them.
    added: Added,
    /// Reserved while the statement runs; what a table holds is accounted to the session.
    memory: MemoryReservation,
}

impl Change<'_> {
    /// Adds new rows.
    ///
    /// # Errors
    /// A NULL where the table allows none, another row that its constraints forbid, or memory runs out.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = &self.table.columns;
        self.added.add(batch)?;
        self.memory.try_grow(batch.get_array_memory_size())?;
        if batch.num_rows() > 0 {
            self.new.push(RecordBatch::try_new(Arc::clone(columns), batch.columns().to_vec())?);
        }
        Ok(())
    }

    /// Replaces the state that was read by the new one.
    ///
    /// # Errors
    /// A new row has the key of one that stays, or another statement of the session has written to the table meanwhile.
    pub async fn publish(self, lost: &Lost) -> Result<()> {
        let InMemory { name, table, batches, .. } = self.table;
        let mut parts = vec![];
        for part in &in_memory(name, table)?.batches {
            parts.push(part.write().await);
        }
        let found = parts.iter().flat_map(|part| part.iter());
        if found.map(RecordBatch::num_rows).ne(batches.iter().map(RecordBatch::num_rows)) {
            return Err(changed_meanwhile(name));
        }
        for (number, batch) in parts.iter().flat_map(|part| part.iter()).enumerate() {
            self.added.compare(&lost.staying(number, 0, batch)?)?;
        }
        let mut number = 0;
        for part in &mut parts {
            for batch in part.iter_mut() {
                *batch = lost.staying(number, 0, batch)?;
                number += 1;
            }
            part.retain(|batch| batch.num_rows() > 0);
        }
        if let Some(first) = parts.first_mut() {
            first.extend(self.new);
        }
        Ok(())
    }
}
