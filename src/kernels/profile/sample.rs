//! A bottom-k sample: the distinct values with the smallest hashes, and the number of rows of each. It does not depend on the order of
//! rows.
//!
//! Once the sample is full, a value with a hash above all of its hashes is not in the sample and never will be. So every value in the
//! sample has been counted from its first row.

use super::hash::ByHash;

/// The number of values in a sample.
const SIZE: usize = 1024;

#[derive(Debug, Clone)]
pub struct Sample<V> {
    size: usize,
    greatest: u64,
    values: ByHash<(V, u64)>,
}

impl<V: Clone> Sample<V> {
    pub fn new() -> Self {
        Self::of_size(SIZE)
    }

    pub fn of_size(size: usize) -> Self {
        Self { size, greatest: u64::MAX, values: ByHash::default() }
    }

    /// True if a value with this hash may be in the sample.
    #[inline]
    pub fn wants(&self, hash: u64) -> bool {
        hash <= self.greatest
    }

    /// Counts rows of a value that the sample wants.
    pub fn add(&mut self, hash: u64, rows: u64, value: impl FnOnce() -> V) {
        self.values.entry(hash).or_insert_with(|| (value(), 0)).1 += rows;
        if self.values.len() >= 2 * self.size {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        if self.values.len() <= self.size {
            return;
        }
        let mut hashes: Vec<u64> = self.values.keys().copied().collect();
        let (_, greatest, _) = hashes.select_nth_unstable(self.size - 1);
        self.greatest = *greatest;
        self.values.retain(|hash, _| hash <= greatest);
    }

    pub fn merge(&mut self, other: &Self) {
        self.greatest = self.greatest.min(other.greatest);
        let greatest = self.greatest;
        self.values.retain(|hash, _| *hash <= greatest);
        for (hash, (value, rows)) in &other.values {
            if *hash <= greatest {
                self.values.entry(*hash).or_insert_with(|| (value.clone(), 0)).1 += rows;
            }
        }
        self.shrink();
    }

    /// The values with their rows, in the order of their hashes.
    pub fn into_values(mut self) -> Vec<(V, u64)> {
        self.shrink();
        let mut values: Vec<(u64, (V, u64))> = self.values.into_iter().collect();
        values.sort_unstable_by_key(|(hash, _)| *hash);
        values.into_iter().map(|(_, value)| value).collect()
    }

    /// Bytes on the heap, without those of the values.
    pub fn size(&self) -> usize {
        self.values.capacity() * (size_of::<V>() + 25)
    }
}

#[cfg(test)]
mod tests {
    use super::super::hash::of_number;
    use super::*;

    #[test]
    fn any_order_and_any_parts_give_one_sample() {
        let of = |numbers: &mut dyn Iterator<Item = u64>| {
            let mut sample = Sample::of_size(50);
            for number in numbers {
                let hash = of_number(number % 3_000);
                if sample.wants(hash) {
                    sample.add(hash, 1, || number % 3_000);
                }
            }
            sample
        };
        let whole = of(&mut (0..10_000)).into_values();
        assert_eq!(whole.len(), 50);
        assert!(whole.iter().all(|(value, rows)| *rows == if *value < 1_000 { 4 } else { 3 }));
        assert_eq!(of(&mut (0..10_000).rev()).into_values(), whole);
        let mut parts = of(&mut (0..100));
        parts.merge(&of(&mut (5_000..10_000)));
        parts.merge(&of(&mut (100..5_000)));
        assert_eq!(parts.into_values(), whole);
    }
}
