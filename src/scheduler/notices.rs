//! Notices about how a run ended: to a URL of the schedule, and to a command of the server's operator.
//!
//! A notice is a JSON object. It is sent to a URL with POST, signed with HMAC-SHA-256 if there is a key; a command gets it on standard
//! input, and most of it in environment variables. At most one notice per minute is sent for the failures of a schedule, and one for its
//! successes, to each receiver; of those that come earlier, the latest waits for the end of the minute and reports how many it replaced.
//! A notice that cannot be delivered is tried three times, and then logged.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{Method, Request};
use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector, HttpRequestBody, ReqwestConnector};
use ring::hmac;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::task::JoinSet;
use tracing::warn;

use super::runner::Event;
use super::tell;
use crate::engine::schedules::{Outcome, Schedule};
use crate::text::{printable, timestamp, without_passwords};

/// The minimum interval between two notices of one status about one schedule to one receiver.
const RATE: Duration = Duration::from_secs(60);
/// The maximum number of notices being sent at the same time; further ones wait.
const MOST: usize = 64;
/// The time limit for a receiver.
const LIMIT: Duration = Duration::from_secs(10);
/// The time limit for a command.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);
/// How often sending a notice is attempted.
const ATTEMPTS: u32 = 3;

/// Who gets a notice.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Receiver {
    Url(String),
    Command(String),
}

/// What was sent to a receiver about the successes or the failures of a schedule.
#[derive(Debug, Default)]
struct Sent {
    last: Option<Instant>,
    /// The schedule's name, and the latest notice that is not sent yet.
    waiting: Option<(String, Value)>,
    /// How many notices were replaced by the one that waits.
    suppressed: u64,
}

/// Sends notices.
pub struct Notices {
    on_failure: Option<String>,
    on_success: Option<String>,
    key: Option<Arc<hmac::Key>>,
    /// By schedule, status and receiver, so that a success never holds back a failure.
    sent: HashMap<(i64, &'static str, Receiver), Sent>,
    sending: JoinSet<()>,
}

impl Notices {
    pub fn new(on_failure: Option<String>, on_success: Option<String>, key: Option<String>) -> Self {
        let key = key.map(|key| Arc::new(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes())));
        Self { on_failure, on_success, key, sent: HashMap::new(), sending: JoinSet::new() }
    }

    /// Reports an event to the log and to receivers.
    pub fn tell(&mut self, event: Event) {
        tell(&event);
        let Event::Ended(schedule, outcome) = event else { return };
        let (url, command) = match outcome.status {
            "succeeded" => (&schedule.on_success, &self.on_success),
            // A failure that will be retried is not final, and a lost attempt is reported by the process that took it over.
            "failed" if outcome.end.retry_at.is_none() => (&schedule.on_failure, &self.on_failure),
            _ => return,
        };
        let url = url.clone().map(Receiver::Url);
        let receivers: Vec<Receiver> = url.into_iter().chain(command.clone().map(Receiver::Command)).collect();
        for receiver in receivers {
            let key = (schedule.id, outcome.status, receiver);
            self.keep(key, schedule.name.clone(), notice(&schedule, &outcome));
        }
        self.send();
    }

    /// Sends the notices that have waited long enough.
    pub fn send(&mut self) {
        while self.sending.try_join_next().is_some() {}
        let free = MOST.saturating_sub(self.sending.len());
        for (receiver, name, body) in self.due(Some(Instant::now()), free) {
            self.spawn(receiver, name, body);
        }
    }

    /// Keeps a notice until it may be sent, in place of an earlier one.
    fn keep(&mut self, key: (i64, &'static str, Receiver), name: String, body: Value) {
        let sent = self.sent.entry(key).or_default();
        if sent.waiting.replace((name, body)).is_some() {
            sent.suppressed += 1;
        }
    }

    /// At most this many of the notices that may be sent now; without a time, of all that wait.
    fn due(&mut self, now: Option<Instant>, most: usize) -> Vec<(Receiver, String, Value)> {
        let mut due = vec![];
        for ((_, _, receiver), sent) in &mut self.sent {
            let is_early = match (now, sent.last) {
                (Some(now), Some(last)) => now.duration_since(last) < RATE,
                _ => false,
            };
            if is_early || due.len() >= most {
                continue;
            }
            let Some((name, mut body)) = sent.waiting.take() else { continue };
            body["suppressed"] = std::mem::take(&mut sent.suppressed).into();
            sent.last = now;
            due.push((receiver.clone(), name, body));
        }
        due
    }

    fn spawn(&mut self, receiver: Receiver, name: String, body: Value) {
        let key = self.key.clone();
        self.sending.spawn(async move {
            match receiver {
                Receiver::Url(url) => {
                    if let Err(problem) = post(&url, &body, key.as_deref()).await {
                        let url = printable(&without_passwords(&url));
                        warn!(schedule = %name, %url, %problem, "notice was not accepted");
                    }
                }
                Receiver::Command(command) => {
                    if let Err(problem) = run(&command, &body).await {
                        warn!(schedule = %name, command = %printable(&command), %problem, "command failed");
                    }
                }
            }
        });
    }

    /// Sends all notices that wait, and waits until they are sent.
    pub async fn finish(mut self, limit: Duration) {
        for (receiver, name, body) in self.due(None, usize::MAX) {
            self.spawn(receiver, name, body);
        }
        let all = async { while self.sending.join_next().await.is_some() {} };
        // What takes longer is abandoned when the process ends.
        let _ = tokio::time::timeout(limit, all).await;
    }
}

/// The content of a notice.
fn notice(schedule: &Schedule, outcome: &Outcome) -> Value {
    let Outcome { run, begins, status, began_at, end } = outcome;
    let at = |time: i64| format!("{}Z", timestamp(time).replace(' ', "T"));
    let given = |text: &str| (!text.is_empty()).then(|| text.to_string());
    json!({
        "schedule": schedule.name,
        "status": status,
        "run": run,
        "attempt": begins.number,
        "cause": begins.cause,
        "scheduled_time": at(begins.scheduled_at),
        "started_at": at(*began_at),
        "finished_at": at(end.at),
        "duration": (end.at - began_at) as f64 / 1e6,
        "rows": end.rows,
        "error": given(&end.message),
        "statement": given(&end.statement),
        "line": end.line,
        "role": given(&schedule.owner),
        "suppressed": 0,
    })
}

/// Sends a notice to a URL.
async fn post(url: &str, body: &Value, key: Option<&hmac::Key>) -> Result<(), String> {
    let (text, id) = (body.to_string(), uuid::Uuid::new_v4().to_string());
    let options = ClientOptions::new().with_allow_http(true).with_timeout(LIMIT).with_connect_timeout(LIMIT);
    let client: HttpClient = ReqwestConnector::default().connect(&options).map_err(|error| error.to_string())?;
    let mut problem = String::new();
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(Duration::from_secs(1 << attempt)).await;
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(url)
            .header("content-type", "application/json")
            .header("portrait-delivery", &id);
        if let Some(key) = key {
            request = request.header("portrait-signature", signature(key, now, &text));
        }
        let request = request.body(HttpRequestBody::from(text.clone())).map_err(|error| error.to_string())?;
        match client.execute(request).await {
            Ok(response) if response.status().is_success() => return Ok(()),
            Ok(response) => problem = format!("it answered {}", response.status()),
            Err(error) => {
                problem = std::error::Error::source(&error).map_or_else(|| error.to_string(), |source| source.to_string());
            }
        }
    }
    Err(problem)
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

    #[test]
    fn one_notice_a_minute_and_the_last_one_always() {
        let mut notices = Notices::new(None, None, None);
        let start = Instant::now();
        let keep = |notices: &mut Notices, status: &'static str, run: i64| {
            let receiver = Receiver::Url("http://localhost".into());
            notices.keep((1, status, receiver), "s".into(), json!({ "run": run, "suppressed": 0 }));
        };
        let due = |notices: &mut Notices, after: Option<Duration>, most: usize| -> Vec<(Value, Value)> {
            let due = notices.due(after.map(|after| start + after), most);
            due.into_iter().map(|(_, _, body)| (body["run"].clone(), body["suppressed"].clone())).collect()
        };
        keep(&mut notices, "failed", 1);
        assert!(due(&mut notices, Some(Duration::ZERO), 0).is_empty());
        assert_eq!(due(&mut notices, Some(Duration::ZERO), 9), [(json!(1), json!(0))]);
        keep(&mut notices, "failed", 2);
        keep(&mut notices, "failed", 3);
        // Successes and failures are limited separately.
        keep(&mut notices, "succeeded", 4);
        assert_eq!(due(&mut notices, Some(Duration::from_secs(9)), 9), [(json!(4), json!(0))]);
        assert_eq!(due(&mut notices, Some(RATE), 9), [(json!(3), json!(1))]);
        assert!(due(&mut notices, Some(RATE * 2), 9).is_empty());
        // At the end nothing waits any longer.
        keep(&mut notices, "failed", 5);
        assert_eq!(due(&mut notices, None, 9), [(json!(5), json!(0))]);
    }
}
