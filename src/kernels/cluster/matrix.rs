//! A matrix of doubles, rows × columns.

use super::source::Source;
use crate::kernels::control::Stop;

/// Rows in a chunk: with 8 columns it takes 1 MiB, which fits in the second-level cache.
pub const CHUNK_ROWS: usize = 1 << 14;

/// Rows that are filled column by column, so that all their cache lines stay at hand meanwhile.
const TILE_ROWS: usize = 64;

/// A row-major matrix in chunks of [`CHUNK_ROWS`] rows, so that growing copies at most one chunk.
///
/// Row-major because the bounds of k-means leave few rows to look at, and each of these should span few cache lines.
#[derive(Debug)]
pub struct Matrix {
    columns: usize,
    rows: usize,
    chunks: Vec<Vec<f64>>,
}

impl Matrix {
    /// A matrix without rows.
    pub fn new(columns: usize) -> Self {
        Self { columns, rows: 0, chunks: Vec::new() }
    }

    /// Appends rows given as one slice per column; the shortest slice determines the number of rows.
    pub fn push(&mut self, columns: &[&[f64]]) {
        debug_assert_eq!(columns.len(), self.columns);
        let rows = columns.iter().map(|column| column.len()).min().unwrap_or(0);
        let mut taken = 0;
        while taken < rows {
            let filled = self.rows % CHUNK_ROWS;
            if filled == 0 {
                // Chunks after the first need not grow: there are many rows.
                let rows = if self.chunks.is_empty() { 0 } else { CHUNK_ROWS };
                self.chunks.push(Vec::with_capacity(rows * self.columns));
            }
            let Some(chunk) = self.chunks.last_mut() else { return };
            let count = (rows - taken).min(CHUNK_ROWS - filled);
            chunk.resize((filled + count) * self.columns, 0.0);
            let tiles = chunk[filled * self.columns..].chunks_mut((TILE_ROWS * self.columns).max(1));
            for (tile, first) in tiles.zip((taken..).step_by(TILE_ROWS)) {
                for (index, column) in columns.iter().enumerate().take(self.columns) {
                    let places = tile.iter_mut().skip(index).step_by(self.columns);
                    places.zip(&column[first..]).for_each(|(place, value)| *place = *value);
                }
            }
            self.rows += count;
            taken += count;
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// One value; both indices must be in range.
    pub fn value(&self, row: usize, column: usize) -> f64 {
        self.chunks[row / CHUNK_ROWS][row % CHUNK_ROWS * self.columns + column]
    }

    /// The values of a row; empty if there are no columns.
    pub fn row(&self, row: usize) -> &[f64] {
        let start = row % CHUNK_ROWS * self.columns;
        self.chunks.get(row / CHUNK_ROWS).map_or(&[], |chunk| &chunk[start..start + self.columns])
    }

    /// The values of a column.
    pub fn column(&self, column: usize) -> impl Iterator<Item = f64> {
        self.chunks.iter().flat_map(move |chunk| chunk.iter().skip(column).step_by(self.columns).copied())
    }

    /// The rows, mutably.
    pub fn rows_mut(&mut self) -> impl Iterator<Item = &mut [f64]> {
        self.chunks.iter_mut().flat_map(|chunk| chunk.chunks_exact_mut(self.columns))
    }

    /// Replaces the missing values of a column, which are NaN.
    pub fn fill(&mut self, column: usize, value: f64) {
        self.rows_mut().filter(|row| row[column].is_nan()).for_each(|row| row[column] = value);
    }
}

impl Source for Matrix {
    fn rows(&self) -> usize {
        self.rows
    }

    fn columns(&self) -> usize {
        self.columns
    }

    fn chunk_rows(&self) -> usize {
        CHUNK_ROWS
    }

    fn chunk<'a>(&'a self, index: usize, _scratch: &'a mut Vec<f64>) -> Result<&'a [f64], Stop> {
        Ok(self.chunks.get(index).map_or(&[], Vec::as_slice))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_pushed() {
        let mut matrix = Matrix::new(2);
        let mut next = 0;
        for length in [0, 1, 7, 8, 100, CHUNK_ROWS, 3] {
            let left: Vec<f64> = (next..next + length).map(|row| row as f64).collect();
            let right: Vec<f64> = left.iter().map(|value| -value).collect();
            matrix.push(&[&left, &right]);
            next += length;
        }
        matrix.rows_mut().for_each(|row| row[1] = (row[1] - 1.0) * 2.0);
        assert_eq!((matrix.rows(), matrix.columns()), (next, 2));
        for at in 0..next {
            assert_eq!(matrix.row(at), [at as f64, at as f64 * -2.0 - 2.0]);
            assert_eq!(matrix.value(at, 0), at as f64);
        }
        assert!(matrix.column(0).eq((0..next).map(|row| row as f64)));
        assert_eq!((matrix.chunks(), matrix.range(1)), (2, CHUNK_ROWS..next));
    }
}
