//! Checks everything that a database holds: whether it is complete and unchanged.
//!
//! A query verifies what it reads. This verifies what nothing may have read for a long time, before a backup replaces the last good one.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

use datafusion::common::Result;
use rusqlite::Connection;

use super::Catalog;
use super::audit;
use super::data::DataFile;
use super::keys::Link;
use crate::error::message;

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The object that the file or row belongs to, such as `profile customer`; empty for a file that nothing refers to.
    pub object: String,
    /// The file, when the problem is about one.
    pub file: String,
    /// `damaged`, `missing`, `orphaned` (left by a statement that did not end) or `foreign` (not written by this program).
    pub state: &'static str,
    /// A description of the problem.
    pub problem: String,
}

impl Finding {
    /// True when data is lost. Files that nothing refers to take space, and no more.
    pub fn is_loss(&self) -> bool {
        !matches!(self.state, "orphaned" | "foreign")
    }
}

/// The result of a check.
#[derive(Debug, Default)]
pub struct Checked {
    /// The number of tables and profiles with files.
    pub objects: usize,
    /// The number of their files.
    pub files: usize,
    /// Their total size in bytes.
    pub bytes: u64,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// A file and the object that refers to it.
struct Named {
    object: String,
    file: DataFile,
}

impl Catalog {
    /// The files of all snapshots, with their objects and paths.
    ///
    /// # Errors
    /// The catalog cannot be read, or it has a file name that this program would not have given.
    pub fn files(&self) -> Result<Vec<(String, DataFile, PathBuf)>> {
        let named = self.read(named)?;
        named.into_iter().map(|Named { object, file }| self.data.place(&file.name).map(|path| (object, file, path))).collect()
    }

    /// Reads everything that the catalog refers to and compares it with what was written, and looks for files that nothing refers to.
    /// Others may work meanwhile: what they remove is not reported as missing, and what they write is not reported as orphaned.
    ///
    /// # Errors
    /// The catalog or the folder cannot be read at all.
    pub fn check(&self) -> Result<Checked> {
        let mut checked = Checked::default();
        let structure = self.read(structure)?;
        let catalog = |problem: String| Finding { object: "catalog".into(), file: super::FILE.into(), state: "damaged", problem };
        checked.findings.extend(structure.into_iter().map(catalog));
        let named = self.read(named)?;
        checked.objects = named.iter().map(|named| &named.object).collect::<BTreeSet<_>>().len();
        let mut seen = HashSet::new();
        for Named { object, file } in &named {
            let is_new = seen.insert(file.name.as_str());
            if is_new {
                checked.files += 1;
                checked.bytes += u64::try_from(file.bytes).unwrap_or(0);
            }
            // What is known of the file stays: statements of this process may be reading it.
            let Err(error) = self.data.pin_anew(file) else { continue };
            if !self.read(|connection| is_named(connection, &file.name))? {
                continue;
            }
            let is_missing = self.data.place(&file.name).is_ok_and(|path| path.symlink_metadata().is_err());
            let state = if is_missing { "missing" } else { "damaged" };
            checked.findings.push(Finding { object: object.clone(), file: file.name.clone(), state, problem: message(&error) });
        }
        let of_record = |problem: audit::Problem| Finding {
            object: "audit".into(),
            file: audit::LOG.into(),
            state: "damaged",
            problem: format!("record {} {}", problem.number, problem.text),
        };
        checked.findings.extend(self.audit.verify(None)?.problems.into_iter().map(of_record));
        let orphans = self.orphans()?;
        checked.findings.extend(orphans.into_iter().map(|file| {
            let (state, problem) = match self.data.place(&file) {
                Ok(_) => (
                    "orphaned",
                    "nothing refers to it, and nobody is writing it: a statement did not end; the next one that writes removes it",
                ),
                Err(_) => ("foreign", "this program did not write it, and does not remove it; move it out of the folder"),
            };
            Finding { object: String::new(), file, state, problem: problem.into() }
        }));
        Ok(checked)
    }
}

/// Problems that SQLite finds in its own file, and inconsistent rows.
fn structure(connection: &Link<'_>) -> rusqlite::Result<Vec<String>> {
    let mut query = connection.prepare("PRAGMA integrity_check(20)")?;
    let mut problems: Vec<String> = query.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    problems.retain(|problem| problem != "ok");
    let mut query = connection.prepare("SELECT \"table\", \"parent\" FROM pragma_foreign_key_check")?;
    let broken = query.query_map([], |row| {
        let (table, parent): (String, String) = (row.get(0)?, row.get(1)?);
        Ok(format!("a row of {table} refers to a row of {parent} that does not exist"))
    })?;
    problems.extend(broken.collect::<rusqlite::Result<Vec<_>>>()?);
    let without = "SELECT kind || ' ' || name || ', snapshot ' || id FROM snapshots s
        WHERE NOT EXISTS (SELECT 1 FROM snapshot_files f WHERE f.snapshot = s.id)";
    let mut query = connection.prepare(without)?;
    let without = query.query_map([], |row| Ok(format!("{} has no files", row.get::<_, String>(0)?)))?;
    problems.extend(without.collect::<rusqlite::Result<Vec<_>>>()?);
    problems.extend(connection.unreadable()?);
    Ok(problems)
}

/// The files of all snapshots, each with the objects that refer to it.
fn named(connection: &Link<'_>) -> rusqlite::Result<Vec<Named>> {
    const NAMED: &str = "SELECT DISTINCT s.kind || ' ' || s.name, f.name, f.bytes, f.rows, f.checksum, f.key
        FROM files f JOIN snapshot_files n ON n.file = f.id JOIN snapshots s ON s.id = n.snapshot ORDER BY 1, f.id";
    let mut query = connection.prepare(NAMED)?;
    let named = query.query_and_then([], |row| {
        let file = DataFile { name: row.get(1)?, bytes: row.get(2)?, rows: row.get(3)?, checksum: row.get(4)?, key: None };
        Ok(Named { object: row.get(0)?, file: connection.with_key(file, row.get(5)?)? })
    })?;
    named.collect()
}

fn is_named(connection: &Connection, file: &str) -> rusqlite::Result<bool> {
    let query = "SELECT 1 FROM files f JOIN snapshot_files n ON n.file = f.id WHERE f.name = ?1";
    connection.prepare_cached(query)?.exists([file])
}
