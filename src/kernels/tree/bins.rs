//! Numbers as ranks, so that counting them replaces sorting them in each node.

use crate::kernels::cluster::Matrix;
use crate::kernels::control::{Control, Stop};
use crate::kernels::select::select_ranks;

/// Up to so many values each distinct one has its own bin: fewer than 2¹⁶, all thresholds are possible.
const EXACT: usize = 50_000;
/// Bins beyond, of about as many values each.
const QUANTILES: usize = 256;
/// The bin of rows without value.
pub const MISSING: u16 = u16::MAX;

/// A numeric feature in bins of neighbouring values.
#[derive(Debug)]
pub struct Bins {
    /// The bin of each row.
    pub rows: Vec<u16>,
    /// The least and the largest value of each bin, ascending.
    pub ends: Vec<(f64, f64)>,
    pub has_missing: bool,
}

impl Bins {
    /// The bins of all columns.
    pub fn all(matrix: &Matrix, control: Control<'_>) -> Result<Vec<Self>, Stop> {
        let made = control.share(matrix.columns(), Vec::new, |made, column| {
            made.push((column, Self::new(matrix, column, control)?));
            Ok(())
        })?;
        let mut all: Vec<(usize, Self)> = made.into_iter().flatten().collect();
        all.sort_by_key(|(column, _)| *column);
        Ok(all.into_iter().map(|(_, bins)| bins).collect())
    }

    fn new(matrix: &Matrix, column: usize, control: Control<'_>) -> Result<Self, Stop> {
        let _reserved = control.reserve(8 * matrix.rows())?;
        // −0 becomes 0.
        let values = || matrix.column(column).map(|value| value + 0.0);
        let mut sorted: Vec<f64> = values().filter(|value| !value.is_nan()).collect();
        let has_missing = sorted.len() < matrix.rows();
        if sorted.len() <= EXACT {
            sorted.sort_unstable_by(f64::total_cmp);
        } else {
            let ranks: Vec<usize> = (1..=QUANTILES).map(|quantile| sorted.len() * quantile / QUANTILES - 1).collect();
            select_ranks(&mut sorted, &ranks, &mut f64::total_cmp);
            sorted = ranks.iter().map(|rank| sorted[*rank]).collect();
        }
        sorted.dedup();
        let mut ends: Vec<(f64, f64)> = sorted.iter().map(|value| (*value, *value)).collect();
        let bin = |value: f64| {
            if value.is_nan() {
                return MISSING;
            }
            let bin = sorted.partition_point(|end| *end < value);
            ends[bin].0 = ends[bin].0.min(value);
            bin as u16
        };
        let rows = values().map(bin).collect();
        Ok(Self { rows, ends, has_missing })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::control::unlimited::control;

    #[test]
    fn keeps_all_values_or_quantiles() {
        let mut matrix = Matrix::new(1);
        matrix.push(&[&[3.0, f64::NAN, -0.0, 0.0, 3.0]]);
        let bins = &Bins::all(&matrix, control(1)).unwrap()[0];
        assert_eq!((bins.rows.as_slice(), bins.has_missing), ([1, MISSING, 0, 0, 1].as_slice(), true));
        assert_eq!(bins.ends, [(0.0, 0.0), (3.0, 3.0)]);

        let mut matrix = Matrix::new(1);
        let values: Vec<f64> = (0..51_200).rev().map(f64::from).collect();
        matrix.push(&[&values]);
        let bins = &Bins::all(&matrix, control(1)).unwrap()[0];
        assert_eq!((bins.ends.len(), bins.ends[1]), (256, (200.0, 399.0)));
    }
}
