//! Hashes that are the same on every machine, because they decide which values a sample contains.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

const FIRST: u64 = 0x9e37_79b9_7f4a_7c15;
const SECOND: u64 = 0xd6e8_feb8_6659_fd93;

/// The hash of a number.
#[inline]
pub fn of_number(number: u64) -> u64 {
    let mut hash = number ^ FIRST;
    hash = (hash ^ hash >> 32).wrapping_mul(SECOND);
    hash = (hash ^ hash >> 32).wrapping_mul(SECOND);
    hash ^ hash >> 32
}

/// Folds the 128-bit product of two words: the exclusive or of its halves.
#[inline]
fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}

#[inline]
fn word(bytes: &[u8]) -> u64 {
    bytes.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The hash of a string.
#[inline]
pub fn of_bytes(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    let mut hash = FIRST ^ length as u64;
    if length >= 8 {
        let mut rest = bytes;
        while rest.len() > 8 {
            hash = fold(hash ^ word(rest), SECOND);
            rest = &rest[8..];
        }
        // The last eight bytes; these may overlap with the previous word.
        hash ^= word(&bytes[length - 8..]);
    } else {
        let mut last = 0_u64;
        if let (Some(first), Some(end)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
            last = u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*end));
        } else {
            for byte in bytes {
                last = last << 8 | u64::from(*byte);
            }
        }
        hash ^= last.wrapping_mul(FIRST);
    }
    let folded = fold(hash, SECOND);
    (folded ^ folded >> 32).wrapping_mul(SECOND)
}

/// A hasher for keys that are already hashes.
#[derive(Debug, Default, Clone, Copy)]
pub struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number.wrapping_mul(FIRST);
    }
}

/// A map whose keys are hashes.
pub type ByHash<V> = HashMap<u64, V, BuildHasherDefault<AsIs>>;
