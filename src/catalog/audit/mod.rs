//! The audit log: who read which class of which table for which purpose, and who changed what others may, as a chain of records.
//!
//! ```text
//! audit.log    {"number":1,"at":"2026-11-27T22:24:50.123456Z","event":"read", … ,"previous":"000…","hash":"5d1…"}
//!              {"number":2, … ,"previous":"5d1…","hash":"a07…"}            one record a line, each naming the hash of the one before
//! audit.head   {"number":2,"hash":"a07…"}                                  the last record that was brought to disk
//! ```
//! The hash of a record is the SHA-256 of its line without `,"hash":"…"`, in hexadecimal digits; with a key it is HMAC-SHA-256 (RFC 2104), and the
//! record names the version of the key. So a record that is changed, taken away, moved or put in shows, see [`verify`]: anyone can check the
//! chain with a few lines of any language. Who can write the file could write the whole chain anew; not with a key that is kept elsewhere,
//! and not where the number and hash of a record were written down elsewhere.
//!
//! The log is a file of its own and no table of the catalog. A record stays when the transaction that it was made in is rolled back, is written
//! while another process holds the catalog, and is not part of the copy of the catalog that a transaction works on. Records are only ever
//! appended, so that the file may be made append-only (`chattr +a`) and be followed by what ships logs.
//!
//! A writer holds the lock of the operating system on the file, looks at what others have appended meanwhile, appends its records with one
//! write, and brings them to disk before the statement gives its first row. The lock goes with the process, however it ends. What a machine
//! that loses power leaves of a line is closed by the next writer, and does not count: nothing was given for it.

mod log;
mod record;
mod verify;

pub use log::AuditLog;
pub use record::{Entry, Event, Events};
pub use verify::{Expected, Problem, Verified};

use ring::{digest, hmac};

/// The file of the records.
pub const LOG: &str = "audit.log";
/// The file that names the last of them.
pub const HEAD: &str = "audit.head";

/// The key of the chain, with the name of its version.
#[derive(Clone)]
pub struct AuditKey {
    pub version: String,
    pub key: hmac::Key,
}

// Keys are in no log.
impl std::fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditKey").field("version", &self.version).finish_non_exhaustive()
    }
}

/// The hash of a record's line without its hash.
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

/// What the first record names as the one before.
fn nothing_before() -> String {
    "0".repeat(HASH)
}

/// Digits of a hash.
const HASH: usize = 64;

#[cfg(test)]
mod tests;
