//! Runs k-means from many starts on a sample; the best results become the initial centres of runs on all rows.
//!
//! After P. S. Bradley, U. M. Fayyad: Refining Initial Points for K-Means Clustering (1998). A complete run on a few thousand
//! rows costs less than choosing initial centres among a million, and its result is a better starting point.

use std::sync::Mutex;

use super::data::{Data, Failure};
use super::kmeans::{Init, Options, kmeans};
use super::matrix::Matrix;
use super::race::sample;
use super::source::{Source, each_chunk};
use crate::kernels::control::{Control, Stop};
use crate::kernels::random::Random;

/// Minimum number of rows in the sample, and rows per cluster if that gives more.
const ROWS: usize = 2_048;
const ROWS_A_CLUSTER: usize = 32;

/// Number of starts with few clusters, when a start is cheap, and with more than `CHEAP_CLUSTERS`.
const STARTS: usize = 24;
const FEW_STARTS: usize = 8;
const CHEAP_CLUSTERS: usize = 20;

/// Maximum iterations of a start; the run on all rows makes up for the rest.
const ITERATIONS: usize = 30;

/// Stands in the place of a run number when the seeds of starts are drawn.
const PATH: u64 = u64::MAX;

/// The final centres of the best starts, at most `wanted` and with distinct inertia.
pub fn best<S: Source>(data: &Data<S>, options: &Options, wanted: usize) -> Result<Vec<Vec<f64>>, Stop> {
    let rows = sample(data.identity, options.random_state, ROWS.max(ROWS_A_CLUSTER * options.n_clusters));
    let columns = data.source.columns();
    let _reserved = data.control.reserve(rows.len() * (columns + 8) * size_of::<f64>())?;
    let matrix = picked(data, &rows)?;
    let weights: Option<Vec<f64>> = data.weights.map(|_| rows.iter().map(|row| data.row_weight(*row)).collect());
    let identity: Vec<u64> = rows.iter().filter_map(|row| data.identity.get(*row)).copied().collect();
    let starts = if options.n_clusters <= CHEAP_CLUSTERS { STARTS } else { FEW_STARTS }.max(3 * wanted);
    let control = Control { workers: 1, ..data.control };
    let ends = data.control.share(starts, Vec::new, |ends, start| {
        let random_state = Random::new(options.random_state, &[PATH, start as u64]).next();
        let max_iter = options.max_iter.min(ITERATIONS);
        let one = Options { init: Init::KMeansPlusPlus, n_init: 1, max_iter, random_state, ..options.clone() };
        match kmeans(&matrix, weights.as_deref(), &identity, &one, control, &|_| {}) {
            Ok(found) => ends.push((found.inertia, start, found.centres)),
            Err(Failure::Stop(stop)) => return Err(stop),
            // The sample may have fewer rows than clusters, or no row with weight.
            Err(_) => {}
        }
        Ok(())
    })?;
    let mut ends: Vec<(f64, usize, Vec<f64>)> = ends.into_iter().flatten().collect();
    ends.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    ends.dedup_by(|a, b| a.0 == b.0);
    Ok(ends.into_iter().take(wanted).map(|(_, _, centres)| centres).collect())
}

/// Copies the rows with these numbers, in the given order.
fn picked<S: Source>(data: &Data<S>, rows: &[usize]) -> Result<Matrix, Stop> {
    let columns = data.source.columns();
    let mut places: Vec<(usize, usize)> = rows.iter().copied().zip(0..).collect();
    places.sort_unstable();
    let found = Mutex::new(vec![vec![0.0; rows.len()]; columns]);
    each_chunk(
        data.source,
        data.control,
        || (),
        |(), range, values| {
            let from = places.partition_point(|(row, _)| *row < range.start);
            let mut found = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            for (row, place) in places[from..].iter().take_while(|(row, _)| *row < range.end) {
                let values = values.chunks_exact(columns).nth(row - range.start).unwrap_or_default();
                found.iter_mut().zip(values).for_each(|(column, value)| column[*place] = *value);
            }
        },
    )?;
    let found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut matrix = Matrix::new(columns);
    matrix.push(&found.iter().map(Vec::as_slice).collect::<Vec<_>>());
    Ok(matrix)
}
