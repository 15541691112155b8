//! What a server records: its log, and who ran what. Neither contains the literals of statements.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use parking_lot::Mutex;
use serde_json::json;
use tracing::{debug, error, info, warn};

use crate::engine::activity::{Connection, Listener, Outcome, Query};
use crate::engine::redacted;
use crate::error::{failed, sqlstate};

/// A file to which lines are appended.
#[derive(Debug)]
pub struct Audit(Mutex<File>);

impl Audit {
    /// Opens the file for appending, or creates it, readable only by its owner.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn open(path: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path);
        let file =
            file.map_err(|error| failed(&path.display().to_string(), format!("cannot be written as the audit log: {error}")))?;
        Ok(Self(Mutex::new(file)))
    }

    /// Appends a line with a single write.
    fn add(&self, line: &serde_json::Value) {
        if let Err(problem) = self.0.lock().write_all(format!("{line}\n").as_bytes()) {
            error!(%problem, "the audit log cannot be written");
        }
    }
}

/// Records every statement that ends.
#[derive(Debug)]
pub struct Records {
    /// Statements that take longer than this are logged.
    pub slow: Duration,
    pub audit: Option<Audit>,
}

impl Listener for Records {
    fn ended(&self, query: &Query, tag: &str, outcome: &Outcome) {
        let (took, rows) = (query.took(), query.rows());
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let connection = query.connection.as_deref();
        let pid = connection.map_or(0, |connection| connection.pid);
        let role = query.role.as_str();
        if let Some(audit) = &self.audit {
            let (outcome, code) = match outcome {
                Outcome::Succeeded => ("succeeded", None),
                Outcome::Failed(code) => ("failed", Some(*code)),
                Outcome::GivenUp => ("given up", None),
            };
            audit.add(&json!({
                "time": chrono::DateTime::from_timestamp_micros(query.began),
                "event": "statement",
                "pid": pid,
                "role": role,
                "login": connection.map(|connection| connection.role.as_str()),
                "door": connection.map(|connection| connection.door),
                "client": connection.and_then(|connection| connection.client).map(|client| client.to_string()),
                "application": connection.map(Connection::application),
                "command": tag,
                "statement": redacted(&query.text),
                "outcome": outcome,
                "sqlstate": code,
                "rows": rows,
                "milliseconds": milliseconds,
            }));
        }
        match outcome {
            Outcome::Failed(code) => info!(pid, role, sqlstate = code, milliseconds, statement = redacted(&query.text), "failed"),
            _ if took >= self.slow => info!(pid, role, rows, milliseconds, statement = redacted(&query.text), "slow"),
            _ => debug!(pid, role, rows, milliseconds, command = tag, "done"),
        }
    }

    fn connected(&self, connection: &Connection) {
        let client = connection.client.map_or_else(|| "local".into(), |client| client.to_string());
        info!(pid = connection.pid, role = connection.role, door = connection.door, client, "connected");
        self.note(connection, "connected");
    }

    fn disconnected(&self, connection: &Connection) {
        info!(pid = connection.pid, role = connection.role, "disconnected");
        self.note(connection, "disconnected");
    }
}

impl Records {
    fn note(&self, connection: &Connection, event: &str) {
        if let Some(audit) = &self.audit {
            audit.add(&json!({
                "time": chrono::Utc::now(),
                "event": event,
                "pid": connection.pid,
                "role": connection.role,
                "door": connection.door,
                "client": connection.client.map(|client| client.to_string()),
            }));
        }
    }
}

/// Logs a refused login.
pub fn refused(role: &str, client: Option<SocketAddr>, error: &DataFusionError) {
    let client = client.map_or_else(|| "local".into(), |client| client.to_string());
    warn!(role, client, sqlstate = sqlstate(error).code(), "refused");
}
