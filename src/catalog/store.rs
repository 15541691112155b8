//! The data files as DataFusion reads them: an object store over the directory, which verifies all bytes.
//!
//! Paths in the store are just the file names. The location of the directory therefore appears in no URL, and cannot be misread as a
//! pattern, an escape sequence or another encoding.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path as Location;
use object_store::{
    Attributes, CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use parking_lot::Mutex;

use super::blocks::Blocks;
use super::data::Identity;
use crate::encryption::Secret;
use crate::error::{SqlState, coded, of_system as failed};

/// The URL of the store in its database's session.
pub const DATA_URL: &str = "portrait-data://files/";

/// What is known of a file since it was completely read or written.
#[derive(Debug)]
pub struct Known {
    /// Shows whether the file was touched since.
    pub identity: Identity,
    /// Its columns.
    pub schema: SchemaRef,
    /// Its key, in an encrypted database.
    pub key: Option<Secret>,
    pub blocks: Blocks,
}

/// The directory of the data files, for reading those that this process has verified.
#[derive(Debug)]
pub struct DataStore {
    folder: PathBuf,
    known: Mutex<HashMap<String, Arc<Known>>>,
}

impl DataStore {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, known: Mutex::default() }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is known of a file.
    pub fn known(&self, name: &str) -> Option<Arc<Known>> {
        self.known.lock().get(name).cloned()
    }

    /// Stores what is known of a file.
    pub fn learn(&self, name: &str, known: Known) -> Arc<Known> {
        let known = Arc::new(known);
        self.known.lock().insert(name.to_string(), Arc::clone(&known));
        known
    }

    /// Removes what is known of a file.
    pub fn forget(&self, name: &str) {
        self.known.lock().remove(name);
    }

    /// Finds a file that was verified before.
    fn find(&self, location: &Location) -> object_store::Result<(PathBuf, Arc<Known>)> {
        let known = self.known(location.as_ref()).ok_or_else(|| object_store::Error::NotFound {
            path: self.folder.join(location.as_ref()).display().to_string(),
            source: "no statement holds it for reading".into(),
        })?;
        Ok((self.folder.join(location.as_ref()), known))
    }
}

/// Reads a part of a file that was verified before.
///
/// # Errors
/// The file cannot be read, or has changed.
pub fn read_part(file: &File, path: &Path, known: &Known, part: Range<u64>) -> Result<Bytes> {
    let read = known.blocks.read(file, part);
    match read.map_err(|error| failed(&path.display().to_string(), format!("cannot be read: {error}")))? {
        Some(bytes) => Ok(bytes),
        None => Err(damaged(path, "it has changed since this process first read it")),
    }
}

/// The error for a file that is not what was written.
pub fn damaged(path: &Path, what: &str) -> datafusion::error::DataFusionError {
    let problem = format!("is damaged: {what}; restore the database from a backup, or create it again");
    coded(SqlState::DATA_CORRUPTED, &path.display().to_string(), problem)
}

fn generic(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> object_store::Error {
    object_store::Error::Generic { store: "data folder", source: error.into() }
}

fn unsupported(operation: &str) -> object_store::Error {
    object_store::Error::NotImplemented { operation: operation.into(), implementer: "data folder".into() }
}

impl fmt::Display for DataStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "data folder {}", self.folder.display())
    }
}

/// Read-only: files are written by [`super::data`].
#[async_trait]
impl ObjectStore for DataStore {
    async fn get_opts(&self, location: &Location, options: GetOptions) -> object_store::Result<GetResult> {
        let (path, known) = self.find(location)?;
        let location = location.clone();
        let read = move || -> object_store::Result<GetResult> {
            let size = known.blocks.bytes();
            // Files never change, so their modification time is irrelevant.
            let last_modified = chrono::DateTime::UNIX_EPOCH;
            let meta = ObjectMeta { location, last_modified, size, e_tag: None, version: None };
            options.check_preconditions(&meta)?;
            let range = match &options.range {
                Some(range) => range.as_range(size).map_err(generic)?,
                None => 0..size,
            };
            let bytes = if options.head {
                Bytes::new()
            } else {
                let file = File::open(&path).map_err(|error| missing(&path, error))?;
                read_part(&file, &path, &known, range.clone()).map_err(generic)?
            };
            let payload = GetResultPayload::Stream(stream::once(async move { Ok(bytes) }).boxed());
            Ok(GetResult { payload, meta, range, attributes: Attributes::default() })
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => runtime.spawn_blocking(read).await?,
            Err(_) => read(),
        }
    }

    fn list(&self, _prefix: Option<&Location>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        stream::once(async { Err(unsupported("list")) }).boxed()
    }

    async fn list_with_delimiter(&self, _prefix: Option<&Location>) -> object_store::Result<ListResult> {
        Err(unsupported("list"))
    }

    async fn put_opts(&self, _: &Location, _: PutPayload, _: PutOptions) -> object_store::Result<PutResult> {
        Err(unsupported("put"))
    }

    async fn put_multipart_opts(&self, _: &Location, _: PutMultipartOptions) -> object_store::Result<Box<dyn MultipartUpload>> {
        Err(unsupported("put"))
    }

    fn delete_stream(
        &self,
        _locations: BoxStream<'static, object_store::Result<Location>>,
    ) -> BoxStream<'static, object_store::Result<Location>> {
        stream::once(async { Err(unsupported("delete")) }).boxed()
    }

    async fn copy_opts(&self, _: &Location, _: &Location, _: CopyOptions) -> object_store::Result<()> {
        Err(unsupported("copy"))
    }
}

fn missing(path: &Path, error: io::Error) -> object_store::Error {
    if error.kind() == io::ErrorKind::NotFound {
        return object_store::Error::NotFound { path: path.display().to_string(), source: error.into() };
    }
    generic(failed(&path.display().to_string(), format!("cannot be opened: {error}")))
}
