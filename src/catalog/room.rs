//! Room that is kept back on the disk, so that a full one can be emptied.
//!
//! Forgetting a table takes room before it gives any: the catalog writes what it forgets into its log, and a statement that writes holds a
//! lock, which is a file. So a database keeps a file of no use, `reserve`, as large as its catalog; a DROP that finds the disk full removes it,
//! and it is made again when there is room.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use super::access::Access;
use super::{Catalog, FILE};

const RESERVE: &str = "reserve";
/// Bytes that are always kept back: locks, log and its index of a small catalog.
const LEAST: u64 = 1 << 20;
/// Bytes that must be free for a transaction to begin.
const NEEDED: usize = 256 << 10;

impl Catalog {
    /// Gives up what is kept back when the disk is full.
    pub fn make_room(&self) {
        if let Some(directory) = self.directory()
            && !self.is_transaction()
            && is_full(directory)
        {
            // Without it the statement says what the disk says.
            let _ = std::fs::remove_file(directory.join(RESERVE));
        }
    }

    /// Keeps room back, unless it is kept or there is none.
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

/// True when the disk is full. Whether this user may write at all is found out by the next write.
fn is_full(directory: &Path) -> bool {
    let name = format!("{RESERVE}.{}", std::process::id());
    let written = write(directory, &name, NEEDED);
    let _ = std::fs::remove_file(directory.join(name));
    let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::FileTooLarge];
    written.is_err_and(|error| full.contains(&error.kind()))
}

/// Writes bytes that no file system can make smaller.
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
