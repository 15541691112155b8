//! Rows that come from a client, as a table of one statement.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::stream;
use parking_lot::Mutex;
use sqlparser::tokenizer::Location;
use tokio::sync::mpsc::Receiver;

use super::Session;
use super::answer::Answer;
use super::prepared::Parameters;
use crate::error::{failed, invalid};
use crate::sql::parser::Statement;

/// The name of the rows in the statement that adds them: one that nobody gives a table.
const ROWS: &str = "rows of the client";

/// Rows as they come.
#[derive(Debug)]
struct Coming {
    schema: SchemaRef,
    rows: Mutex<Option<Receiver<Result<RecordBatch>>>>,
}

impl PartitionStream for Coming {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = self.rows.lock().take();
        let batches = stream::unfold(rows, |rows| async move {
            let Some(mut rows) = rows else { return Some((Err(failed("rows", "can be read once")), None)) };
            rows.recv().await.map(|batch| (batch, Some(rows)))
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

impl Session {
    /// Adds rows to a table, named as in SQL, as they come; to these columns, or to all. They are there when the answer is, or none of
    /// them.
    ///
    /// # Errors
    /// The table takes no such rows.
    pub async fn load(
        &self,
        table: &str,
        columns: &[String],
        schema: SchemaRef,
        rows: Receiver<Result<RecordBatch>>,
    ) -> Result<Answer> {
        // Whether a value may be NULL, the table says.
        let fields = schema.fields().iter().map(|field| Field::new(field.name(), field.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let columns = if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
        let sql = format!("INSERT INTO {table}{columns} SELECT * FROM \"{ROWS}\"");
        let coming: Arc<dyn PartitionStream> = Arc::new(Coming { schema: Arc::clone(&schema), rows: Mutex::new(Some(rows)) });
        let provider: Arc<dyn TableProvider> = Arc::new(StreamingTable::try_new(schema, vec![coming])?);
        let Some(Statement { text, parsed, .. }) = self.parse(&sql).await?.pop() else {
            return Err(invalid(table, "is no name of a table"));
        };
        let first = Location { line: 1, column: 1 };
        self.execute_over(&text, first, parsed, Parameters::default(), vec![(ROWS.into(), provider)]).await
    }
}
