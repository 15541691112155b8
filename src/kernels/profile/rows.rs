//! Correlations between number columns, from a sample of rows.

use super::hash::of_number;
use super::sample::Sample;

/// The number of rows in the sample.
const ROWS: usize = 2048;
/// The least number of rows for a correlation.
const FEWEST: u64 = 30;

/// The rows with the smallest hashes, as numbers; NaN for a missing value.
#[derive(Debug, Clone)]
pub struct RowSample {
    rows: Sample<Box<[f64]>>,
}

impl Default for RowSample {
    fn default() -> Self {
        Self { rows: Sample::of_size(ROWS) }
    }
}

/// Combines the hash of a row with the value of one more column.
#[inline]
pub fn with_column(hash: u64, bits: u64) -> u64 {
    (hash.rotate_left(23) ^ bits).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl RowSample {
    /// Adds rows by their hashes; `numbers` is called only for rows that enter the sample.
    pub fn update(&mut self, hashes: &[u64], numbers: impl Fn(usize) -> Box<[f64]>) {
        for (row, hash) in hashes.iter().enumerate() {
            let hash = of_number(*hash);
            if self.rows.wants(hash) {
                self.rows.add(hash, 1, || numbers(row));
            }
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.rows.merge(&other.rows);
    }

    /// Bytes on the heap, for rows of this many columns.
    pub fn size(&self, columns: usize) -> usize {
        self.rows.size() + 2 * ROWS * columns * size_of::<f64>()
    }

    /// Pearson's correlation of all pairs of columns, with an absolute value of at least `least`; the first column precedes the second.
    pub fn correlations(self, columns: usize, least: f64) -> Vec<(usize, usize, f64)> {
        let rows = self.rows.into_values();
        let mut found = vec![];
        for first in 0..columns {
            for second in first + 1..columns {
                let pairs = rows.iter().filter_map(|(numbers, weight)| {
                    let (x, y) = (*numbers.get(first)?, *numbers.get(second)?);
                    (x.is_finite() && y.is_finite()).then_some((x, y, *weight))
                });
                let correlation = correlation(&pairs.collect::<Vec<_>>());
                found.extend(correlation.filter(|found| found.abs() >= least).map(|found| (first, second, found)));
            }
        }
        found
    }
}

fn correlation(pairs: &[(f64, f64, u64)]) -> Option<f64> {
    let rows: u64 = pairs.iter().map(|(_, _, weight)| weight).sum();
    if rows < FEWEST {
        return None;
    }
    let n = rows as f64;
    let mean = |part: fn(&(f64, f64, u64)) -> f64| pairs.iter().map(|pair| part(pair) * pair.2 as f64).sum::<f64>() / n;
    let (x, y) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (a, b, weight) in pairs {
        let (a, b, weight) = (a - x, b - y, *weight as f64);
        xx += weight * a * a;
        yy += weight * b * b;
        xy += weight * a * b;
    }
    let found = xy / (xx.sqrt() * yy.sqrt());
    found.is_finite().then(|| found.clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_go_together_are_found() {
        let number = |row: u64, column: usize| match column {
            0 => row as f64,
            1 => 3.0 - 2.0 * row as f64 + (row % 7) as f64,
            2 => of_number(row) as f64,
            _ => 1.0,
        };
        let part = |rows: std::ops::Range<u64>| {
            let rows: Vec<u64> = rows.collect();
            let hashes: Vec<u64> = rows.iter().map(|row| with_column(0, *row)).collect();
            let mut sample = RowSample::default();
            sample.update(&hashes, |row| (0..4).map(|column| number(rows[row], column)).collect());
            sample
        };
        let whole = part(0..50_000).correlations(4, 0.9);
        assert_eq!(whole.len(), 1);
        assert!(whole[0].0 == 0 && whole[0].1 == 1 && whole[0].2 < -0.999, "{whole:?}");
        let mut parts = part(20_000..50_000);
        parts.merge(&part(0..20_000));
        assert_eq!(parts.correlations(4, 0.9), whole);
        assert!(part(0..29).correlations(4, 0.0).is_empty());
    }
}
