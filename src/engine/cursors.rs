//! Cursors: queries whose rows are fetched in parts, from one state of the database.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use sqlparser::tokenizer::Location;
use tokio::sync::Mutex;

use super::Session;
use super::answer::Answer;
use super::missing_tables::no_such_table;
use super::naming::{own_name, relation};
use super::prepared::Parameters;
use super::transactions::{self, TransactionStatus};
use crate::error::{SqlState, coded, did_you_mean, invalid};
use crate::sql::client::{ClientCommand, Declare, Direction, Discarded, Maintain};
use crate::sql::parser::Parsed;
use crate::statement::KeptCursor;

/// The cursors of a session, by name.
pub(super) type Cursors = parking_lot::Mutex<HashMap<String, Arc<Cursor>>>;

/// A query whose rows are being fetched.
pub(super) struct Cursor {
    columns: SchemaRef,
    /// The role that opened it, whose rows it has.
    role: Arc<str>,
    /// The statement that declared it, and when, in microseconds since 1970.
    text: String,
    at: i64,
    scrolls: bool,
    /// True for a cursor WITH HOLD, which outlives its transaction.
    holds: bool,
    reading: Mutex<Reading>,
}

impl Cursor {
    /// The cursor as the catalog lists it.
    pub(super) fn kept(&self, name: &str) -> KeptCursor {
        KeptCursor { name: name.into(), text: self.text.clone(), at: self.at, holds: self.holds, scrolls: self.scrolls }
    }
}

/// How far the rows have been read, and the position of the cursor.
struct Reading {
    answer: Option<Answer>,
    /// The rows that were read and may still be fetched; all rows for a scrollable cursor.
    batches: Vec<RecordBatch>,
    /// The notes of its query, complete once its last row was read, for the next FETCH to tell.
    notes: Vec<String>,
    /// The memory of these rows.
    memory: MemoryReservation,
    /// The number of rows before the first of `batches`.
    before: i64,
    /// The current row, from 1; 0 before the first.
    place: i64,
    scrolls: bool,
    /// True once its query has failed, so that there are no more rows.
    has_failed: bool,
}

impl Reading {
    fn rows(&self) -> i64 {
        self.before + self.batches.iter().map(|batch| batch.num_rows() as i64).sum::<i64>()
    }

    /// Reads until this row is available or the query ends.
    async fn read_to(&mut self, row: i64) -> Result<()> {
        while self.rows() < row {
            let Some(answer) = &mut self.answer else { return Ok(()) };
            let read = answer.next_batch().await.and_then(|batch| {
                self.memory.try_grow(batch.as_ref().map_or(0, RecordBatch::get_array_memory_size))?;
                Ok(batch)
            });
            match read.inspect_err(|_| self.has_failed = true)? {
                Some(batch) => self.batches.push(batch),
                None => {
                    self.notes.extend(answer.notes());
                    self.answer = None;
                }
            }
        }
        Ok(())
    }

    /// The rows from `first` to `last`, inclusive, among those that were read.
    fn between(&self, first: i64, last: i64) -> Vec<RecordBatch> {
        let (mut found, mut begin) = (vec![], self.before + 1);
        for batch in &self.batches {
            let end = begin + batch.num_rows() as i64 - 1;
            let (from, to) = (first.max(begin), last.min(end));
            if from <= to {
                let offset = usize::try_from(from - begin).unwrap_or(0);
                found.push(batch.slice(offset, usize::try_from(to - from + 1).unwrap_or(0)));
            }
            begin = end + 1;
        }
        found
    }

    /// Drops rows that a cursor without SCROLL cannot return to.
    fn let_go(&mut self) {
        if self.scrolls {
            return;
        }
        while let Some(first) = self.batches.first() {
            let rows = first.num_rows() as i64;
            if self.before + rows >= self.place {
                break;
            }
            self.memory.shrink(first.get_array_memory_size().min(self.memory.size()));
            self.before += rows;
            self.batches.remove(0);
        }
    }

    /// The rows of a FETCH; moves the cursor.
    async fn fetch(&mut self, name: &str, direction: Direction) -> Result<Vec<RecordBatch>> {
        let place = self.place;
        let back = |scrolls: bool| match scrolls {
            true => Ok(()),
            false => Err(coded(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, name, "only goes forward; DECLARE it with SCROLL")),
        };
        let rows = match direction {
            Direction::Count(0) | Direction::Relative(0) => self.between(place, place),
            Direction::Count(count) if count > 0 => {
                let last = place.saturating_add(count);
                self.read_to(last).await?;
                self.place = last.min(self.rows() + 1);
                self.between(place + 1, last)
            }
            Direction::All => {
                self.read_to(i64::MAX).await?;
                self.place = self.rows() + 1;
                self.between(place + 1, i64::MAX)
            }
            Direction::Count(count) => {
                back(self.scrolls)?;
                let first = place.saturating_add(count).max(0);
                self.place = first;
                reversed(&self.between(first.max(1), place - 1))?
            }
            Direction::BackwardAll => {
                back(self.scrolls)?;
                self.place = 0;
                reversed(&self.between(1, place - 1))?
            }
            Direction::Absolute(row) => self.one(row, back).await?,
            Direction::Relative(rows) => self.one(place.saturating_add(rows).max(0), back).await?,
        };
        self.let_go();
        Ok(rows)
    }

    /// The row with this number; negative numbers count from the end.
    async fn one(&mut self, row: i64, back: impl Fn(bool) -> Result<()>) -> Result<Vec<RecordBatch>> {
        let row = if row < 0 {
            self.read_to(i64::MAX).await?;
            (self.rows() + 1).saturating_add(row).max(0)
        } else {
            self.read_to(row).await?;
            row.min(self.rows() + 1)
        };
        if row < self.place {
            back(self.scrolls)?;
        }
        self.place = row;
        Ok(self.between(row, row))
    }
}

/// The rows in reverse order.
fn reversed(batches: &[RecordBatch]) -> Result<Vec<RecordBatch>> {
    let rows = batches.iter().rev().flat_map(|batch| (0..batch.num_rows()).rev().map(|row| batch.slice(row, 1)));
    Ok(rows.collect())
}

impl Session {
    /// The columns of a cursor.
    pub fn cursor_columns(&self, name: &str) -> Option<SchemaRef> {
        self.cursors.lock().get(name).map(|cursor| Arc::clone(&cursor.columns))
    }

    /// Closes the cursors that end with their transaction.
    pub(super) fn close_cursors(&self) {
        self.cursors.lock().retain(|_, cursor| cursor.holds);
    }
}

/// Runs a cursor statement.
///
/// # Errors
/// The statement is wrong, or its query fails.
pub(super) async fn execute(
    session: &Session,
    command: ClientCommand,
    text: &str,
    parameters: &HashMap<String, ScalarValue>,
) -> Result<Answer> {
    match command {
        ClientCommand::Declare(declare) => {
            self::declare(session, declare, text, parameters).await?;
            Ok(Answer::done(vec![]))
        }
        ClientCommand::Fetch { name, direction, gives_rows } => {
            let cursor = known(session, &name)?;
            if cursor.role != session.current_role() {
                // As SET ROLE NONE names it.
                let role = if cursor.role.is_empty() { "NONE" } else { &*cursor.role };
                let problem =
                    format!("has the rows of role {role}, which opened it; return to that role first, or DECLARE another");
                return Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, &name, problem));
            }
            let mut reading = cursor.reading.lock().await;
            let fetched = reading.fetch(&name, direction).await;
            if reading.has_failed {
                session.cursors.lock().remove(&name);
            }
            let rows = fetched?;
            let schema = Arc::clone(&cursor.columns);
            let mut answer = match gives_rows {
                true => Answer::of(schema, rows),
                false => Answer::moved(rows.iter().map(RecordBatch::num_rows).sum()),
            };
            answer.add_notes(std::mem::take(&mut reading.notes));
            Ok(answer)
        }
        ClientCommand::Close(name) => {
            let mut cursors = session.cursors.lock();
            match name {
                None => cursors.clear(),
                Some(name) => {
                    let removed = cursors.remove(&name);
                    drop(cursors);
                    removed.ok_or_else(|| none(session, &name))?;
                }
            }
            Ok(Answer::done(vec![]))
        }
        ClientCommand::Copy(_) => {
            Err(invalid("COPY", "from STDIN and to STDOUT is for clients of a server; COPY … TO 'file.csv' writes a file"))
        }
        ClientCommand::Discard(discarded) => {
            if discarded == Discarded::All {
                if session.transaction_status() != TransactionStatus::Idle {
                    let problem = "cannot be part of a transaction; COMMIT or ROLLBACK first";
                    return Err(session.not_undone("DISCARD ALL", problem));
                }
                session.cursors.lock().clear();
                session.prepared.lock().clear();
                session.reset_all()?;
            }
            if matches!(discarded, Discarded::All | Discarded::Sequences) {
                session.tables.forget_given();
            }
            if matches!(discarded, Discarded::All | Discarded::Temporary) {
                session.tables.remove_sequences();
                for name in session.tables.temporary_names() {
                    session.tables.remove_temporary(&name);
                }
            }
            Ok(Answer::done(vec![]))
        }
        ClientCommand::Cancel(number) => {
            let queries = session.engine.activity().queries();
            let Some(query) = queries.iter().find(|query| query.id == number) else {
                let problem = "no such query is running; system.queries lists those that are";
                return Err(coded(SqlState::UNDEFINED_OBJECT, &number.to_string(), problem));
            };
            session.statement(Parameters::default()).check_may_end(&query.role)?;
            query.cancel.cancel();
            Ok(Answer::done(vec![]))
        }
        ClientCommand::DeallocateAll => {
            session.prepared.lock().clear();
            Ok(Answer::done(vec![]))
        }
        ClientCommand::Set { name, value, is_local } => {
            if is_local && !session.set_local(&name) {
                let note = "SET LOCAL has an effect only within a transaction";
                return Ok(Answer::done(vec![note.into()]));
            }
            session.set(&name, value.as_deref())?;
            Ok(Answer::done(vec![]))
        }
        ClientCommand::Reset(None) => session.reset_all().map(|()| Answer::done(vec![])),
        ClientCommand::Reset(Some(name)) => session.set(&name, None).map(|()| Answer::done(vec![])),
        ClientCommand::ShowSetting(name) => session.show(&name),
        ClientCommand::Messages(_) => Ok(Answer::done(vec![])),
        ClientCommand::Constraints { names, are_late } => transactions::set_constraints(session, &names, are_late).await,
        ClientCommand::Maintain(Maintain { word, tables }) => {
            if word == "VACUUM" && session.transaction_status() != TransactionStatus::Idle {
                let problem = "cannot be part of a transaction; COMMIT or ROLLBACK first";
                return Err(coded(SqlState::ACTIVE_SQL_TRANSACTION, word, problem));
            }
            let context = session.statement(Parameters::default());
            for table in &tables {
                let name = own_name(table, &context)?;
                if context.tables().temporary(&name).is_none() && relation(&name, &context)?.is_none() {
                    return Err(no_such_table(&name, &context));
                }
            }
            Ok(Answer::done(vec![format!("{word} has nothing to do: statistics and clean-up are automatic")]))
        }
    }
}

async fn declare(session: &Session, declare: Declare, text: &str, parameters: &HashMap<String, ScalarValue>) -> Result<()> {
    let Declare { name, scrolls, holds, query } = declare;
    if session.cursors.lock().contains_key(&name) {
        return Err(coded(SqlState::DUPLICATE_CURSOR, &name, "is a cursor already; CLOSE it first"));
    }
    if !holds && session.transaction_status() == TransactionStatus::Idle {
        let problem = "ends with its transaction, but there is none; BEGIN first, or DECLARE it WITH HOLD";
        return Err(coded(SqlState::NO_ACTIVE_SQL_TRANSACTION, &name, problem));
    }
    let first = Location { line: 1, column: 1 };
    let parameters = Parameters::named(parameters.clone());
    let answer = session.execute_with(text, first, Parsed::Sql(query), parameters).await?;
    let columns = Arc::clone(answer.told());
    let pool = &session.engine.shared.environment.memory_pool;
    let memory = MemoryConsumer::new(format!("cursor {name}")).register(pool);
    let (answer, has_failed) = (Some(answer), false);
    let reading = Reading { answer, batches: vec![], notes: vec![], memory, before: 0, place: 0, scrolls, has_failed };
    let (role, at) = (session.current_role(), session.statement(Parameters::default()).now());
    let cursor = Cursor { columns, role, text: text.to_string(), at, scrolls, holds, reading: Mutex::new(reading) };
    let cursor = Arc::new(cursor);
    session.cursors.lock().insert(name, cursor);
    Ok(())
}

fn known(session: &Session, name: &str) -> Result<Arc<Cursor>> {
    let found = session.cursors.lock().get(name).cloned();
    found.ok_or_else(|| none(session, name))
}

fn none(session: &Session, name: &str) -> DataFusionError {
    let cursors = session.cursors.lock();
    let suggestion = did_you_mean(name, cursors.keys().map(String::as_str));
    coded(SqlState::INVALID_CURSOR_NAME, name, format!("no such cursor{suggestion}; DECLARE makes one"))
}
