//! Data files: immutable Parquet, written once under a fresh name.
//!
//! A file is finished and brought to disk before the catalog names it. Whoever writes or reads one holds a shared lock of the operating
//! system on it, which ends with the process however it ends; [`super::collect`] removes only what nothing names and nobody holds.
//! The catalog knows size and checksum of each file: another size or checksum is an error, never an answer.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use fail::fail_point;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;

use super::locks::Locks;
use crate::error::failed;

/// Rows in a row group: what one thread reads at a time.
const ROW_GROUP: usize = 131_072;

/// A file as the catalog knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    pub name: String,
    pub bytes: i64,
    pub rows: i64,
    /// BLAKE3, in hexadecimal.
    pub checksum: String,
}

/// The folder of the data files.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    /// Files whose bytes this process has compared with their checksum, and their columns. They never change.
    verified: Mutex<HashMap<String, SchemaRef>>,
    /// Who writes to which object.
    pub locks: Locks,
    /// Removes the folder of a database in memory.
    _temporary: Option<TempDir>,
}

/// A file that is being read: it stays as long as this lives.
#[derive(Debug)]
pub struct Pinned {
    pub path: PathBuf,
    /// Its columns.
    pub schema: SchemaRef,
    lock: File,
}

impl Pinned {
    /// Lets the file go before its plan does: nothing reads it any more.
    pub fn release(&self) {
        // What cannot be unlocked is unlocked when it is closed.
        let _ = self.lock.unlock();
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // Not by closing it: a child process that is just being started has a copy of it open for a moment.
        self.release();
    }
}

impl DataFolder {
    pub fn of(database: &Path) -> Result<Self> {
        let path = database.join("data");
        std::fs::create_dir_all(&path).map_err(|error| problem(&path, "cannot be made", &error))?;
        let path = path.canonicalize().map_err(|error| problem(&path, "cannot be read", &error))?;
        // A process may go to another folder later.
        let locks = database.canonicalize().map_err(|error| problem(database, "cannot be read", &error))?.join("locks");
        Self::new(path, locks, None)
    }

    pub fn temporary() -> Result<Self> {
        let folder = TempDir::with_prefix("portrait-")
            .map_err(|error| failed("temporary folder", format!("cannot be made: {error}; is there room on the disk?")))?;
        let (path, locks) = (folder.path().join("data"), folder.path().join("locks"));
        std::fs::create_dir(&path).map_err(|error| problem(&path, "cannot be made", &error))?;
        Self::new(path, locks, Some(folder))
    }

    /// True for a folder that outlives the process.
    pub fn is_durable(&self) -> bool {
        self._temporary.is_none()
    }

    fn new(path: PathBuf, locks: PathBuf, temporary: Option<TempDir>) -> Result<Self> {
        Ok(Self { path, verified: Mutex::default(), locks: Locks::new(locks)?, _temporary: temporary })
    }

    /// Opens a file for reading and keeps it from being removed; checks its size, and its bytes when they are read for the first time.
    ///
    /// # Errors
    /// The file is missing or not what was written.
    pub fn pin(&self, file: &DataFile) -> Result<Arc<Pinned>> {
        let path = self.path.join(&file.name);
        let lock = File::open(&path).map_err(|error| problem(&path, "cannot be opened", &error))?;
        lock.lock_shared().map_err(|error| problem(&path, "cannot be locked", &error))?;
        // It may have been collected while the lock was waited for; the name is never used again.
        path.metadata().map_err(|error| problem(&path, "cannot be opened", &error))?;
        let size = lock.metadata().map_err(|error| problem(&path, "cannot be read", &error))?.len();
        let damaged = |what: String| {
            failed(
                &path.display().to_string(),
                format!("is damaged: {what}; restore the database from a backup, or make it anew"),
            )
        };
        if i64::try_from(size) != Ok(file.bytes) {
            return Err(damaged(format!("it has {size} bytes, and {} were written", file.bytes)));
        }
        let verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner).get(&file.name).cloned();
        let schema = match verified {
            Some(schema) => schema,
            None => {
                let checksum = checksum(&lock).map_err(|error| problem(&path, "cannot be read", &error))?;
                if checksum != file.checksum {
                    return Err(damaged("its checksum is not the one that was written".into()));
                }
                let metadata = ArrowReaderMetadata::load(&lock, ArrowReaderOptions::default())?;
                let schema = Arc::new(metadata.schema().as_ref().clone().with_metadata(HashMap::new()));
                let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
                Arc::clone(verified.entry(file.name.clone()).or_insert(schema))
            }
        };
        Ok(Arc::new(Pinned { path, schema, lock }))
    }

    /// Makes a new file that rows can be written to; `sorted_by` is the column they are in the order of.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create(&self, schema: &SchemaRef, sorted_by: Option<usize>) -> Result<DataWriter> {
        let (name, path, file) = self.make()?;
        let kept = file.try_clone().map_err(|error| unpublished(&path, "cannot be opened", &error))?;
        let unpublished = Unpublished { path: path.clone(), file: Some(kept) };
        let sorting = sorted_by.and_then(|column| i32::try_from(column).ok());
        let sorting = sorting.map(|column| vec![SortingColumn { column_idx: column, descending: false, nulls_first: true }]);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .set_sorting_columns(sorting)
            .build();
        let writer = ArrowWriter::try_new(Hashed::new(file), Arc::clone(schema), Some(properties))?;
        Ok(DataWriter { name, unpublished, writer, rows: 0 })
    }

    /// A new file under a fresh name, held for writing.
    fn make(&self) -> Result<(String, PathBuf, File)> {
        loop {
            let name = format!("{}.parquet", uuid::Uuid::new_v4());
            let path = self.path.join(&name);
            let made = fault("data::create").and_then(|()| OpenOptions::new().create_new(true).write(true).open(&path));
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
        let synced = fault("data::sync").and_then(|()| File::open(&self.path)?.sync_all());
        synced.map_err(|error| unpublished(&self.path, "cannot be brought to disk", &error))
    }

    /// The names of the files that are there.
    pub fn names(&self) -> Result<Vec<String>> {
        let names = || -> io::Result<Vec<String>> {
            std::fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
        };
        let names = names().map_err(|error| problem(&self.path, "cannot be read", &error))?;
        Ok(names.into_iter().filter(|name| name.ends_with(".parquet")).collect())
    }

    /// Where a file stands.
    pub fn place(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// A file in the making; gone when dropped.
pub struct DataWriter {
    name: String,
    unpublished: Unpublished,
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
        let Self { name, unpublished, writer, rows } = self;
        let subject = unpublished.subject();
        let fail = |error: DataFusionError| failed(&subject, format!("cannot be written: {error}; nothing was published"));
        let mut hashed = writer.into_inner().map_err(|error| fail(error.into()))?;
        hashed.flush().map_err(|error| fail(error.into()))?;
        fault("data::fsync").and_then(|()| hashed.file.sync_all()).map_err(|error| fail(error.into()))?;
        let checksum = hashed.hasher.finalize().to_hex().to_string();
        let file = DataFile { name, bytes: hashed.bytes, rows, checksum };
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

    /// The finished file as one to read before it is published, or instead.
    pub fn path(&self) -> &Path {
        &self.unpublished.path
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

/// Counts and hashes what is written.
struct Hashed {
    file: File,
    hasher: blake3::Hasher,
    bytes: i64,
}

impl Hashed {
    fn new(file: File) -> Self {
        Self { file, hasher: blake3::Hasher::new(), bytes: 0 }
    }
}

impl Write for Hashed {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buffer)?;
        self.hasher.update(&buffer[..written]);
        self.bytes += i64::try_from(written).unwrap_or(0);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn checksum(mut file: &File) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().to_hex().to_string()),
            read => hasher.update(&buffer[..read]),
        };
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
