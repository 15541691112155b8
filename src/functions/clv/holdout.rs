//! The relation function `clv_holdout`.

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Column as Name, Result};
use datafusion::functions_aggregate::expr_fn::{count, first_value, max, min};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit, when};

use super::options::{
    AMOUNT, CUSTOMER, End, INPUT, LATER, OBSERVATION_END, ORDER_TIME, PERIOD, TIME_UNIT, Unit, VALUE, column, customer, mean,
    only, purchases, total,
};
use crate::adapter::once::once;
use crate::adapter::relation::{Call, RelationFunction, Roles, role};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;

#[derive(Debug)]
pub struct ClvHoldout;

const CALIBRATION_END: Argument = Argument::required(
    "calibration_end",
    Takes::Moment,
    "last day (included) or last time that the model may see; leave at least as much time after it as you want to predict",
);

const DOC: Doc = Doc {
    name: "clv_holdout",
    kind: Kind::Relation,
    domain: "clv",
    summary: "Returns `clv_summary` up to a day, and each customer's purchases after it, to compare a model with what happened.",
    description: "\
One row per customer who bought up to `calibration_end`. `frequency`, `recency`, `\"T\"` and `monetary_value` are those of `clv_summary`
with `calibration_end` as the end of observation, under the same names, so that you can train a model on them. The columns `…_holdout`
describe the time after that: units with an order, the length of that time, and the mean value of its purchases, 0 if there are none.

Train on the first four columns, predict `expected_purchases` for `duration_holdout`, and compare it with `frequency_holdout`, in total and
by `frequency`. If `calibration_end` is inside a unit, the rest of the unit belongs to the time after it.

Dropped rows: as in `clv_summary`.

**Cost.** As `clv_summary`; the orders are read once for both parts.

**Elsewhere.** `calibration_and_holdout_data` of lifetimes; `estimation.split` of CLVTools. The columns with the suffix `_cal` there have
plain names here, so that one model definition fits both.",
    arguments: &[INPUT, CUSTOMER, ORDER_TIME, AMOUNT, CALIBRATION_END, OBSERVATION_END, TIME_UNIT],
    columns: &[
        Column { name: "(customer)", data_type: "as the role", text: "customer key, under the column's own name" },
        Column { name: "frequency", data_type: "BIGINT", text: "repeat purchases up to `calibration_end`" },
        Column {
            name: "recency",
            data_type: "BIGINT",
            text: "units from the first purchase to the last one up to `calibration_end`",
        },
        Column { name: "T", data_type: "BIGINT", text: "units from the first purchase to `calibration_end`" },
        Column {
            name: "monetary_value",
            data_type: "DOUBLE",
            text: "mean value of the repeat purchases up to `calibration_end`; only with `amount`",
        },
        Column { name: "frequency_holdout", data_type: "BIGINT", text: "purchases after `calibration_end`" },
        Column { name: "duration_holdout", data_type: "BIGINT", text: "units from `calibration_end` to the end of observation" },
        Column {
            name: "monetary_value_holdout",
            data_type: "DOUBLE",
            text: "mean value of the purchases after `calibration_end`; only with `amount`",
        },
    ],
    examples: &["SELECT frequency, count(*) AS customers, avg(frequency_holdout) AS purchases_after
FROM clv_holdout((SELECT * FROM sample_orders(rows => 2000) WHERE status = 'paid'), customer => customer_id, order_time => ordered_at, amount => amount,
  calibration_end => DATE '2024-12-31', observation_end => DATE '2025-06-30')
GROUP BY frequency ORDER BY frequency LIMIT 5;"],
    source: "P. S. Fader, B. G. S. Hardie, K. L. Lee: \"Counting Your Customers\" the Easy Way (2005)",
    ..Doc::EMPTY
};

impl RelationFunction for ClvHoldout {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let whole = |name: &str| column(name, DataType::Int64);
        let money = |name: &str| roles.get(AMOUNT.name).map(|_| column(name, DataType::Float64));
        let mut columns = vec![customer(roles)?, whole("frequency"), whole("recency"), whole("T")];
        columns.extend(money("monetary_value"));
        columns.extend([whole("frequency_holdout"), whole("duration_holdout")]);
        columns.extend(money("monetary_value_holdout"));
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let unit = Unit::read(&call)?;
        let end = End::read(&call, OBSERVATION_END.name)?;
        let Some(calibration) = End::read(&call, CALIBRATION_END.name)? else {
            return Err(invalid(DOC.name, "calibration_end is missing; write calibration_end => DATE '…'"));
        };
        if end.as_ref().is_some_and(|end| end.day < calibration.day) {
            return Err(invalid(DOC.name, "observation_end must not be before calibration_end; give a later day"));
        }
        let purchases = purchases(&call, unit, end.as_ref(), Some(&calibration))?;
        let seen = || !role(LATER);
        let mut measures = vec![
            count(only(seen(), role(PERIOD))?).alias("purchases"),
            count(only(role(LATER), role(PERIOD))?).alias("purchases_later"),
            min(only(seen(), role(PERIOD))?).alias("first"),
            max(only(seen(), role(PERIOD))?).alias("last"),
            max(role(PERIOD)).alias("last_of_all"),
        ];
        let value = purchases.schema().field_with_unqualified_name(VALUE).ok().map(|field| field.data_type().clone());
        if let Some(value) = &value {
            measures.push(total(only(seen(), role(VALUE))?, value).alias("total"));
            measures.push(total(only(role(LATER), role(VALUE))?, value).alias("total_later"));
            // What calibration sees comes first.
            let order = vec![role(LATER).sort(true, true), role(PERIOD).sort(true, true)];
            measures.push(first_value(role(VALUE), order).alias("first_value"));
        }
        let customers = LogicalPlanBuilder::from(purchases).aggregate(vec![role(CUSTOMER.name)], measures)?.build()?;
        let (rows, last) = match &end {
            Some(end) => (LogicalPlanBuilder::from(customers), unit.period(end.date())),
            None => {
                let customers = once(customers);
                let last = LogicalPlanBuilder::from(customers.clone())
                    .aggregate(Vec::<Expr>::new(), vec![max(role("last_of_all")).alias("end")])?
                    .alias("observed")?
                    .build()?;
                (LogicalPlanBuilder::from(customers).cross_join(last)?, Expr::Column(Name::new(Some("observed"), "end")))
            }
        };
        let frequency = role("purchases") - lit(1_i64);
        let calibrated = || unit.period(calibration.date());
        let name = &call.roles.required(CUSTOMER.name)?.column;
        let mut columns = vec![
            role(CUSTOMER.name).alias(name),
            frequency.clone().alias("frequency"),
            (role("last") - role("first")).alias("recency"),
            (calibrated() - role("first")).alias("T"),
        ];
        if value.is_some() {
            columns.push(mean(role("total") - role("first_value"), frequency)?.alias("monetary_value"));
        }
        columns.push(role("purchases_later").alias("frequency_holdout"));
        // If the last order lies within the calibration period, no holdout period is left.
        let after = when(last.clone().gt(calibrated()), last - calibrated()).otherwise(lit(0_i64))?;
        columns.push(after.alias("duration_holdout"));
        if value.is_some() {
            columns.push(mean(role("total_later"), role("purchases_later"))?.alias("monetary_value_holdout"));
        }
        rows.filter(role("purchases").gt(lit(0_i64)))?.project(columns)?.alias(DOC.name)?.build()
    }
}
