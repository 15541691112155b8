//! The archive format of backups: a tar file (POSIX ustar) of plain files, which `tar` can read, too.
//!
//! The first entry is the manifest. It lists the entries that follow, in order, with the size and BLAKE3 hash of each. Only what the
//! manifest lists is restored; an entry of any other name, type or size is an error.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

const BLOCK: usize = 512;
const PIECE: usize = 1 << 20;
pub const MANIFEST: &str = "manifest.json";
/// The value of `format` in the manifest.
pub const FORMAT: &str = "portrait backup";
/// The version of the archive format that this program reads and writes.
pub const VERSION: u32 = 1;
/// More than the entries of a million files take.
pub const LARGEST_MANIFEST: u64 = 256 << 20;

/// The contents of an archive.
#[derive(Debug, Serialize, Deserialize)]
pub struct Manifest {
    pub format: String,
    pub version: u32,
    /// When the backup was begun, in UTC.
    pub made_at: String,
    /// The version of Portrait that made it.
    pub made_by: String,
    pub files: Vec<Entry>,
}

/// A file of the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub name: String,
    pub bytes: u64,
    pub blake3: String,
}

/// The zero bytes after an entry of `bytes` bytes, up to a whole block.
fn padding(bytes: u64) -> usize {
    let over = usize::try_from(bytes % BLOCK as u64).unwrap_or(0);
    if over == 0 { 0 } else { BLOCK - over }
}

/// The size of an archive with entries of these sizes; `None` on overflow.
pub fn length(sizes: impl IntoIterator<Item = u64>) -> Option<u64> {
    sizes.into_iter().try_fold(2 * BLOCK as u64, |sum, bytes| {
        sum.checked_add(BLOCK as u64)?.checked_add(bytes)?.checked_add(padding(bytes) as u64)
    })
}

fn header(name: &str, bytes: u64) -> io::Result<[u8; BLOCK]> {
    let mut header = [0_u8; BLOCK];
    let mut put = |from: usize, text: &[u8]| header[from..from + text.len()].copy_from_slice(text);
    if name.len() > 100 {
        return Err(io::Error::other("the name of a file is too long for an archive"));
    }
    put(0, name.as_bytes());
    put(100, b"0000600\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    if bytes < 1 << 33 {
        put(124, format!("{bytes:011o}\0").as_bytes());
    } else {
        // Like GNU tar for sizes that do not fit into eleven octal digits: a binary number in 12 bytes, marked by the highest bit.
        put(124, &[0x80, 0, 0, 0]);
        put(128, &bytes.to_be_bytes());
    }
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum = checksum(&header);
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(header)
}

/// The sum of all header bytes, with the checksum field counted as spaces.
fn checksum(header: &[u8; BLOCK]) -> u32 {
    header.iter().enumerate().map(|(place, byte)| if (148..156).contains(&place) { 32 } else { u32::from(*byte) }).sum()
}

/// Writes an entry of `bytes` bytes and returns its BLAKE3 hash. `watch` is called after each chunk and can stop with an error.
pub fn write(
    archive: &mut impl Write,
    name: &str,
    bytes: u64,
    from: &mut impl Read,
    watch: impl FnMut(u64) -> io::Result<()>,
) -> io::Result<String> {
    archive.write_all(&header(name, bytes)?)?;
    let hash = copy(from, archive, bytes, watch)?;
    archive.write_all(&[0; BLOCK][..padding(bytes)])?;
    Ok(hash)
}

/// Writes the end-of-archive marker.
pub fn end(archive: &mut impl Write) -> io::Result<()> {
    archive.write_all(&[0; 2 * BLOCK])
}

/// Reads the header of an entry: its name and size.
pub fn next(archive: &mut impl Read) -> io::Result<(String, u64)> {
    let mut header = [0_u8; BLOCK];
    archive.read_exact(&mut header)?;
    let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_string());
    let digits = |bytes: &[u8]| -> Option<u64> {
        let text = str::from_utf8(bytes).ok()?.trim_matches(['\0', ' ']);
        u64::from_str_radix(text, 8).ok()
    };
    if &header[257..262] != b"ustar" || digits(&header[148..156]) != Some(u64::from(checksum(&header))) {
        return Err(broken("it contains something that is not an entry of an archive"));
    }
    // Links, directories and devices are never part of a backup, nor are names split into prefix and name.
    if header[156] != b'0' || header[345] != 0 {
        return Err(broken("an entry is not a regular file"));
    }
    let name = header[..100].split(|byte| *byte == 0).next().and_then(|name| str::from_utf8(name).ok());
    let name = name.filter(|name| !name.is_empty()).ok_or_else(|| broken("an entry has no name"))?;
    let bytes = match header[124] {
        0x80 if header[125..128] == [0; 3] => header[128..136].try_into().ok().map(u64::from_be_bytes),
        0x80.. => None,
        _ => digits(&header[124..136]),
    };
    Ok((name.to_string(), bytes.ok_or_else(|| broken("the size of an entry is not a number"))?))
}

/// Reads the contents of an entry and returns their BLAKE3 hash.
pub fn read(
    archive: &mut impl Read,
    bytes: u64,
    to: &mut impl Write,
    watch: impl FnMut(u64) -> io::Result<()>,
) -> io::Result<String> {
    let hash = copy(archive, to, bytes, watch)?;
    let mut rest = [0_u8; BLOCK];
    archive.read_exact(&mut rest[..padding(bytes)])?;
    Ok(hash)
}

/// Copies exactly `bytes` bytes.
fn copy(
    from: &mut impl Read,
    to: &mut impl Write,
    bytes: u64,
    mut watch: impl FnMut(u64) -> io::Result<()>,
) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0_u8; PIECE];
    let mut left = bytes;
    while left > 0 {
        let length = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        from.read_exact(&mut piece[..length])?;
        hasher.update(&piece[..length]);
        to.write_all(&piece[..length])?;
        left -= length as u64;
        watch(length as u64)?;
    }
    Ok(hasher.finalize().to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet(_: u64) -> io::Result<()> {
        Ok(())
    }

    #[test]
    fn entries_come_back_as_they_were() {
        let mut archive = vec![];
        let first = write(&mut archive, "a", 3, &mut &b"abc"[..], quiet).unwrap();
        write(&mut archive, "data/b", 512, &mut &[7_u8; 512][..], quiet).unwrap();
        end(&mut archive).unwrap();
        assert_eq!(Some(archive.len() as u64), length([3, 512]));
        let mut reading = archive.as_slice();
        let mut found = vec![];
        assert_eq!(next(&mut reading).unwrap(), ("a".into(), 3));
        assert_eq!(read(&mut reading, 3, &mut found, quiet).unwrap(), first);
        assert_eq!(found, b"abc");
        assert_eq!(next(&mut reading).unwrap(), ("data/b".into(), 512));
        // A file that became shorter than announced is an error.
        assert!(write(&mut vec![], "a", 4, &mut &b"abc"[..], quiet).is_err());
    }

    #[test]
    fn large_sizes_and_foreign_entries() {
        let large = header("x", 1 << 40).unwrap();
        assert_eq!(next(&mut large.as_slice()).unwrap(), ("x".into(), 1 << 40));
        assert_eq!(length([u64::MAX]), None);
        let mut link = header("x", 0).unwrap();
        link[156] = b'2';
        let sum = checksum(&link);
        link[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        assert!(next(&mut link.as_slice()).unwrap_err().to_string().contains("not a regular file"));
        assert!(next(&mut [0_u8; 512].as_slice()).is_err());
    }
}
