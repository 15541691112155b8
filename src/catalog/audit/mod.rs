//! The audit log: a chain of records of who read which classes of which table for which purpose, and who changed privileges, roles and
//! policies.
//!
//! ```text
//! audit.log    {"number":1,"at":"2026-11-27 22:24:50.123456","event":"read", … ,"previous":"000…","hash":"5d1…"}
//!              {"number":2, … ,"previous":"5d1…","hash":"a07…"}            one record a line, each naming the hash of the one before
//! audit.head   {"number":2,"hash":"a07…"}                                  the last record that was brought to disk
//! ```
//! The hash of a record is the SHA-256 of its line without `,"hash":"…"`, in hexadecimal; with a key it is HMAC-SHA-256 (RFC 2104), and the
//! record names the key's version. So a record that was changed, removed, moved or inserted is detected, see [`verify`]; anyone can check
//! the chain with a few lines of code in any language. Someone who can write the file could rewrite the whole chain, but not if the key is
//! kept elsewhere, and not undetected if the number and hash of a record were noted elsewhere. The records of an encrypted database are
//! encrypted, see [`sealing`].
//!
//! The log is a separate file, not a table of the catalog. So a record remains when its transaction is rolled back, can be written while
//! another process has the catalog locked, and is not part of a transaction's working copy of the catalog. Records are only ever appended,
//! so the file can be made append-only (`chattr +a`) and followed by log shippers.
//!
//! A writer takes the operating system's lock on the file, reads what others have appended meanwhile, appends its records with one write,
//! and syncs them to disk before the statement returns its first row. The lock is released when the process ends, however it ends. After a
//! power loss, a partial line is terminated by the next writer and ignored: no rows were returned for it.

mod log;
mod record;
mod sealing;
mod verify;

pub use log::AuditLog;
pub use record::{Entry, Event, Events};
pub use sealing::Seal;
pub use verify::{Expected, Problem, Verified};

use ring::{digest, hmac};

/// The file of the records.
pub const LOG: &str = "audit.log";
/// The file that names the last synced record.
pub const HEAD: &str = "audit.head";

/// The key of the hash chain, with the name of its version.
#[derive(Clone)]
pub struct AuditKey {
    pub version: String,
    pub key: hmac::Key,
}

// Keys must not appear in any log.
impl std::fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditKey").field("version", &self.version).finish_non_exhaustive()
    }
}

/// The hash of a record's line without the hash field.
fn hash_of(line: &[u8], key: Option<&AuditKey>) -> String {
    match key {
        Some(key) => hexadecimal(hmac::sign(&key.key, line).as_ref()),
        None => hexadecimal(digest::digest(&digest::SHA256, line).as_ref()),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The `previous` hash of the first record.
fn nothing_before() -> String {
    "0".repeat(HASH)
}

/// The number of hexadecimal digits in a hash.
const HASH: usize = 64;

#[cfg(test)]
mod tests;
