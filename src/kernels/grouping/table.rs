//! A hash table that numbers fixed-width keys from 0.

use std::fmt::Debug;

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

/// A hash table with open addressing and linear probing.
///
/// A slot holds a number plus one; 0 is an empty slot. The keys are stored separately in the order of their numbers, so that the
/// slots of a million keys take only 8 MB and mostly stay in the processor's cache.
#[derive(Debug, Default)]
pub struct Table<K> {
    slots: Vec<u32>,
    keys: Vec<K>,
}

const FEWEST_SLOTS: usize = 64;

/// A row whose key is still being looked up, and the next slot to probe.
type Pending = (u32, u32);

impl<K: Key> Table<K> {
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
        self.slots.capacity() * size_of::<u32>() + self.keys.capacity() * size_of::<K>()
    }

    /// Additional bytes that the table would take with `more` new keys.
    pub fn growth(&self, more: usize) -> usize {
        let keys = self.keys.len() + more;
        let slots = slots_for(keys).max(self.slots.len());
        let of_keys = if keys > self.keys.capacity() { keys.max(2 * self.keys.capacity()) } else { self.keys.capacity() };
        (slots * size_of::<u32>() + of_keys * size_of::<K>()).saturating_sub(self.size())
    }

    /// The number of a key, if the table has it.
    #[inline]
    pub fn find(&self, key: K, hash: u64) -> Option<u32> {
        self.find_where(hash, |number| self.keys[number as usize] == key)
    }

    /// The first number along the probe sequence of this hash for which `right` is true.
    #[inline]
    pub fn find_where(&self, hash: u64, right: impl Fn(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut place = hash as usize & mask;
        loop {
            let number = self.slots[place].checked_sub(1)?;
            if right(number) {
                return Some(number);
            }
            place = (place + 1) & mask;
        }
    }

    /// Writes the number of each key, or [`UNKNOWN`].
    ///
    /// All keys are looked up together, round by round: first load the slot of each key, then the key stored for that slot. Keys
    /// that met a different key go on to the next slot. No load within a pass depends on another, and no branch depends on the
    /// data.
    pub fn find_each(&self, keys: &[K], numbers: &mut Vec<u32>) {
        numbers.clear();
        numbers.resize(keys.len(), UNKNOWN);
        if self.slots.is_empty() {
            return;
        }
        let mask = (self.slots.len() - 1) as u32;
        let mut pending: Vec<Pending> = (0_u32..).zip(keys).map(|(row, key)| (row, key.hash() as u32 & mask)).collect();
        let mut found = vec![0; pending.len()];
        while !pending.is_empty() {
            for (found, (_, place)) in found.iter_mut().zip(&pending) {
                *found = self.slots[*place as usize];
            }
            let mut left = 0;
            for turn in 0..pending.len() {
                let ((row, place), slot) = (pending[turn], found[turn]);
                // An empty slot reads the first key and ignores it, to avoid a branch.
                let number = slot.saturating_sub(1);
                let right = slot != 0 && self.keys[number as usize] == keys[row as usize];
                numbers[row as usize] = if right { number } else { UNKNOWN };
                pending[left] = (row, place.wrapping_add(1) & mask);
                left += usize::from(slot != 0 && !right);
            }
            pending.truncate(left);
        }
    }

    /// The number of a key, which is added if it is new.
    pub fn insert(&mut self, key: K, hash: u64) -> Result<u32, ArrowError> {
        match self.find(key, hash) {
            Some(known) => Ok(known),
            None => self.add(key),
        }
    }

    /// Adds a key that the table does not have, and returns its number.
    pub fn add(&mut self, key: K) -> Result<u32, ArrowError> {
        let slots = slots_for(self.keys.len() + 1);
        if self.slots.len() < slots {
            let old = std::mem::replace(&mut self.slots, vec![0; slots]);
            for number in old.into_iter().filter_map(|slot| slot.checked_sub(1)) {
                self.place(self.keys[number as usize].hash(), number);
            }
        }
        let number = self.reserve_for(key)?;
        self.place(key.hash(), number);
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

    fn place(&mut self, hash: u64, number: u32) {
        let mask = self.slots.len() - 1;
        let mut place = hash as usize & mask;
        while self.slots[place] != 0 {
            place = (place + 1) & mask;
        }
        self.slots[place] = number + 1;
    }
}

/// Number of slots for this many keys: at most half of the slots are in use.
fn slots_for(keys: usize) -> usize {
    if keys == 0 { 0 } else { (2 * keys).next_power_of_two().max(FEWEST_SLOTS) }
}

/// Writes the number of each key. New keys are added if there is room for them; otherwise they get [`UNKNOWN`].
pub fn find_or_insert<K: Key>(
    table: &RwLock<Table<K>>,
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
            true => table.insert(*key, key.hash())?,
            false => table.find(*key, key.hash()).unwrap_or(UNKNOWN),
        };
    }
    Ok(())
}
