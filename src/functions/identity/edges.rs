//! Shared by the functions over edges: their arguments, and the step that reads edges.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, cast};
use serde::{Deserialize, Serialize};

use super::records::{does_not_fit, plain, read};
use super::{bridges, connected_components};
use crate::adapter::offload::{Worker, offload};
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, Roles, role};
use crate::adapter::step::{Reads, Step, StepContext, Streams};
use crate::adapter::usable_rows::usable_rows;
use crate::docs::{Argument, Takes};
use crate::error::invalid;
use crate::kernels::control::Stop;

pub const INPUT: Argument = Argument::required("input", Takes::Relation, "one row per edge");
pub const A: Argument = Argument::required("a", Takes::Column, "one end of the edge; any type");
pub const B: Argument = Argument::required("b", Takes::Column, "other end of the edge, of the same type");

/// The common type of both ends.
pub fn node_type(function: &str, roles: &Roles) -> Result<DataType> {
    let (a, b) = (plain(roles.data_type("a")?), plain(roles.data_type("b")?));
    if a == b {
        return Ok(a.clone());
    }
    if a.is_integer() && b.is_integer() {
        return Ok(DataType::Int64);
    }
    if a.is_string() && b.is_string() {
        return Ok(DataType::Utf8);
    }
    Err(invalid(function, format!("a and b must have the same type, got {a} and {b}; convert one with CAST")))
}

/// What a function looks for in a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finds {
    Components,
    Bridges,
}

/// The plan of a call.
pub fn plan(call: Call, finds: Finds) -> Result<LogicalPlan> {
    let node = node_type(call.doc.name, &call.roles)?;
    // Integers are read directly, except UBIGINT, whose largest values do not fit in BIGINT.
    let read = if node.is_integer() && node != DataType::UInt64 { DataType::Int64 } else { node };
    let edges = ["a", "b"].map(|name| cast(role(name), read.clone()).alias(name));
    let edges = usable_rows(LogicalPlanBuilder::from(call.input()?).project(edges)?.build()?)?;
    ReadEdges { finds }.over([edges], call.schema)
}

/// The step that reads edges and finds something in them.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadEdges {
    finds: Finds,
}

impl Plain for ReadEdges {
    const NAME: &'static str = "ReadEdges";
}

impl Step for ReadEdges {
    fn reads(&self) -> Reads {
        Reads::AllPartitions
    }

    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let streams = inputs.into_iter().flatten().collect();
        let (finds, function) =
            (self.finds, if self.finds == Finds::Components { connected_components::DOC.name } else { bridges::DOC.name });
        let gather = move |_: Arc<StepContext>, memory: Arc<_>| async move { read(function, streams, &memory).await };
        let node = context.schema.field(0).data_type().clone();
        offload(function, context, gather, move |edges, worker| {
            let rows: usize = edges.iter().map(RecordBatch::num_rows).sum();
            let needed = rows * if finds == Finds::Components { 32 } else { 96 };
            let Ok(_memory) = worker.control(1).reserve(needed) else {
                return Err(worker.fail(does_not_fit(function, needed)));
            };
            let found =
                if finds == Finds::Components { connected_components::find(&edges, &node) } else { bridges::find(&edges, &node) };
            match found {
                Ok(columns) => send(worker, &columns),
                Err(error) => Err(worker.fail(error)),
            }
        })
    }
}

fn send(worker: &Worker, columns: &[ArrayRef]) -> Result<(), Stop> {
    let rows = columns.first().map_or(0, |column| column.len());
    for start in (0..rows).step_by(worker.batch_size) {
        let length = worker.batch_size.min(rows - start);
        worker.send(Ok(columns.iter().map(|column| column.slice(start, length)).collect()))?;
    }
    Ok(())
}
