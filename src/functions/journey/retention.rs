//! The relation function `retention`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Date32Array, Float64Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::functions::datetime::expr_fn::to_local_time;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use serde::{Deserialize, Serialize};

use super::by_customer::{ByCustomer, Reading, Run, Work};
use super::options::{CUSTOMER, EVENT_TIME, INPUT, events, is_true, per_second};
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles, role};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::kernels::control::Stop;
use crate::kernels::journey::events::Event;
use crate::kernels::journey::retention::{Cohorts, Mode, Part, Period};

#[derive(Debug)]
pub struct Retention;

const COHORT: &str = "cohort";
const RETURN_EVENT: &str = "return_event";
const PERIODS: &[&str] = &["day", "week", "month"];

const DOC: Doc = Doc {
    name: "retention",
    kind: Kind::Relation,
    domain: "journey",
    summary: "How many customers come back how many days, weeks or months after their first event.",
    description: "\
One row per cohort and period. A customer belongs to the cohort of the day, week from Monday, or month of the first event; with a condition as `cohort`, of the first event that
fulfils it. Period 0 is that same day, week or month, period 1 the next. Days are those that the clock shows, in the zone of `event_time` if it has one.

| mode | a customer counts for period n who comes back |
|---|---|
| `on` | in period n |
| `on_or_before` | in any of the periods 1 to n; for n = 0 as with `on` |
| `rolling` | in period n or any later one |

The first event counts as coming back in period 0 if it fulfils `return_event`. Events before the first one count for nothing.

Periods after that of the last event in the input have not been seen: `customers` and `share` are NULL there. That of the last event may have been seen in part only.

Rows whose customer or time is NULL are left out and counted.",
    arguments: &[
        INPUT,
        CUSTOMER,
        EVENT_TIME,
        Argument::required(COHORT, Takes::ConditionOr(PERIODS), "the period that puts customers into cohorts; or the events with which customers begin"),
        Argument::optional(RETURN_EVENT, Takes::Condition, "", "the events that count as coming back; default every event"),
        Argument::optional("period", Takes::Choice(PERIODS), "", "what periods are counted in; default what `cohort` says, days for a condition"),
        Argument::optional("periods", Takes::Integer(1, 1000), "12", "how many periods after the first"),
        Argument::optional("mode", Takes::Choice(&["on", "on_or_before", "rolling"]), "'on'", "when a return counts"),
    ],
    columns: &[
        Column { name: "cohort", data_type: "DATE", text: "the first day of the period in which its customers began" },
        Column { name: "cohort_size", data_type: "BIGINT", text: "its customers" },
        Column { name: "period", data_type: "BIGINT", text: "days, weeks or months after it, from 0" },
        Column { name: "customers", data_type: "BIGINT", text: "customers who came back" },
        Column { name: "share", data_type: "DOUBLE", text: "their share in the cohort" },
    ],
    examples: &["SELECT cohort, cohort_size, period, customers, round(share, 3) AS share
FROM retention(sample_events(rows => 5000), customer => customer_id, event_time => event_time, cohort => 'month', periods => 2)
ORDER BY cohort, period LIMIT 6;"],
    ..Doc::EMPTY
};

impl RelationFunction for Retention {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, _roles: &Roles) -> Result<Vec<FieldRef>> {
        let field = |name: &str, data_type: DataType, nullable: bool| Arc::new(Field::new(name, data_type, nullable));
        Ok(vec![
            field("cohort", DataType::Date32, false),
            field("cohort_size", DataType::Int64, false),
            field("period", DataType::Int64, false),
            field("customers", DataType::Int64, true),
            field("share", DataType::Float64, true),
        ])
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let is_condition = call.roles.get(COHORT).is_some();
        let word = if is_condition { "day" } else { call.options.word(COHORT)? };
        let period = match if call.options.is_given("period") { call.options.word("period")? } else { word } {
            "week" => Period::Week,
            "month" => Period::Month,
            _ => Period::Day,
        };
        let mode = match call.options.word("mode")? {
            "on_or_before" => Mode::OnOrBefore,
            "rolling" => Mode::Rolling,
            _ => Mode::On,
        };
        let has_return = call.roles.get(RETURN_EVENT).is_some();
        let work = Grid {
            period,
            mode,
            periods: call.options.integer("periods")? as usize,
            per_day: 86_400 * per_second(&call.roles)?,
            has_entry: is_condition,
            has_return,
        };
        let mut columns = vec![role(CUSTOMER.name), on_the_clock(call.roles.data_type(EVENT_TIME.name)?)];
        columns.extend(is_condition.then(|| role(COHORT)));
        columns.extend(has_return.then(|| role(RETURN_EVENT)));
        let rows = LogicalPlanBuilder::from(events(&call)?).project(columns)?.build()?;
        ByCustomer::new(work).over([rows], call.schema)
    }
}

/// The time as the clock shows it, in its own zone.
fn on_the_clock(data_type: &DataType) -> Expr {
    match data_type {
        DataType::Timestamp(_, Some(_)) => to_local_time(vec![role(EVENT_TIME.name)]).alias(EVENT_TIME.name),
        _ => role(EVENT_TIME.name),
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Grid {
    period: Period,
    mode: Mode,
    periods: usize,
    per_day: i64,
    has_entry: bool,
    has_return: bool,
}

impl Plain for Grid {
    const NAME: &'static str = "Retention";
}

impl Reading for Grid {
    type Detail = Part;

    fn details(&mut self, batch: &RecordBatch, details: &mut Vec<Option<Part>>) -> Result<()> {
        let enters = self.has_entry.then(|| is_true(batch.column(2).as_boolean()));
        let returns = self.has_return.then(|| is_true(batch.column(2 + usize::from(self.has_entry)).as_boolean()));
        details.extend((0..batch.num_rows()).map(|row| {
            Some(Part {
                enters: enters.as_ref().is_none_or(|enters| enters.value(row)),
                returns: returns.as_ref().is_none_or(|returns| returns.value(row)),
            })
        }));
        Ok(())
    }
}

impl Work for Grid {
    const FUNCTION: &'static str = DOC.name;
    const DEPENDS_ON_TIES: bool = false;

    type Reading = Self;
    type State = Cohorts;

    fn has_ties(&self) -> bool {
        false
    }

    fn reading(&self, _schema: &Schema) -> Result<Self> {
        Ok(self.clone())
    }

    fn state(&self) -> Cohorts {
        Cohorts::default()
    }

    fn visit(&self, cohorts: &mut Cohorts, _customer: u64, events: &[Event<Part>], _run: &Run<'_>) -> Result<(), Stop> {
        cohorts.add(events, self.period, self.mode, self.periods, self.per_day);
        Ok(())
    }

    fn finish(&self, states: Vec<Cohorts>, run: &Run<'_>) -> Result<(), Stop> {
        let mut all = Cohorts::default();
        states.into_iter().for_each(|state| all.join(state));
        let last = all.last;
        let mut rows = Rows::default();
        for (begin, cohort) in all.cohorts {
            for (period, returned) in (0..).zip(cohort.returned) {
                let is_seen = last.is_some_and(|last| begin + period <= last);
                rows.0.push(self.period.first_day(begin) as i32);
                rows.1.push(cohort.size);
                rows.2.push(period);
                rows.3.push(is_seen.then_some(returned));
                rows.4.push(is_seen.then(|| returned as f64 / cohort.size as f64));
            }
            if rows.0.len() >= run.worker.batch_size {
                send(std::mem::take(&mut rows), run)?;
            }
        }
        send(rows, run)
    }
}

/// Cohort, its size, period, customers, share.
type Rows = (Vec<i32>, Vec<i64>, Vec<i64>, Vec<Option<i64>>, Vec<Option<f64>>);

fn send((cohorts, sizes, periods, customers, shares): Rows, run: &Run<'_>) -> Result<(), Stop> {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from(cohorts)),
        Arc::new(Int64Array::from(sizes)),
        Arc::new(Int64Array::from(periods)),
        Arc::new(Int64Array::from(customers)),
        Arc::new(Float64Array::from(shares)),
    ];
    run.worker.send(Ok(columns))
}
