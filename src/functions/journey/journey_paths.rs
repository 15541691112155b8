//! The relation function `journey_paths`.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;

use super::paths::{ARGUMENTS, SEMANTICS, Shown, plan};
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::docs::{Column, Doc, Kind};

#[derive(Debug)]
pub struct JourneyPaths;

const DOC: Doc = Doc {
    name: "journey_paths",
    kind: Kind::Relation,
    domain: "journey",
    summary: "The ways that customers take: the most frequent paths, and all others as one.",
    description: SEMANTICS,
    arguments: ARGUMENTS,
    columns: &[
        Column { name: "rank", data_type: "BIGINT", text: "from 1, by customers, then by the events; NULL for all other paths together" },
        Column { name: "path", data_type: "VARCHAR[]", text: "the events in the order of time" },
        Column { name: "length", data_type: "BIGINT", text: "how many they are" },
        Column { name: "customers", data_type: "BIGINT", text: "customers whose path it is" },
        Column { name: "share", data_type: "DOUBLE", text: "their share in the customers with a path" },
    ],
    examples: &["SELECT rank, array_to_string(path, ' → ') AS path, customers, round(share, 3) AS share
FROM journey_paths(sample_events(rows => 5000), customer => session_id, event_time => event_time, event => event, tie_break => event_id,
  end => event = 'pay', direction => 'backward', collapse_repeats => true, top => 4)
ORDER BY rank NULLS LAST;"],
    ..Doc::EMPTY
};

impl RelationFunction for JourneyPaths {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, _roles: &Roles) -> Result<Vec<FieldRef>> {
        let field = |name: &str, data_type: DataType, nullable: bool| Arc::new(Field::new(name, data_type, nullable));
        Ok(vec![
            field("rank", DataType::Int64, true),
            field("path", DataType::new_list(DataType::Utf8, true), true),
            field("length", DataType::Int64, true),
            field("customers", DataType::Int64, false),
            field("share", DataType::Float64, false),
        ])
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        plan(call, Shown::Paths)
    }
}
