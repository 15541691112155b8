//! Memory for results, from the pool of the session and for as long as the results live.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{Array, ArrayData, ArrayRef, make_array};
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::compute::concat;
use datafusion::common::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::logical_expr::ColumnarValue;

use crate::error::{SqlState, coded};

/// The memory taken by one call.
pub struct Room<'a> {
    function: &'a str,
    rows: usize,
    reservation: Option<MemoryReservation>,
}

impl<'a> Room<'a> {
    /// For a call with this many rows.
    pub fn of(function: &'a str, memory: Option<&Arc<dyn MemoryPool>>, rows: usize) -> Self {
        let reservation = memory.map(|pool| MemoryConsumer::new(function).register(pool));
        Self { function, rows, reservation }
    }

    /// Takes this many bytes in total.
    pub fn take(&mut self, bytes: u64) -> Result<()> {
        /// Arrow counts the bytes of a string column in 31 bits.
        const MOST: u64 = i32::MAX as u64;
        if bytes > MOST {
            return Err(self.no_room(bytes, "a batch may take 2 GB"));
        }
        let (Ok(size), Some(reservation)) = (usize::try_from(bytes), &mut self.reservation) else { return Ok(()) };
        if reservation.try_resize(size).is_err() {
            return Err(self.no_room(bytes, "the memory limit leaves less"));
        }
        Ok(())
    }

    fn no_room(&self, bytes: u64, rule: &str) -> datafusion::error::DataFusionError {
        let Self { function, rows, .. } = self;
        let megabytes = bytes.div_ceil(1 << 20);
        let fewer = match rows {
            1 => "make it shorter".to_string(),
            rows => format!("SET datafusion.execution.batch_size to fewer than these {rows} rows"),
        };
        let problem = format!("out of memory: needs up to {megabytes} MB, and {rule}; {fewer}, or raise --memory-limit");
        coded(SqlState::OUT_OF_MEMORY, function, problem)
    }

    /// Joins the pieces, which took this many bytes; the memory stays taken until nobody holds the result any more.
    pub fn keep(mut self, pieces: Vec<ArrayRef>, bytes: u64) -> Result<ColumnarValue> {
        let whole = match pieces.as_slice() {
            [whole] => Arc::clone(whole),
            several => {
                // For a moment, they exist twice.
                self.take(bytes.saturating_mul(2))?;
                concat(&several.iter().map(AsRef::as_ref).collect::<Vec<_>>())?
            }
        };
        drop(pieces);
        self.take(bytes)?;
        let kept = match self.reservation.take() {
            Some(reservation) => make_array(held(whole.to_data(), &Arc::new(reservation))?),
            None => whole,
        };
        Ok(ColumnarValue::Array(kept))
    }
}

/// A buffer with its memory reservation.
struct Held {
    buffer: Buffer,
    _reservation: Arc<MemoryReservation>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        self.buffer.as_slice()
    }
}

/// The same array; its largest buffer, possibly of a nested array, holds the reservation.
fn held(data: ArrayData, reservation: &Arc<MemoryReservation>) -> Result<ArrayData> {
    let own = data.buffers().iter().map(Buffer::len).max().unwrap_or(0);
    let children = data.child_data().iter().map(|child| child.get_buffer_memory_size());
    let (child, within) = children.enumerate().max_by_key(|(_, size)| *size).unwrap_or((0, 0));
    let (buffers, mut parts) = (data.buffers().to_vec(), data.child_data().to_vec());
    let builder = data.into_builder();
    Ok(if within > own {
        let part = parts.remove(child);
        parts.insert(child, held(part, reservation)?);
        builder.child_data(parts).build()?
    } else {
        let hold = |buffer: Buffer| match buffer.len() == own && own > 0 {
            true => Buffer::from(Bytes::from_owner(Held { buffer, _reservation: Arc::clone(reservation) })),
            false => buffer,
        };
        builder.buffers(buffers.into_iter().map(hold).collect()).build()?
    })
}
