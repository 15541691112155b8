//! Moves of single rows that lower the cost, including moves that assigning all rows at once cannot find.
//!
//! J. A. Hartigan, M. A. Wong: A K-means clustering algorithm (1979). The cost of a move includes its effect on the means and
//! modes of both clusters. If no move helps, every row is also nearest to its own prototype.

use super::clusters::{Clusters, Layout, Row};
use super::{CHUNK, Prototype, Training};
use crate::kernels::control::{Control, Stop};

/// A move must save at least this share of the row's cost, so that rounding errors cannot move rows in circles.
pub const WORTH: f64 = 1e-9;

/// Makes one pass over the rows and moves those that lower the cost; returns the number of moves.
///
/// First all rows are checked in parallel against the unchanged clusters. Then the rows that a move would help are taken in the
/// order of their identity, which does not depend on the number of workers, and each is checked again before it moves.
pub fn improve(
    training: &Training<'_>,
    layout: &Layout,
    gamma: f64,
    clusters: &mut Clusters,
    prototypes: &mut [Prototype],
    labels: &mut [u32],
    control: Control<'_>,
) -> Result<usize, Stop> {
    let state = || (Row::default(), vec![]);
    let states = control.share(labels.len().div_ceil(CHUNK), state, |(row, found), job| {
        for (number, label) in labels.iter().enumerate().skip(job * CHUNK).take(CHUNK) {
            row.load(training, number);
            if best_move(layout, clusters, prototypes, gamma, row, *label as usize).is_some() {
                found.push((training.identity[number], number));
            }
        }
        Ok(())
    })?;
    let mut found: Vec<(u64, usize)> = states.into_iter().flat_map(|(_, found)| found).collect();
    found.sort_unstable();
    let mut moved = 0;
    let mut row = Row::default();
    for (_, number) in found {
        row.load(training, number);
        let from = labels[number] as usize;
        if let Some(to) = best_move(layout, clusters, prototypes, gamma, &row, from) {
            for (cluster, times) in [(from, -1), (to, 1)] {
                clusters.add(layout, cluster, &row, times);
                clusters.update_one(layout, cluster, &mut prototypes[cluster]);
            }
            labels[number] = to as u32;
            moved += 1;
        }
    }
    Ok(moved)
}

/// The other cluster where the row costs least (the first one wins ties), if it costs less there than in its own cluster.
fn best_move(layout: &Layout, clusters: &Clusters, prototypes: &[Prototype], gamma: f64, row: &Row, own: usize) -> Option<usize> {
    let saved = clusters.removal(layout, own, row, &prototypes[own], gamma)?;
    let others = prototypes.iter().enumerate().filter(|(cluster, _)| *cluster != own);
    let costs = others.map(|(cluster, prototype)| (cluster, clusters.insertion(layout, cluster, row, prototype, gamma)));
    let (best, cost) = costs.min_by(|a, b| a.1.total_cmp(&b.1))?;
    (cost < saved * (1.0 - WORTH)).then_some(best)
}
