//! Sends the notices about how runs ended: to a URL of the schedule, and to a command of the server's operator.
//!
//! A notice is a JSON object. It is sent to a URL with POST, signed with HMAC-SHA-256 if there is a key; a command gets it on standard
//! input, and most of it in environment variables. They are stored in [the catalog](crate::catalog::notices), which decides what is sent when
//! and by whom.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{Method, Request};
use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector, HttpRequestBody, ReqwestConnector};
use ring::hmac;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::task::JoinSet;
use tracing::{error, warn};

use super::runner::Event;
use super::tell;
use crate::engine::Engine;
use crate::engine::schedules::{Receiver, Taken, Taking};
use crate::error::message;
use crate::text::{printable, without_passwords};

/// The maximum number of notices being sent at the same time; further ones wait.
const MOST: usize = 64;
/// The time limit for a receiver.
const LIMIT: Duration = Duration::from_secs(10);
/// The time limit for a command.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);
/// After these times a notice that was not said to be sent is sent again, in microseconds.
const TAKEN: (i64, i64) = (25_000_000, 75_000_000);

/// Sends notices.
pub struct Notices {
    engine: Engine,
    on_failure: Option<String>,
    on_success: Option<String>,
    key: Option<Arc<hmac::Key>>,
    sending: JoinSet<()>,
}

impl Notices {
    pub fn new(engine: Engine, on_failure: Option<String>, on_success: Option<String>, key: Option<String>) -> Self {
        let key = key.map(|key| Arc::new(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes())));
        Self { engine, on_failure, on_success, key, sending: JoinSet::new() }
    }

    /// Reports an event to the log, and sends what is to be sent about it.
    pub fn tell(&mut self, event: &Event) {
        tell(event);
        if let Event::Ended(..) = event {
            self.send();
        }
    }

    /// Sends the notices that have waited long enough.
    pub fn send(&mut self) {
        while self.sending.try_join_next().is_some() {}
        self.take(MOST.saturating_sub(self.sending.len()), true);
    }

    fn take(&mut self, most: usize, is_limited: bool) {
        let (on_failure, on_success) = (self.on_failure.is_some(), self.on_success.is_some());
        let taking = Taking { at: now(), most, on_failure, on_success, limits: TAKEN, is_limited };
        match tokio::task::block_in_place(|| self.engine.take_notices(taking)) {
            Ok(taken) => taken.into_iter().for_each(|taken| self.spawn(taken)),
            Err(error) => error!(problem = %printable(&message(&error)), "notices"),
        }
    }

    fn spawn(&mut self, taken: Taken) {
        let (key, engine) = (self.key.clone(), self.engine.clone());
        let command = if taken.about == "succeeded" { self.on_success.clone() } else { self.on_failure.clone() };
        self.sending.spawn(async move {
            let mut body: Value = serde_json::from_str(&taken.body).unwrap_or_default();
            body["suppressed"] = taken.suppressed.into();
            let (problem, to) = match &taken.receiver {
                Receiver::Url(url) => {
                    (post(url, &body, &taken.delivery, key.as_deref()).await.err(), printable(&without_passwords(url)))
                }
                Receiver::Command => {
                    let command = command.unwrap_or_default();
                    (run(&command, &body).await.err(), printable(&command))
                }
            };
            if let Some(problem) = &problem {
                warn!(schedule = %taken.name, %to, attempt = taken.attempt, %problem, "notice was not accepted");
            }
            let ended = tokio::task::block_in_place(|| engine.end_notice(&taken, now(), problem.as_deref()));
            if let Err(problem) = ended {
                // It is sent again, as nobody knows that it was.
                error!(schedule = %taken.name, problem = %printable(&message(&problem)), "notices");
            }
        });
    }

    /// Sends all notices that wait for the end of their minute, and waits until they are sent. Those that could not be sent stay for the next
    /// process.
    pub async fn finish(mut self, limit: Duration) {
        let all = async {
            while self.sending.join_next().await.is_some() {}
            self.take(usize::MAX, false);
            while self.sending.join_next().await.is_some() {}
        };
        // What takes longer is abandoned when the process ends.
        let _ = tokio::time::timeout(limit, all).await;
    }
}

/// The time, in microseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Sends a notice to a URL.
async fn post(url: &str, body: &Value, delivery: &str, key: Option<&hmac::Key>) -> Result<(), String> {
    let text = body.to_string();
    let options = ClientOptions::new().with_allow_http(true).with_timeout(LIMIT).with_connect_timeout(LIMIT);
    let client: HttpClient = ReqwestConnector::default().connect(&options).map_err(|error| error.to_string())?;
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(url)
        .header("content-type", "application/json")
        .header("portrait-delivery", delivery);
    if let Some(key) = key {
        request = request.header("portrait-signature", signature(key, seconds, &text));
    }
    let request = request.body(HttpRequestBody::from(text)).map_err(|error| error.to_string())?;
    match client.execute(request).await {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(format!("it answered {}", response.status())),
        Err(error) => Err(std::error::Error::source(&error).map_or_else(|| error.to_string(), |source| source.to_string())),
    }
}

/// The signature `t=…,v1=…`: the time, and the HMAC-SHA-256 of the time, a dot and the body.
pub fn signature(key: &hmac::Key, time: u64, body: &str) -> String {
    let tag = hmac::sign(key, format!("{time}.{body}").as_bytes());
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={time},v1={digits}")
}

/// Runs a shell command.
async fn run(command: &str, body: &Value) -> Result<(), String> {
    let text = |name: &str| match &body[name] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let mut process = if cfg!(windows) { Command::new("cmd") } else { Command::new("/bin/sh") };
    process
        .arg(if cfg!(windows) { "/C" } else { "-c" })
        .arg(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    for name in ["schedule", "status", "run", "attempt", "scheduled_time", "duration", "rows", "error", "line", "suppressed"] {
        // Environment variables cannot contain zero bytes.
        process.env(format!("PORTRAIT_{}", name.to_uppercase()), text(name).replace('\0', " "));
    }
    let mut child = process.spawn().map_err(|error| error.to_string())?;
    if let Some(mut input) = child.stdin.take() {
        // This fails or times out for a command that does not read its input, which is fine.
        let _ = tokio::time::timeout(LIMIT, input.write_all(body.to_string().as_bytes())).await;
    }
    match tokio::time::timeout(COMMAND_LIMIT, child.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("ended with {status}")),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("was ended after {} s", COMMAND_LIMIT.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test case 2 of RFC 4231, and the form of the header.
    #[test]
    fn signatures_are_of_hmac_sha256() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        assert_eq!(
            signature(&key, 7, "what do ya want for nothing?")
                .split_once(",v1=")
                .map(|(time, tag)| (time.to_string(), tag.len())),
            Some(("t=7".to_string(), 64))
        );
        let tag = hmac::sign(&key, b"what do ya want for nothing?");
        let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digits, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
