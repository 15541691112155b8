//! Reads the rows of a PostgreSQL table by COPY.
//!
//! Each part has its own connection. With several parts, the first one exports a snapshot and all parts read in that, so that a row which
//! moves to another page in the meantime is read exactly once.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::metrics::Count;
use futures::StreamExt;
use tokio::sync::Mutex;
use tokio_postgres::CopyOutStream;

use super::connection::{Connection, connect, of_postgres};
use super::decode::{Input, add};
use super::{Opened, PostgresColumn};
use crate::databases::columns::Rows;
use crate::databases::table::Wanted;
use crate::error::{SqlState, coded, failed, in_rows};
use crate::files::source::{Reader, Source, SourceContext};
use crate::text::{identifier, sql_type};

/// The beginning of COPY's binary output.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The rows of a statement, in parts.
#[derive(Debug)]
pub struct PostgresSource {
    shared: Arc<Shared>,
    schema: SchemaRef,
    statements: Vec<String>,
}

/// What the parts share.
#[derive(Debug)]
struct Shared {
    table: Arc<Opened>,
    columns: Vec<usize>,
    parts: usize,
    timeout: u64,
    snapshot: Mutex<Option<Snapshot>>,
}

/// A snapshot that all parts read.
#[derive(Debug)]
struct Snapshot {
    name: String,
    /// The number of parts that have not begun yet.
    awaited: usize,
    /// The snapshot can be imported as long as this connection's transaction is open.
    _holder: Connection,
}

impl PostgresSource {
    pub fn new(table: &Arc<Opened>, wanted: &Wanted<'_>, timeout: u64) -> Result<Self> {
        let schema = Arc::new(table.schema.project(wanted.columns)?);
        let selected: Vec<String> = wanted.columns.iter().map(|column| table.columns[*column].value()).collect();
        let statements = wanted.statements(&selected, &table.from);
        let shared = Shared {
            table: Arc::clone(table),
            columns: wanted.columns.to_vec(),
            parts: statements.len(),
            timeout,
            snapshot: Mutex::new(None),
        };
        Ok(Self { shared: Arc::new(shared), schema, statements })
    }
}

impl Source for PostgresSource {
    type Reader = PostgresReader;

    fn name(&self) -> &'static str {
        "PostgresExec"
    }

    fn describe(&self) -> String {
        let statement = self.statements.first().map_or("", String::as_str);
        format!("server={}, parts={}, sql={statement}", self.shared.table.target.label, self.statements.len())
    }

    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn partitions(&self) -> usize {
        self.statements.len()
    }

    fn reader(&self, context: SourceContext) -> Result<PostgresReader> {
        Ok(PostgresReader {
            received: context.counter("bytes_received"),
            rows: Rows::new(&self.schema, context.batch_size, context.memory)?,
            shared: Arc::clone(&self.shared),
            statement: self.statements[context.partition].clone(),
            connection: None,
            copy: None,
            pending: Bytes::new(),
            has_begun: false,
            has_ended: false,
            is_done: false,
        })
    }
}

impl Shared {
    fn failed(&self, error: &tokio_postgres::Error) -> DataFusionError {
        of_postgres(&self.table.label, error)
    }

    /// Begins the transaction of a part, in the shared snapshot.
    async fn begin(&self, connection: &Connection) -> Result<()> {
        if self.parts == 1 {
            return connection.client.batch_execute(BEGIN).await.map_err(|error| self.failed(&error));
        }
        let mut snapshot = self.snapshot.lock().await;
        let mut common = match snapshot.take() {
            Some(common) => common,
            None => {
                let holder = connect(&self.table.target, self.timeout).await?;
                holder.client.batch_execute(BEGIN).await.map_err(|error| self.failed(&error))?;
                let row =
                    holder.client.query_one("SELECT pg_export_snapshot()", &[]).await.map_err(|error| self.failed(&error))?;
                Snapshot { name: super::get(&row, 0, &self.table.label)?, awaited: self.parts, _holder: holder }
            }
        };
        let begin = format!("{BEGIN}; SET TRANSACTION SNAPSHOT {}", crate::text::literal(&common.name));
        connection.client.batch_execute(&begin).await.map_err(|error| self.failed(&error))?;
        common.awaited -= 1;
        if common.awaited > 0 {
            *snapshot = Some(common);
        }
        Ok(())
    }
}

/// Reads the rows of a part.
pub struct PostgresReader {
    shared: Arc<Shared>,
    statement: String,
    rows: Rows,
    connection: Option<Connection>,
    copy: Option<std::pin::Pin<Box<CopyOutStream>>>,
    /// Bytes that were received and not decoded yet.
    pending: Bytes,
    /// True after the header.
    has_begun: bool,
    /// True after the trailer.
    has_ended: bool,
    is_done: bool,
    received: Count,
}

impl Reader for PostgresReader {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        if self.is_done {
            return Ok(None);
        }
        if self.copy.is_none() {
            let connection = connect(&self.shared.table.target, self.shared.timeout).await?;
            // Stored before anything else, so that dropping the reader cancels the statement from here on.
            let connection = self.connection.insert(connection);
            self.shared.begin(connection).await?;
            let copy = format!("COPY ({}) TO STDOUT (FORMAT binary)", self.statement);
            let stream = connection.client.copy_out(&copy).await.map_err(|error| self.shared.failed(&error))?;
            self.copy = Some(Box::pin(stream));
        }
        loop {
            while !self.pending.is_empty() {
                if self.row()? {
                    return self.batch().map(Some);
                }
            }
            let Some(copy) = &mut self.copy else { return Ok(None) };
            match copy.next().await {
                Some(Ok(bytes)) => {
                    self.received.add(bytes.len());
                    self.pending = bytes;
                }
                Some(Err(error)) => return Err(self.shared.failed(&error)),
                None if !self.has_ended => {
                    return Err(failed(&self.shared.table.label, "the server ended before the last row; run it again"));
                }
                None => {
                    self.is_done = true;
                    return if self.rows.is_empty() { Ok(None) } else { self.batch().map(Some) };
                }
            }
        }
    }
}

impl PostgresReader {
    fn batch(&mut self) -> Result<RecordBatch> {
        // From here on, whoever keeps the batch accounts for its memory.
        self.rows.finish().map(|(batch, _memory)| batch)
    }

    /// Decodes one pending row; returns true when the batch is full.
    fn row(&mut self) -> Result<bool> {
        let pending = std::mem::take(&mut self.pending);
        let mut input = Input(&pending);
        let broken = || {
            failed(
                &self.shared.table.label,
                "the server sent something that is not a row; its table may have changed, run it again",
            )
        };
        if !self.has_begun {
            let is_signed = input.take(SIGNATURE.len()) == Some(SIGNATURE);
            // Flags, and an extension of the header that is not used yet.
            let extension = input.take(4).and_then(|_| input.int32()).and_then(|length| usize::try_from(length).ok());
            let is_whole = extension.and_then(|length| input.take(length)).is_some();
            if !(is_signed && is_whole) {
                return Err(broken());
            }
            self.has_begun = true;
        }
        let mut is_full = false;
        if !input.0.is_empty() {
            match input.int16() {
                Some(-1) => {
                    self.has_ended = true;
                    input = Input(&[]);
                }
                Some(count) if usize::try_from(count).is_ok_and(|count| count == self.shared.columns.len()) => {
                    for place in 0..self.shared.columns.len() {
                        let column = &self.shared.table.columns[self.shared.columns[place]];
                        let values = match input.value().ok_or_else(broken)? {
                            Some(value) => {
                                self.rows.take(value.len())?;
                                add(&mut self.rows.columns[place], value, &column.source, &column.data_type)
                            }
                            None => {
                                self.rows.columns[place].null();
                                Ok(())
                            }
                        };
                        values.map_err(|value| misfit(&self.shared.table.label, column, &value))?;
                    }
                    is_full = self.rows.end_row()?;
                }
                _ => return Err(broken()),
            }
        }
        self.pending = pending.slice_ref(input.0);
        Ok(is_full)
    }
}

/// The error for a value that does not fit its column.
fn misfit(label: &str, column: &PostgresColumn, value: &str) -> DataFusionError {
    let name = &column.name;
    if value.ends_with("UTF-8") {
        return coded(
            SqlState::DATA_EXCEPTION,
            label,
            format!("column {name} has {value}; the encoding of the database is not known to the server"),
        );
    }
    let problem = format!(
        "column {name} has {value}, which does not fit {}; cast it or leave it out with OPTIONS ('query' 'SELECT …, {}::text …')",
        sql_type(&column.data_type),
        identifier(name)
    );
    in_rows(SqlState::DATA_EXCEPTION, label, "a value does not fit the type of its column", problem)
}

impl Drop for PostgresReader {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take().filter(|_| !self.is_done) {
            connection.cancel();
        }
    }
}
