//! k-prototypes: k-means for rows with numbers and categories.
//!
//! Z. Huang: Clustering large data sets with mixed numeric and categorical values (1997); Extensions to the k-means algorithm
//! for clustering large data sets with categorical values (1998). Without numbers it is k-modes.
//!
//! The cost of a row is its squared Euclidean distance to the means of its cluster, plus gamma for each category that differs
//! from the most frequent one in the cluster. From its initial prototypes, every run assigns all rows and recomputes means and
//! modes until no label changes; then it moves single rows (see `moves`) until no move lowers the cost. The cheapest run wins;
//! the first one wins ties.
//!
//! The result is bit for bit the same for any order of rows and any number of workers.

mod assign;
mod clusters;
mod moves;
mod start;
#[cfg(test)]
mod tests;

pub use assign::{Assignment, assign};

use std::cmp::Reverse;

use super::scale::moments;
use super::{Failure, Matrix};
use crate::kernels::control::{Control, Stop};
use crate::kernels::random::Random;
use clusters::{Clusters, Layout};

/// Rows per job.
const CHUNK: usize = 4096;

/// Stands in the place of a run number when the rows of swaps are drawn.
const SWAPS: u64 = u64::MAX;

/// Rows with numeric and categorical columns. All columns have the same number of rows; either kind may be empty.
#[derive(Debug, Clone, Copy)]
pub struct Mixed<'a> {
    /// Rows × numeric columns; values are scaled and finite.
    pub numeric: &'a Matrix,
    /// The codes of each categorical column; a missing category is a code like any other.
    pub codes: &'a [Vec<u32>],
}

/// The rows that are clustered.
#[derive(Debug, Clone, Copy)]
pub struct Training<'a> {
    pub rows: Mixed<'a>,
    /// Number of codes of each categorical column; all codes are below it. If codes are equally frequent, the smallest is the mode.
    pub cardinalities: &'a [u32],
    /// A unique, well-mixed hash of each row's key.
    pub identity: &'a [u64],
    /// The number of times each row counts, 0 or more; `None` counts each row once.
    pub weights: Option<&'a [f64]>,
}

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Number of clusters, at least 1; ignored if initial prototypes are given.
    pub clusters: usize,
    /// Cost of a category that differs from the mode; see [`estimate_gamma`].
    pub gamma: f64,
    /// Number of runs from different random starts.
    pub runs: u64,
    /// Maximum number of passes over the rows in a run.
    pub max_iterations: usize,
    /// Number of consecutive unsuccessful swaps after which the search ends; 0 for no swaps.
    pub swaps: u64,
    pub random_state: u64,
}

/// The centre of a cluster: the means of its numbers and its most frequent categories.
#[derive(Debug, Clone, PartialEq)]
pub struct Prototype {
    pub centre: Vec<f64>,
    pub modes: Vec<u32>,
}

/// A clustering; clusters are numbered by descending number of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// Fewer than requested if there are fewer distinct rows.
    pub prototypes: Vec<Prototype>,
    /// The result of [`assign()`] for the training rows.
    pub assignment: Assignment,
    /// The weighted sum of the costs of the rows.
    pub cost: f64,
    /// Number of passes over the rows in the best run.
    pub iterations: usize,
    /// True if that run converged before `max_iterations`.
    pub converged: bool,
}

/// Clusters the rows, in a single run from the given prototypes or in several runs from random starts.
///
/// Takes 40 bytes per row, and 16 per cluster, code and worker. Without rows, or without weight, there are no clusters.
pub fn fit(training: &Training<'_>, options: &Options, start: Option<&[Prototype]>, control: Control<'_>) -> Result<Fit, Stop> {
    let start = start.filter(|start| !start.is_empty());
    let layout = Layout::new(training, control)?;
    let clusters = start.map_or(options.clusters, <[Prototype]>::len);
    let _reserved = control.reserve(40 * training.identity.len() + (control.workers + 1) * clusters * layout.bytes())?;
    let mut best: Option<Fit> = None;
    for run in 0..start.map_or(options.runs.max(1), |_| 1) {
        let start = match start {
            Some(start) => start.to_vec(),
            None => start::spread(training, options, run, control)?,
        };
        if start.is_empty() {
            break;
        }
        let found = descend(training, &layout, options, start, control)?;
        if best.as_ref().is_none_or(|best| found.cost < best.cost) {
            best = Some(found);
        }
    }
    let mut best = swap(training, &layout, options, best.unwrap_or_else(Fit::none), control)?;
    best.renumber(training, options.gamma, control)?;
    Ok(best)
}

/// Random swaps: each prototype in turn is replaced by a row, drawn with a probability in proportion to its cost, and a new run
/// starts from there. Its result is kept if it is cheaper.
///
/// P. Fränti: Efficiency of random swap clustering (2018). Swaps escape local optima that moves of single rows cannot escape.
fn swap(training: &Training<'_>, layout: &Layout, options: &Options, mut best: Fit, control: Control<'_>) -> Result<Fit, Stop> {
    let (mut step, mut in_vain) = (0, 0);
    while in_vain < options.swaps {
        let random = Random::new(options.random_state, &[SWAPS, step]);
        let Some(row) = start::winner(training, random, &best.assignment.distances, control)? else { break };
        let mut prototypes = best.prototypes.clone();
        let place = step as usize % prototypes.len();
        prototypes[place] = training.prototype(row);
        let found = descend(training, layout, options, prototypes, control)?;
        step += 1;
        in_vain += 1;
        if found.cost < best.cost * (1.0 - moves::WORTH) {
            (best, in_vain) = (found, 0);
        }
    }
    Ok(best)
}

/// Runs from the given prototypes until the cost no longer falls, or `max_iterations` is reached.
fn descend(
    training: &Training<'_>,
    layout: &Layout,
    options: &Options,
    mut prototypes: Vec<Prototype>,
    control: Control<'_>,
) -> Result<Fit, Stop> {
    let mut labels = vec![];
    let (mut iterations, mut converged) = (0, false);
    let mut clusters = Clusters::none(layout, prototypes.len());
    while iterations < options.max_iterations {
        let mut assignment = assign(training.rows, &prototypes, options.gamma, control)?;
        assignment.fill_empty(prototypes.len(), training.identity);
        if assignment.labels == labels {
            break;
        }
        labels = assignment.labels;
        clusters = Clusters::of(training, layout, &labels, prototypes.len(), control)?;
        clusters.update(layout, &mut prototypes);
        iterations += 1;
    }
    while iterations < options.max_iterations && !converged {
        converged = moves::improve(training, layout, options.gamma, &mut clusters, &mut prototypes, &mut labels, control)? == 0;
        iterations += 1;
    }
    let assignment = assign(training.rows, &prototypes, options.gamma, control)?;
    let cost = assignment.cost(training);
    Ok(Fit { prototypes, assignment, cost, iterations, converged })
}

impl Fit {
    fn none() -> Self {
        let assignment = Assignment { labels: vec![], distances: vec![] };
        Self { prototypes: vec![], assignment, cost: 0.0, iterations: 0, converged: true }
    }

    /// Numbers the clusters by descending number of rows.
    ///
    /// A row that is equally near to two prototypes belongs to the first of them, so renumbering can change the sizes: rows are
    /// assigned again until the order is stable.
    fn renumber(&mut self, training: &Training<'_>, gamma: f64, control: Control<'_>) -> Result<(), Stop> {
        for _ in 0..self.prototypes.len() {
            let sizes = self.assignment.sizes(self.prototypes.len());
            if sizes.is_sorted_by_key(|size| Reverse(*size)) {
                break;
            }
            let mut order: Vec<usize> = (0..sizes.len()).collect();
            order.sort_by_key(|cluster| Reverse(sizes[*cluster]));
            self.prototypes = order.iter().map(|cluster| self.prototypes[*cluster].clone()).collect();
            self.assignment = assign(training.rows, &self.prototypes, gamma, control)?;
        }
        Ok(())
    }
}

/// Half the mean standard deviation of the numeric columns (Huang 1997, as in the Python package kmodes); 1 if that is 0.
pub fn estimate_gamma(numeric: &Matrix, control: Control<'_>) -> Result<f64, Failure> {
    if numeric.rows() == 0 {
        return Ok(1.0);
    }
    let columns = moments(numeric, control)?;
    let deviations: f64 = columns.iter().map(|column| column.population_deviation).sum();
    Ok(if deviations > 0.0 { 0.5 * deviations / columns.len() as f64 } else { 1.0 })
}
