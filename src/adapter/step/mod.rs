//! Steps: the part of a relation function that no SQL operator does.
//!
//! A [`Step`] is an algorithm over streams of batches, and [plain data](super::plain): its options and nothing else. [`Step::over`] puts it
//! into a logical plan; the rest of what an operator needs stands here once.
//!
//! | file | what it holds |
//! |---|---|
//! | `node` | the step in a logical plan, and the guard against a filter that must not sink below it |
//! | `exec` | the step in a physical plan |
//! | `context` | what a running step works with: memory, settings, metrics |

mod context;
mod exec;
mod node;

use std::fmt::Debug;
use std::sync::Arc;

use datafusion::common::{DFSchemaRef, Result, internal_err};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;

use super::plain::{Plain, explain};
pub use crate::encryption::scratch::Scratch;
pub use context::{LeftOut, Notes, PROGRESS, Status, StepContext, left_out, scratch, told};
#[cfg(test)]
pub use exec::StepExec;
pub use node::{StepPlanner, catch_pushed_filters};

/// How a step wants its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Every partition is worked on alone, and gives a partition of the result.
    EachPartition,
    /// Everything as one stream.
    OneStream,
    /// All partitions at once: the step shares the work itself.
    AllPartitions,
}

/// The partitions of one input.
pub type Streams = Vec<SendableRecordBatchStream>;

/// An algorithm over streams of batches. Its [name](Plain::NAME) is that of the operator in EXPLAIN.
pub trait Step: Plain {
    /// How it wants its inputs.
    fn reads(&self) -> Reads {
        Reads::OneStream
    }

    /// The column that every input must come in the order of, ascending with NULL first; the result is in the order of its column of
    /// that number.
    fn sorted_by(&self) -> Option<usize> {
        None
    }

    /// Whether it gives some of the rows of its first input, with the same columns.
    fn narrows(&self) -> bool {
        false
    }

    /// Starts the work on its inputs, in their order. Nothing is read before the returned stream is polled.
    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream>;

    /// The plan of this step over its inputs.
    ///
    /// # Errors
    /// The step holds a value that has no form in bytes.
    fn over(self, inputs: impl Into<Vec<LogicalPlan>>, schema: DFSchemaRef) -> Result<LogicalPlan> {
        node::plan(Arc::new(self), inputs.into(), schema)
    }
}

/// A step of any kind, as plans hold it.
pub trait AnyStep: Debug + Send + Sync {
    /// [`Plain::NAME`].
    fn name(&self) -> &'static str;

    /// Its parameters in EXPLAIN.
    fn parameters(&self) -> String;

    /// [`Plain::encode`].
    fn encode(&self) -> Result<Vec<u8>>;

    /// [`Step::reads`].
    fn reads(&self) -> Reads;

    /// [`Step::sorted_by`].
    fn sorted_by(&self) -> Option<usize>;

    /// [`Step::narrows`].
    fn narrows(&self) -> bool;

    /// [`Step::run`].
    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream>;
}

impl<S: Step> AnyStep for S {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn parameters(&self) -> String {
        explain(self)
    }

    fn encode(&self) -> Result<Vec<u8>> {
        Plain::encode(self)
    }

    fn reads(&self) -> Reads {
        Step::reads(self)
    }

    fn sorted_by(&self) -> Option<usize> {
        Step::sorted_by(self)
    }

    fn narrows(&self) -> bool {
        Step::narrows(self)
    }

    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        Step::run(self, inputs, context)
    }
}

/// The input of a step that has one stream to read.
pub fn only_stream(inputs: Vec<Streams>) -> Result<SendableRecordBatchStream> {
    let mut streams = inputs.into_iter().flatten();
    match (streams.next(), streams.next()) {
        (Some(stream), None) => Ok(stream),
        _ => internal_err!("a step was given more than one stream"),
    }
}
