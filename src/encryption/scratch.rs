//! Temporary files that functions write once and then read in parts, encrypted where the database is.
//!
//! The key of such a file is random, is held by who made it, and is gone with it. The bytes stand in blocks, each encrypted by itself under
//! the number that it has, so that any part can be read.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce};
use zeroize::Zeroize;

use super::Secret;

/// How the names of files end whose bytes are encrypted.
pub const SEALED: &str = ".sealed";
/// Bytes of a block.
const BLOCK: usize = 64 << 10;
/// Bytes that encryption adds to each.
const TAG: usize = 16;

/// A file to write to, and then to read from.
pub trait Scratch: Read + Write + Seek + Send + Debug {}

impl<T: Read + Write + Seek + Send + Debug> Scratch for T {}

/// Opens a temporary file that was just made; its name says whether it is to be encrypted.
///
/// # Errors
/// It cannot be opened.
pub fn open(path: &Path) -> io::Result<Box<dyn Scratch>> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let is_sealed = path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(SEALED));
    Ok(if is_sealed { Box::new(SealedFile::new(file)?) } else { Box::new(file) })
}

/// A file whose blocks are encrypted: written from its beginning to its end, then read.
pub struct SealedFile {
    file: File,
    cipher: LessSafeKey,
    /// The block that is being written, and then the one that was read last.
    block: Vec<u8>,
    /// Its number, when it was read.
    at_hand: Option<u64>,
    /// Whole blocks that were written.
    blocks: u64,
    /// Bytes altogether, once it is read.
    length: Option<u64>,
    /// Where reading goes on.
    place: u64,
}

impl Debug for SealedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedFile").field("length", &self.length).finish_non_exhaustive()
    }
}

impl Drop for SealedFile {
    fn drop(&mut self) {
        self.block.zeroize();
    }
}

fn nonce(block: u64) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[..8].copy_from_slice(&block.to_le_bytes());
    Nonce::assume_unique_for_key(bytes)
}

impl SealedFile {
    /// An empty file, with a key of its own.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new(file: File) -> io::Result<Self> {
        let cipher = Secret::random().and_then(|secret| secret.cipher()).map_err(io::Error::other)?;
        debug_assert_eq!(AES_256_GCM.tag_len(), TAG);
        Ok(Self { file, cipher, block: Vec::with_capacity(BLOCK), at_hand: None, blocks: 0, length: None, place: 0 })
    }

    /// Encrypts the block at hand and appends it.
    fn append(&mut self) -> io::Result<()> {
        let tag = self.cipher.seal_in_place_separate_tag(nonce(self.blocks), Aad::empty(), &mut self.block);
        let tag = tag.map_err(|_| io::Error::other("a block cannot be encrypted"))?;
        self.block.extend(tag.as_ref());
        self.file.write_all(&self.block)?;
        self.block.clear();
        self.blocks += 1;
        Ok(())
    }

    /// Ends writing.
    fn length(&mut self) -> io::Result<u64> {
        if let Some(length) = self.length {
            return Ok(length);
        }
        let length = self.blocks * BLOCK as u64 + self.block.len() as u64;
        if !self.block.is_empty() {
            self.append()?;
        }
        self.length = Some(length);
        Ok(length)
    }

    /// Reads a block, unless it is at hand.
    fn take(&mut self, number: u64, length: u64) -> io::Result<()> {
        if self.at_hand == Some(number) {
            return Ok(());
        }
        self.at_hand = None;
        let begin = number * BLOCK as u64;
        let bytes = usize::try_from((length - begin).min(BLOCK as u64)).map_err(io::Error::other)?;
        self.block.resize(bytes + TAG, 0);
        self.file.seek(SeekFrom::Start(number * (BLOCK + TAG) as u64))?;
        self.file.read_exact(&mut self.block)?;
        let opened = self.cipher.open_in_place(nonce(number), Aad::empty(), &mut self.block);
        opened.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a temporary file is not what was written"))?;
        self.block.truncate(bytes);
        self.at_hand = Some(number);
        Ok(())
    }
}

impl Write for SealedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.length.is_some() {
            return Err(io::Error::other("a temporary file that was read cannot be written to"));
        }
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend(&bytes[..taken]);
        if self.block.len() == BLOCK {
            self.append()?;
        }
        Ok(taken)
    }

    /// What is not a whole block waits: it is written before it is read.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for SealedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let length = self.length()?;
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(offset) => length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.place.checked_add_signed(offset),
        };
        self.place = place.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.place)
    }
}

impl Read for SealedFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.length()?;
        if self.place >= length || into.is_empty() {
            return Ok(0);
        }
        let number = self.place / BLOCK as u64;
        self.take(number, length)?;
        let begin = usize::try_from(self.place % BLOCK as u64).map_err(io::Error::other)?;
        let taken = into.len().min(self.block.len() - begin);
        into[..taken].copy_from_slice(&self.block[begin..begin + taken]);
        self.place += taken as u64;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_what_was_written() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7] {
            let bytes: Vec<u8> = (0..length).map(|place| (place * 31 % 251) as u8).collect();
            let kept = tempfile::NamedTempFile::new().unwrap();
            let mut file = SealedFile::new(kept.reopen().unwrap()).unwrap();
            for part in bytes.chunks(1000) {
                file.write_all(part).unwrap();
            }
            for place in [0, 1, BLOCK - 1, BLOCK, length / 2, length].into_iter().filter(|place| *place <= length) {
                file.seek(SeekFrom::Start(place as u64)).unwrap();
                let mut found = vec![];
                file.read_to_end(&mut found).unwrap();
                assert_eq!(found, &bytes[place..], "{place} of {length}");
            }
            assert!(file.write_all(b"more").is_err());
            let raw = std::fs::read(kept.path()).unwrap();
            assert_eq!(raw.len(), length + TAG * length.div_ceil(BLOCK));
            assert!(length < 100 || !raw.windows(50).any(|window| bytes.windows(50).next() == Some(window)));
            if length > 0 {
                let mut flipped = raw;
                flipped[0] ^= 1;
                std::fs::write(kept.path(), &flipped).unwrap();
                file.at_hand = None;
                file.seek(SeekFrom::Start(0)).unwrap();
                assert_eq!(file.read(&mut [0; 10]).unwrap_err().kind(), io::ErrorKind::InvalidData);
            }
        }
    }

    #[test]
    fn the_name_says_whether_it_is_encrypted() {
        let folder = tempfile::tempdir().unwrap();
        for (name, is_sealed) in [("rows", false), ("rows.sealed", true)] {
            let path = folder.path().join(name);
            File::create(&path).unwrap();
            let mut file = open(&path).unwrap();
            file.write_all(b"13800138000").unwrap();
            file.seek(SeekFrom::Start(3)).unwrap();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            assert_eq!(text, "00138000");
            assert_eq!(std::fs::read(&path).unwrap() != b"13800138000", is_sealed);
        }
    }
}
