//! Assigns each row to its nearest prototype.

use std::sync::{Mutex, PoisonError};

use super::{Mixed, Prototype, Training};
use crate::kernels::control::{Control, Stop};
use crate::kernels::superaccumulator::Superaccumulator;

/// Rows per block. The values of a block are stored by column, so that the distances of several rows are computed at once.
const BLOCK: usize = 1024;

/// The cluster of each row, and the cost of the row there: squared distance + gamma × number of different categories.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    pub labels: Vec<u32>,
    pub distances: Vec<f64>,
}

/// Assigns each row to its nearest prototype; the first one wins ties. Without prototypes all labels are 0 and all distances
/// infinite.
///
/// A code that training never saw differs from every mode.
pub fn assign(rows: Mixed<'_>, prototypes: &[Prototype], gamma: f64, control: Control<'_>) -> Result<Assignment, Stop> {
    let mut labels = vec![0; rows.len()];
    let mut distances = vec![f64::INFINITY; rows.len()];
    let blocks: Vec<_> = labels.chunks_mut(BLOCK).zip(distances.chunks_mut(BLOCK)).map(Mutex::new).collect();
    control.share(blocks.len(), Block::default, |block, job| {
        let mut part = blocks[job].lock().unwrap_or_else(PoisonError::into_inner);
        let (labels, nearest) = &mut *part;
        block.load(rows, job * BLOCK, labels.len());
        for (label, prototype) in (0..).zip(prototypes) {
            block.measure(prototype, gamma);
            for ((own, nearest), distance) in labels.iter_mut().zip(nearest.iter_mut()).zip(&block.distances) {
                if distance < nearest {
                    (*own, *nearest) = (label, *distance);
                }
            }
        }
        Ok(())
    })?;
    drop(blocks);
    Ok(Assignment { labels, distances })
}

/// A block of rows stored by column, and their distances to a prototype.
#[derive(Default)]
struct Block<'a> {
    numeric: Vec<f64>,
    codes: Vec<&'a [u32]>,
    mismatches: Vec<u32>,
    distances: Vec<f64>,
}

impl<'a> Block<'a> {
    fn load(&mut self, rows: Mixed<'a>, from: usize, length: usize) {
        self.numeric.clear();
        for column in 0..rows.numeric.columns() {
            self.numeric.extend((from..from + length).map(|row| rows.numeric.value(row, column)));
        }
        self.codes.clear();
        self.codes.extend(rows.codes.iter().map(|codes| &codes[from..from + length]));
        self.mismatches.resize(length, 0);
        self.distances.resize(length, 0.0);
    }

    fn measure(&mut self, prototype: &Prototype, gamma: f64) {
        self.mismatches.fill(0);
        for (codes, mode) in self.codes.iter().zip(&prototype.modes) {
            for (mismatches, code) in self.mismatches.iter_mut().zip(*codes) {
                *mismatches += u32::from(code != mode);
            }
        }
        self.distances.fill(0.0);
        for (values, centre) in self.numeric.chunks_exact(self.distances.len()).zip(&prototype.centre) {
            for (distance, value) in self.distances.iter_mut().zip(values) {
                *distance += (value - centre) * (value - centre);
            }
        }
        for (distance, mismatches) in self.distances.iter_mut().zip(&self.mismatches) {
            *distance += gamma * f64::from(*mismatches);
        }
    }
}

impl Mixed<'_> {
    pub fn len(&self) -> usize {
        self.codes.first().map_or(self.numeric.rows(), Vec::len)
    }
}

impl Assignment {
    /// Number of rows in each cluster.
    pub fn sizes(&self, clusters: usize) -> Vec<usize> {
        let mut sizes = vec![0; clusters];
        self.labels.iter().for_each(|label| sizes[*label as usize] += 1);
        sizes
    }

    /// The weighted sum of the costs of the rows.
    pub fn cost(&self, training: &Training<'_>) -> f64 {
        let mut cost = Superaccumulator::default();
        self.distances.iter().enumerate().for_each(|(row, distance)| cost.add(distance * training.weight(row)));
        cost.value()
    }

    /// Moves into each empty cluster the row that is farthest from its prototype and not alone in its cluster; the smallest
    /// identity wins ties.
    pub fn fill_empty(&mut self, clusters: usize, identity: &[u64]) {
        let mut sizes = self.sizes(clusters);
        while let Some(empty) = sizes.iter().position(|size| *size == 0) {
            let can_leave = |row: &usize| self.distances[*row] > 0.0 && sizes[self.labels[*row] as usize] > 1;
            let farther =
                |a: &usize, b: &usize| self.distances[*a].total_cmp(&self.distances[*b]).then(identity[*b].cmp(&identity[*a]));
            let Some(farthest) = (0..self.labels.len()).filter(can_leave).max_by(farther) else { return };
            sizes[self.labels[farthest] as usize] -= 1;
            sizes[empty] += 1;
            self.labels[farthest] = empty as u32;
            self.distances[farthest] = 0.0;
        }
    }
}
