//! Statements as text: queries are planned when requested and run when their rows are read; statements without rows run at once.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::Result;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use tonic::Status;

use super::errors::status;
use super::prepared::Bound;
use super::rows;
use super::sessions::{Busy, Open};
use super::tickets::Ticket;
use super::transactions;
use crate::engine::{Answer, Cancel, Parameters, Prepared, Statement};
use crate::error::{SqlState, coded};
use crate::server::Turn;

/// The maximum number of begun statements per session that wait for their rows to be read.
const MOST: usize = 256;
/// The maximum number of tickets per session that were cancelled before their rows were read.
const MOST_CANCELLED: usize = 10_000;

/// Rows with their columns.
pub struct Rows {
    pub columns: SchemaRef,
    pub batches: BoxStream<'static, Result<RecordBatch, Status>>,
}

impl Rows {
    /// Rows that are already computed.
    pub fn of(batch: RecordBatch) -> Self {
        Self { columns: batch.schema(), batches: stream::iter([Ok(batch)]).boxed() }
    }

    /// No rows and no columns.
    fn nothing() -> Self {
        Self { columns: Arc::new(Schema::empty()), batches: stream::empty().boxed() }
    }
}

/// What waits for its rows to be read.
#[expect(clippy::large_enum_variant, reason = "one per statement, and moved a few times")]
pub enum Begun {
    /// A running statement.
    Running(Answer),
    /// A prepared statement with the values at the time of the request.
    Bound(Bound),
}

/// The description of a statement for a client, and what its ticket contains.
pub struct Told {
    pub columns: SchemaRef,
    pub number: u64,
    /// The query, if the ticket contains it.
    pub query: Option<String>,
    /// True when the session holds the statement until its rows are read.
    pub is_held: bool,
    /// The number of rows that a statement without a result has written; -1 for others, as in Flight.
    pub written: i64,
}

/// The only statement in a text.
///
/// # Errors
/// There is none or several, or it is not valid SQL.
pub async fn only(busy: &Busy, sql: &str) -> Result<Statement> {
    let mut statements = busy.within(busy.0.session.parse(sql)).await?;
    let (Some(statement), true) = (statements.pop(), statements.is_empty()) else {
        let problem = "takes one statement; send others in separate calls";
        return Err(coded(SqlState::SYNTAX_ERROR, "query", problem));
    };
    checked(statement)
}

/// Numbers the parameters of a statement; refuses COPY from STDIN and to STDOUT.
fn checked(statement: Statement) -> Result<Statement> {
    if statement.client_copy().is_some() {
        let problem = "from STDIN and to STDOUT only works for PostgreSQL clients; ingest rows instead, and read them by a query";
        return Err(coded(SqlState::FEATURE_NOT_SUPPORTED, "COPY", problem));
    }
    statement.numbered()
}

/// True for a statement that returns rows.
pub fn gives_rows(prepared: &Prepared) -> bool {
    let described = prepared.describe();
    !described.columns.fields().is_empty() || matches!(described.tag.as_str(), "SELECT" | "FETCH")
}

/// Plans a query; a statement without rows is run at once, as clients expect.
///
/// # Errors
/// The statement is wrong or fails.
pub async fn ask(busy: &Busy, sql: &str, transaction: Option<&[u8]>) -> Result<Told> {
    let open = &busy.0;
    let _turn = open.turn.lock().await;
    transactions::check(open, transaction)?;
    let asked = async {
        let prepared = busy.within(open.session.prepare(only(busy, sql).await?)).await?;
        let number = open.number();
        // A change with RETURNING runs once, however often its rows are read, and so does what EXECUTE runs.
        let runs_once = matches!(prepared.describe().tag.as_str(), "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "EXECUTE");
        if gives_rows(&prepared) && !runs_once {
            transactions::check_going_on(open)?;
            return Ok(Told {
                columns: rows::columns(&prepared.describe().columns),
                number,
                query: Some(sql.into()),
                is_held: false,
                written: -1,
            });
        }
        let _admitted = busy.admitted(prepared.takes_turn()).await?;
        let answer = busy.within(prepared.execute(Parameters::default())).await?;
        if answer.has_rows() {
            let columns = rows::columns(answer.schema());
            hold(open, number, Begun::Running(answer));
            return Ok(Told { columns, number, query: None, is_held: true, written: -1 });
        }
        let written = finish(busy, answer).await?;
        Ok(Told { columns: Arc::new(Schema::empty()), number, query: None, is_held: false, written })
    };
    noting_failure(open, asked).await
}

/// Holds what waits for its rows to be read; when there is too much, the oldest is dropped.
pub fn hold(open: &Open, number: u64, begun: Begun) {
    let mut all = open.begun.lock();
    if all.len() >= MOST
        && let Some(oldest) = all.keys().min().copied()
    {
        all.remove(&oldest);
    }
    all.insert(number, begun);
}

/// The columns of a query. Nothing runs.
///
/// # Errors
/// The statement is wrong.
pub async fn describe(busy: &Busy, sql: &str, transaction: Option<&[u8]>) -> Result<SchemaRef> {
    transactions::check(&busy.0, transaction)?;
    let prepared = busy.within(busy.0.session.prepare(only(busy, sql).await?)).await?;
    Ok(rows::columns(&prepared.describe().columns))
}

/// The rows of a ticket.
///
/// # Errors
/// The statement fails, or the ticket was cancelled.
pub async fn read(busy: Busy, ticket: Ticket) -> Result<Rows> {
    let open = Arc::clone(&busy.0);
    let number = ticket.number;
    if open.running.lock().get(&number).is_some_and(Cancel::is_cancelled) {
        return Err(Cancel::error());
    }
    let begun = open.begun.lock().remove(&number);
    match (begun, ticket.query) {
        (Some(Begun::Running(answer)), _) => reading(busy, number, answer, None),
        (Some(Begun::Bound(bound)), _) => bound.read(busy, number).await,
        (None, None) if ticket.is_held => {
            let problem = "no longer has rows: they were read, or waited too long; request them again";
            Err(coded(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "ticket", problem))
        }
        (None, None) => Ok(Rows::nothing()),
        (None, Some(sql)) => {
            let started = async {
                let _turn = open.turn.lock().await;
                transactions::check(&open, ticket.transaction.as_deref())?;
                let statement = only(&busy, &sql).await?;
                let admitted = busy.admitted(statement.takes_turn()).await?;
                Ok((busy.within(open.session.execute(statement)).await?, admitted))
            };
            let (answer, admitted) = noting_failure(&open, started).await?;
            reading(busy, number, answer, admitted)
        }
    }
}

/// Runs the statements of a text, and returns the number of rows written by the last one; -1 when it returns rows.
///
/// # Errors
/// The first statement that fails; earlier ones have run.
pub async fn update(busy: &Busy, sql: &str, transaction: Option<&[u8]>) -> Result<i64> {
    let open = &busy.0;
    let _turn = open.turn.lock().await;
    transactions::check(open, transaction)?;
    let run = async {
        let statements = busy.within(open.session.parse(sql)).await?;
        if statements.is_empty() {
            return Err(coded(SqlState::SYNTAX_ERROR, "update", "has no statement"));
        }
        let mut count = 0;
        for statement in statements {
            let _admitted = busy.admitted(statement.takes_turn()).await?;
            let answer = busy.within(open.session.execute(checked(statement)?)).await?;
            count = finish(busy, answer).await?;
        }
        Ok(count)
    };
    noting_failure(open, run).await
}

/// Waits until a statement is done; returns the number of written rows, or -1 when it returns rows.
///
/// # Errors
/// The statement fails.
pub async fn finish(busy: &Busy, mut answer: Answer) -> Result<i64> {
    while let Some(batch) = busy.within(answer.next_batch()).await? {
        drop(batch);
    }
    busy.0.notes.lock().keep(answer.notes());
    Ok(if answer.has_rows() { -1 } else { i64::try_from(answer.rows()).unwrap_or(i64::MAX) })
}

/// Marks the transaction as failed when the work fails, so that only its end is accepted.
///
/// # Errors
/// Those of the work.
pub async fn noting_failure<T>(open: &Open, work: impl Future<Output = Result<T>> + Send) -> Result<T> {
    let done = work.boxed().await;
    if done.is_err() {
        open.session.statement_failed();
    }
    done
}

/// A statement whose rows are being read; dropping this removes it from the running ones.
pub struct Reading {
    pub busy: Busy,
    number: u64,
}

impl Reading {
    /// # Errors
    /// It was cancelled before it began.
    pub fn begin(busy: Busy, number: u64, cancel: Cancel) -> Result<Self> {
        let before = busy.0.running.lock().insert(number, cancel);
        let reading = Self { busy, number };
        match before {
            Some(before) if before.is_cancelled() => Err(Cancel::error()),
            _ => Ok(reading),
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.busy.0.running.lock().remove(&self.number);
    }
}

/// The rows of a statement, streamed as fast as they are read.
///
/// # Errors
/// It was cancelled before it began.
fn reading(busy: Busy, number: u64, answer: Answer, admitted: Option<Turn>) -> Result<Rows> {
    let columns = rows::columns(answer.schema());
    let reading = Reading::begin(busy, number, answer.canceller())?;
    let own = Arc::clone(&columns);
    let batches = stream::unfold(Some((reading, answer, admitted)), move |state| {
        let columns = Arc::clone(&own);
        async move {
            let (reading, mut answer, admitted) = state?;
            let next = reading.busy.within(answer.next_batch()).await;
            match next.and_then(|batch| batch.map(|batch| rows::in_columns(&batch, &columns)).transpose()) {
                Ok(Some(batch)) => Some((Ok(batch), Some((reading, answer, admitted)))),
                Ok(None) => {
                    reading.busy.0.notes.lock().keep(answer.notes());
                    None
                }
                Err(error) => {
                    reading.busy.0.session.statement_failed();
                    Some((Err(status(&error)), None))
                }
            }
        }
    });
    Ok(Rows { columns, batches: batches.boxed() })
}

/// Cancels the statement of a ticket, or prevents it from starting; false when it has ended or never existed.
pub fn cancel(open: &Open, ticket: &Ticket) -> bool {
    if open.begun.lock().remove(&ticket.number).is_some() {
        return true;
    }
    let mut running = open.running.lock();
    if let Some(cancel) = running.get(&ticket.number) {
        cancel.cancel();
        return true;
    }
    if ticket.query.is_none() || running.len() >= MOST_CANCELLED {
        return false;
    }
    let cancel = Cancel::default();
    cancel.cancel();
    running.insert(ticket.number, cancel);
    true
}
