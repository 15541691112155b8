//! Joins the runs of each basket.
//!
//! If the input arrives in the order of its keys, as fact tables usually do, every run already is a whole basket and nothing
//! moves. Otherwise the runs are distributed into buckets by a hash of their key, and each bucket is sorted on its own.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::runs::{Block, Key, Packer};
use crate::kernels::control::{Control, Stop};
use crate::kernels::random::mix;

/// The code of a value that is not an item to be mined.
pub const NO_ITEM: u32 = u32::MAX;
/// The source of blocks whose item codes already belong to the common dictionary.
const MAPPED: usize = usize::MAX;
/// Approximate number of runs in a bucket.
const BUCKET: usize = 1 << 19;
const MOST_BUCKETS: usize = 64;

/// All baskets of one group; each run is a whole basket.
#[derive(Debug)]
pub struct Baskets {
    pub group: u32,
    blocks: Vec<Block>,
}

/// For each source, maps its item codes to codes of the common dictionary, or to [`NO_ITEM`].
#[derive(Debug, Default)]
pub struct ItemMaps(pub Vec<Vec<u32>>);

impl ItemMaps {
    fn map(&self, source: usize, items: &mut [u32]) {
        if let Some(map) = self.0.get(source) {
            for item in items {
                *item = map[*item as usize];
            }
        }
    }
}

impl Baskets {
    /// Number of parts, which can be read in parallel.
    pub fn parts(&self) -> usize {
        self.blocks.len()
    }

    /// Calls `visit` with the key and the items of every basket of a part. Items are codes of the common dictionary, with
    /// duplicates and [`NO_ITEM`] included.
    pub fn for_each(&self, part: usize, maps: &ItemMaps, mut visit: impl FnMut(u64, &mut Vec<u32>)) {
        let block = &self.blocks[part];
        let mut mapped = vec![];
        block.for_each(&mut vec![], |key, items| {
            mapped.clear();
            mapped.extend_from_slice(items);
            maps.map(block.source, &mut mapped);
            visit(key.basket, &mut mapped);
        });
    }
}

/// Joins runs into baskets and returns the groups in ascending order.
///
/// The caller has accounted for the memory of `blocks`; any change from that is charged to, or returned to, the budget.
pub fn gather(mut blocks: Vec<Block>, by_group: bool, maps: &ItemMaps, control: Control<'_>) -> Result<Vec<Baskets>, Stop> {
    if !by_group && in_order(&mut blocks) {
        join_ends(&mut blocks, maps);
        return Ok(vec![Baskets { group: 0, blocks }]);
    }
    let runs: usize = blocks.iter().map(|block| block.runs).sum();
    let buckets = (runs / BUCKET).clamp(1, MOST_BUCKETS);
    let dealt = deal(blocks, buckets, by_group, maps, control)?;
    sort_buckets(dealt, control)
}

/// Sorts the blocks by their keys; false if their key ranges overlap or a block is not ascending.
fn in_order(blocks: &mut [Block]) -> bool {
    if !blocks.iter().all(|block| block.is_ascending) {
        return false;
    }
    blocks.sort_by_key(|block| (block.first, block.last));
    blocks.windows(2).all(|pair| pair[0].last <= pair[1].first)
}

/// Moves baskets that span two or more blocks, as happens where partitions meet, to a block of their own.
fn join_ends(blocks: &mut Vec<Block>, maps: &ItemMaps) {
    let mut joined: BTreeMap<Key, Vec<u32>> = BTreeMap::new();
    for pair in blocks.windows(2) {
        if pair[0].last == pair[1].first {
            joined.insert(pair[0].last, vec![]);
        }
    }
    for block in blocks.iter_mut() {
        let (cut_first, cut_last) = (joined.contains_key(&block.first), joined.contains_key(&block.last));
        if cut_first || cut_last {
            block.for_each(&mut vec![], |key, items| {
                if let Some(all) = joined.get_mut(&key) {
                    let from = all.len();
                    all.extend_from_slice(items);
                    maps.map(block.source, &mut all[from..]);
                }
            });
            (block.skip_first, block.skip_last) = (cut_first, cut_last);
        }
    }
    let mut packer = Packer::new(MAPPED);
    for (key, items) in &joined {
        packer.push_run(*key, items);
    }
    blocks.extend(packer.finish());
}

/// Distributes the runs into buckets, so that all runs of a basket (or of a whole group) are in the same bucket.
fn deal(
    blocks: Vec<Block>,
    buckets: usize,
    by_group: bool,
    maps: &ItemMaps,
    control: Control<'_>,
) -> Result<Vec<Vec<Block>>, Stop> {
    let blocks: Vec<Mutex<Option<Block>>> = blocks.into_iter().map(|block| Mutex::new(Some(block))).collect();
    let packers = || (0..buckets).map(|_| Packer::new(MAPPED)).collect::<Vec<_>>();
    let state = || (packers(), 0_usize);
    let dealt = control.share(blocks.len(), state, |(packers, taken), job| {
        let Some(block) = blocks[job].lock().unwrap_or_else(PoisonError::into_inner).take() else { return Ok(()) };
        let mut mapped = vec![];
        block.for_each(&mut vec![], |key, items| {
            mapped.clear();
            mapped.extend_from_slice(items);
            maps.map(block.source, &mut mapped);
            let hash = mix(if by_group { u64::from(key.group) } else { key.basket });
            let bucket = ((u128::from(hash) * buckets as u128) >> 64) as usize;
            packers[bucket].push_run(key, &mapped);
        });
        // Give back the block's memory before charging the copy, so that the rows are charged once.
        let size: usize = packers.iter().map(Packer::size).sum();
        let freed = block.size();
        drop(block);
        control.budget.shrink(freed);
        if !control.budget.grow(size - *taken) {
            return Err(Stop::OutOfMemory(size - *taken));
        }
        *taken = size;
        Ok(())
    })?;
    let mut all: Vec<Vec<Block>> = (0..buckets).map(|_| vec![]).collect();
    for (packers, _) in dealt {
        for (bucket, packer) in packers.into_iter().enumerate() {
            all[bucket].extend(packer.finish());
        }
    }
    Ok(all)
}

/// Sorts each bucket by key, which joins the runs of a basket.
fn sort_buckets(buckets: Vec<Vec<Block>>, control: Control<'_>) -> Result<Vec<Baskets>, Stop> {
    let buckets: Vec<Mutex<Vec<Block>>> = buckets.into_iter().map(Mutex::new).collect();
    let sorted = control.share(buckets.len(), Vec::new, |groups: &mut Vec<Baskets>, job| {
        let blocks = std::mem::take(&mut *buckets[job].lock().unwrap_or_else(PoisonError::into_inner));
        let bytes: usize = blocks.iter().map(Block::size).sum();
        let runs: usize = blocks.iter().map(|block| block.runs).sum();
        // An item takes at least one byte of a block, so there are at most `bytes` items of four bytes.
        let _scratch = control.reserve(runs * size_of::<(Key, u32, u32)>() + 4 * bytes)?;
        let mut items: Vec<u32> = vec![];
        let mut order: Vec<(Key, u32, u32)> = Vec::with_capacity(runs);
        for block in blocks {
            block.for_each(&mut vec![], |key, run| {
                order.push((key, items.len() as u32, run.len() as u32));
                items.extend_from_slice(run);
            });
        }
        if u32::try_from(items.len()).is_err() {
            return Err(Stop::TooLarge);
        }
        control.budget.shrink(bytes);
        control.check()?;
        order.sort_unstable_by_key(|(key, start, _)| key.number() << 32 | u128::from(*start));
        let mut packer = Packer::new(MAPPED);
        let mut close = |packer: Packer, group: u32| -> Result<(), Stop> {
            let blocks = packer.finish();
            let size = blocks.iter().map(Block::size).sum();
            groups.push(Baskets { group, blocks });
            if control.budget.grow(size) { Ok(()) } else { Err(Stop::OutOfMemory(size)) }
        };
        let mut group = order.first().map(|(key, ..)| key.group);
        for (key, start, length) in order {
            if let Some(last) = group.replace(key.group)
                && last != key.group
            {
                close(std::mem::replace(&mut packer, Packer::new(MAPPED)), last)?;
            }
            for item in &items[start as usize..][..length as usize] {
                packer.push(key, *item);
            }
        }
        match group {
            Some(group) => close(packer, group),
            None => Ok(()),
        }
    })?;
    let mut by_group: BTreeMap<u32, Baskets> = BTreeMap::new();
    for baskets in sorted.into_iter().flatten() {
        match by_group.entry(baskets.group) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(baskets);
            }
            std::collections::btree_map::Entry::Occupied(mut entry) => entry.get_mut().blocks.extend(baskets.blocks),
        }
    }
    Ok(by_group.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::control::unlimited::control;

    type Rows = Vec<(u32, u64, u32)>;

    fn packed(parts: &[&[(u32, u64, u32)]]) -> Vec<Block> {
        let parts = parts.iter().enumerate().map(|(source, rows)| {
            let mut packer = Packer::new(source);
            for (group, basket, item) in *rows {
                packer.push(Key { group: *group, basket: *basket }, *item);
            }
            packer.finish()
        });
        parts.flatten().collect()
    }

    /// The baskets of each group, sorted by their items.
    fn gathered(parts: &[&[(u32, u64, u32)]], by_group: bool, workers: usize) -> Vec<(u32, Vec<Vec<u32>>)> {
        let maps = ItemMaps::default();
        let groups = gather(packed(parts), by_group, &maps, control(workers)).unwrap();
        let read = |baskets: &Baskets| {
            let mut all = vec![];
            for part in 0..baskets.parts() {
                baskets.for_each(part, &maps, |_, items| {
                    items.sort_unstable();
                    all.push(items.clone());
                });
            }
            all.sort();
            (baskets.group, all)
        };
        groups.iter().map(read).collect()
    }

    #[test]
    fn ordered_parts_stay_and_their_ends_are_joined() {
        let first: Rows = vec![(0, 1, 10), (0, 1, 11), (0, 2, 12)];
        let second: Rows = vec![(0, 2, 13), (0, 3, 14)];
        let third: Rows = vec![(0, 3, 15)];
        let fourth: Rows = vec![(0, 3, 16), (0, 4, 17)];
        let found = gathered(&[&fourth, &second, &first, &third], false, 2);
        assert_eq!(found, [(0, vec![vec![10, 11], vec![12, 13], vec![14, 15, 16], vec![17]])]);
    }

    #[test]
    fn shuffled_rows_are_brought_together() {
        let mut random = crate::kernels::random::Random::new(5, &[]);
        let rows: Rows = (0..5000).map(|_| (random.below(3) as u32, random.below(300), random.below(50) as u32)).collect();
        for by_group in [false, true] {
            let mut expected: BTreeMap<(u32, u64), Vec<u32>> = BTreeMap::new();
            let own = |group: u32| if by_group { group } else { 0 };
            let rows: Rows = rows.iter().map(|(group, basket, item)| (own(*group), *basket, *item)).collect();
            for (group, basket, item) in &rows {
                expected.entry((*group, *basket)).or_default().push(*item);
            }
            let mut groups: BTreeMap<u32, Vec<Vec<u32>>> = BTreeMap::new();
            for ((group, _), mut items) in expected {
                items.sort_unstable();
                groups.entry(group).or_default().push(items);
            }
            groups.values_mut().for_each(|baskets| baskets.sort());
            let expected: Vec<_> = groups.into_iter().collect();
            for workers in [1, 3] {
                assert_eq!(gathered(&[&rows[..2000], &rows[2000..]], by_group, workers), expected);
            }
        }
    }
}
