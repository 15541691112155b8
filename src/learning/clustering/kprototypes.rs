//! K-prototypes: its options, and the clustering itself.

use datafusion::arrow::array::Array;
use datafusion::common::Result;
use serde::{Deserialize, Serialize};

use super::kmeans::{INIT_RUNS, N_CLUSTERS, RANDOM_STATE};
use super::{count, scale, scaling, word_of};
use crate::adapter::arguments::Options;
use crate::docs::{Argument, Takes};
use crate::kernels::cluster::kprototypes::{Fit, Mixed, Training};
use crate::kernels::cluster::{Scaling, kprototypes};
use crate::kernels::control::Stop;
use crate::learning::features::{Computing, Rows, Scaled};

pub const GAMMA: Argument = Argument::optional(
    "gamma",
    Takes::Float(0.0, f64::INFINITY),
    "",
    "cost of a category that differs, compared with squared distances; default: half the mean standard deviation of the scaled numbers",
);
pub const MOST_PASSES: Argument =
    Argument::optional("max_iter", Takes::Integer(1, 1_000_000), "100", "maximum number of passes over the rows in a start");

/// The options of a clustering.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct How {
    pub n_clusters: usize,
    #[serde(rename = "scale")]
    scaling: Scaling,
    gamma: Option<f64>,
    n_init: usize,
    max_iter: usize,
    random_state: u64,
}

impl How {
    pub fn read(options: &Options) -> Result<Self> {
        Ok(Self {
            n_clusters: count(options, N_CLUSTERS.name)?,
            scaling: scaling(options)?,
            gamma: if options.is_given(GAMMA.name) { Some(options.float(GAMMA.name)?) } else { None },
            n_init: count(options, INIT_RUNS.name)?,
            max_iter: count(options, MOST_PASSES.name)?,
            random_state: options.integer(RANDOM_STATE.name)?.unsigned_abs(),
        })
    }
}

impl std::fmt::Display for How {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { n_clusters, scaling, gamma, n_init, max_iter, random_state } = self;
        write!(f, "n_clusters => {n_clusters}, scale => '{}', ", word_of(*scaling))?;
        if let Some(gamma) = gamma {
            write!(f, "gamma => {gamma}, ")?;
        }
        write!(f, "n_init => {n_init}, max_iter => {max_iter}, random_state => {random_state}")
    }
}

/// Up to this many rows, prototypes are also swapped to other places, to escape local optima.
const FEW_ROWS: usize = 20_000;

/// The clusters of rows, the cost of a different category, and how the numbers were scaled.
pub struct Fitted {
    pub scaled: Option<Scaled>,
    pub gamma: f64,
    pub fit: Fit,
}

/// Scales the numbers in place and clusters the rows.
pub fn fit(rows: &mut Rows, how: &How, running: &Computing<'_>) -> Result<Fitted, Stop> {
    let control = running.worker.control(running.worker.threads);
    if how.n_clusters > rows.len() {
        let (clusters, rows) = (how.n_clusters, rows.len());
        return Err(
            running.refuse(format!("{clusters} clusters cannot be made of {rows} rows; give n_clusters of at most {rows}"))
        );
    }
    let scaled = match rows.numbers.columns() {
        0 => None,
        _ => Some(scale(rows, how.scaling, running)?),
    };
    let gamma = match how.gamma {
        Some(gamma) => gamma,
        None => {
            let gamma = kprototypes::estimate_gamma(&rows.numbers, control);
            gamma.map_err(|failure| running.explain(failure, rows.len(), how.n_clusters))?
        }
    };
    let codes: Vec<Vec<u32>> = rows.categories.iter_mut().map(|category| std::mem::take(&mut category.codes)).collect();
    let cardinalities: Vec<u32> = rows.categories.iter().map(|category| category.values.len() as u32).collect();
    let training = Training {
        rows: Mixed { numeric: &rows.numbers, codes: &codes },
        cardinalities: &cardinalities,
        identity: &rows.identity,
        weights: rows.weights.as_deref(),
    };
    let options = kprototypes::Options {
        clusters: how.n_clusters,
        gamma,
        runs: how.n_init as u64,
        max_iterations: how.max_iter,
        swaps: if rows.len() <= FEW_ROWS { 4 * how.n_clusters as u64 } else { 0 },
        random_state: how.random_state,
    };
    running.show("clustering".into());
    let fit = kprototypes::fit(&training, &options, None, control).map_err(|stop| running.stopped(stop))?;
    Ok(Fitted { scaled, gamma, fit })
}
