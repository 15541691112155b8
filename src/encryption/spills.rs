//! What queries spill, encrypted: the files that DataFusion's operators write when memory is short.
//!
//! The key is random, stands in memory alone, and is gone with the engine. A file is a row of frames, each with its length before it; its
//! frames are numbered, and so are the files, so that no two frames have the same nonce. Operators read a file as a stream, some while it is
//! still being written: what was flushed is a whole frame.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use bytes::Bytes;
use datafusion::common::{Result, human_readable_size};
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::DEFAULT_MAX_TEMP_DIRECTORY_SIZE;
use datafusion::execution::spill_file::{SpillFile, SpillWriter, TempFileFactory};
use futures::{Stream, stream};
use parking_lot::Mutex;
use ring::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use tempfile::NamedTempFile;

use super::Secret;
use super::scratch::SEALED;

/// Bytes of a frame, without its length and tag.
const FRAME: usize = 64 << 10;
const TAG: usize = 16;

/// Makes encrypted files in a folder.
pub struct EncryptedSpills {
    folder: PathBuf,
    shared: Arc<Shared>,
    files: AtomicU32,
}

struct Shared {
    cipher: LessSafeKey,
    /// Bytes on disk.
    used: AtomicU64,
}

impl EncryptedSpills {
    /// Files in a folder that its owner alone may look into.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new(folder: PathBuf) -> Result<Self> {
        let shared = Arc::new(Shared { cipher: Secret::random()?.cipher()?, used: AtomicU64::new(0) });
        Ok(Self { folder, shared, files: AtomicU32::new(0) })
    }
}

impl TempFileFactory for EncryptedSpills {
    fn create_temp_file(&self, _description: &str) -> Result<Arc<dyn SpillFile>> {
        // A number twice would be a nonce twice.
        let number = self.files.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |number| number.checked_add(1));
        let number = number.map_err(|_| DataFusionError::ResourcesExhausted("too many files were spilled".into()))?;
        let file = tempfile::Builder::new().suffix(SEALED).tempfile_in(&self.folder).map_err(DataFusionError::IoError)?;
        Ok(Arc::new(EncryptedSpill {
            file,
            number,
            frames: Arc::default(),
            bytes: Arc::default(),
            shared: Arc::clone(&self.shared),
        }))
    }
}

/// A file, gone when dropped.
struct EncryptedSpill {
    file: NamedTempFile,
    number: u32,
    /// Frames that were written.
    frames: Arc<Mutex<u64>>,
    /// Bytes on disk.
    bytes: Arc<AtomicU64>,
    shared: Arc<Shared>,
}

impl Drop for EncryptedSpill {
    fn drop(&mut self) {
        self.shared.used.fetch_sub(self.bytes.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

fn nonce(file: u32, frame: u64) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[..4].copy_from_slice(&file.to_le_bytes());
    bytes[4..].copy_from_slice(&frame.to_le_bytes());
    Nonce::assume_unique_for_key(bytes)
}

impl SpillFile for EncryptedSpill {
    /// Where it stands: for functions that write to it in their own way, by [`super::scratch::open`].
    fn path(&self) -> Option<&Path> {
        Some(self.file.path())
    }

    fn size(&self) -> Option<u64> {
        Some(self.bytes.load(Ordering::Relaxed))
    }

    fn read_stream(&self) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>> {
        let file = self.file.reopen().map_err(DataFusionError::IoError)?;
        let reader = Reader { file, number: self.number, frame: 0, shared: Arc::clone(&self.shared) };
        Ok(Box::pin(stream::unfold(Some(reader), |reader| async move {
            let mut reader = reader?;
            let read = move || {
                let read = reader.next();
                (read, reader)
            };
            match tokio::task::spawn_blocking(read).await {
                Ok((Ok(Some(bytes)), reader)) => Some((Ok(bytes), Some(reader))),
                Ok((Ok(None), _)) => None,
                Ok((Err(error), _)) => Some((Err(DataFusionError::IoError(error)), None)),
                Err(error) => Some((Err(DataFusionError::External(Box::new(error))), None)),
            }
        })))
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>> {
        let file = self.file.as_file().try_clone().map_err(DataFusionError::IoError)?;
        let (frames, bytes, shared) = (Arc::clone(&self.frames), Arc::clone(&self.bytes), Arc::clone(&self.shared));
        Ok(Box::new(Writer { file, number: self.number, frames, bytes, shared, waiting: Vec::with_capacity(FRAME) }))
    }
}

/// Writes frames.
struct Writer {
    file: File,
    number: u32,
    frames: Arc<Mutex<u64>>,
    bytes: Arc<AtomicU64>,
    shared: Arc<Shared>,
    waiting: Vec<u8>,
}

impl Writer {
    fn frame(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let mut frame = self.frames.lock();
        let length = self.waiting.len();
        let mut bytes = Vec::with_capacity(4 + length + TAG);
        bytes.extend(u32::try_from(length).map_err(io::Error::other)?.to_le_bytes());
        bytes.append(&mut self.waiting);
        let tag = self.shared.cipher.seal_in_place_separate_tag(nonce(self.number, *frame), Aad::empty(), &mut bytes[4..]);
        bytes.extend(tag.map_err(|_| io::Error::other("a frame cannot be encrypted"))?.as_ref());
        *frame += 1;
        let written = bytes.len() as u64;
        if self.shared.used.fetch_add(written, Ordering::Relaxed) + written > DEFAULT_MAX_TEMP_DIRECTORY_SIZE {
            self.shared.used.fetch_sub(written, Ordering::Relaxed);
            let most = human_readable_size(usize::try_from(DEFAULT_MAX_TEMP_DIRECTORY_SIZE).unwrap_or(usize::MAX));
            return Err(io::Error::other(format!("queries have spilled {most}, which is the limit")));
        }
        self.bytes.fetch_add(written, Ordering::Relaxed);
        self.file.write_all(&bytes)
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(FRAME - self.waiting.len());
        self.waiting.extend(&bytes[..taken]);
        if self.waiting.len() == FRAME {
            self.frame()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.frame()?;
        self.file.flush()
    }
}

impl SpillWriter for Writer {
    fn finish(&mut self) -> Result<()> {
        self.flush().map_err(DataFusionError::IoError)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Operators that write nothing more may let it go without a word.
        let _ = self.frame();
    }
}

/// Reads one frame after another.
struct Reader {
    file: File,
    number: u32,
    frame: u64,
    shared: Arc<Shared>,
}

impl Reader {
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        let mut length = [0; 4];
        match self.file.read(&mut length[..1])? {
            0 => return Ok(None),
            _ => self.file.read_exact(&mut length[1..])?,
        }
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "a temporary file is not what was written");
        let length = usize::try_from(u32::from_le_bytes(length)).map_err(io::Error::other)?;
        if length > FRAME {
            return Err(damaged());
        }
        let mut bytes = vec![0; length + TAG];
        self.file.read_exact(&mut bytes)?;
        let opened = self.shared.cipher.open_in_place(nonce(self.number, self.frame), Aad::empty(), &mut bytes);
        opened.map_err(|_| damaged())?;
        bytes.truncate(length);
        self.frame += 1;
        Ok(Some(bytes.into()))
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn what_is_spilled_is_read_again_and_is_not_in_clear() {
        let folder = tempfile::tempdir().unwrap();
        let spills = EncryptedSpills::new(folder.path().into()).unwrap();
        let text: Vec<u8> = b"13800138000 ".iter().copied().cycle().take(3 * FRAME + 5).collect();
        let file = spills.create_temp_file("sort").unwrap();
        let mut writer = file.open_writer().unwrap();
        writer.write_all(&text[..10]).unwrap();
        writer.flush().unwrap();
        // Read while it is written: what was flushed is there.
        let mut reading = file.read_stream().unwrap();
        assert_eq!(reading.try_next().await.unwrap().unwrap(), &text[..10]);
        writer.write_all(&text[10..]).unwrap();
        writer.finish().unwrap();
        drop(writer);
        let all: Vec<Bytes> = file.read_stream().unwrap().try_collect().await.unwrap();
        assert_eq!(all.concat(), text);
        let rest: Vec<Bytes> = reading.try_collect().await.unwrap();
        assert_eq!(rest.concat(), &text[10..]);
        let path = file.path().unwrap().to_path_buf();
        let mut raw = std::fs::read(&path).unwrap();
        assert!(!raw.windows(11).any(|window| window == b"13800138000"));
        assert_eq!(file.size(), Some(raw.len() as u64));
        raw[20] ^= 1;
        std::fs::write(&path, raw).unwrap();
        let damaged: Result<Vec<Bytes>> = file.read_stream().unwrap().try_collect().await;
        assert!(damaged.unwrap_err().to_string().contains("not what was written"));
        drop(file);
        assert!(!path.exists() && spills.shared.used.load(Ordering::Relaxed) == 0);
    }
}
