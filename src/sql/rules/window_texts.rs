//! Windows return only the string data of their own rows.
//!
//! A window appends each batch to the rows it has not returned yet. Its output batches then keep the string buffers of all previous
//! batches alive. A sort above counts those buffers again for every batch, and runs out of memory that is not really in use. This rule
//! copies the strings of each output batch when the batch holds much more data than it needs.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, GenericByteViewArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{ByteViewType, DataType};
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use futures::TryStreamExt;

use crate::adapter::passing::{Passing, PassingExec};
use crate::walk::Tree;

/// Puts [`OwnTexts`] above windows.
#[derive(Debug)]
pub struct TextsOfWindows;

impl PhysicalOptimizerRule for TextsOfWindows {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.changed_up(|plan| {
            let is_window =
                plan.downcast_ref::<BoundedWindowAggExec>().is_some() || plan.downcast_ref::<WindowAggExec>().is_some();
            let has_texts = plan.schema().fields().iter().any(|field| is_text(field.data_type()));
            if is_window && has_texts {
                Ok(Transformed::yes(PassingExec::over(plan, OwnTexts)))
            } else {
                Ok(Transformed::no(plan))
            }
        })
        .data()
    }

    fn name(&self) -> &str {
        "texts_of_windows"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8View | DataType::BinaryView)
}

/// Copies the strings of batches that hold too much.
#[derive(Debug)]
struct OwnTexts;

impl Passing for OwnTexts {
    fn name(&self) -> &'static str {
        "OwnTextsExec"
    }

    fn pass(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        task: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = input.execute(partition, task)?;
        let schema = rows.schema();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows.and_then(|batch| std::future::ready(with_own_texts(&batch))))))
    }
}

fn with_own_texts(batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = batch.columns().iter().map(|column| match column.data_type() {
        DataType::Utf8View => own(column.as_string_view()).unwrap_or_else(|| Arc::clone(column)),
        DataType::BinaryView => own(column.as_binary_view()).unwrap_or_else(|| Arc::clone(column)),
        _ => Arc::clone(column),
    });
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(batch.schema(), columns.collect(), &options)?)
}

/// A compacted copy of the array; `None` when at least half of the data it holds is its own.
fn own<T: ByteViewType>(texts: &GenericByteViewArray<T>) -> Option<ArrayRef> {
    /// Less than this is not worth a copy.
    const LITTLE: usize = 16 << 10;
    let held: usize = texts.data_buffers().iter().map(|buffer| buffer.len()).sum();
    let is_much = held > LITTLE && held / 2 > texts.total_buffer_bytes_used();
    is_much.then(|| Arc::new(texts.gc()) as ArrayRef)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::StringViewArray;
    use datafusion::arrow::compute::concat;

    use super::*;

    #[test]
    fn a_slice_lets_go_of_the_texts_of_others() {
        let long = |number: usize| format!("{number:>100}");
        let texts: StringViewArray = (0..10_000).map(|number| Some(long(number))).collect();
        let part = texts.slice(5_000, 10);
        let own = own(&part).unwrap();
        assert!(own.get_array_memory_size() < 10_000, "{}", own.get_array_memory_size());
        assert_eq!(concat(&[&own]).unwrap().as_string_view().value(3), long(5_003));
        assert!(super::own(&texts).is_none(), "its own already");
    }
}
