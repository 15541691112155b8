//! A server that runs statements as they are written, for a shell connected to it.

use std::pin::Pin;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryReservation;
use futures::stream::{BoxStream, StreamExt, try_unfold};
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{RowStream, Statement};

use super::columns;
use super::connection::{Connection, of_postgres, reach, state_of};
use super::decode::add;
use super::target::Target;
use crate::databases::Surroundings;
use crate::databases::columns::Rows;
use crate::error::{SqlState, coded, failed};

/// A connection to a server.
#[derive(Debug)]
pub struct Remote {
    connection: Connection,
    label: String,
}

/// The result of a statement.
pub enum Gave {
    Rows(SchemaRef, BoxStream<'static, Result<RecordBatch>>),
    /// The number of rows affected.
    Count(u64),
}

/// Cancels the statement on the server when nobody waits for it any more.
struct Waiting {
    remote: Arc<Remote>,
    is_over: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.is_over {
            self.remote.connection.cancel();
        }
    }
}

/// A value in its binary form.
struct Raw<'a>(Option<&'a [u8]>);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(Some(raw)))
    }

    fn from_sql_null(_: &Type) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The state of a result that is being received.
struct Coming {
    rows: Pin<Box<RowStream>>,
    statement: Statement,
    schema: SchemaRef,
    batch: Rows,
    waiting: Waiting,
}

impl Remote {
    /// Connects to `postgresql://user@host:port/database`.
    ///
    /// # Errors
    /// The server cannot be reached, or rejects the login.
    pub async fn connect(location: &str, surroundings: &Surroundings<'_>) -> Result<Self> {
        let target = Target::read("--connect", location, None, surroundings)?;
        let connection = reach(&target).await?;
        Ok(Self { connection, label: target.label })
    }

    /// Runs a statement.
    ///
    /// # Errors
    /// An error from the server, or in the connection to it.
    pub async fn run(self: &Arc<Self>, sql: &str, batch_size: usize, memory: MemoryReservation) -> Result<Gave> {
        let mut waiting = Waiting { remote: Arc::clone(self), is_over: false };
        let client = &self.connection.client;
        let statement = client.prepare(sql).await.map_err(|error| self.said(&error))?;
        if statement.columns().is_empty() {
            let count = client.execute(&statement, &[]).await.map_err(|error| self.said(&error))?;
            waiting.is_over = true;
            return Ok(Gave::Count(count));
        }
        let of = |column: &tokio_postgres::Column| {
            let data_type = columns::data_type(column.type_(), column.type_modifier()).ok_or_else(|| {
                let problem = format!("is {}, which cannot be read here; cast it to text", column.type_().name());
                coded(SqlState::FEATURE_NOT_SUPPORTED, column.name(), problem)
            })?;
            Ok(Field::new(column.name(), data_type, true))
        };
        let schema = Arc::new(Schema::new(statement.columns().iter().map(of).collect::<Result<Vec<_>>>()?));
        let rows = client.query_raw(&statement, Vec::<i32>::new()).await.map_err(|error| self.said(&error))?;
        let batch = Rows::new(&schema, batch_size, memory)?;
        let coming = Coming { rows: Box::pin(rows), statement, schema: Arc::clone(&schema), batch, waiting };
        Ok(Gave::Rows(schema, try_unfold(coming, Coming::next).boxed()))
    }

    /// The server's error, with its subject separated from the problem.
    fn said(&self, error: &tokio_postgres::Error) -> DataFusionError {
        match error.as_db_error() {
            Some(own) => {
                let (subject, problem) = own.message().split_once(": ").unwrap_or((&self.label, own.message()));
                let hint = own.hint().map_or_else(String::new, |hint| format!("; {hint}"));
                coded(state_of(own.code().code()), subject, format!("{problem}{hint}"))
            }
            None => of_postgres(&self.label, error),
        }
    }
}

impl Coming {
    /// The next batch, and the state after it.
    async fn next(mut self) -> Result<Option<(RecordBatch, Self)>> {
        if self.waiting.is_over {
            return Ok(None);
        }
        loop {
            match self.rows.next().await {
                Some(Ok(row)) => {
                    for (place, column) in self.statement.columns().iter().enumerate() {
                        let data_type = self.schema.field(place).data_type();
                        let Raw(value) = row.try_get(place).map_err(|error| failed(column.name(), error))?;
                        let Some(value) = value else {
                            self.batch.columns[place].null();
                            continue;
                        };
                        self.batch.take(value.len())?;
                        let added = add(&mut self.batch.columns[place], value, column.type_(), data_type);
                        added.map_err(|value| failed(column.name(), format!("has {value}, which does not fit its type")))?;
                    }
                    if self.batch.end_row()? {
                        let (batch, _memory) = self.batch.finish()?;
                        return Ok(Some((batch, self)));
                    }
                }
                Some(Err(error)) => {
                    self.waiting.is_over = true;
                    return Err(self.waiting.remote.said(&error));
                }
                None => {
                    self.waiting.is_over = true;
                    if self.batch.is_empty() {
                        return Ok(None);
                    }
                    let (batch, _memory) = self.batch.finish()?;
                    return Ok(Some((batch, self)));
                }
            }
        }
    }
}
