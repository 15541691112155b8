//! K-means: the best of several runs.

use super::assign::{Assigned, assign_into};
use super::data::{Data, Failure};
use super::init;
use super::lloyd::Lloyd;
use super::rehearsal;
use super::source::Source;
use crate::kernels::control::{Control, Stop};
use crate::kernels::random::Random;
use crate::kernels::superaccumulator::Superaccumulator;

/// How the initial centres are chosen.
#[derive(Debug, Clone, PartialEq)]
pub enum Init {
    /// Greedy k-means++ on all rows for the first run; the other runs start from the best results of many runs on a sample.
    KMeansPlusPlus,
    /// Distinct rows, drawn with a probability in proportion to their weights.
    Random,
    /// The given centres, as clusters × columns; there is only one run.
    Given(Vec<f64>),
}

/// How to cluster.
#[derive(Debug, Clone)]
pub struct Options {
    pub n_clusters: usize,
    pub init: Init,
    /// Number of runs.
    pub n_init: usize,
    /// Maximum number of iterations per run, at least 1.
    pub max_iter: usize,
    /// A run ends when the sum of the squared shifts of the centres is at most this share of the mean variance of the columns.
    pub tol: f64,
    pub random_state: u64,
}

/// Progress of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// From 0.
    pub run: usize,
    /// From 1.
    pub iteration: usize,
    /// The weighted sum of squared distances of the rows to the new centres of their clusters.
    pub inertia: f64,
    /// The sum of squared shifts of the centres.
    pub shift: f64,
}

/// The best run.
#[derive(Debug, Clone, PartialEq)]
pub struct Clustering {
    /// Clusters × columns. The heaviest cluster comes first; ties are ordered by their centres, column by column.
    pub centres: Vec<f64>,
    /// The nearest centre of each row.
    pub assigned: Assigned,
    /// The weight of each cluster.
    pub sizes: Vec<f64>,
    /// The weighted sum of the squared distances, correctly rounded.
    pub inertia: f64,
    /// Number of iterations of the best run.
    pub iterations: usize,
    /// True if the best run converged, rather than being stopped by `max_iter`.
    pub converged: bool,
    /// True if the centre of an empty cluster was ever moved to a row far from its own centre.
    pub relocated: bool,
}

/// Clusters the rows of a source.
///
/// `weights` has one value per row; rows of weight 0 are assigned to a cluster but have no influence. `identity` is a unique,
/// well-mixed hash of the key of each row. The run with the least inertia wins; the first one wins ties. With fewer distinct
/// rows than clusters, some clusters stay empty.
///
/// Takes 12 bytes per row from the budget, and 4 more if available, which only makes it faster.
pub fn kmeans(
    source: &impl Source,
    weights: Option<&[f64]>,
    identity: &[u64],
    options: &Options,
    control: Control,
    progress: &(dyn Fn(Step) + Sync),
) -> Result<Clustering, Failure> {
    let (rows, clusters) = (source.rows(), options.n_clusters);
    if clusters == 0 || clusters > rows {
        return Err(Failure::Shape);
    }
    if u32::try_from(rows).is_err() {
        return Err(Failure::Stop(Stop::TooLarge));
    }
    let (given, runs) = match &options.init {
        Init::Given(centres) if centres.len() != clusters * source.columns() => return Err(Failure::Centres),
        Init::Given(centres) => (centres.as_slice(), 1),
        Init::KMeansPlusPlus | Init::Random => (&[][..], options.n_init.max(1)),
    };
    let _labels_and_distances = control.reserve(rows * (size_of::<u32>() + size_of::<f64>()))?;
    let slacks_memory = control.reserve(rows * size_of::<i32>());
    let data = Data::new(source, weights, identity, given, control)?;
    let mut slacks = vec![0; if slacks_memory.is_ok() { rows } else { 0 }];
    let mut assigned = Assigned { labels: vec![0; rows], squared_distances: vec![0.0; rows] };
    let mut best: Option<Clustering> = None;
    let mut last = 0;
    let rehearsed = match &options.init {
        Init::KMeansPlusPlus if runs > 1 && clusters > 1 => rehearsal::best(&data, options, runs - 1)?,
        _ => vec![],
    };
    let mut rehearsed = rehearsed.into_iter();
    for run in 0..runs {
        let seed = Random::new(options.random_state, &[run as u64]);
        // The first run starts from all rows: a sample may miss the few rows that are far away.
        let started = if run > 0 { rehearsed.next() } else { None };
        let centres = match &options.init {
            _ if started.is_some() => started.unwrap_or_default(),
            Init::KMeansPlusPlus => init::plus_plus(&data, clusters, &seed, &mut assigned.squared_distances)?,
            Init::Random => init::random(&data, clusters, &seed)?,
            Init::Given(centres) => centres.clone(),
        };
        let found = Run { data: &data, options, run, progress }.go(centres, &mut assigned, &mut slacks)?;
        if best.as_ref().is_none_or(|best| found.inertia < best.inertia) {
            (best, last) = (Some(found), run);
        }
    }
    let Some(mut best) = best else { return Err(Failure::Shape) };
    if last + 1 < runs {
        assign_into(&mut assigned, &best.centres, source, control)?;
    }
    best.assigned = assigned;
    Ok(best)
}

/// A single run.
struct Run<'a, S> {
    data: &'a Data<'a, S>,
    options: &'a Options,
    run: usize,
    progress: &'a (dyn Fn(Step) + Sync),
}

impl<S: Source> Run<'_, S> {
    /// Runs from the initial `centres` to the end. Labels and distances are left in `assigned`, not in the result.
    fn go(&self, centres: Vec<f64>, assigned: &mut Assigned, slacks: &mut [i32]) -> Result<Clustering, Stop> {
        let columns = self.data.source.columns();
        let tolerance = self.options.tol * self.data.spread / (self.data.weight * columns as f64);
        let mut lloyd = Lloyd::new(self.data, centres, &mut assigned.labels, slacks);
        let (mut iterations, mut converged) = (0, false);
        while !converged && iterations < self.options.max_iter.max(1) {
            let done = lloyd.iterate()?;
            iterations += 1;
            (self.progress)(Step { run: self.run, iteration: iterations, inertia: lloyd.inertia(), shift: done.shift });
            converged = done.changed == 0 || done.shift <= tolerance;
        }
        let relocated = lloyd.relocated;
        let (mut centres, mut sizes): (_, Vec<f64>) = (lloyd.centres, lloyd.sums.values().collect());
        // Clusters are ordered by size. Assigning the rows to the final centres may change the sizes once more, and so the order;
        // after reordering, only ties between equally near centres can still change them.
        for _ in 0..2 {
            centres = sorted(&centres, &sizes, columns);
            assign_into(assigned, &centres, self.data.source, self.data.control)?;
            sizes = self.sizes(assigned, centres.len() / columns);
            if sizes.is_sorted_by(|a, b| a >= b) {
                break;
            }
        }
        let inertia = self.inertia(assigned);
        let assigned = Assigned { labels: Vec::new(), squared_distances: Vec::new() };
        Ok(Clustering { centres, assigned, sizes, inertia, iterations, converged, relocated })
    }

    /// The weight of each cluster.
    fn sizes(&self, assigned: &Assigned, clusters: usize) -> Vec<f64> {
        let Some(grid) = self.data.grids.last() else { return Vec::new() };
        let mut sizes = vec![0_i128; clusters];
        for (row, label) in assigned.labels.iter().enumerate() {
            if let Some(size) = sizes.get_mut(*label as usize) {
                *size += grid.units(self.data.row_weight(row));
            }
        }
        sizes.into_iter().map(|size| grid.value(size)).collect()
    }

    /// The weighted sum of the squared distances.
    fn inertia(&self, assigned: &Assigned) -> f64 {
        let mut inertia = Superaccumulator::default();
        for (row, distance) in assigned.squared_distances.iter().enumerate() {
            inertia.add(distance * self.data.row_weight(row));
        }
        inertia.value()
    }
}

/// The centres by descending size; ties are ordered by their coordinates.
fn sorted(centres: &[f64], sizes: &[f64], columns: usize) -> Vec<f64> {
    let mut order: Vec<(&f64, &[f64])> = sizes.iter().zip(centres.chunks_exact(columns)).collect();
    order.sort_by(|(size, centre), (other_size, other)| {
        let coordinates = || centre.iter().zip(*other).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne());
        other_size.total_cmp(size).then_with(|| coordinates().unwrap_or(std::cmp::Ordering::Equal))
    });
    order.into_iter().flat_map(|(_, centre)| centre).copied().collect()
}
