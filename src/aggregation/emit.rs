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
use super::gather::{Gathered, Parts, Run};
use super::partial::Known;

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
    let values = merged(work, &range, &parts.partitions)?;
    let all = RecordBatch::try_new(Arc::clone(&work.schema), keys.chain(values).collect())?;
    Ok((0..range.len()).step_by(batch_size).map(|start| all.slice(start, batch_size.min(range.len() - start))).collect())
}

fn merged(work: &Work, range: &Range<usize>, partitions: &[Known]) -> Result<Vec<ArrayRef>> {
    let groups: Vec<usize> = (0..range.len()).collect();
    let aggregates = work.aggregates.iter().enumerate().map(|(place, aggregate)| {
        if let Some(result) = partitions.first().and_then(|only| only.result(place, range)) {
            return Ok(result);
        }
        let mut accumulator = aggregate.create_groups_accumulator()?;
        // An accumulator must not see a group before a partition that has seen the group is merged, see `expect_unseen_groups`.
        let mut total = 0;
        for known in partitions {
            let states = known.states(place, range, work)?;
            let count = states.first().map_or(0, |state| state.len());
            total = count.max(total);
            if count > 0 {
                accumulator.merge_batch(&states, &groups[..count], total)?;
            }
        }
        accumulator.evaluate(EmitTo::All)
    });
    aggregates.collect()
}
