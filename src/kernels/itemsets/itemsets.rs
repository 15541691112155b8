//! Itemsets as flat lists of item codes, and the sinks that fill them.

use std::sync::atomic::{AtomicU64, Ordering};

use super::database::Database;
use super::search::{Sink, Target};
use crate::kernels::control::Stop;

/// Itemsets stored one after another.
#[derive(Debug, Clone, Default)]
pub struct Itemsets {
    /// Item codes, ascending within a set.
    pub items: Vec<u32>,
    /// Where each set ends in `items`.
    pub ends: Vec<u32>,
    /// Number of baskets that contain each set.
    pub counts: Vec<u32>,
}

impl Itemsets {
    /// Number of sets.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// The item codes of a set.
    pub fn get(&self, index: usize) -> &[u32] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.items[start..self.ends[index] as usize]
    }

    fn close(&mut self, count: u32) {
        self.ends.push(self.items.len() as u32);
        self.counts.push(count);
    }

    /// Appends the sets of another list; fails if positions no longer fit in 32 bits.
    pub fn append(&mut self, other: Self) -> Result<(), Stop> {
        let before = self.items.len();
        if u32::try_from(before + other.items.len()).is_err() {
            return Err(Stop::TooLarge);
        }
        self.items.extend(other.items);
        self.ends.extend(other.ends.iter().map(|end| end + before as u32));
        self.counts.extend(other.counts);
        Ok(())
    }

    /// Memory it takes, in bytes.
    pub fn size(&self) -> usize {
        4 * (self.items.capacity() + self.ends.capacity() + self.counts.capacity())
    }
}

/// A sink that collects itemsets and passes them on in portions.
pub struct Portions<'a, F> {
    codes: Vec<u32>,
    min_count: u32,
    target: Target,
    max_len: usize,
    /// Number of sets that all sinks together may still find.
    left: &'a AtomicU64,
    portion: usize,
    sets: Itemsets,
    hand_on: F,
    prefix: Vec<u32>,
    perfect: Vec<u32>,
    chosen: Vec<usize>,
}

/// Approximate maximum number of items in a portion.
const ITEMS: usize = 1 << 20;

impl<'a, F: FnMut(Itemsets) -> Result<(), Stop> + Send> Portions<'a, F> {
    /// Creates a sink that calls `hand_on` with at most `portion` sets at a time.
    pub fn new(database: &Database<'_>, target: Target, max_len: usize, left: &'a AtomicU64, portion: usize, hand_on: F) -> Self {
        Self {
            codes: database.items.iter().map(|item| item.code).collect(),
            min_count: database.min_count,
            target,
            max_len,
            left,
            portion: portion.max(1),
            sets: Itemsets::default(),
            hand_on,
            prefix: vec![],
            perfect: vec![],
            chosen: vec![],
        }
    }

    /// Passes on the remaining sets.
    pub fn finish(mut self) -> Result<(), Stop> {
        match self.sets.len() {
            0 => Ok(()),
            _ => (self.hand_on)(self.sets),
        }
    }

    fn claim(&self, sets: u64) -> Result<(), Stop> {
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(sets));
        left.map(|_| ()).map_err(|_| Stop::TooMany)
    }

    fn close(&mut self, count: u32) -> Result<(), Stop> {
        self.sets.close(count);
        if self.sets.len() >= self.portion || self.sets.items.len() >= ITEMS {
            let next = Itemsets {
                items: Vec::with_capacity(self.sets.items.len()),
                ends: Vec::with_capacity(self.sets.len()),
                counts: Vec::with_capacity(self.sets.len()),
            };
            (self.hand_on)(std::mem::replace(&mut self.sets, next))?;
        }
        Ok(())
    }

    /// Appends the items of the prefix and of the chosen perfect extensions, merged in ascending order.
    fn merge(&mut self) {
        let mut prefix = self.prefix.iter().peekable();
        for chosen in &self.chosen {
            let item = self.perfect[*chosen];
            while let Some(before) = prefix.next_if(|before| **before < item) {
                self.sets.items.push(*before);
            }
            self.sets.items.push(item);
        }
        self.sets.items.extend(prefix);
    }
}

/// Number of sets of at most `max_len` items that a prefix forms with subsets of its perfect extensions, without the empty set;
/// saturates at `u64::MAX`.
pub fn combinations(prefix: usize, perfect: usize, max_len: usize) -> u64 {
    let most = max_len.saturating_sub(prefix).min(perfect);
    let empty = u64::from(prefix == 0);
    if most == perfect {
        return 1_u64.checked_shl(perfect as u32).map_or(u64::MAX, |all| all - empty);
    }
    let (mut sum, mut term) = (0_u64, 1_u128);
    for size in 0..=most {
        sum = sum.saturating_add(u64::try_from(term).unwrap_or(u64::MAX));
        term = term.saturating_mul((perfect - size) as u128) / (size as u128 + 1);
        if sum == u64::MAX {
            return sum;
        }
    }
    sum - empty
}

impl<F: FnMut(Itemsets) -> Result<(), Stop> + Send> Sink for Portions<'_, F> {
    fn min_count(&self) -> u32 {
        self.min_count
    }

    fn found(&mut self, prefix: &[u32], perfect: &[u32], count: u32) -> Result<(), Stop> {
        let code = |rank: &u32| self.codes[*rank as usize];
        self.prefix.clear();
        self.prefix.extend(prefix.iter().map(code));
        if self.target != Target::Frequent {
            self.claim(1)?;
            self.prefix.extend(perfect.iter().map(code));
            self.prefix.sort_unstable();
            self.sets.items.extend_from_slice(&self.prefix);
            return self.close(count);
        }
        self.claim(combinations(prefix.len(), perfect.len(), self.max_len))?;
        self.prefix.sort_unstable();
        if perfect.is_empty() {
            self.sets.items.extend_from_slice(&self.prefix);
            return self.close(count);
        }
        self.perfect.clear();
        self.perfect.extend(perfect.iter().map(code));
        self.perfect.sort_unstable();
        let most = self.max_len.saturating_sub(prefix.len()).min(perfect.len());
        // Enumerate all subsets of up to `most` perfect extensions in lexicographic order.
        self.chosen.clear();
        if !prefix.is_empty() {
            self.merge();
            self.close(count)?;
        }
        loop {
            let next = self.chosen.last().map_or(0, |last| last + 1);
            if next < self.perfect.len() && self.chosen.len() < most {
                self.chosen.push(next);
            } else {
                // Backtrack to the last choice that can still advance.
                if next >= self.perfect.len() {
                    self.chosen.pop();
                }
                match self.chosen.last_mut() {
                    Some(last) => *last += 1,
                    None => return Ok(()),
                }
            }
            self.merge();
            self.close(count)?;
        }
    }
}
