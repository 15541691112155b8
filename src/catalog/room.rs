//! Disk space kept in reserve, so that a full disk can be freed up.
//!
//! Dropping a table needs space before it frees any: the catalog writes the change to its WAL, and a writing statement holds a lock, which
//! is a file. So a database keeps a file without content of value, `reserve`, at least as large as its catalog. A DROP that finds the disk
//! full removes it; it is created again once there is space.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use super::access::Access;
use super::unwritable::Unwritable;
use super::{Catalog, FILE};

pub const RESERVE: &str = "reserve";
/// The minimum reserve in bytes: enough for lock files, and the WAL and its index of a small catalog.
const LEAST: u64 = 1 << 20;
/// The bytes that must be free to begin a transaction.
const NEEDED: usize = 256 << 10;

impl Catalog {
    /// Frees the reserve when the disk is full.
    pub fn make_room(&self) {
        if let Some(directory) = self.directory()
            && !self.is_transaction()
            && is_full(directory)
        {
            // If this fails, the statement reports the disk's error.
            let _ = std::fs::remove_file(directory.join(RESERVE));
        }
    }

    /// Creates the reserve, unless it exists or there is no space.
    pub fn keep_room(&self) {
        let Some(directory) = self.directory().filter(|_| !self.is_transaction()) else { return };
        let catalog = directory.join(FILE).metadata().map_or(0, |found| found.len());
        let (wanted, path) = (catalog.max(LEAST), directory.join(RESERVE));
        if path.metadata().is_ok_and(|found| found.len() >= wanted) {
            return;
        }
        if write(directory, RESERVE, usize::try_from(wanted).unwrap_or(usize::MAX)).is_err() {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// True when the disk is full. A lack of permission is not an answer here; the next write reports it.
fn is_full(directory: &Path) -> bool {
    let name = format!("{RESERVE}.{}", std::process::id());
    let written = write(directory, &name, NEEDED);
    let _ = std::fs::remove_file(directory.join(name));
    written.is_err_and(|error| Unwritable::of(&error) == Some(Unwritable::Full))
}

/// Writes pseudo-random bytes, which no file system can compress.
fn write(directory: &Path, name: &str, bytes: usize) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let access = Access::of(&directory.join(FILE));
    let mut file = access.open(options.write(true).create(true).truncate(true), &directory.join(name))?;
    let mut noise = blake3::Hasher::new().update(name.as_bytes()).finalize_xof();
    let mut block = vec![0; 64 << 10];
    let mut left = bytes;
    while left > 0 {
        noise.fill(&mut block);
        let now = left.min(block.len());
        file.write_all(&block[..now])?;
        left -= now;
    }
    Ok(())
}
