//! Sends the rows of an answer to the client.

use std::sync::Arc;

use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::error::DataFusionError;

use super::connection::{Connection, Stop};
use super::replies;
use super::values::{Format, Writer};
use crate::engine::Answer;
use crate::error::{SqlState, coded};
use crate::postgres_types::{seen, seen_type};

/// What is left after some rows were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// There are no more.
    Nothing,
    /// There may be more.
    More,
}

/// An answer whose rows are being sent.
pub struct Rows {
    answer: Answer,
    /// The columns as described to the client; the rows must have them.
    told: SchemaRef,
    formats: Vec<Format>,
    /// The current batch, and its first row that was not sent.
    batch: Option<(RecordBatch, usize)>,
}

impl Rows {
    /// `told` are the columns that were described to the client before the statement ran.
    ///
    /// # Errors
    /// The answer has other columns: what it reads has changed since.
    pub fn new(answer: Answer, told: Option<SchemaRef>, formats: Vec<Format>) -> Result<Self> {
        let told = told.unwrap_or_else(|| Arc::clone(answer.told()));
        if told.fields().len() != answer.schema().fields().len() {
            let problem = "no longer has the columns it was prepared with; prepare it again";
            return Err(coded(SqlState::FEATURE_NOT_SUPPORTED, "prepared statement", problem));
        }
        Ok(Self { answer, told, formats, batch: None })
    }

    pub fn columns(&self) -> &SchemaRef {
        &self.told
    }

    pub fn formats(&self) -> &[Format] {
        &self.formats
    }

    pub fn answer(&self) -> &Answer {
        &self.answer
    }

    /// The current batch, or the next one of the answer.
    async fn take(&mut self) -> Result<Option<(RecordBatch, usize)>> {
        if let Some(taken) = self.batch.take() {
            return Ok(Some(taken));
        }
        while let Some(batch) = self.answer.next().await.transpose()? {
            if batch.num_rows() > 0 {
                return Ok(Some((as_told(batch, &self.told)?, 0)));
            }
        }
        Ok(None)
    }
}

/// The batch with the types described to the client, as parameter values may have changed them.
fn as_told(batch: RecordBatch, told: &SchemaRef) -> Result<RecordBatch> {
    // Decimals of any precision and scale are all `numeric`.
    let same = |(column, field): (&ArrayRef, &FieldRef)| {
        column.data_type() == field.data_type() || seen_type(column.data_type()).oid() == seen(field).oid()
    };
    let is_same = batch.columns().iter().zip(told.fields()).all(same);
    if is_same {
        return Ok(batch);
    }
    let columns = batch.columns().iter().zip(told.fields()).map(|(column, field)| cast(column, field.data_type()));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let nullable = told.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect::<Vec<_>>();
    let schema = Schema::new(nullable);
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}

impl Connection {
    /// Sends rows, at most `most` of them.
    ///
    /// # Errors
    /// The statement fails, or the client has disconnected.
    pub async fn send(&mut self, rows: &mut Rows, most: usize) -> Result<(Left, u64), Stop> {
        let zone = self.session.time_zone();
        let mut sent = 0;
        while sent < most {
            let Some((batch, first)) = self.within(rows.take()).await? else { return Ok((Left::Nothing, sent as u64)) };
            let last = batch.num_rows().min(first.saturating_add(most - sent));
            self.send_batch(&batch, first..last, rows, zone).await?;
            sent += last - first;
            if last < batch.num_rows() {
                rows.batch = Some((batch, last));
            }
        }
        Ok((Left::More, sent as u64))
    }

    async fn send_batch(
        &mut self,
        batch: &RecordBatch,
        range: std::ops::Range<usize>,
        rows: &Rows,
        zone: Tz,
    ) -> Result<(), Stop> {
        // The number of rows written before other tasks get a turn and interruptions are noticed.
        const STRETCH: usize = 1024;
        let mut next = range.start;
        while next < range.end {
            let end = range.end.min(next + STRETCH);
            // Created for each stretch: writers borrow the batch, and must not be held across an await.
            {
                let fields = rows.told.fields().iter().zip(batch.columns()).zip(&rows.formats);
                let writers = fields.map(|((field, column), format)| Writer::new(field, column.as_ref(), *format, zone));
                let writers = writers.collect::<Result<Vec<_>>>()?;
                let count = i16::try_from(writers.len()).map_err(|_| too_many(writers.len()))?;
                for row in next..end {
                    self.out.put_with(b'D', |out| {
                        out.extend_from_slice(&count.to_be_bytes());
                        writers.iter().for_each(|writer| writer.append(row, out));
                    });
                }
            }
            next = end;
            if self.out.is_full() {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Sends buffered data, until the connection is interrupted.
    ///
    /// # Errors
    /// The client has disconnected, or the connection was ended.
    pub async fn flush(&mut self) -> Result<(), Stop> {
        let interrupt = Arc::clone(&self.connected);
        tokio::select! {
            biased;
            // Part of a message may already be sent: only its rest can follow, or the end of the connection. So a cancel request must not
            // interrupt this.
            _ = interrupt.interrupt.closed() => Err(Stop::Gone),
            sent = self.out.flush() => Ok(sent?),
        }
    }

    /// Reports the completion of a statement, with its notes.
    pub fn done(&mut self, answer: &Answer, rows: u64) {
        // The only note of the end of a transaction is that there is none.
        let ends = matches!(answer.tag(), "COMMIT" | "ROLLBACK");
        for note in answer.notes() {
            self.out.put(&if ends {
                replies::warning(SqlState::NO_ACTIVE_SQL_TRANSACTION, &note)
            } else {
                replies::notice(&note)
            });
        }
        let tag = replies::tag(answer.tag(), rows);
        self.out.put(&replies::complete(&tag));
    }
}

fn too_many(columns: usize) -> DataFusionError {
    coded(SqlState::PROGRAM_LIMIT_EXCEEDED, "result", format!("has {columns} columns; clients can read 32,767"))
}
