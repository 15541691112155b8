//! Data files: immutable Parquet, written once under a fresh name.
//!
//! A file is finished and brought to disk before the catalog names it. Whoever writes or reads one holds a shared lock of the operating
//! system on it, which ends with the process however it ends; [`super::collect`] removes only what nothing names and nobody holds.
//!
//! The catalog knows size, rows and checksum of each file: another size, count or checksum is an error, never an answer. The whole file is
//! compared when it is first read and whenever it was touched since; every part that is read is compared again ([`super::blocks`]).
//! The catalog names a file, and nobody else decides where that is: a name that this program would not have given leads nowhere, and
//! neither does a link in the place of a file.

use std::collections::HashMap;
use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use fail::fail_point;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::WriterProperties;

use super::FILE;
use super::access::Access;
use super::blocks::Summing;
use super::decrypting::{encryption, reading};
use super::locks::Locks;
use super::store::{DataStore, Known, damaged, read_part};
use crate::encryption::Secret;
use crate::error::{SqlState, coded, invalid, of_system as failed};
use crate::temporary::TemporaryFolder;

/// Rows in a row group: what one thread reads at a time.
pub const ROW_GROUP: usize = 131_072;

/// A file as the catalog knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    pub name: String,
    pub bytes: i64,
    pub rows: i64,
    /// BLAKE3, in hexadecimal, of the file as it stands there.
    pub checksum: String,
    /// Its key, in an encrypted database.
    pub key: Option<Secret>,
}

/// What tells whether a file was touched, as far as the file system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    size: u64,
    modified: Option<SystemTime>,
    /// Device, number, and the time of the last change of anything about it.
    #[cfg(unix)]
    place: (u64, u64, i64, i64),
}

impl Identity {
    pub fn of(file: &Metadata) -> Self {
        Self {
            size: file.len(),
            modified: file.modified().ok(),
            #[cfg(unix)]
            place: {
                use std::os::unix::fs::MetadataExt;
                (file.dev(), file.ino(), file.ctime(), file.ctime_nsec())
            },
        }
    }
}

/// The folder of the data files.
#[derive(Debug)]
pub struct DataFolder {
    /// The files, and what this process knows of those that it has read.
    pub store: Arc<DataStore>,
    /// Who writes to which object.
    pub locks: Locks,
    /// Who may look into its files.
    access: Access,
    /// Whether files are encrypted.
    is_encrypted: bool,
    /// Removes the folder of a database in memory.
    _temporary: Option<Arc<TemporaryFolder>>,
}

/// A file that is being read: it stays as long as this lives.
#[derive(Debug)]
pub struct Pinned {
    pub name: String,
    pub bytes: u64,
    pub path: PathBuf,
    /// Its columns.
    pub schema: SchemaRef,
    known: Arc<Known>,
    lock: File,
}

impl Pinned {
    /// Lets the file go before its plan does: nothing reads it any more.
    pub fn release(&self) {
        // What cannot be unlocked is unlocked when it is closed.
        let _ = self.lock.unlock();
    }

    /// All of its bytes.
    ///
    /// # Errors
    /// It cannot be read, or is not what it was.
    pub fn read(&self) -> Result<Bytes> {
        read_part(&self.lock, &self.path, &self.known, 0..self.bytes)
    }

    /// How its bytes are read.
    ///
    /// # Errors
    /// Its key is none.
    pub fn reading(&self) -> Result<ArrowReaderOptions> {
        reading(&self.name, self.known.key.as_ref())
    }

    /// True for a file that is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.known.key.is_some()
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // Not by closing it: a child process that is just being started has a copy of it open for a moment.
        self.release();
    }
}

impl DataFolder {
    /// The folder in a database directory, whose path is absolute.
    pub fn of(database: &Path, can_write: bool, is_encrypted: bool) -> Result<Self> {
        let access = Access::of(&database.join(FILE));
        let folder = |name: &str| {
            let path = database.join(name);
            if path.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
                let problem = "is a link; a database stands in one folder: move or link all of it";
                return Err(invalid(&path.display().to_string(), problem));
            }
            match access.make_folder(&path) {
                // Who cannot write needs no locks.
                Err(error) if can_write => Err(problem(&path, "cannot be made", &error)),
                _ => Ok(path),
            }
        };
        Ok(Self {
            store: Arc::new(DataStore::new(folder("data")?)),
            locks: Locks::new(folder("locks")?, access),
            access,
            is_encrypted,
            _temporary: None,
        })
    }

    /// A folder that goes with the process.
    pub fn temporary(temporary: Arc<TemporaryFolder>) -> Result<Self> {
        let access = Access::OWN;
        let folder = |name: &str| {
            let path = temporary.path().join(name);
            access.make_folder(&path).map_err(|error| problem(&path, "cannot be made", &error))?;
            Ok::<PathBuf, DataFusionError>(path)
        };
        let (store, locks) = (Arc::new(DataStore::new(folder("data")?)), Locks::new(folder("locks")?, access));
        Ok(Self { store, locks, access, is_encrypted: false, _temporary: Some(temporary) })
    }

    /// Opens a file for reading and keeps it from being removed; checks its size, and all of its bytes when they are read for the first
    /// time or were touched since.
    ///
    /// # Errors
    /// The file is missing or not what was written.
    pub fn pin(&self, file: &DataFile) -> Result<Arc<Pinned>> {
        let path = self.place(&file.name)?;
        let lock = File::open(&path).map_err(|error| problem(&path, "cannot be opened", &error))?;
        match lock.lock_shared() {
            // Where there are no locks nobody can write, and so nobody removes.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            locked => locked.map_err(|error| problem(&path, "cannot be locked", &error))?,
        }
        // It may have been collected while the lock was waited for; the name is never used again.
        let found = path.symlink_metadata().map_err(|error| problem(&path, "cannot be opened", &error))?;
        if !found.is_file() {
            return Err(damaged(&path, "it is no plain file but leads to another place"));
        }
        let identity = Identity::of(&lock.metadata().map_err(|error| problem(&path, "cannot be read", &error))?);
        if u64::try_from(file.bytes) != Ok(identity.size) {
            return Err(damaged(&path, &format!("it has {} bytes, but {} were written", identity.size, file.bytes)));
        }
        let known = match self.store.known(&file.name).filter(|known| known.identity == identity) {
            Some(known) => known,
            None => self.store.learn(&file.name, look_at(file, &path, &lock, identity)?),
        };
        let (name, bytes, schema) = (file.name.clone(), identity.size, Arc::clone(&known.schema));
        Ok(Arc::new(Pinned { name, bytes, path, schema, known, lock }))
    }

    /// Makes a new file that rows can be written to; `sorted_by` is the column they are in the order of.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create(&self, schema: &SchemaRef, sorted_by: Option<usize>) -> Result<DataWriter> {
        let (name, path, file) = self.make()?;
        let store = Arc::clone(&self.store);
        let kept = file.try_clone().map_err(|error| unpublished(&path, "cannot be opened", &error))?;
        let unpublished = Unpublished { path: path.clone(), file: Some(kept) };
        let sorting = sorted_by.and_then(|column| i32::try_from(column).ok());
        let sorting = sorting.map(|column| vec![SortingColumn { column_idx: column, descending: false, nulls_first: true }]);
        let key = self.is_encrypted.then(Secret::random).transpose()?;
        // No Bloom filters: they would be written in clear beside encrypted columns, and tell anybody which values a file has.
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .set_bloom_filter_enabled(false)
            .set_sorting_columns(sorting);
        if let Some(key) = &key {
            properties = properties.with_file_encryption_properties(encryption(&name, key)?);
        }
        let properties = properties.build();
        let hashed = Hashed { file, sums: Summing::default(), bytes: 0 };
        let writer = ArrowWriter::try_new(hashed, Arc::clone(schema), Some(properties))?;
        Ok(DataWriter { name, key, store, unpublished, schema: Arc::clone(schema), writer, rows: 0 })
    }

    /// A new file under a fresh name, held for writing.
    fn make(&self) -> Result<(String, PathBuf, File)> {
        loop {
            let name = format!("{}.parquet", uuid::Uuid::new_v4());
            let path = self.store.folder().join(&name);
            let made =
                fault("data::create").and_then(|()| self.access.open(OpenOptions::new().create_new(true).write(true), &path));
            let file = made.map_err(|error| unpublished(&path, "cannot be made", &error))?;
            fail_point!("data::made");
            let is_held = match file.try_lock_shared() {
                Ok(()) => path.try_exists().map_err(|error| unpublished(&path, "cannot be opened", &error))?,
                Err(TryLockError::WouldBlock) => false,
                Err(TryLockError::Error(error)) => return Err(unpublished(&path, "cannot be locked", &error)),
            };
            if is_held {
                return Ok((name, path, file));
            }
            // A collector found it before it was locked, and took it for one that a killed process left.
            let _ = std::fs::remove_file(&path);
        }
    }

    /// Brings the names of new files to disk.
    pub fn sync(&self) -> Result<()> {
        let folder = self.store.folder();
        let synced = fault("data::sync").and_then(|()| File::open(folder)?.sync_all());
        synced.map_err(|error| unpublished(folder, "cannot be synced to disk", &error))
    }

    /// The names of the data files that are there; whatever else somebody has put there is none of ours.
    pub fn names(&self) -> Result<Vec<String>> {
        Ok(self.entries()?.into_iter().filter(|name| is_own(name)).collect())
    }

    /// The names of what else is there.
    pub fn foreign(&self) -> Result<Vec<String>> {
        Ok(self.entries()?.into_iter().filter(|name| !is_own(name)).collect())
    }

    fn entries(&self) -> Result<Vec<String>> {
        let folder = self.store.folder();
        let names = || -> io::Result<Vec<String>> {
            std::fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
        };
        names().map_err(|error| problem(folder, "cannot be read", &error))
    }

    /// Where a file stands that the catalog names.
    ///
    /// # Errors
    /// It is no name that a data file has: it could lead out of the folder.
    pub fn place(&self, name: &str) -> Result<PathBuf> {
        if is_own(name) {
            return Ok(self.store.folder().join(name));
        }
        let problem = format!(
            "is not the name of a data file, so that it is neither read nor removed: {name:?}; the catalog was tampered with or is damaged; restore the database from a backup"
        );
        Err(coded(SqlState::DATA_CORRUPTED, "catalog", problem))
    }
}

/// True for the names that data files are given.
pub fn is_own(name: &str) -> bool {
    let Some(id) = name.strip_suffix(".parquet") else { return false };
    uuid::Uuid::try_parse(id).is_ok_and(|parsed| parsed.hyphenated().to_string() == id)
}

/// Compares all of a file with what the catalog says of it.
fn look_at(file: &DataFile, path: &Path, opened: &File, identity: Identity) -> Result<Known> {
    let mut sums = Summing::default();
    sums.read(opened).map_err(|error| problem(path, "cannot be read", &error))?;
    let (checksum, blocks) = sums.finish();
    if checksum != file.checksum {
        return Err(damaged(path, "its checksum is not the one that was written"));
    }
    let options = reading(&file.name, file.key.as_ref())?;
    let metadata = ArrowReaderMetadata::load(opened, options).map_err(|error| damaged(path, &error.to_string()))?;
    let rows = metadata.metadata().file_metadata().num_rows();
    if rows != file.rows {
        return Err(damaged(path, &format!("it has {rows} rows, but {} were written", file.rows)));
    }
    Ok(Known { identity, schema: columns(metadata.schema()), key: file.key.clone(), blocks })
}

/// The columns of a file as tables have them.
fn columns(schema: &Schema) -> SchemaRef {
    Arc::new(schema.clone().with_metadata(HashMap::new()))
}

/// A file in the making; gone when dropped.
pub struct DataWriter {
    name: String,
    key: Option<Secret>,
    store: Arc<DataStore>,
    unpublished: Unpublished,
    schema: SchemaRef,
    writer: ArrowWriter<Hashed>,
    rows: i64,
}

impl DataWriter {
    /// Adds rows.
    ///
    /// # Errors
    /// The disk is full, or fails.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += i64::try_from(batch.num_rows()).unwrap_or(0);
        let written = fault("data::write").map_err(DataFusionError::from).and_then(|()| Ok(self.writer.write(batch)?));
        written.map_err(|error| failed(&self.unpublished.subject(), format!("cannot be written: {error}; nothing was published")))
    }

    /// Bytes that wait in memory to be written.
    pub fn memory(&self) -> usize {
        self.writer.memory_size()
    }

    /// Writes what waits in memory.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn flush(&mut self) -> Result<()> {
        let subject = self.unpublished.subject();
        self.writer.flush().map_err(|error| failed(&subject, format!("cannot be written: {error}; nothing was published")))
    }

    /// Ends the file and brings it to disk.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn finish(self) -> Result<Written> {
        let Self { name, key, store, unpublished, schema, writer, rows } = self;
        let subject = unpublished.subject();
        let fail = |error: DataFusionError| failed(&subject, format!("cannot be written: {error}; nothing was published"));
        let mut hashed = writer.into_inner().map_err(|error| fail(error.into()))?;
        hashed.flush().map_err(|error| fail(error.into()))?;
        fault("data::fsync").and_then(|()| hashed.file.sync_all()).map_err(|error| fail(error.into()))?;
        let identity = Identity::of(&hashed.file.metadata().map_err(|error| fail(error.into()))?);
        let (checksum, blocks) = hashed.sums.finish();
        // What reads it before it is published needs no look at it; what reads it later looks, as another process would.
        store.learn(&name, Known { identity, schema: columns(&schema), key: key.clone(), blocks });
        let file = DataFile { name, bytes: hashed.bytes, rows, checksum, key };
        Ok(Written { file, unpublished })
    }
}

/// A finished file that no snapshot names yet; gone when dropped before.
pub struct Written {
    pub file: DataFile,
    unpublished: Unpublished,
}

impl Written {
    /// Leaves the file to the catalog: it stays when a snapshot names it, and is collected when none does.
    pub fn let_go(mut self) {
        if let Some(file) = self.unpublished.file.take() {
            let _ = file.unlock();
        }
    }
}

/// Holds a new file, and removes it when it is not published.
struct Unpublished {
    path: PathBuf,
    file: Option<File>,
}

impl Unpublished {
    fn subject(&self) -> String {
        self.path.display().to_string()
    }
}

impl Drop for Unpublished {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            // What stays is collected later.
            let _ = std::fs::remove_file(&self.path);
            let _ = file.unlock();
        }
    }
}

/// Counts and sums what is written.
struct Hashed {
    file: File,
    sums: Summing,
    bytes: i64,
}

impl Write for Hashed {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buffer)?;
        self.sums.update(&buffer[..written]);
        self.bytes += i64::try_from(written).unwrap_or(0);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A place where tests let the disk fail: `return(28)` is "no space left on device".
pub fn fault(place: &str) -> io::Result<()> {
    fail_point!(place, |code| {
        let code = code.and_then(|code| code.parse().ok()).unwrap_or(5);
        Err(io::Error::from_raw_os_error(code))
    });
    Ok(())
}

/// The error of a file in the making.
fn unpublished(path: &Path, what: &str, error: &io::Error) -> DataFusionError {
    failed(&path.display().to_string(), format!("{what}: {error}; nothing was published"))
}

pub fn problem(path: &Path, what: &str, error: &io::Error) -> DataFusionError {
    failed(&path.display().to_string(), format!("{what}: {error}"))
}
