//! Bounds that show which rows cannot have changed their cluster.
//!
//! After G. Hamerly: Making k-means Even Faster (2010), with one number per row. When the two nearest centres of a row are
//! known, its slack is how much farther the second one is. As long as its own centre and the fastest of the others have not
//! moved that far together, its cluster stays. Movements of the centres are summed per cluster, so nothing is written for a
//! row that stays.

/// The reach of the data in units: fine enough to lose nothing, and far above the rounding errors of distances.
const UNITS: f64 = (1 << 26) as f64;

/// Moves add up to this much before all starts anew.
const LIMIT: i32 = 1 << 30;

/// A slack that no row keeps.
pub const STALE: i32 = i32::MIN;

/// What the centres have moved, in units of 2⁻²⁶ of the reach of the data.
///
/// All is rounded to the safe side by up to one unit more, which covers the rounding of distances too: rows that are left
/// alone are those whose computed distances would give the same cluster.
pub struct Bounds {
    per_unit: f64,
    /// Per cluster: what its own centre and the fastest other have moved.
    spent: Vec<i32>,
}

impl Bounds {
    /// Nothing moved yet; no two points are farther apart than `reach`.
    pub fn new(reach: f64, clusters: usize) -> Self {
        Self { per_unit: if reach > 0.0 { UNITS / reach } else { 0.0 }, spent: vec![0; clusters] }
    }

    /// Adds what each centre has moved; true when the slacks of all rows have to be made anew.
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
            // A row without a cluster is stale whatever has moved.
            let spent = self.spent.get(*label as usize).copied().unwrap_or(0);
            found += usize::from(*slack < spent);
        }
        stale.truncate(found);
    }
}
