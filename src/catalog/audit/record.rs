//! A record of the audit log, as it is made and as it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{HASH, nothing_before};

/// What is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// A statement reads columns that have a class.
    Read,
    /// Rows leave the database: COPY TO, a report, a backup.
    Export,
    /// GRANT or REVOKE.
    Grant,
    /// A role is made, altered or dropped.
    Role,
    /// A mask, a row policy or the class of a column is made, altered or dropped.
    Policy,
    /// A person is erased.
    Erase,
    /// A statement was refused, as its role may not.
    Denied,
    /// What is recorded was changed.
    Setting,
    /// How a statement that was recorded ended.
    End,
}

impl Event {
    /// What a superuser may leave out, with its name.
    const CHOSEN: [(Self, &'static str); 7] = [
        (Self::Read, "read"),
        (Self::Export, "export"),
        (Self::Grant, "grant"),
        (Self::Role, "role"),
        (Self::Policy, "policy"),
        (Self::Erase, "erase"),
        (Self::Denied, "denied"),
    ];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Setting => "setting",
            Self::End => "end",
            chosen => Self::CHOSEN.iter().find(|(event, _)| *event == chosen).map_or("", |(_, word)| word),
        }
    }
}

/// Which events are recorded; by default all. That this is changed, and how statements end, always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Events(u8);

impl Default for Events {
    fn default() -> Self {
        Self(u8::MAX)
    }
}

impl Events {
    /// Those of a list of names, such as `read, export`; `all` and `none` stand alone. The error is the name that is none.
    ///
    /// # Errors
    /// A name is none of an event.
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

    /// True when it is recorded.
    pub fn has(self, event: Event) -> bool {
        let place = Event::CHOSEN.iter().position(|(chosen, _)| *chosen == event);
        place.is_none_or(|place| self.0 & 1 << place != 0)
    }

    /// The names that may be given.
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

/// What is to be recorded. What is empty is left out of the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub event: Event,
    /// Who runs the statement.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub role: String,
    /// Who opened the session.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub login: String,
    /// Where the client is, and what it calls itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client: String,
    /// What the session said that it reads for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub purpose: String,
    /// The words that say what is done: `SELECT`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// The statement, without the values that are written in it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub statement: String,
    /// The table that is read, or where rows go.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub object: String,
    /// The columns that are read, with the class of each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
    /// Those of them that are seen through a mask.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub masked: BTreeSet<String>,
    /// Of an end: the records of the statement.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of: Vec<u64>,
    /// How the statement ended: `succeeded`, `given up`, or the SQLSTATE of its error; what is recorded from now on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub outcome: String,
    /// Of an end: the rows that were given, or written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

impl Entry {
    /// One of which nothing else is known.
    pub fn new(event: Event) -> Self {
        let (columns, masked, of, rows) = (BTreeMap::new(), BTreeSet::new(), vec![], None);
        let [role, login, client, purpose, command, statement, object, outcome] = std::array::from_fn(|_| String::new());
        Self { event, role, login, client, purpose, command, statement, object, columns, masked, of, outcome, rows }
    }
}

/// A record, without its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// From 1, without a gap.
    pub number: u64,
    /// When it was made, in UTC.
    pub at: String,
    #[serde(flatten)]
    pub entry: Entry,
    /// The version of the key that its hash was made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The hash of the record before.
    pub previous: String,
}

/// The end of a line before its digits.
const BEFORE: &[u8] = b",\"hash\":\"";
/// And after them.
const AFTER: &[u8] = b"\"}";

/// A line of the log, as far as its form goes.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    pub number: u64,
    /// What is hashed: all but the hash itself.
    rest: &'a [u8],
    pub hash: &'a str,
}

impl<'a> Line<'a> {
    /// A line without the end of the line, when it is whole.
    pub fn read(line: &'a [u8]) -> Option<Self> {
        let number = line.strip_prefix(b"{\"number\":")?;
        let digits = number.iter().take_while(|digit| digit.is_ascii_digit()).count();
        let number = str::from_utf8(&number[..digits]).ok()?.parse().ok()?;
        let (before, hash) = line.strip_suffix(AFTER)?.split_at_checked(line.len() - AFTER.len() - HASH)?;
        let hash = str::from_utf8(hash).ok().filter(|hash| hash.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        Some(Self { number, rest: before.strip_suffix(BEFORE)?, hash })
    }

    /// What was hashed.
    pub fn hashed(&self) -> Vec<u8> {
        [self.rest, b"}"].concat()
    }

    /// The record, when it can be read.
    pub fn record(&self) -> Option<Record> {
        serde_json::from_slice(&self.hashed()).ok()
    }
}

/// A record as a line, and its hash.
pub fn line(record: &Record, hash: impl FnOnce(&[u8]) -> String) -> serde_json::Result<(Vec<u8>, String)> {
    let mut line = serde_json::to_vec(record)?;
    let hash = hash(&line);
    line.pop();
    line.extend([BEFORE, hash.as_bytes(), AFTER, b"\n"].concat());
    Ok((line, hash))
}

/// The last record that a writer knows.
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
