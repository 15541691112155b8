//! The relation function `clv_summary`.

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Column as Name, Result};
use datafusion::functions_aggregate::expr_fn::{count, first_value, max, min};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};

use super::options::{
    AMOUNT, CUSTOMER, End, INPUT, OBSERVATION_END, ORDER_TIME, PERIOD, TIME_UNIT, Unit, VALUE, column, customer, mean, purchases,
    total,
};
use crate::adapter::once::once;
use crate::adapter::relation::{Call, RelationFunction, Roles, role};
use crate::docs::{Argument, Column, Doc, Kind};

#[derive(Debug)]
pub struct ClvSummary;

const ARGUMENTS: &[Argument] = &[INPUT, CUSTOMER, ORDER_TIME, AMOUNT, OBSERVATION_END, TIME_UNIT];

const DOC: Doc = Doc {
    name: "clv_summary",
    kind: Kind::Relation,
    domain: "clv",
    summary: "Returns what lifetime models need for each customer: repeat purchases, recency, age and mean value.",
    description: "\
One row per customer, with the columns as the BG/NBD model defines them. Time counts from the customer's first purchase, in whole units:

- `frequency`: number of repeat purchases, that is, units with an order, without the first. Several orders in one unit are one purchase.
- `recency`: time from the first purchase to the last; 0 if there is only one. **This is not the recency of `rfm`**, which counts from the
  last order to today: here a large recency means that the customer was active for a long time.
- `\"T\"`: the age, from the first purchase to the end of observation. The name is upper case, so it needs quotes.
- `monetary_value`: mean value of the repeat purchases, 0 if there are none. The first purchase is excluded because it tends to differ from
  the others. Sums are exact; for decimals and integers the mean is rounded once.

A week begins on Monday. Orders on the last day of observation count, at any time of day; later orders are ignored. Customers without an
order up to then have no row. Remove cancelled orders and refunds first: amounts of any sign are summed.

Rows whose customer, time or amount is NULL, and rows whose amount is NaN or infinite, are dropped and counted.

**Cost.** Orders are grouped by customer and unit first, then by customer: memory grows with the days (weeks, months) on which customers
bought, and what does not fit is written to disk. With a larger `time_unit` there are fewer of them, and purchases within one unit count as one.

**Elsewhere.** `summary_data_from_transaction_data` of Python's lifetimes, and `clv.utils` of pymc-marketing, with the same columns;
`dc.ElogToCbsCbt` of R's BTYD, `clvdata` of CLVTools. In any SQL `count(DISTINCT day) - 1`, `max(day) - min(day)` and the end minus
`min(day)` give the first three columns.",
    arguments: ARGUMENTS,
    columns: &[
        Column { name: "(customer)", data_type: "as the role", text: "customer key, under the column's own name" },
        Column { name: "frequency", data_type: "BIGINT", text: "repeat purchases" },
        Column { name: "recency", data_type: "BIGINT", text: "units from the first purchase to the last" },
        Column { name: "T", data_type: "BIGINT", text: "units from the first purchase to the end of observation" },
        Column { name: "monetary_value", data_type: "DOUBLE", text: "mean value of the repeat purchases; only with `amount`" },
    ],
    examples: &["SELECT customer_id, frequency, recency, \"T\", round(monetary_value, 2) AS monetary_value
FROM clv_summary((SELECT * FROM sample_orders(rows => 2000) WHERE status = 'paid'),
  customer => customer_id, order_time => ordered_at, amount => amount, observation_end => DATE '2025-06-30', time_unit => 'week')
ORDER BY frequency DESC, customer_id LIMIT 5;"],
    source: "P. S. Fader, B. G. S. Hardie, K. L. Lee: \"Counting Your Customers\" the Easy Way (2005)",
    ..Doc::EMPTY
};

impl RelationFunction for ClvSummary {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let mut columns = vec![customer(roles)?];
        columns.extend(["frequency", "recency", "T"].map(|name| column(name, DataType::Int64)));
        columns.extend(roles.get(AMOUNT.name).map(|_| column("monetary_value", DataType::Float64)));
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let unit = Unit::read(&call)?;
        let end = End::read(&call, OBSERVATION_END.name)?;
        let purchases = purchases(&call, unit, end.as_ref(), None)?;
        let mut measures =
            vec![count(role(PERIOD)).alias("purchases"), min(role(PERIOD)).alias("first"), max(role(PERIOD)).alias("last")];
        let value = purchases.schema().field_with_unqualified_name(VALUE).ok().map(|field| field.data_type().clone());
        if let Some(value) = &value {
            measures.push(total(role(VALUE), value).alias("total"));
            measures.push(first_value(role(VALUE), vec![role(PERIOD).sort(true, true)]).alias("first_value"));
        }
        let customers = LogicalPlanBuilder::from(purchases).aggregate(vec![role(CUSTOMER.name)], measures)?.build()?;
        let (rows, last) = match &end {
            Some(end) => (LogicalPlanBuilder::from(customers), unit.period(end.date())),
            None => {
                // The customers are kept until the last order is known.
                let customers = once(customers);
                let last = LogicalPlanBuilder::from(customers.clone())
                    .aggregate(Vec::<Expr>::new(), vec![max(role("last")).alias("end")])?
                    .alias("observed")?
                    .build()?;
                (LogicalPlanBuilder::from(customers).cross_join(last)?, Expr::Column(Name::new(Some("observed"), "end")))
            }
        };
        let frequency = role("purchases") - lit(1_i64);
        let name = &call.roles.required(CUSTOMER.name)?.column;
        let mut columns = vec![
            role(CUSTOMER.name).alias(name),
            frequency.clone().alias("frequency"),
            (role("last") - role("first")).alias("recency"),
            cast(last - role("first"), DataType::Int64).alias("T"),
        ];
        if value.is_some() {
            columns.push(mean(role("total") - role("first_value"), frequency)?.alias("monetary_value"));
        }
        rows.project(columns)?.alias(DOC.name)?.build()
    }
}
