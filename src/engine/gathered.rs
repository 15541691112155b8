//! Runs a query with few rows and returns them as one batch.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::common::Result;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::DataFrame;
use datafusion::sql::parser::Statement as SqlParsed;
use futures::TryStreamExt;

use super::notes::notes_of;
use crate::adapter::once::SharedParts;
use crate::error::invalid;
use crate::sql::planning::{bind_parameters, plan_answered};
use crate::statement::{RunningPlan, StatementContext};

/// The rows of a query as one batch, and its notes. Parts that it shares with others of the statement are computed by the first of them.
///
/// # Errors
/// It fails, or has more rows than `most`.
pub(super) async fn rows(
    query: &SqlParsed,
    subject: &str,
    most: usize,
    context: &StatementContext,
    running: &RunningPlan,
    shared: &SharedParts,
) -> Result<(RecordBatch, Vec<String>)> {
    let plan = bind_parameters(plan_answered(query, context).await?, context)?;
    let mut state = context.state();
    state.config_mut().options_mut().extensions.insert(shared.clone());
    let frame = DataFrame::new(state, plan);
    let task = Arc::new(frame.task_ctx());
    let plan = frame.create_physical_plan().await?;
    running.set(&plan);
    let mut stream = execute_stream(Arc::clone(&plan), task)?;
    let (mut batches, mut count) = (vec![], 0);
    while let Some(batch) = stream.try_next().await? {
        count += batch.num_rows();
        if count > most {
            return Err(invalid(
                subject,
                format!("its query has more than {most} rows; aggregate them in the query, or add LIMIT"),
            ));
        }
        batches.push(batch);
    }
    Ok((concat_batches(&plan.schema(), &batches)?, notes_of(&plan)))
}
