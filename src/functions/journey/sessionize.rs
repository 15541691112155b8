//! The relation function `sessionize`.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array};
use datafusion::arrow::compute::can_cast_types;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::{Column as Name, DFSchema, Result};
use datafusion::functions::string::expr_fn::concat;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};
use serde::{Deserialize, Serialize};

use super::by_customer::{ByCustomer, DetailOf, Reading, Run, Times, Work};
use super::options::{CUSTOMER, EVENT_TIME, INPUT, TIE_BREAK, events, has_ties, is_true, length, own, per_second, times_as};
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles, role};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::kernels::control::Stop;
use crate::kernels::journey::events::Event;
use crate::kernels::journey::sessions::{Bounds, OfBounds, Session, sessions};

#[derive(Debug)]
pub struct Sessionize;

const START_EVENT: &str = "start_event";
const END_EVENT: &str = "end_event";
const SESSION_ID: &str = "session_id";
const SESSION_NUMBER: &str = "session_number";
const SESSION_START: &str = "session_start";
const SESSION_END: &str = "session_end";
const SECONDS: &str = "seconds";
const EVENTS: &str = "events";

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
        Column { name: SESSION_NUMBER, data_type: "BIGINT", text: "from 1, in time order" },
        Column { name: SESSION_START, data_type: "as event_time", text: "time of the first event" },
        Column { name: SESSION_END, data_type: "as event_time", text: "time of the last event" },
        Column { name: SECONDS, data_type: "DOUBLE", text: "from the first event to the last" },
        Column { name: EVENTS, data_type: "BIGINT", text: "number of events" },
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
            field(SESSION_NUMBER, &DataType::Int64),
            field(SESSION_START, time),
            field(SESSION_END, time),
            field(SECONDS, &DataType::Float64),
            field(EVENTS, &DataType::Int64),
        ])
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let per_second = per_second(&call.roles)?;
        let gap = length(&call, "gap")?.unwrap_or(30 * 60 * per_second);
        let is_given = |name: &str| call.roles.get(name).is_some();
        let (has_start, has_end) = (is_given(START_EVENT), is_given(END_EVENT));
        // Without conditions the order of events at the same time makes no difference.
        let has_ties = has_ties(&call) && (has_start || has_end);
        let given = Given { gap, per_second, has_ties, has_start, has_end };
        let mut columns: Vec<Expr> = [CUSTOMER.name, EVENT_TIME.name].map(role).into();
        columns.extend(has_ties.then(|| role(TIE_BREAK.name)));
        columns.extend([START_EVENT, END_EVENT].into_iter().filter(|name| is_given(name)).map(role));
        let rows = LogicalPlanBuilder::from(events(&call)?).project(columns)?.build()?;
        // The id is built outside the step, so that it costs nothing if nobody reads it.
        let fields: Vec<FieldRef> = call.schema.fields().iter().filter(|field| field.name() != SESSION_ID).cloned().collect();
        let schema = Arc::new(DFSchema::try_from(Schema::new(fields))?);
        let sessions = if has_start || has_end {
            ByCustomer::new(Sessions::<ByEvent>::new(given)).over([rows], Arc::clone(&schema))?
        } else {
            ByCustomer::new(Sessions::<ByPause>::new(given)).over([rows], Arc::clone(&schema))?
        };
        let own = |name: &str| Expr::Column(Name::new_unqualified(name));
        let customer = own(schema.field(0).name());
        let id = concat(vec![cast(customer, DataType::Utf8), lit("-"), cast(own(SESSION_NUMBER), DataType::Utf8)]);
        let columns = call.schema.fields().iter().map(|field| match field.name().as_str() {
            SESSION_ID => id.clone().alias_qualified(Some(DOC.name), SESSION_ID),
            name => own(name).alias_qualified(Some(DOC.name), name),
        });
        LogicalPlanBuilder::from(sessions).project(columns)?.build()
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Given {
    gap: i64,
    per_second: i64,
    has_ties: bool,
    has_start: bool,
    has_end: bool,
}

/// The readers of events: what bounds sessions.
pub trait Form: Debug + Send + Sync + 'static {
    type Reading: Reading<Detail: OfBounds>;

    fn reading(bounds: BoundsOf) -> Self::Reading;
}

/// Only pauses bound sessions.
#[derive(Debug, Serialize, Deserialize)]
pub struct ByPause;

/// Events bound sessions, too.
#[derive(Debug, Serialize, Deserialize)]
pub struct ByEvent;

impl Form for ByPause {
    type Reading = Times;

    fn reading(_bounds: BoundsOf) -> Times {
        Times
    }
}

impl Form for ByEvent {
    type Reading = BoundsOf;

    fn reading(bounds: BoundsOf) -> BoundsOf {
        bounds
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Sessions<F> {
    given: Given,
    form: PhantomData<F>,
}

impl<F> Sessions<F> {
    fn new(given: Given) -> Self {
        Self { given, form: PhantomData }
    }
}

impl Plain for Sessions<ByPause> {
    const NAME: &'static str = "Sessionize";
}

impl Plain for Sessions<ByEvent> {
    const NAME: &'static str = "SessionizeByEvent";
}

/// Which conditions events meet.
pub struct BoundsOf(Given);

impl Reading for BoundsOf {
    type Detail = Bounds;

    fn details(&mut self, batch: &RecordBatch, details: &mut Vec<Option<Bounds>>) -> Result<()> {
        let first = 2 + usize::from(self.0.has_ties);
        let starts = self.0.has_start.then(|| is_true(batch.column(first).as_boolean()));
        let ends = self.0.has_end.then(|| is_true(batch.column(first + usize::from(self.0.has_start)).as_boolean()));
        details.extend((0..batch.num_rows()).map(|row| {
            Some(Bounds {
                starts: starts.as_ref().is_some_and(|starts| starts.value(row)),
                ends: ends.as_ref().is_some_and(|ends| ends.value(row)),
            })
        }));
        Ok(())
    }
}

/// A session that is still to be sent.
#[derive(Debug)]
pub struct Row {
    customer: u64,
    number: i64,
    session: Session,
}

impl<F: Form> Work for Sessions<F>
where
    Self: Plain,
{
    const FUNCTION: &'static str = DOC.name;
    const LEAVES_OUT_COLUMNS: bool = true;

    type Reading = F::Reading;
    type State = Vec<Row>;

    fn has_ties(&self) -> bool {
        self.given.has_ties
    }

    fn reading(&self, _schema: &Schema) -> Result<F::Reading> {
        Ok(F::reading(BoundsOf(self.given.clone())))
    }

    fn state(&self) -> Vec<Row> {
        vec![]
    }

    fn visit(&self, rows: &mut Vec<Row>, customer: u64, events: &[Event<DetailOf<Self>>], run: &Run<'_>) -> Result<(), Stop> {
        let mut number = 0;
        sessions(events, self.given.gap, |session| {
            number += 1;
            rows.push(Row { customer, number, session });
            if rows.len() >= run.worker.batch_size { self.hand_on(rows, run) } else { Ok(()) }
        })
    }

    fn hand_on(&self, rows: &mut Vec<Row>, run: &Run<'_>) -> Result<(), Stop> {
        if rows.is_empty() {
            return Ok(());
        }
        let sent = run.worker.send(self.columns(rows, run));
        rows.clear();
        sent
    }

    fn finish(&self, _states: Vec<Vec<Row>>, _run: &Run<'_>) -> Result<(), Stop> {
        Ok(())
    }
}

impl<F> Sessions<F> {
    /// The columns that the query reads.
    fn columns(&self, rows: &[Row], run: &Run<'_>) -> Result<Vec<ArrayRef>> {
        let integers = |of: fn(&Row) -> i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(rows.iter().map(of))) };
        let times = |field: &FieldRef, of: fn(&Row) -> i64| times_as(field.data_type(), rows.iter().map(of).collect());
        let column = |field: &FieldRef| -> Result<ArrayRef> {
            Ok(match field.name().as_str() {
                SESSION_NUMBER => integers(|row| row.number),
                SESSION_START => times(field, |row| row.session.start)?,
                SESSION_END => times(field, |row| row.session.end)?,
                SECONDS => Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| self.seconds(row.session)))),
                EVENTS => integers(|row| row.session.events),
                _ => run.customers.values(&rows.iter().map(|row| row.customer).collect::<Vec<_>>())?,
            })
        };
        run.worker.schema().fields().iter().map(column).collect()
    }

    fn seconds(&self, Session { start, end, .. }: Session) -> f64 {
        let length = end.checked_sub(start).map_or_else(|| (i128::from(end) - i128::from(start)) as f64, |length| length as f64);
        length / self.given.per_second as f64
    }
}
