//! Encryption of a database that was not: of the copy that a restore makes, before it is a database for anybody.
//!
//! Every data file is written again, encrypted with a key of its own, and the values of the catalog are encrypted with a new database key.
//! The copy is renamed to its place only when all of that is on disk; if the restore stops before that, it is removed.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use rusqlite::{Row, TransactionBehavior, params};

use super::Catalog;
use super::compaction::batches;
use super::data::{DataFile, DataFolder};
use super::keys::{Keyring, Link, SEALED, Unlock, values};
use crate::encryption::MasterKeys;
use crate::error::{failed, invalid};

/// The number of bytes a file may buffer in memory.
const MOST_WAITING: usize = 64 << 20;

/// The files that a snapshot names, and whether their rows are sorted by the first column, as those of a profile are.
const FILES: &str = "SELECT id, name, bytes, rows, checksum, part = 'rows' AND EXISTS (
        SELECT 1 FROM snapshot_files f JOIN snapshots s ON s.id = f.snapshot WHERE f.file = files.id AND s.kind = 'profile')
    FROM files WHERE id IN (SELECT file FROM snapshot_files) ORDER BY id";

/// Fails, before anything is made, when there is no suitable master key.
///
/// # Errors
/// There is none.
pub fn check(place: &str, masters: &MasterKeys, id: Option<&str>) -> Result<()> {
    Keyring::new(place, Unlock::Encrypting(masters.clone(), id.map(str::to_string))).check()
}

/// Encrypts the database in a directory that nobody else uses, with the master key of this id or the newest.
///
/// # Errors
/// It is encrypted already, a file is damaged, or the disk is full or fails. What is left then is no database.
pub fn encrypt(directory: &Path, masters: &MasterKeys, id: Option<&str>) -> Result<()> {
    let catalog = Catalog::open_with(directory, Unlock::Locked)?;
    if catalog.master_key()?.is_some() {
        return Err(invalid("restore", "the database in the archive is encrypted already; restore it without --encrypt"));
    }
    let keys = Keyring::new(&catalog.place, Unlock::Encrypting(masters.clone(), id.map(str::to_string)));
    let folder = DataFolder::of(catalog.directory().unwrap_or(directory), true, true)?;
    let file = |row: &Row<'_>| -> rusqlite::Result<(i64, bool, DataFile)> {
        let file = DataFile { name: row.get(1)?, bytes: row.get(2)?, rows: row.get(3)?, checksum: row.get(4)?, key: None };
        Ok((row.get(0)?, row.get(5)?, file))
    };
    let old: Vec<(i64, bool, DataFile)> = catalog.read(|connection| connection.prepare(FILES)?.query_map([], file)?.collect())?;
    let mut new = vec![];
    for (id, is_sorted, file) in &old {
        new.push((*id, rewritten(&catalog, &folder, file, is_sorted.then_some(0))?));
    }
    encrypt_catalog(&catalog, &keys, &new)?;
    for (.., file) in &old {
        let path = catalog.data.place(&file.name)?;
        std::fs::remove_file(&path).map_err(|error| failed(&path.display().to_string(), error))?;
    }
    Ok(())
}

/// A file with the same rows, encrypted.
fn rewritten(catalog: &Catalog, folder: &DataFolder, file: &DataFile, sorted_by: Option<usize>) -> Result<DataFile> {
    let pinned = catalog.data.pin(file)?;
    let mut writer = folder.create(&pinned.schema, sorted_by)?;
    for batch in batches(&pinned)? {
        writer.write(&RecordBatch::try_new(Arc::clone(&pinned.schema), batch?.columns().to_vec())?)?;
        if writer.memory() > MOST_WAITING {
            writer.flush()?;
        }
    }
    let written = writer.finish()?;
    let new = written.file.clone();
    // Nobody else is there to collect it.
    written.let_go();
    Ok(new)
}

/// Makes the key of the database, encrypts all values with it and names the new files, in one transaction.
fn encrypt_catalog(catalog: &Catalog, keys: &Keyring, files: &[(i64, DataFile)]) -> Result<()> {
    let mut opened = catalog.opened.lock();
    let mut change = || -> rusqlite::Result<Result<()>> {
        let transaction = opened.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Err(error) = keys.begin(&transaction)? {
            return Ok(Err(error));
        }
        let link = Link::new(&transaction, keys);
        link.execute("DELETE FROM files WHERE id NOT IN (SELECT file FROM snapshot_files)", [])?;
        for (id, file) in files {
            let key = link.seal_key(file)?;
            let named = "UPDATE files SET name = ?2, bytes = ?3, rows = ?4, checksum = ?5, key = ?6 WHERE id = ?1";
            link.execute(named, params![id, file.name, file.bytes, file.rows, file.checksum, key])?;
        }
        for (table, column, row) in SEALED.iter().filter(|sealed| sealed.0 != "files") {
            for (number, about, text) in values(&link, table, column, row)? {
                let sealed = link.sealed(&format!("{table}.{column}"), about, text.as_bytes())?;
                link.execute(&format!("UPDATE {table} SET {column} = ?2 WHERE rowid = ?1"), params![number, sealed])?;
            }
        }
        transaction.commit()?;
        // Without the pages that held values in clear.
        opened.connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")?;
        Ok(Ok(()))
    };
    change().map_err(|error| catalog.fail(&error))?
}
