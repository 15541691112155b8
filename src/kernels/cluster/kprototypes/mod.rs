//! k-prototypes: k-means for rows with numbers and categories.
//!
//! Z. Huang: Clustering large data sets with mixed numeric and categorical values (1997); Extensions to the k-means algorithm
//! for clustering large data sets with categorical values (1998). Without numbers it is k-modes.
//!
//! The cost of a row is its squared Euclidean distance to the means of its cluster plus gamma for each category that differs
//! from the most frequent one there. From its start, every run assigns all rows and recomputes means and modes until no label
//! changes, then moves single rows (see `moves`) until no move lowers the cost. The cheapest run wins; ties: the first.
//!
//! The result is the same bit for bit in any order of rows and with any number of workers.

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

/// Rows a worker takes at once.
const CHUNK: usize = 4096;

/// What races of swaps are drawn with, instead of the number of a run.
const SWAPS: u64 = u64::MAX;

/// Rows × numeric columns, and codes of categories, column by column. All have the same number of rows; either may be empty.
#[derive(Debug, Clone, Copy)]
pub struct Mixed<'a> {
    /// Scaled, finite.
    pub numeric: &'a Matrix,
    /// A missing category is a code like others.
    pub codes: &'a [Vec<u32>],
}

/// What clusters are made of.
#[derive(Debug, Clone, Copy)]
pub struct Training<'a> {
    pub rows: Mixed<'a>,
    /// How many codes each categorical column has: all codes are below. Ties of modes go to the smaller code.
    pub cardinalities: &'a [u32],
    /// A well-mixed hash of each row's key, unique.
    pub identity: &'a [u64],
    /// How many times each row counts, not negative; once without weights.
    pub weights: Option<&'a [f64]>,
}

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// At least 1; how many prototypes there are counts when they are given.
    pub clusters: usize,
    /// What a different category costs, see [`estimate_gamma`].
    pub gamma: f64,
    /// Runs from different random starts.
    pub runs: u64,
    /// Passes over the rows in a run.
    pub max_iterations: usize,
    /// Swaps without success, one after another, after which the search ends; 0 for none.
    pub swaps: u64,
    pub random_state: u64,
}

/// The middle of a cluster: means of the numbers and most frequent categories.
#[derive(Debug, Clone, PartialEq)]
pub struct Prototype {
    pub centre: Vec<f64>,
    pub modes: Vec<u32>,
}

/// Clusters, numbered by their rows, most first.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// Fewer than asked for when there are fewer distinct rows.
    pub prototypes: Vec<Prototype>,
    /// What [`assign`] gives for the training rows.
    pub assignment: Assignment,
    /// Weighted sum of what the rows cost.
    pub cost: f64,
    /// Passes over the rows in the best run.
    pub iterations: usize,
    /// Whether that run ended by itself.
    pub converged: bool,
}

/// Clusters the rows, from the given prototypes in a single run, or from random starts.
///
/// Needs 40 bytes per row, and 16 per cluster, code and worker. With no rows, or no weight, there are no clusters.
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

/// Tries to do with a prototype elsewhere: each in its turn is put to a row, drawn with a chance in proportion to its cost, and
/// what follows from there is kept when it is cheaper.
///
/// P. Fränti: Efficiency of random swap clustering (2018). It leaves local optima that no move of single rows leaves.
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

/// One run.
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

    /// Numbers the clusters by their rows. A row as near to two prototypes belongs to the first, so numbers can matter:
    /// labels are assigned again, until the order stays.
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

/// Half the mean standard deviation of the numeric columns (Huang 1997, as the Python package kmodes); 1 when that is 0.
pub fn estimate_gamma(numeric: &Matrix, control: Control<'_>) -> Result<f64, Failure> {
    if numeric.rows() == 0 {
        return Ok(1.0);
    }
    let columns = moments(numeric, control)?;
    let deviations: f64 = columns.iter().map(|column| column.population_deviation).sum();
    Ok(if deviations > 0.0 { 0.5 * deviations / columns.len() as f64 } else { 1.0 })
}
