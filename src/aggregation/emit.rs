//! Computing the results by merging what the partitions know of each group.

use std::iter;
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::logical_expr::EmitTo;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::exec::Work;
use super::gather::{Gathered, Parts, Run, Values};

/// The number of groups merged at a time: their accumulators fit into the processor's caches.
const RANGE: usize = 1 << 15;

/// The results of a run. Everyone who shares the run gets those that no one else has taken.
pub fn results(run: Run) -> BoxStream<'static, Result<RecordBatch>> {
    stream::once(run.gathered()).map_ok(|gathered| known(Arc::clone(&gathered)).chain(waiting(gathered))).try_flatten().boxed()
}

/// The groups that fitted into memory.
fn known(gathered: Arc<Gathered>) -> BoxStream<'static, Result<RecordBatch>> {
    let ranges = iter::from_fn(move || {
        let (range, parts) = gathered.next_range(RANGE)?;
        let batch_size = gathered.context.task.session_config().batch_size();
        Some(batches(&gathered.context.work, range, &parts, batch_size))
    });
    stream::iter(ranges).map_ok(|batches| stream::iter(batches.into_iter().map(Ok))).try_flatten().boxed()
}

/// The groups of spilled rows.
fn waiting(gathered: Arc<Gathered>) -> BoxStream<'static, Result<RecordBatch>> {
    let parts = iter::from_fn(move || {
        let rows = gathered.waiting.next(&gathered.context)?;
        Some(rows.map(|rows| results(Run::again(gathered.context.clone(), rows, gathered.level + 1))))
    });
    stream::iter(parts).try_flatten().boxed()
}

fn batches(work: &Work, range: Range<usize>, parts: &Parts, batch_size: usize) -> Result<Vec<RecordBatch>> {
    let keys = parts.keys.iter().map(|column| column.slice(range.start, range.len()));
    let values = match &parts.values {
        Values::Results(columns) => columns.iter().map(|column| column.slice(range.start, range.len())).collect(),
        Values::States(partitions) => merged(work, &range, partitions)?,
    };
    let all = RecordBatch::try_new(Arc::clone(&work.schema), keys.chain(values).collect())?;
    Ok((0..range.len()).step_by(batch_size).map(|start| all.slice(start, batch_size.min(range.len() - start))).collect())
}

fn merged(work: &Work, range: &Range<usize>, partitions: &[Vec<Vec<ArrayRef>>]) -> Result<Vec<ArrayRef>> {
    let groups: Vec<usize> = (0..range.len()).collect();
    let mut accumulators = work.accumulators()?;
    // An accumulator must not see a group before a partition that has seen the group is merged, see `expect_unseen_groups`.
    let mut total = 0;
    for states in partitions {
        for (accumulator, columns) in accumulators.iter_mut().zip(states) {
            let known = columns.first().map_or(0, |column| column.len()).min(range.end).saturating_sub(range.start);
            total = known.max(total);
            if known > 0 {
                let states: Vec<ArrayRef> = columns.iter().map(|column| column.slice(range.start, known)).collect();
                accumulator.merge_batch(&states, &groups[..known], total)?;
            }
        }
    }
    accumulators.iter_mut().map(|accumulator| accumulator.evaluate(EmitTo::All)).collect()
}
