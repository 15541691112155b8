//! K-means: its options, and the clustering itself.

use super::{count, scaling, word_of};
use crate::adapter::arguments::Options;
use crate::docs::{Argument, Takes};
use crate::kernels::cluster as kernel;
use crate::kernels::cluster::{Clustering, Init, Scaling, Source};
use crate::kernels::control::Stop;
use crate::learning::features::{Computing, Rows};
use datafusion::common::Result;
use serde::{Deserialize, Serialize};
use std::fmt;

pub const N_CLUSTERS: Argument = Argument::required(
    "n_clusters",
    Takes::Integer(1, 100_000),
    "number of clusters to make; `choose_clusters` measures which number fits the data",
);
pub const INIT: Argument = Argument::optional(
    "init",
    Takes::Choice(&["k-means++", "random"]),
    "'k-means++'",
    "how the first centres are chosen: rows far apart, or random rows",
);
pub const N_INIT: Argument = Argument::optional(
    "n_init",
    Takes::Integer(1, 10_000),
    "",
    "number of starts; the result with the least inertia is used; default: 3, or 10 with 'random'",
);
pub const MAX_ITER: Argument =
    Argument::optional("max_iter", Takes::Integer(1, 1_000_000), "300", "maximum number of iterations of a start");
pub const TOL: Argument = Argument::optional(
    "tol",
    Takes::Float(0.0, f64::INFINITY),
    "0.0001",
    "a start ends when the sum of the squared shifts of its centres is at most this share of the features' mean variance; with 0, when no row changes its cluster",
);
pub const RANDOM_STATE: Argument =
    Argument::optional("random_state", Takes::Integer(0, i64::MAX), "0", "seed of the random starts; same seed, same result");
/// As [`N_INIT`], for functions with only one way to start.
pub const INIT_RUNS: Argument =
    Argument::optional("n_init", Takes::Integer(1, 10_000), "3", "number of starts; the result with the least cost is used");

/// The options of a clustering.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct How {
    pub n_clusters: usize,
    pub search: Search,
}

/// How clusters are searched for, whatever their number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Search {
    #[serde(rename = "scale")]
    pub scaling: Scaling,
    pub init: String,
    pub n_init: usize,
    pub max_iter: usize,
    pub tol: f64,
    pub random_state: u64,
}

impl How {
    pub fn read(options: &Options, n_clusters: usize) -> Result<Self> {
        Ok(Self { n_clusters, search: Search::read(options)? })
    }
}

impl Search {
    pub fn read(options: &Options) -> Result<Self> {
        let init = options.word(INIT.name)?;
        let runs = if init == "random" { 10 } else { 3 };
        Ok(Self {
            scaling: scaling(options)?,
            init: init.to_string(),
            n_init: if options.is_given(N_INIT.name) { count(options, N_INIT.name)? } else { runs },
            max_iter: count(options, MAX_ITER.name)?,
            tol: options.float(TOL.name)?,
            random_state: options.integer(RANDOM_STATE.name)?.unsigned_abs(),
        })
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Search { scaling, init, n_init, max_iter, tol, random_state } = &self.search;
        let (n_clusters, scale) = (self.n_clusters, word_of(*scaling));
        write!(
            f,
            "n_clusters => {n_clusters}, scale => '{scale}', init => '{init}', n_init => {n_init}, max_iter => {max_iter}, tol => {tol}, random_state => {random_state}"
        )
    }
}

/// Clusters rows that are already scaled, starting from `centres` (clusters × columns) if given.
pub fn cluster(
    numbers: &impl Source,
    rows: &Rows,
    n_clusters: usize,
    how: &Search,
    centres: Option<Vec<f64>>,
    running: &Computing<'_>,
) -> Result<Clustering, Stop> {
    let init = match centres {
        Some(centres) => Init::Given(centres),
        None if how.init == "random" => Init::Random,
        None => Init::KMeansPlusPlus,
    };
    let options = kernel::Options {
        n_clusters,
        init,
        n_init: how.n_init,
        max_iter: how.max_iter,
        tol: how.tol,
        random_state: how.random_state,
    };
    let progress = |step: kernel::Step| {
        let kernel::Step { run, iteration, inertia, shift } = step;
        running.show(format!(
            "{n_clusters} clusters, start {}, iteration {iteration}, inertia {inertia:.6e}, shift {:.2e}",
            run + 1,
            shift.sqrt()
        ));
    };
    let control = running.worker.control(running.worker.threads);
    kernel::kmeans(numbers, rows.weights.as_deref(), &rows.identity, &options, control, &progress)
        .map_err(|failure| running.explain(failure, rows.len(), n_clusters))
}
