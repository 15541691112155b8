//! Counts of items and of pairs: partial states that can be computed separately, on other threads or machines, and merged.

/// The number of baskets that contain each item.
#[derive(Debug, Clone)]
pub struct ItemCounts {
    /// Number of baskets counted.
    pub baskets: u64,
    /// Number of baskets skipped because they are too large.
    pub too_large: u64,
    /// By item code.
    pub counts: Vec<u32>,
    /// The last basket in which each item was seen, so that a repeated item counts once without sorting the basket.
    seen: Vec<u32>,
}

impl ItemCounts {
    /// Zero counts for codes below `items`.
    pub fn new(items: usize) -> Self {
        Self { baskets: 0, too_large: 0, counts: vec![0; items], seen: vec![u32::MAX; items] }
    }

    /// Counts a basket. Repeated items count once; codes out of range are ignored.
    pub fn add(&mut self, items: &[u32]) {
        let basket = self.baskets as u32;
        for item in items {
            if let Some(seen) = self.seen.get_mut(*item as usize)
                && *seen != basket
            {
                *seen = basket;
                self.counts[*item as usize] += 1;
            }
        }
        self.baskets += 1;
    }

    /// Adds the counts of other baskets.
    pub fn merge(&mut self, other: &Self) {
        self.baskets += other.baskets;
        self.too_large += other.too_large;
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// Memory of a state for this many items, in bytes.
    pub fn size(items: usize) -> usize {
        8 * items
    }
}

/// The number of baskets that contain each pair of items, as a triangle of cells.
#[derive(Debug, Clone)]
pub struct PairCounts {
    items: usize,
    cells: Vec<u32>,
}

impl PairCounts {
    /// Zero counts for ranks below `items`.
    pub fn new(items: usize) -> Self {
        Self { items, cells: vec![0; Self::cells(items)] }
    }

    /// Number of cells in the triangle.
    pub fn cells(items: usize) -> usize {
        items * items.saturating_sub(1) / 2
    }

    /// Counts the pairs of a basket, given as distinct ranks in ascending order.
    #[inline]
    pub fn add(&mut self, ranks: &[u32]) {
        for (index, first) in ranks.iter().enumerate() {
            let row = self.row(*first as usize);
            for second in &ranks[index + 1..] {
                self.cells[row.wrapping_add(*second as usize)] += 1;
            }
        }
    }

    /// The count of a pair.
    #[inline]
    pub fn get(&self, a: u32, b: u32) -> u32 {
        let (first, second) = if a < b { (a, b) } else { (b, a) };
        self.cells[self.row(first as usize).wrapping_add(second as usize)]
    }

    /// Adds the counts of other baskets.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.cells.iter_mut().zip(&other.cells) {
            *count += more;
        }
    }

    /// Index that column 0 of the row of `first` would have. It wraps below zero for the first row, because the triangle only
    /// holds columns above `first`; adding such a column wraps back.
    #[inline]
    fn row(&self, first: usize) -> usize {
        (first * (2 * self.items - first - 1) / 2).wrapping_sub(first + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_merge_to_the_state_of_all() {
        let baskets: [&[u32]; 6] = [&[0, 1, 2], &[1], &[0, 2], &[2, 2, 3], &[], &[0, 1, 2, 3]];
        let items = |range: &[&[u32]]| {
            let mut counts = ItemCounts::new(4);
            range.iter().for_each(|basket| counts.add(basket));
            counts
        };
        let pairs = |range: &[&[u32]]| {
            let mut counts = PairCounts::new(4);
            range.iter().filter(|basket| basket.windows(2).all(|pair| pair[0] < pair[1])).for_each(|basket| counts.add(basket));
            counts
        };
        let (all, mut merged) = (items(&baskets), items(&baskets[..3]));
        merged.merge(&items(&baskets[3..]));
        assert_eq!((merged.baskets, &merged.counts), (6, &all.counts));
        assert_eq!(all.counts, [3, 3, 4, 2]);
        let (all, mut merged) = (pairs(&baskets), pairs(&baskets[..3]));
        merged.merge(&pairs(&baskets[3..]));
        assert_eq!(merged.cells, all.cells);
        assert_eq!((all.get(0, 1), all.get(2, 0), all.get(0, 3), all.get(3, 2), all.get(1, 3)), (2, 3, 1, 1, 1));
    }
}
