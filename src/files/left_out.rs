//! What a folder or pattern contains besides the files that are read, and the notes about it.

use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::Session;
use parking_lot::Mutex;

use crate::adapter::unread::Unread;
use crate::settings::carried;
use crate::temporary::BESIDE;

/// How many names a note lists.
const SHOWN: usize = 3;
/// How the names of files and folders begin that programs put beside rows, and that never have rows themselves.
const MARKERS: [&str; 11] =
    ["_SUCCESS", "_committed_", "_started_", "_metadata", "_common_metadata", "~$", "._", ".~lock", ".nfs", ".DS_Store", ".git"];
/// The same, by whole names and endings.
const OTHER_MARKERS: [&str; 4] = [".crc", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints"];
/// The folder that Delta Lake keeps in each of its tables.
const DELTA_LOG: &str = "_delta_log";

/// What is in a location and not read, by the names that the user would write.
#[derive(Debug, Clone, Default)]
pub struct LeftOut {
    /// Names that begin with `_` or `.`.
    hidden: Vec<String>,
    /// Files of other kinds.
    others: Vec<String>,
    /// Files without a byte.
    empty: Vec<String>,
    is_delta: bool,
}

impl LeftOut {
    /// Adds a file or folder whose name does not count, or else a file of another kind.
    pub fn add(&mut self, path: &Path, is_hidden: bool) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.is_delta |= name == DELTA_LOG;
        if name == DELTA_LOG || is_marker(&name) {
            return;
        }
        let names = if is_hidden { &mut self.hidden } else { &mut self.others };
        names.push(path.display().to_string());
    }

    /// True for the folder that says that a Delta Lake table is around it.
    pub fn is_delta_log(path: &Path) -> bool {
        path.file_name().is_some_and(|name| name == DELTA_LOG)
    }

    /// True for what is worth a note: anything but a marker.
    pub fn is_told(path: &Path) -> bool {
        !is_marker(&path.file_name().unwrap_or_default().to_string_lossy())
    }

    /// Adds a file that has no bytes.
    pub fn is_empty(&mut self, name: &str) {
        self.empty.push(name.to_string());
    }

    /// The same, with names relative to `base`, as they are shown.
    pub fn seen_from(mut self, base: &Path) -> Self {
        for name in self.hidden.iter_mut().chain(&mut self.others) {
            if let Ok(within) = Path::new(name.as_str()).strip_prefix(base) {
                *name = within.display().to_string();
            }
        }
        self
    }

    /// The notes about a location.
    pub fn notes(mut self, location: &str) -> Vec<String> {
        let mut notes = vec![];
        if let Some(names) = listed(&mut self.hidden) {
            notes.push(format!("{location}: left out {names}, because names that begin with _ or . do not count"));
        }
        if let Some(names) = listed(&mut self.others) {
            notes.push(format!("{location}: left out {names}, of another kind than the files that are read"));
        }
        if let Some(names) = listed(&mut self.empty) {
            notes.push(format!("{location}: no rows in {names}, without a single byte"));
        }
        if self.is_delta {
            notes.push(format!(
                "{location}: {DELTA_LOG} makes it a Delta Lake table, whose log tells which files count; all of them are read here, also \
                 those that were replaced"
            ));
        }
        notes
    }
}

fn is_marker(name: &str) -> bool {
    BESIDE.is_one(name)
        || MARKERS.iter().any(|marker| name.starts_with(marker))
        || OTHER_MARKERS.iter().any(|end| name.ends_with(end))
}

/// The first names, and how many more there are.
fn listed(names: &mut Vec<String>) -> Option<String> {
    names.sort();
    names.dedup();
    match names.as_slice() {
        [] => None,
        names if names.len() <= SHOWN => Some(names.join(", ")),
        names => Some(format!("{} (+{})", names[..SHOWN].join(", "), names.len() - SHOWN)),
    }
}

/// The notes about what one statement reads: its files, strings that functions could not read, segments of an earlier version. Passed on in the settings with
/// which its plans are made.
#[derive(Debug, Clone, Default)]
pub struct FileNotes {
    told: Arc<Mutex<Vec<String>>>,
    /// Passed on by itself to the functions, which know nothing of files.
    pub unread: Unread,
}

carried!(FileNotes, "file_notes_of_statement");

impl FileNotes {
    /// Adds notes, each once.
    pub fn tell(&self, notes: &[String]) {
        let mut told = self.told.lock();
        for note in notes {
            if !told.contains(note) {
                told.push(note.clone());
            }
        }
    }

    /// All notes so far.
    pub fn all(&self) -> Vec<String> {
        let mut notes = self.told.lock().clone();
        notes.extend(self.unread.notes());
        notes
    }
}

/// Tells the user about the files of a statement that is planned in a session.
pub fn tell(session: &dyn Session, notes: &[String]) {
    if let Some(told) = session.config_options().extensions.get::<FileNotes>() {
        told.tell(notes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_not_told() {
        let mut left = LeftOut::default();
        for name in ["_SUCCESS", "a/.part-0.parquet.crc", ".DS_Store", "~$book.xlsx", "._a.csv", ".portrait-812-0.partial"] {
            left.add(Path::new(name), true);
        }
        left.add(Path::new("a/part-0.parquet.crc"), false);
        assert!(left.clone().notes("x").is_empty());
        for name in ["_tmp.csv", "_d.csv", "_c.csv", ".b.csv"] {
            left.add(Path::new(name), true);
        }
        let notes = left.notes("x");
        assert_eq!(notes, ["x: left out .b.csv, _c.csv, _d.csv (+1), because names that begin with _ or . do not count"]);
    }
}
