//! Turns a column of measures into a column of scores.
//!
//! Every method orders the customers from worst to best: for recency, fewer days are better; for frequency and monetary, larger
//! values are better.
//!
//! | method | score of a customer |
//! |---|---|
//! | `quantile` | 1 + the number of cuts below the value, where cut `i` is the value at rank ⌈i·n/bins⌉; reversed for recency |
//! | `ntile` | SQL's `ntile(bins)` over the order from worst to best, ties by key |
//! | `fixed` | frequency, monetary: 1 + the number of cuts with value ≥ cut; recency: bins − the number of cuts with days > cut |
//! | `percent` | ⌊100 × customers strictly worse ÷ (n − 1)⌋: SQL's `percent_rank` in percent |
//!
//! Quantile cuts are the inverse of the empirical distribution (Hyndman and Fan's type 1). For recency, ranks count from the fewest
//! days, and the resulting score is reversed.
//!
//! Quantiles and tiles need order statistics at a few ranks, not a sorted column, so they take O(n): see
//! [`crate::kernels::select`].

use std::cmp::Ordering;

use crate::kernels::select::select_ranks;

/// The names accepted for `method`.
pub const METHODS: &[&str] = &["quantile", "ntile", "fixed", "percent"];

/// How one measure is scored.
#[derive(Debug, Clone, PartialEq)]
pub enum Method<T> {
    Quantile {
        bins: u8,
    },
    Ntile {
        bins: u8,
    },
    /// Cut points in ascending order, in the measure's own units.
    Fixed {
        cuts: Vec<T>,
    },
    Percent,
}

/// Which end of a measure is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    Less,
    More,
}

/// Scores all values. `compare_keys` compares the customer keys of two rows; only `ntile` uses it, to break ties.
pub fn score<T: Copy + Ord>(
    values: &[T],
    better: Better,
    method: &Method<T>,
    compare_keys: &dyn Fn(usize, usize) -> Ordering,
) -> Vec<u8> {
    if values.is_empty() {
        return vec![];
    }
    match method {
        Method::Quantile { bins } => {
            let cuts = quantiles(values, *bins);
            let below = values.iter().map(|value| cuts.iter().filter(|cut| *cut < value).count() as u8);
            match better {
                Better::More => below.map(|cuts_below| cuts_below + 1).collect(),
                Better::Less => below.map(|cuts_below| bins - cuts_below).collect(),
            }
        }
        Method::Ntile { bins } => tiles(values, better, *bins, compare_keys),
        Method::Fixed { cuts } => {
            let bins = cuts.len() as u8 + 1;
            match better {
                Better::More => values.iter().map(|value| cuts.partition_point(|cut| cut <= value) as u8 + 1).collect(),
                Better::Less => values.iter().map(|value| bins - cuts.partition_point(|cut| cut < value) as u8).collect(),
            }
        }
        Method::Percent => percents(values, better),
    }
}

/// The values at the ranks ⌈i·n/bins⌉, i = 1 … bins − 1, counted from one.
fn quantiles<T: Copy + Ord>(values: &[T], bins: u8) -> Vec<T> {
    let count = values.len();
    let ranks: Vec<usize> = (1..usize::from(bins)).map(|i| (i * count).div_ceil(usize::from(bins)) - 1).collect();
    let mut selected = values.to_vec();
    select_ranks(&mut selected, &ranks, &mut T::cmp);
    ranks.into_iter().map(|rank| selected[rank]).collect()
}

fn from_worst<T: Ord>(better: Better, left: &T, right: &T) -> Ordering {
    match better {
        Better::More => left.cmp(right),
        Better::Less => right.cmp(left),
    }
}

/// SQL's `ntile`: each of the first `n mod bins` tiles has one extra customer.
fn tiles<T: Copy + Ord>(values: &[T], better: Better, bins: u8, compare_keys: &dyn Fn(usize, usize) -> Ordering) -> Vec<u8> {
    let (count, tiles) = (values.len(), usize::from(bins));
    let (size, longer) = (count / tiles, count % tiles);
    // The first ranks of tiles 2, 3, …; tiles that would begin beyond the last row stay empty.
    let starts: Vec<usize> = (1..tiles).map(|tile| tile * size + tile.min(longer)).filter(|start| *start < count).collect();

    let mut selected = values.to_vec();
    select_ranks(&mut selected, &starts, &mut |left, right| from_worst(better, left, right));
    let edges: Vec<T> = starts.iter().map(|start| selected[*start]).collect();
    drop(selected);

    // The tile of a row strictly between edges follows from its value alone.
    let mut scores: Vec<u8> = values
        .iter()
        .map(|value| 1 + edges.iter().filter(|edge| from_worst(better, *edge, value) == Ordering::Less).count() as u8)
        .collect();
    // Rows equal to an edge are ordered by key among the rows with the same value. Several tiles may begin within the same value.
    let mut next = 0;
    while next < edges.len() {
        let edge = edges[next];
        let end = next + edges[next..].iter().take_while(|other| **other == edge).count();
        let worse = values.iter().filter(|value| from_worst(better, *value, &edge) == Ordering::Less).count();
        let mut ties: Vec<usize> = (0..count).filter(|row| values[*row] == edge).collect();
        let ranks: Vec<usize> = starts[next..end].iter().map(|start| start - worse).collect();
        select_ranks(&mut ties, &ranks, &mut |left, right| compare_keys(*left, *right));
        for rank in ranks {
            ties[rank..].iter().for_each(|row| scores[*row] += 1);
        }
        next = end;
    }
    scores
}

fn percents<T: Copy + Ord>(values: &[T], better: Better) -> Vec<u8> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let others = (values.len() - 1).max(1);
    values
        .iter()
        .map(|value| {
            let worse = match better {
                Better::More => sorted.partition_point(|other| other < value),
                Better::Less => sorted.len() - sorted.partition_point(|other| other <= value),
            };
            (100 * worse / others) as u8
        })
        .collect()
}

/// One bin of one measure, for `rfm_bins`.
#[derive(Debug, Clone, PartialEq)]
pub struct Bin<T> {
    pub score: u8,
    /// Smallest and largest value in the bin; `None` if the bin is empty.
    pub range: Option<(T, T)>,
    pub customers: i64,
    /// Customers, in any bin, whose value is exactly the better edge of this bin.
    pub ties_at_edge: i64,
}

/// The bins of `values` by `scores`, one for every score of the scale, including empty ones.
pub fn bins<T: Copy + Ord>(values: &[T], scores: &[u8], better: Better, scale: std::ops::RangeInclusive<u8>) -> Vec<Bin<T>> {
    let first = *scale.start();
    let mut bins: Vec<Bin<T>> = scale.map(|score| Bin { score, range: None, customers: 0, ties_at_edge: 0 }).collect();
    for (value, score) in values.iter().zip(scores) {
        let bin = &mut bins[usize::from(score - first)];
        bin.customers += 1;
        bin.range = Some(match bin.range {
            None => (*value, *value),
            Some((least, greatest)) => (least.min(*value), greatest.max(*value)),
        });
    }
    let edge = |bin: &Bin<T>| bin.range.map(|(least, greatest)| if better == Better::More { greatest } else { least });
    let mut edges: Vec<(T, i64)> = bins.iter().filter_map(edge).map(|edge| (edge, 0)).collect();
    edges.sort_unstable();
    edges.dedup();
    for value in values {
        if let Ok(found) = edges.binary_search_by(|(edge, _)| edge.cmp(value)) {
            edges[found].1 += 1;
        }
    }
    for bin in &mut bins {
        let found = edge(bin).and_then(|value| edges.iter().find(|(edge, _)| *edge == value));
        bin.ties_at_edge = found.map_or(0, |(_, count)| *count);
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::random::Random;

    fn by_row(left: usize, right: usize) -> Ordering {
        left.cmp(&right)
    }

    /// Applies the definition of `ntile` by sorting and counting.
    fn slow_tiles(values: &[i64], better: Better, bins: usize) -> Vec<u8> {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|a, b| from_worst(better, &values[*a], &values[*b]).then(a.cmp(b)));
        let mut scores = vec![0; values.len()];
        let (size, longer) = (values.len() / bins, values.len() % bins);
        let mut rows = order.into_iter();
        for tile in 0..bins {
            for row in rows.by_ref().take(size + usize::from(tile < longer)) {
                scores[row] = tile as u8 + 1;
            }
        }
        scores
    }

    #[test]
    fn tiles_are_those_of_a_sort() {
        let mut random = Random::new(3, &[]);
        for count in [1usize, 2, 3, 4, 5, 6, 7, 23, 100, 1001] {
            for distinct in [1u64, 2, 5, 1000] {
                let values: Vec<i64> = (0..count).map(|_| random.below(distinct) as i64).collect();
                for better in [Better::More, Better::Less] {
                    let scores = score(&values, better, &Method::Ntile { bins: 5 }, &by_row);
                    assert_eq!(scores, slow_tiles(&values, better, 5), "{count} rows, {distinct} values");
                }
            }
        }
    }

    #[test]
    fn equal_values_get_equal_quantile_scores_and_the_scale_stays() {
        let values = [1i64, 1, 1, 1, 1, 1, 1, 2, 3, 9];
        assert_eq!(score(&values, Better::More, &Method::Quantile { bins: 5 }, &by_row), [1, 1, 1, 1, 1, 1, 1, 4, 5, 5]);
        let one = [7i64; 4];
        assert_eq!(score(&one, Better::More, &Method::Quantile { bins: 5 }, &by_row), [1; 4]);
        assert_eq!(score(&one, Better::Less, &Method::Quantile { bins: 5 }, &by_row), [5; 4]);
    }

    #[test]
    fn fixed_cuts_are_reached_from_the_better_side() {
        let fixed = Method::Fixed { cuts: vec![30i64, 90] };
        assert_eq!(score(&[29, 30, 31, 90, 91], Better::Less, &fixed, &by_row), [3, 3, 2, 2, 1]);
        assert_eq!(score(&[29, 30, 31, 90, 91], Better::More, &fixed, &by_row), [1, 2, 2, 3, 3]);
    }

    #[test]
    fn percents_run_from_0_to_100() {
        assert_eq!(score(&[10i64, 20, 20, 40, 50], Better::More, &Method::Percent, &by_row), [0, 25, 25, 75, 100]);
        assert_eq!(score(&[10i64, 20, 20, 40, 50], Better::Less, &Method::Percent, &by_row), [100, 50, 50, 25, 0]);
        assert_eq!(score(&[10i64], Better::More, &Method::Percent, &by_row), [0]);
    }

    #[test]
    fn bins_show_empty_scores_and_ties() {
        let values = [1i64, 1, 1, 2, 3];
        let scores = score(&values, Better::More, &Method::Ntile { bins: 5 }, &by_row);
        let bins = bins(&values, &scores, Better::More, 1..=5);
        let seen: Vec<_> = bins.iter().map(|bin| (bin.score, bin.range, bin.customers, bin.ties_at_edge)).collect();
        assert_eq!(
            seen,
            [
                (1, Some((1, 1)), 1, 3),
                (2, Some((1, 1)), 1, 3),
                (3, Some((1, 1)), 1, 3),
                (4, Some((2, 2)), 1, 1),
                (5, Some((3, 3)), 1, 1)
            ]
        );
    }
}
