//! Baskets in the order of arrival, packed as runs of rows.
//!
//! Rows of one basket are usually adjacent. Such a run is stored as the difference of its key from the previous key, its length
//! and its items, each in as few bytes as possible, so that 50 million rows take about 150 MB. A [`Block`] holds some tens of
//! thousands of runs and can be read on its own, so that workers can share the reading.

use std::cmp::Ordering;

/// Identifies a basket: the group it is mined in, and its key within the group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Key {
    pub group: u32,
    pub basket: u64,
}

impl Key {
    /// A number that sorts like the key.
    #[inline]
    pub fn number(self) -> u128 {
        u128::from(self.group) << 64 | u128::from(self.basket)
    }
}

// By group, then by basket, as one comparison: there is one for each run.
impl Ord for Key {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.number().cmp(&other.number())
    }
}

impl PartialOrd for Key {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Runs in a block: small enough to share the work evenly and to free memory block by block.
const RUNS: usize = 1 << 15;
/// A block is also closed when it holds this many bytes.
const BYTES: usize = 1 << 19;

/// Packed runs.
#[derive(Debug, Clone)]
pub struct Block {
    bytes: Vec<u8>,
    /// Number of runs.
    pub runs: usize,
    /// Index of the item dictionary that its codes belong to.
    pub source: usize,
    /// True if the keys are strictly ascending, so that no basket has two runs in this block.
    pub is_ascending: bool,
    /// Key of the first run.
    pub first: Key,
    /// Key of the last run.
    pub last: Key,
    /// True if the first run was moved to another block and must be skipped here.
    pub skip_first: bool,
    /// True if the last run was moved to another block and must be skipped here.
    pub skip_last: bool,
}

impl Block {
    /// Calls `visit` with the key and the items of every run, in the order of arrival, duplicates included.
    pub fn for_each(&self, items: &mut Vec<u32>, mut visit: impl FnMut(Key, &[u32])) {
        let mut rest = self.bytes.as_slice();
        let mut key = Key::default();
        for run in 0..self.runs {
            key.group = key.group.wrapping_add(unfold(unpack(&mut rest)) as u32);
            key.basket = key.basket.wrapping_add(unfold(unpack(&mut rest)));
            let length = unpack(&mut rest);
            items.clear();
            items.extend((0..length).map(|_| unpack(&mut rest) as u32));
            if (run == 0 && self.skip_first) || (run + 1 == self.runs && self.skip_last) {
                continue;
            }
            visit(key, items);
        }
    }

    /// Repacks the runs with changed keys.
    pub fn rekeyed(self, change: impl Fn(Key) -> Key) -> Vec<Self> {
        let mut packer = Packer::new(self.source);
        self.for_each(&mut vec![], |key, items| packer.push_run(change(key), items));
        packer.finish()
    }

    /// Memory it takes, in bytes.
    pub fn size(&self) -> usize {
        self.bytes.capacity() + size_of::<Self>()
    }
}

/// Packs rows into blocks.
#[derive(Debug)]
pub struct Packer {
    source: usize,
    blocks: Vec<Block>,
    /// Key of the current run.
    key: Key,
    items: Vec<u32>,
    /// Packed runs of the current block.
    bytes: Vec<u8>,
    runs: usize,
    is_ascending: bool,
    first: Key,
    last: Key,
    closed_bytes: usize,
    /// First basket key of the current batch of rows.
    began: u64,
}

impl Packer {
    /// A packer for rows whose item codes belong to the dictionary `source`.
    pub fn new(source: usize) -> Self {
        Self {
            source,
            blocks: vec![],
            key: Key::default(),
            items: vec![],
            bytes: vec![],
            runs: 0,
            is_ascending: true,
            first: Key::default(),
            last: Key::default(),
            closed_bytes: 0,
            began: 0,
        }
    }

    /// Announces a batch of rows that starts with this key.
    ///
    /// If the key is far from the end of the previous batch, other partitions hold the keys in between. Starting a new block there
    /// keeps the key ranges of blocks disjoint, so that the blocks of all partitions can be put into one order.
    pub fn begin(&mut self, key: Key) {
        let (ended, span) = (self.key.basket, self.key.basket.wrapping_sub(self.began));
        if key.basket.wrapping_sub(ended) > span / 4 + 64 {
            self.close_block();
        }
        self.began = key.basket;
    }

    /// Adds a row.
    #[inline]
    pub fn push(&mut self, key: Key, item: u32) {
        if key != self.key {
            self.close_run();
            self.key = key;
        }
        self.items.push(item);
    }

    /// Adds a whole run.
    pub fn push_run(&mut self, key: Key, items: &[u32]) {
        self.close_run();
        self.key = key;
        self.items.extend_from_slice(items);
    }

    /// Memory taken so far, in bytes.
    pub fn size(&self) -> usize {
        self.closed_bytes + self.bytes.capacity() + 4 * self.items.capacity()
    }

    /// Closes the current block, so that the next run starts a new one.
    pub fn close_block(&mut self) {
        self.close_run();
        if self.runs == 0 {
            return;
        }
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.shrink_to_fit();
        let block = Block {
            bytes,
            runs: std::mem::take(&mut self.runs),
            source: self.source,
            is_ascending: std::mem::replace(&mut self.is_ascending, true),
            first: self.first,
            last: self.last,
            skip_first: false,
            skip_last: false,
        };
        self.last = Key::default();
        self.closed_bytes += block.size();
        self.blocks.push(block);
    }

    /// Closes the last block and returns all blocks.
    pub fn finish(mut self) -> Vec<Block> {
        self.close_block();
        self.blocks
    }

    fn close_run(&mut self) {
        if self.items.is_empty() {
            return;
        }
        if self.runs == 0 {
            self.first = self.key;
            // Reserve room for a block at once: growing step by step would copy.
            self.bytes.reserve(if self.blocks.is_empty() { 1 << 10 } else { BYTES / 2 });
        } else {
            self.is_ascending &= self.last < self.key;
        }
        pack(&mut self.bytes, fold(u64::from(self.key.group).wrapping_sub(u64::from(self.last.group))));
        pack(&mut self.bytes, fold(self.key.basket.wrapping_sub(self.last.basket)));
        pack(&mut self.bytes, self.items.len() as u64);
        for item in &self.items {
            pack(&mut self.bytes, u64::from(*item));
        }
        self.last = self.key;
        self.runs += 1;
        self.items.clear();
        if self.runs == RUNS || self.bytes.len() >= BYTES {
            self.close_block();
        }
    }
}

/// Zigzag encoding: maps small differences, positive or negative, to small numbers.
fn fold(distance: u64) -> u64 {
    (distance << 1) ^ ((distance as i64) >> 63) as u64
}

fn unfold(folded: u64) -> u64 {
    (folded >> 1) ^ (folded & 1).wrapping_neg()
}

/// Appends a number as a varint: seven bits per byte, with the highest bit set on all bytes but the last.
#[inline]
fn pack(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[inline]
fn unpack(bytes: &mut &[u8]) -> u64 {
    let Some((first, mut rest)) = bytes.split_first() else { return 0 };
    let mut number = u64::from(first & 0x7f);
    let (mut byte, mut shift) = (*first, 7);
    while byte >= 0x80 {
        let Some((next, after)) = rest.split_first() else { break };
        number |= u64::from(next & 0x7f) << shift;
        (byte, rest) = (*next, after);
        shift += 7;
    }
    *bytes = rest;
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_come_back_as_they_were() {
        let keys = [5, 6, 6, 9, u64::MAX, 0, 1 << 40, 3];
        let mut packer = Packer::new(0);
        for (row, basket) in keys.iter().enumerate() {
            packer.push(Key { group: row as u32 % 2, basket: *basket }, row as u32 * 1000);
        }
        let mut found = vec![];
        for block in packer.finish() {
            assert!(!block.is_ascending);
            block.for_each(&mut vec![], |key, items| found.push((key.group, key.basket, items.to_vec())));
        }
        let expected: Vec<_> =
            keys.iter().enumerate().map(|(row, basket)| (row as u32 % 2, *basket, vec![row as u32 * 1000])).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn blocks_are_closed_and_know_their_keys() {
        let mut packer = Packer::new(0);
        for row in 0..3 * RUNS as u64 {
            packer.push(Key { group: 0, basket: row / 2 }, (row % 2) as u32);
        }
        let blocks = packer.finish();
        assert_eq!(blocks.iter().map(|block| block.runs).sum::<usize>(), 3 * RUNS / 2);
        assert!(blocks.len() == 2 && blocks.iter().all(|block| block.is_ascending));
        assert!(blocks[0].last < blocks[1].first);
        // One byte each for group, distance, length and the two items.
        assert!(blocks[0].bytes.len() < 5 * RUNS + 10);
    }
}
