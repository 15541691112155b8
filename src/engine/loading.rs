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
use datafusion::sql::parser::Statement as SqlParsed;
use futures::stream;
use parking_lot::Mutex;
use sqlparser::ast::{Expr, SetExpr, Statement as SqlStatement, Value, ValueWithSpan};
use sqlparser::tokenizer::Location;
use tokio::sync::mpsc::Receiver;

use super::Session;
use super::answer::Answer;
use super::prepared::{Parameters, Prepared};
use crate::error::{failed, invalid};
use crate::sql::parser::{Parsed, Statement, parse_query};
use crate::text::identifier;

/// The name of these rows in the statement; no user table can have it.
const ROWS: &str = "rows of the client";

/// Rows that arrive through a channel.
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
    /// Inserts rows into a table (named as in SQL) as they arrive, into the given columns or all. When the answer arrives, all rows are
    /// inserted, or none.
    ///
    /// # Errors
    /// The table does not accept these rows.
    pub async fn load(
        &self,
        table: &str,
        columns: &[String],
        schema: SchemaRef,
        rows: Receiver<Result<RecordBatch>>,
    ) -> Result<Answer> {
        let columns = if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
        self.over_rows(&format!("INSERT INTO {table}{columns}"), table, schema, rows).await
    }

    /// Creates a table (named as in SQL) from rows as they arrive. When the answer arrives, the table exists, or nothing has changed.
    ///
    /// # Errors
    /// The name is taken, and the existing object is not to be replaced.
    pub async fn load_new(
        &self,
        table: &str,
        is_temporary: bool,
        or_replace: bool,
        schema: SchemaRef,
        rows: Receiver<Result<RecordBatch>>,
    ) -> Result<Answer> {
        let replace = if or_replace { " OR REPLACE" } else { "" };
        let temporary = if is_temporary { " TEMPORARY" } else { "" };
        self.over_rows(&format!("CREATE{replace}{temporary} TABLE {table} AS"), table, schema, rows).await
    }

    /// Runs a statement whose query is the rows.
    async fn over_rows(
        &self,
        beginning: &str,
        table: &str,
        schema: SchemaRef,
        rows: Receiver<Result<RecordBatch>>,
    ) -> Result<Answer> {
        let provider = table_of(&schema, rows)?;
        let sql = format!("{beginning} SELECT * FROM \"{ROWS}\"");
        let Some(Statement { text, parsed, .. }) = self.parse(&sql).await?.pop() else {
            return Err(invalid(table, "is not the name of a table"));
        };
        let first = Location { line: 1, column: 1 };
        self.execute_over(&text, first, parsed, Parameters::default(), vec![(ROWS.into(), provider)]).await
    }
}

impl Prepared {
    /// True for an INSERT of a single row that consists only of parameters: it can take many rows at once.
    pub fn takes_rows(&self) -> bool {
        of_rows(&self.parsed).is_some()
    }

    /// Runs it over rows as they arrive; their columns are named like its parameters.
    ///
    /// # Errors
    /// The table does not accept these rows, or the statement is not such an INSERT.
    pub async fn execute_over_rows(&self, schema: &SchemaRef, rows: Receiver<Result<RecordBatch>>) -> Result<Answer> {
        let parsed = of_rows(&self.parsed).ok_or_else(|| invalid("statement", "takes one row at a time"))?;
        let provider = table_of(schema, rows)?;
        let first = Location { line: 1, column: 1 };
        self.session.execute_over(&self.text, first, parsed, Parameters::default(), vec![(ROWS.into(), provider)]).await
    }
}

/// Turns the INSERT of one row of parameters into one of all rows.
fn of_rows(parsed: &Parsed) -> Option<Parsed> {
    let Parsed::Sql(parsed) = parsed else { return None };
    let SqlParsed::Statement(statement) = parsed.as_ref() else { return None };
    let SqlStatement::Insert(insert) = statement.as_ref() else { return None };
    let source = insert.source.as_deref()?;
    let SetExpr::Values(values) = source.body.as_ref() else { return None };
    let [row] = values.rows.as_slice() else { return None };
    if insert.returning.is_some() || insert.on.is_some() || source.with.is_some() || source.limit_clause.is_some() {
        return None;
    }
    let columns = row.content.iter().map(|value| match value {
        Expr::Value(ValueWithSpan { value: Value::Placeholder(name), .. }) => name.strip_prefix('$').map(identifier),
        _ => None,
    });
    let columns = columns.collect::<Option<Vec<String>>>()?.join(", ");
    let mut insert = insert.clone();
    insert.source = Some(parse_query(&format!("SELECT {columns} FROM \"{ROWS}\"")).ok()?);
    Some(Parsed::Sql(Box::new(SqlParsed::Statement(Box::new(SqlStatement::Insert(insert))))))
}

/// A table of rows as they arrive.
fn table_of(schema: &SchemaRef, rows: Receiver<Result<RecordBatch>>) -> Result<Arc<dyn TableProvider>> {
    // All nullable here; the target table checks for NULL.
    let fields = schema.fields().iter().map(|field| Field::new(field.name(), field.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let coming: Arc<dyn PartitionStream> = Arc::new(Coming { schema: Arc::clone(&schema), rows: Mutex::new(Some(rows)) });
    Ok(Arc::new(StreamingTable::try_new(schema, vec![coming])?))
}
