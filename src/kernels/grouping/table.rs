//! A hash table that numbers fixed-width keys from 0.

use std::fmt::Debug;
use std::hint::select_unpredictable;

use arrow::error::ArrowError;
use parking_lot::RwLock;

use super::{MOST_GROUPS, Room, UNKNOWN, too_many};

/// A key of a fixed width.
pub trait Key: Copy + Eq + Debug + Default + Send + Sync {
    fn hash(self) -> u64;
}

/// Mixes two words into one: the halves of their 128-bit product, XORed (as in wyhash and foldhash).
#[inline]
pub fn fold(first: u64, second: u64) -> u64 {
    let product = u128::from(first) * u128::from(second);
    product as u64 ^ (product >> 64) as u64
}

/// Digits of π, as constants without a pattern.
pub const SEEDS: [u64; 3] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344, 0xa409_3822_299f_31d0];

impl Key for u64 {
    #[inline]
    fn hash(self) -> u64 {
        // Fold twice: a single product of small integers leaves patterns in the low bits.
        fold(fold(self ^ SEEDS[0], SEEDS[1]) ^ SEEDS[2], SEEDS[1])
    }
}

impl Key for u128 {
    #[inline]
    fn hash(self) -> u64 {
        fold(fold(self as u64 ^ SEEDS[0], (self >> 64) as u64 ^ SEEDS[1]) ^ SEEDS[2], SEEDS[1])
    }
}

/// A table of 64-bit keys.
pub type Words = Table<u64, 5>;

/// A table of 128-bit keys.
pub type Views = Table<u128, 3>;

/// A hash table whose slots lie in lines of `N`, one cache line each: finding a key reads one line, seldom the next one too.
///
/// The keys are also stored in the order of their numbers.
#[derive(Debug)]
pub struct Table<K, const N: usize> {
    lines: Vec<Line<K, N>>,
    keys: Vec<K>,
}

/// The slots of a line are filled from the first to the last. A key that finds its line full goes on to the next line.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Line<K, const N: usize> {
    keys: [K; N],
    /// A number plus one; 0 is an empty slot.
    numbers: [u32; N],
}

const FEWEST_LINES: usize = 16;

/// The number of keys that are looked up together; their lines stay in the processor's first cache.
const BLOCK: usize = 256;

impl<K: Key, const N: usize> Line<K, N> {
    fn empty() -> Self {
        Self { keys: [K::default(); N], numbers: [0; N] }
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.numbers[N - 1] != 0
    }

    /// The number of a key plus one, or 0. No branch depends on the data.
    #[inline]
    fn find(&self, key: K) -> u32 {
        let mut found = 0;
        // The first slot has the last word: an empty slot has the key 0, and stands after that of the number of 0.
        for (own, number) in self.keys.iter().zip(&self.numbers).rev() {
            found = select_unpredictable(*own == key, *number, found);
        }
        found
    }
}

impl<K, const N: usize> Default for Table<K, N> {
    fn default() -> Self {
        Self { lines: vec![], keys: vec![] }
    }
}

impl<K: Key, const N: usize> Table<K, N> {
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn keys(&self) -> &[K] {
        &self.keys
    }

    pub fn into_keys(self) -> Vec<K> {
        self.keys
    }

    fn size(&self) -> usize {
        self.lines.capacity() * size_of::<Line<K, N>>() + self.keys.capacity() * size_of::<K>()
    }

    /// Number of lines for this many keys: on average one slot of each line stays empty, so that few keys go on to the next line.
    fn lines_for(keys: usize) -> usize {
        if keys == 0 { 0 } else { keys.div_ceil(N - 1).next_power_of_two().max(FEWEST_LINES) }
    }

    /// Additional bytes that the table would take with `more` new keys.
    pub fn growth(&self, more: usize) -> usize {
        let keys = self.keys.len() + more;
        let lines = Self::lines_for(keys).max(self.lines.len());
        let of_keys = if keys > self.keys.capacity() { keys.max(2 * self.keys.capacity()) } else { self.keys.capacity() };
        (lines * size_of::<Line<K, N>>() + of_keys * size_of::<K>()).saturating_sub(self.size())
    }

    fn line_of(&self, hash: u64) -> usize {
        hash as usize & (self.lines.len() - 1)
    }

    fn after(&self, line: usize) -> usize {
        (line + 1) & (self.lines.len() - 1)
    }

    /// The number of a key, if the table has it.
    pub fn find(&self, key: K) -> Option<u32> {
        if self.lines.is_empty() {
            return None;
        }
        self.find_from(self.line_of(key.hash()), key).checked_sub(1)
    }

    /// The number of a key plus one, or 0, when lines before this one do not have the key.
    fn find_from(&self, mut line: usize, key: K) -> u32 {
        loop {
            let found = self.lines[line].find(key);
            if found != 0 || !self.lines[line].is_full() {
                return found;
            }
            line = self.after(line);
        }
    }

    /// The first number of this key for which `right` is true, of a key that was added several times.
    pub fn find_where(&self, key: K, right: impl Fn(u32) -> bool) -> Option<u32> {
        if self.lines.is_empty() {
            return None;
        }
        let mut line = self.line_of(key.hash());
        loop {
            let Line { keys, numbers } = &self.lines[line];
            let of_key = keys.iter().zip(numbers).filter(|(own, number)| **own == key && **number != 0);
            if let Some(number) = of_key.map(|(_, number)| number - 1).find(|number| right(*number)) {
                return Some(number);
            }
            if !self.lines[line].is_full() {
                return None;
            }
            line = self.after(line);
        }
    }

    /// Writes the number of each key, or [`UNKNOWN`].
    ///
    /// The keys are looked up in blocks: first the line of each key is loaded, then it is searched. No load within a pass depends on
    /// another, so that the processor waits for many lines at once.
    pub fn find_each(&self, keys: &[K], numbers: &mut Vec<u32>) {
        numbers.clear();
        if self.lines.is_empty() {
            numbers.resize(keys.len(), UNKNOWN);
            return;
        }
        numbers.reserve(keys.len());
        let (mut lines, mut full, mut rest) = ([0_u32; BLOCK], [false; BLOCK], [0_u32; BLOCK]);
        for keys in keys.chunks(BLOCK) {
            for ((line, full), key) in lines.iter_mut().zip(&mut full).zip(keys) {
                let place = self.line_of(key.hash());
                *line = place as u32;
                *full = self.lines[place].is_full();
            }
            let (start, mut left) = (numbers.len(), 0);
            numbers.extend((0_u32..).zip(keys).zip(lines.iter().zip(&full)).map(|((row, key), (line, full))| {
                let found = self.lines[*line as usize].find(*key);
                rest[left] = row;
                left += usize::from(found == 0 && *full);
                // 0 wraps to UNKNOWN.
                found.wrapping_sub(1)
            }));
            for row in &rest[..left] {
                let row = *row as usize;
                numbers[start + row] = self.find_from(self.after(lines[row] as usize), keys[row]).wrapping_sub(1);
            }
        }
    }

    /// The number of a key, which is added if it is new.
    pub fn insert(&mut self, key: K) -> Result<u32, ArrowError> {
        match self.find(key) {
            Some(known) => Ok(known),
            None => self.add(key),
        }
    }

    /// Adds a key without looking for it, and returns its number.
    pub fn add(&mut self, key: K) -> Result<u32, ArrowError> {
        let lines = Self::lines_for(self.keys.len() + 1);
        if self.lines.len() < lines {
            let old = std::mem::replace(&mut self.lines, vec![Line::empty(); lines]);
            for Line { keys, numbers } in old {
                keys.into_iter()
                    .zip(numbers)
                    .filter(|(_, number)| *number != 0)
                    .for_each(|(key, number)| self.place(key, number));
            }
        }
        let number = self.reserve_for(key)?;
        self.place(key, number + 1);
        Ok(number)
    }

    /// Reserves a number that belongs to no key.
    pub fn reserve(&mut self) -> Result<u32, ArrowError> {
        self.reserve_for(K::default())
    }

    /// Reserves a number for a key that gets no slot, so that lookups do not find it.
    pub fn reserve_for(&mut self, key: K) -> Result<u32, ArrowError> {
        if self.keys.len() >= MOST_GROUPS {
            return Err(too_many());
        }
        self.keys.push(key);
        Ok((self.keys.len() - 1) as u32)
    }

    /// Puts a key and its number plus one into the first empty slot for it.
    fn place(&mut self, key: K, number: u32) {
        let mut place = self.line_of(key.hash());
        while self.lines[place].is_full() {
            place = self.after(place);
        }
        let line = &mut self.lines[place];
        if let Some(empty) = line.numbers.iter().position(|number| *number == 0) {
            line.keys[empty] = key;
            line.numbers[empty] = number;
        }
    }
}

/// Writes the number of each key. New keys are added if there is room for them; otherwise they get [`UNKNOWN`].
pub fn find_or_insert<K: Key, const N: usize>(
    table: &RwLock<Table<K, N>>,
    keys: &[K],
    numbers: &mut Vec<u32>,
    room: &mut Room<'_>,
) -> Result<(), ArrowError> {
    table.read().find_each(keys, numbers);
    let missing = numbers.iter().filter(|number| **number == UNKNOWN).count();
    if missing == 0 {
        return Ok(());
    }
    let mut table = table.write();
    let enough = room(table.growth(missing));
    for (key, number) in keys.iter().zip(numbers).filter(|(_, number)| **number == UNKNOWN) {
        // Another thread may have added the key between the two locks.
        *number = match enough {
            true => table.insert(*key)?,
            false => table.find(*key).unwrap_or(UNKNOWN),
        };
    }
    Ok(())
}
