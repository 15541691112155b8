//! The relation function `journey_paths`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;
use serde::{Deserialize, Serialize};

use super::by_customer::{ByCustomer, Run};
use super::coded::{
    COLLAPSE, CUTTING, CodedWork, Codes, DEPTH, DIRECTION, END_ARGUMENT, EVENT, PATHS, START_ARGUMENT, coded, cut, list_field,
    lists,
};
use super::options::{CUSTOMER, EVENT_TIME, INPUT, TIE_BREAK};
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::kernels::control::Stop;
use crate::kernels::journey::coded::Coded;
use crate::kernels::journey::events::Event;
use crate::kernels::journey::paths::{Counted, Cut};

#[derive(Debug)]
pub struct JourneyPaths;

const DOC: Doc = Doc {
    name: "journey_paths",
    kind: Kind::Relation,
    domain: "journey",
    summary: "Counts the paths that customers take most often: event after event from a start, or up to an end.",
    description: PATHS,
    arguments: &[
        INPUT,
        CUSTOMER,
        EVENT_TIME,
        EVENT,
        START_ARGUMENT,
        END_ARGUMENT,
        DEPTH,
        DIRECTION,
        COLLAPSE,
        Argument::optional(
            "top",
            Takes::Integer(1, 1_000_000),
            "20",
            "number of paths to show; all others are summed up in a last row",
        ),
        TIE_BREAK,
    ],
    columns: &[
        Column {
            name: "rank",
            data_type: "BIGINT",
            text: "from 1; by customers, then length and events; NULL in the row of the other paths",
        },
        Column { name: "path", data_type: "list, as event", text: "the events in time order; NULL for the other paths" },
        Column { name: "length", data_type: "BIGINT", text: "number of events; NULL for the other paths" },
        Column {
            name: "paths",
            data_type: "BIGINT",
            text: "number of distinct paths in the row: 1, or the number of other paths",
        },
        Column { name: "customers", data_type: "BIGINT", text: "customers with this path" },
        Column { name: "share", data_type: "DOUBLE", text: "share of the customers with a path" },
    ],
    examples: &["SELECT rank, path, customers, round(share, 3) AS share
FROM journey_paths(sample_events(rows => 5000), customer => session_id, event_time => event_time, event => event,
  depth => 4, collapse_repeats => true, top => 5);"],
    source: "the path and flow analysis of web analytics; variants of process mining: W. van der Aalst, Process Mining (2016).",
    ..Doc::EMPTY
};

impl RelationFunction for JourneyPaths {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let field = |name: &str, data_type: DataType, nullable: bool| Arc::new(Field::new(name, data_type, nullable));
        Ok(vec![
            field("rank", DataType::Int64, true),
            list_field("path", roles, true)?,
            field("length", DataType::Int64, true),
            field("paths", DataType::Int64, false),
            field("customers", DataType::Int64, false),
            field("share", DataType::Float64, false),
        ])
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let (rows, codes) = coded(&call, CUTTING)?;
        let work = Paths { codes, cut: cut(&call)?, top: call.options.integer("top")? as usize };
        ByCustomer::new(work).over([rows], call.schema)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Paths {
    codes: Codes,
    cut: Cut,
    top: usize,
}

impl Plain for Paths {
    const NAME: &'static str = "JourneyPaths";
}

/// What a worker has found.
#[derive(Debug, Default)]
pub struct Found {
    path: Vec<u32>,
    paths: Counted<Box<[u32]>, i64>,
}

impl CodedWork for Paths {
    const FUNCTION: &'static str = DOC.name;

    type Found = Found;

    fn codes(&self) -> &Codes {
        &self.codes
    }

    fn visit(&self, found: &mut Found, events: &[Event<Coded>]) {
        if self.cut.path(events, &mut found.path).is_some() {
            found.paths.add(&found.path, 1);
        }
    }

    fn bytes(found: &Found) -> usize {
        found.paths.bytes
    }

    fn finish(&self, states: Vec<Found>, run: &Run<'_>) -> Result<(), Stop> {
        let mut all: Counted<Box<[u32]>, i64> = Counted::default();
        states.into_iter().for_each(|state| all.join(state.paths));
        let mut paths: Vec<(Box<[u32]>, i64)> = all.counts.into_iter().collect();
        paths.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.len().cmp(&b.0.len())).then_with(|| a.0.cmp(&b.0)));
        let others = paths.split_off(self.top.min(paths.len()));
        run.worker.send(self.columns(&paths, &others, run))
    }
}

impl Paths {
    fn columns(&self, paths: &[(Box<[u32]>, i64)], others: &[(Box<[u32]>, i64)], run: &Run<'_>) -> Result<Vec<ArrayRef>> {
        let sum = |paths: &[(Box<[u32]>, i64)]| paths.iter().map(|(_, count)| count).sum::<i64>();
        let all = (sum(paths) + sum(others)) as f64;
        let rest = (!others.is_empty()).then(|| sum(others));
        let of_each = |value: &dyn Fn(usize, &[u32]) -> i64| {
            let own = paths.iter().enumerate().map(|(place, (path, _))| Some(value(place, path)));
            own.chain(rest.map(|_| None)).collect::<Int64Array>()
        };
        let counts: Vec<i64> = paths.iter().map(|(_, count)| *count).chain(rest).collect();
        let standing = paths.iter().map(|_| 1).chain(rest.map(|_| others.len() as i64));
        let list_type = run.worker.schema().field(1).data_type();
        Ok(vec![
            Arc::new(of_each(&|place, _| place as i64 + 1)),
            lists(run, list_type, paths.iter().map(|(path, _)| Some(path.as_ref())).chain(rest.map(|_| None)))?,
            Arc::new(of_each(&|_, path| path.len() as i64)),
            Arc::new(Int64Array::from_iter_values(standing)),
            Arc::new(Int64Array::from(counts.clone())),
            Arc::new(Float64Array::from_iter_values(counts.iter().map(|count| *count as f64 / all))),
        ])
    }
}
