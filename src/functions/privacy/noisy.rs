//! The relation functions `noisy_count` and `noisy_sum`.
//!
//! ```text
//! rows ─▶ one row per person: its rows, or the sum of its amounts ─▶ each clipped to the bounds, then summed ─▶ ε is spent ─▶ noise ─▶ answer
//! ```
//! Everything is counted in whole units, so that neither the order of rows nor floating-point rounding reveals anything.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::compute::cast as cast_array;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef};
use datafusion::common::{Column as Name, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::functions::core::expr_fn::{greatest, least};
use datafusion::functions::math::expr_fn::{isnan, round};
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit, not};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::adapter::arguments::Options;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles, role};
use crate::adapter::step::{Step, StepContext, Streams, only_stream};
use crate::catalog::budgets::MILLIONTHS;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::{failed, invalid};
use crate::kernels::privacy::noise::{Fraction, SystemBits, noisy};

const INPUT: Argument = Argument::required("input", Takes::Relation, "rows of persons, any number for each");
const PERSON: Argument =
    Argument::required("person", Takes::Column, "whose row it is: what is protected is all that a person has in the input");
const VALUE: Argument =
    Argument::required("value", Takes::Number, "column that is added up; rows where it is NULL or NaN do not count");
const LOWER: Argument = Argument::required(
    "lower",
    Takes::Float(-1e12, 1e12),
    "the least that a person's sum counts as, in the unit of `value`: often 0",
);
const UPPER: Argument = Argument::required(
    "upper",
    Takes::Float(-1e12, 1e12),
    "the most that a person's sum counts as: what most persons stay below; noise grows with it",
);
const ROWS_PER_PERSON: Argument = Argument::optional(
    "rows_per_person",
    Takes::Integer(1, 1_000_000),
    "1",
    "the most rows that a person counts with; 1 counts persons",
);
const UNIT: Argument = Argument::optional(
    "unit",
    Takes::Float(1e-6, 1e9),
    "1",
    "what sums are counted in: each value is rounded to whole units, 0.01 for amounts with cents",
);
const EPSILON: Argument = Argument::required(
    "epsilon",
    Takes::Float(1e-6, 100.0),
    "how much the answer may tell of a person, in steps of 0.000001; 0.1 is little, 1 is usual, and less has more noise",
);
const PER: Argument =
    Argument::optional("per", Takes::Column, "", "column with the group of a row: the result has one row for each of `groups`");
const GROUPS: Argument = Argument::optional(
    "groups",
    Takes::ValuesOf("per"),
    "",
    "the groups to answer for, known beforehand; rows of other groups do not count",
);
const MARGIN: Column = Column {
    name: "margin",
    data_type: "DOUBLE",
    text: "19 of 20 answers are no further than this from the bounded total; known beforehand",
};

/// Greater doubles are no longer exact in whole units.
const MOST_UNITS: f64 = 9_007_199_254_740_992.0;

/// The relation function `noisy_count`.
#[derive(Debug)]
pub struct NoisyCount;

const COUNT: Doc = Doc {
    name: "noisy_count",
    kind: Kind::Relation,
    domain: "privacy",
    summary: "How many rows or persons a table has, with noise that hides whether any one person is in it (differential privacy).",
    description: "\
One row. Each person counts with at most `rows_per_person` rows, and the total is given with noise of the discrete Laplace distribution of scale rows_per_person / epsilon, drawn by whole numbers from the random
numbers of the system. No answer is more than e^epsilon times as likely with a person's rows as without them, whatever else is known.

The answer may be below 0: leave it so where answers are added up. Rows whose person is NULL do not count, and their number is not shown.

Each answer spends its epsilon from the budget of the role that runs the statement, also through a view of another role. It stays spent if the statement fails or is rolled back,
because the role has seen the answer. A role without SUPERUSER and without a budget gets no answer; `ALTER ROLE … SET portrait.privacy_budget` gives it one, and `system.privacy_budgets` shows what is left. EXPLAIN spends nothing. Each call draws new noise, so the
mean of many answers is more exact and costs more.

Grant a view over the function, and not the table: who sees the rows needs no answer with noise.

For several groups, give `per` and `groups`: the result has one row for each of these groups, in this order, and each has its own noise. A person counts in each group that it has rows in, so the answer spends epsilon once for
each group. A group without persons has an answer, too. Take the groups from a list that is known beforehand, and not from the table: a group that is present reveals that there are persons in it.

**Formula.** The noise is k with probability in proportion to e^(−|k| · epsilon / rows_per_person). With probability 0.95 it is at most
about 3 · rows_per_person / epsilon, which is `margin`.

**Cost.** One pass: rows are brought together by person first, so memory grows with the persons.

**Elsewhere.** Google's differential privacy library and BigQuery (`SELECT WITH DIFFERENTIAL_PRIVACY …`), OpenDP and SmartNoise for Python.
PostgreSQL and DuckDB have none; noise from `random()` is no substitute, since its digits can give the answer away.",
    arguments: &[INPUT, PERSON, EPSILON, ROWS_PER_PERSON, PER, GROUPS],
    columns: &[Column { name: "noisy_count", data_type: "BIGINT", text: "the count with noise" }, MARGIN],
    examples: &["SELECT abs(noisy_count - 500) < 100 AS is_near, round(margin, 2) AS margin
FROM noisy_count(sample_customers(rows => 500), person => customer_id, epsilon => 1);"],
    source: "C. Dwork, F. McSherry, K. Nissim, A. Smith: Calibrating Noise to Sensitivity (2006); C. Canonne, G. Kamath, T. Steinke: The Discrete Gaussian for Differential Privacy (2020)",
    ..Doc::EMPTY
};

/// The relation function `noisy_sum`.
#[derive(Debug)]
pub struct NoisySum;

const SUM: Doc = Doc {
    name: "noisy_sum",
    kind: Kind::Relation,
    domain: "privacy",
    summary: "The sum of a column, with noise that hides what any one person adds to it (differential privacy).",
    description: "\
One row. The sum of each person is brought between `lower` and `upper`, and the total is given with noise of the discrete Laplace distribution of scale max(|lower|, |upper|) / epsilon, in whole units. No answer is more
than e^epsilon times as likely with a person's rows as without them.

Choose the bounds without looking at the data: what most persons have, not the most that any has. Narrow bounds cut off the largest sums, wide ones need more noise. Rows whose person or value is NULL, or whose value is NaN, do
not count.

Each answer spends its epsilon from the budget of the role that runs the statement, also through a view of another role. It stays spent if the statement fails or is rolled back,
because the role has seen the answer. A role without SUPERUSER and without a budget gets no answer; `ALTER ROLE … SET portrait.privacy_budget` gives it one, and `system.privacy_budgets` shows what is left. EXPLAIN spends nothing. Each call draws new noise, so the
mean of many answers is more exact and costs more.

Grant a view over the function, and not the table: who sees the rows needs no answer with noise.

For several groups, give `per` and `groups`: the result has one row for each of these groups, in this order, and each has its own noise. A person counts in each group that it has rows in, so the answer spends epsilon once for
each group. A group without persons has an answer, too. Take the groups from a list that is known beforehand, and not from the table: a group that is present reveals that there are persons in it.

**Cost.** One pass: rows are brought together by person first, so memory grows with the persons.

**Elsewhere.** Google's differential privacy library and BigQuery (`SELECT WITH DIFFERENTIAL_PRIVACY …`), OpenDP and SmartNoise for Python.
PostgreSQL and DuckDB have none; noise from `random()` is no substitute, since its digits can give the answer away.",
    arguments: &[INPUT, PERSON, VALUE, LOWER, UPPER, EPSILON, UNIT, PER, GROUPS],
    columns: &[Column { name: "noisy_sum", data_type: "DOUBLE", text: "the sum with noise" }, MARGIN],
    examples: &["SELECT noisy_sum > 0 AS is_positive, round(margin) AS margin
FROM noisy_sum(sample_orders(rows => 20000), person => customer_id, value => amount, lower => 0, upper => 5000, epsilon => 1);"],
    source: COUNT.source,
    ..Doc::EMPTY
};

fn columns(doc: &Doc, of: DataType, roles: &Roles) -> Vec<FieldRef> {
    let per = roles.get(PER.name).map(|per| FieldRef::new(Field::new(&per.column, DataType::Utf8, false)));
    let own = [Field::new(doc.name, of, false), Field::new(MARGIN.name, DataType::Float64, false)];
    per.into_iter().chain(own.map(FieldRef::new)).collect()
}

/// The groups to answer for, if any.
fn groups(call: &Call) -> Result<Option<Vec<String>>> {
    match (call.roles.get(PER.name).is_some(), call.options.list(GROUPS.name)) {
        (false, None) => Ok(None),
        (true, Some(values)) => {
            let values = cast_array(values, &DataType::Utf8)?;
            let groups: Vec<String> = values.as_string::<i32>().iter().flatten().map(ToString::to_string).collect();
            if groups.iter().collect::<BTreeSet<_>>().len() < groups.len() {
                return Err(invalid(call.doc.name, "groups has a value twice; name each group once"));
            }
            Ok(Some(groups))
        }
        _ => {
            let problem = "per and groups belong together; write per => city, groups => ['north', 'south']";
            Err(invalid(call.doc.name, problem))
        }
    }
}

/// Reads epsilon, in millionths.
fn epsilon(options: &Options) -> Result<i64> {
    Ok((options.float(EPSILON.name)? * MILLIONTHS as f64).round().max(1.0) as i64)
}

impl RelationFunction for NoisyCount {
    fn doc(&self) -> &'static Doc {
        &COUNT
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        Ok(columns(&COUNT, DataType::Int64, roles))
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let most = call.options.integer(ROWS_PER_PERSON.name)?;
        let own = count(lit(1_i64));
        let epsilon = epsilon(&call.options)?;
        let groups = groups(&call)?;
        let rows = per_person(&call, vec![], own, groups.as_deref())?;
        let step = AddNoise { function: COUNT.name.into(), bounds: (0, most), unit: None, epsilon, groups };
        step.over([rows], call.schema)
    }
}

impl RelationFunction for NoisySum {
    fn doc(&self) -> &'static Doc {
        &SUM
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        Ok(columns(&SUM, DataType::Float64, roles))
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let float = |argument: Argument| call.options.float(argument.name);
        let (lower, upper, unit) = (float(LOWER)?, float(UPPER)?, float(UNIT)?);
        if lower > upper {
            return Err(invalid(SUM.name, format!("lower must not be above upper, got {lower} and {upper}")));
        }
        let units = |bound: f64| {
            let units = (bound / unit).round();
            if units.abs() > MOST_UNITS {
                let problem = format!("{bound} is more than 2^53 units of {unit}; choose a larger unit, or narrower bounds");
                return Err(invalid(SUM.name, problem));
            }
            Ok(units as i64)
        };
        let bounds = (units(lower)?, units(upper)?);
        let epsilon = epsilon(&call.options)?;
        let value = call.input()?.schema().columns().into_iter().nth(1);
        let value = value.map(|column| cast(Expr::Column(column), DataType::Float64));
        let value = value.ok_or_else(|| invalid(SUM.name, "needs a value"))?;
        let filters = vec![value.clone().is_not_null(), not(isnan(value.clone()))];
        let bounded = greatest(vec![least(vec![value / lit(unit), lit(MOST_UNITS)]), lit(-MOST_UNITS)]);
        let own = sum(cast(round(vec![bounded]), DataType::Decimal128(38, 0)));
        let groups = groups(&call)?;
        let rows = per_person(&call, filters, own, groups.as_deref())?;
        let step = AddNoise { function: SUM.name.into(), bounds, unit: Some(unit), epsilon, groups };
        step.over([rows], call.schema)
    }
}

/// The plan that computes each person's contribution in whole units, for each of the groups if there are any.
fn per_person(call: &Call, mut filters: Vec<Expr>, own: Expr, groups: Option<&[String]>) -> Result<LogicalPlan> {
    let input = call.input()?;
    let person = input.schema().columns().into_iter().next();
    let person = person.map(Expr::Column).ok_or_else(|| invalid(call.doc.name, "needs a person"))?;
    filters.push(person.clone().is_not_null());
    let (mut keys, mut shown) =
        (vec![person], vec![cast(Expr::Column(Name::from_name("own")), DataType::Decimal128(38, 0)).alias("units")]);
    if let Some(groups) = groups {
        let group = cast(role(PER.name), DataType::Utf8);
        filters.push(group.clone().in_list(groups.iter().map(|group| lit(group.as_str())).collect(), false));
        keys.push(group.alias("of_group"));
        shown.push(Expr::Column(Name::from_name("of_group")));
    }
    let mut rows = LogicalPlanBuilder::from(input);
    for filter in filters {
        rows = rows.filter(filter)?;
    }
    rows.aggregate(keys, vec![own.alias("own")])?.project(shown)?.build()
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AddNoise {
    function: String,
    /// The least and the most that one person contributes.
    bounds: (i64, i64),
    /// The unit of a sum; `None` for a count.
    unit: Option<f64>,
    /// In millionths, for each group.
    epsilon: i64,
    /// The groups, with an answer for each.
    groups: Option<Vec<String>>,
}

impl Plain for AddNoise {
    const NAME: &'static str = "AddNoise";
}

impl Step for AddNoise {
    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let (mut input, schema, step) = (only_stream(inputs)?, Arc::clone(&context.schema), self.clone());
        let result = async move {
            let mut totals = vec![0_i128; step.answers()];
            while let Some(batch) = input.next().await {
                step.add(&batch?, &mut totals)?;
            }
            let Some(budget) = context.budget.as_ref() else {
                return Err(failed(&step.function, "is answered where the database is, which knows whose budget is spent"));
            };
            let answers = i64::try_from(step.answers()).unwrap_or(i64::MAX);
            budget.0.spend(&step.function, step.epsilon.saturating_mul(answers))?;
            Ok(RecordBatch::try_new(Arc::clone(&context.schema), step.told(&totals)?)?)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::once(result))))
    }
}

impl AddNoise {
    /// How many answers are given: one, or one for each group.
    fn answers(&self) -> usize {
        self.groups.as_ref().map_or(1, Vec::len)
    }

    /// Adds what persons contribute to the totals.
    fn add(&self, batch: &RecordBatch, totals: &mut [i128]) -> Result<()> {
        let (least, most) = (i128::from(self.bounds.0), i128::from(self.bounds.1));
        let units = batch.column(0).as_primitive::<Decimal128Type>();
        let Some(groups) = &self.groups else {
            let sum = units.iter().flatten().map(|units| units.clamp(least, most)).sum::<i128>();
            totals.iter_mut().for_each(|total| *total += sum);
            return Ok(());
        };
        let of = cast_array(batch.column(1), &DataType::Utf8)?;
        for (units, of) in units.iter().zip(of.as_string::<i32>()) {
            let place = groups.iter().position(|group| Some(group.as_str()) == of);
            if let Some(units) = units
                && let Some(total) = place.and_then(|place| totals.get_mut(place))
            {
                *total += units.clamp(least, most);
            }
        }
        Ok(())
    }

    fn told(&self, totals: &[i128]) -> Result<Vec<ArrayRef>> {
        let epsilon = Fraction { numerator: u128::from(self.epsilon.unsigned_abs()), denominator: u128::from(MILLIONTHS) };
        let sensitivity = self.bounds.0.unsigned_abs().max(self.bounds.1.unsigned_abs());
        let mut told = vec![];
        for total in totals {
            let answer = noisy(*total, sensitivity, epsilon, &mut SystemBits::of_system());
            told.push(answer.ok_or_else(|| failed(&self.function, "the system did not provide random numbers; try again"))?);
        }
        // P(|noise| > margin) = 1 / 20.
        let scale = sensitivity as f64 * MILLIONTHS as f64 / self.epsilon as f64;
        let margin = scale * libm::log(20.0) * self.unit.unwrap_or(1.0);
        let margins: ArrayRef = Arc::new(Float64Array::from(vec![margin; told.len()]));
        let whole = |told: &i128| i64::try_from(*told).unwrap_or(if *told < 0 { i64::MIN } else { i64::MAX });
        let told: ArrayRef = match self.unit {
            None => Arc::new(told.iter().map(whole).collect::<Int64Array>()),
            Some(unit) => Arc::new(told.iter().map(|told| *told as f64 * unit).collect::<Float64Array>()),
        };
        let groups: Option<ArrayRef> = self.groups.as_ref().map(|groups| Arc::new(StringArray::from_iter_values(groups)) as _);
        Ok(groups.into_iter().chain([told, margins]).collect())
    }
}
