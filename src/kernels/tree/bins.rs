//! Maps numbers to bins, so that nodes can count them instead of sorting them.

use super::numbers::{Numbers, float_key};
use crate::kernels::control::{Control, Stop};
use crate::kernels::select::select_ranks;

/// With up to this many values, each distinct value has its own bin. Below 2¹⁶, so that bins fit in 16 bits.
const EXACT: usize = 50_000;
/// Number of bins otherwise, each with about the same number of values. Cuts inside a bin are found among the bin's own values.
const QUANTILES: usize = 256;
/// The bin of rows without a value.
pub const MISSING: u16 = u16::MAX;

/// A numeric feature, divided into bins of neighbouring values.
#[derive(Debug)]
pub struct Bins {
    /// The bin of each row.
    pub rows: Vec<u16>,
    /// The smallest and the largest key of each bin, ascending.
    pub ends: Vec<(i128, i128)>,
    pub has_missing: bool,
}

impl Bins {
    /// The bins of all features.
    pub fn all(features: &[Numbers<'_>], rows: usize, control: Control<'_>) -> Result<Vec<Self>, Stop> {
        let made = control.share(features.len(), Vec::new, |made, feature| {
            let bins = match features[feature] {
                Numbers::Floats(matrix, column) => Self::new(rows, |row| float_key(matrix.value(row, column)), control),
                Numbers::Short(keys) => Self::new(rows, |row| Some(keys[row]), control),
                Numbers::Long(keys) => Self::new(rows, |row| Some(keys[row]), control),
            };
            made.push((feature, bins?));
            Ok(())
        })?;
        let mut all: Vec<(usize, Self)> = made.into_iter().flatten().collect();
        all.sort_by_key(|(feature, _)| *feature);
        Ok(all.into_iter().map(|(_, bins)| bins).collect())
    }

    fn new<K: Ord + Copy + Into<i128>>(
        rows: usize,
        key: impl Fn(usize) -> Option<K>,
        control: Control<'_>,
    ) -> Result<Self, Stop> {
        let _reserved = control.reserve(size_of::<K>() * rows)?;
        let mut sorted: Vec<K> = (0..rows).filter_map(&key).collect();
        let has_missing = sorted.len() < rows;
        if sorted.len() <= EXACT {
            sorted.sort_unstable();
        } else {
            let ranks: Vec<usize> = (1..=QUANTILES).map(|quantile| sorted.len() * quantile / QUANTILES - 1).collect();
            select_ranks(&mut sorted, &ranks, &mut K::cmp);
            sorted = ranks.iter().map(|rank| sorted[*rank]).collect();
        }
        sorted.dedup();
        let mut least = sorted.clone();
        let bin = |row: usize| {
            let Some(key) = key(row) else { return MISSING };
            let bin = sorted.partition_point(|end| *end < key);
            least[bin] = least[bin].min(key);
            bin as u16
        };
        let rows = (0..rows).map(bin).collect();
        let ends = least.into_iter().zip(&sorted).map(|(least, most)| (least.into(), (*most).into())).collect();
        Ok(Self { rows, ends, has_missing })
    }
}

#[cfg(test)]
mod tests {
    use super::super::numbers::float_of;
    use super::*;
    use crate::kernels::cluster::Matrix;
    use crate::kernels::control::unlimited::control;

    #[test]
    fn keeps_all_values_or_quantiles() {
        let mut matrix = Matrix::new(1);
        matrix.push(&[&[3.0, f64::NAN, -0.0, 0.0, 3.0]]);
        let bins = &Bins::all(&[Numbers::Floats(&matrix, 0)], 5, control(1)).unwrap()[0];
        assert_eq!((bins.rows.as_slice(), bins.has_missing), ([1, MISSING, 0, 0, 1].as_slice(), true));
        let ends: Vec<(f64, f64)> = bins.ends.iter().map(|(least, most)| (float_of(*least), float_of(*most))).collect();
        assert_eq!(ends, [(0.0, 0.0), (3.0, 3.0)]);

        let keys: Vec<i64> = (0..51_200).rev().collect();
        let bins = &Bins::all(&[Numbers::Short(&keys)], keys.len(), control(1)).unwrap()[0];
        assert_eq!((bins.ends.len(), bins.ends[1]), (256, (200, 399)));
    }
}
