//! The best split of a node.

use super::bins::{Bins, MISSING};
use super::histogram::Histogram;
use super::threshold::between;
use super::{Features, Test};
use crate::kernels::control::{Control, Stop};

/// Impurity a split has to take away, in rows: more than rounding.
const LEAST_GAIN: f64 = 1e-9;

/// A split, and how much impurity it takes away: rows × Gini before, less the same of both sides.
pub struct Found {
    pub gain: f64,
    pub test: Test,
}

/// What splits are looked for in.
pub struct Search<'a> {
    pub features: Features<'a>,
    pub bins: &'a [Bins],
    pub targets: &'a [u32],
    pub classes: usize,
    pub min_leaf: u64,
    pub control: Control<'a>,
}

impl Search<'_> {
    /// The best split of the rows, whose classes are counted; features in parallel.
    pub fn best(&self, rows: &[u32], counts: &[u64]) -> Result<Option<Found>, Stop> {
        let features = self.bins.len() + self.features.codes.len();
        let found = self.control.share(features, Vec::new, |found, feature| {
            let best = match self.bins.get(feature) {
                Some(bins) => self.best_threshold(feature, bins, rows, counts),
                None => self.best_codes(feature, rows, counts),
            };
            found.extend(best.map(|best| (feature, best)));
            Ok(())
        })?;
        let mut found: Vec<(usize, Found)> = found.into_iter().flatten().collect();
        found.sort_by(|a, b| b.1.gain.total_cmp(&a.1.gain).then(a.0.cmp(&b.0)));
        Ok(found.into_iter().next().map(|(_, found)| found))
    }

    /// Rows without value go to either side together, or are one side: whichever is best (T. Chen, C. Guestrin: XGBoost,
    /// 2016). Where a node has none of them, they would go to its larger side.
    fn best_threshold(&self, feature: usize, bins: &Bins, rows: &[u32], counts: &[u64]) -> Option<Found> {
        let last = bins.ends.len() as u32;
        let value = |row: u32| match bins.rows[row as usize] {
            MISSING => last,
            bin => u32::from(bin),
        };
        let histogram = self.histogram(rows, bins.ends.len() + 1, value);
        let present: Vec<usize> = (0..histogram.len()).filter(|place| histogram.value(*place) != last).collect();
        let missing = (present.len() < histogram.len()).then(|| histogram.counts(present.len()));
        let threshold = |cut: usize| {
            let end = |place: usize| bins.ends[histogram.value(place) as usize];
            present.get(cut + 1).map_or(f64::INFINITY, |next| between(end(present[cut]).1, end(*next).0))
        };
        let test = |cut, or_missing| Test::AtMost { feature, threshold: threshold(cut), or_missing };
        let none = vec![0; self.classes];
        let right = self.sweep(&histogram, &present, &none, counts)?;
        let Some(missing) = missing else {
            return Some(Found { gain: right.gain, test: test(right.cut, 2 * right.left >= rows.len() as u64) });
        };
        let left = self.sweep(&histogram, &present, missing, counts);
        Some(match left.filter(|left| left.gain > right.gain) {
            Some(left) => Found { gain: left.gain, test: test(left.cut, true) },
            None => Found { gain: right.gain, test: test(right.cut, false) },
        })
    }

    /// Categories in the order of their share of the node's most frequent class, cut in two: the best of all subsets when there
    /// are two classes (Breiman 1984). The test names the side with fewer categories.
    fn best_codes(&self, feature: usize, rows: &[u32], counts: &[u64]) -> Option<Found> {
        let codes = &self.features.codes[feature - self.bins.len()];
        let most = rows.iter().map(|row| codes[*row as usize] as usize + 1).max()?;
        let histogram = self.histogram(rows, most, |row| codes[row as usize]);
        let class = most_frequent(counts);
        let mut order: Vec<usize> = (0..histogram.len()).collect();
        let share = |place: usize| {
            let counts = histogram.counts(place);
            (u128::from(counts[class]), u128::from(counts.iter().sum::<u64>()))
        };
        order.sort_by(|a, b| {
            let ((a_hits, a_rows), (b_hits, b_rows)) = (share(*a), share(*b));
            (b_hits * a_rows).cmp(&(a_hits * b_rows)).then(a.cmp(b))
        });
        let best = self.sweep(&histogram, &order, &vec![0; self.classes], counts)?;
        let (first, second) = order.split_at(best.cut + 1);
        let fewer = if first.len() <= second.len() { first } else { second };
        let mut codes: Vec<u32> = fewer.iter().map(|place| histogram.value(*place)).collect();
        codes.sort_unstable();
        Some(Found { gain: best.gain, test: Test::OneOf { feature, codes } })
    }

    fn histogram(&self, rows: &[u32], values: usize, value: impl Fn(u32) -> u32) -> Histogram {
        Histogram::new(rows.iter().map(|row| (value(*row), self.targets[*row as usize])), values, self.classes)
    }

    /// Puts values to the left one after another, after `start`; the best cut, the first of equals.
    fn sweep(&self, histogram: &Histogram, order: &[usize], start: &[u64], counts: &[u64]) -> Option<Cut> {
        let before = purity(counts.iter().copied());
        let all: u64 = counts.iter().sum();
        let mut left = start.to_vec();
        let mut best: Option<Cut> = None;
        for (cut, place) in order.iter().enumerate() {
            left.iter_mut().zip(histogram.counts(*place)).for_each(|(left, count)| *left += count);
            let rows: u64 = left.iter().sum();
            if rows < self.min_leaf || all - rows < self.min_leaf {
                continue;
            }
            let right = counts.iter().zip(&left).map(|(all, left)| all - left);
            let gain = purity(left.iter().copied()) + purity(right) - before;
            if gain > best.as_ref().map_or(LEAST_GAIN, |best| best.gain) {
                best = Some(Cut { gain, cut, left: rows });
            }
        }
        best
    }
}

/// A cut after so many values.
struct Cut {
    gain: f64,
    cut: usize,
    /// Rows on the left.
    left: u64,
}

/// Rows × (1 − Gini impurity) = Σ count² / rows.
fn purity(counts: impl Iterator<Item = u64> + Clone) -> f64 {
    let rows: u64 = counts.clone().sum();
    if rows == 0 { 0.0 } else { counts.map(|count| (count as f64).powi(2)).sum::<f64>() / rows as f64 }
}

/// The first class with the most rows.
pub fn most_frequent(counts: &[u64]) -> usize {
    let more = |best: usize, next: usize| if counts[next] > counts[best] { next } else { best };
    (0..counts.len()).reduce(more).unwrap_or(0)
}
