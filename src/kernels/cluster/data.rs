//! The rows of one call with their weights, and the statistics that must be known in advance.

use super::columns::{Extent, LARGEST_VALUE, extents};
use super::distance::{BLOCK, LANES, squared_distances};
use super::exact::{ExactSum, Grid, merged};
use super::source::{Source, each_block};
use crate::kernels::control::{Control, Stop};

/// The largest weight allowed, so that weighted squares stay finite.
const LARGEST_WEIGHT: f64 = 1e90;

/// Why there is no clustering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Cancelled, or out of memory.
    Stop(Stop),
    /// This column holds a value that is NaN or beyond ±10¹⁰⁰.
    Column(usize),
    /// A weight is negative, NaN or above 10⁹⁰; or no weight is positive; or there is not one weight per row.
    Weights,
    /// There are no columns, no rows or no clusters, fewer rows than clusters, or not one key per row.
    Shape,
    /// The given centres are not clusters × columns numbers within ±10¹⁰⁰.
    Centres,
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// Rows, weights and keys.
pub struct Data<'a, S> {
    pub source: &'a S,
    /// One per row, not negative; all 1 if absent.
    pub weights: Option<&'a [f64]>,
    /// A well-mixed hash of the key of each row.
    pub identity: &'a [u64],
    pub control: Control<'a>,
    /// Units for weight × value, per column; the last grid is for the weight alone.
    pub grids: Vec<Grid>,
    /// Upper bound on the distance between any two points, whether rows or centres.
    pub reach: f64,
    /// The weighted mean of each column.
    pub mean: Vec<f64>,
    /// The weighted sum of squared distances to the mean.
    pub spread: f64,
    /// The sum of the weights.
    pub weight: f64,
}

impl<'a, S: Source> Data<'a, S> {
    /// Reads the rows three times, for magnitudes, means and spread. The reach also covers `centres` (any number, row-major).
    pub fn new(
        source: &'a S,
        weights: Option<&'a [f64]>,
        identity: &'a [u64],
        centres: &[f64],
        control: Control<'a>,
    ) -> Result<Self, Failure> {
        if source.columns() == 0 || source.rows() == 0 || identity.len() != source.rows() {
            return Err(Failure::Shape);
        }
        let heaviest = heaviest(weights, source.rows()).ok_or(Failure::Weights)?;
        let mut largest: Vec<f64> = extents(source, control)?.iter().map(Extent::largest).collect();
        if let Some(column) = largest.iter().position(|largest| largest.is_infinite()) {
            return Err(Failure::Column(column));
        }
        for point in centres.chunks(source.columns()) {
            for (largest, value) in largest.iter_mut().zip(point) {
                *largest = bounded(*value).max(*largest);
            }
        }
        if largest.iter().any(|largest| largest.is_infinite()) {
            return Err(Failure::Centres);
        }
        let grids = largest.iter().chain([&1.0]).map(|largest| Grid::new(heaviest * largest)).collect();
        let reach = 2.0 * largest.iter().map(|largest| largest * largest).sum::<f64>().sqrt();
        let mut data =
            Self { source, weights, identity, control, grids, reach, mean: vec![0.0; largest.len()], spread: 0.0, weight: 0.0 };
        data.weigh(heaviest, &largest)?;
        Ok(data)
    }

    /// Computes the weight, mean and spread.
    fn weigh(&mut self, heaviest: f64, largest: &[f64]) -> Result<(), Stop> {
        let sums =
            || -> Vec<ExactSum> { largest.iter().chain([&1.0]).map(|largest| ExactSum::new(heaviest * largest)).collect() };
        let states = each_block(self.source, self.control, sums, |sums, rows, _, groups| {
            for (row, group) in rows.step_by(LANES).zip(groups.iter()) {
                let weights = self.lane_weights(row);
                for (sum, values) in sums.iter_mut().zip(group.as_chunks().0.iter().chain([&[1.0; LANES]])) {
                    sum.add(&product(values, &weights));
                }
            }
        })?;
        let mut totals = transposed(states).map(merged).collect::<Vec<f64>>();
        self.weight = totals.pop().unwrap_or_default();
        self.mean = totals.iter().map(|total| total / self.weight).collect();
        let spread = || ExactSum::new(heaviest * self.reach * self.reach);
        let spreads = each_block(self.source, self.control, spread, |spread, rows, _, groups| {
            let mut squares = [[0.0; LANES]; BLOCK];
            squared_distances(groups, &self.mean, &mut squares);
            for (row, squares) in rows.step_by(LANES).zip(&squares) {
                spread.add(&product(squares, &self.lane_weights(row)));
            }
        })?;
        self.spread = merged(spreads);
        Ok(())
    }

    /// The weight of a row.
    #[inline(always)]
    pub fn row_weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights.get(row).copied().unwrap_or(0.0))
    }

    /// The weights of the group of rows that starts at `row`; 0 past the last row.
    #[inline(always)]
    pub fn lane_weights(&self, row: usize) -> [f64; LANES] {
        if self.weights.is_none() && row + LANES <= self.source.rows() {
            return [1.0; LANES];
        }
        std::array::from_fn(|lane| if row + lane < self.source.rows() { self.row_weight(row + lane) } else { 0.0 })
    }
}

/// The product, lane by lane.
#[inline(always)]
pub fn product(a: &[f64; LANES], b: &[f64; LANES]) -> [f64; LANES] {
    let mut product = [0.0; LANES];
    for lane in 0..LANES {
        product[lane] = a[lane] * b[lane];
    }
    product
}

/// The largest weight; `None` if the weights are not valid.
fn heaviest(weights: Option<&[f64]>, rows: usize) -> Option<f64> {
    let Some(weights) = weights else { return Some(1.0) };
    let heaviest = weights.iter().copied().fold(0.0, f64::max);
    let allowed = weights.len() == rows && weights.iter().all(|weight| (0.0..=LARGEST_WEIGHT).contains(weight));
    (allowed && heaviest > 0.0).then_some(heaviest)
}

/// The magnitude of a value; infinite if the value is not allowed.
#[inline(always)]
fn bounded(value: f64) -> f64 {
    if value.abs() <= LARGEST_VALUE { value.abs() } else { f64::INFINITY }
}

/// Transposes the states of the threads: for each column, the state of every thread.
fn transposed<T>(states: Vec<Vec<T>>) -> impl Iterator<Item = Vec<T>> {
    let mut states: Vec<_> = states.into_iter().map(Vec::into_iter).collect();
    std::iter::from_fn(move || {
        let column: Vec<T> = states.iter_mut().filter_map(Iterator::next).collect();
        (!column.is_empty()).then_some(column)
    })
}
