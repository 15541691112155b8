//! Rows that a relation function cannot use: they are dropped and counted, never silently.
//!
//! A row is unusable if a role is NULL, or if a number is NaN or infinite. Each role has its counter, `rows_without_<role>`,
//! which EXPLAIN ANALYZE shows and the shell notes after the query.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::metrics::Count;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use super::plain::Plain;
use super::step::{LeftOut, Reads, Step, StepContext, Streams, only_stream};

/// Drops the rows of `input` whose columns are NULL or not finite, and counts them by column.
pub fn usable_rows(input: LogicalPlan) -> Result<LogicalPlan> {
    let columns = input.schema().fields().iter().map(|field| field.name().clone()).collect();
    let schema = Arc::clone(input.schema());
    UsableRows { columns }.over([input], schema)
}

/// The same for the first `columns` columns only; the others may contain anything.
pub fn usable_by_first(input: LogicalPlan, columns: usize) -> Result<LogicalPlan> {
    let columns = input.schema().fields().iter().take(columns).map(|field| field.name().clone()).collect();
    let schema = Arc::clone(input.schema());
    UsableRows { columns }.over([input], schema)
}

/// Rows that lack a role or a key.
pub fn rows_without(role: &str) -> LeftOut {
    LeftOut { counter: format!("rows_without_{role}"), one: format!("row without {role}"), many: format!("rows without {role}") }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct UsableRows {
    columns: Vec<String>,
}

impl Plain for UsableRows {
    const NAME: &'static str = "UsableRows";
}

impl Step for UsableRows {
    fn reads(&self) -> Reads {
        Reads::EachPartition
    }

    fn narrows(&self) -> bool {
        true
    }

    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let counters: Vec<Count> = self.columns.iter().map(|column| context.left_out(rows_without(column))).collect();
        let usable = only_stream(inputs)?.map(move |batch| keep_usable(batch?, &counters));
        Ok(Box::pin(RecordBatchStreamAdapter::new(context.schema, usable)))
    }
}

fn keep_usable(batch: RecordBatch, counters: &[Count]) -> Result<RecordBatch> {
    let mut usable: Option<BooleanBuffer> = None;
    for (column, counter) in batch.columns().iter().zip(counters) {
        let Some(present) = present(column.as_ref()) else { continue };
        let before = usable.as_ref().map_or(batch.num_rows(), BooleanBuffer::count_set_bits);
        let left = usable.map_or_else(|| present.clone(), |usable| &usable & &present);
        counter.add(before - left.count_set_bits());
        usable = Some(left);
    }
    match usable {
        None => Ok(batch),
        Some(usable) => Ok(filter_record_batch(&batch, &BooleanArray::new(usable, None))?),
    }
}

/// A bitmap of the rows that hold a value; `None` if all do.
fn present(column: &dyn Array) -> Option<BooleanBuffer> {
    let nulls = column.logical_nulls().filter(|nulls| nulls.null_count() > 0).map(NullBuffer::into_inner);
    let finite = match column.data_type() {
        DataType::Float64 => finite(column.as_primitive::<Float64Type>().values(), f64::is_finite),
        DataType::Float32 => finite(column.as_primitive::<Float32Type>().values(), f32::is_finite),
        _ => None,
    };
    match (nulls, finite) {
        (Some(nulls), Some(finite)) => Some(&nulls & &finite),
        (nulls, finite) => nulls.or(finite),
    }
}

fn finite<T: Copy>(values: &[T], is_finite: impl Fn(T) -> bool) -> Option<BooleanBuffer> {
    let all = values.iter().all(|value| is_finite(*value));
    (!all).then(|| values.iter().map(|value| is_finite(*value)).collect())
}
