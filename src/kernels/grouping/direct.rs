//! Numbers integers in a narrow range with an array that has one slot per integer.

use std::sync::atomic::{AtomicU32, Ordering};

use arrow::error::ArrowError;
use parking_lot::RwLock;

use super::table::Words;
use super::{MOST_GROUPS, Range, Room, UNKNOWN, too_many};

/// Maps integers to numbers; threads read the array without a lock.
///
/// The range comes from statistics, which may be wrong: integers outside it go to a hash table.
#[derive(Debug)]
pub struct Direct {
    least: u64,
    /// The number of each integer from `least` on, plus one; 0 if the integer was not seen yet.
    numbers: Vec<AtomicU32>,
    seen: RwLock<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// The keys in the order of their numbers.
    keys: Vec<u64>,
    outside: Words,
    outside_numbers: Vec<u32>,
}

impl Seen {
    fn reserve(&mut self, key: u64) -> Result<u32, ArrowError> {
        if self.keys.len() >= MOST_GROUPS {
            return Err(too_many());
        }
        self.keys.push(key);
        Ok((self.keys.len() - 1) as u32)
    }

    fn outside(&self, word: u64) -> Option<u32> {
        self.outside.find(word).map(|place| self.outside_numbers[place as usize])
    }

    fn insert_outside(&mut self, word: u64) -> Result<u32, ArrowError> {
        if let Some(known) = self.outside(word) {
            return Ok(known);
        }
        let number = self.reserve(word)?;
        self.outside.insert(word)?;
        self.outside_numbers.push(number);
        Ok(number)
    }
}

impl Direct {
    pub fn new(range: Range) -> Self {
        let numbers = (0..range.slots()).map(|_| AtomicU32::new(0)).collect();
        Self { least: range.least as u64, numbers, seen: RwLock::default() }
    }

    pub fn len(&self) -> usize {
        self.seen.read().keys.len()
    }

    #[inline]
    fn slot(&self, word: u64) -> Option<&AtomicU32> {
        self.numbers.get(usize::try_from(word.wrapping_sub(self.least)).ok()?)
    }

    pub fn find(&self, words: &[u64], numbers: &mut Vec<u32>, room: &mut Room<'_>) -> Result<(), ArrowError> {
        numbers.clear();
        // Each row is written, and the next one over it unless it is missing: no branch depends on the data.
        let (mut missing, mut count) = (vec![0; words.len()], 0);
        // 0, for an integer that was not seen or is out of range, wraps to UNKNOWN.
        numbers.extend(words.iter().enumerate().map(|(row, word)| {
            let number = self.slot(*word).map_or(0, |slot| slot.load(Ordering::Relaxed)).wrapping_sub(1);
            missing[count] = row as u32;
            count += usize::from(number == UNKNOWN);
            number
        }));
        missing.truncate(count);
        if missing.is_empty() {
            return Ok(());
        }
        let mut seen = self.seen.write();
        let keys = seen.keys.len() + missing.len();
        let of_keys = if keys > seen.keys.capacity() { keys.max(2 * seen.keys.capacity()) - seen.keys.capacity() } else { 0 };
        let outside = missing.iter().filter(|row| self.slot(words[**row as usize]).is_none());
        let enough = room(of_keys * size_of::<u64>() + seen.outside.growth(outside.count()));
        for row in missing.into_iter().map(|row| row as usize) {
            let (word, number) = (words[row], &mut numbers[row]);
            let Some(slot) = self.slot(word) else {
                *number = if enough { seen.insert_outside(word)? } else { seen.outside(word).unwrap_or(UNKNOWN) };
                continue;
            };
            // Another thread, or an earlier row of this batch, may have added it in the meantime.
            *number = slot.load(Ordering::Relaxed).wrapping_sub(1);
            if *number == UNKNOWN && enough {
                *number = seen.reserve(word)?;
                // Relaxed is enough: lookups use nothing but the number itself, and keys are only read under the lock.
                slot.store(*number + 1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Reserves a number that belongs to no integer.
    pub fn reserve(&self) -> Result<u32, ArrowError> {
        self.seen.write().reserve(0)
    }

    /// The keys in the order of their numbers.
    pub fn into_keys(self) -> Vec<u64> {
        self.seen.into_inner().keys
    }
}
