//! Training rows as columns, in an order that depends only on their contents.

use std::cmp::Ordering;

use super::target::EXPOSURE;
use crate::kernels::control::{Reserved, Stop};
use crate::learning::features::{Computing, Rows};

/// Rows to train on, or to measure on. They are sorted, so that sums and random draws over them do not depend on the partitioning of the
/// input.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// The number features; NaN for a missing value that is kept.
    pub numbers: Vec<Vec<f64>>,
    /// The categorical features, as positions of their values; the largest possible code for a missing value that is kept.
    pub codes: Vec<Vec<u32>>,
    /// The number of values of each category.
    pub levels: Vec<usize>,
    /// The target; for classes, 1 or 0; for counts with an exposure, the count of one unit of it.
    pub target: Vec<f64>,
    /// The weights; with an exposure, times the exposure. A rate with this weight has the likelihood of the count, but for a constant.
    pub weights: Option<Vec<f64>>,
    /// The exposures of the counts.
    pub exposures: Option<Vec<f64>>,
    /// A hash of each row's key, by which rows of one customer are kept together.
    pub groups: Vec<u64>,
    pub times: Option<Vec<f64>>,
}

/// The role of the column with the time at which a row's target was known.
pub const TIME_ROLE: &str = "time";

impl Table {
    /// Moves the collected rows into a table. The memory is reserved until the second value is dropped.
    ///
    /// # Errors
    /// The memory limit is reached.
    pub fn of<'a>(rows: &mut Rows, target: &[f64], running: &'a Computing<'_>) -> Result<(Self, Reserved<'a>), Stop> {
        let (numbers, categories) = (rows.numbers.columns(), rows.categories.len());
        let reserved = running.take(rows.len() * (8 * numbers + 4 * categories + 8 * 6))?;
        let order = order(rows, target);
        let pick = |values: &[f64]| order.iter().map(|row| values[*row as usize]).collect::<Vec<f64>>();
        let mut columns: Vec<Vec<f64>> = (0..numbers).map(|_| Vec::with_capacity(order.len())).collect();
        for row in &order {
            let values = rows.numbers.row(*row as usize);
            columns.iter_mut().zip(values).for_each(|(column, value)| column.push(*value));
        }
        let codes = rows.categories.iter().map(|category| order.iter().map(|row| category.codes[*row as usize]).collect());
        let mut table = Self {
            numbers: columns,
            codes: codes.collect(),
            levels: rows.categories.iter().map(|category| category.values.len()).collect(),
            target: pick(target),
            weights: rows.weights.as_deref().map(pick),
            exposures: None,
            groups: order.iter().map(|row| rows.identity[*row as usize]).collect(),
            times: rows.beside(TIME_ROLE).map(pick),
        };
        if let Some(exposures) = rows.beside(EXPOSURE.name).map(pick) {
            table.target.iter_mut().zip(&exposures).for_each(|(count, exposure)| *count /= exposure);
            table.weights = Some(exposures.iter().enumerate().map(|(row, exposure)| exposure * table.weight(row)).collect());
            table.exposures = Some(exposures);
        }
        rows.numbers = crate::kernels::cluster::Matrix::new(0);
        rows.categories.clear();
        Ok((table, reserved))
    }

    pub fn len(&self) -> usize {
        self.target.len()
    }

    /// A selection of rows, in the given order.
    pub fn select(&self, rows: &[u32]) -> Self {
        let pick = |values: &Vec<f64>| rows.iter().map(|row| values[*row as usize]).collect::<Vec<f64>>();
        Self {
            numbers: self.numbers.iter().map(pick).collect(),
            codes: self.codes.iter().map(|codes| rows.iter().map(|row| codes[*row as usize]).collect()).collect(),
            levels: self.levels.clone(),
            target: pick(&self.target),
            weights: self.weights.as_ref().map(pick),
            exposures: self.exposures.as_ref().map(pick),
            groups: rows.iter().map(|row| self.groups[*row as usize]).collect(),
            times: self.times.as_ref().map(pick),
        }
    }

    /// The bytes needed for this many rows.
    pub fn bytes(&self, rows: usize) -> usize {
        rows * (8 * self.numbers.len() + 4 * self.codes.len() + 8 * 5)
    }

    /// The weight of a row.
    pub fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    /// With exposures, the sum of the weights without them, and what the log-likelihood of the counts has more than that of the rates.
    pub fn of_counts(&self, saturated: impl Fn(f64) -> f64) -> Option<(f64, f64)> {
        let each = self.exposures.as_ref()?.iter().zip(&self.target).enumerate().map(|(row, (exposure, rate))| {
            let rows = self.weight(row) / exposure;
            (rows, rows * saturated(rate * exposure) - self.weight(row) * saturated(*rate))
        });
        Some(each.fold((0.0, 0.0), |sums, row| (sums.0 + row.0, sums.1 + row.1)))
    }

    /// Rescales the weights so that both classes have the same total, and the sum of all weights stays the same.
    pub fn balance(&mut self) {
        let weights: Vec<f64> = (0..self.len()).map(|row| self.weight(row)).collect();
        let total: f64 = weights.iter().sum();
        let positive: f64 = weights.iter().zip(&self.target).filter(|(_, target)| **target > 0.5).map(|(weight, _)| weight).sum();
        let factor = |target: f64| total / 2.0 / if target > 0.5 { positive } else { total - positive };
        let balanced = weights.iter().zip(&self.target).map(|(weight, target)| weight * factor(*target));
        self.weights = Some(balanced.collect());
    }
}

/// Sorts the rows by key, then by time; ties by all other values.
pub fn order(rows: &Rows, target: &[f64]) -> Vec<u32> {
    let times = rows.beside(TIME_ROLE);
    let compare = |a: &(u64, u32), b: &(u64, u32)| {
        let by_key = a.0.cmp(&b.0);
        let (a, b) = (a.1 as usize, b.1 as usize);
        let of = |values: &[f64]| values[a].total_cmp(&values[b]);
        let by_key = by_key.then_with(|| times.map_or(Ordering::Equal, of)).then_with(|| of(target));
        let by_key = by_key.then_with(|| rows.beside(EXPOSURE.name).map_or(Ordering::Equal, of));
        by_key.then_with(|| rows.weights.as_deref().map_or(Ordering::Equal, of)).then_with(|| {
            let numbers = rows.numbers.row(a).iter().zip(rows.numbers.row(b)).map(|(a, b)| a.total_cmp(b));
            let codes = rows.categories.iter().chain(&rows.label).map(|category| category.codes[a].cmp(&category.codes[b]));
            numbers.chain(codes).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        })
    };
    // The hash beside the row, so that most comparisons look nothing up.
    let mut order: Vec<(u64, u32)> = rows.identity.iter().copied().zip(0..).collect();
    order.sort_unstable_by(compare);
    order.into_iter().map(|(_, row)| row).collect()
}
