//! PostgreSQL's protocol, version 3.0: a session per connection.
//!
//! | module | contents |
//! |---|---|
//! | [`startup`] | TLS, user and database |
//! | [`authentication`] | passwords, with SCRAM-SHA-256 |
//! | [`connection`] | answers messages in turn |
//! | [`requests`], [`replies`] | the messages |
//! | [`wire`] | messages as bytes, with size limits and buffering |
//! | [`simple`], [`portals`] | queries as text; statements that are prepared, bound and run in parts |
//! | [`copy`] | COPY from and to the client |
//! | [`rows`], [`values`] | Arrow columns as clients read them |

mod authentication;
mod connection;
mod copy;
mod portals;
mod replies;
mod requests;
mod rows;
mod simple;
mod startup;
mod values;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use datafusion::error::DataFusionError;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::startup::{Authentication, BackendKeyData, NegotiateProtocolVersion, SecretKey};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use super::connections::{Entered, Reason};
use super::{Door, records};
use connection::Connection;
use startup::{Beginning, Start};
use wire::{Outgoing, Stream};

use crate::engine::Session;
use crate::engine::activity::{self, End, Entry};
use crate::error::{SqlState, coded};

/// The time limit for the startup of a connection.
const STARTUP: Duration = Duration::from_secs(60);
/// Version 3.0, as the protocol encodes it.
const VERSION: i32 = 3 << 16;
/// The name of the server's only database.
const DATABASE: &str = "portrait";

/// Serves a client that connected over TCP.
pub async fn over_tcp(stream: TcpStream, door: Arc<Door>) {
    let Ok(address) = stream.peer_addr() else { return };
    // Answers are small, and should be sent at once.
    let _ = stream.set_nodelay(true);
    let begun = tokio::time::timeout(STARTUP, startup::begin(stream, door.tls.as_ref()));
    let Ok(beginning) = begun.await else { return };
    serve(beginning, door, Some(address)).await;
}

/// Serves a client that connected over a Unix socket.
#[cfg(unix)]
pub async fn over_socket(stream: UnixStream, door: Arc<Door>) {
    // Only the server's user can open its socket, so no further check is needed.
    let stream: Box<dyn Stream> = Box::new(stream);
    let Ok(beginning) = tokio::time::timeout(STARTUP, startup::after_tls(stream, false)).await else { return };
    serve(beginning, door, None).await;
}

/// Serves a client; `client` is its address, `None` for a Unix socket.
async fn serve(beginning: Beginning, door: Arc<Door>, client: Option<SocketAddr>) {
    match beginning {
        Beginning::Nothing => {}
        Beginning::Cancel { pid, secret } => door.connections.cancel(pid, secret),
        Beginning::Connect(start) => {
            let Some((connection, entered)) = connect(*start, &door, client).await else { return };
            connection.serve().await;
            drop(entered);
        }
    }
}

/// Lets a client in, or tells it why not.
async fn connect(mut start: Start, door: &Arc<Door>, client: Option<SocketAddr>) -> Option<(Connection, (Entered, Entry))> {
    let refused = start.refused.take();
    let (is_secure, unknown) = (start.is_secure, start.unknown.take());
    let parameters = std::mem::take(&mut start.parameters);
    let (mut incoming, mut out) = split(start);
    if let Some(options) = unknown {
        out.put(&PgWireBackendMessage::NegotiateProtocolVersion(NegotiateProtocolVersion::new(VERSION, options)));
    }
    let user = parameters.get("user").cloned().unwrap_or_default();
    let entering = async {
        if let Some(error) = refused {
            return Err(error);
        }
        if user.is_empty() {
            return Err(coded(SqlState::INVALID_AUTHORIZATION, "server", "a connection needs a user name"));
        }
        let database = parameters.get("database").map_or(user.as_str(), String::as_str);
        let trusted = authentication::authenticate(&mut incoming, &mut out, door, &user, is_secure, client);
        let is_trusted = match tokio::time::timeout(STARTUP, trusted).await {
            Ok(trusted) => trusted?,
            Err(_) => {
                return Err(coded(SqlState::INVALID_AUTHORIZATION, &user, "took longer than a minute to authenticate"));
            }
        };
        // Checked after the login: a client that may not log in learns nothing about the database.
        if database != DATABASE {
            let problem = format!("no such database; connect to {DATABASE}, the one that this server has");
            return Err(coded(SqlState::INVALID_CATALOG_NAME, database, problem));
        }
        let session = session(door, &user, &parameters, is_trusted)?;
        let entered = door.connections.enter()?;
        door.check_room_for(&user)?;
        let interrupt = Arc::clone(&entered.connected.interrupt);
        let end = move |what: End| {
            interrupt.end(match what {
                End::Statement => Reason::Asked,
                End::Connection => Reason::Ended,
            });
        };
        let connection = activity::Connection::new((entered.connected.pid, "postgresql"), &user, client, is_secure, end);
        let entry = door.engine.activity().connect(connection);
        let session = session.with_connection(Arc::clone(&entry.connection));
        entry.connection.set_application(&session.application());
        Ok((session, (entered, entry)))
    };
    match entering.await {
        Ok((session, (entered, entry))) => {
            out.put(&PgWireBackendMessage::Authentication(Authentication::Ok));
            let key = BackendKeyData::new(entered.connected.pid, SecretKey::I32(entered.secret()));
            out.put(&PgWireBackendMessage::BackendKeyData(key));
            let connected = Arc::clone(&entered.connected);
            let admission = door.admission_of(&user, &session);
            let connection = Connection::new(session, incoming, out, connected, (admission, door.largest_message));
            Some((connection, (entered, entry)))
        }
        Err(error) => {
            records::refused(&user, client, &error);
            out.put(&replies::error(&error, true, ""));
            out.close().await;
            None
        }
    }
}

type Reading = wire::Incoming<tokio::io::ReadHalf<Box<dyn Stream>>>;
type Writing = Outgoing<tokio::io::WriteHalf<Box<dyn Stream>>>;

/// The two directions of a connection.
fn split(start: Start) -> (Reading, Writing) {
    let mut writing = None;
    let incoming = start.incoming.map(|stream| {
        let (read, write) = tokio::io::split(stream);
        writing = Some(write);
        read
    });
    match writing {
        Some(write) => (incoming, Outgoing::new(write)),
        None => unreachable!("the stream was split just now"),
    }
}

/// The session of a connection, with the settings that the client requested.
fn session(
    door: &Door,
    user: &str,
    parameters: &std::collections::BTreeMap<String, String>,
    is_trusted: bool,
) -> Result<Session, DataFusionError> {
    let mut session = door.engine.session()?.with_role(user).with_places(Arc::clone(&door.places));
    if !is_trusted {
        session = session.with_rights_of_role();
        door.engine.check_connect(&session)?;
    }
    session = session.with_limits(door.engine.limits_of(user)?);
    let options = parameters.get("options").map(|text| startup::options(text)).transpose()?.unwrap_or_default();
    let named = parameters.iter().filter(|(name, _)| !matches!(name.as_str(), "user" | "database" | "options" | "replication"));
    let named = named.filter(|(name, _)| !name.starts_with("_pq_."));
    let all = options.iter().map(|(name, value)| (name, value)).chain(named);
    for (name, value) in all {
        session.set_default(name, value)?;
    }
    if parameters.get("replication").is_some_and(|value| !matches!(value.as_str(), "false" | "off" | "no" | "0")) {
        return Err(coded(SqlState::FEATURE_NOT_SUPPORTED, "replication", "is not supported; portrait backup saves a database"));
    }
    Ok(session)
}
