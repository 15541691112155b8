//! Data files: immutable Parquet, written once under a fresh name.
//!
//! A file is complete and synced to disk before the catalog refers to it. Whoever writes or reads one holds a shared file lock of the
//! operating system, which is released when the process ends, however it ends; [`super::collect`] removes only files that nothing refers to
//! and no process holds.
//!
//! The catalog stores the size, row count and checksum of each file; a mismatch is an error, never an answer. The whole file is verified
//! when it is first read and whenever it was touched since; every part that is read is verified again ([`super::blocks`]). Only the name in
//! the catalog determines which file is read: a name that this program would not have given is refused, and so is a link in place of a
//! file.

use std::collections::HashMap;
use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::error::DataFusionError;
use fail::fail_point;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::file::reader::{ChunkReader, Length};

use super::FILE;
use super::access::Access;
use super::blocks::Summing;
use super::decrypting::{encryption, reading};
use super::encodings;
use super::intervals;
use super::locks::Locks;
use super::store::{DataStore, Known, damaged, read_part};
use super::unwritable::{of_file, of_path};
use crate::encryption::Secret;
use crate::error::{SqlState, coded, invalid};
use crate::temporary::TemporaryFolder;

/// Rows per row group, which is what one thread reads at a time.
pub const ROW_GROUP: usize = 131_072;

/// Rows in a page, the least that is read to find one row by its key: few, because all of them are unpacked for it, and enough that scans
/// of whole files and the size of the files hardly notice.
const PAGE_ROWS: usize = 4096;

/// How many bytes are read at a time where a page begins, whose length is not known yet.
const PAGE: usize = 64 << 10;

/// A file as the catalog knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    pub name: String,
    pub bytes: i64,
    pub rows: i64,
    /// BLAKE3 of the file as stored, in hexadecimal.
    pub checksum: String,
    /// Its key, in an encrypted database.
    pub key: Option<Secret>,
}

/// Identifies an unchanged file, as far as the file system can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    size: u64,
    modified: Option<SystemTime>,
    /// Device, inode, and the time of the last inode change.
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

/// The directory of the data files.
#[derive(Debug)]
pub struct DataFolder {
    /// The files, and what this process knows of those it has read.
    pub store: Arc<DataStore>,
    /// The locks of objects being written.
    pub locks: Locks,
    /// The permissions of new files.
    access: Access,
    /// Whether files are encrypted.
    is_encrypted: bool,
    /// Removes the directory of an in-memory database when dropped.
    _temporary: Option<Arc<TemporaryFolder>>,
}

/// A file that is being read; it is locked against removal as long as this lives.
#[derive(Debug)]
pub struct Pinned {
    /// The file as the catalog knows it.
    pub file: DataFile,
    pub name: String,
    pub bytes: u64,
    pub path: PathBuf,
    /// Its columns.
    pub schema: SchemaRef,
    known: Arc<Known>,
    lock: File,
}

impl Pinned {
    /// Unlocks the file before its plan is dropped, once nothing reads it any more.
    pub fn release(&self) {
        // If unlocking fails, closing the file unlocks it.
        let _ = self.lock.unlock();
    }

    /// All of its bytes.
    ///
    /// # Errors
    /// It cannot be read, or is not what it was.
    pub fn read(&self) -> Result<Bytes> {
        read_part(&self.lock, &self.path, &self.known, 0..self.bytes)
    }

    /// Some of its bytes.
    ///
    /// # Errors
    /// As [`Self::read`].
    fn read_part(&self, part: Range<u64>) -> Result<Bytes> {
        read_part(&self.lock, &self.path, &self.known, part)
    }

    /// The options for reading it.
    ///
    /// # Errors
    /// The key is not a valid key.
    pub fn reading(&self) -> Result<ArrowReaderOptions> {
        reading(&self.name, self.known.key.as_ref())
    }

    /// True for a file that is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.known.key.is_some()
    }
}

/// A file that is read only in the parts that are needed.
#[derive(Debug, Clone)]
pub struct Parts(pub Arc<Pinned>);

impl Parts {
    fn part(&self, part: Range<u64>) -> parquet::errors::Result<Bytes> {
        self.0.read_part(part).map_err(|error| parquet::errors::ParquetError::External(Box::new(error)))
    }
}

impl Length for Parts {
    fn len(&self) -> u64 {
        self.0.bytes
    }
}

impl ChunkReader for Parts {
    type T = BufReader<Following>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(BufReader::with_capacity(PAGE, Following { file: self.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        self.part(start..start.saturating_add(length as u64).min(self.0.bytes))
    }
}

/// The bytes of a file from some place on.
#[derive(Debug)]
pub struct Following {
    file: Parts,
    at: u64,
}

impl Read for Following {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.at.saturating_add(buffer.len() as u64).min(self.file.0.bytes);
        let bytes = self.file.part(self.at.min(end)..end).map_err(io::Error::other)?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        self.at = end;
        Ok(bytes.len())
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // Unlocked explicitly, not just closed: a child process that is being started may briefly have a copy of the descriptor, which
        // would keep the lock.
        self.release();
    }
}

impl DataFolder {
    /// The data files in a database directory, whose path is absolute.
    pub fn of(database: &Path, can_write: bool, is_encrypted: bool) -> Result<Self> {
        let access = Access::of(&database.join(FILE));
        let folder = |name: &str| {
            let path = database.join(name);
            if path.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
                let problem = "is a link; a database must be in one folder: move or link the whole folder";
                return Err(invalid(&path.display().to_string(), problem));
            }
            match access.make_folder(&path) {
                // A read-only database needs no locks.
                Err(error) if can_write => Err(of_path(&path, "cannot be created", &error)),
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

    /// A directory that is removed when the process ends.
    pub fn temporary(temporary: Arc<TemporaryFolder>) -> Result<Self> {
        let access = Access::OWN;
        let folder = |name: &str| {
            temporary.folder(name).map_err(|error| of_path(&temporary.path().join(name), "cannot be created", &error))
        };
        let (store, locks) = (Arc::new(DataStore::new(folder("data")?)), Locks::new(folder("locks")?, access));
        Ok(Self { store, locks, access, is_encrypted: false, _temporary: Some(temporary) })
    }

    /// Opens a file for reading and locks it against removal. Checks its size, and all of its bytes when it is read for the first time or
    /// was touched since.
    ///
    /// # Errors
    /// The file is missing or not what was written.
    pub fn pin(&self, file: &DataFile) -> Result<Arc<Pinned>> {
        self.pin_unless(file, |identity| self.store.known(&file.name).filter(|known| known.identity == *identity))
    }

    /// The same, but checks all of its bytes, even if it was read before.
    ///
    /// # Errors
    /// As [`Self::pin`].
    pub fn pin_anew(&self, file: &DataFile) -> Result<Arc<Pinned>> {
        self.pin_unless(file, |_| None)
    }

    fn pin_unless(&self, file: &DataFile, known: impl FnOnce(&Identity) -> Option<Arc<Known>>) -> Result<Arc<Pinned>> {
        let path = self.place(&file.name)?;
        // Before it is opened, as opening a pipe waits for a writer.
        check_regular(&path)?;
        let lock = File::open(&path).map_err(|error| of_path(&path, "cannot be opened", &error))?;
        match lock.lock_shared() {
            // On a file system without locks nobody can write, so nobody removes files.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            locked => locked.map_err(|error| of_path(&path, "cannot be locked", &error))?,
        }
        // The file may have been collected while this waited for the lock. As names are never reused, the path still identifies it.
        check_regular(&path)?;
        let identity = Identity::of(&lock.metadata().map_err(|error| of_path(&path, "cannot be read", &error))?);
        if u64::try_from(file.bytes) != Ok(identity.size) {
            return Err(damaged(&path, &format!("it has {} bytes, but {} were written", identity.size, file.bytes)));
        }
        let known = match known(&identity) {
            Some(known) => known,
            None => self.store.learn(&file.name, look_at(file, &path, &lock, identity)?),
        };
        let (name, bytes, schema) = (file.name.clone(), identity.size, Arc::clone(&known.schema));
        Ok(Arc::new(Pinned { file: file.clone(), name, bytes, path, schema, known, lock }))
    }

    /// Creates a new file for writing rows; `sorted_by` is the column that they are sorted by.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create(&self, schema: &SchemaRef, sorted_by: Option<usize>) -> Result<DataWriter> {
        let (name, path, file) = self.make()?;
        let store = Arc::clone(&self.store);
        let kept = file.try_clone().map_err(|error| of_file(&path.display().to_string(), "cannot be opened", error))?;
        let unpublished = Unpublished { path: path.clone(), file: Some(kept) };
        let sorting = sorted_by.and_then(|column| i32::try_from(column).ok());
        let sorting = sorting.map(|column| vec![SortingColumn { column_idx: column, descending: false, nulls_first: true }]);
        let key = self.is_encrypted.then(Secret::random).transpose()?;
        // No Bloom filters: Parquet stores them unencrypted next to encrypted columns, where they would reveal which values a file has.
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .set_data_page_row_count_limit(PAGE_ROWS)
            .set_bloom_filter_enabled(false)
            .set_sorting_columns(sorting);
        if let Some(key) = &key {
            properties = properties.with_file_encryption_properties(encryption(&name, key)?);
        }
        let hashed = Hashed { file, sums: Summing::default(), bytes: 0 };
        let (unopened, writer) = (Some((hashed, properties)), None);
        Ok(DataWriter { name, key, store, unpublished, schema: Arc::clone(schema), unopened, writer, rows: 0 })
    }

    /// Creates a file under a fresh name and locks it for writing.
    fn make(&self) -> Result<(String, PathBuf, File)> {
        loop {
            let name = format!("{}.parquet", uuid::Uuid::new_v4());
            let path = self.store.folder().join(&name);
            let made =
                fault("data::create").and_then(|()| self.access.open(OpenOptions::new().create_new(true).write(true), &path));
            let file = made.map_err(|error| of_file(&path.display().to_string(), "cannot be created", error))?;
            fail_point!("data::made");
            let is_held = match file.try_lock_shared() {
                Ok(()) => path.try_exists().map_err(|error| of_file(&path.display().to_string(), "cannot be opened", error))?,
                Err(TryLockError::WouldBlock) => false,
                Err(TryLockError::Error(error)) => return Err(of_file(&path.display().to_string(), "cannot be locked", error)),
            };
            if is_held {
                return Ok((name, path, file));
            }
            // A collector found it before it was locked, and took it for one left by a killed process.
            let _ = std::fs::remove_file(&path);
        }
    }

    /// Syncs the directory, and so the names of new files, to disk.
    pub fn sync(&self) -> Result<()> {
        let folder = self.store.folder();
        let synced = fault("data::sync").and_then(|()| File::open(folder)?.sync_all());
        synced.map_err(|error| of_file(&folder.display().to_string(), "cannot be synced to disk", error))
    }

    /// The names of the data files in the directory; other entries are ignored.
    pub fn names(&self) -> Result<Vec<String>> {
        Ok(self.entries()?.into_iter().filter(|name| is_own(name)).collect())
    }

    /// The names of entries that are not data files.
    pub fn foreign(&self) -> Result<Vec<String>> {
        Ok(self.entries()?.into_iter().filter(|name| !is_own(name)).collect())
    }

    fn entries(&self) -> Result<Vec<String>> {
        let folder = self.store.folder();
        let names = || -> io::Result<Vec<String>> {
            std::fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
        };
        names().map_err(|error| of_path(folder, "cannot be read", &error))
    }

    /// The path of a file that the catalog refers to.
    ///
    /// # Errors
    /// It is not a valid data file name, so it could lead outside the directory.
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

/// True for names of the form that data files are given.
pub fn is_own(name: &str) -> bool {
    let Some(id) = name.strip_suffix(".parquet") else { return false };
    uuid::Uuid::try_parse(id).is_ok_and(|parsed| parsed.hyphenated().to_string() == id)
}

/// Compares a whole file with what the catalog says about it.
fn look_at(file: &DataFile, path: &Path, opened: &File, identity: Identity) -> Result<Known> {
    let mut sums = Summing::default();
    sums.read(opened).map_err(|error| of_path(path, "cannot be read", &error))?;
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
    Ok(Known { identity, schema: intervals::restored(&columns(metadata.schema())), key: file.key.clone(), blocks })
}

/// The schema without file metadata, as tables expect it.
fn columns(schema: &Schema) -> SchemaRef {
    Arc::new(schema.clone().with_metadata(HashMap::new()))
}

/// A file being written; removed when dropped before it is finished.
pub struct DataWriter {
    name: String,
    key: Option<Secret>,
    store: Arc<DataStore>,
    unpublished: Unpublished,
    schema: SchemaRef,
    /// The file and its properties, until the first rows tell how their values are best stored.
    unopened: Option<(Hashed, WriterPropertiesBuilder)>,
    writer: Option<ArrowWriter<Hashed>>,
    rows: i64,
}

impl DataWriter {
    /// The writer, which is made for these rows if they are the first.
    fn writer(&mut self, first: Option<&RecordBatch>) -> Result<&mut ArrowWriter<Hashed>> {
        if let Some((hashed, properties)) = self.unopened.take() {
            let properties = match first {
                Some(rows) => encodings::chosen(properties, rows),
                None => properties,
            };
            self.writer = Some(ArrowWriter::try_new(hashed, intervals::stored(&self.schema), Some(properties.build()))?);
        }
        self.writer.as_mut().ok_or_else(|| internal_datafusion_err!("written after a failure"))
    }

    /// Adds rows.
    ///
    /// # Errors
    /// The disk is full, or fails.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += i64::try_from(batch.num_rows()).unwrap_or(0);
        let batch = &intervals::to_stored(batch)?;
        let written =
            fault("data::write").map_err(DataFusionError::from).and_then(|()| Ok(self.writer(Some(batch))?.write(batch)?));
        written.map_err(|error| of_file(&self.unpublished.subject(), "cannot be written", error))
    }

    /// Bytes buffered in memory.
    pub fn memory(&self) -> usize {
        self.writer.as_ref().map_or(0, ArrowWriter::memory_size)
    }

    /// Writes the buffered rows.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn flush(&mut self) -> Result<()> {
        let subject = self.unpublished.subject();
        let Some(writer) = &mut self.writer else { return Ok(()) };
        writer.flush().map_err(|error| of_file(&subject, "cannot be written", error))
    }

    /// Finishes the file and syncs it to disk.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn finish(mut self) -> Result<Written> {
        self.writer(None)?;
        let Self { name, key, store, unpublished, schema, unopened: _, writer, rows } = self;
        let subject = unpublished.subject();
        let fail = |error: DataFusionError| of_file(&subject, "cannot be written", error);
        let writer = writer.ok_or_else(|| internal_datafusion_err!("written after a failure"))?;
        let mut hashed = writer.into_inner().map_err(|error| fail(error.into()))?;
        hashed.flush().map_err(|error| fail(error.into()))?;
        fault("data::fsync").and_then(|()| hashed.file.sync_all()).map_err(|error| fail(error.into()))?;
        let identity = Identity::of(&hashed.file.metadata().map_err(|error| fail(error.into()))?);
        let (checksum, blocks) = hashed.sums.finish();
        // The checksums are known from writing: reading the file needs no verification as long as it is not touched.
        store.learn(&name, Known { identity, schema: columns(&schema), key: key.clone(), blocks });
        let file = DataFile { name, bytes: hashed.bytes, rows, checksum, key };
        Ok(Written { file, unpublished })
    }
}

/// A finished file that no snapshot refers to yet; removed when dropped.
pub struct Written {
    pub file: DataFile,
    unpublished: Unpublished,
}

impl Written {
    /// Releases the file to the catalog: it stays if a snapshot refers to it, and is collected otherwise.
    pub fn let_go(mut self) {
        if let Some(file) = self.unpublished.file.take() {
            let _ = file.unlock();
        }
    }
}

/// Holds a new file, and removes it unless it is published.
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
            // If removing fails, it is collected later.
            let _ = std::fs::remove_file(&self.path);
            let _ = file.unlock();
        }
    }
}

/// Counts and hashes the bytes that are written.
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

/// Checks that a data file is there, and is a file.
fn check_regular(path: &Path) -> Result<()> {
    match path.symlink_metadata() {
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) => Err(damaged(path, "it is not a regular file, but leads to another place")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(damaged(path, "it is missing")),
        Err(error) => Err(of_path(path, "cannot be opened", &error)),
    }
}

/// A failpoint at which tests can make the disk fail: `return(28)` is "no space left on device".
pub fn fault(place: &str) -> io::Result<()> {
    fail_point!(place, |code| {
        let code = code.and_then(|code| code.parse().ok()).unwrap_or(5);
        Err(io::Error::from_raw_os_error(code))
    });
    Ok(())
}
