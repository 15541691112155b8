//! Shared by the two forms of a funnel: arguments, plan, and how events are read.

use std::fmt::Debug;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Date32Array, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Date32Type, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::functions::datetime::expr_fn::date_trunc;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};
use serde::{Deserialize, Serialize};

use super::by_customer::{ByCustomer, Reading};
use super::options::{CUSTOMER, EVENT_TIME, INPUT, TIE_BREAK, events, has_ties, is_true, length};
use crate::adapter::keys::Interner;
use crate::adapter::relation::{Call, Roles, role};
use crate::adapter::step::Step;
use crate::docs::{Argument, Takes};
use crate::error::invalid;
use crate::kernels::journey::funnel::{Fulfils, Funnel, Grouped, MOST_STEPS, Modes};

const STEPS: Argument =
    Argument::required("steps", Takes::Conditions, "condition of each step, the first step first; at most 32");
const PER: &str = "per";
const PERIOD: &str = "period";

pub const ARGUMENTS: &[Argument] = &[
    INPUT,
    CUSTOMER,
    EVENT_TIME,
    STEPS,
    Argument::required(
        "within",
        Takes::Interval,
        "maximum time from the first step to the last, limit included; in days or smaller units",
    ),
    Argument::optional(
        "mode",
        Takes::Choices(&["default", "strict_order", "strict_deduplication", "strict_increase", "strict_once", "allow_reentry"]),
        "'default'",
        "rules that end the scan of a customer's events, or keep an event from counting: see above",
    ),
    Argument::optional(
        PER,
        Takes::Column,
        "",
        "one funnel for each of its values; a chain belongs to the value of its first event",
    ),
    Argument::optional(
        "interval",
        Takes::Choice(&["day", "week", "month"]),
        "",
        "one funnel for each day, week (from Monday) or month; a chain belongs to the period in which it begins",
    ),
    TIE_BREAK,
];

/// How a funnel works; part of the pages of both forms.
pub const SEMANTICS: &str = "\
The events of a customer are scanned in time order. A chain begins with an event where the first condition is true. Each further step must
come after the previous step, or at the same time, and at most `within` after the first. Other events may occur between steps. If a customer
has several chains, the deepest one counts.

An event counts for every step whose condition is true for it, in the order of the steps. Events of one customer at the same time are
ordered by step, unless `tie_break` orders them.

| mode | what it changes |
|---|---|
| `strict_order` | once a chain has begun, an event that matches no condition, or only a later step than the next one, ends the scan; steps already done may come again |
| `strict_deduplication` | if a step already done comes again, the scan ends; the first step may come again |
| `strict_increase` | each step must be later than the previous one, not at the same time |
| `strict_once` | an event counts for only one step of a chain |
| `allow_reentry` | with `strict_order`: an event of a step whose turn has not come is skipped and does not end the scan; by itself nothing, as no such event ends it |

Several modes can be given as a list. Depth in the funnel a, b, c, within an hour, for events a minute apart, where x matches none of them:

| events | default | strict_order | strict_order, allow_reentry | strict_deduplication |
|---|---|---|---|---|
| a b c | 3 | 3 | 3 | 3 |
| a x b c | 3 | 1 | 1 | 3 |
| a b x c | 3 | 2 | 2 | 3 |
| a c b | 2 | 1 | 2 | 2 |
| a b a c | 3 | 3 | 3 | 3 |
| a b a b c | 3 | 3 | 3 | 2 |
| a a b b c c | 3 | 3 | 3 | 2 |
| c b a | 1 | 1 | 1 | 1 |

Events at the same time, and one event that matches several conditions (`ab` matches those of a and b):

| events | default | strict_increase | strict_once |
|---|---|---|---|
| a, b and c at once | 3 | 1 | 3 |
| a, later a and b at once | 2 | 2 | 2 |
| ab | 2 | 1 | 1 |
| ab, later ab | 2 | 2 | 2 |

**Cost.** The events are read once and put into buckets of customers; each customer's events are sorted on their own, in parallel. Memory
grows with the events that match a condition, and what does not fit is written to disk; the order of the input does not matter.

**Elsewhere.** ClickHouse: `windowFunnel(seconds, 'mode')(time, condition, …)` per customer, and then a count for each depth; its modes are
these. Oracle, Snowflake and Trino: MATCH_RECOGNIZE. DuckDB and PostgreSQL have no such function: one joins the table to itself once for
each step, or writes window functions. Analytics services (Amplitude, Mixpanel, 神策) offer the same as charts.";

/// The modes named in a call.
fn modes(call: &Call) -> Result<Modes> {
    let names = call.options.names("mode").unwrap_or_default();
    let has = |name: &str| names.iter().any(|given| given == name);
    let modes = Modes {
        strict_deduplication: has("strict_deduplication"),
        strict_order: has("strict_order"),
        strict_increase: has("strict_increase"),
        strict_once: has("strict_once"),
        // By itself it softens nothing.
        allow_reentry: has("allow_reentry") && has("strict_order"),
    };
    if has("default") && names.iter().any(|name| name != "default") {
        return Err(invalid(call.doc.name, "mode 'default' cannot be combined with other modes; remove it"));
    }
    Ok(modes)
}

/// The options that both forms share.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Given {
    pub funnel: Funnel,
    pub has_ties: bool,
    has_per: bool,
    has_period: bool,
    /// Whether rows that fulfil no condition matter.
    sees_all: bool,
}

/// Checks what can be checked from the types alone.
pub fn check(function: &str, roles: &Roles) -> Result<()> {
    let steps = roles.list(STEPS.name).count();
    if steps > MOST_STEPS {
        return Err(invalid(function, format!("steps takes at most {MOST_STEPS} conditions, got {steps}")));
    }
    Ok(())
}

/// The conditions, as they are written.
pub fn conditions(roles: &Roles) -> Vec<String> {
    roles.list(STEPS.name).map(|(_, role)| role.column.clone()).collect()
}

/// The plan of a call: rows of (customer, event_time, tie_break …, per …, period …, steps …) under the step of the grouped or the plain form.
pub fn plan<P, G>(call: Call, plain: impl FnOnce(Given) -> P, grouped: impl FnOnce(Given) -> G) -> Result<LogicalPlan>
where
    ByCustomer<P>: Step,
    ByCustomer<G>: Step,
{
    let modes = modes(&call)?;
    let within = length(&call, "within")?.ok_or_else(|| invalid(call.doc.name, "within needs an interval"))?;
    let period = if call.options.is_given("interval") { Some(call.options.word("interval")?) } else { None };
    let steps: Vec<String> = call.roles.list(STEPS.name).map(|(_, role)| role.field.name().clone()).collect();
    let given = Given {
        funnel: Funnel { steps: steps.len(), within, modes },
        has_ties: has_ties(&call),
        has_per: call.roles.get(PER).is_some(),
        has_period: period.is_some(),
        sees_all: modes.strict_order,
    };
    let mut columns: Vec<Expr> = [CUSTOMER.name, EVENT_TIME.name].map(role).into();
    columns.extend(given.has_ties.then(|| role(TIE_BREAK.name)));
    columns.extend(given.has_per.then(|| role(PER)));
    columns.extend(period.map(|unit| cast(date_trunc(lit(unit), role(EVENT_TIME.name)), DataType::Date32).alias(PERIOD)));
    columns.extend(steps.iter().map(|name| role(name)));
    let rows = LogicalPlanBuilder::from(events(&call)?).project(columns)?.build()?;
    if given.has_per || given.has_period {
        ByCustomer::new(grouped(given)).over([rows], call.schema)
    } else {
        ByCustomer::new(plain(given)).over([rows], call.schema)
    }
}

/// The readers of a funnel's events: with groups or without.
pub trait Form: Debug + Send + Sync + 'static {
    type Reading: Reading<Detail: Fulfils>;

    fn reading(given: &Given, schema: &Schema) -> Result<Self::Reading>;
}

/// One funnel of all customers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ungrouped;

/// A funnel for each group or period.
#[derive(Debug, Serialize, Deserialize)]
pub struct ByGroup;

impl Form for Ungrouped {
    type Reading = StepsOf;

    fn reading(given: &Given, _schema: &Schema) -> Result<StepsOf> {
        Ok(StepsOf { first: given.first_step(), sees_all: given.sees_all })
    }
}

impl Form for ByGroup {
    type Reading = GroupedStepsOf;

    fn reading(given: &Given, schema: &Schema) -> Result<GroupedStepsOf> {
        let steps = StepsOf { first: given.first_step(), sees_all: given.sees_all };
        let groups = given.per().map(|place| Interner::new(schema.field(place).data_type())).transpose()?;
        Ok(GroupedStepsOf { steps, groups, given: given.clone() })
    }
}

impl Given {
    /// True for one funnel of all customers.
    pub fn is_one(&self) -> bool {
        !self.has_per && !self.has_period
    }

    fn first_step(&self) -> usize {
        2 + usize::from(self.has_ties) + usize::from(self.has_per) + usize::from(self.has_period)
    }

    fn per(&self) -> Option<usize> {
        self.has_per.then_some(2 + usize::from(self.has_ties))
    }

    fn period(&self) -> Option<usize> {
        self.has_period.then_some(2 + usize::from(self.has_ties) + usize::from(self.has_per))
    }
}

/// Conditions as bits.
#[derive(Debug)]
pub struct StepsOf {
    first: usize,
    sees_all: bool,
}

impl StepsOf {
    fn masks(&self, batch: &RecordBatch) -> Vec<u32> {
        let mut masks = vec![0_u32; batch.num_rows()];
        for (step, column) in batch.columns()[self.first..].iter().enumerate() {
            let fulfilled = is_true(column.as_boolean());
            for row in fulfilled.values().set_indices() {
                masks[row] |= 1 << step;
            }
        }
        masks
    }
}

impl Reading for StepsOf {
    type Detail = u32;

    fn details(&mut self, batch: &RecordBatch, details: &mut Vec<Option<u32>>) -> Result<()> {
        details.extend(self.masks(batch).into_iter().map(|mask| (self.sees_all || mask != 0).then_some(mask)));
        Ok(())
    }
}

/// Conditions as bits, with the group and period of each event.
pub struct GroupedStepsOf {
    steps: StepsOf,
    given: Given,
    groups: Option<Interner>,
}

impl Reading for GroupedStepsOf {
    type Detail = Grouped;

    fn details(&mut self, batch: &RecordBatch, details: &mut Vec<Option<Grouped>>) -> Result<()> {
        let masks = self.steps.masks(batch);
        let groups: Option<&[usize]> = match (self.given.per(), &mut self.groups) {
            (Some(place), Some(groups)) => Some(groups.intern(batch.column(place))?),
            _ => None,
        };
        let periods = self.given.period().map(|place| batch.column(place).as_primitive::<Date32Type>());
        details.extend(masks.into_iter().enumerate().map(|(row, steps)| {
            (self.steps.sees_all || steps != 0).then(|| Grouped {
                steps,
                group: groups.map_or(0, |groups| groups[row] as u32),
                period: periods.map_or(0, |periods| periods.value(row)),
            })
        }));
        Ok(())
    }

    fn size(&self) -> usize {
        self.groups.as_ref().map_or(0, Interner::size)
    }

    fn codes(self) -> Result<Option<ArrayRef>> {
        self.groups.map(Interner::finish).transpose()
    }
}

/// Groups as columns of the result: that of `per` when it is given, and the period, NULL when there is none.
pub fn group_columns(given: &Given, codes: Option<&ArrayRef>, groups: &[(u32, i32)]) -> Result<Vec<ArrayRef>> {
    let mut columns = vec![];
    if let (true, Some(values)) = (given.has_per, codes) {
        let places = UInt32Array::from_iter_values(groups.iter().map(|(group, _)| *group));
        columns.push(take(values, &places, None)?);
    }
    let periods = groups.iter().map(|(_, period)| given.has_period.then_some(*period));
    columns.push(Arc::new(Date32Array::from_iter(periods)));
    Ok(columns)
}
