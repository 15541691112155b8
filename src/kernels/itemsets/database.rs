//! The frequent part of the baskets, ready to be mined.
//!
//! Items are ranked from the rarest to the most frequent, after those of [`Selection::first`]. A basket becomes a row: the ranks
//! of its frequent items in ascending order. Baskets with fewer than two frequent items affect only the counts of items and have
//! no row. For every item that the search extends there is a list of the positions where it occurs.
//!
//! Rows are stored one after another and separated by end marks instead of offsets: the search walks from a position of an item
//! in both directions until it reaches a mark, and never needs a row by its number. They are stored in chunks because each
//! worker fills its own, and because a vector of hundreds of megabytes would be copied as it grows. Positions are 32-bit
//! indexes into one chunk.

use serde::{Deserialize, Serialize};

use super::baskets::{Baskets, ItemMaps};
use super::counts::{ItemCounts, PairCounts};
use crate::kernels::control::{Control, Reserved, Stop};

/// Minimum support of an itemset.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Threshold {
    /// A share of all baskets, above 0 and at most 1.
    #[serde(rename = "min_support")]
    Share(f64),
    /// A number of baskets.
    #[serde(rename = "min_count")]
    Count(u64),
    /// Both a share of all baskets and a number of baskets; the stricter one applies.
    #[serde(rename = "min_support_and_count")]
    Both(f64, u64),
}

impl Threshold {
    /// The smallest count, at least 1, that reaches the threshold when there are `baskets` baskets.
    pub fn count(self, baskets: u64) -> u64 {
        match self {
            Self::Count(count) => count.max(1),
            Self::Both(share, count) => Self::Share(share).count(baskets).max(count),
            Self::Share(_) if baskets == 0 => 1,
            Self::Share(share) => {
                let reaches = |count: u64| count as f64 / baskets as f64 >= share;
                let guess = (share * baskets as f64) as u64;
                // The product may be rounded either way, so start one below it and test the quotient, which users see as support.
                (guess.saturating_sub(1)..).find(|count| *count > 0 && reaches(*count)).unwrap_or(u64::MAX)
            }
        }
    }
}

/// Which baskets and items to keep.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// Number of items in the dictionary.
    pub items: usize,
    pub threshold: Threshold,
    /// Baskets with more distinct items than this are skipped.
    pub max_basket_size: usize,
    /// By item code: true for items that are ranked before all others.
    pub first: Option<&'a [bool]>,
}

/// A frequent item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Its code in the dictionary.
    pub code: u32,
    /// Number of baskets that contain it.
    pub count: u32,
}

/// Marks the end of a row.
pub const END: u32 = u32::MAX;
/// Maximum number of ranks in a chunk of rows, unless a single row is longer.
const CHUNK: usize = 1 << 20;

/// Rows, and the positions of each item in them.
#[derive(Debug, Default)]
pub struct Chunk {
    /// Ranks; each row ends with [`END`].
    pub ranks: Vec<u32>,
    /// Where the positions of each item begin in `places`; one entry more than there are items.
    starts: Vec<u32>,
    /// Indexes into `ranks`.
    places: Vec<u32>,
}

impl Chunk {
    /// The positions in `ranks` where the item occurs.
    pub fn places(&self, rank: u32) -> &[u32] {
        match self.starts.get(rank as usize..=rank as usize + 1) {
            Some([start, end]) => &self.places[*start as usize..*end as usize],
            _ => &[],
        }
    }

    fn rows(&self) -> impl Iterator<Item = &[u32]> {
        self.ranks.split(|rank| *rank == END).filter(|row| !row.is_empty())
    }
}

/// The frequent items of a group of baskets, and the rows of its baskets.
pub struct Database<'a> {
    /// Number of baskets, including those without a row.
    pub baskets: u32,
    /// Number of baskets skipped because they are too large.
    pub too_large: u64,
    /// Minimum count of an itemset.
    pub min_count: u32,
    /// Frequent items by rank.
    pub items: Vec<Item>,
    pub chunks: Vec<Chunk>,
    /// Counts of all pairs, kept if the triangle is small compared to the rows: sets of two items then need no pass over the rows.
    pairs: Option<(PairCounts, Reserved<'a>)>,
    reserved: Vec<Reserved<'a>>,
}

impl<'a> Database<'a> {
    /// Counts the items and keeps the frequent ones. The rows are added by [`Self::fill`].
    pub fn count(baskets: &Baskets, maps: &ItemMaps, selection: Selection<'_>, control: Control<'a>) -> Result<Self, Stop> {
        let _counting = control.reserve(control.workers * ItemCounts::size(selection.items))?;
        let state = || ItemCounts::new(selection.items);
        let mut states = control
            .share(baskets.parts(), state, |counts, part| {
                baskets.for_each(part, maps, |_, items| match keep_size(items, selection.max_basket_size) {
                    true => counts.add(items),
                    false => counts.too_large += 1,
                });
                Ok(())
            })?
            .into_iter();
        let mut counts = states.next().unwrap_or_else(state);
        states.for_each(|more| counts.merge(&more));

        let total = u32::try_from(counts.baskets).map_err(|_| Stop::TooLarge)?;
        let min_count = u32::try_from(selection.threshold.count(counts.baskets)).unwrap_or(u32::MAX);
        let mut items: Vec<Item> = (0..).zip(&counts.counts).map(|(code, count)| Item { code, count: *count }).collect();
        items.retain(|item| item.count >= min_count);
        let is_first = |item: &Item| selection.first.is_some_and(|first| first[item.code as usize]);
        // The code breaks ties, so that ranks do not depend on which worker counted which baskets.
        items.sort_unstable_by_key(|item| (!is_first(item), item.count, item.code));
        let too_large = counts.too_large;
        Ok(Self { baskets: total, too_large, min_count, items, chunks: vec![], pairs: None, reserved: vec![] })
    }

    /// Upper bound on the bytes that rows of items with these counts can take.
    pub fn row_bytes(items: impl Iterator<Item = u32>) -> usize {
        let ranks: usize = items.map(|count| count as usize).sum();
        // Every rank has a position in `places`, and every row has an end mark and at least two ranks.
        4 * (2 * ranks + ranks / 2)
    }

    /// Builds the rows, counts the pairs if that is cheap, and records the positions of the items that can be extended.
    pub fn fill(
        &mut self,
        baskets: &Baskets,
        maps: &ItemMaps,
        selection: Selection<'_>,
        keep_all_places: bool,
        control: Control<'a>,
    ) -> Result<(), Stop> {
        if self.items.len() < 2 {
            return Ok(());
        }
        let ranks: usize = self.items.iter().map(|item| item.count as usize).sum();
        let _rank_of = control.reserve(4 * selection.items)?;
        let mut rank_of = vec![END; selection.items];
        for (rank, item) in (0..).zip(&self.items) {
            rank_of[item.code as usize] = rank;
        }
        // About four chunks per worker, so that little of the reserved memory stays empty.
        let capacity = CHUNK.min(ranks * 3 / 8 / control.workers + 1024);
        let state = || (Vec::<Vec<u32>>::new(), vec![]);
        let made = control.share(baskets.parts(), state, |(chunks, reserved), part| {
            let (mut row, mut full) = (vec![], Ok(()));
            baskets.for_each(part, maps, |_, items| {
                if full.is_err() || !keep_size(items, selection.max_basket_size) {
                    return;
                }
                row.clear();
                let known = items.iter().filter_map(|item| rank_of.get(*item as usize));
                row.extend(known.filter(|rank| **rank != END));
                row.sort_unstable();
                row.dedup();
                if row.len() < 2 {
                    return;
                }
                if chunks.last().is_none_or(|chunk| chunk.len() + row.len() >= chunk.capacity()) {
                    let capacity = capacity.max(row.len() + 1);
                    match control.reserve(4 * capacity) {
                        Ok(memory) => reserved.push(memory),
                        Err(stop) => full = Err(stop),
                    }
                    if full.is_ok() {
                        chunks.push(Vec::with_capacity(capacity));
                    }
                }
                if let (Some(chunk), Ok(())) = (chunks.last_mut(), &full) {
                    chunk.extend_from_slice(&row);
                    chunk.push(END);
                }
            });
            full
        })?;
        for (chunks, reserved) in made {
            self.reserved.extend(reserved);
            self.chunks.extend(chunks.into_iter().map(|ranks| Chunk { ranks, ..Chunk::default() }));
        }
        self.count_pairs(ranks, control)?;
        self.note_places(keep_all_places, control)
    }

    fn count_pairs(&mut self, ranks: usize, control: Control<'a>) -> Result<(), Stop> {
        let cells = PairCounts::cells(self.items.len());
        if cells > ranks / 2 {
            return Ok(());
        }
        // The triangle only saves time: if there is no memory for it, the search counts pairs itself.
        let workers = control.workers.min(self.chunks.len());
        let (Ok(kept), Ok(_others)) = (control.reserve(4 * cells), control.reserve(4 * cells * workers)) else { return Ok(()) };
        let state = || PairCounts::new(self.items.len());
        // Increments between two checks for cancellation.
        const PATIENCE: usize = 1 << 22;
        let states = control.share(self.chunks.len(), state, |pairs, chunk| {
            let mut work = 0;
            for row in self.chunks[chunk].rows() {
                pairs.add(row);
                work += row.len() * row.len();
                if work > PATIENCE {
                    control.check()?;
                    work = 0;
                }
            }
            Ok(())
        })?;
        let pairs = states.into_iter().reduce(|mut pairs, more| {
            pairs.merge(&more);
            pairs
        });
        self.pairs = pairs.map(|pairs| (pairs, kept));
        Ok(())
    }

    /// The counts of pairs, if they were taken.
    pub fn pairs(&self) -> Option<&PairCounts> {
        self.pairs.as_ref().map(|(pairs, _)| pairs)
    }

    /// Records the positions of each item. Unless `keep_all`, an item with fewer than two frequent partners of higher rank is
    /// skipped: it is not the head of any itemset of three, so its rows are never read.
    fn note_places(&mut self, keep_all: bool, control: Control<'a>) -> Result<(), Stop> {
        let size = self.items.len() as u32;
        let needs = |rank: u32| match self.pairs() {
            Some(pairs) if !keep_all => {
                (rank + 1..size).filter(|other| pairs.get(rank, *other) >= self.min_count).take(2).count() == 2
            }
            _ => true,
        };
        let needed: Vec<bool> = (0..size).map(needs).collect();
        if !needed.contains(&true) {
            return Ok(());
        }
        let places = self.items.iter().zip(&needed).filter(|(_, needed)| **needed).map(|(item, _)| item.count as usize);
        let bytes = 4 * places.sum::<usize>() + 8 * needed.len() * self.chunks.len();
        let places = match control.reserve(bytes) {
            // Drop the triangle to make room, and try again.
            Err(Stop::OutOfMemory(_)) if self.pairs.take().is_some() => return self.note_places(keep_all, control),
            places => places?,
        };
        self.reserved.push(places);
        let chunks: Vec<_> = self.chunks.iter_mut().map(std::sync::Mutex::new).collect();
        control.share(
            chunks.len(),
            || (),
            |(), job| {
                let mut chunk = chunks[job].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let mut starts = vec![0_u32; needed.len() + 1];
                let is_needed = |rank: u32| needed.get(rank as usize).is_some_and(|needed| *needed);
                for rank in chunk.ranks.iter().filter(|rank| is_needed(**rank)) {
                    starts[*rank as usize + 1] += 1;
                }
                for rank in 0..needed.len() {
                    starts[rank + 1] += starts[rank];
                }
                let mut next = starts.clone();
                let mut places = vec![0; starts[needed.len()] as usize];
                for (place, rank) in (0..).zip(&chunk.ranks) {
                    if is_needed(*rank) {
                        places[next[*rank as usize] as usize] = place;
                        next[*rank as usize] += 1;
                    }
                }
                (chunk.starts, chunk.places) = (starts, places);
                Ok(())
            },
        )?;
        Ok(())
    }
}

/// True if a basket has at most `most` distinct items. Duplicates are removed only if that decides the answer.
fn keep_size(items: &mut Vec<u32>, most: usize) -> bool {
    if items.len() > most {
        items.sort_unstable();
        items.dedup();
        // `NO_ITEM` is the highest code, so it sorts last; it does not count as an item.
        let distinct = items.len() - usize::from(items.last() == Some(&super::baskets::NO_ITEM));
        return distinct <= most;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_reached_as_its_quotient_shows() {
        for (share, baskets, expected) in [
            (0.001, 88_162, 89),
            (0.005, 100_000, 500),
            (0.1, 9_835, 984),
            (0.2, 8_124, 1_625),
            (0.7, 3_196, 2_238),
            (1.0, 7, 7),
            (1e-12, 7, 1),
            (0.3, 10, 3),
        ] {
            assert_eq!(Threshold::Share(share).count(baskets), expected, "{share} of {baskets}");
        }
        assert_eq!(Threshold::Share(0.5).count(0), 1);
    }
}
