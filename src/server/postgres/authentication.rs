//! Password authentication with SCRAM-SHA-256: neither side sends the password, and the server does not store it.
//!
//! Source: RFC 5802, RFC 7677; over TLS also bound to the certificate, RFC 5929 (`tls-server-end-point`).

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, Bytes};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use pgwire::api::auth::sasl::scram::{ScramSecret, ScramServerAuth};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::startup::Authentication;

use super::requests::{Request, violation};
use super::{Reading, Writing};
use crate::error::{SqlState, coded};
use crate::passwords::Verifier;
use crate::server::Door;

const SCRAM: &str = "SCRAM-SHA-256";
const SCRAM_PLUS: &str = "SCRAM-SHA-256-PLUS";
/// The largest message in bytes before the client is authenticated.
const MOST: usize = 16 << 10;
/// The delay after a failed login, to slow down password guessing.
const WAIT: Duration = Duration::from_millis(500);

/// Authenticates the client. True when no passwords are needed, and everyone may do everything.
///
/// # Errors
/// The client fails to authenticate, or may not use this kind of connection.
pub async fn authenticate(
    incoming: &mut Reading,
    out: &mut Writing,
    door: &Door,
    user: &str,
    is_secure: bool,
    client: Option<SocketAddr>,
) -> Result<bool> {
    let is_near = client.is_none_or(|client| client.ip().to_canonical().is_loopback());
    if client.is_some() && !is_secure && door.needs_certificates {
        let problem = "must connect over TLS, with a certificate (sslmode=require, sslcert, sslkey): this server accepts clients with certificates alone";
        return Err(coded(SqlState::INVALID_AUTHORIZATION, user, problem));
    }
    if !is_near && !is_secure && !door.insecure {
        let problem = "must connect over TLS (sslmode=require): this server accepts no other connections from other machines";
        return Err(coded(SqlState::INVALID_AUTHORIZATION, user, problem));
    }
    if !door.engine.has_logins()? {
        if is_near || door.insecure {
            return Ok(true);
        }
        let problem = "is refused: no role of this database has a password";
        return Err(coded(SqlState::INVALID_AUTHORIZATION, user, problem));
    }
    let verifier = door.engine.verifier(user)?;
    match scram(incoming, out, door, user, verifier, is_secure).await {
        Ok(()) => Ok(false),
        Err(error) => {
            tokio::time::sleep(WAIT).await;
            Err(error)
        }
    }
}

async fn scram(
    incoming: &mut Reading,
    out: &mut Writing,
    door: &Door,
    user: &str,
    verifier: Option<Verifier>,
    is_secure: bool,
) -> Result<()> {
    let mut server = ScramServerAuth::new();
    let bound = door.tls.as_ref().filter(|_| is_secure).and_then(|tls| tls.bound.as_deref());
    if let Some(certificate) = bound {
        server.configure_certificate(certificate).map_err(|error| violation(error.to_string()))?;
    }
    let mechanisms = if bound.is_some() { vec![SCRAM_PLUS.into(), SCRAM.into()] } else { vec![SCRAM.into()] };
    out.put(&PgWireBackendMessage::Authentication(Authentication::SASL(mechanisms)));
    let mut first = password(incoming, out).await?;
    // The name of the mechanism, then the length of the rest.
    let end = first
        .iter()
        .position(|byte| *byte == 0)
        .ok_or_else(|| violation("the name of the password mechanism is not terminated"))?;
    let mechanism = first.split_to(end);
    first.advance(1);
    let is_known = mechanism == SCRAM.as_bytes() || (mechanism == SCRAM_PLUS.as_bytes() && bound.is_some());
    if !is_known {
        return Err(violation(format!("passwords are checked by {SCRAM} here")));
    }
    let length = first.try_get_i32().map_err(|_| violation("the first step of the password is too short"))?;
    if usize::try_from(length).ok() != Some(first.len()) {
        return Err(violation("the first step of the password exchange does not have the length it declares"));
    }
    // An unknown user goes through the same exchange and fails at the end, so that names cannot be discovered.
    let is_there = verifier.is_some();
    let verifier = match verifier {
        Some(verifier) => verifier,
        None => Verifier::of_nobody(user)?,
    };
    let (salt, iterations) = (verifier.salt, verifier.iterations as usize);
    let secret = ScramSecret::Verifier { salt, iterations, stored_key: verifier.stored_key, server_key: verifier.server_key };
    let (answer, waiting) = server.on_client_first_message_with_secret(&first, secret).map_err(|_| wrong(user))?;
    out.put(&PgWireBackendMessage::Authentication(Authentication::SASLContinue(Bytes::from(answer))));
    let last = password(incoming, out).await?;
    let answer = waiting.on_client_final_message(&last).map_err(|_| wrong(user))?;
    if !is_there {
        return Err(wrong(user));
    }
    out.put(&PgWireBackendMessage::Authentication(Authentication::SASLFinal(Bytes::from(answer))));
    Ok(())
}

/// The client's next message of the exchange.
async fn password(incoming: &mut Reading, out: &mut Writing) -> Result<Bytes> {
    let gone = || coded(SqlState::INVALID_AUTHORIZATION, "client", "has disconnected");
    out.flush().await.map_err(|_| gone())?;
    let (letter, body) =
        incoming.message(MOST).await.map_err(|missing| super::startup::missing(&missing, MOST).unwrap_or_else(gone))?;
    match Request::read(letter, body)? {
        Request::Password(step) => Ok(step),
        _ => Err(violation("a password was expected")),
    }
}

fn wrong(user: &str) -> DataFusionError {
    coded(SqlState::INVALID_PASSWORD, user, "password authentication failed; wrong name or password")
}
