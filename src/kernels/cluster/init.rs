//! Chooses the initial centres.

use std::sync::Mutex;

use super::data::{Data, product};
use super::distance::{BLOCK, LANES, squared_distances};
use super::exact::{ExactSum, merged};
use super::race::{Entry, Shortlist, draw, waiting_time};
use super::source::{BLOCK_ROWS, Source, each_block};
use crate::kernels::control::Stop;
use crate::kernels::random::Random;

/// Draws distinct rows with probabilities in proportion to their weights; returns clusters × columns.
pub fn random<S: Source>(data: &Data<S>, clusters: usize, seed: &Random) -> Result<Vec<f64>, Stop> {
    let salt = seed.clone().next();
    let list = || Shortlist::new(clusters);
    let lists = each_block(data.source, data.control, list, |list, rows, values, _| {
        let weights = rows.clone().map(|row| data.row_weight(row));
        compete(data, list, salt, rows.clone().zip(values.chunks_exact(data.source.columns())).zip(weights));
    })?;
    Ok(Shortlist::merged(clusters, lists).entries.into_iter().flat_map(|entry| entry.point).collect())
}

/// Greedy k-means++; returns clusters × columns.
///
/// For each next centre, 2 + ⌊ln clusters⌋ candidate rows are drawn with probabilities in proportion to weight × squared distance
/// to the nearest centre so far. The candidate that lowers the sum of these products the most becomes the centre.
///
/// D. Arthur, S. Vassilvitskii: k-means++: The Advantages of Careful Seeding (2007); greedy as in scikit-learn, but the
/// candidates of a step are distinct rows. `nearest` (one per row) is overwritten.
pub fn plus_plus<S: Source>(data: &Data<S>, clusters: usize, seed: &Random, nearest: &mut [f64]) -> Result<Vec<f64>, Stop> {
    let mut seed = seed.clone();
    let trials = 2 + (clusters as f64).ln() as usize;
    let mut centres = random(data, 1, &seed)?;
    let mut last = centres.clone();
    nearest.fill(f64::INFINITY);
    seed.next();
    for _ in 1..clusters {
        let (candidates, largest) = candidates(data, &last, trials, seed.next(), nearest)?;
        let potentials = potentials(data, &candidates, nearest, largest)?;
        let best = potentials.iter().zip(candidates).min_by(|(a, _), (b, _)| a.total_cmp(b));
        last = best.map(|(_, entry)| entry.point).unwrap_or_default();
        centres.extend(&last);
    }
    Ok(centres)
}

/// Updates `nearest` with the last centre and draws the candidates for the next one; also returns the largest remaining weight ×
/// squared distance.
fn candidates<S: Source>(
    data: &Data<S>,
    last: &[f64],
    trials: usize,
    salt: u64,
    nearest: &mut [f64],
) -> Result<(Vec<Entry>, f64), Stop> {
    let parts: Vec<_> = nearest.chunks_mut(BLOCK_ROWS).map(Mutex::new).collect();
    let state = || (Shortlist::new(trials), 0.0_f64);
    let states = each_block(data.source, data.control, state, |(list, largest), rows, values, groups| {
        let Some(part) = parts.get(rows.start / BLOCK_ROWS) else { return };
        let mut nearest = part.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut squares = [[0.0; LANES]; BLOCK];
        squared_distances(groups, last, &mut squares);
        for (nearest, square) in nearest.iter_mut().zip(squares.as_flattened()) {
            *nearest = square.min(*nearest);
        }
        let masses = rows.clone().zip(nearest.iter()).map(|(row, nearest)| nearest * data.row_weight(row));
        *largest = masses.clone().fold(*largest, f64::max);
        compete(data, list, salt, rows.clone().zip(values.chunks_exact(data.source.columns())).zip(masses));
    })?;
    let largest = states.iter().map(|(_, largest)| *largest).fold(0.0, f64::max);
    Ok((Shortlist::merged(trials, states.into_iter().map(|(list, _)| list)).entries, largest))
}

/// Enters rows, with their values and masses, into the race.
fn compete<'r, S: Source>(
    data: &Data<S>,
    list: &mut Shortlist,
    salt: u64,
    rows: impl Iterator<Item = ((usize, &'r [f64]), f64)>,
) {
    for ((row, point), mass) in rows {
        let identity = data.identity.get(row).copied().unwrap_or(0);
        if let Some(key) = waiting_time(draw(salt, identity), mass, list.limit()) {
            list.offer(key, identity, row, point);
        }
    }
}

/// For each candidate, the weighted sum of squared distances if it became the next centre.
///
/// No summand is above `largest`, which sets the units of the sum. It is small once a row far away from all others is a centre,
/// so the other rows are then summed exactly.
fn potentials<S: Source>(data: &Data<S>, candidates: &[Entry], nearest: &[f64], largest: f64) -> Result<Vec<f64>, Stop> {
    let sums = || vec![ExactSum::new(largest); candidates.len()];
    let states = each_block(data.source, data.control, sums, |sums, rows, _, groups| {
        let nearest = nearest.get(rows.clone()).unwrap_or(&[]);
        let mut squares = [[0.0; LANES]; BLOCK];
        for (sum, candidate) in sums.iter_mut().zip(candidates) {
            squared_distances(groups, &candidate.point, &mut squares);
            for (square, nearest) in squares.as_flattened_mut().iter_mut().zip(nearest) {
                *square = square.min(*nearest);
            }
            for (row, squares) in rows.clone().step_by(LANES).zip(&squares) {
                sum.add(&product(squares, &data.lane_weights(row)));
            }
        }
    })?;
    Ok((0..candidates.len()).map(|index| merged(states.iter().filter_map(|sums| sums.get(index).cloned()))).collect())
}
