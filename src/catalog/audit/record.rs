//! Audit records: their contents and their form in the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{HASH, nothing_before};

/// The kind of a recorded event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// A statement reads columns that have a class.
    Read,
    /// Rows leave the database: COPY TO, a report, a backup.
    Export,
    /// GRANT or REVOKE.
    Grant,
    /// A role is created, altered or dropped.
    Role,
    /// A mask, a row policy or a column class is created, altered or dropped.
    Policy,
    /// A person is erased.
    Erase,
    /// A statement was refused because its role lacks a privilege.
    Denied,
    /// The set of recorded events was changed.
    Setting,
    /// How a recorded statement ended.
    End,
}

impl Event {
    /// The events that a superuser may exclude, with their names.
    const CHOSEN: [(Self, &'static str); 7] = [
        (Self::Read, "read"),
        (Self::Export, "export"),
        (Self::Grant, "grant"),
        (Self::Role, "role"),
        (Self::Policy, "policy"),
        (Self::Erase, "erase"),
        (Self::Denied, "denied"),
    ];

    /// Its name in records and settings.
    pub fn word(self) -> &'static str {
        match self {
            Self::Setting => "setting",
            Self::End => "end",
            chosen => Self::CHOSEN.iter().find(|(event, _)| *event == chosen).map_or("", |(_, word)| word),
        }
    }
}

/// The events that are recorded; all by default. `Setting` and `End` are always recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Events(u8);

impl Default for Events {
    fn default() -> Self {
        Self(u8::MAX)
    }
}

impl Events {
    /// Parses a list of names, such as `read, export`, or one of `all` and `none`.
    ///
    /// # Errors
    /// The first unknown name.
    pub fn read(text: &str) -> Result<Self, String> {
        match text.trim().to_lowercase().as_str() {
            "all" => return Ok(Self::default()),
            "none" => return Ok(Self(0)),
            _ => {}
        }
        let mut events = Self(0);
        for name in text.split(',').map(str::trim) {
            let place = Event::CHOSEN.iter().position(|(_, word)| name.eq_ignore_ascii_case(word));
            events.0 |= 1 << place.ok_or_else(|| name.to_string())?;
        }
        Ok(events)
    }

    /// True when the event is recorded.
    pub fn has(self, event: Event) -> bool {
        let place = Event::CHOSEN.iter().position(|(chosen, _)| *chosen == event);
        place.is_none_or(|place| self.0 & 1 << place != 0)
    }

    /// The names that the setting accepts, for messages.
    pub fn names() -> String {
        Event::CHOSEN.map(|(_, word)| word).join(", ")
    }
}

impl fmt::Display for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given: Vec<&str> = Event::CHOSEN.iter().filter(|(event, _)| self.has(*event)).map(|(_, word)| *word).collect();
        match given.len() {
            0 => f.write_str("none"),
            all if all == Event::CHOSEN.len() => f.write_str("all"),
            _ => f.write_str(&given.join(", ")),
        }
    }
}

/// The contents of a record. Empty fields are omitted from the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub event: Event,
    /// The role that runs the statement.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub role: String,
    /// The role that opened the session.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub login: String,
    /// The client's address, and the name it gave itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client: String,
    /// The purpose of reading that the session declared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub purpose: String,
    /// The command, such as `SELECT`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// The statement, without its literals.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub statement: String,
    /// The table that is read, or the destination of the rows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub object: String,
    /// The columns that are read, with the class of each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
    /// The columns among them that are read through a mask.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub masked: BTreeSet<String>,
    /// For `End`: the numbers of the statement's records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of: Vec<u64>,
    /// For `End`: `succeeded`, `given up`, or the SQLSTATE of the error. For `Setting`: the events recorded from now on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub outcome: String,
    /// For `End`: the number of rows returned or written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

impl Entry {
    /// An entry with only the event set.
    pub fn new(event: Event) -> Self {
        let (columns, masked, of, rows) = (BTreeMap::new(), BTreeSet::new(), vec![], None);
        let [role, login, client, purpose, command, statement, object, outcome] = std::array::from_fn(|_| String::new());
        Self { event, role, login, client, purpose, command, statement, object, columns, masked, of, outcome, rows }
    }
}

/// A record, without its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Consecutive numbers from 1.
    pub number: u64,
    /// The time of the record, in UTC.
    pub at: String,
    #[serde(flatten)]
    pub entry: Entry,
    /// In an encrypted database: the entry, encrypted. Then only the event stands in `entry`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
    /// The version of the key that its hash was made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The hash of the previous record.
    pub previous: String,
}

/// The end of a line, up to the digits of the hash.
const BEFORE: &[u8] = b",\"hash\":\"";
/// The end of a line, after the digits of the hash.
const AFTER: &[u8] = b"\"}";

/// A line of the log, split by its form without parsing the JSON.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    pub number: u64,
    /// The part that is hashed: the line without the hash field.
    rest: &'a [u8],
    pub hash: &'a str,
}

impl<'a> Line<'a> {
    /// Splits a line without its newline; `None` when it does not have the form of a record.
    pub fn read(line: &'a [u8]) -> Option<Self> {
        let number = line.strip_prefix(b"{\"number\":")?;
        let digits = number.iter().take_while(|digit| digit.is_ascii_digit()).count();
        let number = str::from_utf8(&number[..digits]).ok()?.parse().ok()?;
        let (before, hash) = line.strip_suffix(AFTER)?.split_at_checked(line.len() - AFTER.len() - HASH)?;
        let hash = str::from_utf8(hash).ok().filter(|hash| hash.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        Some(Self { number, rest: before.strip_suffix(BEFORE)?, hash })
    }

    /// The bytes that were hashed.
    pub fn hashed(&self) -> Vec<u8> {
        [self.rest, b"}"].concat()
    }

    /// The record, when the JSON can be parsed.
    pub fn record(&self) -> Option<Record> {
        serde_json::from_slice(&self.hashed()).ok()
    }
}

/// Formats a record as a line; returns the line and its hash.
pub fn line(record: &Record, hash: impl FnOnce(&[u8]) -> String) -> serde_json::Result<(Vec<u8>, String)> {
    let mut line = serde_json::to_vec(record)?;
    let hash = hash(&line);
    line.pop();
    line.extend([BEFORE, hash.as_bytes(), AFTER, b"\n"].concat());
    Ok((line, hash))
}

/// The number and hash of the last record that a writer knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    pub number: u64,
    pub hash: String,
}

impl Default for Last {
    fn default() -> Self {
        Self { number: 0, hash: nothing_before() }
    }
}
