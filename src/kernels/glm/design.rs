//! The columns of a model: an intercept, numbers, and the levels of categories except their reference levels.

use super::moments::Moments;

/// A categorical feature.
#[derive(Debug, Clone, Copy)]
pub struct Levels<'a> {
    /// One code per row, below `levels`.
    pub codes: &'a [u32],
    pub levels: usize,
    /// The level that has no coefficient.
    pub reference: u32,
}

/// The data that a model is fitted to.
#[derive(Debug, Clone, Copy)]
pub struct Design<'a> {
    /// Numeric columns with finite values.
    pub numbers: &'a [&'a [f64]],
    /// The mean and deviation of each numeric column.
    pub moments: &'a [Moments],
    pub categories: &'a [Levels<'a>],
    pub target: &'a [f64],
    /// The weight of each row, 0 or more; `None` weights all rows 1.
    pub weights: Option<&'a [f64]>,
}

/// The order of the coefficients: the intercept, the numbers, then the levels of each category.
#[derive(Debug)]
pub struct Columns {
    /// Offset and factor of each number.
    pub scales: Vec<(f64, f64)>,
    /// The column of each level of each category; `None` for the reference level.
    pub levels: Vec<Vec<Option<u32>>>,
    len: usize,
}

impl Columns {
    pub fn len(&self) -> usize {
        self.len
    }

    /// Number of dense columns: the intercept and the numbers.
    pub fn dense(&self) -> usize {
        1 + self.scales.len()
    }
}

impl Design<'_> {
    pub fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// Lays out the columns and scales the numbers by their weighted mean and standard deviation.
    pub fn columns(&self) -> Columns {
        let scale = |Moments { mean, deviation, .. }: &Moments| {
            // A deviation this small is only rounding: the column is constant.
            if *deviation > 1e-14 * mean.abs() { (*mean, 1.0 / deviation) } else { (*mean, 0.0) }
        };
        let scales: Vec<(f64, f64)> = self.moments.iter().map(scale).collect();
        let mut next = 1 + scales.len() as u32;
        let mut number = |level: u32, reference: u32| {
            if level == reference {
                return None;
            }
            next += 1;
            Some(next - 1)
        };
        let levels = self.categories.iter().map(|category| {
            (0..category.levels as u32).map(|level| number(level, category.reference)).collect::<Vec<Option<u32>>>()
        });
        let levels: Vec<_> = levels.collect();
        Columns { scales, levels, len: next as usize }
    }
}
