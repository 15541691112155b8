//! Training rows as columns, in an order that depends only on the rows.

use std::cmp::Ordering;

use crate::kernels::control::{Reserved, Stop};
use crate::learning::features::{Computing, Rows};

/// Rows to learn from, or to measure on. The same rows are in the same order for any partitioning, so that sums and random
/// draws over them are the same.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// The number features; a missing value that is kept is NaN.
    pub numbers: Vec<Vec<f64>>,
    /// The categorical features, by the positions of their values; a missing value that is kept has the largest possible code.
    pub codes: Vec<Vec<u32>>,
    /// How many values each category has.
    pub levels: Vec<usize>,
    /// The target: for classes 1 or 0.
    pub target: Vec<f64>,
    pub weights: Option<Vec<f64>>,
    /// A hash of the key: rows of one customer stay together.
    pub groups: Vec<u64>,
    pub times: Option<Vec<f64>>,
}

/// The role of the column with the time when a row's target was known.
pub const TIME_ROLE: &str = "time";

impl Table {
    /// The collected rows, which it empties; with the memory that the table takes until it is dropped.
    ///
    /// # Errors
    /// The memory limit is reached.
    pub fn of<'a>(rows: &mut Rows, target: &[f64], running: &'a Computing<'_>) -> Result<(Self, Reserved<'a>), Stop> {
        let (numbers, categories) = (rows.numbers.columns(), rows.categories.len());
        let reserved = running.take(rows.len() * (8 * numbers + 4 * categories + 8 * 5))?;
        let order = order(rows, target);
        let pick = |values: &[f64]| order.iter().map(|row| values[*row as usize]).collect::<Vec<f64>>();
        let mut columns: Vec<Vec<f64>> = (0..numbers).map(|_| Vec::with_capacity(order.len())).collect();
        for row in &order {
            let values = rows.numbers.row(*row as usize);
            columns.iter_mut().zip(values).for_each(|(column, value)| column.push(*value));
        }
        let codes = rows.categories.iter().map(|category| order.iter().map(|row| category.codes[*row as usize]).collect());
        let table = Self {
            numbers: columns,
            codes: codes.collect(),
            levels: rows.categories.iter().map(|category| category.values.len()).collect(),
            target: pick(target),
            weights: rows.weights.as_deref().map(pick),
            groups: order.iter().map(|row| rows.identity[*row as usize]).collect(),
            times: rows.beside(TIME_ROLE).map(pick),
        };
        rows.numbers = crate::kernels::cluster::Matrix::new(0);
        rows.categories.clear();
        Ok((table, reserved))
    }

    pub fn len(&self) -> usize {
        self.target.len()
    }

    /// Some of the rows, in the order given.
    pub fn select(&self, rows: &[u32]) -> Self {
        let pick = |values: &Vec<f64>| rows.iter().map(|row| values[*row as usize]).collect::<Vec<f64>>();
        Self {
            numbers: self.numbers.iter().map(pick).collect(),
            codes: self.codes.iter().map(|codes| rows.iter().map(|row| codes[*row as usize]).collect()).collect(),
            levels: self.levels.clone(),
            target: pick(&self.target),
            weights: self.weights.as_ref().map(pick),
            groups: rows.iter().map(|row| self.groups[*row as usize]).collect(),
            times: self.times.as_ref().map(pick),
        }
    }

    /// Bytes that this many of its rows take.
    pub fn bytes(&self, rows: usize) -> usize {
        rows * (8 * self.numbers.len() + 4 * self.codes.len() + 8 * 4)
    }

    /// The weight of a row.
    pub fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    /// Multiplies the weights so that both classes count the same, and the sum of weights stays the same.
    pub fn balance(&mut self) {
        let weights: Vec<f64> = (0..self.len()).map(|row| self.weight(row)).collect();
        let total: f64 = weights.iter().sum();
        let positive: f64 = weights.iter().zip(&self.target).filter(|(_, target)| **target > 0.5).map(|(weight, _)| weight).sum();
        let factor = |target: f64| total / 2.0 / if target > 0.5 { positive } else { total - positive };
        let balanced = weights.iter().zip(&self.target).map(|(weight, target)| weight * factor(*target));
        self.weights = Some(balanced.collect());
    }
}

/// The rows by key, then time; ties are ordered by all their values.
fn order(rows: &Rows, target: &[f64]) -> Vec<u32> {
    let times = rows.beside(TIME_ROLE);
    let compare = |a: &u32, b: &u32| {
        let (a, b) = (*a as usize, *b as usize);
        let of = |values: &[f64]| values[a].total_cmp(&values[b]);
        let by_key =
            rows.identity[a].cmp(&rows.identity[b]).then_with(|| times.map_or(Ordering::Equal, of)).then_with(|| of(target));
        by_key.then_with(|| rows.weights.as_deref().map_or(Ordering::Equal, of)).then_with(|| {
            let numbers = rows.numbers.row(a).iter().zip(rows.numbers.row(b)).map(|(a, b)| a.total_cmp(b));
            let codes = rows.categories.iter().map(|category| category.codes[a].cmp(&category.codes[b]));
            numbers.chain(codes).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        })
    };
    let mut order: Vec<u32> = (0..rows.len() as u32).collect();
    order.sort_unstable_by(compare);
    order
}
