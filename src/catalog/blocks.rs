//! Checksums of the blocks of a data file.
//!
//! The catalog has one checksum of the whole file, which proves that the file is the one that was written, but checking it takes reading
//! the whole file. Queries read parts. So whoever reads or writes a whole file also records a hash of each block, and every part read later
//! is compared with the hashes of its blocks: a file that changes on disk after it was verified is detected, too. These hashes live only as
//! long as the process and detect accidental damage, not attacks, so a fast hash suffices here, while the catalog's is cryptographic.

use std::fs::File;
use std::hash::Hasher;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use bytes::Bytes;
use twox_hash::XxHash64;

/// Bytes per block: small enough that little extra is read, large enough that the hashes of a large file take little memory.
const BLOCK: usize = 64 << 10;

/// The hashes of a file's blocks.
#[derive(Debug)]
pub struct Blocks {
    sums: Vec<u64>,
    bytes: u64,
}

/// Computes the checksums of a file from its bytes as they are read or written.
#[derive(Debug, Default)]
pub struct Summing {
    whole: blake3::Hasher,
    block: XxHash64,
    /// Bytes of the current block so far.
    filled: usize,
    sums: Vec<u64>,
    bytes: u64,
}

impl Summing {
    /// Adds the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.whole.update(bytes);
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - self.filled));
            self.block.write(now);
            self.filled += now.len();
            if self.filled == BLOCK {
                self.end_block();
            }
            bytes = later;
        }
    }

    fn end_block(&mut self) {
        self.sums.push(std::mem::take(&mut self.block).finish());
        self.filled = 0;
    }

    /// The checksum of the whole file, in hexadecimal, and the hashes of its blocks.
    pub fn finish(mut self) -> (String, Blocks) {
        if self.filled > 0 {
            self.end_block();
        }
        (self.whole.finalize().to_hex().to_string(), Blocks { sums: self.sums, bytes: self.bytes })
    }

    /// Adds a whole file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(&mut self, mut file: &File) -> io::Result<()> {
        let mut buffer = vec![0; 1 << 20];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(()),
                read => self.update(&buffer[..read]),
            }
        }
    }
}

impl Blocks {
    /// The size of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads a part of the file; `None` when one of its blocks has changed.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(&self, mut file: &File, part: Range<u64>) -> io::Result<Option<Bytes>> {
        let part = part.start.min(self.bytes)..part.end.min(self.bytes);
        if part.is_empty() {
            return Ok(Some(Bytes::new()));
        }
        let block = BLOCK as u64;
        let first = part.start / block;
        let whole = first * block..part.end.next_multiple_of(block).min(self.bytes);
        let length = usize::try_from(whole.end - whole.start).map_err(io::Error::other)?;
        let mut bytes = Vec::with_capacity(length);
        file.seek(SeekFrom::Start(whole.start))?;
        file.take(length as u64).read_to_end(&mut bytes)?;
        let sums = self.sums.iter().skip(usize::try_from(first).map_err(io::Error::other)?);
        if bytes.len() < length || !bytes.chunks(BLOCK).zip(sums).all(|(bytes, sum)| XxHash64::oneshot(0, bytes) == *sum) {
            return Ok(None);
        }
        let offset = usize::try_from(part.start - whole.start).map_err(io::Error::other)?;
        let length = usize::try_from(part.end - part.start).map_err(io::Error::other)?;
        Ok(Some(Bytes::from(bytes).slice(offset..offset + length)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Every part of files with sizes at and around block boundaries is read back as written, and no part with a changed byte in one of its
    /// blocks is returned.
    #[test]
    fn parts_are_what_was_written_or_nothing() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7] {
            let bytes: Vec<u8> = (0..length).map(|place| (place * 31 % 251) as u8).collect();
            let mut file = tempfile::tempfile().unwrap();
            let mut summing = Summing::default();
            for some in bytes.chunks(1000) {
                file.write_all(some).unwrap();
                summing.update(some);
            }
            let (checksum, blocks) = summing.finish();
            assert_eq!(checksum, blake3::hash(&bytes).to_hex().to_string());
            let ends = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, length].map(|end| end.min(length));
            for start in ends {
                for end in ends.into_iter().filter(|end| *end >= start) {
                    let part = blocks.read(&file, start as u64..end as u64).unwrap();
                    assert_eq!(part.as_deref(), Some(&bytes[start..end]), "{start}..{end} of {length}");
                }
            }
            if length == 0 {
                continue;
            }
            // The last byte is changed: its block cannot be read, but the blocks before it can.
            file.seek(SeekFrom::Start(length as u64 - 1)).unwrap();
            file.write_all(&[bytes[length - 1] ^ 1]).unwrap();
            assert_eq!(blocks.read(&file, length as u64 - 1..length as u64).unwrap(), None);
            assert_eq!(blocks.read(&file, 0..length as u64).unwrap(), None);
            if length > BLOCK {
                assert!(blocks.read(&file, 0..BLOCK as u64).unwrap().is_some());
            }
            file.set_len(length as u64 - 1).unwrap();
            assert_eq!(blocks.read(&file, 0..length as u64).unwrap(), None, "it is shorter");
        }
    }
}
