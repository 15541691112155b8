//! The columns of a model: an intercept, numbers, and the levels of categories but their references.

/// A category: one code per row.
#[derive(Debug, Clone, Copy)]
pub struct Levels<'a> {
    /// Below `levels`.
    pub codes: &'a [u32],
    pub levels: usize,
    /// The level without a coefficient.
    pub reference: u32,
}

/// What a model is fitted to.
#[derive(Debug, Clone, Copy)]
pub struct Design<'a> {
    /// Finite.
    pub numbers: &'a [&'a [f64]],
    pub categories: &'a [Levels<'a>],
    pub target: &'a [f64],
    /// How much each row counts, 0 or more; 1 without.
    pub weights: Option<&'a [f64]>,
}

/// How the columns lie among the coefficients: the intercept, the numbers, then the levels of each category.
#[derive(Debug)]
pub struct Columns {
    /// Offset and factor of each number.
    pub scales: Vec<(f64, f64)>,
    /// The column of each level of each category; `None` of the reference.
    pub levels: Vec<Vec<Option<u32>>>,
    len: usize,
}

impl Columns {
    pub fn len(&self) -> usize {
        self.len
    }

    /// Columns that are dense: the intercept and the numbers.
    pub fn dense(&self) -> usize {
        1 + self.scales.len()
    }
}

impl Design<'_> {
    pub fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// The columns, with the scales of the numbers: weighted mean and deviation.
    pub fn columns(&self) -> Columns {
        let total: f64 = (0..self.target.len()).map(|row| self.weight(row)).sum();
        let scale = |column: &&[f64]| {
            let mean = column.iter().enumerate().map(|(row, value)| self.weight(row) * value).sum::<f64>() / total;
            let square = |(row, value): (usize, &f64)| self.weight(row) * (value - mean) * (value - mean);
            let deviation = (column.iter().enumerate().map(square).sum::<f64>() / total).sqrt();
            // A column whose deviation is nothing but rounding is constant.
            if deviation > 1e-14 * mean.abs() { (mean, 1.0 / deviation) } else { (mean, 0.0) }
        };
        let scales: Vec<(f64, f64)> = self.numbers.iter().map(scale).collect();
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
