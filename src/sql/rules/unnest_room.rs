//! Reserves memory for the rows that UNNEST makes from one row.
//!
//! UNNEST expands a row at once: a list of eight million elements next to a text of 60 MB would become eight million copies of that text.
//! This node computes the size beforehand and reserves it in the memory pool.

use std::sync::Arc;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::config::ConfigOptions;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::unnest::UnnestExec;
use futures::StreamExt;

use crate::adapter::passing::{Passing, PassingExec};
use crate::builtins::bounded::{bytes_of, elements_of};
use crate::error::{SqlState, coded};
use crate::walk::Tree;

/// Puts [`UnnestRoom`] below every UNNEST.
#[derive(Debug)]
pub struct TakeUnnestRoom;

impl PhysicalOptimizerRule for TakeUnnestRoom {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.changed_up(|node| {
            let Some(unnest) = node.downcast_ref::<UnnestExec>() else { return Ok(Transformed::no(node)) };
            let lists = unnest.list_column_indices().iter().map(|list| list.index_in_input_schema).collect();
            let room = PassingExec::over(Arc::clone(unnest.input()), UnnestRoom { lists });
            let recompute = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
            Ok(Transformed::yes(node.replace_children(vec![room], recompute)?))
        })
        .data()
    }

    fn name(&self) -> &str {
        "take_unnest_room"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Passes batches through, and reserves memory for what their largest row expands to.
#[derive(Debug)]
struct UnnestRoom {
    /// The columns that are unnested.
    lists: Vec<usize>,
}

/// Reserves memory for the largest row of a batch, in place of the reservation for the previous batch.
fn take(batch: &RecordBatch, lists: &[usize], reservation: &MemoryReservation) -> Result<()> {
    /// Below this size nothing is reserved.
    const SMALL: u64 = 16 << 20;
    let mut elements = vec![0_u64; batch.num_rows()];
    let mut bytes = vec![0_u64; batch.num_rows()];
    for (place, column) in batch.columns().iter().enumerate() {
        if lists.contains(&place) {
            elements.iter_mut().zip(elements_of(column)).for_each(|(most, length)| *most = length.max(*most));
        } else {
            bytes.iter_mut().zip(bytes_of(column)?).for_each(|(sum, bytes)| *sum = sum.saturating_add(bytes));
        }
    }
    let rows = elements.iter().zip(&bytes).map(|(elements, bytes)| elements.saturating_mul(bytes.saturating_add(8)));
    let largest = rows.max().filter(|largest| *largest > SMALL).unwrap_or(0);
    let size = usize::try_from(largest).ok().filter(|size| *size <= i32::MAX as usize);
    if size.is_none_or(|size| reservation.try_resize(size).is_err()) {
        let problem = format!(
            "out of memory: one row would become {} MB of rows, and the memory limit leaves less; unnest shorter lists, select fewer \
             columns beside them, or raise --memory-limit",
            largest >> 20
        );
        return Err(coded(SqlState::OUT_OF_MEMORY, "unnest", problem));
    }
    Ok(())
}

impl Passing for UnnestRoom {
    fn name(&self) -> &'static str {
        "UnnestRoom"
    }

    fn pass(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        task: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let reservation = MemoryConsumer::new("unnest").register(task.memory_pool());
        let lists = self.lists.clone();
        let rows = input.execute(partition, task)?.map(move |batch| {
            let batch = batch?;
            take(&batch, &lists, &reservation)?;
            Ok(batch)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(input.schema(), rows)))
    }
}
