//! The history of a profile: the values that are no more, in files that only grow in number.
//!
//! A refresh adds a file with what closed; those before stay as they are and are named again by the next snapshot. A profile that is
//! refreshed every night would have a file for every night, so that small ones are written into one when many have gathered.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::dataframe::DataFrame;
use datafusion::execution::memory_pool::MemoryReservation;
use futures::StreamExt;

use super::columns::{KEY, MOMENT};
use super::published::history_table;
use super::stages::scan;
use crate::catalog::data::DataFile;
use crate::catalog::output::Output;
use crate::catalog::snapshots::{Part, Snapshot};
use crate::statement::StatementContext;

/// So many small files of a history become one.
const MANY_FILES: usize = 16;

/// Bytes from which a file of a history is not rewritten any more.
const LARGE_HISTORY: i64 = 64 << 20;

/// The schema of the history's files.
pub fn history_schema(key_type: &DataType) -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new(KEY, key_type.clone(), false),
        Field::new("tag", DataType::Utf8View, false),
        Field::new("value", DataType::Utf8View, false),
        Field::new("valid_from", MOMENT, false),
        Field::new("valid_to", MOMENT, true),
        Field::new("tag_version", DataType::Int64, false),
    ]))
}

/// The files of the history that stay; when many small ones have gathered, they begin a new file instead.
///
/// # Errors
/// A file cannot be read or written.
pub async fn history_so_far(
    context: &StatementContext,
    profile: &str,
    base: &Snapshot,
    schema: &SchemaRef,
    memory: &MemoryReservation,
) -> Result<(Option<Output>, Vec<DataFile>)> {
    let files = base.part(Part::History);
    let (small, large): (Vec<_>, Vec<_>) = files.iter().cloned().partition(|file| file.bytes < LARGE_HISTORY);
    if small.len() < MANY_FILES {
        return Ok((None, files));
    }
    let table = history_table(context.view(), profile, base, &small)?;
    let pins = table.pins().to_vec();
    let mut stream = DataFrame::new(context.state(), scan("history", Arc::new(table))?).execute_stream().await?;
    let mut output = Output::new(context.catalog(), schema, None, memory)?;
    while let Some(batch) = stream.next().await {
        output.write(&RecordBatch::try_new(Arc::clone(schema), batch?.columns().to_vec())?)?;
    }
    pins.iter().for_each(|pin| pin.release());
    Ok((Some(output), large))
}
