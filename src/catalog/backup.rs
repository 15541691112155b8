//! Backup of a database into one file while others read and write, and restore from such a file.
//!
//! A backup is a consistent state of the catalog: SQLite copies it within one transaction. The data files are immutable and are removed
//! only by the collector, so the collector's lock is held until all are copied. Only when another process is collecting already, or when
//! the database directory is read-only, can a file that the copied catalog names be removed; then the backup starts over with a newer
//! state.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use fail::fail_point;
use rusqlite::{Connection, OpenFlags, Row};

use super::access::{self, Access};
use super::archive::{self, Entry, FORMAT, LARGEST_MANIFEST, MANIFEST, Manifest, VERSION};
use super::audit::LOG;
use super::data::DataFile;
use super::keys::Unlock;
use super::{Catalog, FILE, MOST_READS, encrypting};
use crate::encryption::MasterKeys;
use crate::error::{SqlState, coded, invalid, not_available, of_system as failed};
use crate::temporary::{BESIDE, TemporaryFolder};

/// The path of the data files in a database directory, and in an archive.
const DATA: &str = "data/";

/// The size of a backup or restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saved {
    /// The number of files, including the catalog.
    pub files: usize,
    /// Their total size in bytes.
    pub bytes: u64,
}

/// Called with the bytes copied so far and the total; returns false to cancel.
pub type Watch<'a> = &'a (dyn Fn(u64, u64) -> bool + Sync);

/// Why an attempt failed.
enum Stopped {
    /// A file was removed meanwhile; try again.
    Moved,
    Failed(DataFusionError),
}

impl Catalog {
    /// Writes the database to `archive`, a new file. `temporary` is a directory for the copy of the catalog.
    ///
    /// # Errors
    /// A file is damaged or cannot be read, or the archive cannot be written.
    pub fn back_up(&self, archive: &Path, temporary: &Path, watch: Watch<'_>) -> Result<Saved> {
        let Some(directory) = &self.directory else {
            return Err(invalid("backup", "needs a database on disk; this one is in memory and ends with the program"));
        };
        for _ in 0..MOST_READS {
            let copy = temporary.join(FILE);
            let _ = std::fs::remove_file(&copy);
            // While this is held, no other process collects.
            let _collecting = self.data.locks.for_collecting().ok().flatten();
            self.copy_to(&copy)?;
            match self.write_archive(directory, &copy, archive, watch) {
                Ok(saved) => return Ok(saved),
                Err(Stopped::Failed(error)) => return Err(error),
                Err(Stopped::Moved) => {}
            }
        }
        Err(not_available(&self.place, "other processes write to it faster than it can be saved; try again"))
    }

    /// True for a path in the directory of the database, there already or not.
    pub fn has_within(&self, path: &Path) -> bool {
        let Some(own) = self.directory.as_ref().and_then(|own| own.canonicalize().ok()) else { return false };
        let Ok(path) = std::path::absolute(path) else { return false };
        path.ancestors().skip(1).find_map(|folder| folder.canonicalize().ok()).is_some_and(|folder| folder.starts_with(own))
    }

    /// Copies one consistent state of the catalog to a file.
    fn copy_to(&self, copy: &Path) -> Result<()> {
        let name = copy
            .to_str()
            .ok_or_else(|| invalid(&copy.display().to_string(), "is not a path in UTF-8; set TMPDIR to another folder"))?;
        let mut opened = self.opened.lock();
        for _ in 0..MOST_READS {
            self.reopen_if(&mut opened, super::opening::Opened::has_changed)?;
            let copied = opened.connection.execute("VACUUM INTO ?1", [name]);
            if !opened.has_changed() {
                return copied.map(|_| ()).map_err(|error| self.fail(&error));
            }
            let _ = std::fs::remove_file(copy);
        }
        Err(not_available(&self.place, "other processes write to the catalog faster than it can be read; try again"))
    }

    fn write_archive(
        &self,
        directory: &Path,
        copy: &Path,
        archive: &Path,
        watch: Watch<'_>,
    ) -> std::result::Result<Saved, Stopped> {
        let of_catalog = |error: &dyn std::fmt::Display| Stopped::Failed(failed(&self.place, error));
        let mut entries = vec![entry_of(copy).map_err(|error| of_catalog(&error))?];
        // Read after the catalog was copied, so the log covers every recorded action in the copy.
        if let Some((log, bytes)) = self.audit.saved().map_err(Stopped::Failed)? {
            entries.push(first_of(&log, bytes).map_err(|error| of_catalog(&error))?);
        }
        for file in files_of(copy).map_err(|error| Stopped::Failed(self.fail(&error)))? {
            let bytes = u64::try_from(file.bytes).unwrap_or(0);
            // Validates the name, which decides the paths to read from and write to.
            self.data.place(&file.name).map_err(Stopped::Failed)?;
            entries.push(Entry { name: format!("{DATA}{}", file.name), bytes, blake3: file.checksum });
        }
        let manifest = Manifest {
            format: FORMAT.into(),
            version: VERSION,
            made_at: crate::text::timestamp(super::runs::now()),
            made_by: env!("CARGO_PKG_VERSION").into(),
            files: entries,
        };
        let text = serde_json::to_vec_pretty(&manifest).map_err(|error| of_catalog(&error))?;
        let total: u64 = manifest.files.iter().map(|entry| entry.bytes).sum();
        let name = archive.display().to_string();
        let unwritten = |error: io::Error| Stopped::Failed(failed(&name, format!("cannot be written: {error}")));
        let options = &mut OpenOptions::new();
        let file = Access::OWN.open(options.write(true).create(true).truncate(true), archive).map_err(unwritten)?;
        let mut out = BufWriter::new(file);
        archive::write(&mut out, MANIFEST, text.len() as u64, &mut text.as_slice(), |_| Ok(())).map_err(unwritten)?;
        let mut done = 0;
        for entry in &manifest.files {
            let path = if entry.name == FILE { copy.to_path_buf() } else { directory.join(&entry.name) };
            fail_point!("backup::file");
            let is_plain = path.symlink_metadata().map(|found| found.is_file());
            let opened = match is_plain {
                Ok(true) => File::open(&path),
                Ok(false) => Err(io::Error::other("it is not a regular file, but leads to another place")),
                Err(error) => Err(error),
            };
            let mut opened = match opened {
                Ok(opened) => opened,
                Err(error) if error.kind() == io::ErrorKind::NotFound && !self.still_names(&entry.name)? => {
                    return Err(Stopped::Moved);
                }
                Err(error) => return Err(Stopped::Failed(unusable(&path, &error.to_string()))),
            };
            let mut opened = (&mut opened).take(if entry.name == LOG { entry.bytes } else { u64::MAX });
            let copied = archive::write(&mut out, &entry.name, entry.bytes, &mut opened, |bytes| {
                done += bytes;
                if watch(done, total) { Ok(()) } else { Err(io::Error::from(io::ErrorKind::Interrupted)) }
            });
            match copied {
                Ok(checksum) if checksum == entry.blake3 => {}
                Ok(_) => return Err(Stopped::Failed(unusable(&path, "its bytes are not the ones that were written"))),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(Stopped::Failed(stopped("backup"))),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(Stopped::Failed(unusable(&path, "it is shorter than it was written")));
                }
                Err(error) => return Err(unwritten(error)),
            }
        }
        archive::end(&mut out).and_then(|()| out.flush()).and_then(|()| out.get_ref().sync_all()).map_err(unwritten)?;
        fail_point!("backup::written");
        Ok(Saved { files: manifest.files.len(), bytes: total })
    }

    fn still_names(&self, entry: &str) -> std::result::Result<bool, Stopped> {
        let name = entry.strip_prefix(DATA).unwrap_or(entry);
        self.named_files().map(|names| names.iter().any(|other| other == name)).map_err(Stopped::Failed)
    }
}

/// The master keys to encrypt with, and the id of the one to use.
pub type Encrypting<'a> = Option<(&'a MasterKeys, Option<&'a str>)>;

/// Creates a database from an archive in `directory`, which must not exist or must be empty, and encrypts it if that is asked for.
///
/// # Errors
/// The file is not a backup, is damaged, or does not match its manifest, or there is no key to encrypt with. Then nothing is created.
pub fn restore(archive: &Path, directory: &Path, encrypted: Encrypting<'_>, watch: Watch<'_>) -> Result<Saved> {
    let place = directory.display().to_string();
    if let Some((masters, id)) = encrypted {
        encrypting::check(&place, masters, id)?;
    }
    match std::fs::read_dir(directory).map(|mut entries| entries.next().is_some()) {
        Ok(true) if directory.join(FILE).exists() => {
            let problem =
                "is a database already, and a restore replaces nothing; name a new directory, or move this one away first";
            return Err(invalid(&place, problem));
        }
        Ok(true) => {
            return Err(invalid(&place, "is not empty, and a restore replaces nothing; name a directory that is new or empty"));
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(invalid(&place, "is a file, or leads through one, and a database is a directory; name a new directory"));
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(invalid(&place, error)),
        _ => {}
    }
    let directory = std::path::absolute(directory).map_err(|error| invalid(&place, error))?;
    let Some(parent) = directory.parent().filter(|_| directory.file_name().is_some()) else {
        return Err(invalid(&place, "is not the name of a directory"));
    };
    access::make_way(&directory);
    let unmade = |error: io::Error| failed(&place, format!("cannot be created: {error}"));
    let folder = TemporaryFolder::make(parent, BESIDE).map_err(unmade)?;
    let made = folder.path().join("database");
    Access::OWN.make_folder(&made).map_err(unmade)?;
    let saved = unpack(archive, &made, watch)?;
    fail_point!("restore::unpacked");
    // Opened like any database, which also migrates an earlier version to this one. The keys are not needed for that.
    let catalog = Catalog::open_with(&made, Unlock::Locked)?;
    let orphans = catalog.orphans()?;
    if !orphans.is_empty() {
        return Err(damaged(archive, "it contains files that its catalog does not name"));
    }
    drop(catalog);
    if let Some((masters, id)) = encrypted {
        encrypting::encrypt(&made, masters, id)?;
        fail_point!("restore::encrypted");
    }
    sync_folder(&made.join(DATA)).and_then(|()| sync_folder(&made)).map_err(unmade)?;
    // An empty target directory is replaced.
    std::fs::rename(&made, &directory).and_then(|()| sync_folder(parent)).map_err(unmade)?;
    Ok(saved)
}

fn unpack(archive: &Path, made: &Path, watch: Watch<'_>) -> Result<Saved> {
    let unread = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => coded(SqlState::UNDEFINED_FILE, &archive.display().to_string(), "no such file"),
        io::ErrorKind::UnexpectedEof => damaged(archive, "it is incomplete"),
        io::ErrorKind::InvalidData => damaged(archive, &error.to_string()),
        io::ErrorKind::Interrupted => stopped("restore"),
        _ => failed(&archive.display().to_string(), error),
    };
    let file = File::open(archive).map_err(unread)?;
    let found = file.metadata().map_err(unread)?;
    let mut reading = BufReader::with_capacity(1 << 20, file);
    let (name, bytes) = archive::next(&mut reading).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => damaged(archive, "it is not a backup of a database"),
        _ => unread(error),
    })?;
    if name != MANIFEST || bytes > LARGEST_MANIFEST {
        return Err(damaged(archive, "it is not a backup of a database: its first entry is not a manifest"));
    }
    let mut text = vec![];
    archive::read(&mut reading, bytes, &mut text, |_| Ok(())).map_err(unread)?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|_| damaged(archive, "its manifest cannot be read"))?;
    check_manifest(archive, &manifest)?;
    let sizes = [bytes].into_iter().chain(manifest.files.iter().map(|entry| entry.bytes));
    let expected = archive::length(sizes);
    if found.is_file() && expected != Some(found.len()) {
        return Err(damaged(archive, &format!("it has {} bytes, but its manifest gives another size", found.len())));
    }
    Access::OWN.make_folder(&made.join(DATA)).map_err(unread)?;
    let total = manifest.files.iter().map(|entry| entry.bytes).sum();
    let mut done = 0;
    for entry in &manifest.files {
        let (name, bytes) = archive::next(&mut reading).map_err(unread)?;
        if name != entry.name || bytes != entry.bytes {
            return Err(damaged(archive, &format!("it holds {name:?} with {bytes} bytes where its manifest has {}", entry.name)));
        }
        let path = made.join(&entry.name);
        let unwritten = |error: io::Error| failed(&path.display().to_string(), format!("cannot be written: {error}"));
        let mut out = Access::OWN.open(OpenOptions::new().write(true).create_new(true), &path).map_err(unwritten)?;
        let checksum = archive::read(&mut reading, bytes, &mut out, |bytes| {
            done += bytes;
            if watch(done, total) { Ok(()) } else { Err(io::Error::from(io::ErrorKind::Interrupted)) }
        });
        if checksum.map_err(unread)? != entry.blake3 {
            return Err(damaged(archive, &format!("the bytes of {} are not the ones that were saved", entry.name)));
        }
        out.sync_all().map_err(unwritten)?;
        fail_point!("restore::file");
    }
    let mut rest = vec![];
    (&mut reading).take(1025).read_to_end(&mut rest).map_err(unread)?;
    if rest.len() != 1024 || rest.iter().any(|byte| *byte != 0) {
        return Err(damaged(archive, "there is more after its last file"));
    }
    check_catalog(archive, made, &manifest)?;
    Ok(Saved { files: manifest.files.len(), bytes: total })
}

/// Checks that the manifest has a known format and lists the catalog first, and only files of a database, each once.
fn check_manifest(archive: &Path, manifest: &Manifest) -> Result<()> {
    if manifest.format != FORMAT {
        return Err(damaged(archive, "it is not a backup of a database"));
    }
    if manifest.version > VERSION {
        let problem = format!("was made by a newer Portrait ({}); upgrade portrait", manifest.made_by);
        return Err(invalid(&archive.display().to_string(), problem));
    }
    let mut seen = std::collections::HashSet::new();
    let is_catalog = manifest.files.first().is_some_and(|entry| entry.name == FILE);
    let is_known =
        |entry: &Entry| entry.name == FILE || entry.name == LOG || entry.name.strip_prefix(DATA).is_some_and(super::data::is_own);
    if let Some(other) = manifest.files.iter().find(|entry| !is_known(entry) || !seen.insert(&entry.name)) {
        return Err(damaged(
            archive,
            &format!("its manifest names {:?}, which is not a file of a database, or appears twice", other.name),
        ));
    }
    if is_catalog { Ok(()) } else { Err(damaged(archive, "its manifest has no catalog")) }
}

/// Checks that the manifest has every file that the catalog names, as it was written.
fn check_catalog(archive: &Path, made: &Path, manifest: &Manifest) -> Result<()> {
    let files = files_of(&made.join(FILE)).map_err(|error| damaged(archive, &format!("its catalog cannot be read: {error}")))?;
    for file in files {
        let of =
            Entry { name: format!("{DATA}{}", file.name), bytes: u64::try_from(file.bytes).unwrap_or(0), blake3: file.checksum };
        if !manifest.files.contains(&of) {
            return Err(damaged(archive, &format!("its catalog names {:?}, which is missing or different", file.name)));
        }
    }
    Ok(())
}

/// The files that a copy of a catalog names, each once. The catalog may be of an earlier version, and its keys are not needed.
fn files_of(copy: &Path) -> rusqlite::Result<Vec<DataFile>> {
    let connection = Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    let named = "SELECT name, bytes, rows, checksum FROM files WHERE id IN (SELECT file FROM snapshot_files) ORDER BY id";
    let file = |row: &Row<'_>| {
        Ok(DataFile { name: row.get(0)?, bytes: row.get(1)?, rows: row.get(2)?, checksum: row.get(3)?, key: None })
    };
    connection.prepare(named)?.query_map([], file)?.collect()
}

fn entry_of(copy: &Path) -> io::Result<Entry> {
    let mut file = File::open(copy)?;
    let bytes = file.metadata()?.len();
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut file, &mut hasher)?;
    Ok(Entry { name: FILE.into(), bytes, blake3: hasher.finalize().to_hex().to_string() })
}

/// An entry for the first bytes of the audit log, which only grows.
fn first_of(log: &Path, bytes: u64) -> io::Result<Entry> {
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut File::open(log)?.take(bytes), &mut hasher)?;
    Ok(Entry { name: LOG.into(), bytes, blake3: hasher.finalize().to_hex().to_string() })
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    // Some systems cannot open directories; on those that can, their entries are synced.
    match File::open(folder) {
        Ok(opened) => opened.sync_all(),
        Err(_) => Ok(()),
    }
}

fn unusable(path: &Path, problem: &str) -> DataFusionError {
    let problem = format!("cannot be saved: {problem}; portrait check shows what else is damaged");
    coded(SqlState::DATA_CORRUPTED, &path.display().to_string(), problem)
}

fn damaged(archive: &Path, problem: &str) -> DataFusionError {
    coded(SqlState::DATA_CORRUPTED, &archive.display().to_string(), format!("cannot be restored: {problem}"))
}

fn stopped(subject: &str) -> DataFusionError {
    coded(SqlState::QUERY_CANCELED, subject, "was cancelled")
}
