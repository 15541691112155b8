//! Lloyd's iterations: assign each row to the nearest centre, then move each centre to the mean of its rows.
//!
//! S. Lloyd: Least squares quantization in PCM (1982). If there is memory for [`Bounds`], rows that cannot have changed their
//! cluster are skipped; the result is the same.

use std::sync::Mutex;

use super::bounds::{Bounds, STALE};
use super::data::Data;
use super::distance::{BLOCK, Centres, Groups, LANES, Nearest, squared_distance};
use super::race::{Entry, Shortlist};
use super::source::{BLOCK_ROWS, Source, each_block};
use super::sums::Sums;
use crate::kernels::control::Stop;

/// The label of a row that has no cluster yet.
const NONE: u32 = u32::MAX;

/// One run from given centres.
pub struct Lloyd<'a, S> {
    data: &'a Data<'a, S>,
    /// Clusters × columns.
    pub centres: Vec<f64>,
    pub sums: Sums<'a>,
    /// True if a cluster without weight ever got a new centre.
    pub relocated: bool,
    labels: &'a mut [u32],
    /// One per row, or empty if there is no memory for bounds.
    slacks: &'a mut [i32],
    bounds: Bounds,
}

/// Result of an iteration.
pub struct Progress {
    /// Number of rows that changed their cluster.
    pub changed: usize,
    /// The sum of the squared shifts of the centres.
    pub shift: f64,
}

/// The state of a thread.
struct Worker<'a> {
    sums: Sums<'a>,
    changed: usize,
    /// Rows of the current chunk that may have changed their cluster.
    stale: Vec<u32>,
    groups: Groups,
    scratch: Vec<f64>,
}

/// The labels and slacks of a chunk, and where it starts.
struct Part<'p> {
    start: usize,
    labels: &'p mut [u32],
    slacks: &'p mut [i32],
}

impl<'a, S: Source> Lloyd<'a, S> {
    /// Starts a run. `labels` has one entry per row, and so has `slacks` unless there is no memory for bounds.
    pub fn new(data: &'a Data<'a, S>, centres: Vec<f64>, labels: &'a mut [u32], slacks: &'a mut [i32]) -> Self {
        labels.fill(NONE);
        slacks.fill(STALE);
        let clusters = centres.len() / data.source.columns();
        let (sums, bounds) = (Sums::new(&data.grids, clusters), Bounds::new(data.reach, clusters));
        Self { data, centres, sums, relocated: false, labels, slacks, bounds }
    }

    /// Runs one iteration.
    pub fn iterate(&mut self) -> Result<Progress, Stop> {
        let changed = self.assign()? + self.relocate()?;
        let before = self.centres.clone();
        self.sums.means(&mut self.centres);
        let columns = self.data.source.columns();
        let pairs = before.chunks_exact(columns).zip(self.centres.chunks_exact(columns));
        let shifts: Vec<f64> = pairs.map(|(a, b)| squared_distance(a, b)).collect();
        let distances: Vec<f64> = shifts.iter().map(|shift| shift.sqrt()).collect();
        if self.bounds.moved(&distances) {
            self.slacks.fill(STALE);
        }
        Ok(Progress { changed, shift: shifts.iter().sum() })
    }

    /// The weighted sum of squared distances of the rows to the means of their clusters, as the total spread minus the spread
    /// between the means.
    pub fn inertia(&self) -> f64 {
        let centres = self.centres.chunks_exact(self.data.source.columns());
        let between: f64 =
            centres.zip(self.sums.values()).map(|(centre, weight)| weight * squared_distance(centre, &self.data.mean)).sum();
        (self.data.spread - between).max(0.0)
    }

    /// Assigns each row to its nearest centre and updates the sums; returns the number of rows that changed their cluster.
    fn assign(&mut self) -> Result<usize, Stop> {
        let (data, bounds) = (self.data, &self.bounds);
        let centres = &Centres::new(&self.centres, data.source.columns());
        let chunk_rows = data.source.chunk_rows();
        let mut slacks = self.slacks.chunks_mut(chunk_rows);
        let parts = self.labels.chunks_mut(chunk_rows).enumerate().map(|(index, labels)| {
            Mutex::new(Part { start: index * chunk_rows, labels, slacks: slacks.next().unwrap_or_default() })
        });
        let parts: Vec<_> = parts.collect();
        // Workers start from empty sums and record only rows that move; merging adds these differences to the current sums.
        let empty = Sums::new(&data.grids, self.centres.len() / data.source.columns());
        let workers = data.control.share(
            parts.len(),
            || Worker {
                sums: empty.clone(),
                changed: 0,
                stale: Vec::new(),
                groups: Groups::new(data.source.columns()),
                scratch: Vec::new(),
            },
            |worker, index| {
                let Some(part) = parts.get(index) else { return Ok(()) };
                let mut part = part.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                Task { data, centres, bounds }.assign(worker, &mut part, index)
            },
        )?;
        workers.iter().for_each(|worker| self.sums.merge(&worker.sums));
        Ok(workers.iter().map(|worker| worker.changed).sum())
    }

    /// Moves the rows farthest from their centres into the clusters without weight, one row each, as scikit-learn does; returns
    /// the number of rows moved. A row that coincides with its centre is never moved.
    fn relocate(&mut self) -> Result<usize, Stop> {
        let empty: Vec<u32> = (0..).zip(self.sums.weights()).filter(|(_, weight)| *weight == 0).map(|(label, _)| label).collect();
        if empty.is_empty() {
            return Ok(0);
        }
        let farthest = self.farthest(empty.len())?;
        for (label, entry) in empty.iter().zip(&farthest) {
            let Some(own) = self.labels.get_mut(entry.row) else { continue };
            let weight = self.data.row_weight(entry.row);
            self.sums.add(*own, -weight, &entry.point);
            self.sums.add(*label, weight, &entry.point);
            self.sums.flush();
            *own = *label;
            // Its slack was for its old centre.
            if let Some(slack) = self.slacks.get_mut(entry.row) {
                *slack = STALE;
            }
        }
        self.relocated |= !farthest.is_empty();
        Ok(farthest.len())
    }

    /// The rows of positive weight that are farthest from their centres, at most `most`.
    fn farthest(&self, most: usize) -> Result<Vec<Entry>, Stop> {
        let data = self.data;
        let columns = data.source.columns();
        let centres = Centres::new(&self.centres, columns);
        let list = || Shortlist::new(most);
        let lists = each_block(data.source, data.control, list, |list, rows, values, groups| {
            let mut found = [Nearest::default(); BLOCK];
            centres.nearest(groups, &mut found);
            let distances = found.iter().flat_map(|found| found.first);
            for ((row, point), distance) in rows.zip(values.chunks_exact(columns)).zip(distances) {
                if distance > 0.0 && data.row_weight(row) > 0.0 {
                    list.offer(-distance, data.identity.get(row).copied().unwrap_or(0), row, point);
                }
            }
        })?;
        Ok(Shortlist::merged(most, lists).entries)
    }
}

/// State shared by the threads.
struct Task<'t, 'a, S> {
    data: &'t Data<'a, S>,
    centres: &'t Centres,
    bounds: &'t Bounds,
}

impl<S: Source> Task<'_, '_, S> {
    /// Reassigns the rows of a chunk that may have changed their cluster.
    fn assign(&self, worker: &mut Worker, part: &mut Part, index: usize) -> Result<(), Stop> {
        if part.slacks.is_empty() {
            worker.stale.clear();
            worker.stale.extend((0..).take(part.labels.len()));
        } else {
            self.bounds.stale(part.labels, part.slacks, &mut worker.stale);
        }
        if worker.stale.is_empty() {
            return Ok(());
        }
        let columns = self.data.source.columns();
        let values = self.data.source.chunk(index, &mut worker.scratch)?;
        let point = |row: &u32| values.get(*row as usize * columns..).and_then(|rest| rest.get(..columns)).unwrap_or(&[]);
        let mut found = [Nearest::default(); BLOCK];
        for rows in worker.stale.chunks(BLOCK_ROWS) {
            self.data.control.check()?;
            worker.groups.pack(rows.iter().map(point));
            self.centres.nearest(&worker.groups, &mut found[..rows.len().div_ceil(LANES)]);
            for (place, row) in rows.iter().enumerate() {
                worker.changed += usize::from(self.settle(
                    &mut worker.sums,
                    part,
                    *row as usize,
                    point(row),
                    &found[place / LANES],
                    place % LANES,
                ));
            }
        }
        worker.sums.flush();
        Ok(())
    }

    /// Records the nearest centre of a row; true if the row changed its cluster.
    #[inline(always)]
    fn settle(&self, sums: &mut Sums, part: &mut Part, row: usize, point: &[f64], found: &Nearest, lane: usize) -> bool {
        let label = found.labels[lane];
        if let Some(slack) = part.slacks.get_mut(row) {
            *slack = self.bounds.slack(label, found.first[lane], found.second[lane]);
        }
        let Some(own) = part.labels.get_mut(row).filter(|own| **own != label) else { return false };
        let weight = self.data.row_weight(part.start + row);
        if *own != NONE {
            sums.add(*own, -weight, point);
        }
        sums.add(label, weight, point);
        *own = label;
        true
    }
}
