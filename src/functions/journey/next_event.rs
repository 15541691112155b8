//! The relation function `next_event`.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;
use serde::{Deserialize, Serialize};

use super::by_customer::{ByCustomer, Run};
use super::coded::{COLLAPSE, CodedWork, Codes, EVENT, coded, event_field, values};
use super::options::{CUSTOMER, EVENT_TIME, INPUT, TIE_BREAK, length, median, per_second};
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::kernels::control::Stop;
use crate::kernels::journey::coded::Coded;
use crate::kernels::journey::events::Event;

#[derive(Debug)]
pub struct NextEvent;

const DOC: Doc = Doc {
    name: "next_event",
    kind: Kind::Relation,
    domain: "journey",
    summary: "Shows what customers do after each event: how often each other event follows, and how soon.",
    description: "\
One row per event and the event that follows it next for the same customer. Every occurrence counts. Where nothing follows, or nothing
within `within`, `next` is NULL: this is where customers leave.

With `collapse_repeats`, the same event several times in a row is one event, from the first to the last of them: the time to the next event
counts from the last.

Events of one customer at the same time are ordered by event, ascending, unless `tie_break` orders them. Rows whose customer, time or event
is NULL are dropped and counted. For what follows within a visit, pass the visit as `customer`.

**Cost.** The events are read once and sorted customer by customer, in parallel; what is counted are pairs of events, and the exact medians
keep the times of each pair.

**Elsewhere.** `lead(event) OVER (PARTITION BY customer ORDER BY time)` and GROUP BY in DuckDB and PostgreSQL; `groupby().shift(-1)` in
pandas. Process mining calls the result a directly-follows graph (`pm4py`, bupaR's `process_map`).",
    arguments: &[
        INPUT,
        CUSTOMER,
        EVENT_TIME,
        EVENT,
        Argument::optional(
            "within",
            Takes::Interval,
            "",
            "maximum time to the next event, limit included; in days or smaller units; default: no limit",
        ),
        COLLAPSE,
        TIE_BREAK,
    ],
    columns: &[
        Column { name: "event", data_type: "as the role", text: "the event" },
        Column { name: "next", data_type: "as event", text: "the next event; NULL if there is none" },
        Column { name: "events", data_type: "BIGINT", text: "number of times" },
        Column { name: "share", data_type: "DOUBLE", text: "share of all occurrences of `event`" },
        Column { name: "median_seconds", data_type: "DOUBLE", text: "median time to the next event; NULL if there is none" },
    ],
    examples: &["SELECT event, next, events, round(share, 3) AS share, median_seconds
FROM next_event(sample_events(rows => 5000), customer => session_id, event_time => event_time, event => event)
WHERE event = 'cart' ORDER BY events DESC, next;"],
    source: "the directly-follows relation of process mining: W. van der Aalst, Process Mining (2016).",
    ..Doc::EMPTY
};

impl RelationFunction for NextEvent {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let field = |name: &str, data_type: DataType, nullable: bool| Arc::new(Field::new(name, data_type, nullable));
        Ok(vec![
            event_field("event", roles)?.as_ref().clone().with_nullable(false).into(),
            event_field("next", roles)?,
            field("events", DataType::Int64, false),
            field("share", DataType::Float64, false),
            field("median_seconds", DataType::Float64, true),
        ])
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let (rows, codes) = coded(&call, &[])?;
        let work = Follows {
            codes,
            within: length(&call, "within")?,
            collapses: call.options.flag(COLLAPSE.name)?,
            per_second: per_second(&call.roles)?,
        };
        ByCustomer::new(work).over([rows], call.schema)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Follows {
    codes: Codes,
    within: Option<i64>,
    collapses: bool,
    per_second: i64,
}

impl Plain for Follows {
    const NAME: &'static str = "NextEvent";
}

/// How often an event follows another, and the time that passed in each case; for customers without a next event no time is kept.
#[derive(Debug, Default)]
struct Times {
    count: i64,
    times: Vec<i64>,
}

/// What a worker has found.
#[derive(Debug, Default)]
pub struct Found {
    pairs: HashMap<(u32, Option<u32>), Times>,
}

impl CodedWork for Follows {
    const FUNCTION: &'static str = DOC.name;

    type Found = Found;

    fn codes(&self) -> &Codes {
        &self.codes
    }

    fn visit(&self, found: &mut Found, events: &[Event<Coded>]) {
        for (place, event) in events.iter().enumerate() {
            let next = events.get(place + 1);
            if self.collapses && next.is_some_and(|next| next.detail.code == event.detail.code) {
                continue;
            }
            let passed = |next: &Event<Coded>| next.time.saturating_sub(event.time);
            let next = next.filter(|next| self.within.is_none_or(|within| passed(next) <= within));
            let times = found.pairs.entry((event.detail.code, next.map(|next| next.detail.code))).or_default();
            times.count += 1;
            times.times.extend(next.map(passed));
        }
    }

    fn bytes(found: &Found) -> usize {
        found.pairs.values().map(|times| 8 * times.times.capacity() + 100).sum()
    }

    fn finish(&self, states: Vec<Found>, run: &Run<'_>) -> Result<(), Stop> {
        let mut all: HashMap<(u32, Option<u32>), Times> = HashMap::new();
        let mut totals: HashMap<u32, i64> = HashMap::new();
        for (pair, times) in states.into_iter().flat_map(|state| state.pairs) {
            *totals.entry(pair.0).or_default() += times.count;
            let own = all.entry(pair).or_default();
            own.count += times.count;
            own.times.extend(times.times);
        }
        let mut pairs: Vec<_> = all.into_iter().collect();
        pairs.sort_unstable_by_key(|(pair, _)| *pair);
        run.worker.send(self.columns(pairs, &totals, run))
    }
}

impl Follows {
    fn columns(
        &self,
        pairs: Vec<((u32, Option<u32>), Times)>,
        totals: &HashMap<u32, i64>,
        run: &Run<'_>,
    ) -> Result<Vec<ArrayRef>> {
        let event_type = run.worker.schema().field(0).data_type();
        let share = |event: &u32, count: i64| totals.get(event).map_or(0.0, |total| count as f64 / *total as f64);
        Ok(vec![
            values(run, pairs.iter().map(|((event, _), _)| Some(*event)), event_type)?,
            values(run, pairs.iter().map(|((_, next), _)| *next), event_type)?,
            Arc::new(Int64Array::from_iter_values(pairs.iter().map(|(_, times)| times.count))),
            Arc::new(Float64Array::from_iter_values(pairs.iter().map(|((event, _), times)| share(event, times.count)))),
            Arc::new(pairs.into_iter().map(|(_, times)| median(times.times, self.per_second)).collect::<Float64Array>()),
        ])
    }
}
