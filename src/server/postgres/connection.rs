//! A connection: requests are answered in turn, while a separate reader notices when the client disconnects.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::{ReadyForQuery, TransactionStatus as Status};
use tokio::io::{AsyncRead, WriteHalf};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::portals::{Portal, Prepared};
use super::requests::{Request, violation};
use super::wire::{Incoming, Outgoing, Stream};
use super::{replies, startup};
use crate::engine::{Session, TransactionStatus};
use crate::error::{SqlState, coded};
use crate::server::connections::{Connected, Reason, interrupted};
use crate::server::{Admission, Turn};

/// How many messages may wait for the previous one to be answered; the client is not read further until then.
const WAITING: usize = 8;

/// Why a connection ends, or what is reported to its client.
#[derive(Debug)]
pub enum Stop {
    /// An error of the statement; the connection continues.
    Failed(DataFusionError),
    /// The client has disconnected.
    Gone,
}

impl From<DataFusionError> for Stop {
    fn from(error: DataFusionError) -> Self {
        Self::Failed(error)
    }
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// A message, or the error that ends the connection.
type Read = Result<Request>;

/// A connection after its startup.
pub struct Connection {
    pub session: Session,
    pub out: Outgoing<WriteHalf<Box<dyn Stream>>>,
    requests: mpsc::Receiver<Read>,
    /// The next message, when it had to be known what follows.
    ahead: Option<Request>,
    pub connected: Arc<Connected>,
    /// Limits the statements that run at the same time.
    admission: Admission,
    pub statements: HashMap<String, Arc<Prepared>>,
    pub portals: HashMap<String, Portal>,
    /// The text that error positions refer to.
    pub text: Arc<str>,
    /// The values of settings that the client knows.
    reported: Vec<(String, String)>,
    /// What they follow from.
    reported_of: Option<(Arc<ConfigOptions>, Arc<str>)>,
}

impl Connection {
    /// Starts reading what the client sends.
    pub fn new(
        session: Session,
        incoming: Incoming<impl AsyncRead + Unpin + Send + 'static>,
        out: Outgoing<WriteHalf<Box<dyn Stream>>>,
        connected: Arc<Connected>,
        (admission, largest_message): (Admission, usize),
    ) -> Self {
        let (sender, requests) = mpsc::channel(WAITING);
        Handle::current().spawn(read(incoming, sender, Arc::clone(&connected), largest_message));
        let (statements, portals, text) = (HashMap::new(), HashMap::new(), "".into());
        let (ahead, reported, reported_of) = (None, vec![], None);
        Self { session, out, requests, ahead, connected, admission, statements, portals, text, reported, reported_of }
    }

    /// Answers requests until the connection ends.
    pub async fn serve(mut self) {
        self.report();
        self.ready();
        let error = match self.answer_all().await {
            Ok(()) | Err(Stop::Gone) => None,
            Err(Stop::Failed(error)) => Some(error),
        };
        self.portals.clear();
        self.session.close();
        if let Some(error) = error {
            self.out.put(&replies::error(&error, true, ""));
        }
        self.out.close().await;
    }

    async fn answer_all(&mut self) -> Result<(), Stop> {
        let mut is_awaited = true;
        loop {
            // The answers to messages that came together leave together, at the latest with that to their Sync.
            if is_awaited || self.out.is_full() || (self.ahead.is_none() && self.requests.is_empty()) {
                self.out.rest().await?;
            }
            let Some(request) = self.next_in_time().await? else { return Ok(()) };
            let is_part = matches!(
                request,
                Request::Parse { .. } | Request::Bind { .. } | Request::Describe(_) | Request::Execute { .. } | Request::Close(_)
            );
            is_awaited = !is_part;
            match request {
                Request::Terminate => return Ok(()),
                Request::Query(sql) => {
                    // The unnamed portal and statement end with the next simple query.
                    self.portals.remove("");
                    self.statements.remove("");
                    match self.query(&sql).await {
                        Err(Stop::Failed(error)) => self.failed(&error),
                        other => other?,
                    }
                    self.ready();
                }
                Request::Sync => {
                    if let Err(error) = self.session.end_shared(true).await {
                        self.failed(&error);
                    }
                    self.ready();
                }
                Request::Flush => {}
                // Outside of a COPY these are ignored: the COPY has already failed.
                Request::CopyData(_) | Request::CopyDone | Request::CopyFail(_) => {}
                Request::FunctionCall => {
                    let problem = "calling a function by its number is not supported; write SELECT function(…)";
                    self.failed(&coded(SqlState::FEATURE_NOT_SUPPORTED, "protocol", problem));
                    self.ready();
                }
                Request::Password(_) => return Err(violation("a password was sent, but none was requested").into()),
                extended => match self.extended(extended).await {
                    Err(Stop::Failed(error)) => {
                        self.failed(&error);
                        // Its own error is the one to tell.
                        let _ = self.session.end_shared(false).await;
                        if !self.skip_to_sync().await? {
                            return Ok(());
                        }
                        self.ready();
                        is_awaited = true;
                    }
                    other => other?,
                },
            }
        }
    }

    /// The next message, unless the client is idle for longer than its session allows.
    async fn next_in_time(&mut self) -> Result<Option<Request>, Stop> {
        let Some((setting, limit)) = self.session.idle_limit() else { return self.next().await };
        let Ok(next) = tokio::time::timeout(limit, self.next()).await else {
            let state = match self.session.transaction_status() {
                TransactionStatus::Idle => SqlState::IDLE_SESSION_TIMEOUT,
                TransactionStatus::Active | TransactionStatus::Failed => SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            };
            let problem = format!("was idle for longer than {setting}; connect again");
            return Err(coded(state, "connection", problem).into());
        };
        next
    }

    /// The next message; `None` when the client has disconnected.
    ///
    /// # Errors
    /// The connection ends.
    pub async fn next(&mut self) -> Result<Option<Request>, Stop> {
        if let Some(request) = self.ahead.take() {
            return Ok(Some(request));
        }
        let request = tokio::select! {
            biased;
            request = self.requests.recv() => request,
            reason = self.connected.interrupt.closed() => match reason {
                Reason::Gone => None,
                reason => Some(Err(interrupted(reason))),
            },
        };
        Ok(request.transpose()?)
    }

    /// True when a Sync follows; waits for the next message, since a client expects no answer before it sends one.
    ///
    /// # Errors
    /// The connection ends.
    pub async fn is_last(&mut self) -> Result<bool, Stop> {
        if self.ahead.is_none() {
            self.out.rest().await?;
            self.ahead = Some(self.next().await?.ok_or(Stop::Gone)?);
        }
        Ok(matches!(self.ahead, Some(Request::Sync)))
    }

    /// After an error, skips messages up to the next Sync; false when the client has disconnected.
    async fn skip_to_sync(&mut self) -> Result<bool, Stop> {
        self.out.flush().await?;
        loop {
            match self.next().await? {
                Some(Request::Sync) => return Ok(true),
                Some(Request::Terminate) | None => return Ok(false),
                Some(_) => {}
            }
        }
    }

    /// Runs the work of a statement until it is interrupted.
    ///
    /// # Errors
    /// The work fails or is interrupted.
    pub async fn within<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            reason = self.connected.interrupt.ended() => Err(interrupted(reason)),
            done = work => done,
        }
    }

    /// Waits for admission of a statement that takes a turn; dropping the permit ends the turn.
    ///
    /// # Errors
    /// The statement was interrupted meanwhile.
    pub async fn turn(&self, takes_turn: bool) -> Result<Option<Turn>> {
        if !takes_turn {
            return Ok(None);
        }
        self.within(async { Ok(self.admission.turn().await) }).await
    }

    /// Reports an error.
    fn failed(&mut self, error: &DataFusionError) {
        self.connected.interrupt.finish();
        self.session.statement_failed();
        self.out.put(&replies::error(error, false, &self.text));
    }

    /// Reports that the next query may come, together with changed settings.
    fn ready(&mut self) {
        self.connected.interrupt.finish();
        self.report();
        let status = match self.session.transaction_status() {
            TransactionStatus::Idle => Status::Idle,
            TransactionStatus::Active => Status::Transaction,
            TransactionStatus::Failed => Status::Error,
        };
        if matches!(status, Status::Idle) {
            // Portals end with their transaction.
            self.portals.clear();
        }
        self.out.put(&PgWireBackendMessage::ReadyForQuery(ReadyForQuery::new(status)));
    }

    /// Reports settings whose values the client does not know yet.
    fn report(&mut self) {
        let (options, role) = self.session.options_of_role();
        if self.reported_of.as_ref().is_some_and(|(known, of)| Arc::ptr_eq(known, &options) && *of == role) {
            return;
        }
        self.reported_of = Some((options, role));
        let now = self.session.reported();
        for (name, value) in &now {
            if !self.reported.iter().any(|(known, same)| known == name && same == value) {
                self.out.put(&replies::setting(name, value));
            }
        }
        self.reported = now;
    }
}

/// Reads until the client disconnects, which then interrupts what it runs.
async fn read(
    mut incoming: Incoming<impl AsyncRead + Unpin>,
    sender: mpsc::Sender<Read>,
    connected: Arc<Connected>,
    most: usize,
) {
    loop {
        let request = match incoming.message(most).await {
            Ok((letter, body)) => Request::read(letter, body),
            Err(missing) => match startup::missing(&missing, most) {
                Some(error) => Err(error),
                None => break,
            },
        };
        // A client that terminates properly still wants its earlier requests done.
        let is_last = matches!(request, Err(_) | Ok(Request::Terminate));
        if sender.send(request).await.is_err() || is_last {
            return;
        }
    }
    connected.interrupt.end(Reason::Gone);
}
