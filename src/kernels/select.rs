//! Order statistics without sorting.

use std::cmp::Ordering;

/// Rearranges `items` so that each of `ranks` (ascending, below the length) holds the item a full sort would put there,
/// with nothing greater before it and nothing less after it.
///
/// Quickselect on the middle rank, then on both sides: O(n log r) for r ranks, where a sort is O(n log n).
pub fn select_ranks<T>(items: &mut [T], ranks: &[usize], compare: &mut impl FnMut(&T, &T) -> Ordering) {
    select_from(items, ranks, 0, compare);
}

fn select_from<T>(items: &mut [T], ranks: &[usize], offset: usize, compare: &mut impl FnMut(&T, &T) -> Ordering) {
    if ranks.is_empty() || items.len() < 2 {
        return;
    }
    let (lower, upper) = ranks.split_at(ranks.len() / 2);
    let middle = upper[0];
    let (before, _, after) = items.select_nth_unstable_by(middle - offset, &mut *compare);
    let below = lower.partition_point(|rank| *rank < middle);
    let above = upper.partition_point(|rank| *rank <= middle);
    select_from(before, &lower[..below], offset, compare);
    select_from(after, &upper[above..], middle + 1, compare);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::random::Random;

    #[test]
    fn agrees_with_a_sort() {
        let mut random = Random::new(7, &[]);
        for length in [1usize, 2, 3, 10, 257, 1000] {
            let mut items: Vec<u64> = (0..length).map(|_| random.below(50)).collect();
            let mut sorted = items.clone();
            sorted.sort_unstable();
            let mut ranks: Vec<usize> = [0, 1, length / 5, length / 2, length / 2, length - 1].into();
            ranks.retain(|rank| *rank < length);
            ranks.sort_unstable();
            select_ranks(&mut items, &ranks, &mut u64::cmp);
            for rank in ranks {
                assert_eq!(items[rank], sorted[rank], "rank {rank} of {length}");
            }
        }
    }
}
