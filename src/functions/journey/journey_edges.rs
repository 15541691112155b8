//! The relation function `journey_edges`.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;

use super::paths::{ARGUMENTS, SEMANTICS, Shown, plan};
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::docs::{Column, Doc, Kind};

#[derive(Debug)]
pub struct JourneyEdges;

const DOC: Doc = Doc {
    name: "journey_edges",
    kind: Kind::Relation,
    domain: "journey",
    summary: "The paths of customers step by step, as a Sankey diagram draws them: how many go from which event to which.",
    description: SEMANTICS,
    arguments: ARGUMENTS,
    columns: &[
        Column { name: "step", data_type: "BIGINT", text: "the place of the source in the paths, from 1" },
        Column { name: "source", data_type: "VARCHAR", text: "an event; `(other)` for all but the `top` of its step" },
        Column { name: "target", data_type: "VARCHAR", text: "the event after it; `(end)` where paths end" },
        Column { name: "customers", data_type: "BIGINT", text: "customers who went so" },
        Column { name: "share", data_type: "DOUBLE", text: "their share in those at the source at that step" },
    ],
    examples: &["SELECT step, source, target, customers, round(share, 3) AS share
FROM journey_edges(sample_events(rows => 5000), customer => session_id, event_time => event_time, event => event, tie_break => event_id, depth => 3, top => 2)
ORDER BY step, customers DESC, source, target LIMIT 6;"],
    ..Doc::EMPTY
};

impl RelationFunction for JourneyEdges {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, _roles: &Roles) -> Result<Vec<FieldRef>> {
        let field = |name: &str, data_type: DataType, nullable: bool| Arc::new(Field::new(name, data_type, nullable));
        Ok(vec![
            field("step", DataType::Int64, false),
            field("source", DataType::Utf8, true),
            field("target", DataType::Utf8, true),
            field("customers", DataType::Int64, false),
            field("share", DataType::Float64, false),
        ])
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        plan(call, Shown::Edges)
    }
}
