//! Sources of rows: memory, or a file that is read again for each pass.

use std::ops::Range;

pub use super::distance::BLOCK_ROWS;
use super::distance::Groups;
use crate::kernels::control::{Control, Stop};

/// Rows that are read chunk by chunk.
pub trait Source: Sync {
    /// Number of rows.
    fn rows(&self) -> usize;

    /// Number of columns.
    fn columns(&self) -> usize;

    /// Rows in every chunk but the last: a multiple of [`BLOCK_ROWS`], at most 2¹⁶. (K-means adds a row to its sums and subtracts
    /// it at most once per chunk, and the sums have room for 2¹⁷ numbers.)
    fn chunk_rows(&self) -> usize;

    /// The values of a chunk in row-major order, either borrowed or read into `scratch`.
    fn chunk<'a>(&'a self, index: usize, scratch: &'a mut Vec<f64>) -> Result<&'a [f64], Stop>;

    /// Number of chunks.
    fn chunks(&self) -> usize {
        self.rows().div_ceil(self.chunk_rows())
    }

    /// The row numbers of a chunk.
    fn range(&self, index: usize) -> Range<usize> {
        let start = index * self.chunk_rows();
        start..(start + self.chunk_rows()).min(self.rows())
    }
}

/// Runs `work` on every chunk of rows, on all threads; returns the state of each thread.
///
/// `work` gets the row numbers and their values in row-major order.
pub fn each_chunk<T: Send>(
    source: &impl Source,
    control: Control,
    state: impl Fn() -> T + Sync,
    work: impl Fn(&mut T, Range<usize>, &[f64]) + Sync,
) -> Result<Vec<T>, Stop> {
    let states = control.share(
        source.chunks(),
        || (state(), Vec::new()),
        |(state, scratch), index| {
            work(state, source.range(index), source.chunk(index, scratch)?);
            Ok(())
        },
    )?;
    Ok(states.into_iter().map(|(state, _)| state).collect())
}

/// Runs `work` on every block of rows, on all threads; returns the state of each thread.
///
/// `work` gets the row numbers, their values in row-major order, and the same values packed in groups.
pub fn each_block<T: Send>(
    source: &impl Source,
    control: Control,
    state: impl Fn() -> T + Sync,
    work: impl Fn(&mut T, Range<usize>, &[f64], &Groups) + Sync,
) -> Result<Vec<T>, Stop> {
    let columns = source.columns().max(1);
    let states = control.share(
        source.chunks(),
        || (state(), Vec::new(), Groups::new(columns)),
        |(state, scratch, groups), index| {
            let values = source.chunk(index, scratch)?;
            for (rows, values) in blocks(source.range(index), values, columns) {
                control.check()?;
                groups.pack(values.chunks_exact(columns));
                work(state, rows, values, groups);
            }
            Ok(())
        },
    )?;
    Ok(states.into_iter().map(|(state, _, _)| state).collect())
}

/// Splits the row numbers and values of a chunk into blocks.
pub fn blocks(rows: Range<usize>, values: &[f64], columns: usize) -> impl Iterator<Item = (Range<usize>, &[f64])> {
    let end = rows.end;
    let ranges = rows.step_by(BLOCK_ROWS).map(move |start| start..(start + BLOCK_ROWS).min(end));
    ranges.zip(values.chunks(columns * BLOCK_ROWS))
}
