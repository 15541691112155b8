//! Reads the rows of a SQLite table.
//!
//! SQLite blocks the thread while it reads, so each part has its own thread, which hands batches to the query. A part reads within a
//! transaction and therefore sees one snapshot of the file. Several parts must see the same snapshot: their transactions are begun
//! together, and begun again if somebody has written in between.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_plan::metrics::Time;
use parking_lot::Mutex;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, InterruptHandle};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use super::{Opened, columns, connect, of_sqlite};
use crate::databases::columns::Rows;
use crate::databases::table::Wanted;
use crate::error::{SqlState, in_rows, not_available};
use crate::files::source::{Reader, Source, SourceContext};
use crate::text::{identifier, literal, sql_type};

/// How often the parts are begun again because somebody was writing.
const ATTEMPTS: usize = 100;

/// The rows of a statement, in parts.
#[derive(Debug)]
pub struct SqliteSource {
    table: Arc<Opened>,
    /// The indexes of the columns to read.
    columns: Vec<usize>,
    schema: SchemaRef,
    statements: Vec<String>,
    /// Connections of parts that are not read yet, all on the same snapshot.
    begun: Mutex<Vec<Option<Connection>>>,
}

impl SqliteSource {
    pub fn new(table: &Arc<Opened>, wanted: &Wanted<'_>) -> Result<Self> {
        let columns = wanted.columns.to_vec();
        let schema = Arc::new(table.schema.project(&columns)?);
        let mut selected: Vec<String> = columns.iter().map(|column| identifier(&table.columns[*column].name)).collect();
        // The row id is also selected, so that errors can name the row.
        selected.push(table.rowid.unwrap_or("NULL").into());
        let statements = wanted.statements(&selected, &table.from);
        let begun = Mutex::new(statements.iter().map(|_| None).collect());
        Ok(Self { table: Arc::clone(table), columns, schema, statements, begun })
    }

    /// The connection of a part. The first part that asks begins the transactions of all.
    fn connection(&self, part: usize) -> Result<Connection> {
        let mut begun = self.begun.lock();
        if let Some(connection) = begun[part].take() {
            return Ok(connection);
        }
        *begun = begin(&self.table.path, self.statements.len())?.into_iter().map(Some).collect();
        begun[part].take().ok_or_else(|| not_available(&self.table.label, "cannot be read"))
    }
}

/// This many connections, in transactions that see the same snapshot.
fn begin(path: &Path, parts: usize) -> Result<Vec<Connection>> {
    let name = path.display().to_string();
    let sqlite = |error: rusqlite::Error| of_sqlite(&name, &error);
    let version = |watch: &Connection| watch.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0)).map_err(sqlite);
    let watch = connect(path)?;
    for _ in 0..ATTEMPTS {
        let before = version(&watch)?;
        let mut connections = vec![];
        for _ in 0..parts {
            let connection = connect(path)?;
            // A transaction sees the snapshot as of its first read.
            connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema;").map_err(sqlite)?;
            connections.push(connection);
        }
        if parts == 1 || version(&watch)? == before {
            return Ok(connections);
        }
    }
    Err(not_available(
        &name,
        "is being written to all the time, so no consistent state can be read; run the statement again later",
    ))
}

impl Source for SqliteSource {
    type Reader = SqliteReader;

    fn name(&self) -> &'static str {
        "SqliteExec"
    }

    fn describe(&self) -> String {
        let statement = self.statements.first().map_or("", String::as_str);
        format!("file={}, parts={}, sql={statement}", self.table.path.display(), self.statements.len())
    }

    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn partitions(&self) -> usize {
        self.statements.len()
    }

    fn reader(&self, context: SourceContext) -> Result<SqliteReader> {
        let connection = self.connection(context.partition)?;
        let interrupt = connection.get_interrupt_handle();
        // While one batch waits, the next is made.
        let (sender, batches) = channel(1);
        let rows = Rows::new(&self.schema, context.batch_size, context.memory)?;
        let part = Part {
            table: Arc::clone(&self.table),
            columns: self.columns.clone(),
            statement: self.statements[context.partition].clone(),
            sender: sender.clone(),
            reading: context.baseline.elapsed_compute().clone(),
        };
        let reading = tokio::task::spawn_blocking(move || {
            if let Err(error) = part.read(&connection, rows) {
                // If the receiver is gone, nobody needs the error.
                let _ = sender.blocking_send(Err(error));
            }
        });
        Ok(SqliteReader { batches, reading: Some(reading), interrupt })
    }
}

type Sent = Result<(RecordBatch, MemoryReservation)>;

/// What the thread of a part needs.
struct Part {
    table: Arc<Opened>,
    columns: Vec<usize>,
    statement: String,
    sender: Sender<Sent>,
    reading: Time,
}

impl Part {
    fn read(&self, connection: &Connection, mut rows: Rows) -> Result<()> {
        let label = &self.table.label;
        let sqlite = |error: rusqlite::Error| of_sqlite(label, &error);
        let mut statement = connection.prepare(&self.statement).map_err(sqlite)?;
        let mut found = statement.query([]).map_err(sqlite)?;
        let mut timer = self.reading.timer();
        while let Some(row) = found.next().map_err(sqlite)? {
            for (place, column) in self.columns.iter().enumerate() {
                let value = row.get_ref(place).map_err(sqlite)?;
                rows.take(columns::size(value))?;
                let data_type = &self.table.columns[*column].data_type;
                if columns::add(&mut rows.columns[place], value, data_type).is_none() {
                    let rowid = row.get_ref(self.columns.len()).map_err(sqlite)?;
                    return Err(self.misfit(*column, value, rowid));
                }
            }
            if rows.end_row()? {
                let batch = rows.finish();
                // Waiting for the reader is not counted as work.
                timer.stop();
                if self.sender.blocking_send(batch).is_err() {
                    return Ok(());
                }
                timer.restart();
            }
        }
        if !rows.is_empty() {
            let _ = self.sender.blocking_send(rows.finish());
        }
        Ok(())
    }

    /// The error for a value that does not fit its column.
    fn misfit(&self, column: usize, value: ValueRef<'_>, rowid: ValueRef<'_>) -> DataFusionError {
        let column = &self.table.columns[column];
        let row = match rowid {
            ValueRef::Integer(rowid) => format!(", rowid {rowid}"),
            _ => String::new(),
        };
        let shown = match value {
            ValueRef::Null => "NULL".into(),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(number) => number.to_string(),
            ValueRef::Text(text) => literal(&String::from_utf8_lossy(text).chars().take(100).collect::<String>()),
            ValueRef::Blob(bytes) => format!("a BLOB of {} bytes", bytes.len()),
        };
        let (name, data_type) = (&column.name, sql_type(&column.data_type));
        let advice = match value {
            ValueRef::Integer(number) if column.data_type.is_temporal() => self.table.timed(name, number as f64),
            ValueRef::Real(number) if column.data_type.is_temporal() => self.table.timed(name, number),
            _ => self.table.cast(name),
        };
        let problem = format!("column {name}{row}: {shown} does not fit {data_type}; {advice}");
        in_rows(SqlState::INVALID_TEXT_REPRESENTATION, &self.table.label, "a value does not fit the type of its column", problem)
    }
}

/// The batches of a part.
pub struct SqliteReader {
    batches: Receiver<Sent>,
    reading: Option<JoinHandle<()>>,
    interrupt: InterruptHandle,
}

impl Reader for SqliteReader {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        match self.batches.recv().await {
            // From here on, whoever keeps the batch accounts for its memory.
            Some(sent) => sent.map(|(batch, _memory)| Some(batch)),
            // The channel also closes when the thread panics; then the rows are incomplete.
            None => match self.reading.take() {
                Some(reading) => reading.await.map(|()| None).map_err(|error| DataFusionError::External(Box::new(error))),
                None => Ok(None),
            },
        }
    }
}

impl Drop for SqliteReader {
    fn drop(&mut self) {
        // A thread that searches for its next row does not notice that nobody waits for it.
        self.interrupt.interrupt();
    }
}
