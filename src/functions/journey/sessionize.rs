//! The relation function `sessionize`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array};
use datafusion::arrow::compute::can_cast_types;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::{Column as Name, DFSchema, Result};
use datafusion::functions::string::expr_fn::concat;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};
use serde::{Deserialize, Serialize};

use super::by_customer::{ByCustomer, Reading, Run, Work};
use super::options::{CUSTOMER, EVENT_TIME, INPUT, TIE_BREAK, events, has_ties, is_true, length, own, per_second, times_as};
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles, role};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::kernels::control::Stop;
use crate::kernels::journey::events::Event;
use crate::kernels::journey::sessions::{Bounds, sessions};

#[derive(Debug)]
pub struct Sessionize;

const START_EVENT: &str = "start_event";
const END_EVENT: &str = "end_event";
const SESSION_ID: &str = "session_id";

const DOC: Doc = Doc {
    name: "sessionize",
    kind: Kind::Relation,
    domain: "journey",
    summary: "Groups each customer's events into sessions: runs of events without a long pause.",
    description: "\
One row per session. A session ends before a pause longer than `gap`, before an event where `start_event` is true, and after an event where
`end_event` is true.

To find the session of each event, join: `ON e.customer_id = s.customer_id AND e.event_time BETWEEN s.session_start AND s.session_end`.
Sessions of one customer do not overlap, unless `start_event` or `end_event` separates events at the same time.

Rows whose customer or time is NULL are dropped and counted.

**Choosing the gap.** 30 minutes is the habit of web analytics. Look at the pauses of your customers (`next_event`, median and beyond) and
take a value that few pauses are near.

**Cost.** The events are read once and sorted customer by customer, in parallel. Memory grows with the events, and what does not fit is written
to disk; the result has a row per session.

**Elsewhere.** DuckDB and PostgreSQL: `lag(time)` over the customer, then a running sum of \"pause > gap\". Spark has `session_window`, Flink
and ksqlDB session windows. In pandas `(diff > gap).cumsum()` within `groupby`. ClickHouse has no function for it.",
    arguments: &[
        INPUT,
        CUSTOMER,
        EVENT_TIME,
        Argument::optional(
            "gap",
            Takes::Interval,
            "INTERVAL '30 minutes'",
            "longest pause within a session; in days or smaller units",
        ),
        Argument::optional(
            START_EVENT,
            Takes::Condition,
            "",
            "condition for events that start a new session, however short the pause before them: a login, a new campaign",
        ),
        Argument::optional(END_EVENT, Takes::Condition, "", "condition for events that end their session: a logout, a payment"),
        TIE_BREAK,
    ],
    columns: &[
        Column { name: "(customer)", data_type: "as the role", text: "customer key, under the column's own name" },
        Column { name: "session_id", data_type: "VARCHAR", text: "customer and number of the session: `42-1`" },
        Column { name: "session_number", data_type: "BIGINT", text: "from 1, in time order" },
        Column { name: "session_start", data_type: "as event_time", text: "time of the first event" },
        Column { name: "session_end", data_type: "as event_time", text: "time of the last event" },
        Column { name: "seconds", data_type: "DOUBLE", text: "from the first event to the last" },
        Column { name: "events", data_type: "BIGINT", text: "number of events" },
    ],
    examples: &["SELECT customer_id, session_number, session_start, seconds, events
FROM sessionize(sample_events(rows => 2000), customer => customer_id, event_time => event_time, gap => INTERVAL '30 minutes')
ORDER BY events DESC, customer_id, session_number LIMIT 5;"],
    source: "the session of web analytics: B. J. Jansen et al., Defining a Session on Web Search Engines (2007), for the gap of 30 minutes.",
    ..Doc::EMPTY
};

impl RelationFunction for Sessionize {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let customer = roles.required(CUSTOMER.name)?;
        if !can_cast_types(customer.field.data_type(), &DataType::Utf8) {
            let problem = format!(
                "{} must have a text, with which {SESSION_ID} begins, \"{}\" is {}; take a part of it, such as {}['…']",
                customer.name,
                customer.column,
                customer.field.data_type(),
                customer.column
            );
            return Err(invalid(DOC.name, problem));
        }
        let time = roles.data_type(EVENT_TIME.name)?;
        let field = |name: &str, data_type: &DataType| Arc::new(Field::new(name, data_type.clone(), false));
        Ok(vec![
            own(customer, false),
            field(SESSION_ID, &DataType::Utf8),
            field("session_number", &DataType::Int64),
            field("session_start", time),
            field("session_end", time),
            field("seconds", &DataType::Float64),
            field("events", &DataType::Int64),
        ])
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let per_second = per_second(&call.roles)?;
        let gap = length(&call, "gap")?.unwrap_or(30 * 60 * per_second);
        let is_given = |name: &str| call.roles.get(name).is_some();
        let work = Sessions {
            gap,
            per_second,
            has_ties: has_ties(&call),
            has_start: is_given(START_EVENT),
            has_end: is_given(END_EVENT),
        };
        let mut columns: Vec<Expr> = [CUSTOMER.name, EVENT_TIME.name].map(role).into();
        columns.extend([TIE_BREAK.name, START_EVENT, END_EVENT].into_iter().filter(|name| is_given(name)).map(role));
        let rows = LogicalPlanBuilder::from(events(&call)?).project(columns)?.build()?;
        // The id is built outside the step, so that it costs nothing if nobody reads it.
        let fields: Vec<FieldRef> = call.schema.fields().iter().filter(|field| field.name() != SESSION_ID).cloned().collect();
        let schema = Arc::new(DFSchema::try_from(Schema::new(fields))?);
        let sessions = ByCustomer::new(work).over([rows], Arc::clone(&schema))?;
        let own = |name: &str| Expr::Column(Name::new_unqualified(name));
        let customer = own(schema.field(0).name());
        let id = concat(vec![cast(customer, DataType::Utf8), lit("-"), cast(own("session_number"), DataType::Utf8)]);
        let columns = call.schema.fields().iter().map(|field| match field.name().as_str() {
            SESSION_ID => id.clone().alias_qualified(Some(DOC.name), SESSION_ID),
            name => own(name).alias_qualified(Some(DOC.name), name),
        });
        LogicalPlanBuilder::from(sessions).project(columns)?.build()
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sessions {
    gap: i64,
    per_second: i64,
    has_ties: bool,
    has_start: bool,
    has_end: bool,
}

impl Plain for Sessions {
    const NAME: &'static str = "Sessionize";
}

impl Reading for Sessions {
    type Detail = Bounds;

    fn details(&mut self, batch: &RecordBatch, details: &mut Vec<Option<Bounds>>) -> Result<()> {
        let first = 2 + usize::from(self.has_ties);
        let starts = self.has_start.then(|| is_true(batch.column(first).as_boolean()));
        let ends = self.has_end.then(|| is_true(batch.column(first + usize::from(self.has_start)).as_boolean()));
        details.extend((0..batch.num_rows()).map(|row| {
            Some(Bounds {
                starts: starts.as_ref().is_some_and(|starts| starts.value(row)),
                ends: ends.as_ref().is_some_and(|ends| ends.value(row)),
            })
        }));
        Ok(())
    }
}

/// Sessions that are still to be sent.
#[derive(Debug, Default)]
pub struct Rows {
    customers: Vec<u64>,
    numbers: Vec<i64>,
    starts: Vec<i64>,
    ends: Vec<i64>,
    events: Vec<i64>,
}

impl Work for Sessions {
    const FUNCTION: &'static str = DOC.name;

    type Reading = Self;
    type State = Rows;

    fn has_ties(&self) -> bool {
        self.has_ties
    }

    fn reading(&self, _schema: &Schema) -> Result<Self> {
        Ok(self.clone())
    }

    fn state(&self) -> Rows {
        Rows::default()
    }

    fn visit(&self, rows: &mut Rows, customer: u64, events: &[Event<Bounds>], run: &Run<'_>) -> Result<(), Stop> {
        let mut number = 0;
        sessions(events, self.gap, |session| {
            number += 1;
            rows.customers.push(customer);
            rows.numbers.push(number);
            rows.starts.push(session.start);
            rows.ends.push(session.end);
            rows.events.push(session.events);
            if rows.customers.len() >= run.worker.batch_size { self.hand_on(rows, run) } else { Ok(()) }
        })
    }

    fn hand_on(&self, rows: &mut Rows, run: &Run<'_>) -> Result<(), Stop> {
        let rows = std::mem::take(rows);
        if rows.customers.is_empty() { Ok(()) } else { run.worker.send(self.columns(rows, run)) }
    }

    fn finish(&self, _states: Vec<Rows>, _run: &Run<'_>) -> Result<(), Stop> {
        Ok(())
    }
}

impl Sessions {
    fn columns(&self, rows: Rows, run: &Run<'_>) -> Result<Vec<ArrayRef>> {
        let time_type = run.worker.schema().field(2).data_type();
        let seconds: Float64Array = rows
            .starts
            .iter()
            .zip(&rows.ends)
            .map(|(start, end)| Some((i128::from(*end) - i128::from(*start)) as f64 / self.per_second as f64))
            .collect();
        Ok(vec![
            run.customers.values(&rows.customers)?,
            Arc::new(Int64Array::from(rows.numbers)),
            times_as(time_type, rows.starts)?,
            times_as(time_type, rows.ends)?,
            Arc::new(seconds),
            Arc::new(Int64Array::from(rows.events)),
        ])
    }
}
