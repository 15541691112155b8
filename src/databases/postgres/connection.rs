//! Connections to a server.

use std::fmt::Debug;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use tokio::runtime::Handle;
use tokio_postgres::config::SslMode;
use tokio_postgres::{CancelToken, Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::credentials::{Login, login};
use super::target::{Encryption, Target};
use super::tls;
use crate::error::{SqlState, coded};

/// A connection.
pub struct Connection {
    pub client: Client,
    cancel: CancelToken,
    tls: Option<MakeRustlsConnect>,
    runtime: Handle,
}

impl Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connection")
    }
}

/// Connects read-only. Statements time out after `timeout` seconds, and end soon after this process is gone.
///
/// # Errors
/// The server cannot be reached, or rejects the login.
pub async fn connect(target: &Target, timeout: u64) -> Result<Connection> {
    let connection = reach(target).await?;
    let settings = format!(
        "SET default_transaction_read_only = on; SET standard_conforming_strings = on; SET TimeZone = 'UTC'; SET statement_timeout = '{timeout}s'"
    );
    let failed = |error| of_postgres(&target.label, &error);
    connection.client.batch_execute(&settings).await.map_err(failed)?;
    // Servers before version 14 do not have this setting, and some systems do not support it.
    let gone = "SELECT set_config(name, '2s', false) FROM pg_settings WHERE name = 'client_connection_check_interval'";
    let _ = connection.client.batch_execute(gone).await;
    Ok(connection)
}

/// Connects without any restriction.
///
/// # Errors
/// Same as [`connect`].
pub async fn reach(target: &Target) -> Result<Connection> {
    let login = login(target)?;
    Ok(match target.encryption {
        Encryption::Never => plain(target, &login).await?,
        Encryption::Always | Encryption::Issuer | Encryption::Verified => encrypted(target, &login, SslMode::Require).await?,
        Encryption::IfItCan => match encrypted(target, &login, SslMode::Prefer).await {
            Ok(connection) => connection,
            // As in libpq: if the encrypted connection fails, try an unencrypted one.
            Err(error) if crate::error::sqlstate(&error) == SqlState::IO_ERROR => plain(target, &login).await?,
            Err(error) => return Err(error),
        },
    })
}

fn config(target: &Target, login: &Login, mode: SslMode) -> Config {
    let mut config = Config::new();
    config.host(&target.host).port(target.port).dbname(&target.database).user(&login.user).application_name("portrait");
    config.connect_timeout(target.connect_timeout).ssl_mode(mode);
    if let Some(password) = &login.password {
        config.password(password);
    }
    config
}

async fn plain(target: &Target, login: &Login) -> Result<Connection> {
    let connected = config(target, login, SslMode::Disable).connect(NoTls).await;
    let (client, connection) = connected.map_err(|error| of_postgres(&target.label, &error))?;
    // The task ends when the client is dropped. A connection error shows up in the next request.
    Handle::current().spawn(connection);
    Ok(Connection { cancel: client.cancel_token(), client, tls: None, runtime: Handle::current() })
}

async fn encrypted(target: &Target, login: &Login, mode: SslMode) -> Result<Connection> {
    let tls = tls::connector(target)?;
    let connected = config(target, login, mode).connect(tls.clone()).await;
    let (client, connection) = connected.map_err(|error| of_postgres(&target.label, &error))?;
    Handle::current().spawn(connection);
    Ok(Connection { cancel: client.cancel_token(), client, tls: Some(tls), runtime: Handle::current() })
}

impl Connection {
    /// Asks the server to cancel the current statement, without waiting for it.
    pub fn cancel(&self) {
        let (cancel, tls) = (self.cancel.clone(), self.tls.clone());
        self.runtime.spawn(async move {
            // Errors are ignored, because the server also stops when it notices that nobody reads.
            let _ = match tls {
                Some(tls) => cancel.cancel_query(tls).await,
                None => cancel.cancel_query(NoTls).await,
            };
        });
    }
}

/// An error from the server, or in the connection to it.
pub fn of_postgres(subject: &str, error: &tokio_postgres::Error) -> DataFusionError {
    let Some(own) = error.as_db_error() else {
        let cause = std::error::Error::source(error);
        let text = cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
        if text.contains("password missing") {
            let problem = "asks for a password; set PGPASSWORD, write a line into ~/.pgpass, or name such a file with OPTIONS \
                           ('credentials' 'FILE')";
            return coded(SqlState::INSUFFICIENT_PRIVILEGE, subject, problem);
        }
        return coded(
            SqlState::IO_ERROR,
            subject,
            format!("{text}; check that the server is running and can be reached from here"),
        );
    };
    let hint = own.hint().map_or_else(String::new, |hint| format!("; {hint}"));
    let problem = format!("{}{hint}", own.message());
    coded(state_of(own.code().code()), subject, problem)
}

/// Our SQLSTATE for one of PostgreSQL's.
pub fn state_of(code: &str) -> SqlState {
    match code {
        "57014" => SqlState::QUERY_CANCELED,
        "42P01" | "3D000" | "3F000" => SqlState::UNDEFINED_TABLE,
        "42703" => SqlState::UNDEFINED_COLUMN,
        "42601" => SqlState::SYNTAX_ERROR,
        "42501" => SqlState::INSUFFICIENT_PRIVILEGE,
        "40001" => SqlState::SERIALIZATION_FAILURE,
        _ => match code.get(..2) {
            Some("28") => SqlState::INSUFFICIENT_PRIVILEGE,
            Some("22") => SqlState::DATA_EXCEPTION,
            Some("42") => SqlState::INVALID_STATEMENT,
            _ => SqlState::SYSTEM_ERROR,
        },
    }
}
