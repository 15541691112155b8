//! The relation function `window_funnel`.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;
use serde::{Deserialize, Serialize};

use super::by_customer::{DetailOf, Run, Work};
use super::funnel::{ARGUMENTS, ByGroup, Form, Given, SEMANTICS, Ungrouped, check, conditions, group_columns, plan};
use super::options::{median, own, per_second};
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::docs::{Column, Doc, Kind};
use crate::kernels::control::Stop;
use crate::kernels::journey::events::Event;
use crate::kernels::journey::funnel::{Group, Scan};

#[derive(Debug)]
pub struct WindowFunnel;

const DOC: Doc = Doc {
    name: "window_funnel",
    kind: Kind::Relation,
    domain: "journey",
    summary: "Counts how many customers reach each step of a funnel within a time window, and how long they take.",
    description: SEMANTICS,
    arguments: ARGUMENTS,
    columns: &[
        Column { name: "(per)", data_type: "as the role", text: "the group, under the column's own name; only with `per`" },
        Column {
            name: "period",
            data_type: "DATE",
            text: "first day of the period in which the chain began; NULL without `interval`",
        },
        Column { name: "step", data_type: "BIGINT", text: "from 1" },
        Column { name: "condition", data_type: "VARCHAR", text: "condition of the step, as written" },
        Column { name: "customers", data_type: "BIGINT", text: "customers whose deepest chain reached the step" },
        Column {
            name: "conversion",
            data_type: "DOUBLE",
            text: "share of the customers of the first step; NULL if there are none",
        },
        Column { name: "step_conversion", data_type: "DOUBLE", text: "share of the customers of the previous step" },
        Column {
            name: "median_seconds",
            data_type: "DOUBLE",
            text: "median time from the previous step, in the chains that count; NULL for the first step",
        },
        Column {
            name: "median_seconds_from_first",
            data_type: "DOUBLE",
            text: "median time from the first step, in the chains that count; NULL for the first step",
        },
    ],
    examples: &["SELECT step, condition, customers, round(conversion, 3) AS conversion, round(median_seconds) AS median_seconds
FROM window_funnel(sample_events(rows => 2000), customer => customer_id, event_time => event_time,
  steps => [event = 'view', event = 'cart', event = 'pay'], within => INTERVAL '7 days')
ORDER BY step;"],
    source: "the semantics of ClickHouse's aggregate function windowFunnel",
    ..Doc::EMPTY
};

impl RelationFunction for WindowFunnel {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        check(DOC.name, roles)?;
        let mut columns: Vec<FieldRef> = roles.get("per").map(|role| own(role, true)).into_iter().collect();
        let mut add =
            |name: &str, data_type: DataType, nullable: bool| columns.push(Arc::new(Field::new(name, data_type, nullable)));
        add("period", DataType::Date32, true);
        add("step", DataType::Int64, false);
        add("condition", DataType::Utf8, false);
        add("customers", DataType::Int64, false);
        for name in ["conversion", "step_conversion", "median_seconds", "median_seconds_from_first"] {
            add(name, DataType::Float64, true);
        }
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let (conditions, per_second) = (conditions(&call.roles), per_second(&call.roles)?);
        let told = Told { conditions, per_second };
        plan(call, |given| Steps::<Ungrouped>::new(given, told.clone()), |given| Steps::<ByGroup>::new(given, told.clone()))
    }
}

/// What the result needs besides the funnel.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Told {
    conditions: Vec<String>,
    per_second: i64,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Steps<F> {
    given: Given,
    told: Told,
    form: PhantomData<F>,
}

impl<F> Steps<F> {
    fn new(given: Given, told: Told) -> Self {
        Self { given, told, form: PhantomData }
    }
}

impl Plain for Steps<Ungrouped> {
    const NAME: &'static str = "WindowFunnel";
}

impl Plain for Steps<ByGroup> {
    const NAME: &'static str = "WindowFunnelByGroup";
}

/// The customers of a group at each step, and how long each took: from the step before, and from the first.
#[derive(Debug, Default)]
struct Reached {
    customers: Vec<i64>,
    from_previous: Vec<Vec<i64>>,
    from_first: Vec<Vec<i64>>,
}

impl Reached {
    fn add(&mut self, times: &[i64]) {
        for (step, time) in times.iter().enumerate() {
            self.customers[step] += 1;
            if let Some(before) = step.checked_sub(1) {
                self.from_previous[step].push(time.saturating_sub(times[before]));
                self.from_first[step].push(time.saturating_sub(times[0]));
            }
        }
    }

    fn of(steps: usize) -> Self {
        Self { customers: vec![0; steps], from_previous: vec![vec![]; steps], from_first: vec![vec![]; steps] }
    }

    fn join(&mut self, other: Self) {
        for (own, other) in self.customers.iter_mut().zip(other.customers) {
            *own += other;
        }
        for (own, other) in [(&mut self.from_previous, other.from_previous), (&mut self.from_first, other.from_first)] {
            own.iter_mut().zip(other).for_each(|(own, other)| own.extend(other));
        }
    }

    fn bytes(&self) -> usize {
        self.from_previous.iter().chain(&self.from_first).map(|times| 8 * times.capacity()).sum()
    }
}

/// What a worker has found.
#[derive(Debug, Default)]
pub struct Found {
    scan: Scan,
    groups: BTreeMap<Group, Reached>,
    reserved: usize,
}

impl<F: Form> Work for Steps<F>
where
    Self: Plain,
{
    const FUNCTION: &'static str = DOC.name;

    type Reading = F::Reading;
    type State = Found;

    fn has_ties(&self) -> bool {
        self.given.has_ties
    }

    fn reading(&self, schema: &Schema) -> Result<F::Reading> {
        F::reading(&self.given, schema)
    }

    fn state(&self) -> Found {
        Found::default()
    }

    fn visit(&self, found: &mut Found, _customer: u64, events: &[Event<DetailOf<Self>>], _run: &Run<'_>) -> Result<(), Stop> {
        let Found { scan, groups, .. } = found;
        let steps = self.given.funnel.steps;
        scan.each_group(&self.given.funnel, events, |group, times| {
            groups.entry(group).or_insert_with(|| Reached::of(steps)).add(times);
            Ok(())
        })
    }

    fn hand_on(&self, found: &mut Found, run: &Run<'_>) -> Result<(), Stop> {
        let bytes = found.groups.values().map(Reached::bytes).sum::<usize>();
        if bytes > found.reserved {
            if !run.control.budget.grow(bytes - found.reserved) {
                return Err(Stop::OutOfMemory(bytes - found.reserved));
            }
            found.reserved = bytes;
        }
        Ok(())
    }

    fn finish(&self, states: Vec<Found>, run: &Run<'_>) -> Result<(), Stop> {
        let steps = self.given.funnel.steps;
        let mut groups: BTreeMap<Group, Reached> = BTreeMap::new();
        for state in states {
            for (group, reached) in state.groups {
                groups.entry(group).or_insert_with(|| Reached::of(steps)).join(reached);
            }
        }
        if groups.is_empty() && self.given.is_one() {
            groups.insert((0, 0), Reached::of(steps));
        }
        let mut rows = Rows::default();
        for (group, reached) in groups {
            for (step, (customers, times)) in
                reached.customers.iter().zip(reached.from_previous.into_iter().zip(reached.from_first)).enumerate()
            {
                let of = |whole: i64| (whole > 0).then(|| *customers as f64 / whole as f64);
                rows.groups.push(group);
                rows.steps.push(step as i64 + 1);
                rows.conditions.push(self.told.conditions[step].clone());
                rows.customers.push(*customers);
                rows.conversions.push(of(reached.customers[0]));
                rows.step_conversions.push(of(reached.customers[step.saturating_sub(1)]));
                rows.medians.push(median(times.0, self.told.per_second));
                rows.medians_from_first.push(median(times.1, self.told.per_second));
            }
        }
        run.worker.send(rows.columns(&self.given, run))
    }
}

#[derive(Debug, Default)]
struct Rows {
    groups: Vec<Group>,
    steps: Vec<i64>,
    conditions: Vec<String>,
    customers: Vec<i64>,
    conversions: Vec<Option<f64>>,
    step_conversions: Vec<Option<f64>>,
    medians: Vec<Option<f64>>,
    medians_from_first: Vec<Option<f64>>,
}

impl Rows {
    fn columns(self, given: &Given, run: &Run<'_>) -> Result<Vec<ArrayRef>> {
        let mut columns = group_columns(given, run.codes, &self.groups)?;
        columns.push(Arc::new(Int64Array::from(self.steps)));
        columns.push(Arc::new(StringArray::from(self.conditions)));
        columns.push(Arc::new(Int64Array::from(self.customers)));
        for values in [self.conversions, self.step_conversions, self.medians, self.medians_from_first] {
            columns.push(Arc::new(Float64Array::from(values)));
        }
        Ok(columns)
    }
}
