//! The history of a profile: its closed values, in files that are only ever added to.
//!
//! Each refresh adds one file with the values it closed. Earlier files remain unchanged, and the next snapshot refers to them again. A
//! profile refreshed every night would gather one file per night, so small files are merged into one once there are many.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::memory_pool::MemoryReservation;

use super::columns::{KEY, MOMENT};
use crate::catalog::Catalog;
use crate::catalog::compaction::Compaction;
use crate::catalog::data::DataFile;
use crate::catalog::output::Output;
use crate::catalog::snapshots::{Part, Snapshot};

/// This many small history files are merged into one.
const MANY_FILES: usize = 16;

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

/// The history files to carry over. When too many small ones have gathered, they are instead copied into a new output, which the refresh
/// goes on writing.
///
/// # Errors
/// A file cannot be read or written.
pub async fn history_so_far(
    catalog: &Catalog,
    base: &Snapshot,
    schema: &SchemaRef,
    memory: &MemoryReservation,
) -> Result<(Option<Output>, Vec<DataFile>)> {
    let compaction = Compaction::of(base.part(Part::History), MANY_FILES);
    if !compaction.is_needed() {
        return Ok((None, compaction.kept));
    }
    let mut output = Output::new(catalog, schema, None, memory)?;
    let add = |batch: &RecordBatch| output.write(&RecordBatch::try_new(Arc::clone(schema), batch.columns().to_vec())?);
    compaction.copy(catalog, add).await?;
    Ok((Some(output), compaction.kept))
}
