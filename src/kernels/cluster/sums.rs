//! The sums from which the centres are computed, kept exact while rows move between clusters.

use super::exact::{Grid, Parts};

/// For each cluster, the weighted sum of each column and then the weight, in units of the grids.
///
/// Adding and subtracting leave no error, so sums that are updated as rows move equal sums computed from scratch.
#[derive(Debug, Clone)]
pub struct Sums<'a> {
    grids: &'a [Grid],
    recent: Vec<Parts>,
    totals: Vec<i128>,
}

impl<'a> Sums<'a> {
    /// The sums of empty clusters.
    pub fn new(grids: &'a [Grid], clusters: usize) -> Self {
        let cells = grids.len() * clusters;
        Self { grids, recent: vec![[0; 2]; cells], totals: vec![0; cells] }
    }

    /// Adds a row to a cluster; a negative weight removes it.
    ///
    /// May be called at most [`super::exact::HEADROOM`] times before a [`Self::flush`].
    #[inline(always)]
    pub fn add(&mut self, cluster: u32, weight: f64, row: &[f64]) {
        let start = cluster as usize * self.grids.len();
        let Some(cells) = self.recent.get_mut(start..start + self.grids.len()) else { return };
        for column in 0..cells.len().min(self.grids.len()) {
            let [coarse, fine] = self.grids[column].parts(weight * row.get(column).copied().unwrap_or(1.0));
            cells[column][0] += coarse;
            cells[column][1] += fine;
        }
    }

    /// Moves the recent 64-bit sums into the 128-bit totals, which makes room for more additions.
    pub fn flush(&mut self) {
        for (total, recent) in self.totals.iter_mut().zip(&mut self.recent) {
            *total += Grid::joined(std::mem::take(recent));
        }
    }

    /// Adds other sums, which must be flushed.
    pub fn merge(&mut self, other: &Self) {
        for (total, other) in self.totals.iter_mut().zip(&other.totals) {
            *total += other;
        }
    }

    /// The weight of each cluster in units, which can be compared without rounding.
    pub fn weights(&self) -> impl Iterator<Item = i128> {
        self.totals.chunks_exact(self.grids.len()).map(|cells| cells.last().copied().unwrap_or(0))
    }

    /// The weight of each cluster.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        self.weights().zip(self.grids.last().into_iter().cycle()).map(|(weight, grid)| grid.value(weight))
    }

    /// Writes the mean of each cluster to `centres` (row-major); a cluster without weight keeps its old centre.
    pub fn means(&self, centres: &mut [f64]) {
        let Some((weights, grids)) = self.grids.split_last() else { return };
        for (centre, cells) in centres.chunks_exact_mut(grids.len().max(1)).zip(self.totals.chunks_exact(self.grids.len())) {
            let Some((weight, cells)) = cells.split_last().filter(|(weight, _)| **weight > 0) else { continue };
            for ((coordinate, cell), grid) in centre.iter_mut().zip(cells).zip(grids) {
                *coordinate = grid.value(*cell) / weights.value(*weight);
            }
        }
    }
}
