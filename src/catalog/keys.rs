//! The keys of an encrypted database, and the catalog values that are encrypted with them.
//!
//! The catalog is an SQLite file, in which names, numbers and times are stored in clear: SQLite looks them up, sorts and counts them.
//! Anything that may contain personal data is encrypted before SQLite stores it: the SQL of definitions with its literals, comments, what
//! models have learned, messages of runs, failed statements, examples of checks, reasons of erasures. [`SEALED`] lists them. Such a value
//! has the form `id of the database key:base64` and is bound to its table, column and row, so that it cannot be moved to another. The keys of data files are
//! among these values, and are also bound to the name, size, row count and checksum of the file.
//!
//! All encryption goes through [`Link`], which is the connection together with the keys; everything that reads or writes the catalog uses
//! one. In an unencrypted database, it passes values through unchanged.

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::ops::Deref;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use fail::fail_point;
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, params};

use super::Catalog;
use super::data::DataFile;
use crate::encryption::{MasterKeys, Secret};
use crate::error::{SqlState, coded, invalid, message, sqlstate};

/// The part of the catalog schema for keys.
pub const MIGRATION: &str = "
    -- The key of an encrypted database, wrapped by the master key of this id, and a known text encrypted with it. A database that is not
    -- encrypted has none.
    CREATE TABLE database_keys (
        id      INTEGER PRIMARY KEY AUTOINCREMENT,
        master  TEXT NOT NULL,
        wrapped TEXT NOT NULL,
        proof   TEXT NOT NULL,
        made_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    ) STRICT;
    -- The key of a file, encrypted with the key of the database.
    ALTER TABLE files ADD COLUMN key TEXT;
";

/// The part of the catalog schema for the key of the audit log.
pub const AUDIT_MIGRATION: &str = "
    -- The key of the records of the audit log of an encrypted database, encrypted with the key of the database. It stays the same when that
    -- is rotated, because the log is only appended to.
    CREATE TABLE audit_keys (
        id  INTEGER PRIMARY KEY,
        key TEXT NOT NULL
    ) STRICT;
";

/// The id of the key of the audit log.
const AUDIT_KEY: i64 = 1;

/// The encrypted values: table, column, and an SQL expression that identifies the row.
pub const SEALED: [(&str, &str, &str); 16] = [
    ("versions", "sql", "object || '.' || version"),
    ("comments", "comment", "object || '.' || \"column\""),
    ("models", "trained", "object || '.' || version"),
    ("runs", "message", "id"),
    ("runs", "statement", "id"),
    ("notices", "address", "id"),
    ("notices", "body", "id"),
    ("notices", "problem", "id"),
    ("check_results", "message", "object || '.' || version || '.' || at"),
    ("check_results", "examples", "object || '.' || version || '.' || at"),
    ("check_results", "detail", "object || '.' || version || '.' || at"),
    ("drifts", "distribution", "object || '.' || since"),
    ("erasures", "reason", "id"),
    ("erased_objects", "object", "erasure || '.' || position"),
    ("files", "key", "name || '.' || bytes || '.' || rows || '.' || checksum"),
    ("audit_keys", "key", "id"),
];

/// The plaintext encrypted with each database key, to verify that a key is the right one.
const PROOF: &str = "portrait";

/// Which keys a database is opened with.
#[derive(Debug, Clone, Default)]
pub enum Unlock {
    /// Without master keys; a new database is not encrypted.
    #[default]
    WithoutKeys,
    With(MasterKeys),
    /// With these master keys; a new database is encrypted, wrapped by the master key of this id or by the newest.
    Encrypting(MasterKeys, Option<String>),
    /// Without keys, for inspection: encrypted values cannot be read.
    Locked,
}

impl Unlock {
    fn masters(&self) -> Option<&MasterKeys> {
        match self {
            Self::With(masters) | Self::Encrypting(masters, _) => Some(masters),
            Self::WithoutKeys | Self::Locked => None,
        }
    }
}

/// The database keys that this process has used so far.
#[derive(Debug)]
pub struct Keyring {
    place: String,
    unlock: Unlock,
    known: Mutex<HashMap<i64, Secret>>,
}

impl Keyring {
    /// An empty key ring for the database at this place.
    pub fn new(place: &str, unlock: Unlock) -> Self {
        Self { place: place.into(), unlock, known: Mutex::default() }
    }

    /// True once a database key was read.
    pub fn is_encrypted(&self) -> bool {
        !self.known.lock().is_empty()
    }

    /// True for an encrypted database that was opened without its keys.
    pub fn is_locked(&self, connection: &Connection) -> rusqlite::Result<bool> {
        Ok(matches!(self.unlock, Unlock::Locked) && newest(connection)?.is_some())
    }

    /// Fails, before anything is created, when a new database cannot be encrypted.
    ///
    /// # Errors
    /// There is no suitable master key.
    pub fn check(&self) -> Result<()> {
        match &self.unlock {
            Unlock::Encrypting(masters, id) => masters.newest(id.as_deref()).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// Reads the key of an existing database.
    ///
    /// # Errors
    /// It is encrypted, and the master key is missing or wrong; or it is not, and an encrypted one was asked for.
    pub fn unlock(&self, connection: &Connection) -> rusqlite::Result<Result<()>> {
        let newest = newest(connection)?;
        match (newest, &self.unlock) {
            (None, Unlock::Encrypting(..)) => {
                let problem = "holds a database that is not encrypted; make an encrypted copy with portrait backup and portrait restore --encrypt";
                Ok(Err(invalid(&self.place, problem)))
            }
            (None, _) | (Some(_), Unlock::Locked) => Ok(Ok(())),
            (Some(id), _) => Ok(self.secret(connection, id)?.map(|_| ())),
        }
    }

    /// Creates the first key of a new database, if it is to be encrypted.
    ///
    /// # Errors
    /// There is no suitable master key.
    pub fn begin(&self, connection: &Connection) -> rusqlite::Result<Result<()>> {
        let Unlock::Encrypting(masters, id) = &self.unlock else { return Ok(Ok(())) };
        match self.new_key(masters, id.as_deref()) {
            Ok(new) => self.add(connection, new).map(|_| Ok(())),
            Err(error) => Ok(Err(error)),
        }
    }

    fn new_key(&self, masters: &MasterKeys, id: Option<&str>) -> Result<NewKey> {
        let master = masters.newest(id)?;
        let secret = Secret::random()?;
        let wrapped = masters.wrap(&master, &secret)?;
        let proof = BASE64.encode(secret.seal(PROOF.as_bytes(), PROOF.as_bytes())?);
        // Make sure that an external key command can unwrap what it wrapped, before anything depends on the key.
        if masters.unwrap(&master, &wrapped)? != secret {
            return Err(invalid(&masters.to_string(), format!("unwraps another key than it has wrapped with {master}")));
        }
        Ok(NewKey { master, wrapped, proof, secret })
    }

    fn add(&self, connection: &Connection, new: NewKey) -> rusqlite::Result<i64> {
        let insert = "INSERT INTO database_keys (master, wrapped, proof) VALUES (?1, ?2, ?3)";
        connection.execute(insert, params![new.master, new.wrapped, new.proof])?;
        let id = connection.last_insert_rowid();
        self.known.lock().insert(id, new.secret);
        Ok(id)
    }

    /// The database key of this id.
    fn secret(&self, connection: &Connection, id: i64) -> rusqlite::Result<Result<Secret>> {
        if let Some(secret) = self.known.lock().get(&id) {
            return Ok(Ok(secret.clone()));
        }
        let query = "SELECT master, wrapped, proof FROM database_keys WHERE id = ?1";
        let found = connection.query_row(query, [id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
        let Some((master, wrapped, proof)): Option<(String, String, String)> = found else {
            return Ok(Err(self.damaged(&format!("refers to database key {id}, which does not exist"))));
        };
        let unlocked = self.unwrapped(&master, &wrapped, &proof);
        if let Ok(secret) = &unlocked {
            self.known.lock().insert(id, secret.clone());
        }
        Ok(unlocked)
    }

    fn unwrapped(&self, master: &str, wrapped: &str, proof: &str) -> Result<Secret> {
        let Some(masters) = self.unlock.masters() else {
            let problem = format!(
                "is encrypted with master key {master}, and no key was given; name where it is with --key-file, --key-command, --kms-command or the environment variable PORTRAIT_KEY"
            );
            return Err(coded(SqlState::INVALID_AUTHORIZATION, &self.place, problem));
        };
        let refused =
            |problem: String| coded(SqlState::INVALID_AUTHORIZATION, &self.place, format!("cannot be decrypted: {problem}"));
        let secret = masters.unwrap(master, wrapped).map_err(|error| refused(message(&error)))?;
        let proven = BASE64.decode(proof).ok().and_then(|proof| secret.open(PROOF.as_bytes(), &proof));
        match proven {
            Some(text) if text.as_slice() == PROOF.as_bytes() => Ok(secret),
            _ => Err(refused(format!("{masters}: key {master} is not the one that the database was encrypted with"))),
        }
    }

    fn damaged(&self, problem: &str) -> DataFusionError {
        let problem = format!("{} is damaged: {problem}; restore the database from a backup", super::FILE);
        coded(SqlState::DATA_CORRUPTED, &self.place, problem)
    }
}

struct NewKey {
    master: String,
    wrapped: String,
    proof: String,
    secret: Secret,
}

/// The id of the key that encrypts new values; `None` in an unencrypted database.
fn newest(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached("SELECT max(id) FROM database_keys")?.query_row([], |row| row.get(0))
}

/// The catalog's connection together with the keys.
pub struct Link<'a> {
    connection: &'a Connection,
    keys: &'a Keyring,
}

impl Deref for Link<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl<'a> Link<'a> {
    pub fn new(connection: &'a Connection, keys: &'a Keyring) -> Self {
        Self { connection, keys }
    }

    /// Encrypts a value for storing. `field` is `table.column`, and `row` identifies the row, both as in [`SEALED`].
    pub fn seal(&self, field: &str, row: impl Display, text: &str) -> rusqlite::Result<String> {
        if text.is_empty() || !self.keys.is_encrypted() {
            if self.keys.is_locked(self.connection)? {
                let problem = "is encrypted and was opened without its keys, so that nothing can be written";
                return Err(unreadable(&coded(SqlState::INVALID_AUTHORIZATION, &self.keys.place, problem)));
            }
            return Ok(text.into());
        }
        self.sealed(field, row, text.as_bytes())
    }

    /// Decrypts a stored value.
    pub fn open(&self, field: &str, row: impl Display, text: String) -> rusqlite::Result<String> {
        if text.is_empty() || !self.keys.is_encrypted() {
            return Ok(text);
        }
        let bytes = self.opened(field, row, &text)?;
        String::from_utf8(bytes).map_err(|_| unreadable(&self.keys.damaged(&format!("{field} is not text"))))
    }

    /// All non-empty texts of a column, decrypted where they are encrypted.
    pub fn texts(&self, table: &str, column: &str) -> rusqlite::Result<Vec<Text>> {
        let field = format!("{table}.{column}");
        let sealed = SEALED.iter().find(|(own, of, _)| *own == table && *of == column).map(|(.., row)| *row);
        let text = |(number, row, text): (i64, String, String)| {
            let text = if sealed.is_some() { self.open(&field, &row, text)? } else { text };
            Ok(Text { number, row, text, field: sealed.is_some().then(|| field.clone()) })
        };
        values(self.connection, table, column, sealed.unwrap_or("rowid"))?.into_iter().map(text).collect()
    }

    /// Encrypts the texts of a column that earlier programs stored in clear.
    pub fn seal_all(&self, table: &str, column: &str) -> rusqlite::Result<()> {
        let Some((.., row)) = SEALED.iter().find(|(own, of, _)| *own == table && *of == column) else { return Ok(()) };
        let field = format!("{table}.{column}");
        for (number, row, text) in values(self.connection, table, column, row)? {
            self.put_text(table, column, &Text { number, row, field: Some(field.clone()), text: String::new() }, &text)?;
        }
        Ok(())
    }

    /// Replaces a text by another.
    pub fn put_text(&self, table: &str, column: &str, old: &Text, new: &str) -> rusqlite::Result<()> {
        let new = match &old.field {
            Some(field) => self.seal(field, &old.row, new)?,
            None => new.to_string(),
        };
        self.connection
            .execute(&format!("UPDATE {table} SET {column} = ?2 WHERE rowid = ?1"), rusqlite::params![old.number, new])?;
        Ok(())
    }

    /// Encrypts the key of a file for storing.
    pub fn seal_key(&self, file: &DataFile) -> rusqlite::Result<Option<String>> {
        let Some(key) = &file.key else { return Ok(None) };
        self.sealed("files.key", about(file), key.bytes()).map(Some)
    }

    /// Adds the stored key to a file.
    pub fn with_key(&self, mut file: DataFile, key: Option<String>) -> rusqlite::Result<DataFile> {
        if let Some(key) = key.filter(|_| self.keys.is_encrypted()) {
            let bytes = zeroize::Zeroizing::new(self.opened("files.key", about(&file), &key)?);
            file.key = Some(
                Secret::of(&bytes)
                    .ok_or_else(|| unreadable(&self.keys.damaged(&format!("the key of {} is not a valid key", file.name))))?,
            );
        } else if self.keys.is_encrypted() {
            return Err(unreadable(&self.keys.damaged(&format!("the key of {} is missing", file.name))));
        }
        Ok(file)
    }

    /// Encrypts bytes for storing with the newest key; there must be one.
    pub fn sealed(&self, field: &str, row: impl Display, bytes: &[u8]) -> rusqlite::Result<String> {
        let Some(id) = newest(self.connection)? else {
            return Err(unreadable(&self.keys.damaged("the database key is missing")));
        };
        let secret = self.keys.secret(self.connection, id)?.map_err(|error| unreadable(&error))?;
        let sealed = secret.seal(format!("{field} {row}").as_bytes(), bytes).map_err(|error| unreadable(&error))?;
        Ok(format!("{id}:{}", BASE64.encode(sealed)))
    }

    fn opened(&self, field: &str, row: impl Display, text: &str) -> rusqlite::Result<Vec<u8>> {
        let damaged = || unreadable(&self.keys.damaged(&format!("{field} of row {row} is not what was written")));
        let (id, sealed) = text.split_once(':').ok_or_else(damaged)?;
        let (id, sealed) = (id.parse().map_err(|_| damaged())?, BASE64.decode(sealed).map_err(|_| damaged())?);
        let secret = self.keys.secret(self.connection, id)?.map_err(|error| unreadable(&error))?;
        let mut bytes = secret.open(format!("{field} {row}").as_bytes(), &sealed).ok_or_else(damaged)?;
        Ok(std::mem::take(&mut *bytes))
    }

    /// The key of the audit log, if it was made.
    fn audit_key(&self) -> rusqlite::Result<Option<Secret>> {
        let query = "SELECT key FROM audit_keys WHERE id = ?1";
        let stored: Option<String> = self.connection.query_row(query, [AUDIT_KEY], |row| row.get(0)).optional()?;
        let Some(sealed) = stored else { return Ok(None) };
        let bytes = zeroize::Zeroizing::new(self.opened("audit_keys.key", AUDIT_KEY, &sealed)?);
        let key =
            Secret::of(&bytes).ok_or_else(|| unreadable(&self.keys.damaged("the key of the audit log is not a valid key")))?;
        Ok(Some(key))
    }

    /// Descriptions of the encrypted values that cannot be decrypted.
    pub fn unreadable(&self) -> rusqlite::Result<Vec<String>> {
        let mut problems = vec![];
        if !self.keys.is_encrypted() {
            return Ok(problems);
        }
        for (table, column, row) in SEALED {
            for (_, row, text) in values(self.connection, table, column, row)? {
                if let Err(error) = self.opened(&format!("{table}.{column}"), row, &text) {
                    problems.push(own(&self.keys.place, &error).map_or_else(|| error.to_string(), |error| message(&error)));
                }
            }
        }
        Ok(problems)
    }
}

/// A text in the catalog.
pub struct Text {
    /// The rowid of its row.
    pub number: i64,
    /// The identity that an encrypted text is bound to.
    row: String,
    pub text: String,
    /// `table.column`, when it is encrypted.
    field: Option<String>,
}

/// The identity that the key of a file is bound to.
fn about(file: &DataFile) -> String {
    format!("{}.{}.{}.{}", file.name, file.bytes, file.rows, file.checksum)
}

/// The non-empty values of a column, with rowid and row identity.
pub fn values(connection: &Connection, table: &str, column: &str, row: &str) -> rusqlite::Result<Vec<(i64, String, String)>> {
    let query = format!("SELECT rowid, CAST({row} AS TEXT), {column} FROM {table} WHERE {column} IS NOT NULL AND {column} <> ''");
    connection.prepare(&query)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
}

impl Catalog {
    /// True for a database that is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.keys.is_encrypted()
    }

    /// The id of the master key that wraps the database key; `None` when the database is not encrypted.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn master_key(&self) -> Result<Option<String>> {
        let query = "SELECT master FROM database_keys ORDER BY id DESC LIMIT 1";
        self.read(|connection| connection.query_row(query, [], |row| row.get(0)).optional())
    }

    /// The key that the records of the audit log are encrypted with in an encrypted database. It is made when there is none.
    ///
    /// # Errors
    /// The catalog cannot be read, or not be written when there is no key yet.
    pub fn audit_key(&self) -> Result<Secret> {
        if let Some(key) = self.read(|link| link.audit_key())? {
            return Ok(key);
        }
        let new = Secret::random()?;
        self.write(|link| {
            // Another process may have made one meanwhile.
            if let Some(key) = link.audit_key()? {
                return Ok(key);
            }
            let sealed = link.sealed("audit_keys.key", AUDIT_KEY, new.bytes())?;
            link.execute("INSERT INTO audit_keys (id, key) VALUES (?1, ?2)", params![AUDIT_KEY, sealed])?;
            Ok(new)
        })
    }

    /// Creates a new database key, wrapped by the master key of this id or by the newest, and encrypts all values again with it, in one
    /// transaction. Data files remain, with their own keys. Returns the id of the master key.
    ///
    /// # Errors
    /// The database is not encrypted, a master key is missing, or an encrypted value cannot be read. Then nothing is changed.
    pub fn rotate_key(&self, master: Option<&str>) -> Result<String> {
        let Some(masters) = self.keys.unlock.masters().filter(|_| self.is_encrypted()) else {
            return Err(invalid(&self.place, "is not encrypted; portrait init --encrypt creates an encrypted database"));
        };
        let new = self.keys.new_key(masters, master)?;
        let master = new.master.clone();
        let mut number = None;
        let rotated = self.write(|link| {
            let mut opened = vec![];
            for (table, column, row) in SEALED {
                let field = format!("{table}.{column}");
                for (id, row, text) in values(link, table, column, row)? {
                    let bytes = zeroize::Zeroizing::new(link.opened(&field, &row, &text)?);
                    opened.push((table, column, id, row, bytes));
                }
            }
            let id = self.keys.add(link, new)?;
            number = Some(id);
            fail_point!("rotate::added", |_| std::process::abort());
            for (table, column, row, about, bytes) in opened {
                let sealed = link.sealed(&format!("{table}.{column}"), about, &bytes)?;
                link.execute(&format!("UPDATE {table} SET {column} = ?2 WHERE rowid = ?1"), params![row, sealed])?;
            }
            // The old key goes, so that the old master key opens nothing in the new catalog.
            link.execute("DELETE FROM database_keys WHERE id <> ?1", [id])?;
            fail_point!("rotate::sealed", |_| std::process::abort());
            Ok(())
        });
        fail_point!("rotate::committed", |_| std::process::abort());
        if let (Err(_), Some(number)) = (&rotated, number) {
            self.keys.known.lock().remove(&number);
        }
        rotated?;
        self.forget_writes();
        Ok(master)
    }
}

/// One of our errors, wrapped so that it can pass through rusqlite.
#[derive(Debug)]
struct Unreadable {
    state: SqlState,
    text: String,
}

impl Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Unreadable {}

fn unreadable(error: &DataFusionError) -> rusqlite::Error {
    let problem = Unreadable { state: sqlstate(error), text: message(error) };
    rusqlite::Error::ToSqlConversionFailure(Box::new(problem))
}

/// Unwraps one of our errors from an rusqlite error.
pub fn own(place: &str, error: &rusqlite::Error) -> Option<DataFusionError> {
    let rusqlite::Error::ToSqlConversionFailure(inner) = error else { return None };
    let Unreadable { state, text } = inner.downcast_ref()?;
    let problem = text.strip_prefix(place).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(text);
    Some(coded(*state, place, problem))
}
