//! The mean and standard deviation of a column, in one pass over its rows.

use fearless_simd::{Level, dispatch};

/// The weighted mean and standard deviation of a column over the rows that have a value; a missing value is NaN.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moments {
    pub mean: f64,
    pub deviation: f64,
    /// The number of rows without a value, and their share of the weights.
    pub gaps: usize,
    pub gap_share: f64,
}

/// Rows that are summed twice while they are in the cache: for their mean, and for the squares of the distances from it.
const BLOCK: usize = 1024;
/// Number of parallel sums. It does not depend on the processor, and neither do the sums.
const LANES: usize = 8;

/// Sums over some rows.
#[derive(Clone, Copy)]
struct Sums {
    weight: f64,
    mean: f64,
    /// Of weight × (value − mean)².
    squares: f64,
    gaps: u64,
    gap_weight: f64,
    least: f64,
    greatest: f64,
}

impl Moments {
    pub fn of(column: &[f64], weights: Option<&[f64]>) -> Self {
        let mut all: Option<Sums> = None;
        for (number, values) in column.chunks(BLOCK).enumerate() {
            let weights = weights.map(|weights| &weights[number * BLOCK..][..values.len()]);
            let block = dispatch!(Level::new(), _ => match weights {
                None => Sums::of(values, |_| 1.0),
                Some(weights) => Sums::of(values, |row| weights[row]),
            });
            all = Some(all.map_or(block, |all| all.with(block)));
        }
        let Some(all) = all else { return Self::default() };
        let share = all.gap_weight / (all.weight + all.gap_weight);
        // The mean of equal values may differ from them in its last digit.
        let (mean, deviation) = match all.least == all.greatest {
            _ if all.weight == 0.0 => (0.0, 0.0),
            true => (all.least, 0.0),
            false => (all.mean, (all.squares / all.weight).sqrt()),
        };
        Self { mean, deviation, gaps: all.gaps as usize, gap_share: share }
    }
}

impl Sums {
    #[inline(always)]
    fn of(values: &[f64], weight: impl Fn(usize) -> f64) -> Self {
        let (mut weights, mut sums, mut gaps, mut gap_weights) = ([0.0; LANES], [0.0; LANES], [0_u64; LANES], [0.0; LANES]);
        let (mut least, mut greatest) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        in_lanes(
            values,
            #[inline(always)]
            |lane, row, value| {
                let (weight, is_gap) = (weight(row), value.is_nan());
                let (known, own, gap) = if is_gap { (0.0, 0.0, weight) } else { (weight, value, 0.0) };
                weights[lane] += known;
                sums[lane] += known * own;
                gaps[lane] += u64::from(is_gap);
                gap_weights[lane] += gap;
                least[lane] = if value < least[lane] { value } else { least[lane] };
                greatest[lane] = if value > greatest[lane] { value } else { greatest[lane] };
            },
        );
        let total: f64 = weights.iter().sum();
        let mean = if total > 0.0 { sums.iter().sum::<f64>() / total } else { 0.0 };
        let mut squares = [0.0; LANES];
        in_lanes(
            values,
            #[inline(always)]
            |lane, row, value| {
                let distance = if value.is_nan() { 0.0 } else { value - mean };
                squares[lane] += weight(row) * distance * distance;
            },
        );
        Self {
            weight: total,
            mean,
            squares: squares.iter().sum(),
            gaps: gaps.iter().sum(),
            gap_weight: gap_weights.iter().sum(),
            least: least.iter().copied().fold(f64::INFINITY, f64::min),
            greatest: greatest.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }

    /// The sums over the rows of both.
    ///
    /// T. Chan, G. Golub, R. LeVeque: Updating Formulae and a Pairwise Algorithm for Computing Sample Variances (1979).
    fn with(self, other: Self) -> Self {
        let weight = self.weight + other.weight;
        let (distance, share) = (other.mean - self.mean, if weight > 0.0 { other.weight / weight } else { 0.0 });
        Self {
            weight,
            mean: self.mean + distance * share,
            squares: self.squares + other.squares + distance * distance * self.weight * share,
            gaps: self.gaps + other.gaps,
            gap_weight: self.gap_weight + other.gap_weight,
            least: self.least.min(other.least),
            greatest: self.greatest.max(other.greatest),
        }
    }
}

/// Passes to `add` each value with its lane and its row.
#[inline(always)]
fn in_lanes(values: &[f64], mut add: impl FnMut(usize, usize, f64)) {
    let (whole, rest) = values.as_chunks::<LANES>();
    for (place, values) in whole.iter().enumerate() {
        for (lane, value) in values.iter().enumerate() {
            add(lane, place * LANES + lane, *value);
        }
    }
    for (lane, value) in rest.iter().enumerate() {
        add(lane, whole.len() * LANES + lane, *value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_finds_what_two_would() {
        let values: Vec<f64> = (0..5000).map(|row| if row % 7 == 3 { f64::NAN } else { f64::from(row % 11) + 1e6 }).collect();
        let weights: Vec<f64> = (0..5000).map(|row| f64::from(row % 3)).collect();
        for weights in [None, Some(weights.as_slice())] {
            let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
            let known =
                || values.iter().enumerate().filter(|(_, value)| !value.is_nan()).map(|(row, value)| (weight(row), *value));
            let total: f64 = known().map(|(weight, _)| weight).sum();
            let mean = known().map(|(weight, value)| weight * value).sum::<f64>() / total;
            let variance = known().map(|(weight, value)| weight * (value - mean) * (value - mean)).sum::<f64>() / total;
            let all: f64 = (0..values.len()).map(weight).sum();
            let found = Moments::of(&values, weights);
            assert!((found.mean - mean).abs() < 1e-8 && (found.deviation - variance.sqrt()).abs() < 1e-9, "{found:?}");
            assert!(found.gaps == 714 && (found.gap_share - (all - total) / all).abs() < 1e-12, "{found:?}");
        }
    }

    #[test]
    fn equal_values_do_not_deviate() {
        let found = Moments::of(&[0.1; 3000], Some(&[0.3; 3000]));
        assert_eq!((found.mean, found.deviation, found.gap_share), (0.1, 0.0, 0.0));
        assert_eq!(Moments::of(&[f64::NAN; 3], None), Moments { gaps: 3, gap_share: 1.0, ..Moments::default() });
        assert_eq!(Moments::of(&[1e100, -1e100, 1.0], None).deviation, (2.0_f64 / 3.0).sqrt() * 1e100);
    }
}
