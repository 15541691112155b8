//! Assigns each row to its nearest centre.

use std::sync::Mutex;

use super::distance::{BLOCK, Centres, LANES, Nearest};
use super::source::{BLOCK_ROWS, Source, each_block};
use crate::kernels::control::{Control, Stop};

/// The nearest centre of each row.
#[derive(Debug, Clone, PartialEq)]
pub struct Assigned {
    /// The nearest centre, from 0; the first one wins ties.
    pub labels: Vec<u32>,
    /// The squared distance to that centre.
    pub squared_distances: Vec<f64>,
}

/// Assigns each row to the nearest of `centres` (row-major, with as many columns as the rows).
///
/// The caller accounts for 12 bytes per row. Given the centres of a clustering, the rows it was made from get the same labels
/// and distances again.
pub fn assign(centres: &[f64], source: &impl Source, control: Control) -> Result<Assigned, Stop> {
    let rows = source.rows();
    let mut assigned = Assigned { labels: vec![0; rows], squared_distances: vec![0.0; rows] };
    assign_into(&mut assigned, centres, source, control)?;
    Ok(assigned)
}

/// Like [`assign`], but writes into `assigned`, which already has an entry per row.
pub fn assign_into(assigned: &mut Assigned, centres: &[f64], source: &impl Source, control: Control) -> Result<(), Stop> {
    let centres = Centres::new(centres, source.columns().max(1));
    let labels = assigned.labels.chunks_mut(BLOCK_ROWS);
    let parts: Vec<_> = labels.zip(assigned.squared_distances.chunks_mut(BLOCK_ROWS)).map(Mutex::new).collect();
    each_block(
        source,
        control,
        || [Nearest::default(); BLOCK],
        |found, rows, _, groups| {
            let Some(part) = parts.get(rows.start / BLOCK_ROWS) else { return };
            let mut part = part.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let (labels, distances) = &mut *part;
            centres.nearest(groups, found);
            for ((found, labels), distances) in found.iter().zip(labels.chunks_mut(LANES)).zip(distances.chunks_mut(LANES)) {
                labels.copy_from_slice(&found.labels[..labels.len()]);
                distances.copy_from_slice(&found.first[..distances.len()]);
            }
        },
    )?;
    Ok(())
}
