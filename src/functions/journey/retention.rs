//! The relation function `retention`.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Date32Array, Float64Array, Int64Array, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::functions::datetime::expr_fn::to_local_time;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use serde::{Deserialize, Serialize};

use super::by_customer::{ByCustomer, DetailOf, Reading, Run, Times, Work};
use super::options::{CUSTOMER, EVENT_TIME, INPUT, events, is_true, own, per_second};
use crate::adapter::keys::Interner;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles, role};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::kernels::control::Stop;
use crate::kernels::journey::events::Event;
use crate::kernels::journey::retention::{Cohorts, GroupedPart, Mode, OfPart, Part, Period};

#[derive(Debug)]
pub struct Retention;

const COHORT: &str = "cohort";
const RETURN_EVENT: &str = "return_event";
const PER: &str = "per";
const PERIODS: &[&str] = &["day", "week", "month"];

const DOC: Doc = Doc {
    name: "retention",
    kind: Kind::Relation,
    domain: "journey",
    summary: "Counts how many customers come back in the days, weeks or months after their first event.",
    description: "\
One row per cohort and period. A customer belongs to the cohort of the day, week (from Monday) or month of the first event; if `cohort` is a
condition, of the first event where it is true. Period 0 is that same day, week or month, period 1 the next. Days are calendar days, in the
time zone of `event_time` if it has one.

| mode | a customer counts in period n if the customer comes back |
|---|---|
| `on` | in period n |
| `on_or_before` | in any of the periods 1 to n; for n = 0 as with `on` |
| `rolling` | in period n or any later one |

The first event counts as coming back in period 0 if `return_event` is true for it. Earlier events do not count.

Periods after the last event in the input are not known yet: `customers` and `share` are NULL there. The period of the last event may be incomplete.

With `per`, each value has its own cohorts, for example segments or channels. A customer belongs to the value of the first event; if several
events have that time, to the smallest value. NULL is a value like any other.

Rows whose customer or time is NULL are dropped and counted.

Read the rows of one cohort from left to right for how fast customers leave, and one period down the cohorts for whether newer customers
stay longer. A small `cohort_size` makes large jumps.

**Cost.** The events are read once; memory grows with the days, weeks or months on which a customer was active, and what does not fit is
written to disk. The result has cohorts times periods rows.

**Elsewhere.** ClickHouse's `retention(condition, …)` gives one row of flags per customer for conditions that you write out for each day. In
DuckDB, PostgreSQL and pandas: the first date of each customer, a join to the events, and a pivot (`unstack`). Analytics services call the
three modes \"on\", \"on or before\" and \"unbounded\" or \"rolling\".",
    arguments: &[
        INPUT,
        CUSTOMER,
        EVENT_TIME,
        Argument::required(
            COHORT,
            Takes::ConditionOr(PERIODS),
            "period that defines the cohorts; or a condition for the events with which customers begin",
        ),
        Argument::optional(RETURN_EVENT, Takes::Condition, "", "which events count as coming back; default: every event"),
        Argument::optional(
            "period",
            Takes::Choice(PERIODS),
            "",
            "unit of the periods; default: that of `cohort`, or days if `cohort` is a condition",
        ),
        Argument::optional("periods", Takes::Integer(1, 1000), "12", "number of periods after the first"),
        Argument::optional("mode", Takes::Choice(&["on", "on_or_before", "rolling"]), "'on'", "in which periods a return counts"),
        Argument::optional(
            PER,
            Takes::Column,
            "",
            "cohorts for each of its values: a segment, a channel; it becomes the first column of the result",
        ),
    ],
    columns: &[
        Column { name: "cohort", data_type: "DATE", text: "first day of the period in which the customers of the cohort began" },
        Column { name: "cohort_size", data_type: "BIGINT", text: "customers in the cohort" },
        Column { name: "period", data_type: "BIGINT", text: "days, weeks or months after the first period, from 0" },
        Column { name: "customers", data_type: "BIGINT", text: "customers who came back" },
        Column { name: "share", data_type: "DOUBLE", text: "share of the cohort" },
    ],
    examples: &["SELECT cohort, cohort_size, period, customers, round(share, 3) AS share
FROM retention(sample_events(rows => 5000), customer => customer_id, event_time => event_time, cohort => 'month', periods => 2)
ORDER BY cohort, period LIMIT 6;"],
    source: "the cohort table of marketing; modes as in common analytics services.",
    ..Doc::EMPTY
};

impl RelationFunction for Retention {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let mut columns: Vec<FieldRef> = roles.get(PER).map(|role| own(role, true)).into_iter().collect();
        let mut add =
            |name: &str, data_type: DataType, nullable: bool| columns.push(Arc::new(Field::new(name, data_type, nullable)));
        add("cohort", DataType::Date32, false);
        add("cohort_size", DataType::Int64, false);
        add("period", DataType::Int64, false);
        add("customers", DataType::Int64, true);
        add("share", DataType::Float64, true);
        Ok(columns)
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
        let has_per = call.roles.get(PER).is_some();
        let given = Given {
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
        columns.extend(has_per.then(|| role(PER)));
        let rows = LogicalPlanBuilder::from(events(&call)?).project(columns)?.build()?;
        if has_per {
            ByCustomer::new(Grid::<ByGroup>::new(given)).over([rows], call.schema)
        } else if is_condition || has_return {
            ByCustomer::new(Grid::<ByCondition>::new(given)).over([rows], call.schema)
        } else {
            ByCustomer::new(Grid::<EveryEvent>::new(given)).over([rows], call.schema)
        }
    }
}

/// The local time in the column's own zone.
fn on_the_clock(data_type: &DataType) -> Expr {
    match data_type {
        DataType::Timestamp(_, Some(_)) => to_local_time(vec![role(EVENT_TIME.name)]).alias(EVENT_TIME.name),
        _ => role(EVENT_TIME.name),
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Given {
    period: Period,
    mode: Mode,
    periods: usize,
    per_day: i64,
    has_entry: bool,
    has_return: bool,
}

/// The readers of events: with groups, with conditions, or with neither.
pub trait Form: Debug + Send + Sync + 'static {
    type Reading: Reading<Detail: OfPart>;

    fn reading(parts: PartsOf, schema: &Schema) -> Result<Self::Reading>;
}

/// One grid of all customers, for whom every event counts.
#[derive(Debug, Serialize, Deserialize)]
pub struct EveryEvent;

/// One grid of all customers, with conditions on events.
#[derive(Debug, Serialize, Deserialize)]
pub struct ByCondition;

/// A grid for each group.
#[derive(Debug, Serialize, Deserialize)]
pub struct ByGroup;

impl Form for EveryEvent {
    type Reading = Times;

    fn reading(_parts: PartsOf, _schema: &Schema) -> Result<Times> {
        Ok(Times)
    }
}

impl Form for ByCondition {
    type Reading = PartsOf;

    fn reading(parts: PartsOf, _schema: &Schema) -> Result<PartsOf> {
        Ok(parts)
    }
}

impl Form for ByGroup {
    type Reading = GroupedPartsOf;

    fn reading(parts: PartsOf, schema: &Schema) -> Result<GroupedPartsOf> {
        let groups = Interner::new(schema.field(parts.width()).data_type())?;
        Ok(GroupedPartsOf { parts, groups })
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Grid<F> {
    given: Given,
    form: PhantomData<F>,
}

impl<F> Grid<F> {
    fn new(given: Given) -> Self {
        Self { given, form: PhantomData }
    }
}

impl Plain for Grid<EveryEvent> {
    const NAME: &'static str = "Retention";
}

impl Plain for Grid<ByCondition> {
    const NAME: &'static str = "RetentionByCondition";
}

impl Plain for Grid<ByGroup> {
    const NAME: &'static str = "RetentionByGroup";
}

/// Whether an event starts a customer's period, and whether it counts as a return.
pub struct PartsOf {
    has_entry: bool,
    has_return: bool,
}

impl PartsOf {
    /// The number of columns: those that it reads, and the two before them.
    fn width(&self) -> usize {
        2 + usize::from(self.has_entry) + usize::from(self.has_return)
    }

    fn parts(&self, batch: &RecordBatch) -> impl Iterator<Item = Part> {
        let enters = self.has_entry.then(|| is_true(batch.column(2).as_boolean()));
        let returns = self.has_return.then(|| is_true(batch.column(2 + usize::from(self.has_entry)).as_boolean()));
        (0..batch.num_rows()).map(move |row| Part {
            enters: enters.as_ref().is_none_or(|enters| enters.value(row)),
            returns: returns.as_ref().is_none_or(|returns| returns.value(row)),
        })
    }
}

impl Reading for PartsOf {
    type Detail = Part;

    fn details(&mut self, batch: &RecordBatch, details: &mut Vec<Option<Part>>) -> Result<()> {
        details.extend(self.parts(batch).map(Some));
        Ok(())
    }
}

/// The same with the group of each event.
pub struct GroupedPartsOf {
    parts: PartsOf,
    groups: Interner,
}

impl Reading for GroupedPartsOf {
    type Detail = GroupedPart;

    fn details(&mut self, batch: &RecordBatch, details: &mut Vec<Option<GroupedPart>>) -> Result<()> {
        let groups = self.groups.intern(batch.column(self.parts.width()))?;
        details.extend(self.parts.parts(batch).zip(groups).map(|(part, group)| Some(GroupedPart { group: *group as u32, part })));
        Ok(())
    }

    fn size(&self) -> usize {
        self.groups.size()
    }

    fn codes(self) -> Result<Option<ArrayRef>> {
        self.groups.finish().map(Some)
    }
}

impl<F: Form> Work for Grid<F>
where
    Self: Plain,
{
    const FUNCTION: &'static str = DOC.name;
    const DEPENDS_ON_ORDER: bool = false;

    type Reading = F::Reading;
    type State = Cohorts;

    fn has_ties(&self) -> bool {
        false
    }

    fn reading(&self, schema: &Schema) -> Result<F::Reading> {
        F::reading(PartsOf { has_entry: self.given.has_entry, has_return: self.given.has_return }, schema)
    }

    fn state(&self) -> Cohorts {
        Cohorts::default()
    }

    fn visit(&self, cohorts: &mut Cohorts, _customer: u64, events: &[Event<DetailOf<Self>>], _run: &Run<'_>) -> Result<(), Stop> {
        let Given { period, mode, periods, per_day, .. } = self.given;
        cohorts.add(events, period, mode, periods, per_day);
        Ok(())
    }

    fn finish(&self, states: Vec<Cohorts>, run: &Run<'_>) -> Result<(), Stop> {
        let mut all = Cohorts::default();
        states.into_iter().for_each(|state| all.join(state));
        let last = all.last(self.given.period, self.given.per_day);
        let mut rows = Rows::default();
        for ((group, begin), cohort) in all.cohorts {
            for (period, returned) in (0..).zip(cohort.returned) {
                let is_seen = last.is_some_and(|last| begin + period <= last);
                rows.groups.push(group);
                rows.cohorts.push(self.given.period.first_day(begin) as i32);
                rows.sizes.push(cohort.size);
                rows.periods.push(period);
                rows.customers.push(is_seen.then_some(returned));
                rows.shares.push(is_seen.then(|| returned as f64 / cohort.size as f64));
            }
            if rows.groups.len() >= run.worker.batch_size {
                run.worker.send(std::mem::take(&mut rows).columns(run.codes))?;
            }
        }
        run.worker.send(rows.columns(run.codes))
    }
}

#[derive(Debug, Default)]
struct Rows {
    groups: Vec<u32>,
    cohorts: Vec<i32>,
    sizes: Vec<i64>,
    periods: Vec<i64>,
    customers: Vec<Option<i64>>,
    shares: Vec<Option<f64>>,
}

impl Rows {
    /// The columns of the result; with groups, the group's value comes first.
    fn columns(self, groups: Option<&ArrayRef>) -> Result<Vec<ArrayRef>> {
        let of_groups = groups.map(|values| take(values, &UInt32Array::from(self.groups), None)).transpose()?;
        let mut columns: Vec<ArrayRef> = of_groups.into_iter().collect();
        columns.push(Arc::new(Date32Array::from(self.cohorts)));
        columns.push(Arc::new(Int64Array::from(self.sizes)));
        columns.push(Arc::new(Int64Array::from(self.periods)));
        columns.push(Arc::new(Int64Array::from(self.customers)));
        columns.push(Arc::new(Float64Array::from(self.shares)));
        Ok(columns)
    }
}
