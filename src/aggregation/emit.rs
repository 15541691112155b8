//! Computing the results by merging what the partitions know of each group.

use std::iter;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::logical_expr::EmitTo;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::exec::Work;
use super::gather::{Gathered, Run, Taken};
use super::partial::Merged;

/// The results of a run. Everyone who shares the run gets those that no one else has taken.
pub fn results(run: Run) -> BoxStream<'static, Result<RecordBatch>> {
    stream::once(run.gathered()).map_ok(|gathered| known(Arc::clone(&gathered)).chain(waiting(gathered))).try_flatten().boxed()
}

/// The groups that fitted into memory.
fn known(gathered: Arc<Gathered>) -> BoxStream<'static, Result<RecordBatch>> {
    let chunks = iter::from_fn(move || {
        let taken = gathered.next().transpose()?;
        let batch_size = gathered.context.task.session_config().batch_size();
        Some(taken.and_then(|taken| batches(&gathered.context.work, taken, batch_size)))
    });
    stream::iter(chunks).map_ok(|batches| stream::iter(batches.into_iter().map(Ok))).try_flatten().boxed()
}

/// The groups of spilled rows.
fn waiting(gathered: Arc<Gathered>) -> BoxStream<'static, Result<RecordBatch>> {
    let parts = iter::from_fn(move || {
        let rows = gathered.waiting.next(&gathered.context)?;
        Some(rows.map(|rows| results(Run::again(gathered.context.clone(), rows, gathered.level + 1))))
    });
    stream::iter(parts).try_flatten().boxed()
}

fn batches(work: &Work, mut taken: Taken, batch_size: usize) -> Result<Vec<RecordBatch>> {
    let values = merged(work, &mut taken)?;
    let all = RecordBatch::try_new(Arc::clone(&work.schema), taken.keys.into_iter().chain(values).collect())?;
    let starts = (0..all.num_rows()).step_by(batch_size);
    Ok(starts.map(|start| all.slice(start, batch_size.min(all.num_rows() - start))).collect())
}

fn merged(work: &Work, taken: &mut Taken) -> Result<Vec<ArrayRef>> {
    let groups: Vec<usize> = (0..taken.keys.first().map_or(0, |column| column.len())).collect();
    let in_rows = Merged::of(&mut taken.partitions, groups.len());
    let aggregates = work.aggregates.iter().enumerate().map(|(place, aggregate)| {
        if let Some(result) = taken.partitions.first().and_then(|only| only.result(place)) {
            return Ok(result);
        }
        if let Some(result) = in_rows.result(place, aggregate)? {
            return Ok(result);
        }
        if taken.partitions.iter().all(|known| known.may_be_absorbed(place)) {
            let mut chunks = taken.partitions.iter_mut().filter_map(|known| known.chunk(place));
            if let Some(mut first) = chunks.next() {
                chunks.try_for_each(|other| first.absorb(other))?;
                return first.evaluate(EmitTo::All);
            }
        }
        let mut accumulator = aggregate.create_groups_accumulator()?;
        // An accumulator must not see a group before a partition that has seen the group is merged, see `expect_unseen_groups`.
        let mut total = 0;
        for known in &mut taken.partitions {
            let states = known.states(place)?;
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
