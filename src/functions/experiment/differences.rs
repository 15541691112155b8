//! The relation function `difference_in_differences`.
//!
//! ```text
//! input ─▶ sums per (customer, period) ─▶ customers × periods, the change of each ─▶ exact sums per (stratum, side, period) ─▶ gains
//!          (aggregate; read once)          (joins)                                     (aggregate)                              (a step)
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Date32Array, Float64Array, Int64Array, RecordBatch};
use datafusion::arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, partition, take_record_batch};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::{Column as Name, JoinType, Result, ScalarValue};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::bool_and_or::bool_or_udaf;
use datafusion::functions_aggregate::expr_fn::min;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit, when};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use super::moments::{Measured, moments, read};
use super::periods::{PeriodOf, Unit, sum_of};
use super::result::{CONFIDENCE, between};
use crate::adapter::arguments::Moment;
use crate::adapter::once::once;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles, role};
use crate::adapter::step::{LeftOut, Step, StepContext, Streams, only_stream};
use crate::adapter::usable_rows::usable_by_first;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::kernels::experiment::Alternative;
use crate::kernels::experiment::differences::{Gain, Stratum, gain};
use crate::kernels::special::{normal_cdf, normal_quantile};

/// Estimates the effect of a measure on those it was meant for, without an experiment.
#[derive(Debug)]
pub struct DifferenceInDifferences;

/// Stands for all periods after the start together; the largest number, so that this row comes last.
const TOGETHER: i64 = i64::MAX;

const DOC: Doc = Doc {
    name: "difference_in_differences",
    kind: Kind::Relation,
    domain: "experiment",
    summary: "Estimates the effect of a measure without random groups: treated customers against matched customers, before and after, by period.",
    description: "\
For measures without random assignment: a segment was treated, and you ask what the effect was. The value of each customer in each period is
the sum over their rows, 0 in a period without rows; its *change* is this value minus the customer's mean over the periods before `start`.
Treated customers are compared with other customers who have the same values of `match` (exact matching on strata; cut numbers into bands).
Match on what was known before the start: level, region, months since the first order. `difference` is the mean change of the treated minus
that of the controls, where each stratum has the weight of its treated customers: the effect on the treated.

One row per period, where -1 is the last period before the start and 0 the first from it on, and a last row with NULL for the mean over all
periods from the start on. `start` belongs to the period that it lies in; start with a whole period. **Look first at the periods before the
start**: there was no measure yet, so if their differences are not near 0, the two sides developed differently anyway, and later differences
are not an effect of the measure.

`std_err` assumes independent customers; `p_value` and interval use the normal distribution. Treated customers in strata with fewer than two
customers on either side cannot be compared: they are dropped and counted. A customer is treated if any of their rows says so; for other
columns, the customer's smallest value is used. Include a row, with a NULL time, also for customers without any order. Rows without a
customer or `treated` are dropped and counted.

**Cost.** The input is read once and summed by customer and period; then customers times periods rows are compared, and are written to disk if memory
is short. `before` and `after` are the factor.

**Elsewhere.** `feols(y ~ treated:post | customer + period)` of R's fixest, the packages `did` and MatchIt, `xtdidregress` in Stata,
`statsmodels` with dummies: they also give clustered errors and other weights. No database has it.",
    arguments: &[
        Argument::required("input", Takes::Relation, "customers with what they did: for example orders joined to customers"),
        Argument::required(
            "customer",
            Takes::Column,
            "key of the customer, of any type; rows where it is NULL are dropped and counted",
        ),
        Argument::required("treated", Takes::Condition, "whether the customer was treated: for example, is in the segment"),
        Argument::required("event_time", Takes::Time, "time of the row; NULL for a customer without any"),
        Argument::required("value", Takes::Number, "value to sum: an amount, or 1 to count; NULL adds nothing"),
        Argument::required("start", Takes::Moment, "when the measure began; a whole period, such as the first of a month"),
        Argument::required("match", Takes::Features, "columns whose values must be equal for controls; [1] for none"),
        Argument::optional("period", Takes::Choice(Unit::NAMES), "'month'", "unit of the periods"),
        Argument::optional(
            "before",
            Takes::Integer(1, 1000),
            "3",
            "number of periods before the start that are compared, to see whether both sides ran in parallel",
        ),
        Argument::optional("after", Takes::Integer(1, 1000), "3", "number of periods from the start on whose effect is measured"),
        CONFIDENCE,
    ],
    columns: &[
        Column { name: "period", data_type: "BIGINT", text: "periods since the start; NULL: all periods from the start on" },
        Column { name: "period_start", data_type: "DATE", text: "first day of the period" },
        Column { name: "treated_customers", data_type: "BIGINT", text: "treated customers with controls" },
        Column { name: "control_customers", data_type: "BIGINT", text: "the control customers" },
        Column { name: "treated_mean", data_type: "DOUBLE", text: "mean value of the treated in the period" },
        Column { name: "control_mean", data_type: "DOUBLE", text: "mean value of the controls, weighted like the treated" },
        Column { name: "difference", data_type: "DOUBLE", text: "mean change of the treated minus that of the controls" },
        Column { name: "std_err", data_type: "DOUBLE", text: "standard error of the difference" },
        Column { name: "lower", data_type: "DOUBLE", text: "lower end of the interval" },
        Column { name: "upper", data_type: "DOUBLE", text: "upper end of the interval" },
        Column {
            name: "p_value",
            data_type: "DOUBLE",
            text: "probability of a difference at least this large without an effect",
        },
    ],
    examples: &["SELECT period, period_start, treated_customers AS treated, round(treated_mean, 2) AS treated_mean, round(control_mean, 2) AS control_mean, round(difference, 2) AS difference, round(p_value, 4) AS p_value
FROM difference_in_differences((SELECT c.customer_id, c.city = '上海' AS in_segment, c.gender, o.ordered_at, o.amount
    FROM sample_customers(rows => 500) AS c LEFT JOIN sample_orders(rows => 5000) AS o USING (customer_id)),
  customer => customer_id, treated => in_segment, event_time => ordered_at, value => amount, start => DATE '2025-01-01', match => [gender]);"],
    source: "S. M. Iacus, G. King, G. Porro: Causal Inference without Balance Checking: Coarsened Exact Matching (2012); J. D. Angrist, J.-S. Pischke: Mostly Harmless Econometrics (2009)",
    ..Doc::EMPTY
};

impl RelationFunction for DifferenceInDifferences {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, _roles: &Roles) -> Result<Vec<FieldRef>> {
        let field = |(name, data_type): (&str, DataType)| -> FieldRef { Arc::new(Field::new(name, data_type, true)) };
        let mut columns = vec![field(("period", DataType::Int64)), field(("period_start", DataType::Date32))];
        columns.extend(["treated_customers", "control_customers"].map(|name| field((name, DataType::Int64))));
        let reals = ["treated_mean", "control_mean", "difference", "std_err", "lower", "upper", "p_value"];
        columns.extend(reals.map(|name| field((name, DataType::Float64))));
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let start = match call.options.moment("start") {
            Some(Moment::Day(day)) => *day,
            Some(instant @ Moment::Instant(_)) => {
                let day = instant.last_microsecond().map(|time| time.div_euclid(86_400_000_000));
                day.and_then(|day| i32::try_from(day).ok())
                    .ok_or_else(|| invalid(DOC.name, "start is out of the range of dates"))?
            }
            None => return Err(invalid(DOC.name, "start is missing; write start => DATE '…'")),
        };
        let unit = Unit::named(call.options.word("period")?);
        let (before, after) = (call.options.integer("before")?, call.options.integer("after")?);
        let periods = PeriodOf { unit, start, before, after };
        let matched: Vec<String> = call.roles.list("match").map(|(_, role)| role.field.name().clone()).collect();
        let changes = changes(&call, &periods, &matched)?;
        let step = Gains { periods, strata: matched.len(), confidence: between(&call, CONFIDENCE.name)? };
        step.over([changes], call.schema)
    }
}

/// A sum of an expression of type DOUBLE, exact in any order.
fn total(value: Expr) -> Expr {
    moments(Measured { metric: value, denominator: None, covariate: None, cap: None })
}

/// Rows of (match …, treated, period, sums of the changes and levels).
fn changes(call: &Call, periods: &PeriodOf, matched: &[String]) -> Result<LogicalPlan> {
    let value = cast(role("value"), DataType::Float64);
    let mut columns = vec![
        role("customer"),
        role("treated"),
        periods.of(cast(role("event_time"), DataType::Date32)).alias("period"),
        when(value.clone().between(lit(f64::MIN), lit(f64::MAX)), value).end()?.alias("value"),
    ];
    columns.extend(matched.iter().map(|name| role(name)));
    let rows = LogicalPlanBuilder::from(call.input()?).project(columns)?.build()?;
    let of_customer = || {
        let treated = bool_or_udaf().call(vec![role("treated")]).alias("treated");
        std::iter::once(treated).chain(matched.iter().map(|name| min(role(name)).alias(name.as_str())))
    };
    let measures: Vec<Expr> = of_customer().chain([total(role("value")).alias("sums")]).collect();
    let kept = |name: &str| -> Vec<Expr> {
        let columns = ["customer", "treated"].into_iter().chain(matched.iter().map(String::as_str));
        columns.map(|column| Expr::Column(Name::new(Some(name), column)).alias(column)).collect()
    };
    let mut columns: Vec<Expr> = ["customer", "period", "treated"].map(role).into();
    columns.extend(matched.iter().map(|name| role(name)));
    columns.push(sum_of(role("sums")).alias("value"));
    let sums = LogicalPlanBuilder::from(usable_by_first(rows, 2)?)
        .aggregate(vec![role("customer"), role("period")], measures)?
        .project(columns)?
        .build()?;
    let sums = once(sums);
    // One row per customer, with the means before and after.
    let part = |condition: Expr| when(condition, role("value")).end();
    let measures: Vec<Expr> = of_customer()
        .chain([
            total(part(role("period").lt(lit(0_i64)))?).alias("before"),
            total(part(role("period").gt_eq(lit(0_i64)))?).alias("after"),
        ])
        .collect();
    let mut columns: Vec<Expr> = ["customer", "treated"].map(role).into();
    columns.extend(matched.iter().map(|name| role(name)));
    columns.push((sum_of(role("before")) / lit(periods.before as f64)).alias("before"));
    columns.push((sum_of(role("after")) / lit(periods.after as f64)).alias("after"));
    let customers =
        LogicalPlanBuilder::from(sums.clone()).aggregate(vec![role("customer")], measures)?.project(columns)?.build()?;
    let customers = once(customers);
    let numbers = (-periods.before..periods.after).map(|period| vec![lit(period)]).collect();
    let numbers = LogicalPlanBuilder::values(numbers)?.project(vec![role("column1").alias("period")])?.alias("n")?.build()?;
    let of = |table: &str, column: &str| Expr::Column(Name::new(Some(table), column));
    let keys = |table: &str| vec![Name::new(Some(table), "customer"), Name::new(Some(table), "period")];
    // Every customer in every period.
    let mut columns = kept("c");
    columns.extend([of("n", "period").alias("period"), of("c", "before").alias("before")]);
    let grid = LogicalPlanBuilder::from(customers.clone()).alias("c")?.cross_join(numbers)?.project(columns)?.alias("g")?;
    let values = LogicalPlanBuilder::from(sums).project(["customer", "period", "value"].map(role))?.alias("s")?.build()?;
    let level = coalesce(vec![of("s", "value"), lit(0.0_f64)]);
    let mut columns = kept("g");
    columns.push(of("g", "period").alias("period"));
    columns.push((level.clone() - of("g", "before")).alias("change"));
    columns.push(level.alias("level"));
    let each = grid.join(values, JoinType::Left, (keys("g"), keys("s")), None)?.project(columns)?;
    let mut columns = kept("c");
    columns.push(lit(ScalarValue::Int64(Some(TOGETHER))).alias("period"));
    columns.push((of("c", "after") - of("c", "before")).alias("change"));
    columns.push(of("c", "after").alias("level"));
    let together = LogicalPlanBuilder::from(customers).alias("c")?.project(columns)?.build()?;
    let mut keys: Vec<Expr> = matched.iter().map(|name| role(name)).collect();
    keys.extend([role("period"), role("treated")]);
    let measured = Measured { metric: role("change"), denominator: None, covariate: Some(role("level")), cap: None };
    each.union(together)?.aggregate(keys, vec![moments(measured).alias("sums")])?.build()
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Gains {
    periods: PeriodOf,
    strata: usize,
    confidence: f64,
}

impl Plain for Gains {
    const NAME: &'static str = "DifferenceInDifferences";
}

/// The strata of each period, in order.
type Periods = BTreeMap<i64, Vec<Stratum>>;

impl Step for Gains {
    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let (mut input, schema) = (only_stream(inputs)?, Arc::clone(&context.schema));
        let (of_period, strata, confidence) = (self.periods.clone(), self.strata, self.confidence);
        let result = async move {
            let (of_input, mut batches) = (input.schema(), vec![]);
            while let Some(batch) = input.next().await {
                let batch = batch?;
                context.memory.try_grow(4 * batch.get_array_memory_size())?;
                batches.push(batch);
            }
            let periods = periods(&concat_batches(&of_input, &batches)?, strata)?;
            let unmatched = periods.get(&TOGETHER).map_or(0, |strata| {
                strata.iter().filter(|stratum| !stratum.is_matched()).map(|stratum| stratum.treated.rows).sum::<i64>()
            });
            let what = LeftOut {
                counter: "treated_customers_without_control".into(),
                one: "treated customer without control".into(),
                many: "treated customers without control".into(),
            };
            context.left_out(what).add(usize::try_from(unmatched).unwrap_or(0));
            Ok(RecordBatch::try_new(Arc::clone(&context.schema), shown(&periods, &of_period, confidence))?)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::once(result))))
    }
}

fn periods(rows: &RecordBatch, strata: usize) -> Result<Periods> {
    let mut periods = Periods::new();
    if rows.num_rows() == 0 {
        return Ok(periods);
    }
    let keys: Vec<SortColumn> =
        rows.columns()[..strata + 2].iter().map(|values| SortColumn { values: Arc::clone(values), options: None }).collect();
    let rows = take_record_batch(rows, &lexsort_to_indices(&keys, None)?)?;
    let ranges = match strata {
        0 => std::iter::once(0..rows.num_rows()).collect(),
        _ => partition(&rows.columns()[..strata])?.ranges(),
    };
    let numbers = rows.column(strata).as_primitive::<Int64Type>();
    let treated = rows.column(strata + 1).as_boolean();
    for range in ranges {
        let mut of_stratum: BTreeMap<i64, Stratum> = BTreeMap::new();
        for row in range {
            let stratum = of_stratum.entry(numbers.value(row)).or_default();
            let side = if treated.value(row) { &mut stratum.treated } else { &mut stratum.control };
            *side = read(rows.column(strata + 2), row);
        }
        for (period, stratum) in of_stratum {
            periods.entry(period).or_default().push(stratum);
        }
    }
    Ok(periods)
}

fn shown(periods: &Periods, of: &PeriodOf, confidence: f64) -> Vec<ArrayRef> {
    let gains: Vec<_> = periods.iter().map(|(period, strata)| (*period, gain(strata.iter()))).collect();
    let whole = |of: &dyn Fn(&Found) -> Option<i64>| -> ArrayRef { Arc::new(gains.iter().map(of).collect::<Int64Array>()) };
    let real = |of: &dyn Fn(&Found) -> Option<f64>| -> ArrayRef {
        Arc::new(gains.iter().map(|gain| of(gain).filter(|value| value.is_finite())).collect::<Float64Array>())
    };
    let factor = normal_quantile(0.5 + confidence / 2.0);
    let first_day = |period: i64| of.unit.first_day(of.start, if period == TOGETHER { 0 } else { period });
    vec![
        whole(&|(period, _)| (*period != TOGETHER).then_some(*period)),
        Arc::new(gains.iter().map(|(period, _)| first_day(*period)).collect::<Date32Array>()),
        whole(&|(_, gain)| Some(gain.map_or(0, |gain| gain.treated))),
        whole(&|(_, gain)| Some(gain.map_or(0, |gain| gain.control))),
        real(&|(_, gain)| Some((*gain)?.treated_mean)),
        real(&|(_, gain)| Some((*gain)?.control_mean)),
        real(&|(_, gain)| Some((*gain)?.difference)),
        real(&|(_, gain)| Some((*gain)?.std_err)),
        real(&|(_, gain)| gain.map(|gain| gain.difference - factor * gain.std_err)),
        real(&|(_, gain)| gain.map(|gain| gain.difference + factor * gain.std_err)),
        real(&|(_, gain)| {
            let gain = (*gain)?;
            (gain.std_err > 0.0).then(|| Alternative::TwoSided.p_value(gain.difference / gain.std_err, normal_cdf))
        }),
    ]
}

/// A period and its gain.
type Found = (i64, Option<Gain>);
