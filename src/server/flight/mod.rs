//! Arrow Flight SQL: rows as Arrow, over gRPC, with one session per login.
//!
//! | module | contents |
//! |---|---|
//! | [`transport`] | connections, plain or TLS |
//! | [`sessions`] | logins, tokens, sessions |
//! | [`statements`], [`prepared`] | statements as text, and prepared with rows of parameter values |
//! | [`tickets`] | handles for rows that are read later |
//! | [`notes`] | notes of statements, for clients that ask for them |
//! | [`transactions`], [`ingest`], [`options`] | transactions, bulk ingestion, session options |
//! | [`metadata`], [`info`] | metadata of the database, and capabilities of the server |
//! | [`rows`], [`incoming`] | Arrow to clients, and from them |
//! | [`errors`] | errors in the form of gRPC and ADBC |
//!
//! Source: Arrow's `Flight.proto` and `FlightSql.proto`.

mod errors;
mod incoming;
mod info;
mod ingest;
mod metadata;
mod notes;
mod options;
mod prepared;
mod rows;
mod sessions;
mod statements;
mod tickets;
mod transactions;
mod transport;
mod whole;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::sql::{
    ActionBeginSavepointRequest, ActionBeginSavepointResult, ActionBeginTransactionResult, ActionCancelQueryRequest,
    ActionCancelQueryResult, ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionEndSavepointRequest, ActionEndTransactionRequest, Any, Command, DoPutPreparedStatementResult, DoPutUpdateResult,
    ProstMessageExt, TicketStatementQuery,
};
use arrow_flight::{
    Action, ActionType, BasicAuth, CancelFlightInfoRequest, CancelFlightInfoResult, Criteria, Empty, FlightData,
    FlightDescriptor, FlightEndpoint, FlightInfo, HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaAsIpc,
    SchemaResult, Ticket as FlightTicket,
};
use bytes::Bytes;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::writer::IpcWriteOptions;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use prost::Message;
use tokio::sync::{mpsc, watch};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Extensions, Request, Response, Status, Streaming, async_trait};

use super::Door;
use crate::error::{SqlState, coded, failed};
use crate::opaque::Opaque;
use errors::{status, unsupported, violation};
use incoming::Incoming;
use sessions::{Busy, Call, Known, Sessions};
use statements::{Rows, Told};
use tickets::{Ticket, Tickets};
use transport::Caller;
pub use transport::Listener;
use whole::Whole;

/// The name of the server's only catalog.
const CATALOG: &str = "portrait";
/// The interval of keep-alive pings to a silent client.
const PING: Duration = Duration::from_secs(30);
/// The time limit for the steps of a handshake.
const HANDSHAKE: Duration = Duration::from_secs(60);
/// The codes for ending a transaction with a commit, and for releasing or rolling back to a savepoint.
const COMMIT: i32 = 1;
const RELEASE: i32 = 1;
const ROLL_BACK: i32 = 2;

/// The settings of the Flight SQL interface.
pub struct Settings {
    pub token_life: Duration,
    pub session_idle: Duration,
    pub max_connections: usize,
}

/// The service that answers calls.
#[derive(Clone)]
struct Flight {
    sessions: Opaque<Arc<Sessions>>,
    tickets: Arc<Tickets>,
    largest_message: usize,
}

/// Serves clients until the server is stopped.
///
/// # Errors
/// The system provides no random numbers.
pub fn serve(
    runtime: &tokio::runtime::Runtime,
    listeners: Vec<Listener>,
    door: &Arc<Door>,
    settings: &Settings,
    stopping: &watch::Sender<bool>,
) -> Result<()> {
    let sessions = Arc::new(Sessions::new(Arc::clone(door), settings.token_life, settings.session_idle)?);
    let largest_message = door.largest_message;
    let flight = Flight { sessions: Opaque::new(Arc::clone(&sessions)), tickets: Arc::new(Tickets::new()?), largest_message };
    let (sender, mut connections) = mpsc::channel(1);
    for listener in listeners {
        // A client may have several connections for one session, and one without a session needs a connection to log in.
        let most = settings.max_connections.saturating_mul(2).saturating_add(16);
        let (door, sessions, sender) = (Arc::clone(door), Arc::clone(&sessions), sender.clone());
        runtime.spawn(transport::accept(listener, door, sessions, most, sender, stopping.subscribe()));
    }
    runtime.spawn(Arc::clone(&sessions).watch());
    let service =
        FlightServiceServer::new(flight).max_decoding_message_size(largest_message).max_encoding_message_size(usize::MAX);
    let mut stopped = stopping.subscribe();
    runtime.spawn(async move {
        let incoming = stream::poll_fn(move |context| connections.poll_recv(context)).map(Ok::<_, std::io::Error>);
        let server = tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(PING))
            .add_service(Whole(service))
            .serve_with_incoming_shutdown(incoming, async move {
                // The sender lives as long as the server.
                let _ = stopped.wait_for(|stopping| *stopping).await;
            });
        // A failed connection concerns only its client.
        let _ = server.await;
    });
    Ok(())
}

type Answered<T> = Result<Response<T>, Status>;
type Many<T> = BoxStream<'static, Result<T, Status>>;

/// Runs the work of a call; a panic becomes an error.
async fn guarded<T>(work: impl Future<Output = Result<T, Status>> + Send) -> Result<T, Status> {
    // Boxed, as the future includes the planning of a statement and is large.
    let done = AssertUnwindSafe(work.boxed()).catch_unwind().await;
    done.unwrap_or_else(|_| {
        Err(status(&failed("server", "aborted this call because of an internal error; the server keeps running")))
    })
}

impl Flight {
    /// Identifies the caller, and begins the call.
    async fn enter(&self, headers: &MetadataMap, extensions: &Extensions) -> Result<(Busy, Option<String>), Status> {
        let Caller(peer) = extensions.get::<Caller>().ok_or_else(|| status(&failed("connection", "is not known")))?;
        let Known { open, token } = self.sessions.caller(peer, headers, Call::Other).await.map_err(|error| status(&error))?;
        Ok((open.busy(), token))
    }

    /// Answers a call; the response includes the token if the client logged in with name and password.
    async fn answer<T, W, F>(&self, headers: &MetadataMap, extensions: &Extensions, work: W) -> Answered<T>
    where
        W: FnOnce(Busy) -> F + Send,
        F: Future<Output = Result<T, Status>> + Send,
    {
        let headers = headers.clone();
        guarded(async move {
            let (busy, token) = self.enter(&headers, extensions).await?;
            let mut response = Response::new(work(busy).await?);
            if let Some(token) = token {
                response.metadata_mut().insert("authorization", bearer(&token)?);
            }
            Ok(response)
        })
        .await
    }

    /// The response to a request for information about a command.
    async fn told(&self, busy: &Busy, command: &Command, descriptor: FlightDescriptor) -> Result<FlightInfo, Status> {
        let ask = async {
            let session = busy.0.id;
            let sealed = |told: &Told, transaction: Option<&[u8]>| {
                let sealed = self.tickets.seal(session, told, transaction)?;
                Ok::<_, DataFusionError>(TicketStatementQuery { statement_handle: sealed }.as_any())
            };
            match command {
                Command::CommandStatementQuery(query) => {
                    let transaction = query.transaction_id.as_deref();
                    let told = statements::ask(busy, &query.query, transaction).await?;
                    let ticket = sealed(&told, transaction)?;
                    Ok(Some((told.columns, ticket, told.written)))
                }
                Command::CommandPreparedStatementQuery(query) => {
                    let told = prepared::ask(busy, &query.prepared_statement_handle).await?;
                    let ticket = sealed(&told, None)?;
                    Ok(Some((told.columns, ticket, told.written)))
                }
                other => Ok(metadata::columns(other)?.map(|columns| (columns, other.clone().into_any(), -1))),
            }
        };
        let found: Result<Option<(SchemaRef, Any, i64)>> = ask.await;
        let (columns, ticket, written) =
            found.map_err(|error| status(&error))?.ok_or_else(|| not_known("query", command.type_url()))?;
        let endpoint = FlightEndpoint::new().with_ticket(FlightTicket::new(ticket.encode_to_vec()));
        // Drivers show it as the row count of a statement that changes rows.
        let info = FlightInfo::new().with_endpoint(endpoint).with_descriptor(descriptor).with_total_records(written);
        info.try_with_schema(&columns).map_err(|error| status(&error.into()))
    }

    async fn rows(&self, busy: Busy, command: Command) -> Result<Rows, Status> {
        let read = async {
            match command {
                Command::CommandPreparedStatementQuery(query) => {
                    prepared::read(busy, &query.prepared_statement_handle).await.map(Some)
                }
                other => Ok(metadata::answer(&busy, &other).await?.map(Rows::of)),
            }
        };
        read.await.map_err(|error| status(&error))?.ok_or_else(|| violation("has no rows for this ticket"))
    }

    async fn put(&self, busy: &Busy, command: Command, incoming: Incoming) -> Result<Bytes, Status> {
        let counted = |count: Result<i64>| {
            let record_count = count.map_err(|error| status(&error))?;
            Ok(DoPutUpdateResult { record_count }.encode_to_vec().into())
        };
        match command {
            Command::CommandStatementUpdate(update) => {
                counted(statements::update(busy, &update.query, update.transaction_id.as_deref()).await)
            }
            Command::CommandStatementIngest(command) => counted(ingest::ingest(busy, &command, incoming).await),
            Command::CommandPreparedStatementUpdate(update) => {
                counted(prepared::update(busy, &update.prepared_statement_handle, incoming).await)
            }
            Command::CommandPreparedStatementQuery(query) => {
                let handle = query.prepared_statement_handle;
                let bound = prepared::bind(busy, &handle, incoming, self.largest_message).await;
                bound.map_err(|error| status(&error))?;
                Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) }.encode_to_vec().into())
            }
            other => Err(not_known("update", other.type_url())),
        }
    }

    /// Runs an action; returns its results.
    async fn act(&self, busy: &Busy, action: Action) -> Result<Vec<Bytes>, Status> {
        let body = action.body;
        let done = match action.r#type.as_str() {
            "CreatePreparedStatement" => {
                let asked: ActionCreatePreparedStatementRequest = unpacked(&body)?;
                let made = prepared::create(busy, &asked.query, asked.transaction_id.as_deref()).await;
                made.map(|made| vec![packed(&made)])
            }
            "ClosePreparedStatement" => {
                let asked: ActionClosePreparedStatementRequest = unpacked(&body)?;
                prepared::close(&busy.0, &asked.prepared_statement_handle);
                Ok(vec![])
            }
            "BeginTransaction" => {
                let begun = transactions::begin(busy).await;
                begun.map(|transaction_id| vec![packed(&ActionBeginTransactionResult { transaction_id })])
            }
            "EndTransaction" => {
                let asked: ActionEndTransactionRequest = unpacked(&body)?;
                if ![COMMIT, ROLL_BACK].contains(&asked.action) {
                    return Err(violation("a transaction must end with COMMIT or ROLLBACK"));
                }
                transactions::end(busy, &asked.transaction_id, asked.action == COMMIT).await.map(|()| vec![])
            }
            "BeginSavepoint" => {
                let asked: ActionBeginSavepointRequest = unpacked(&body)?;
                let made = transactions::savepoint(busy, &asked.transaction_id, &asked.name).await;
                made.map(|savepoint_id| vec![packed(&ActionBeginSavepointResult { savepoint_id })])
            }
            "EndSavepoint" => {
                let asked: ActionEndSavepointRequest = unpacked(&body)?;
                if ![RELEASE, ROLL_BACK].contains(&asked.action) {
                    return Err(violation("a savepoint must end with RELEASE or ROLLBACK"));
                }
                transactions::end_savepoint(busy, &asked.savepoint_id, asked.action == ROLL_BACK).await.map(|()| vec![])
            }
            "CancelQuery" => {
                let asked: ActionCancelQueryRequest = unpacked(&body)?;
                let info: FlightInfo = decoded(&asked.info)?;
                let result = self.cancel(busy, &info)?;
                return Ok(vec![packed(&ActionCancelQueryResult { result })]);
            }
            "CancelFlightInfo" => {
                let asked: CancelFlightInfoRequest = decoded(&body)?;
                let info = asked.info.ok_or_else(|| violation("nothing to cancel is named"))?;
                let result = CancelFlightInfoResult { status: self.cancel(busy, &info)? };
                return Ok(vec![result.encode_to_vec().into()]);
            }
            "SetSessionOptions" => return Ok(vec![options::set(busy, decoded(&body)?).await.encode_to_vec().into()]),
            "GetSessionOptions" => return Ok(vec![options::get(busy).await.encode_to_vec().into()]),
            "TakeNotes" => return Ok(vec![notes::take(&busy.0).encode_to_vec().into()]),
            "CloseSession" => {
                busy.0.end();
                return Ok(vec![options::CloseSessionResult { status: 1 }.encode_to_vec().into()]);
            }
            other => return Err(not_known("action", other)),
        };
        done.map_err(|error| status(&error))
    }

    /// Cancels the statements of the tickets in an answer: 1 means cancelled, 3 not cancellable.
    fn cancel(&self, busy: &Busy, info: &FlightInfo) -> Result<i32, Status> {
        let mut is_cancelled = false;
        for ticket in info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref()) {
            if let Command::TicketStatementQuery(query) = command(&ticket.ticket)? {
                let ticket = self.tickets.open(&query.statement_handle).map_err(|error| status(&error))?;
                self.check_owner(busy, &ticket)?;
                let open = self.sessions.named(&ticket.session).map_err(|error| status(&error))?;
                is_cancelled |= statements::cancel(&open, &ticket);
            }
        }
        Ok(if is_cancelled { 1 } else { 3 })
    }

    /// A ticket may be used only by the user who requested it.
    fn check_owner(&self, busy: &Busy, ticket: &Ticket) -> Result<(), Status> {
        if busy.0.id == ticket.session {
            return Ok(());
        }
        let open = self.sessions.named(&ticket.session).map_err(|error| status(&error))?;
        if open.user == busy.0.user {
            return Ok(());
        }
        Err(status(&coded(SqlState::INSUFFICIENT_PRIVILEGE, "ticket", "was given to another user; request your own")))
    }
}

fn bearer(token: &str) -> Result<MetadataValue<tonic::metadata::Ascii>, Status> {
    format!("Bearer {token}").parse().map_err(|_| status(&failed("token", "cannot be written")))
}

fn not_known(what: &str, name: &str) -> Status {
    let named = if name.is_empty() { "without a name".to_string() } else { format!("'{}'", crate::text::printable(name)) };
    unsupported(what, &format!("{named} is unknown here"))
}

/// Decodes a command.
fn command(bytes: &[u8]) -> Result<Command, Status> {
    let any: Any = decoded(bytes)?;
    Command::try_from(any).map_err(|error| violation(format!("the request cannot be read: {error}")))
}

fn decoded<M: Message + Default>(bytes: &[u8]) -> Result<M, Status> {
    M::decode(bytes).map_err(|error| violation(format!("a message cannot be read: {error}")))
}

fn unpacked<M: ProstMessageExt>(bytes: &[u8]) -> Result<M, Status> {
    let any: Any = decoded(bytes)?;
    let found = any.unpack().map_err(|error| violation(format!("a message cannot be read: {error}")))?;
    found.ok_or_else(|| violation(format!("a message has the wrong type: '{}'", crate::text::printable(&any.type_url))))
}

fn packed<M: ProstMessageExt>(message: &M) -> Bytes {
    message.as_any().encode_to_vec().into()
}

/// The command in a descriptor.
fn asked(descriptor: &FlightDescriptor) -> Result<Command, Status> {
    if descriptor.cmd.is_empty() {
        return Err(violation("a request must be a command of Flight SQL, not a path"));
    }
    command(&descriptor.cmd)
}

/// The calls. Their futures are built here, and the trait's methods only await them: otherwise the compiler would prove for each method
/// again that its future is `Send`, which is slow.
impl Flight {
    /// Name and password are in a header, or in the first message as in older versions of Flight.
    fn handshake(&self, request: Request<Streaming<HandshakeRequest>>) -> BoxFuture<'_, Answered<Many<HandshakeResponse>>> {
        Box::pin(async move {
            guarded(async {
                let (headers, extensions, mut messages) = request.into_parts();
                let first = tokio::time::timeout(HANDSHAKE, messages.message()).await;
                let first = first.map_err(|_| violation("the handshake took longer than a minute"))??;
                let Caller(peer) = extensions.get::<Caller>().ok_or_else(|| violation("the connection is unknown"))?;
                let named =
                    first.and_then(|first| BasicAuth::decode(&*first.payload).ok()).filter(|named| !named.username.is_empty());
                let known = match named {
                    Some(named) if !headers.contains_key("authorization") => {
                        self.sessions.by_password(peer, &named.username, &named.password, Call::Handshake).await
                    }
                    _ => self.sessions.caller(peer, &headers, Call::Handshake).await,
                };
                let Known { open, token } = known.map_err(|error| status(&error))?;
                peer.is_known.store(true, Ordering::Relaxed);
                let _busy = open.busy();
                let payload = Bytes::from(token.clone().unwrap_or_default());
                let answer = HandshakeResponse { protocol_version: 0, payload };
                let mut response = Response::new(stream::iter([Ok(answer)]).boxed());
                if let Some(token) = token {
                    response.metadata_mut().insert("authorization", bearer(&token)?);
                }
                Ok(response)
            })
            .await
        })
    }

    fn list_flights(&self, request: Request<Criteria>) -> BoxFuture<'_, Answered<Many<FlightInfo>>> {
        Box::pin(async move {
            // What can be read is listed by the metadata commands of Flight SQL instead.
            self.answer(request.metadata(), request.extensions(), async |_| Ok(stream::empty().boxed())).await
        })
    }

    fn get_flight_info(&self, request: Request<FlightDescriptor>) -> BoxFuture<'_, Answered<FlightInfo>> {
        Box::pin(async move {
            let (headers, extensions, descriptor) = request.into_parts();
            self.answer(&headers, &extensions, |busy| async move {
                let command = asked(&descriptor)?;
                self.told(&busy, &command, descriptor).await
            })
            .await
        })
    }

    fn poll_flight_info(&self, request: Request<FlightDescriptor>) -> BoxFuture<'_, Answered<PollInfo>> {
        Box::pin(async move {
            let (headers, extensions, descriptor) = request.into_parts();
            self.answer(&headers, &extensions, |busy| async move {
                let command = asked(&descriptor)?;
                let info = self.told(&busy, &command, descriptor).await?;
                // There is nothing to poll for: rows are streamed as they are computed.
                Ok(PollInfo { info: Some(info), flight_descriptor: None, progress: Some(1.0), expiration_time: None })
            })
            .await
        })
    }

    fn get_schema(&self, request: Request<FlightDescriptor>) -> BoxFuture<'_, Answered<SchemaResult>> {
        Box::pin(async move {
            let (headers, extensions, descriptor) = request.into_parts();
            self.answer(&headers, &extensions, |busy| async move {
                let command = asked(&descriptor)?;
                let columns = match &command {
                    Command::CommandStatementQuery(query) => {
                        statements::describe(&busy, &query.query, query.transaction_id.as_deref()).await.map(Some)
                    }
                    Command::CommandPreparedStatementQuery(query) => {
                        prepared::describe(&busy.0, &query.prepared_statement_handle).map(Some)
                    }
                    other => metadata::columns(other),
                };
                let columns = columns.map_err(|error| status(&error))?.ok_or_else(|| not_known("query", command.type_url()))?;
                schema_result(&columns)
            })
            .await
        })
    }

    fn do_get(&self, request: Request<FlightTicket>) -> BoxFuture<'_, Answered<Many<FlightData>>> {
        Box::pin(async move {
            let (headers, extensions, ticket) = request.into_parts();
            let sealed = match command(&ticket.ticket)? {
                Command::TicketStatementQuery(query) => query.statement_handle,
                other => {
                    return self
                        .answer(&headers, &extensions, |busy| async move {
                            let Rows { columns, batches } = self.rows(busy, other).await?;
                            Ok(rows::messages(columns, batches))
                        })
                        .await;
                }
            };
            guarded(async {
                let Caller(peer) = extensions.get::<Caller>().ok_or_else(|| violation("the connection is unknown"))?;
                self.sessions.check_way(peer).map_err(|error| status(&error))?;
                let ticket = self.tickets.open(&sealed).map_err(|error| status(&error))?;
                peer.is_known.store(true, Ordering::Relaxed);
                // Not all clients authenticate here again; the ticket itself was given to an authenticated one.
                if headers.contains_key("authorization") {
                    let (busy, _) = self.enter(&headers, &extensions).await?;
                    self.check_owner(&busy, &ticket)?;
                }
                let open = self.sessions.named(&ticket.session).map_err(|error| status(&error))?;
                let read = statements::read(open.busy(), ticket).await;
                let Rows { columns, batches } = read.map_err(|error| status(&error))?;
                Ok(Response::new(rows::messages(columns, batches)))
            })
            .await
        })
    }

    fn do_put(&self, request: Request<Streaming<FlightData>>) -> BoxFuture<'_, Answered<Many<PutResult>>> {
        Box::pin(async move {
            let (headers, extensions, mut messages) = request.into_parts();
            self.answer(&headers, &extensions, |busy| async move {
                let first = messages.message().await.map_err(|error| status(&incoming::of_status(&error)))?;
                let first = first.ok_or_else(|| violation("no message with a command arrived"))?;
                let descriptor = first.flight_descriptor.clone().ok_or_else(|| violation("the first message has no command"))?;
                let app_metadata = self.put(&busy, asked(&descriptor)?, Incoming::new(first, messages)).await?;
                Ok(stream::iter([Ok(PutResult { app_metadata })]).boxed())
            })
            .await
        })
    }

    fn do_action(&self, request: Request<Action>) -> BoxFuture<'_, Answered<Many<arrow_flight::Result>>> {
        Box::pin(async move {
            let (headers, extensions, action) = request.into_parts();
            self.answer(&headers, &extensions, |busy| async move {
                let answered = self.act(&busy, action).await?;
                Ok(stream::iter(answered.into_iter().map(|body| Ok(arrow_flight::Result { body }))).boxed())
            })
            .await
        })
    }

    fn list_actions(&self, request: Request<Empty>) -> BoxFuture<'_, Answered<Many<ActionType>>> {
        Box::pin(async move {
            const ACTIONS: [(&str, &str); 12] = [
                ("CreatePreparedStatement", "Prepares a statement."),
                ("ClosePreparedStatement", "Closes a prepared statement."),
                ("BeginTransaction", "Begins a transaction."),
                ("EndTransaction", "Commits a transaction, or rolls it back."),
                ("BeginSavepoint", "Sets a savepoint in a transaction."),
                ("EndSavepoint", "Rolls back to a savepoint, or releases it."),
                ("CancelQuery", "Cancels a query; CancelFlightInfo is its newer name."),
                ("CancelFlightInfo", "Cancels a query, or keeps it from starting."),
                ("SetSessionOptions", "Sets options of the session."),
                ("GetSessionOptions", "Returns the options of the session."),
                ("TakeNotes", "Returns the notes of statements since it was last called, such as rows left out."),
                ("CloseSession", "Ends the session."),
            ];
            self.answer(request.metadata(), request.extensions(), async |_| {
                let told = |(name, text): (&str, &str)| Ok(ActionType { r#type: name.into(), description: text.into() });
                Ok(stream::iter(ACTIONS.map(told)).boxed())
            })
            .await
        })
    }
}

#[async_trait]
impl FlightService for Flight {
    type HandshakeStream = Many<HandshakeResponse>;
    type ListFlightsStream = Many<FlightInfo>;
    type DoGetStream = Many<FlightData>;
    type DoPutStream = Many<PutResult>;
    type DoActionStream = Many<arrow_flight::Result>;
    type ListActionsStream = Many<ActionType>;
    type DoExchangeStream = Many<FlightData>;

    async fn handshake(&self, request: Request<Streaming<HandshakeRequest>>) -> Answered<Self::HandshakeStream> {
        Self::handshake(self, request).await
    }

    async fn list_flights(&self, request: Request<Criteria>) -> Answered<Self::ListFlightsStream> {
        Self::list_flights(self, request).await
    }

    async fn get_flight_info(&self, request: Request<FlightDescriptor>) -> Answered<FlightInfo> {
        Self::get_flight_info(self, request).await
    }

    async fn poll_flight_info(&self, request: Request<FlightDescriptor>) -> Answered<PollInfo> {
        Self::poll_flight_info(self, request).await
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Answered<SchemaResult> {
        Self::get_schema(self, request).await
    }

    async fn do_get(&self, request: Request<FlightTicket>) -> Answered<Self::DoGetStream> {
        Self::do_get(self, request).await
    }

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Answered<Self::DoPutStream> {
        Self::do_put(self, request).await
    }

    async fn do_action(&self, request: Request<Action>) -> Answered<Self::DoActionStream> {
        Self::do_action(self, request).await
    }

    async fn list_actions(&self, request: Request<Empty>) -> Answered<Self::ListActionsStream> {
        Self::list_actions(self, request).await
    }

    async fn do_exchange(&self, _request: Request<Streaming<FlightData>>) -> Answered<Self::DoExchangeStream> {
        Err(unsupported("DoExchange", "is not used by Flight SQL; query with GetFlightInfo, and send rows with DoPut"))
    }
}

fn schema_result(columns: &Schema) -> Result<SchemaResult, Status> {
    SchemaAsIpc::new(columns, &IpcWriteOptions::default()).try_into().map_err(|error: ArrowError| status(&error.into()))
}
