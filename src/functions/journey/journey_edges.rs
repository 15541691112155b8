//! The relation function `journey_edges`.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;
use serde::{Deserialize, Serialize};

use super::by_customer::{ByCustomer, Run};
use super::coded::{
    COLLAPSE, CUTTING, CodedWork, Codes, DEPTH, DIRECTION, END_ARGUMENT, EVENT, PATHS, START_ARGUMENT, coded, cut, event_field,
    values,
};
use super::options::{CUSTOMER, EVENT_TIME, INPUT, TIE_BREAK};
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Column, Doc, Kind};
use crate::kernels::control::Stop;
use crate::kernels::journey::coded::Coded;
use crate::kernels::journey::events::Event;
use crate::kernels::journey::paths::{self, Counted, Cut};

#[derive(Debug)]
pub struct JourneyEdges;

const DOC: Doc = Doc {
    name: "journey_edges",
    kind: Kind::Relation,
    domain: "journey",
    summary: "Counts the steps of customers' paths, one row per step, event and next event: the data of a Sankey diagram.",
    description: PATHS,
    arguments: &[INPUT, CUSTOMER, EVENT_TIME, EVENT, START_ARGUMENT, END_ARGUMENT, DEPTH, DIRECTION, COLLAPSE, TIE_BREAK],
    columns: &[
        Column {
            name: "step",
            data_type: "BIGINT",
            text: "from 1, the first step of a path; with `direction => 'backward'`, 1 is the last step and 2 the one before it",
        },
        Column {
            name: "source",
            data_type: "as event",
            text: "the event; with `direction => 'backward'`, NULL if the customer has no earlier event",
        },
        Column {
            name: "target",
            data_type: "as event",
            text: "the next event; NULL if the customer has none and the path was not ended by `end` or `depth`",
        },
        Column { name: "customers", data_type: "BIGINT", text: "customers who took this step" },
        Column {
            name: "share",
            data_type: "DOUBLE",
            text: "share of the customers who go on from, or leave at, this source in this step; with `direction => 'backward'`, of those who came to this target",
        },
    ],
    examples: &["SELECT step, source, target, customers, round(share, 3) AS share
FROM journey_edges(sample_events(rows => 5000), customer => session_id, event_time => event_time, event => event,
  depth => 3, collapse_repeats => true)
ORDER BY step, customers DESC, source, target LIMIT 6;"],
    source: "the path and flow analysis of web analytics; variants of process mining: W. van der Aalst, Process Mining (2016).",
    ..Doc::EMPTY
};

impl RelationFunction for JourneyEdges {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        Ok(vec![
            Arc::new(Field::new("step", DataType::Int64, false)),
            event_field("source", roles)?,
            event_field("target", roles)?,
            Arc::new(Field::new("customers", DataType::Int64, false)),
            Arc::new(Field::new("share", DataType::Float64, false)),
        ])
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let (rows, codes) = coded(&call, CUTTING)?;
        ByCustomer::new(Edges { codes, cut: cut(&call)? }).over([rows], call.schema)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Edges {
    codes: Codes,
    cut: Cut,
}

impl Plain for Edges {
    const NAME: &'static str = "JourneyEdges";
}

/// What a worker has found.
#[derive(Debug, Default)]
pub struct Found {
    path: Vec<u32>,
    steps: Counted<paths::Step, i64>,
}

impl CodedWork for Edges {
    const FUNCTION: &'static str = DOC.name;

    type Found = Found;

    fn codes(&self) -> &Codes {
        &self.codes
    }

    fn visit(&self, found: &mut Found, events: &[Event<Coded>]) {
        if let Some(ended) = self.cut.path(events, &mut found.path) {
            found.steps.add_steps(&found.path, self.cut.backward, ended);
        }
    }

    fn bytes(found: &Found) -> usize {
        found.steps.bytes
    }

    fn finish(&self, states: Vec<Found>, run: &Run<'_>) -> Result<(), Stop> {
        let mut all: Counted<paths::Step, i64> = Counted::default();
        states.into_iter().for_each(|state| all.join(state.steps));
        let mut steps: Vec<(paths::Step, i64)> = all.counts.into_iter().collect();
        steps.sort_unstable();
        run.worker.send(self.columns(&steps, run))
    }
}

impl Edges {
    fn columns(&self, steps: &[(paths::Step, i64)], run: &Run<'_>) -> Result<Vec<ArrayRef>> {
        let near = |(step, source, target): paths::Step| (step, if self.cut.backward { target } else { source });
        let mut totals: HashMap<(u32, Option<u32>), i64> = HashMap::new();
        for (step, count) in steps {
            *totals.entry(near(*step)).or_default() += count;
        }
        let share =
            |(step, count): &(paths::Step, i64)| *count as f64 / totals.get(&near(*step)).map_or(1.0, |total| *total as f64);
        let event_type = run.worker.schema().field(1).data_type();
        Ok(vec![
            Arc::new(Int64Array::from_iter_values(steps.iter().map(|((step, _, _), _)| i64::from(*step)))),
            values(run, steps.iter().map(|((_, source, _), _)| *source), event_type)?,
            values(run, steps.iter().map(|((_, _, target), _)| *target), event_type)?,
            Arc::new(Int64Array::from_iter_values(steps.iter().map(|(_, count)| *count))),
            Arc::new(Float64Array::from_iter_values(steps.iter().map(share))),
        ])
    }
}
