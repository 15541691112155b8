//! A hash table from keys of a fixed width to numbers counted from 0.

use std::fmt::Debug;

use arrow::error::ArrowError;
use parking_lot::RwLock;

use super::{MOST_GROUPS, Room, UNKNOWN, too_many};

/// A key of a fixed width.
pub trait Key: Copy + Eq + Debug + Default + Send + Sync {
    fn hash(self) -> u64;
}

/// Two words become one: the halves of their product differ in every bit (as in wyhash and foldhash).
#[inline]
pub fn fold(first: u64, second: u64) -> u64 {
    let product = u128::from(first) * u128::from(second);
    product as u64 ^ (product >> 64) as u64
}

/// Digits of π: numbers without a pattern.
pub const SEEDS: [u64; 3] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344, 0xa409_3822_299f_31d0];

impl Key for u64 {
    #[inline]
    fn hash(self) -> u64 {
        // Twice: one product of small integers leaves patterns in the low bits.
        fold(fold(self ^ SEEDS[0], SEEDS[1]) ^ SEEDS[2], SEEDS[1])
    }
}

impl Key for u128 {
    #[inline]
    fn hash(self) -> u64 {
        fold(fold(self as u64 ^ SEEDS[0], (self >> 64) as u64 ^ SEEDS[1]) ^ SEEDS[2], SEEDS[1])
    }
}

/// Open addressing with linear probing. A slot has 32 bits of the hash, and below them the number plus one; 0 is an empty slot. The keys
/// stand aside in the order of their numbers, and are touched only where the 32 bits agree.
#[derive(Debug, Default)]
pub struct Table<K> {
    slots: Vec<u64>,
    keys: Vec<K>,
}

const FEWEST_SLOTS: usize = 64;

/// The number in a slot, if the slot can be of this hash.
#[inline]
fn number(slot: u64, hash: u64) -> u32 {
    if (slot ^ hash) >> 32 == 0 && slot != 0 { (slot as u32).wrapping_sub(1) } else { UNKNOWN }
}

impl<K: Key> Table<K> {
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn keys(&self) -> &[K] {
        &self.keys
    }

    fn size(&self) -> usize {
        self.slots.capacity() * size_of::<u64>() + self.keys.capacity() * size_of::<K>()
    }

    /// Bytes that the table takes more, with so many keys more.
    pub fn growth(&self, more: usize) -> usize {
        let keys = self.keys.len() + more;
        let slots = slots_for(keys).max(self.slots.len());
        let of_keys = if keys > self.keys.capacity() { keys.max(2 * self.keys.capacity()) } else { self.keys.capacity() };
        (slots * size_of::<u64>() + of_keys * size_of::<K>()).saturating_sub(self.size())
    }

    /// The number of one key.
    #[inline]
    pub fn find(&self, key: K, hash: u64) -> Option<u32> {
        self.find_where(hash, |number| self.keys[number as usize] == key)
    }

    /// The number with this hash that is the right one.
    #[inline]
    pub fn find_where(&self, hash: u64, right: impl Fn(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut place = hash as usize & mask;
        loop {
            let slot = self.slots[place];
            if slot == 0 {
                return None;
            }
            let number = number(slot, hash);
            if number != UNKNOWN && right(number) {
                return Some(number);
            }
            place = (place + 1) & mask;
        }
    }

    /// Writes the number of each key, or [`UNKNOWN`].
    pub fn find_each(&self, keys: &[K], numbers: &mut Vec<u32>) {
        numbers.clear();
        let Some(mask) = self.slots.len().checked_sub(1) else {
            numbers.resize(keys.len(), UNKNOWN);
            return;
        };
        // First the slots, then the keys: in each pass no load waits for another.
        numbers.extend(keys.iter().map(|key| {
            let hash = key.hash();
            number(self.slots[hash as usize & mask], hash)
        }));
        for (key, number) in keys.iter().zip(numbers) {
            let right = self.keys.get(*number as usize).is_some_and(|known| known == key);
            if !right {
                // Another key stands in its first slot, or none.
                *number = self.find(*key, key.hash()).unwrap_or(UNKNOWN);
            }
        }
    }

    /// The number of a key, a new one if it has none.
    pub fn insert(&mut self, key: K, hash: u64) -> Result<u32, ArrowError> {
        match self.find(key, hash) {
            Some(known) => Ok(known),
            None => self.add(key),
        }
    }

    /// The number of a key that is new.
    pub fn add(&mut self, key: K) -> Result<u32, ArrowError> {
        let slots = slots_for(self.keys.len() + 1);
        if self.slots.len() < slots {
            let old = std::mem::replace(&mut self.slots, vec![0; slots]);
            for slot in old.into_iter().filter(|slot| *slot != 0) {
                let number = slot as u32 - 1;
                self.place(self.keys[number as usize].hash(), number);
            }
        }
        let number = self.reserve_for(key)?;
        self.place(key.hash(), number);
        Ok(number)
    }

    /// A number that no key has.
    pub fn reserve(&mut self) -> Result<u32, ArrowError> {
        self.reserve_for(K::default())
    }

    fn reserve_for(&mut self, key: K) -> Result<u32, ArrowError> {
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
        self.slots[place] = hash >> 32 << 32 | (u64::from(number) + 1);
    }
}

/// Slots for so many keys: at most five of eight are taken.
fn slots_for(keys: usize) -> usize {
    if keys == 0 { 0 } else { (keys + keys * 3 / 5 + 1).next_power_of_two().max(FEWEST_SLOTS) }
}

/// Writes the number of each key; keys without one get one, as far as there is room.
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
        // Another thread may have brought it since.
        *number = match enough {
            true => table.insert(*key, key.hash())?,
            false => table.find(*key, key.hash()).unwrap_or(UNKNOWN),
        };
    }
    Ok(())
}
