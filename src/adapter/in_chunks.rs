//! Accumulators that keep their groups in [`Chunks`](crate::kernels::grouping::chunks::Chunks): GROUP BY takes out a chunk after another when all
//! rows are read, so that their states never exist all at once.

use std::any::Any;
use std::ops::Range;

use datafusion::arrow::array::{ArrayRef, BooleanArray};
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

/// An accumulator of groups from which chunks can be taken.
pub trait Chunked: GroupsAccumulator {
    /// Whether chunks can be taken now.
    fn is_chunked(&self) -> bool;

    /// Takes out the groups of a chunk, as far as there are any; in the result they are numbered from 0, and those left keep their numbers.
    ///
    /// # Errors
    /// It [is not chunked](Self::is_chunked).
    fn take_chunk(&mut self, groups: &Range<usize>) -> Result<Box<dyn Chunked>>;

    /// Adds what a chunk of another partition knows of the same groups; either may know fewer groups.
    ///
    /// # Errors
    /// A sum is too large, or the chunk is one of another function.
    fn absorb(&mut self, other: Box<dyn Chunked>) -> Result<()>;
}

/// Such an accumulator in a form that [`chunked`] recognises.
pub struct InChunks(pub Box<dyn Chunked>);

/// The accumulator, if it is one from which chunks can be taken.
pub fn chunked(accumulator: &mut dyn GroupsAccumulator) -> Option<&mut dyn Chunked> {
    let accumulator: &mut dyn Any = accumulator;
    let in_chunks = accumulator.downcast_mut::<InChunks>()?;
    if in_chunks.0.is_chunked() { Some(in_chunks.0.as_mut()) } else { None }
}

/// Whether chunks can be taken from an accumulator.
pub fn is_chunked(accumulator: &dyn GroupsAccumulator) -> bool {
    let accumulator: &dyn Any = accumulator;
    accumulator.downcast_ref::<InChunks>().is_some_and(|in_chunks| in_chunks.0.is_chunked())
}

impl GroupsAccumulator for InChunks {
    fn update_batch(&mut self, values: &[ArrayRef], groups: &[usize], filter: Option<&BooleanArray>, total: usize) -> Result<()> {
        self.0.update_batch(values, groups, filter, total)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.0.merge_batch(values, groups, total)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        self.0.state(emit)
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        self.0.evaluate(emit)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.0.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}
