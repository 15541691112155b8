//! The binary format of COPY.
//!
//! Source: PostgreSQL 16, "COPY", "Binary Format".

use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::{Result, ScalarValue};

use super::{ROWS, Reader, wrong_row};
use crate::postgres_types::seen;
use crate::server::postgres::values::{Format, Writer, parameter};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// The signature, the flags, and the length of the header extension.
const HEADER: usize = SIGNATURE.len() + 8;

/// The bytes before the rows.
pub fn begin(out: &mut Vec<u8>) {
    out.extend_from_slice(SIGNATURE);
    out.extend_from_slice(&[0; 8]);
}

/// A row.
pub fn row(writers: &[Writer<'_>], row: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&i16::try_from(writers.len()).unwrap_or(i16::MAX).to_be_bytes());
    writers.iter().for_each(|writer| writer.append(row, out));
}

/// The bytes after the rows.
pub fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(&(-1_i16).to_be_bytes());
}

/// Parses rows.
pub struct Rows {
    columns: SchemaRef,
    table: String,
    zone: Tz,
    /// Bytes received that are not a complete row yet.
    left: Vec<u8>,
    has_begun: bool,
    has_ended: bool,
    values: Vec<Vec<ScalarValue>>,
    row: u64,
}

impl Rows {
    pub fn new(columns: SchemaRef, table: &str, zone: Tz) -> Self {
        let values = vec![vec![]; columns.fields().len()];
        let (left, has_begun, has_ended) = (vec![], false, false);
        Self { columns, table: table.into(), zone, left, has_begun, has_ended, values, row: 0 }
    }

    /// Parses a row at a position; returns the position after it, or `None` when the row is incomplete.
    fn read(&mut self, begin: usize) -> Result<Option<usize>> {
        let bytes = &self.left[begin..];
        let Some(count) = bytes.get(..2).map(|two| i16::from_be_bytes([two[0], two[1]])) else { return Ok(None) };
        if count == -1 {
            self.has_ended = true;
            return Ok(Some(begin + 2));
        }
        let expected = self.columns.fields().len();
        if usize::try_from(count).ok() != Some(expected) {
            return Err(wrong_row(&self.table, self.row + 1, format!("has {count} values, and {expected} are expected")));
        }
        let (mut place, mut parts) = (2, vec![]);
        for _ in 0..expected {
            let Some(four) = bytes.get(place..place + 4) else { return Ok(None) };
            let length = i32::from_be_bytes([four[0], four[1], four[2], four[3]]);
            place += 4;
            match usize::try_from(length) {
                Ok(length) => {
                    if bytes.len() - place < length {
                        return Ok(None);
                    }
                    parts.push(Some(place..place + length));
                    place += length;
                }
                Err(_) if length == -1 => parts.push(None),
                Err(_) => return Err(wrong_row(&self.table, self.row + 1, format!("a value has {length} bytes"))),
            }
        }
        self.row += 1;
        for (column, part) in parts.into_iter().enumerate() {
            let field = self.columns.field(column);
            let value = part.map(|part| &bytes[part]);
            let value = parameter(column + 1, value, seen(field).oid(), Format::Binary, Some(field), self.zone)
                .and_then(|value| value.cast_to(field.data_type()))
                .map_err(|error| {
                    let problem = format!("column {}: {}", field.name(), crate::error::message(&error));
                    wrong_row(&self.table, self.row, problem)
                })?;
            self.values[column].push(value);
        }
        Ok(Some(begin + place))
    }

    fn batch(&mut self) -> Result<RecordBatch> {
        let columns = self.values.iter_mut().map(|values| ScalarValue::iter_to_array(std::mem::take(values)));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        Ok(RecordBatch::try_new(super::nullable(&self.columns), columns)?)
    }
}

impl Reader for Rows {
    fn take(&mut self, bytes: &[u8]) -> Result<Option<RecordBatch>> {
        if self.has_ended {
            return Ok(None);
        }
        self.left.extend_from_slice(bytes);
        let mut place = 0;
        if !self.has_begun {
            if self.left.len() < HEADER {
                return Ok(None);
            }
            if !self.left.starts_with(SIGNATURE) {
                return Err(wrong_row(&self.table, 0, "this is not the binary format of COPY"));
            }
            let more = &self.left[SIGNATURE.len() + 4..HEADER];
            let more = i32::from_be_bytes([more[0], more[1], more[2], more[3]]);
            let more = usize::try_from(more).map_err(|_| wrong_row(&self.table, 0, "the header has no length"))?;
            if self.left.len() < HEADER + more {
                return Ok(None);
            }
            (self.has_begun, place) = (true, HEADER + more);
        }
        while !self.has_ended
            && let Some(next) = self.read(place)?
        {
            place = next;
        }
        self.left.drain(..place);
        if self.values.first().is_some_and(|values| values.len() >= ROWS) { self.batch().map(Some) } else { Ok(None) }
    }

    fn finish(&mut self) -> Result<Option<RecordBatch>> {
        if !self.has_ended && !self.left.is_empty() {
            return Err(wrong_row(&self.table, self.row + 1, "is incomplete"));
        }
        if self.values.first().is_some_and(|values| !values.is_empty()) { self.batch().map(Some) } else { Ok(None) }
    }
}
