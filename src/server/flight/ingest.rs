//! Bulk ingestion: rows create a table or are added to one, all or none.

use arrow_flight::sql::{CommandStatementIngest, TableExistsOption, TableNotExistOption};
use datafusion::arrow::array::RecordBatch;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::incoming::Incoming;
use super::sessions::Busy;
use super::statements::{finish, noting_failure};
use super::transactions;
use crate::engine::Cancel;
use crate::error::{SqlState, coded, invalid, sqlstate};
use crate::text::identifier;

/// How many batches may wait to be written; the client's stream is not read further until then.
const WAITING: usize = 2;

/// The channel to the statement that takes the rows. Unless it is explicitly ended, the statement gets an error: a disconnected client has
/// not sent everything.
struct Feed(Option<mpsc::Sender<Result<RecordBatch>>>);

impl Feed {
    fn end(&mut self) {
        self.0 = None;
    }

    /// Ends the rows with an error.
    async fn end_with(&mut self, error: DataFusionError) {
        if let Some(sender) = self.0.take() {
            // If the statement has already failed, nobody receives this.
            let _ = sender.send(Err(error)).await;
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if let (Some(sender), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(async move { sender.send(Err(Cancel::error())).await });
        }
    }
}

/// Feeds rows to the statement that takes them; returns their number.
///
/// # Errors
/// The statement fails, or the rows end early.
pub async fn feed(
    sender: mpsc::Sender<Result<RecordBatch>>,
    mut rows: BoxStream<'_, Result<RecordBatch>>,
    taken: impl Future<Output = Result<i64>> + Send,
) -> Result<i64> {
    let mut feed = Feed(Some(sender));
    let sent = async {
        let mut count = 0;
        while let Some(sender) = &feed.0 {
            match rows.next().await {
                Some(Ok(batch)) => {
                    count += i64::try_from(batch.num_rows()).unwrap_or(i64::MAX);
                    if sender.send(Ok(batch)).await.is_err() {
                        // The statement accepts no more rows; its own error says why.
                        feed.end();
                    }
                }
                Some(Err(error)) => feed.end_with(error).await,
                None => feed.end(),
            }
        }
        count
    };
    let (taken, count) = tokio::join!(taken, sent);
    taken.map(|_| count)
}

/// What to do if the table exists, and if it does not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Create,
    Append,
    Replace,
    CreateOrAppend,
}

fn way(command: &CommandStatementIngest) -> Result<Way> {
    let options = command.table_definition_options.unwrap_or_default();
    let creates = match options.if_not_exist() {
        TableNotExistOption::Create => true,
        TableNotExistOption::Fail => false,
        TableNotExistOption::Unspecified => {
            return Err(invalid("if_not_exist", "must say whether the table is created: CREATE or FAIL"));
        }
    };
    match (creates, options.if_exists()) {
        (true, TableExistsOption::Fail) => Ok(Way::Create),
        (true, TableExistsOption::Append) => Ok(Way::CreateOrAppend),
        (true, TableExistsOption::Replace) => Ok(Way::Replace),
        (false, TableExistsOption::Append) => Ok(Way::Append),
        (_, TableExistsOption::Unspecified) => {
            Err(invalid("if_exists", "must say what to do if the table exists: FAIL, APPEND or REPLACE"))
        }
        (false, _) => {
            let problem = "must be APPEND if the table is not created; there would be nothing to do";
            Err(invalid("if_exists", problem))
        }
    }
}

/// Ingests rows; returns their number.
///
/// # Errors
/// The table's existence is not as requested, or it does not accept the rows. Then nothing is changed.
pub async fn ingest(busy: &Busy, command: &CommandStatementIngest, mut incoming: Incoming) -> Result<i64> {
    let open = &busy.0;
    let way = way(command)?;
    if command.table.is_empty() {
        return Err(invalid("table", "has no name"));
    }
    if let Some(catalog) = command.catalog.as_deref().filter(|catalog| !catalog.is_empty() && *catalog != super::CATALOG) {
        let problem = format!("no such catalog; there is {}, the one that this server has", super::CATALOG);
        return Err(coded(SqlState::INVALID_CATALOG_NAME, catalog, problem));
    }
    let schema = command.schema.as_deref().filter(|schema| !schema.is_empty());
    if command.temporary && schema.is_some() {
        return Err(invalid("schema", "does not apply to a temporary table; leave it out"));
    }
    let table = identifier(&command.table);
    let table = schema.map_or(table.clone(), |schema| format!("{}.{table}", identifier(schema)));
    let _turn = open.turn.lock().await;
    // ADBC names no transaction with the rows that it ingests, so they are part of the one that is open.
    if let Some(given) = command.transaction_id.as_deref().filter(|given| !given.is_empty()) {
        transactions::check(open, Some(given))?;
    }
    let work = async {
        let _admitted = busy.admitted(true).await?;
        let columns = busy.within(incoming.columns()).await?;
        let columns = columns.ok_or_else(|| coded(SqlState::PROTOCOL_VIOLATION, "rows", "have no columns"))?;
        let appends = match way {
            Way::Append => true,
            Way::Create | Way::Replace => false,
            Way::CreateOrAppend => is_there(busy, &table).await?,
        };
        let (sender, receiver) = mpsc::channel(WAITING);
        let taken = async {
            let answer = if appends {
                let names: Vec<String> = columns.fields().iter().map(|field| identifier(field.name())).collect();
                busy.within(open.session.load(&table, &names, columns.clone(), receiver)).await?
            } else {
                let replaces = way == Way::Replace;
                busy.within(open.session.load_new(&table, command.temporary, replaces, columns.clone(), receiver)).await?
            };
            finish(busy, answer).await
        };
        feed(sender, incoming.batches(), taken).await
    };
    noting_failure(open, work).await
}

/// True if the table exists.
async fn is_there(busy: &Busy, table: &str) -> Result<bool> {
    let session = &busy.0.session;
    let statement = super::statements::only(busy, &format!("SELECT * FROM {table}")).await?;
    match busy.within(session.prepare(statement)).await {
        Ok(_) => Ok(true),
        Err(error) if sqlstate(&error) == SqlState::UNDEFINED_TABLE => Ok(false),
        Err(error) => Err(error),
    }
}
