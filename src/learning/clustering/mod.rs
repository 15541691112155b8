//! Clustering, as shared by functions and models: options, scaling, and measures of quality.

pub mod kmeans;
pub mod kprototypes;
pub mod validity;

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int32Array};
use datafusion::common::Result;

use super::features::{Computing, Rows, Scaled, Spilled, scaled};
use crate::adapter::arguments::Options;
use crate::docs::{Argument, Takes};
use crate::kernels::cluster::{Scaling, Source};
use crate::kernels::control::Stop;

pub const SCALE: Argument = Argument::optional(
    "scale",
    Takes::Choice(&["zscore", "log", "minmax", "robust", "none"]),
    "'zscore'",
    "how features are made comparable: to mean 0 and (population) standard deviation 1; the same after ln(1 + |x|) with the sign of x, for money amounts and other skewed numbers; to the range 0 to 1; to median 0 and an interquartile range of 1; or not at all",
);

/// Labels from 0 and squared distances as the columns `cluster_id`, from 1, and `distance`.
pub fn cluster_columns(labels: &[u32], squares: &[f64]) -> Vec<ArrayRef> {
    vec![
        Arc::new(labels.iter().map(|label| *label as i32 + 1).collect::<Int32Array>()),
        Arc::new(squares.iter().map(|square| square.sqrt()).collect::<Float64Array>()),
    ]
}

pub fn count(options: &Options, name: &str) -> Result<usize> {
    Ok(usize::try_from(options.integer(name)?).unwrap_or(usize::MAX))
}

pub fn scaling(options: &Options) -> Result<Scaling> {
    Ok(scaling_of(options.word(SCALE.name)?))
}

const SCALINGS: [(&str, Scaling); 5] = [
    ("zscore", Scaling::ZScore),
    ("log", Scaling::Log),
    ("minmax", Scaling::MinMax),
    ("robust", Scaling::Robust),
    ("none", Scaling::None),
];

/// Adds a note if some clusters have no rows, because there are fewer distinct points than clusters.
pub fn tell_empty(labels: &[u32], distances: &[f64], n_clusters: usize, running: &Computing<'_>) {
    let filled = labels.iter().collect::<HashSet<_>>().len();
    if filled >= n_clusters {
        return;
    }
    // If the distance of every row is 0, the centres are all the distinct points.
    let why = match distances.iter().all(|distance| *distance == 0.0) {
        true => format!(": there are only {filled} different points"),
        false => String::new(),
    };
    running.note(format!("{filled} of {n_clusters} clusters have rows{why}"));
}

pub fn scaling_of(word: &str) -> Scaling {
    SCALINGS.iter().find(|(other, _)| *other == word).map_or(Scaling::None, |(_, scaling)| *scaling)
}

pub fn word_of(scaling: Scaling) -> &'static str {
    SCALINGS.iter().find(|(_, other)| *other == scaling).map_or("none", |(word, _)| word)
}

/// Scales numbers that are on disk, when they are read.
pub fn scale_spilled(spilled: &mut Spilled, scaling: Scaling, running: &Computing<'_>) -> Result<Scaled, Stop> {
    running.show("scaling".into());
    let (number, control) = (spilled.rows(), running.worker.control(running.worker.threads));
    let scales = scaling.fit_in_passes(spilled, control).map_err(|failure| running.explain(failure, number, 1))?;
    let Some(scales) = scales else {
        let problem =
            "scale => 'robust' needs the features in memory, and they do not fit; raise --memory-limit, or choose another scale";
        return Err(running.refuse(problem));
    };
    spilled.scale(scales.clone());
    Ok(Scaled { scales })
}

/// Scales the numbers in place.
pub fn scale(rows: &mut Rows, scaling: Scaling, running: &Computing<'_>) -> Result<Scaled, Stop> {
    running.show("scaling".into());
    let (number, control) = (rows.len(), running.worker.control(running.worker.threads));
    scaled(&mut rows.numbers, scaling, control).map_err(|failure| running.explain(failure, number, 1))
}
