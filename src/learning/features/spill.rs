//! Features on disk: rows of numbers that do not fit into memory, and are read again in each pass.

use std::io::{BufWriter, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::SpillFile;
use datafusion::execution::disk_manager::DiskManager;
use datafusion::physical_plan::metrics::Count;

use crate::adapter::step::{Scratch, scratch};
use crate::kernels::cluster::{CHUNK_ROWS, Matrix, Scale, Source};
use crate::kernels::control::Stop;

/// A file being written: little-endian doubles, row after row.
pub struct Spilling {
    columns: usize,
    rows: usize,
    writer: BufWriter<Box<dyn Scratch>>,
    file: Arc<dyn SpillFile>,
    written: Count,
}

impl Spilling {
    /// Starts a file with the rows of a matrix.
    ///
    /// # Errors
    /// The disk is full, or temporary files are not allowed.
    pub fn begin(function: &str, matrix: &Matrix, disk: &Arc<DiskManager>, written: Count) -> Result<Self> {
        let (opened, file) = scratch(disk, function)?;
        let writer = BufWriter::with_capacity(1 << 20, opened);
        let mut spilling = Self { columns: matrix.columns(), rows: 0, writer, file, written };
        for row in 0..matrix.rows() {
            spilling.write(matrix.row(row).iter().copied())?;
        }
        Ok(spilling)
    }

    /// Adds rows, given as columns.
    pub fn push(&mut self, columns: &[&[f64]]) -> Result<()> {
        let rows = columns.first().map_or(0, |column| column.len());
        (0..rows).try_for_each(|row| self.write(columns.iter().map(|column| column[row])))
    }

    fn write(&mut self, row: impl Iterator<Item = f64>) -> Result<()> {
        for value in row {
            self.writer.write_all(&value.to_le_bytes())?;
        }
        self.rows += 1;
        Ok(())
    }

    /// Completes the file.
    pub fn finish(self) -> Result<Spilled> {
        self.written.add(8 * self.rows * self.columns);
        let file = self.writer.into_inner().map_err(|error| DataFusionError::IoError(error.into_error()))?;
        let scales = vec![Scale::NONE; self.columns];
        Ok(Spilled { columns: self.columns, rows: self.rows, reader: Mutex::new(file), _file: self.file, scales })
    }
}

/// Rows of numbers in a file, which is deleted when this is dropped.
pub struct Spilled {
    columns: usize,
    rows: usize,
    reader: Mutex<Box<dyn Scratch>>,
    _file: Arc<dyn SpillFile>,
    /// The scaling that is applied when rows are read.
    scales: Vec<Scale>,
}

impl Spilled {
    /// Sets the scaling of each column.
    pub fn scale(&mut self, scales: Vec<Scale>) {
        self.scales = scales;
    }

    fn read(&self, first: usize, bytes: &mut [u8]) -> std::io::Result<()> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        reader.seek(SeekFrom::Start(8 * (first * self.columns) as u64))?;
        reader.read_exact(bytes)
    }
}

impl Source for Spilled {
    fn rows(&self) -> usize {
        self.rows
    }

    fn columns(&self) -> usize {
        self.columns
    }

    fn chunk_rows(&self) -> usize {
        CHUNK_ROWS
    }

    fn chunk<'a>(&'a self, index: usize, scratch: &'a mut Vec<f64>) -> Result<&'a [f64], Stop> {
        let rows = self.range(index);
        let mut bytes = vec![0; 8 * rows.len() * self.columns];
        self.read(rows.start, &mut bytes).map_err(|_| Stop::Unreadable)?;
        scratch.clear();
        let values = bytes.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes));
        scratch.extend(values.enumerate().map(|(place, value)| self.scales[place % self.columns].scale(value)));
        Ok(scratch)
    }
}
