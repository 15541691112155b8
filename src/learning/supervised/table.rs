//! Training rows as columns, in an order that depends only on their contents.

use std::cmp::Ordering;

use super::target::EXPOSURE;
use crate::learning::features::Rows;

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

/// Sorted rows before they are split: all but their features.
pub struct Outline {
    /// The positions of the sorted rows among those that were read.
    order: Vec<u32>,
    /// Without features.
    pub table: Table,
}

/// Rows whose numbers are copied together, column by column, so that their cache lines stay at hand meanwhile.
const TILE_ROWS: usize = 64;

impl Outline {
    pub fn of(rows: &Rows, target: &[f64]) -> Self {
        let order = order(rows, target);
        let pick = |values: &[f64]| order.iter().map(|row| values[*row as usize]).collect::<Vec<f64>>();
        let mut table = Table {
            levels: rows.categories.iter().map(|category| category.values.len()).collect(),
            target: pick(target),
            weights: rows.weights.as_deref().map(pick),
            groups: order.iter().map(|row| rows.identity[*row as usize]).collect(),
            times: rows.beside(TIME_ROLE).map(pick),
            ..Table::default()
        };
        if let Some(exposures) = rows.beside(EXPOSURE.name).map(pick) {
            table.target.iter_mut().zip(&exposures).for_each(|(count, exposure)| *count /= exposure);
            table.weights = Some(exposures.iter().enumerate().map(|(row, exposure)| exposure * table.weight(row)).collect());
            table.exposures = Some(exposures);
        }
        Self { order, table }
    }

    /// A selection of the sorted rows, with their features.
    pub fn select(&self, selection: &[u32], rows: &Rows) -> Table {
        let places: Vec<u32> = selection.iter().map(|row| self.order[*row as usize]).collect();
        let mut numbers: Vec<Vec<f64>> = (0..rows.numbers.columns()).map(|_| Vec::with_capacity(places.len())).collect();
        let mut tile: [&[f64]; TILE_ROWS] = [&[]; TILE_ROWS];
        for places in places.chunks(TILE_ROWS) {
            let tile = &mut tile[..places.len()];
            tile.iter_mut().zip(places).for_each(|(values, place)| *values = rows.numbers.row(*place as usize));
            for (number, column) in numbers.iter_mut().enumerate() {
                column.extend(tile.iter().map(|values| values[number]));
            }
        }
        let codes = rows.categories.iter().map(|category| places.iter().map(|place| category.codes[*place as usize]).collect());
        Table { numbers, codes: codes.collect(), ..self.table.select(selection) }
    }
}

impl Table {
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
    let compare = |a: usize, b: usize| {
        let of = |values: &[f64]| values[a].total_cmp(&values[b]);
        let by_time = times.map_or(Ordering::Equal, of).then_with(|| of(target));
        let by_time = by_time.then_with(|| rows.beside(EXPOSURE.name).map_or(Ordering::Equal, of));
        by_time.then_with(|| rows.weights.as_deref().map_or(Ordering::Equal, of)).then_with(|| {
            let numbers = rows.numbers.row(a).iter().zip(rows.numbers.row(b)).map(|(a, b)| a.total_cmp(b));
            let codes = rows.categories.iter().chain(&rows.label).map(|category| category.codes[a].cmp(&category.codes[b]));
            numbers.chain(codes).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        })
    };
    // The hash and the row as one integer: these are sorted fast. Rows with the same hash are then few.
    let mut order: Vec<u128> = (0..).zip(&rows.identity).map(|(row, hash)| u128::from(*hash) << 32 | row).collect();
    order.sort_unstable();
    for alike in order.chunk_by_mut(|one, next| one >> 32 == next >> 32).filter(|alike| alike.len() > 1) {
        alike.sort_unstable_by(|one, other| compare(*one as u32 as usize, *other as u32 as usize));
    }
    order.into_iter().map(|place| place as u32).collect()
}
