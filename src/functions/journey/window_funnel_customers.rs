//! The relation function `window_funnel_customers`.

use std::marker::PhantomData;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, ListArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;
use serde::{Deserialize, Serialize};

use super::by_customer::{DetailOf, Run, Work};
use super::funnel::{ARGUMENTS, ByGroup, Form, Given, SEMANTICS, Ungrouped, check, group_columns, plan};
use super::options::{CUSTOMER, EVENT_TIME, own, times_as};
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::docs::{Column, Doc, Kind};
use crate::kernels::control::Stop;
use crate::kernels::journey::events::Event;
use crate::kernels::journey::funnel::{Group, Scan};

#[derive(Debug)]
pub struct WindowFunnelCustomers;

const DOC: Doc = Doc {
    name: "window_funnel_customers",
    kind: Kind::Relation,
    domain: "journey",
    summary: "Shows how far each customer gets in a funnel, and when each step was done.",
    description: SEMANTICS,
    arguments: ARGUMENTS,
    columns: &[
        Column {
            name: "(customer)",
            data_type: "as the role",
            text: "customer key, under the column's own name; customers who did the first step",
        },
        Column {
            name: "(per)",
            data_type: "as the role",
            text: "the group, under the column's own name; only with `per`, and then one row per customer and group",
        },
        Column {
            name: "period",
            data_type: "DATE",
            text: "first day of the period in which the chain began; NULL without `interval`",
        },
        Column { name: "deepest_step", data_type: "BIGINT", text: "last step of the deepest chain, from 1" },
        Column { name: "started_at", data_type: "as event_time", text: "when the chain began" },
        Column { name: "reached_at", data_type: "as event_time", text: "time of the deepest step" },
        Column {
            name: "step_times",
            data_type: "list, as event_time",
            text: "time of each step. Among chains of the same depth, the one that reached it first is shown; among those, the one that started last",
        },
    ],
    examples: &["SELECT customer_id, deepest_step, started_at, reached_at
FROM window_funnel_customers(sample_events(rows => 2000), customer => customer_id, event_time => event_time,
  steps => [event = 'view', event = 'cart', event = 'pay'], within => INTERVAL '7 days')
ORDER BY deepest_step DESC, customer_id LIMIT 5;"],
    source: "the semantics of ClickHouse's aggregate function windowFunnel",
    ..Doc::EMPTY
};

impl RelationFunction for WindowFunnelCustomers {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        check(DOC.name, roles)?;
        let time = roles.data_type(EVENT_TIME.name)?;
        let mut columns = vec![own(roles.required(CUSTOMER.name)?, false)];
        columns.extend(roles.get("per").map(|role| own(role, true)));
        let mut add =
            |name: &str, data_type: DataType, nullable: bool| columns.push(Arc::new(Field::new(name, data_type, nullable)));
        add("period", DataType::Date32, true);
        add("deepest_step", DataType::Int64, false);
        add("started_at", time.clone(), false);
        add("reached_at", time.clone(), false);
        add("step_times", DataType::List(Arc::new(Field::new_list_field(time.clone(), false))), false);
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        plan(call, Deepest::<Ungrouped>::new, Deepest::<ByGroup>::new)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Deepest<F> {
    given: Given,
    form: PhantomData<F>,
}

impl<F> Deepest<F> {
    fn new(given: Given) -> Self {
        Self { given, form: PhantomData }
    }
}

impl Plain for Deepest<Ungrouped> {
    const NAME: &'static str = "WindowFunnelCustomers";
}

impl Plain for Deepest<ByGroup> {
    const NAME: &'static str = "WindowFunnelCustomersByGroup";
}

/// Rows of a worker that are still to be sent.
#[derive(Debug, Default)]
pub struct Rows {
    scan: Scan,
    customers: Vec<u64>,
    groups: Vec<Group>,
    depths: Vec<usize>,
    times: Vec<i64>,
}

impl<F: Form> Work for Deepest<F>
where
    Self: Plain,
{
    const FUNCTION: &'static str = DOC.name;

    type Reading = F::Reading;
    type State = Rows;

    fn has_ties(&self) -> bool {
        self.given.has_ties
    }

    fn reading(&self, schema: &Schema) -> Result<F::Reading> {
        F::reading(&self.given, schema)
    }

    fn state(&self) -> Rows {
        Rows::default()
    }

    fn visit(&self, rows: &mut Rows, customer: u64, events: &[Event<DetailOf<Self>>], run: &Run<'_>) -> Result<(), Stop> {
        let Rows { scan, customers, groups, depths, times } = rows;
        scan.each_group(&self.given.funnel, events, |group, chain| {
            customers.push(customer);
            groups.push(group);
            depths.push(chain.len());
            times.extend_from_slice(chain);
            Ok(())
        })?;
        if rows.customers.len() >= run.worker.batch_size { self.hand_on(rows, run) } else { Ok(()) }
    }

    fn hand_on(&self, rows: &mut Rows, run: &Run<'_>) -> Result<(), Stop> {
        if rows.customers.is_empty() {
            return Ok(());
        }
        let columns = self.columns(rows, run);
        rows.customers.clear();
        rows.groups.clear();
        rows.depths.clear();
        rows.times.clear();
        run.worker.send(columns)
    }

    fn finish(&self, _states: Vec<Rows>, _run: &Run<'_>) -> Result<(), Stop> {
        Ok(())
    }
}

impl<F> Deepest<F> {
    fn columns(&self, rows: &Rows, run: &Run<'_>) -> Result<Vec<ArrayRef>> {
        let schema = run.worker.schema();
        let time_type = schema.field(schema.fields().len() - 2).data_type();
        let ends: Vec<usize> = rows
            .depths
            .iter()
            .scan(0, |end, depth| {
                *end += depth;
                Some(*end)
            })
            .collect();
        let started = ends.iter().zip(&rows.depths).map(|(end, depth)| rows.times[end - depth]).collect();
        let reached = ends.iter().map(|end| rows.times[end - 1]).collect();
        let mut columns = vec![run.customers.values(&rows.customers)?];
        columns.extend(group_columns(&self.given, run.codes, &rows.groups)?);
        columns.push(Arc::new(rows.depths.iter().map(|depth| Some(*depth as i64)).collect::<Int64Array>()));
        columns.push(times_as(time_type, started)?);
        columns.push(times_as(time_type, reached)?);
        let item = Arc::new(Field::new_list_field(time_type.clone(), false));
        let offsets = OffsetBuffer::from_lengths(rows.depths.iter().copied());
        columns.push(Arc::new(ListArray::try_new(item, offsets, times_as(time_type, rows.times.clone())?, None)?));
        Ok(columns)
    }
}
