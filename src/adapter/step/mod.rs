//! Steps: the parts of relation functions that no SQL operator can do.
//!
//! A [`Step`] is an algorithm over streams of batches. It is [plain data](super::plain), its options and nothing else. [`Step::over`]
//! puts it into a logical plan; everything else that an operator needs is written here once.
//!
//! | file | what it holds |
//! |---|---|
//! | `node` | a step in a logical plan, which also keeps filters from being pushed below steps that must see all rows |
//! | `exec` | a step in a physical plan |
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
pub use context::{EMPTIED, LeftOut, Notes, PROGRESS, Status, StepContext, left_out, scratch, told};
#[cfg(test)]
pub use exec::StepExec;
pub use node::{StepPlanner, catch_pushed_filters};

/// How a step reads its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Each partition is processed separately and becomes a partition of the result.
    EachPartition,
    /// All rows as one stream.
    OneStream,
    /// All partitions at once: the step distributes the work itself.
    AllPartitions,
}

/// The partitions of one input.
pub type Streams = Vec<SendableRecordBatchStream>;

/// An algorithm over streams of batches. Its [name](Plain::NAME) is the operator's name in EXPLAIN.
pub trait Step: Plain {
    /// How it wants its inputs.
    fn reads(&self) -> Reads {
        Reads::OneStream
    }

    /// The position of the column by which every input must be sorted, ascending with NULLs first. The result is then sorted by its own
    /// column at the same position.
    fn sorted_by(&self) -> Option<usize> {
        None
    }

    /// Whether the result consists of some of the rows of the first input, with the same columns.
    fn narrows(&self) -> bool {
        false
    }

    /// Whether the step makes only the columns that its [context](StepContext)'s schema names, so that columns that nothing reads cost
    /// nothing.
    fn leaves_out_columns(&self) -> bool {
        false
    }

    /// Starts the step. Nothing is read from the inputs, which are in the order of [`over`](Self::over), before the returned stream is
    /// polled.
    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream>;

    /// The plan of this step over its inputs.
    ///
    /// # Errors
    /// A value in the step cannot be serialized.
    fn over(self, inputs: impl Into<Vec<LogicalPlan>>, schema: DFSchemaRef) -> Result<LogicalPlan> {
        node::plan(Arc::new(self), inputs.into(), schema)
    }
}

/// A step of any type, as plans hold it.
pub trait AnyStep: Debug + Send + Sync {
    /// [`Plain::NAME`].
    fn name(&self) -> &'static str;

    /// The parameters shown in EXPLAIN.
    fn parameters(&self) -> String;

    /// [`Plain::encode`].
    fn encode(&self) -> Result<Vec<u8>>;

    /// [`Step::reads`].
    fn reads(&self) -> Reads;

    /// [`Step::sorted_by`].
    fn sorted_by(&self) -> Option<usize>;

    /// [`Step::narrows`].
    fn narrows(&self) -> bool;

    /// [`Step::leaves_out_columns`].
    fn leaves_out_columns(&self) -> bool;

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

    fn leaves_out_columns(&self) -> bool {
        Step::leaves_out_columns(self)
    }

    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        Step::run(self, inputs, context)
    }
}

/// The only stream of a step that reads one.
pub fn only_stream(inputs: Vec<Streams>) -> Result<SendableRecordBatchStream> {
    let mut streams = inputs.into_iter().flatten();
    match (streams.next(), streams.next()) {
        (Some(stream), None) => Ok(stream),
        _ => internal_err!("a step was given more than one stream"),
    }
}
