//! The columns of bits of one level of the search.

use super::{Goal, Target};
use crate::kernels::itemsets::bits::and_count;

/// Items with their columns.
#[derive(Debug, Default)]
pub struct Columns {
    pub ranks: Vec<u32>,
    pub counts: Vec<u32>,
    /// `words` words per item, one column after another. May be longer: the tail holds old data that the next column overwrites.
    pub bits: Vec<u64>,
    pub words: usize,
}

impl Columns {
    pub fn clear(&mut self, words: usize) {
        self.ranks.clear();
        self.counts.clear();
        self.words = words;
    }

    /// Adds an item; its column is filled later.
    pub fn push(&mut self, rank: u32, count: u32) {
        self.ranks.push(rank);
        self.counts.push(count);
    }

    /// True if the target is closed or maximal sets and one of these items is in every row, so everything below was found before.
    pub fn holds_all(&self, goal: &Goal, support: u32) -> bool {
        goal.target != Target::Frequent && self.counts.contains(&support)
    }

    pub fn column(&self, index: usize) -> &[u64] {
        &self.bits[index * self.words..][..self.words]
    }

    /// Adds the intersection of two columns if it has at least `least` bits set; returns the number of bits set.
    #[inline]
    pub fn push_and(&mut self, rank: u32, a: &[u64], b: &[u64], least: u32) -> u32 {
        let start = self.ranks.len() * self.words;
        let end = start + self.words;
        if self.bits.len() < end {
            self.bits.resize(end, 0);
        }
        let count = and_count(&mut self.bits[start..end], a, b);
        if count >= least {
            self.push(rank, count);
        }
        count
    }

    /// Removes the last column.
    pub fn pop(&mut self) {
        self.ranks.pop();
        self.counts.pop();
    }
}

/// One level of the search: the items that can extend the prefix, and the watched items.
#[derive(Debug, Default)]
pub struct Level {
    pub extensions: Columns,
    pub watched: Columns,
    /// Indexes into `extensions`, from the rarest to the most frequent.
    pub order: Vec<u32>,
    pub next: usize,
    /// Lengths of the prefix and of the perfect extensions at this level; both are truncated to them on backtracking.
    pub prefix: usize,
    pub perfect: usize,
}

impl Level {
    /// Orders the extensions from the rarest on: rare items have small subtrees, and the frequent items that come late have few
    /// extensions left. Sorts indexes rather than the columns themselves, which would have to be moved.
    pub fn set_order(&mut self) {
        self.order.clear();
        self.order.extend(0..self.extensions.ranks.len() as u32);
        let counts = &self.extensions.counts;
        self.order.sort_by_key(|index| counts[*index as usize]);
        self.next = 0;
    }

    pub fn clear(&mut self) {
        self.extensions.clear(0);
        self.watched.clear(0);
    }

    pub fn bytes(&self) -> usize {
        8 * (self.extensions.bits.capacity() + self.watched.bits.capacity())
    }
}
