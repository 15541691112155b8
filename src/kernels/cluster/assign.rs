//! The nearest centre of each row.

use std::sync::Mutex;

use super::distance::{BLOCK, Centres, LANES, Nearest};
use super::source::{BLOCK_ROWS, Source, each_block};
use crate::kernels::control::{Control, Stop};

/// The nearest centre of each row.
#[derive(Debug, Clone, PartialEq)]
pub struct Assigned {
    /// From 0; the first of equally near centres.
    pub labels: Vec<u32>,
    /// To that centre, in squared units of the columns.
    pub squared_distances: Vec<f64>,
}

/// Assigns each row to the nearest of `centres` (row-major, as many columns as the rows have).
///
/// The caller accounts for 12 bytes per row. With the centres of a clustering its rows get the labels and distances they
/// have there.
pub fn assign(centres: &[f64], source: &impl Source, control: Control) -> Result<Assigned, Stop> {
    let rows = source.rows();
    let mut assigned = Assigned { labels: vec![0; rows], squared_distances: vec![0.0; rows] };
    assign_into(&mut assigned, centres, source, control)?;
    Ok(assigned)
}

/// As [`assign`], into what already has a place for each row.
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
