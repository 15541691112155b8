//! Rows that a client sends: Arrow in messages, decoded as they arrive.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow_flight::FlightData;
use arrow_flight::decode::{DecodedPayload, FlightDataDecoder};
use arrow_flight::error::FlightError;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};
use tonic::{Status, Streaming};

use super::rows;
use crate::error::{SqlState, coded};

/// Rows as they arrive.
pub struct Incoming {
    decoder: FlightDataDecoder,
    columns: Option<SchemaRef>,
}

impl Incoming {
    /// The rows in the first message and those after it.
    pub fn new(first: FlightData, rest: Streaming<FlightData>) -> Self {
        let all = stream::once(async { Ok(first) }).chain(rest);
        // The first message may contain only the command.
        let parts = all.try_filter(|message| std::future::ready(!message.data_header.is_empty()));
        Self { decoder: FlightDataDecoder::new(parts.map_err(FlightError::from)), columns: None }
    }

    /// The columns; `None` when the client sends no rows at all.
    ///
    /// # Errors
    /// The data is not valid Arrow, or the client has disconnected.
    pub async fn columns(&mut self) -> Result<Option<SchemaRef>> {
        while self.columns.is_none() {
            match self.part().await? {
                Some(DecodedPayload::Schema(_)) => {}
                Some(DecodedPayload::None) => {}
                Some(DecodedPayload::RecordBatch(_)) => return Err(wrong("rows came before their columns")),
                None => return Ok(None),
            }
        }
        Ok(self.columns.clone())
    }

    /// The next rows, in plain types; `None` at the end.
    ///
    /// # Errors
    /// The data is not valid Arrow, or the client has disconnected.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            match self.part().await? {
                Some(DecodedPayload::RecordBatch(batch)) => {
                    let columns = self.columns.as_ref().ok_or_else(|| wrong("rows came before their columns"))?;
                    return rows::in_columns(&batch, columns).map(Some);
                }
                Some(DecodedPayload::Schema(_) | DecodedPayload::None) => {}
                None => return Ok(None),
            }
        }
    }

    /// True once a schema with columns has arrived.
    pub fn has_columns(&self) -> bool {
        self.columns.as_ref().is_some_and(|columns| !columns.fields().is_empty())
    }

    /// The remaining rows.
    pub fn batches(self) -> BoxStream<'static, Result<RecordBatch>> {
        stream::unfold(Some(self), |incoming| async move {
            let mut incoming = incoming?;
            match incoming.next().await {
                Ok(Some(batch)) => Some((Ok(batch), Some(incoming))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }

    async fn part(&mut self) -> Result<Option<DecodedPayload>> {
        // The data is untrusted, and the decoder may panic on malformed messages.
        let part = AssertUnwindSafe(self.decoder.next()).catch_unwind().await;
        let part = part.map_err(|_| wrong("a message is damaged"))?;
        let payload = part.transpose().map_err(of_decoder)?.map(|decoded| decoded.payload);
        if let Some(DecodedPayload::Schema(schema)) = &payload {
            let columns = rows::columns(schema);
            if self.columns.as_ref().is_some_and(|before| before.fields() != columns.fields()) {
                return Err(wrong("the columns changed during the transfer"));
            }
            self.columns = Some(Arc::clone(&columns));
        }
        Ok(payload)
    }
}

fn wrong(problem: &str) -> DataFusionError {
    coded(SqlState::PROTOCOL_VIOLATION, "rows", problem)
}

fn of_decoder(error: FlightError) -> DataFusionError {
    match error {
        FlightError::Tonic(status) => of_status(&status),
        other => wrong(&format!("are not Arrow data: {other}")),
    }
}

/// The error for a message that did not arrive.
pub fn of_status(status: &Status) -> DataFusionError {
    match status.code() {
        tonic::Code::Cancelled | tonic::Code::Unknown => coded(SqlState::QUERY_CANCELED, "client", "has disconnected"),
        tonic::Code::OutOfRange | tonic::Code::ResourceExhausted => {
            let problem = format!("is larger than --max-message allows: {}; send smaller batches", status.message());
            coded(SqlState::PROGRAM_LIMIT_EXCEEDED, "message", problem)
        }
        _ => wrong(status.message()),
    }
}
