//! Maps numbers and categories to bins of one byte.

use serde::{Deserialize, Serialize};

use crate::kernels::control::{Control, Stop};

/// The bin of a missing number, and of a category that is missing or did not occur in training.
pub const MISSING: u8 = 255;
/// Maximum number of bins of a feature, without [`MISSING`].
const MOST: usize = 255;
/// Quantiles are computed from at most this many rows.
const SAMPLE: usize = 200_000;
/// Rows per job when rows are put into bins.
const CHUNK: usize = 16_384;

/// How features are mapped to bins. Numeric features come first, then categorical ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Binning {
    /// For each numeric feature, ascending cuts in its own units. The bin of a value is the number of cuts below it.
    pub cuts: Vec<Vec<f64>>,
    /// For each categorical feature, the bin of each code.
    pub levels: Vec<Vec<u8>>,
}

/// Rows as bins, in row-major order.
#[derive(Debug, Clone)]
pub struct Binned {
    pub features: usize,
    pub bins: Vec<u8>,
}

impl Binned {
    pub fn row(&self, row: usize) -> &[u8] {
        &self.bins[row * self.features..][..self.features]
    }
}

impl Binning {
    /// Learns the bins. `levels` is the number of codes of each categorical feature; codes beyond it count as missing.
    ///
    /// A numeric feature with at most 255 distinct values gets one bin per value, and quantile bins otherwise. A categorical
    /// feature gets one bin for each of its 254 most frequent codes; the other codes share one bin.
    pub fn new(numbers: &[Vec<f64>], codes: &[Vec<u32>], levels: &[usize], control: Control<'_>) -> Result<Self, Stop> {
        let made = control.share(numbers.len(), Vec::new, |made, feature| {
            let values = &numbers[feature];
            let _reserved = control.reserve(values.len().min(SAMPLE) * 24)?;
            made.push((feature, cuts(values)));
            Ok(())
        })?;
        let mut made: Vec<_> = made.into_iter().flatten().collect();
        made.sort_unstable_by_key(|(feature, _)| *feature);
        let cuts = made.into_iter().map(|(_, cuts)| cuts).collect();
        let levels = codes.iter().zip(levels).map(|(codes, levels)| level_bins(codes, *levels)).collect();
        Ok(Self { cuts, levels })
    }

    pub fn features(&self) -> usize {
        self.cuts.len() + self.levels.len()
    }

    /// Puts rows into bins. Takes two bytes per value while it works, and one afterwards.
    pub fn apply(&self, numbers: &[Vec<f64>], codes: &[Vec<u32>], rows: usize, control: Control<'_>) -> Result<Binned, Stop> {
        let features = self.features();
        let _reserved = control.reserve(2 * rows * features)?;
        let padded = self.padded();
        let made = control.share(rows.div_ceil(CHUNK), Vec::new, |made, chunk| {
            let first = chunk * CHUNK;
            let last = (first + CHUNK).min(rows);
            let mut bins = vec![MISSING; (last - first) * features];
            self.chunk(&padded, numbers, codes, first, &mut bins);
            made.push((chunk, bins));
            Ok(())
        })?;
        let mut made: Vec<_> = made.into_iter().flatten().collect();
        made.sort_unstable_by_key(|(chunk, _)| *chunk);
        let mut bins = Vec::with_capacity(rows * features);
        made.into_iter().for_each(|(_, chunk)| bins.extend(chunk));
        Ok(Binned { features, bins })
    }

    /// For each numeric feature, the first step of the binary search, and the cuts padded to 256 with infinities.
    pub fn padded(&self) -> Vec<(usize, [f64; 256])> {
        let pad = |cuts: &Vec<f64>| {
            let mut padded = [f64::INFINITY; 256];
            padded[..cuts.len()].copy_from_slice(cuts);
            ((cuts.len() + 1).next_power_of_two() / 2, padded)
        };
        self.cuts.iter().map(pad).collect()
    }

    /// Fills `bins` with the bins of the rows from `first` on.
    pub fn chunk(&self, padded: &[(usize, [f64; 256])], numbers: &[Vec<f64>], codes: &[Vec<u32>], first: usize, bins: &mut [u8]) {
        let features = self.features();
        for (feature, ((half, cuts), values)) in padded.iter().zip(numbers).enumerate() {
            for (row, value) in bins.chunks_exact_mut(features).zip(&values[first..]) {
                row[feature] = if value.is_nan() { MISSING } else { search(*half, cuts, *value) };
            }
        }
        for (feature, (levels, codes)) in (padded.len()..).zip(self.levels.iter().zip(codes)) {
            for (row, code) in bins.chunks_exact_mut(features).zip(&codes[first..]) {
                row[feature] = levels.get(*code as usize).copied().unwrap_or(MISSING);
            }
        }
    }
}

/// The number of cuts below the value, by a branch-free binary search.
fn search(half: usize, cuts: &[f64; 256], value: f64) -> u8 {
    let (mut bin, mut step) = (0, half);
    while step > 0 {
        bin += if cuts[(bin + step - 1) & 255] < value { step } else { 0 };
        step /= 2;
    }
    bin as u8
}

/// The cuts of a numeric feature: between all distinct values if there are few, otherwise at quantiles.
fn cuts(values: &[f64]) -> Vec<f64> {
    let sampled = values.len().min(SAMPLE);
    let sample = (0..sampled).map(|place| values[(place as u128 * values.len() as u128 / sampled as u128) as usize]);
    // Adding 0 turns −0 into 0.
    let mut sorted: Vec<f64> = sample.filter(|value| !value.is_nan()).map(|value| value + 0.0).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut distinct: Vec<(f64, usize)> = vec![];
    for value in sorted {
        match distinct.last_mut() {
            Some((last, count)) if *last == value => *count += 1,
            _ => distinct.push((value, 1)),
        }
    }
    let is_exact = distinct.len() <= MOST;
    let mut left: usize = distinct.iter().map(|(_, count)| count).sum();
    let (mut cuts, mut inside) = (vec![], 0);
    for (at, (value, count)) in distinct.iter().enumerate().take(distinct.len().saturating_sub(1)) {
        inside += count;
        let (next, following) = distinct[at + 1];
        let share = left.div_ceil(MOST - cuts.len());
        // Close the bin if it has its share of the rows, or if it is half full and the next value fills a bin by itself.
        if is_exact || inside >= share || (following >= share && inside * 2 >= share) {
            cuts.push(middle(*value, next));
            left -= inside;
            inside = 0;
            if cuts.len() == MOST - 1 {
                break;
            }
        }
    }
    cuts
}

/// A finite number in `low..high`, near the middle if possible.
fn middle(low: f64, high: f64) -> f64 {
    let low = low.max(-f64::MAX);
    let middle = low / 2.0 + high.min(f64::MAX) / 2.0;
    if (low..high).contains(&middle) { middle } else { low }
}

/// The bin of each level: ordered by descending frequency, then by code.
fn level_bins(codes: &[u32], levels: usize) -> Vec<u8> {
    let mut counts = vec![0_u64; levels];
    for code in codes {
        if let Some(count) = counts.get_mut(*code as usize) {
            *count += 1;
        }
    }
    let mut order: Vec<usize> = (0..levels).filter(|level| counts[*level] > 0).collect();
    order.sort_by_key(|level| std::cmp::Reverse(counts[*level]));
    let mut bins = vec![MISSING; levels];
    order.into_iter().enumerate().for_each(|(place, level)| bins[level] = place.min(MOST - 1) as u8);
    bins
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::control::unlimited::control;

    #[test]
    fn keeps_few_values_apart() {
        let numbers = vec![vec![3.0, f64::NAN, -0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY]];
        let codes = vec![vec![1, 1, 0, 5, u32::MAX, 2]];
        let binning = Binning::new(&numbers, &codes, &[4], control(1)).unwrap();
        assert_eq!(binning.cuts, [[-f64::MAX / 2.0, 1.5, f64::MAX / 2.0]]);
        let binned = binning.apply(&numbers, &codes, 6, control(2)).unwrap();
        let column = |feature: usize| (0..6).map(|row| binned.row(row)[feature]).collect::<Vec<_>>();
        assert_eq!(column(0), [2, 255, 1, 1, 3, 0]);
        assert_eq!(column(1), [0, 0, 1, 255, 255, 2]);
    }

    #[test]
    fn takes_quantiles_and_pools_rare_levels() {
        let numbers = vec![(0..100_000).map(f64::from).collect::<Vec<_>>()];
        let codes = vec![(0..100_000).map(|row| row % 10_000).collect::<Vec<u32>>()];
        let binning = Binning::new(&numbers, &codes, &[10_000], control(2)).unwrap();
        assert_eq!(binning.cuts[0].len(), 254);
        assert!(binning.cuts[0].windows(2).all(|pair| (380.0..405.0).contains(&(pair[1] - pair[0]))));
        assert_eq!((binning.levels[0][253], binning.levels[0][254], binning.levels[0][9_999]), (253, 254, 254));
    }
}
