//! Prepared statements: described when created, bound to rows of values, and run for each row in turn.

use std::sync::Arc;

use arrow_flight::sql::ActionCreatePreparedStatementResult;
use arrow_flight::{IpcMessage, SchemaAsIpc};
use bytes::Bytes;
use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::ipc::writer::IpcWriteOptions;
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use parking_lot::Mutex;
use tokio::sync::{OwnedMutexGuard, mpsc};

use super::errors::status;
use super::incoming::Incoming;
use super::ingest;
use super::rows;
use super::sessions::{Busy, Open};
use super::statements::{self, Begun, Reading, Rows, Told, gives_rows, noting_failure};
use super::transactions;
use crate::engine::{Answer, Cancel, Parameters, Prepared, TransactionStatus};
use crate::error::{SqlState, coded};
use crate::server::Turn;

/// The maximum number of prepared statements per session.
const MOST: usize = 10_000;
/// The highest number of a parameter whose type is declared, as in PostgreSQL.
const MOST_DECLARED: usize = 65_535;

/// A prepared statement of a session.
pub struct Kept {
    prepared: Prepared,
    text: String,
    /// What it was bound to.
    bound: Mutex<Option<Bound>>,
}

impl Kept {
    /// What runs when its rows are read.
    fn bound(&self) -> Bound {
        self.bound.lock().clone().unwrap_or_else(|| Bound { prepared: self.prepared.clone(), rows: None })
    }
}

/// Prepares a statement.
///
/// # Errors
/// The statement is wrong.
pub async fn create(busy: &Busy, sql: &str, transaction: Option<&[u8]>) -> Result<ActionCreatePreparedStatementResult> {
    let open = &busy.0;
    let _turn = open.turn.lock().await;
    transactions::check(open, transaction)?;
    let made = async {
        if open.prepared.lock().len() >= MOST {
            let problem = format!("has {MOST} prepared statements; close some");
            return Err(coded(SqlState::PROGRAM_LIMIT_EXCEEDED, "session", problem));
        }
        busy.within(open.session.prepare(statements::only(busy, sql).await?)).await
    };
    let prepared = noting_failure(open, made).await?;
    let described = prepared.describe();
    let parameters = described.parameters.iter().map(|(name, field)| {
        // A parameter of unknown type is described as text, as in PostgreSQL; values of other types are accepted, too.
        Field::new(name, field.as_ref().map_or(DataType::Utf8, |field| rows::plain(field.data_type())), true)
    });
    let parameters = Schema::new(parameters.collect::<Vec<_>>());
    let has_rows = gives_rows(&prepared);
    let dataset_schema = if has_rows { encoded(&rows::columns(&described.columns))? } else { Bytes::new() };
    let parameter_schema = if parameters.fields().is_empty() { Bytes::new() } else { encoded(&parameters)? };
    let number = open.number();
    open.prepared.lock().insert(number, Arc::new(Kept { prepared, text: sql.into(), bound: Mutex::default() }));
    let prepared_statement_handle = Bytes::copy_from_slice(&number.to_be_bytes());
    Ok(ActionCreatePreparedStatementResult { prepared_statement_handle, dataset_schema, parameter_schema })
}

fn encoded(schema: &Schema) -> Result<Bytes> {
    let message: IpcMessage = SchemaAsIpc::new(schema, &IpcWriteOptions::default()).try_into()?;
    Ok(message.0)
}

fn number_of(handle: &[u8]) -> Result<u64> {
    handle.try_into().map(u64::from_be_bytes).map_err(|_| unknown())
}

fn unknown() -> DataFusionError {
    let problem = "no such statement in this session; it was closed, or never prepared";
    coded(SqlState::UNDEFINED_PREPARED_STATEMENT, "prepared statement", problem)
}

/// The prepared statement of a handle.
///
/// # Errors
/// There is none.
pub fn known(open: &Open, handle: &[u8]) -> Result<Arc<Kept>> {
    open.prepared.lock().get(&number_of(handle)?).cloned().ok_or_else(unknown)
}

/// Closes a prepared statement; an unknown handle is ignored.
pub fn close(open: &Open, handle: &[u8]) {
    if let Ok(number) = number_of(handle) {
        open.prepared.lock().remove(&number);
    }
}

/// Binds a statement to rows of values, of at most `most` bytes in total.
///
/// # Errors
/// The columns do not match its parameters, or the values are too large.
pub async fn bind(busy: &Busy, handle: &[u8], mut incoming: Incoming, most: usize) -> Result<()> {
    let kept = known(&busy.0, handle)?;
    let (mut rows, mut bytes) = (vec![], 0_usize);
    while let Some(batch) = busy.within(incoming.next()).await? {
        bytes = bytes.saturating_add(batch.get_array_memory_size());
        if bytes > most {
            let problem = format!("of more than {most} bytes; --max-message allows more, and a query may read a table instead");
            return Err(coded(SqlState::PROGRAM_LIMIT_EXCEEDED, "values", problem));
        }
        check_columns(&kept.prepared, &batch.schema())?;
        rows.push(batch);
    }
    let prepared = match rows.first() {
        Some(first) if gives_rows(&kept.prepared) => declared(busy, &kept, &first.schema()).await,
        _ => kept.prepared.clone(),
    };
    // Some clients bind every statement, and one without parameters to no row at all: it runs once.
    let has_values = !kept.prepared.describe().parameters.is_empty() || rows.iter().any(|batch| batch.num_rows() > 0);
    *kept.bound.lock() = Some(Bound { prepared, rows: has_values.then_some(rows) });
    Ok(())
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// A statement as the types of its values declare it: `$1 + 1` is a decimal when `$1` is one, and `$1` alone has the type of its value. Text
/// is read as what the statement expects, and so are integers.
async fn declared(busy: &Busy, kept: &Kept, given: &Schema) -> Prepared {
    let Ok(places) = places(&kept.prepared, given) else { return kept.prepared.clone() };
    let (mut types, mut is_other) = (vec![], false);
    for ((name, expected), place) in kept.prepared.describe().parameters.iter().zip(places) {
        let Some(number) = name.parse::<usize>().ok().filter(|number| (1..=MOST_DECLARED).contains(number)) else { continue };
        let own = rows::plain(given.field(place).data_type());
        let is_expected = match expected.as_ref().map(|field| rows::plain(field.data_type())) {
            None => false,
            // Every value has a text.
            Some(expected) => own == expected || is_text(&expected) || own.is_integer() && expected.is_integer(),
        };
        if is_expected || own.is_null() || is_text(&own) {
            continue;
        }
        is_other = true;
        types.resize(types.len().max(number), None);
        types[number - 1] = Some(own);
    }
    if !is_other {
        return kept.prepared.clone();
    }
    let made = async {
        let _turn = busy.0.turn.lock().await;
        let statement = statements::only(busy, &kept.text).await?;
        busy.within(busy.0.session.prepare_with(statement, types)).await
    };
    // Where the statement takes no value of such a type, that is said when it runs with the value.
    made.await.unwrap_or_else(|_| kept.prepared.clone())
}

fn check_columns(prepared: &Prepared, columns: &Schema) -> Result<()> {
    let (wanted, given) = (prepared.describe().parameters.len(), columns.fields().len());
    if wanted == given {
        return Ok(());
    }
    let problem = format!("takes {wanted} parameters, got {given}");
    Err(coded(SqlState::UNDEFINED_PARAMETER, "prepared statement", problem))
}

/// The response to a request about a prepared statement, as for one in text.
///
/// # Errors
/// A statement that runs at once fails.
pub async fn ask(busy: &Busy, handle: &[u8]) -> Result<Told> {
    let open = &busy.0;
    let turn = Arc::clone(&open.turn).lock_owned().await;
    let kept = known(open, handle)?;
    let number = open.number();
    let bound = kept.bound();
    if gives_rows(&kept.prepared) {
        transactions::check_going_on(open)?;
        let columns = rows::columns(&bound.prepared.describe().columns);
        statements::hold(open, number, Begun::Bound(bound));
        return Ok(Told { columns, number, query: None, is_held: true, written: -1 });
    }
    let run = async {
        let _admitted = busy.admitted(kept.prepared.takes_turn()).await?;
        let written = if bound.rows.is_none() {
            let answer = busy.within(kept.prepared.execute(Parameters::default())).await?;
            if answer.has_rows() {
                let columns = rows::columns(answer.schema());
                statements::hold(open, number, Begun::Running(answer));
                return Ok((columns, true, -1));
            }
            statements::finish(busy, answer).await?
        } else {
            let values = stream::iter(bound.rows.unwrap_or_default().into_iter().map(Ok)).boxed();
            run_for_each(busy, turn, &kept.prepared, values).await?
        };
        Ok((Arc::new(Schema::empty()), false, written))
    };
    let (columns, is_held, written) = noting_failure(open, run).await?;
    Ok(Told { columns, number, query: None, is_held, written })
}

/// The columns of a statement's rows.
///
/// # Errors
/// There is no such statement.
pub fn describe(open: &Open, handle: &[u8]) -> Result<SchemaRef> {
    Ok(rows::columns(&known(open, handle)?.bound().prepared.describe().columns))
}

/// Runs a statement with the values that it is bound to, and returns the rows.
///
/// # Errors
/// There is no such statement, or it fails.
pub async fn read(busy: Busy, handle: &[u8]) -> Result<Rows> {
    let bound = known(&busy.0, handle)?.bound();
    let number = busy.0.number();
    bound.read(busy, number).await
}

/// Runs a statement that changes rows for each row of values that arrives; without any, for those that it was bound to, or once. Returns
/// the number of changed rows.
///
/// # Errors
/// The first that fails; then nothing is changed.
pub async fn update(busy: &Busy, handle: &[u8], mut incoming: Incoming) -> Result<i64> {
    let open = &busy.0;
    let turn = Arc::clone(&open.turn).lock_owned().await;
    let kept = known(open, handle)?;
    let run = async {
        let _admitted = busy.admitted(kept.prepared.takes_turn()).await?;
        let columns = busy.within(incoming.columns()).await?;
        let bound = if incoming.has_columns() { None } else { kept.bound().rows };
        let values = match (columns, bound) {
            (Some(columns), _) if incoming.has_columns() => {
                check_columns(&kept.prepared, &columns)?;
                incoming.batches()
            }
            (_, Some(bound)) => stream::iter(bound.into_iter().map(Ok)).boxed(),
            (_, None) => {
                let answer = busy.within(kept.prepared.execute(Parameters::default())).await?;
                return statements::finish(busy, answer).await;
            }
        };
        run_for_each(busy, turn, &kept.prepared, values).await
    };
    noting_failure(open, run).await
}

/// Runs a statement for each row of values, all or none; returns the number of changed rows.
async fn run_for_each(
    busy: &Busy,
    turn: OwnedMutexGuard<()>,
    prepared: &Prepared,
    mut values: BoxStream<'static, Result<RecordBatch>>,
) -> Result<i64> {
    let open = &busy.0;
    if prepared.takes_rows() {
        return insert_all(busy, prepared, values).await;
    }
    let changes_rows = matches!(prepared.describe().tag.as_str(), "INSERT" | "UPDATE" | "DELETE" | "MERGE");
    let is_idle = open.session.transaction_status() == TransactionStatus::Idle;
    let own = if changes_rows && is_idle { Some(transactions::Own::begin(busy, turn).await?) } else { None };
    let mut changed = 0_i64;
    while let Some(batch) = busy.within(async { values.next().await.transpose() }).await? {
        for row in 0..batch.num_rows() {
            let answer = busy.within(prepared.execute(parameters(prepared, &batch, row)?)).await?;
            changed = changed.saturating_add(statements::finish(busy, answer).await?.max(0));
        }
    }
    if let Some(own) = own {
        own.commit(busy).await?;
    }
    Ok(changed)
}

/// Runs an INSERT of a single row of parameters for all rows at once.
async fn insert_all(busy: &Busy, prepared: &Prepared, mut values: BoxStream<'static, Result<RecordBatch>>) -> Result<i64> {
    let Some(first) = busy.within(async { values.next().await.transpose() }).await? else { return Ok(0) };
    let given = first.schema();
    check_columns(prepared, &given)?;
    let wanted = &prepared.describe().parameters;
    let places = places(prepared, &given)?;
    let fields =
        wanted.iter().zip(&places).map(|((name, _), place)| Field::new(name, given.field(*place).data_type().clone(), true));
    let columns: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let renamed = Arc::clone(&columns);
    let rows = stream::once(async { Ok(first) }).chain(values).map(move |batch| {
        let batch = batch?;
        let arrays = places.iter().map(|place| batch.columns().get(*place).cloned());
        let arrays =
            arrays.collect::<Option<Vec<_>>>().ok_or_else(|| coded(SqlState::PROTOCOL_VIOLATION, "values", "are too few"))?;
        Ok(RecordBatch::try_new(Arc::clone(&renamed), arrays)?)
    });
    let (sender, receiver) = mpsc::channel(1);
    let taken = async {
        let answer = busy.within(prepared.execute_over_rows(&columns, receiver)).await?;
        statements::finish(busy, answer).await
    };
    ingest::feed(sender, rows.boxed(), taken).await
}

/// The places of the parameters among the columns: by name if these have the parameters' names, otherwise by position.
fn places(prepared: &Prepared, columns: &Schema) -> Result<Vec<usize>> {
    let wanted = &prepared.describe().parameters;
    let has_names = wanted.iter().all(|(name, _)| columns.column_with_name(name).is_some());
    let places = wanted.iter().enumerate().map(|(place, (name, _))| if has_names { columns.index_of(name) } else { Ok(place) });
    Ok(places.collect::<Result<Vec<usize>, _>>()?)
}

/// The parameter values in a row.
fn parameters(prepared: &Prepared, batch: &RecordBatch, row: usize) -> Result<Parameters> {
    let wanted = &prepared.describe().parameters;
    let places = places(prepared, &batch.schema())?;
    let values = wanted.iter().zip(places).map(|((name, field), place)| {
        Ok((name.as_str(), value(batch.column(place), row, field.as_ref().map(|field| field.data_type()), name)?))
    });
    Ok(Parameters::named(values.collect::<Result<Vec<_>>>()?))
}

/// A value in the type that the statement expects. Strings are parsed and integers widened; other types are left for the statement to
/// coerce.
fn value(column: &dyn Array, row: usize, wanted: Option<&DataType>, name: &str) -> Result<ScalarValue> {
    let Some(wanted) = wanted else { return ScalarValue::try_from_array(column, row) };
    if column.is_null(row) {
        return ScalarValue::try_from(wanted);
    }
    let given = column.data_type();
    let reads = is_text(given) && !is_text(wanted);
    if !(reads || given.is_integer() && wanted.is_integer()) {
        return ScalarValue::try_from_array(column, row);
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let cast = cast_with_options(&column.slice(row, 1), wanted, &options).map_err(|error| {
        let state = if reads { SqlState::INVALID_TEXT_REPRESENTATION } else { SqlState::NUMERIC_VALUE_OUT_OF_RANGE };
        coded(state, &format!("parameter ${name}"), error)
    })?;
    ScalarValue::try_from_array(&cast, 0)
}

/// A prepared statement with rows of values; `None` when it was not bound.
#[derive(Clone)]
pub struct Bound {
    prepared: Prepared,
    rows: Option<Vec<RecordBatch>>,
}

impl Bound {
    /// The rows of the statement, run for each row of values in turn.
    ///
    /// # Errors
    /// It was cancelled before it began.
    pub async fn read(self, busy: Busy, number: u64) -> Result<Rows> {
        let columns = rows::columns(&self.prepared.describe().columns);
        let cancel = Cancel::default();
        let reading = Reading::begin(busy, number, cancel.clone())?;
        let mut values = vec![];
        match self.rows {
            None => values.push(Parameters::default()),
            Some(batches) => {
                for batch in &batches {
                    for row in 0..batch.num_rows() {
                        values.push(parameters(&self.prepared, batch, row)?);
                    }
                }
            }
        }
        let mut values = values.into_iter();
        let admitted = reading.busy.admitted(self.prepared.takes_turn()).await?;
        // Run the first one now, so that errors in the statement are reported right away.
        let first = match values.next() {
            Some(first) => {
                let _turn = reading.busy.0.turn.lock().await;
                Some(noting_failure(&reading.busy.0, reading.busy.within(self.prepared.execute(first))).await?)
            }
            None => None,
        };
        let own = Arc::clone(&columns);
        let all = Turns { reading, prepared: self.prepared, values, answer: first, cancel, _admitted: admitted };
        let batches = stream::unfold(Some(all), move |turns| {
            let columns = Arc::clone(&own);
            async move {
                let mut turns = turns?;
                match turns.next().await.and_then(|batch| batch.map(|batch| rows::in_columns(&batch, &columns)).transpose()) {
                    Ok(Some(batch)) => Some((Ok(batch), Some(turns))),
                    Ok(None) => None,
                    Err(error) => {
                        turns.reading.busy.0.session.statement_failed();
                        Some((Err(status(&error)), None))
                    }
                }
            }
        });
        Ok(Rows { columns, batches: batches.boxed() })
    }
}

/// A statement running for several rows of values.
struct Turns {
    reading: Reading,
    prepared: Prepared,
    values: std::vec::IntoIter<Parameters>,
    answer: Option<Answer>,
    cancel: Cancel,
    _admitted: Option<Turn>,
}

impl Turns {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(answer) = &mut self.answer {
                let next = tokio::select! {
                    biased;
                    () = self.cancel.cancelled() => Err(Cancel::error()),
                    batch = self.reading.busy.within(answer.next_batch()) => batch,
                };
                if let Some(batch) = next? {
                    return Ok(Some(batch));
                }
                self.reading.busy.0.notes.lock().keep(answer.notes());
                self.answer = None;
            }
            let Some(values) = self.values.next() else { return Ok(None) };
            let _turn = self.reading.busy.0.turn.lock().await;
            self.answer = Some(self.reading.busy.within(self.prepared.execute(values)).await?);
        }
    }
}
