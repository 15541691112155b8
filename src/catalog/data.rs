//! Data files: immutable Parquet, written once under a fresh name.
//!
//! A file is finished and brought to disk before the catalog names it. Whoever writes or reads one holds a lock of the operating
//! system on it, which ends with the process however it ends; [`Catalog::collect`] removes only what nothing names and nobody holds.
//! The catalog knows size and checksum of each file: another size or checksum is an error, never an answer.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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

use super::Catalog;
use crate::error::failed;

/// How long one waits for another process that writes.
const PATIENCE: Duration = Duration::from_secs(10);
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
    /// Removes the folder of a database in memory.
    _temporary: Option<TempDir>,
}

/// The right to write to the database; given back when dropped.
#[derive(Debug)]
pub struct WriterLock {
    _file: File,
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

impl DataFolder {
    pub fn of(database: &Path) -> Result<Self> {
        let path = database.join("data");
        std::fs::create_dir_all(&path).map_err(|error| problem(&path, "cannot be made", &error))?;
        let path = path.canonicalize().map_err(|error| problem(&path, "cannot be read", &error))?;
        Ok(Self { path, verified: Mutex::default(), _temporary: None })
    }

    pub fn temporary() -> Result<Self> {
        let folder = TempDir::with_prefix("portrait-")
            .map_err(|error| failed("temporary folder", format!("cannot be made: {error}; is there room on the disk?")))?;
        Ok(Self { path: folder.path().to_path_buf(), verified: Mutex::default(), _temporary: Some(folder) })
    }

    /// True for a folder that outlives the process.
    pub fn is_durable(&self) -> bool {
        self._temporary.is_none()
    }

    /// Waits for the right to write, at most ten seconds.
    ///
    /// # Errors
    /// Another process keeps writing.
    pub fn lock_for_writing(&self) -> Result<WriterLock> {
        let began = Instant::now();
        loop {
            match self.try_lock_for_writing()? {
                Some(lock) => return Ok(lock),
                None if began.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(20)),
                None => {
                    return Err(failed(
                        "database",
                        "another statement or process has been writing to it for ten seconds; try again",
                    ));
                }
            }
        }
    }

    /// The right to write, unless another has it.
    fn try_lock_for_writing(&self) -> Result<Option<WriterLock>> {
        let path = self.path.join("writer.lock");
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = opened.map_err(|error| problem(&path, "cannot be opened", &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(WriterLock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(problem(&path, "cannot be locked", &error)),
        }
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
        let name = format!("{}.parquet", uuid::Uuid::new_v4());
        let path = self.path.join(&name);
        let made = fault("data::create").and_then(|()| OpenOptions::new().create_new(true).write(true).open(&path));
        let file = made.map_err(|error| unpublished(&path, "cannot be made", &error))?;
        file.lock().map_err(|error| unpublished(&path, "cannot be locked", &error))?;
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

    /// Brings the names of new files to disk.
    pub fn sync(&self) -> Result<()> {
        let synced = fault("data::sync").and_then(|()| File::open(&self.path)?.sync_all());
        synced.map_err(|error| unpublished(&self.path, "cannot be brought to disk", &error))
    }

    /// Removes a file unless somebody holds it; true when it is gone.
    fn remove(&self, name: &str) -> bool {
        let path = self.path.join(name);
        match File::open(&path) {
            Ok(file) => file.try_lock().is_ok() && std::fs::remove_file(&path).is_ok(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// True when nobody holds the file.
    fn is_free(&self, name: &str) -> bool {
        match File::open(self.path.join(name)) {
            Ok(file) => file.try_lock().is_ok(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let names = std::fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let names: io::Result<Vec<String>> = names.collect();
        Ok(names?.into_iter().filter(|name| name.ends_with(".parquet")).collect())
    }
}

impl Catalog {
    /// Waits for the right to write without holding up the queries of this process.
    ///
    /// # Errors
    /// Another process keeps writing.
    pub async fn lock_for_writing(self: &Arc<Self>) -> Result<WriterLock> {
        let catalog = Arc::clone(self);
        let locked = tokio::task::spawn_blocking(move || catalog.data.lock_for_writing()).await;
        locked.map_err(|error| failed("database", error))?
    }

    /// Removes what is no more, unless another is writing: then that one does.
    ///
    /// # Errors
    /// As [`Self::collect`].
    pub fn collect_if_idle(&self) -> Result<()> {
        match self.data.try_lock_for_writing()? {
            Some(_lock) => self.collect(),
            None => Ok(()),
        }
    }

    /// Removes files that no snapshot names and nobody holds: what was withdrawn, and what a killed process left. The caller has the
    /// right to write.
    ///
    /// # Errors
    /// The catalog or the folder cannot be read.
    pub fn collect(&self) -> Result<()> {
        for name in self.forget_files(|name| self.data.is_free(name))? {
            self.data.remove(&name);
        }
        let known: HashSet<String> = self.known_files()?.into_iter().collect();
        let names = self.data.names().map_err(|error| problem(&self.data.path, "cannot be read", &error))?;
        for name in names.iter().filter(|name| !known.contains(*name)) {
            self.data.remove(name);
        }
        Ok(())
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
        self.unpublished.file = None;
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
        if self.file.is_some() {
            // What stays is collected later.
            let _ = std::fs::remove_file(&self.path);
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
fn fault(place: &str) -> io::Result<()> {
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

fn problem(path: &Path, what: &str, error: &io::Error) -> DataFusionError {
    failed(&path.display().to_string(), format!("{what}: {error}"))
}
