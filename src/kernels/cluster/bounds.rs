//! Bounds that tell which rows cannot have changed their cluster.
//!
//! After G. Hamerly: Making k-means Even Faster (2010), with one number per row. When the two nearest centres of a row are
//! known, the slack of the row is how much farther away the second one is. As long as its own centre and the fastest of the
//! others together have moved less than that, the row keeps its cluster. The movements are added up per cluster, and a slack is
//! stored relative to that sum, so nothing is written for a row that keeps its cluster.

/// The reach of the data in units: fine enough to lose little slack, and coarse compared to the rounding errors of distances.
const UNITS: f64 = (1 << 26) as f64;

/// When the movements of a cluster exceed this, all bounds start again from 0, so that they cannot overflow.
const LIMIT: i32 = 1 << 30;

/// The slack of a row that must be reassigned in any case.
pub const STALE: i32 = i32::MIN;

/// How far the centres have moved, in units of 2⁻²⁶ of the reach of the data.
///
/// Everything is rounded to the safe side by up to one extra unit, which also covers the rounding of distances: rows that are
/// skipped would get the same cluster from their computed distances.
pub struct Bounds {
    per_unit: f64,
    /// Per cluster: the total movement of its own centre and of the fastest other centre.
    spent: Vec<i32>,
}

impl Bounds {
    /// Starts without movement; no two points may be farther apart than `reach`.
    pub fn new(reach: f64, clusters: usize) -> Self {
        Self { per_unit: if reach > 0.0 { UNITS / reach } else { 0.0 }, spent: vec![0; clusters] }
    }

    /// Adds the distance that each centre has moved; true if the slacks of all rows must be recomputed.
    pub fn moved(&mut self, shifts: &[f64]) -> bool {
        let units: Vec<i32> = shifts.iter().map(|shift| (shift * self.per_unit).ceil() as i32 + 1).collect();
        let fastest = (0..units.len()).max_by_key(|cluster| units[*cluster]).unwrap_or(0);
        let others = |cluster| units.iter().enumerate().filter(|(other, _)| *other != cluster).map(|(_, units)| *units).max();
        let (most, second) = (units.get(fastest).copied().unwrap_or(0), others(fastest).unwrap_or(0));
        for (cluster, (spent, own)) in self.spent.iter_mut().zip(&units).enumerate() {
            *spent += own + if cluster == fastest { second } else { most };
        }
        let restart = self.spent.iter().any(|spent| *spent > LIMIT);
        if restart {
            self.spent.fill(0);
        }
        restart
    }

    /// The slack of a row from the squared distances to its own centre and to the next nearest.
    #[inline(always)]
    pub fn slack(&self, label: u32, first: f64, second: f64) -> i32 {
        let gap = ((second.sqrt() - first.sqrt()) * self.per_unit) as i32;
        let spent = self.spent.get(label as usize).copied().unwrap_or(0);
        gap.saturating_add(spent - 1)
    }

    /// Collects the rows that may have changed their cluster.
    pub fn stale(&self, labels: &[u32], slacks: &[i32], stale: &mut Vec<u32>) {
        stale.resize(labels.len(), 0);
        let mut found = 0;
        for ((row, label), slack) in (0..).zip(labels).zip(slacks) {
            if let Some(place) = stale.get_mut(found) {
                *place = row;
            }
            // A row without a cluster has no `spent`; its slack is `STALE`, which is below 0.
            let spent = self.spent.get(*label as usize).copied().unwrap_or(0);
            found += usize::from(*slack < spent);
        }
        stale.truncate(found);
    }
}
