//! Encryption of the records of an encrypted database.
//!
//! ```text
//! {"number":2,"at":"2026-11-27 22:24:50.123456","event":"read","sealed":"pQ8…","previous":"5d1…","hash":"a07…"}
//! ```
//! All that a record says is encrypted except its number, its time and the kind of its event, to which it is bound. The hash is that of the
//! line as it stands in the file, so the chain can be checked without the key.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use super::record::{Entry, Record};
use crate::encryption::Secret;
use crate::error::message;

/// The key that the records of a database are encrypted with.
#[derive(Debug)]
pub struct Seal(Secret);

impl Seal {
    pub fn new(key: Secret) -> Self {
        Self(key)
    }

    /// The record with its contents encrypted.
    pub fn seal(&self, record: Record) -> io::Result<Record> {
        let text = Zeroizing::new(serde_json::to_vec(&record.entry)?);
        let sealed = self.0.seal(about(&record).as_bytes(), &text).map_err(|error| io::Error::other(message(&error)))?;
        let entry = Entry::new(record.entry.event);
        Ok(Record { entry, sealed: Some(BASE64.encode(sealed)), ..record })
    }

    /// What an encrypted record says; `None` when it is not what was written with this key.
    pub fn open(&self, record: &Record) -> Option<Entry> {
        let sealed = BASE64.decode(record.sealed.as_ref()?).ok()?;
        let text = self.0.open(about(record).as_bytes(), &sealed)?;
        serde_json::from_slice(&text).ok()
    }
}

/// What the contents of a record are bound to, so that they cannot be moved to another.
fn about(record: &Record) -> String {
    format!("audit.log {} {} {}", record.number, record.at, record.entry.event.word())
}
