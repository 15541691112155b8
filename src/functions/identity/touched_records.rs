//! The relation function `touched_records`, which `REFRESH IDENTITY` calls: new rows, and the stored ones that they touch.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, UInt32Array, new_null_array};
use datafusion::arrow::compute::{cast as cast_array, take_record_batch};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::{Result, internal_err};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};
use serde::{Deserialize, Serialize};

use super::hashed_values::hash;
use super::records::{does_not_fit, read};
use super::resolve::{MATCH_ON, MAX_SHARED, MUST_LINK_RELATION, RECORDS_KEY, others};
use crate::adapter::offload::{Worker, offload};
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles, role};
use crate::adapter::step::{Reads, Step, StepContext, Streams};
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::kernels::control::Stop;
use crate::kernels::linkage::touched::{NO_VALUE, Rows, Touched, touched};

#[derive(Debug)]
pub struct TouchedRecords;

const DOC: Doc = Doc {
    name: "touched_records",
    kind: Kind::Relation,
    domain: "identity",
    arguments: &[
        Argument::required("input", Takes::Relation, "the new rows, from identity_values"),
        Argument::required("stored", Takes::Relation, "the rows before, from identity_values"),
        MUST_LINK_RELATION,
        RECORDS_KEY,
        // The hash of the key, then the identifiers.
        MATCH_ON,
        MAX_SHARED,
    ],
    ..Doc::EMPTY
};

impl RelationFunction for TouchedRecords {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    /// Those of the input. A row without a key tells values that more records have than may share one.
    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let key = roles.required("key")?;
        let column = |name: &str, data_type: DataType| FieldRef::from(Field::new(name, data_type, true));
        let hashes = roles.list("match_on").map(|(_, hash)| column(&hash.column, DataType::Int64));
        Ok(std::iter::once(column(&key.column, key.field.data_type().clone())).chain(hashes).collect())
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let key = call.roles.data_type("key")?.clone();
        let (new, stored) = (call.input()?, call.other("stored")?);
        let hashes = call.roles.list("match_on").map(|(place, _)| column(&new, place));
        let of_new: Vec<Expr> = std::iter::once(role("key")).chain(hashes).collect();
        let of_stored: Vec<Expr> = (0..of_new.len()).map(|place| column(&stored, place)).collect();
        let linked = others(DOC.name, "must_link", &call.other("must_link")?, &key)?;
        let inputs = vec![rows(new, of_new, &key)?, rows(stored, of_stored, &key)?, linked];
        let max_shared = usize::try_from(call.options.integer("max_shared")?).unwrap_or(usize::MAX);
        FindTouched { max_shared }.over(inputs, call.schema)
    }
}

/// A column of a relation.
pub fn column(relation: &LogicalPlan, place: usize) -> Expr {
    Expr::Column(relation.schema().qualified_field(place).into())
}

/// Rows of a key of this type and hashes.
pub fn rows(relation: LogicalPlan, columns: Vec<Expr>, key: &DataType) -> Result<LogicalPlan> {
    let columns = columns.into_iter().enumerate().map(|(place, column)| {
        let data_type = if place == 0 { key.clone() } else { DataType::Int64 };
        cast(column, data_type).alias(format!("column {place}"))
    });
    LogicalPlanBuilder::from(relation).project(columns.collect::<Vec<_>>())?.build()
}

/// The step that finds them.
#[derive(Debug, Serialize, Deserialize)]
pub struct FindTouched {
    max_shared: usize,
}

impl Plain for FindTouched {
    const NAME: &'static str = "FindTouched";
}

impl Step for FindTouched {
    fn reads(&self) -> Reads {
        Reads::AllPartitions
    }

    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let max_shared = self.max_shared;
        let gather = move |_: Arc<StepContext>, memory: Arc<_>| async move {
            let mut all: Vec<Vec<RecordBatch>> = vec![];
            for streams in inputs {
                all.push(read(DOC.name, streams, &memory).await?);
            }
            Ok(all)
        };
        offload(DOC.name, context, gather, move |read, worker| {
            // Each new row may touch some others.
            let rows: usize = read.iter().take(1).flatten().map(|batch| batch.num_rows() * batch.num_columns()).sum();
            let Ok(_memory) = worker.control(1).reserve(rows * 96) else {
                return Err(worker.fail(does_not_fit(DOC.name, rows * 96)));
            };
            match find(&read, max_shared) {
                Ok((new, stored, found)) => send(new, stored, &found, worker),
                Err(error) => Err(worker.fail(error)),
            }
        })
    }
}

/// The new rows, the stored ones, and which of these they touch.
fn find(read: &[Vec<RecordBatch>], max_shared: usize) -> Result<(&[RecordBatch], &[RecordBatch], Touched)> {
    let [new, stored, must_link] = read else { return internal_err!("not three inputs") };
    let (new_rows, stored_rows): (Vec<Rows<'_>>, Vec<Rows<'_>>) =
        (new.iter().map(hashes).collect(), stored.iter().map(hashes).collect());
    let found = touched(&stored_rows, &new_rows, &linked(must_link)?, max_shared);
    Ok((new, stored, found))
}

fn send(new: &[RecordBatch], stored: &[RecordBatch], found: &Touched, worker: &Worker) -> Result<(), Stop> {
    for batch in new {
        worker.send(Ok(batch.columns().to_vec()))?;
    }
    for rows in found.rows.chunk_by(|a, b| a.0 == b.0) {
        let places: UInt32Array = rows.iter().map(|(_, row)| *row as u32).collect();
        let taken = take_record_batch(&stored[rows[0].0], &places);
        worker.send(taken.map(|taken| taken.columns().to_vec()).map_err(Into::into))?;
    }
    let length = found.too_many.iter().map(Vec::len).max().unwrap_or_default();
    if let Some(batch) = new.first()
        && length > 0
    {
        let mut columns: Vec<ArrayRef> = vec![new_null_array(batch.column(0).data_type(), length)];
        columns.push(Arc::new(Int64Array::from(vec![NO_VALUE; length])));
        for values in &found.too_many {
            let filled = values.iter().copied().chain(std::iter::repeat(NO_VALUE)).take(length);
            columns.push(Arc::new(filled.map(Some).collect::<Int64Array>()));
        }
        worker.send(Ok(columns))?;
    }
    Ok(())
}

/// The hashes in a batch of rows.
pub fn hashes(batch: &RecordBatch) -> Rows<'_> {
    let column = |place: usize| &batch.column(place).as_primitive::<Int64Type>().values()[..];
    Rows { records: column(1), values: (2..batch.num_columns()).map(column).collect() }
}

/// The hashes of pairs of keys.
fn linked(batches: &[RecordBatch]) -> Result<Vec<(i64, i64)>> {
    let mut pairs = vec![];
    for batch in batches {
        let texts = |place: usize| cast_array(batch.column(place), &DataType::LargeUtf8);
        let (a, b): (ArrayRef, ArrayRef) = (texts(0)?, texts(1)?);
        let both = a.as_string::<i64>().iter().zip(b.as_string::<i64>());
        pairs.extend(both.filter_map(|(a, b)| Some((hash(a?), hash(b?)))));
    }
    Ok(pairs)
}
