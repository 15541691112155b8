//! The extended protocol: statements that are prepared, bound to values, described, and run in parts.
//!
//! Changes that come before one Sync, as those of `executemany` and of a pipeline, are one transaction, as in PostgreSQL.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::datatypes::{FieldRef, SchemaRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::extendedquery::{BindComplete, CloseComplete, ParseComplete, PortalSuspended};
use pgwire::messages::response::EmptyQueryResponse;

use super::connection::{Connection, Stop};
use super::replies;
use super::requests::{Named, Request, violation};
use super::rows::{Left, Rows};
use super::values::{Format, TEXT, parameter};
use crate::engine::{self, ClientCopy, Parameters};
use crate::error::{SqlState, coded};
use crate::postgres_types::seen;

/// The maximum number of named statements and portals per connection.
const MOST: usize = 10_000;

/// A statement prepared by a message.
pub struct Prepared {
    text: Arc<str>,
    /// `None` for an empty text.
    statement: Option<engine::Prepared>,
    /// A COPY from or to the client.
    copy: Option<ClientCopy>,
    /// The types of `$1`, `$2` … that the client declared; 0 where it left them open.
    declared: Vec<u32>,
    /// The types that the statement expects, where known.
    wanted: Vec<Option<FieldRef>>,
}

impl Prepared {
    fn new(text: Arc<str>, statement: Option<engine::Prepared>, mut declared: Vec<u32>) -> Result<Self> {
        let copy = None;
        let mut wanted = vec![];
        let is_definition = statement.as_ref().is_some_and(engine::Prepared::is_definition);
        for (name, field) in statement.iter().flat_map(|statement| &statement.describe().parameters) {
            if is_definition && name.parse::<usize>().is_err() {
                continue;
            }
            let place =
                name.parse::<usize>().ok().filter(|place| (1..=usize::from(u16::MAX)).contains(place)).ok_or_else(|| {
                    let problem = "has no value; clients give values to $1, $2 …, and names have those of portrait --set";
                    coded(SqlState::UNDEFINED_PARAMETER, &format!("parameter ${name}"), problem)
                })?;
            wanted.resize(wanted.len().max(place), None);
            wanted[place - 1].clone_from(field);
        }
        let count = wanted.len().max(declared.len());
        wanted.resize(count, None);
        declared.resize(count, 0);
        Ok(Self { text, statement, copy, declared, wanted })
    }

    /// The types of the parameters, as reported to the client.
    fn types(&self) -> Vec<u32> {
        let both = self.declared.iter().zip(&self.wanted);
        both.map(|(declared, wanted)| match (declared, wanted) {
            (0, Some(wanted)) => seen(wanted).oid(),
            (0, None) => TEXT,
            (declared, _) => *declared,
        })
        .collect()
    }

    fn describe(&self) -> Option<PgWireBackendMessage> {
        let columns = &self.statement.as_ref()?.describe().columns;
        let formats = vec![Format::Text; columns.fields().len()];
        (!columns.fields().is_empty()).then(|| replies::columns(columns, &formats))
    }
}

/// A statement with its values, and how much of its rows was sent.
pub struct Portal {
    prepared: Arc<Prepared>,
    values: Vec<ScalarValue>,
    formats: Vec<i16>,
    state: State,
}

enum State {
    Bound,
    Running(Box<Rows>),
    Done,
}

impl Connection {
    /// Answers a message of the extended protocol.
    ///
    /// # Errors
    /// The message fails; further messages up to the next Sync are then ignored.
    pub async fn extended(&mut self, request: Request) -> Result<(), Stop> {
        self.connected.interrupt.begin();
        match request {
            Request::Parse { name, sql, types } => self.parse(name, &sql, types).await,
            Request::Bind { portal, statement, formats, values, results } => {
                self.bind(portal, &statement, &formats, &values, results)
            }
            Request::Describe(Named::Statement(name)) => {
                let prepared = self.prepared(&name)?;
                self.out.put(&replies::parameters(prepared.types()));
                self.out.put(&prepared.describe().unwrap_or_else(replies::no_columns));
                Ok(())
            }
            Request::Describe(Named::Portal(name)) => {
                // A cursor is a portal, too.
                let cursor = self.session.cursor_columns(&name);
                let described = match (self.portals.get(&name), cursor) {
                    (Some(portal), _) => match portal.columns() {
                        Some(columns) => replies::columns(&columns, &portal.formats(columns.fields().len())?),
                        None => replies::no_columns(),
                    },
                    (None, Some(columns)) => replies::columns(&columns, &vec![Format::Text; columns.fields().len()]),
                    (None, None) => return Err(no_portal(&name).into()),
                };
                self.out.put(&described);
                Ok(())
            }
            Request::Execute { portal, most } => self.execute(&portal, most).await,
            Request::Close(Named::Statement(name)) => {
                self.statements.remove(&name);
                self.session.forget_prepared(&name);
                self.out.put(&PgWireBackendMessage::CloseComplete(CloseComplete::new()));
                Ok(())
            }
            Request::Close(Named::Portal(name)) => {
                self.portals.remove(&name);
                self.out.put(&PgWireBackendMessage::CloseComplete(CloseComplete::new()));
                Ok(())
            }
            _ => Err(violation("this message is not expected here").into()),
        }
    }

    async fn parse(&mut self, name: String, sql: &str, types: Vec<u32>) -> Result<(), Stop> {
        self.text = sql.into();
        if name.is_empty() {
            self.statements.remove("");
        } else if self.statements.contains_key(&name) || self.session.prepared(&name).is_some() {
            let problem = "is already prepared; close it first, or choose another name";
            return Err(coded(SqlState::DUPLICATE_PREPARED_STATEMENT, &name, problem).into());
        }
        if self.statements.len() >= MOST {
            let problem = format!("has {MOST} prepared statements; close some");
            return Err(coded(SqlState::PROGRAM_LIMIT_EXCEEDED, "connection", problem).into());
        }
        let session = self.session.clone();
        let mut statements = self.within(session.parse(sql)).await?;
        let copy = statements.first().and_then(|statement| statement.client_copy().cloned());
        let statement = match statements.len() {
            0 => None,
            1 if copy.is_some() => None,
            1 => {
                let declared = types.iter().map(|oid| super::values::data_type_of(*oid)).collect();
                Some(self.within(session.prepare_with(statements.remove(0), declared)).await?)
            }
            _ => {
                let problem = "can prepare only one statement at a time; send a query to run several";
                return Err(coded(SqlState::SYNTAX_ERROR, "protocol", problem).into());
            }
        };
        let prepared = Prepared { copy, ..Prepared::new(Arc::clone(&self.text), statement.clone(), types)? };
        if let Some(statement) = statement.filter(|_| !name.is_empty()) {
            self.session.keep_prepared(&name, statement);
        }
        self.statements.insert(name, Arc::new(prepared));
        self.out.put(&PgWireBackendMessage::ParseComplete(ParseComplete::new()));
        Ok(())
    }

    /// A statement that was prepared by a message or by SQL.
    fn prepared(&mut self, name: &str) -> Result<Arc<Prepared>> {
        // SQL's DEALLOCATE may have removed one, and PREPARE added one.
        let of_session = if name.is_empty() { None } else { self.session.prepared(name) };
        match (self.statements.get(name), of_session) {
            (Some(known), _) if name.is_empty() || known.statement.is_none() => Ok(Arc::clone(known)),
            (Some(known), Some(_)) => Ok(Arc::clone(known)),
            (None, Some(statement)) => Ok(Arc::new(Prepared::new("".into(), Some(statement), vec![])?)),
            _ => {
                self.statements.remove(name);
                let problem = "no such prepared statement; it was closed, or never prepared";
                Err(coded(SqlState::UNDEFINED_PREPARED_STATEMENT, &format!("\"{name}\""), problem))
            }
        }
    }

    fn bind(
        &mut self,
        portal: String,
        statement: &str,
        formats: &[i16],
        values: &[Option<Bytes>],
        results: Vec<i16>,
    ) -> Result<(), Stop> {
        let prepared = self.prepared(statement)?;
        self.text = Arc::clone(&prepared.text);
        if !portal.is_empty() && self.portals.contains_key(&portal) {
            return Err(coded(SqlState::DUPLICATE_CURSOR, &portal, "is already a portal; close it first").into());
        }
        if self.portals.len() >= MOST {
            let problem = format!("has {MOST} portals; close some");
            return Err(coded(SqlState::PROGRAM_LIMIT_EXCEEDED, "connection", problem).into());
        }
        let types = prepared.types();
        if values.len() != types.len() {
            let problem = format!("takes {} parameters, and {} values came", types.len(), values.len());
            return Err(coded(SqlState::PROTOCOL_VIOLATION, "prepared statement", problem).into());
        }
        if formats.len() > 1 && formats.len() != values.len() {
            return Err(violation(format!("{} formats came for {} values", formats.len(), values.len())).into());
        }
        let zone = self.session.time_zone();
        let mut bound = vec![];
        for (place, value) in values.iter().enumerate() {
            let format = format_of(formats, place)?;
            let (declared, wanted) = (prepared.declared[place], prepared.wanted[place].as_deref());
            bound.push(parameter(place + 1, value.as_deref(), declared, format, wanted, zone)?);
        }
        let made = Portal { prepared, values: bound, formats: results, state: State::Bound };
        // Invalid formats are reported here, where they were given.
        if let Some(columns) = made.columns() {
            made.formats(columns.fields().len())?;
        }
        self.portals.insert(portal, made);
        self.out.put(&PgWireBackendMessage::BindComplete(BindComplete::new()));
        Ok(())
    }

    async fn execute(&mut self, name: &str, most: i32) -> Result<(), Stop> {
        // Removed while it runs: a portal that fails is gone.
        let mut portal = self.portals.remove(name).ok_or_else(|| no_portal(name))?;
        self.text = Arc::clone(&portal.prepared.text);
        let most = usize::try_from(most).ok().filter(|most| *most > 0).unwrap_or(usize::MAX);
        let is_new = matches!(portal.state, State::Bound);
        let shares = portal.prepared.statement.as_ref().is_some_and(|statement| statement.shares_transaction());
        // Asked before its turn, which others would wait for.
        if is_new && shares && !self.is_last().await? {
            self.session.share_transaction().await?;
        }
        let takes_turn = portal.prepared.statement.as_ref().is_some_and(|statement| statement.takes_turn());
        let _turn = self.turn(takes_turn && !matches!(portal.state, State::Done)).await?;
        let mut rows = match std::mem::replace(&mut portal.state, State::Done) {
            State::Running(rows) => rows,
            State::Done => {
                // All of its rows were sent.
                self.out.put(&replies::complete(&replies::tag("SELECT", 0)));
                self.portals.insert(name.into(), portal);
                return Ok(());
            }
            State::Bound => {
                if let Some(copy) = &portal.prepared.copy {
                    return self.copy(&portal.prepared.text, copy).await;
                }
                let Some(statement) = portal.prepared.statement.clone() else {
                    self.out.put(&PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new()));
                    self.portals.insert(name.into(), portal);
                    return Ok(());
                };
                let parameters = Parameters::positional(portal.values.iter().cloned());
                let mut answer = self.within(statement.execute(parameters)).await?;
                if !answer.has_rows() {
                    self.finish(&mut answer).await?;
                    let rows = answer.rows();
                    self.done(&answer, rows);
                    self.portals.insert(name.into(), portal);
                    return Ok(());
                }
                let told = portal.columns().unwrap_or_else(|| Arc::clone(answer.told()));
                let formats = portal.formats(told.fields().len())?;
                Box::new(Rows::new(answer, Some(told), formats)?)
            }
        };
        let (left, sent) = self.send(&mut rows, most).await?;
        match left {
            Left::More => {
                portal.state = State::Running(rows);
                self.out.put(&PgWireBackendMessage::PortalSuspended(PortalSuspended::new()));
            }
            Left::Nothing => self.done(rows.answer(), sent),
        }
        self.portals.insert(name.into(), portal);
        Ok(())
    }
}

impl Portal {
    /// The columns of its rows; `None` when it returns none.
    fn columns(&self) -> Option<SchemaRef> {
        let columns = &self.prepared.statement.as_ref()?.describe().columns;
        (!columns.fields().is_empty()).then(|| Arc::clone(columns))
    }

    /// The format of each column.
    fn formats(&self, columns: usize) -> Result<Vec<Format>> {
        if self.formats.len() > 1 && self.formats.len() != columns {
            return Err(violation(format!("{} formats came for {columns} columns", self.formats.len())));
        }
        (0..columns).map(|column| format_of(&self.formats, column)).collect()
    }
}

/// The format of a column: one format applies to all, no format means text.
fn format_of(formats: &[i16], place: usize) -> Result<Format> {
    let code = match formats {
        [] => 0,
        [one] => *one,
        many => many.get(place).copied().unwrap_or(0),
    };
    Format::of(code).ok_or_else(|| violation(format!("there is no format {code}; 0 is text, 1 is binary")))
}

fn no_portal(name: &str) -> DataFusionError {
    coded(
        SqlState::INVALID_CURSOR_NAME,
        &format!("\"{name}\""),
        "no such portal; it ended with its transaction, or was never bound",
    )
}
