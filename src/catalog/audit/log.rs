//! The audit log as a file: appended to under a lock, and read.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use fail::fail_point;
use parking_lot::Mutex;

use super::record::{Entry, Event, Events, Last, Line, Record, line};
use super::sealing::Seal;
use super::verify::{Chain, Expected, Verified};
use super::{AuditKey, HEAD, LOG, hash_of};
use crate::catalog::access::Access;
use crate::catalog::runs::now;
use crate::catalog::unwritable::Unwritable;
use crate::error::{SqlState, coded};

/// The audit log of a database.
#[derive(Debug)]
pub struct AuditLog {
    /// The database directory; without one, records are kept in memory and vanish with the process.
    directory: Option<PathBuf>,
    access: Access,
    key: OnceLock<AuditKey>,
    /// What the records of an encrypted database are encrypted with; `Some(None)` when its key cannot be had.
    seal: OnceLock<Option<Seal>>,
    state: Mutex<State>,
}

/// What a writer knows of the log.
#[derive(Debug, Default)]
struct State {
    file: Option<File>,
    /// Whether the file is open for appending; until the first record of this process, it is only read.
    appends: bool,
    memory: Vec<u8>,
    /// Bytes that have been read so far, in whole lines.
    seen: u64,
    last: Last,
    events: Events,
}

impl AuditLog {
    /// The log in a database directory, or in memory without one.
    pub fn new(directory: Option<&Path>, access: Access) -> Self {
        let (key, seal) = (OnceLock::new(), OnceLock::new());
        Self { directory: directory.map(Path::to_path_buf), access, key, seal, state: Mutex::default() }
    }

    /// Sets the key that records are hashed with from now on.
    pub fn set_key(&self, key: AuditKey) {
        let _ = self.key.set(key);
    }

    /// Sets what the records of an encrypted database are encrypted with; without it, none can be written.
    pub fn set_seal(&self, seal: Option<Seal>) {
        let _ = self.seal.set(seal);
    }

    fn seal(&self) -> Option<&Seal> {
        self.seal.get().and_then(Option::as_ref)
    }

    /// False when the log cannot be written, as in a read-only database.
    pub fn is_writable(&self) -> bool {
        let mut options = OpenOptions::new();
        self.path(LOG)
            .is_none_or(|path| check_regular(&path).is_ok() && self.access.open(options.append(true).create(true), &path).is_ok())
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.directory.as_ref().map(|directory| directory.join(name))
    }

    /// Appends records and returns their numbers. With `settled`, they are on disk when this returns.
    ///
    /// # Errors
    /// The log cannot be written. The recorded action must then not be carried out.
    pub fn append(&self, entries: &[Entry], settled: bool) -> Result<Vec<u64>> {
        self.try_append(entries, settled).map_err(|error| self.unwritten(&error))
    }

    fn unwritten(&self, error: &io::Error) -> DataFusionError {
        let why = Unwritable::of(error);
        let place = self.path(LOG).map_or_else(|| LOG.to_string(), |path| path.display().to_string());
        let next = why.map_or_else(String::new, |why| format!("; {}", why.next_step()));
        let state = why.map_or(SqlState::IO_ERROR, Unwritable::state);
        coded(state, &place, format!("cannot be written, and what cannot be recorded is not done: {error}{next}"))
    }

    fn try_append(&self, entries: &[Entry], settled: bool) -> io::Result<Vec<u64>> {
        let mut state = self.state.lock();
        let state = &mut *state;
        let Some(path) = self.path(LOG) else {
            let (lines, last, numbers) = self.lines(entries, &state.last)?;
            state.memory.extend(lines);
            state.last = last;
            state.take_settings(entries);
            return Ok(numbers);
        };
        let is_new = !path.exists();
        if is_new || !state.is_of(&path) {
            *state = State::default();
        }
        if !state.appends {
            check_regular(&path)?;
            let mut options = OpenOptions::new();
            state.file = Some(self.access.open(options.read(true).append(true).create(true), &path)?);
            state.appends = true;
        }
        let State { file: Some(file), .. } = state else { return Err(io::Error::other("it is not open")) };
        let file = &file.try_clone()?;
        file.lock()?;
        let appended = self.append_to(state, file, &path, entries, settled, is_new);
        let _ = file.unlock();
        appended
    }

    fn append_to(
        &self,
        state: &mut State,
        mut file: &File,
        path: &Path,
        entries: &[Entry],
        settled: bool,
        is_new: bool,
    ) -> io::Result<Vec<u64>> {
        let length = state.catch_up(file, self.seal())?;
        let mut left = vec![];
        if length > state.seen {
            // The rest of a line after a power loss: a record that only lacks its newline counts as a record; anything less does not.
            file.seek(SeekFrom::Start(state.seen))?;
            file.take(length - state.seen).read_to_end(&mut left)?;
            if let Some(line) = Line::read(&left) {
                state.last = Last { number: line.number, hash: line.hash.to_string() };
            }
        }
        // The head names a record that is no longer there: continue after that record, so that the gap shows in a verification.
        if let Some(head) = self.head().filter(|head| head.number > state.last.number) {
            state.last = head;
        }
        let (mut lines, last, numbers) = self.lines(entries, &state.last)?;
        if !left.is_empty() {
            lines.insert(0, b'\n');
        }
        fail_point!("audit::append", |_| Err(io::Error::from(io::ErrorKind::StorageFull)));
        let written = file.write_all(&lines).and_then(|()| if settled { file.sync_data() } else { Ok(()) });
        if let Err(error) = written {
            let _ = file.set_len(length);
            return Err(error);
        }
        if is_new && let Some(directory) = path.parent() {
            File::open(directory)?.sync_all()?;
        }
        fail_point!("audit::appended");
        state.seen = length + lines.len() as u64;
        state.last = last;
        state.take_settings(entries);
        if settled {
            self.write_head(&state.last)?;
        }
        Ok(numbers)
    }

    /// Formats entries as lines that continue the chain after `last`.
    fn lines(&self, entries: &[Entry], last: &Last) -> io::Result<(Vec<u8>, Last, Vec<u64>)> {
        let (mut lines, mut last, mut numbers) = (vec![], last.clone(), vec![]);
        let key = self.key.get();
        for entry in entries {
            let record = Record {
                number: last.number + 1,
                at: crate::text::timestamp(now()),
                entry: entry.clone(),
                sealed: None,
                key: key.map(|key| key.version.clone()),
                previous: last.hash,
            };
            let record = match self.seal.get() {
                Some(Some(seal)) => seal.seal(record)?,
                Some(None) => return Err(io::Error::other(NO_SEAL)),
                None => record,
            };
            let (written, hash) = line(&record, |line| hash_of(line, key))?;
            lines.extend(written);
            numbers.push(record.number);
            last = Last { number: record.number, hash };
        }
        Ok((lines, last, numbers))
    }

    fn head(&self) -> Option<Last> {
        let path = self.path(HEAD)?;
        check_regular(&path).ok()?;
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    /// Stores the last record in the head file. It is overwritten in place; a torn write is not valid JSON and counts as no head, as only
    /// the log itself matters.
    fn write_head(&self, last: &Last) -> io::Result<()> {
        let Some(path) = self.path(HEAD) else { return Ok(()) };
        check_regular(&path)?;
        let mut options = OpenOptions::new();
        let mut file = self.access.open(options.write(true).create(true).truncate(false), &path)?;
        let text = serde_json::to_vec(last)?;
        file.write_all(&text)?;
        file.set_len(text.len() as u64)
    }

    /// The events that are recorded.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn events(&self) -> Result<Events> {
        let mut state = self.state.lock();
        let Some(path) = self.path(LOG) else { return Ok(state.events) };
        if !state.is_of(&path) {
            match open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Events::default()),
                Err(error) => return Err(self.unread(&error)),
                Ok(file) => *state = State { file: Some(file), ..State::default() },
            }
        }
        if let Some(file) = state.file.as_ref().map(File::try_clone) {
            file.and_then(|file| state.catch_up(&file, self.seal())).map_err(|error| self.unread(&error))?;
        }
        Ok(state.events)
    }

    fn unread(&self, error: &io::Error) -> DataFusionError {
        let place = self.path(LOG).map_or_else(|| LOG.to_string(), |path| path.display().to_string());
        coded(SqlState::IO_ERROR, &place, format!("cannot be read, and what cannot be recorded is not done: {error}"))
    }

    /// Calls `visit` for each line of the log in order, with false for a line without a newline.
    fn each_line(&self, mut visit: impl FnMut(&[u8], bool)) -> Result<()> {
        let read = |from: &mut dyn BufRead, visit: &mut dyn FnMut(&[u8], bool)| -> io::Result<()> {
            let mut line = vec![];
            while from.read_until(b'\n', &mut line)? > 0 {
                let is_whole = line.pop_if(|last| *last == b'\n').is_some();
                visit(&line, is_whole);
                line.clear();
            }
            Ok(())
        };
        let Some(path) = self.path(LOG) else {
            let lines = self.state.lock().memory.clone();
            return read(&mut lines.as_slice(), &mut visit).map_err(|error| self.unread(&error));
        };
        let file = match open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(|error| self.unread(&error))?,
        };
        // Under the lock, a concurrent writer has appended either nothing or all of its records.
        let length = file.lock_shared().and_then(|()| Ok(file.metadata()?.len()));
        let _ = file.unlock();
        let length = length.map_err(|error| self.unread(&error))?;
        read(&mut BufReader::with_capacity(1 << 20, file.take(length)), &mut visit).map_err(|error| self.unread(&error))
    }

    /// The records with their hashes, oldest first. Unreadable lines are skipped, and of records that cannot be decrypted only the event is
    /// known.
    ///
    /// # Errors
    /// The log cannot be read, or is encrypted and its key cannot be had.
    pub fn records(&self) -> Result<Vec<(Record, String)>> {
        let (mut records, mut is_locked) = (vec![], false);
        self.each_line(|line, _| {
            let Some((line, mut record)) = Line::read(line).and_then(|line| Some((line, line.record()?))) else { return };
            if record.sealed.is_some() {
                is_locked |= self.seal().is_none();
                if let Some(entry) = self.seal().and_then(|seal| seal.open(&record)) {
                    record.entry = entry;
                }
            }
            records.push((record, line.hash.to_string()));
        })?;
        if is_locked { Err(self.unread(&io::Error::other(NO_SEAL))) } else { Ok(records) }
    }

    /// Verifies every record, and that each follows the one before.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn verify(&self, expected: Option<&Expected>) -> Result<Verified> {
        // Read the head first: a record appended meanwhile must not count as missing.
        let head = self.head();
        let mut chain = Chain::new(self.key.get(), self.seal(), head.as_ref(), expected);
        self.each_line(|line, _| chain.next(line))?;
        Ok(chain.end())
    }

    /// The path of the log and the length of its whole lines, for a backup; `None` when there is no log on disk.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn saved(&self) -> Result<Option<(PathBuf, u64)>> {
        let Some(path) = self.path(LOG).filter(|path| path.exists()) else { return Ok(None) };
        let mut bytes = 0;
        self.each_line(|line, is_whole| bytes += if is_whole { line.len() as u64 + 1 } else { 0 })?;
        Ok(Some((path, bytes)))
    }
}

impl State {
    /// True when it is that of the log at the path, which may have been replaced.
    fn is_of(&self, path: &Path) -> bool {
        self.file.as_ref().is_some_and(|file| is_at(file, path))
    }

    /// Reads what other writers have appended since; returns the length of the log.
    fn catch_up(&mut self, mut file: &File, seal: Option<&Seal>) -> io::Result<u64> {
        let length = file.metadata()?.len();
        if length < self.seen {
            (self.seen, self.last, self.events) = (0, Last::default(), Events::default());
        }
        if length == self.seen {
            return Ok(length);
        }
        file.seek(SeekFrom::Start(self.seen))?;
        let mut reader = BufReader::with_capacity(1 << 20, file.take(length - self.seen));
        let mut text = vec![];
        loop {
            text.clear();
            let read = reader.read_until(b'\n', &mut text)?;
            if text.pop() != Some(b'\n') {
                return Ok(length);
            }
            self.seen += read as u64;
            let Some(line) = Line::read(&text) else { continue };
            self.last = Last { number: line.number, hash: line.hash.to_string() };
            // Only records that change settings are parsed as JSON, to keep this scan cheap.
            let is_setting = text.windows(SETTING.len()).take(100).any(|part| part == SETTING);
            if is_setting && let Some(record) = line.record() {
                let entry = seal.and_then(|seal| seal.open(&record)).unwrap_or(record.entry);
                self.take_settings(&[entry]);
            }
        }
    }

    fn take_settings(&mut self, entries: &[Entry]) {
        for entry in entries.iter().filter(|entry| entry.event == Event::Setting) {
            self.events = Events::read(&entry.outcome).unwrap_or_default();
        }
    }
}

/// Why nothing can be recorded in an encrypted database.
const NO_SEAL: &str = "the key of its records is missing; open the database again, or restore it from a backup";
/// The marker of a record that changes what is recorded; it comes right after the number and time.
const SETTING: &[u8] = b"\"event\":\"setting\"";

/// Opens a file for reading.
fn open(path: &Path) -> io::Result<File> {
    check_regular(path)?;
    File::open(path)
}

/// Fails where there is something else than a file, or a link to one: opening a pipe would wait for whoever is at its other end.
fn check_regular(path: &Path) -> io::Result<()> {
    match path.metadata() {
        Ok(found) if !found.is_file() => Err(io::Error::other("it is not a file; move it away")),
        _ => Ok(()),
    }
}

/// True when the opened file is still the one at the path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |found: std::fs::Metadata| (found.dev(), found.ino());
    match (file.metadata(), path.metadata()) {
        (Ok(own), Ok(found)) => identity(own) == identity(found),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}
