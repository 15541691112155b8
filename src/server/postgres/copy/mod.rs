//! COPY between a table or query and the client.
//!
//! Incoming rows are parsed, checked against the columns of the table, and inserted by one INSERT, which reads them as they arrive: all of
//! them are inserted when the client reports that it is done, and none if anything goes wrong before.

mod binary;
mod text;

use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::copy::{CopyDone, CopyInResponse, CopyOutResponse};
use tokio::sync::mpsc;

use super::connection::{Connection, Stop};
use super::replies;
use super::requests::{Request, violation};
use super::values::{Format, Writer};
use crate::engine::{ClientCopy, CopyFormat};
use crate::error::{SqlState, coded};

/// Rows per batch.
const ROWS: usize = 8192;

/// Parses rows from what the client sends.
trait Reader: Send {
    /// Takes bytes; returns a batch when there are enough rows.
    fn take(&mut self, bytes: &[u8]) -> Result<Option<RecordBatch>>;
    /// The remaining rows.
    fn finish(&mut self) -> Result<Option<RecordBatch>>;
}

impl Connection {
    /// Runs a COPY from or to the client; `text` is the statement.
    ///
    /// # Errors
    /// The statement or the rows are wrong.
    pub async fn copy(&mut self, text: &str, copy: &ClientCopy) -> Result<(), Stop> {
        let rows = match &copy.into {
            None => self.copy_out(text, copy).await?,
            Some(table) => self.copy_in(table, copy).await?,
        };
        self.out.put(&replies::complete(&format!("COPY {rows}")));
        Ok(())
    }

    async fn copy_out(&mut self, text: &str, copy: &ClientCopy) -> Result<u64, Stop> {
        let session = self.session.clone();
        let mut answer = self.within(session.copy_out(text, copy)).await?;
        let schema = Arc::clone(answer.told());
        let (format, columns) = (copy.format, schema.fields().len());
        let code = i8::from(format == CopyFormat::Binary);
        let count = i16::try_from(columns).unwrap_or(i16::MAX);
        let formats = vec![i16::from(code); columns];
        self.out.put(&PgWireBackendMessage::CopyOutResponse(CopyOutResponse::new(code, count, formats)));
        let style = text::Style::of(copy, &schema)?;
        // The header must be in the same message as the first row, or as the trailer: some drivers rely on that.
        let mut has_begun = format != CopyFormat::Binary;
        if copy.header {
            self.out.put_with(b'd', |out| style.header(out));
        }
        let (zone, mut rows) = (session.time_zone(), 0);
        while let Some(batch) = self.within(answer.next_batch()).await? {
            rows += batch.num_rows() as u64;
            let of = if format == CopyFormat::Binary { Format::Binary } else { Format::Text };
            // In slices, so that a slow client holds up the query instead of filling memory.
            for first in (0..batch.num_rows()).step_by(1024) {
                {
                    let fields = schema.fields().iter().zip(batch.columns());
                    let writers = fields.map(|(field, column)| Writer::new(field, column.as_ref(), of, zone));
                    let writers = writers.collect::<Result<Vec<_>>>()?;
                    for row in first..batch.num_rows().min(first + 1024) {
                        self.out.put_with(b'd', |out| match format {
                            CopyFormat::Binary => {
                                if !std::mem::replace(&mut has_begun, true) {
                                    binary::begin(out);
                                }
                                binary::row(&writers, row, out);
                            }
                            _ => style.row(&writers, row, out),
                        });
                    }
                }
                if self.out.is_full() {
                    self.flush().await?;
                }
            }
        }
        if format == CopyFormat::Binary {
            self.out.put_with(b'd', |out| {
                if !has_begun {
                    binary::begin(out);
                }
                binary::end(out);
            });
        }
        self.out.put(&PgWireBackendMessage::CopyDone(CopyDone::new()));
        Ok(rows)
    }

    async fn copy_in(&mut self, table: &str, copy: &ClientCopy) -> Result<u64, Stop> {
        let session = self.session.clone();
        let mut statements = self.within(session.parse(&copy.query)).await?;
        let Some(statement) = statements.pop() else { return Err(violation("COPY has no table").into()) };
        let columns: SchemaRef = Arc::clone(&self.within(session.prepare(statement)).await?.describe().columns);
        let mut reader: Box<dyn Reader> = match copy.format {
            CopyFormat::Binary => Box::new(binary::Rows::new(Arc::clone(&columns), table, session.time_zone())),
            _ => Box::new(text::Rows::new(Arc::clone(&columns), table, copy, session.time_zone())),
        };
        let (sender, receiver) = mpsc::channel(2);
        let names: Vec<String> = if copy.columns.is_empty() { vec![] } else { copy.columns.clone() };
        let mut answer = self.within(session.load(table, &names, Arc::clone(&columns), receiver)).await?;
        let count = i16::try_from(columns.fields().len()).unwrap_or(i16::MAX);
        let code = i8::from(copy.format == CopyFormat::Binary);
        let formats = vec![i16::from(code); columns.fields().len()];
        self.out.put(&PgWireBackendMessage::CopyInResponse(CopyInResponse::new(code, count, formats)));
        self.flush().await?;
        let received = self.receive(reader.as_mut(), sender).await;
        if let Err(error) = received {
            // The INSERT fails without its rows.
            drop(answer);
            return Err(error);
        }
        self.finish(&mut answer).await?;
        Ok(answer.rows())
    }

    /// Passes on what the client sends until it is done. After an error, the rest is read and discarded, as in PostgreSQL.
    async fn receive(&mut self, reader: &mut dyn Reader, sender: mpsc::Sender<Result<RecordBatch>>) -> Result<(), Stop> {
        let gone = || coded(SqlState::INTERNAL_ERROR, "COPY", "no more rows are accepted");
        loop {
            let request = self.within_request().await?;
            match request {
                Some(Request::CopyData(bytes)) => {
                    if let Some(batch) = reader.take(&bytes)?
                        && sender.send(Ok(batch)).await.is_err()
                    {
                        // The INSERT has failed; its own error says why.
                        return Ok(());
                    }
                }
                Some(Request::CopyDone) => {
                    if let Some(batch) = reader.finish()? {
                        sender.send(Ok(batch)).await.map_err(|_| gone())?;
                    }
                    return Ok(());
                }
                Some(Request::CopyFail(reason)) => {
                    let problem = format!("was cancelled by the client: {reason}");
                    let error = coded(SqlState::QUERY_CANCELED, "COPY", &problem);
                    // Without this error, the end of the channel would look like the end of the rows.
                    let _ = sender.send(Err(coded(SqlState::QUERY_CANCELED, "COPY", problem))).await;
                    return Err(error.into());
                }
                // Some drivers send these right after requesting the COPY.
                Some(Request::Flush | Request::Sync) => {}
                Some(_) => return Err(violation("only rows may be sent during COPY").into()),
                None => return Err(Stop::Gone),
            }
        }
    }

    /// The next message, until the statement is interrupted.
    async fn within_request(&mut self) -> Result<Option<Request>, Stop> {
        let connected = Arc::clone(&self.connected);
        tokio::select! {
            biased;
            reason = connected.interrupt.ended() => Err(crate::server::connections::interrupted(reason).into()),
            request = self.next() => request,
        }
    }
}

/// The error for an invalid row.
fn wrong_row(table: &str, row: u64, problem: impl std::fmt::Display) -> DataFusionError {
    coded(SqlState::BAD_COPY_FILE_FORMAT, &format!("COPY {table}"), format!("row {row}: {problem}"))
}

/// The same columns, all nullable: the table checks for NULL.
fn nullable(columns: &SchemaRef) -> SchemaRef {
    let fields = columns.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
