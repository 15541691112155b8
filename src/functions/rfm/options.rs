//! Reads a call of `rfm` or `rfm_bins`: its page's common arguments, the plan that measures each customer, and how the
//! measures are scored.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, TimeUnit};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::expr_fn::max;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit, scalar_subquery};

use super::measures::{measures_of_orders, measures_of_rows, monetary_type};
use super::step::{AsOf, Scoring, ScoringMethod};
use crate::adapter::amounts::amount_type;
use crate::adapter::arguments::{Moment, in_zone};
use crate::adapter::plain::Scalar;
use crate::adapter::relation::{Call, Roles, role};
use crate::adapter::usable_rows::usable_rows;
use crate::docs::{Argument, Takes};
use crate::error::{invalid, unusable};
use crate::kernels::scheme::{LABELS, SCHEMES, Scheme};
use crate::kernels::score::METHODS;

/// The arguments of both relation functions.
pub const ARGUMENTS: &[Argument] = &[
    Argument::required("input", Takes::Relation, "orders; or order lines, together with `order_id`"),
    Argument::required(
        "customer",
        Takes::Column,
        "key of the customer, of any type; rows where it is NULL are dropped and counted",
    ),
    Argument::required("order_time", Takes::Time, "time of the order; rows where it is NULL are dropped and counted"),
    Argument::required(
        "amount",
        Takes::Number,
        "amount of the row, in any currency, negative for a refund; decimals and integers are summed exactly. NULL, NaN and infinite amounts are dropped and counted",
    ),
    Argument::optional("order_id", Takes::Column, "", "order that the row belongs to; without it, every row is one order"),
    Argument::optional(
        "as_of",
        Takes::Moment,
        "",
        "the date or time to look back from; default: the day after the last order. With a DATE, the whole day is included and recency counts calendar days; with a TIMESTAMP, recency counts full 24-hour periods. Later orders are ignored",
    ),
    Argument::optional(
        "lookback",
        Takes::Interval,
        "",
        "how far to look back from `as_of`; default: no limit. The day of `as_of` is included: INTERVAL '30 days' covers the 30 days that end with it. The default `as_of` is a day without orders",
    ),
    Argument::optional(
        "bins",
        Takes::Integer(2, 10),
        "5",
        "highest score; scores start at 1. With cuts, the number of scores is the number of cuts plus one",
    ),
    Argument::optional(
        "method",
        Takes::Choice(METHODS),
        "'quantile'",
        "how scores are computed (see Scores); for the scheme `value_tier` the default is 'percent'",
    ),
    Argument::optional(
        "recency_cuts",
        Takes::Cuts,
        "",
        "for 'fixed': thresholds in days; recency up to the first cut gets the highest score",
    ),
    Argument::optional(
        "frequency_cuts",
        Takes::Cuts,
        "",
        "for 'fixed': thresholds in orders; reaching the last cut gets the highest score",
    ),
    Argument::optional(
        "monetary_cuts",
        Takes::Cuts,
        "",
        "for 'fixed': thresholds of the amount; reaching the last cut gets the highest score",
    ),
    Argument::optional("scheme", Takes::Choice(SCHEMES), "'standard'", "how scores are mapped to segments, see `rfm_scheme`"),
    Argument::optional("labels", Takes::Choice(LABELS), "'en'", "language of the segment names"),
];

/// The type of `monetary` in the result.
pub fn monetary(roles: &Roles) -> Result<DataType> {
    Ok(monetary_type(roles.data_type("amount")?))
}

/// The plan of one row per customer (key, measures), and the scoring of its rows.
pub fn read(call: &Call) -> Result<(LogicalPlan, Scoring)> {
    let time_type = match call.roles.data_type("order_time")? {
        DataType::Date64 => DataType::Date32,
        other => other.clone(),
    };
    let period = Period::read(call, &time_type)?;
    let scoring = Scoring {
        as_of: period.as_of(),
        method: method(call)?,
        scheme: Scheme::named(call.options.word("scheme")?),
        labels: call.options.word("labels")?.to_string(),
        monetary_type: monetary(&call.roles)?,
    };
    Ok((measured(call, &time_type, &period)?, scoring))
}

fn measured(call: &Call, time_type: &DataType, period: &Period) -> Result<LogicalPlan> {
    let amount = amount_type(call.roles.data_type("amount")?);
    let with_order_id = call.roles.get("order_id").is_some();
    let mut columns = vec![
        role("customer"),
        cast(role("order_time"), time_type.clone()).alias("order_time"),
        cast(role("amount"), amount.clone()).alias("amount"),
    ];
    columns.extend(with_order_id.then(|| role("order_id")));
    let rows = LogicalPlanBuilder::from(call.input()?).project(columns)?.build()?;

    let mut in_period = LogicalPlanBuilder::from(rows.clone());
    for condition in period.conditions(call, time_type, &rows, &amount)? {
        // Rows without a time pass, so that they are counted as unusable later.
        in_period = in_period.filter(role("order_time").is_null().or(condition))?;
    }
    let usable = LogicalPlanBuilder::from(usable_rows(in_period.build()?)?);
    let measures = measures_of_rows(role("order_time"), role("amount")).alias("measures");
    if !with_order_id {
        return usable.aggregate(vec![role("customer")], vec![measures])?.build();
    }
    usable
        .aggregate(vec![role("customer"), role("order_id")], vec![measures])?
        .aggregate(vec![role("customer")], vec![measures_of_orders(role("measures")).alias("customer_measures")])?
        .build()
}

/// The period of the orders that count.
enum Period {
    /// Up to the end of a day, from after another day on.
    Days { as_of: i32, after: Option<i32> },
    /// Up to an instant, from after another on; both in the column's own type.
    Instants { as_of: ScalarValue, after: Option<ScalarValue> },
    /// Up to the last order, going back this long from the day after it.
    Last { lookback: Option<IntervalMonthDayNano> },
}

impl Period {
    fn read(call: &Call, time_type: &DataType) -> Result<Self> {
        let name = call.doc.name;
        let lookback = call.options.interval("lookback");
        let Some(moment) = call.options.moment("as_of") else {
            return Ok(Self::Last { lookback: lookback.map(|lookback| in_days(name, lookback)).transpose()? });
        };
        let instant = match moment {
            Moment::Instant(instant) if *time_type != DataType::Date32 => in_zone(instant, time_type)?,
            Moment::Instant(instant) => return Self::days(name, day_of(instant)?, lookback),
            Moment::Day(day) => return Self::days(name, *day, lookback),
        };
        let after = match lookback {
            None => None,
            Some(lookback) => Some(instant.sub(ScalarValue::IntervalMonthDayNano(Some(lookback)))?),
        };
        Ok(Self::Instants { as_of: instant, after })
    }

    fn days(name: &str, as_of: i32, lookback: Option<IntervalMonthDayNano>) -> Result<Self> {
        let after = match lookback {
            None => None,
            Some(lookback) => {
                let lookback = ScalarValue::IntervalMonthDayNano(Some(in_days(name, lookback)?));
                Some(day_of(&ScalarValue::Date32(Some(as_of)).sub(lookback)?)?)
            }
        };
        Ok(Self::Days { as_of, after })
    }

    fn as_of(&self) -> AsOf {
        match self {
            Self::Days { as_of, .. } => AsOf::At(Scalar(ScalarValue::Date32(Some(*as_of)))),
            Self::Instants { as_of, .. } => AsOf::At(Scalar(as_of.clone())),
            Self::Last { .. } => AsOf::DayAfterLast,
        }
    }

    /// Conditions on the order's time, as comparisons with constants so that they reach the scan.
    fn conditions(&self, call: &Call, time_type: &DataType, rows: &LogicalPlan, amount: &DataType) -> Result<Vec<Expr>> {
        let time = || role("order_time");
        let until = |day: i32| -> Result<Expr> {
            Ok(match time_type {
                DataType::Date32 => time().lt_eq(lit(ScalarValue::Date32(Some(day)))),
                _ => time().lt(lit(midnight_after(day, time_type)?)),
            })
        };
        let after = |day: i32| -> Result<Expr> {
            Ok(match time_type {
                DataType::Date32 => time().gt(lit(ScalarValue::Date32(Some(day)))),
                _ => time().gt_eq(lit(midnight_after(day, time_type)?)),
            })
        };
        Ok(match self {
            Self::Days { as_of, after: None } => vec![until(*as_of)?],
            Self::Days { as_of, after: Some(start) } => vec![until(*as_of)?, after(*start)?],
            Self::Instants { as_of, after: None } => vec![time().lt_eq(lit(as_of.clone()))],
            Self::Instants { as_of, after: Some(start) } => {
                vec![time().lt_eq(lit(as_of.clone())), time().gt(lit(start.clone()))]
            }
            Self::Last { lookback: None } => vec![],
            Self::Last { lookback: Some(lookback) } => {
                vec![time().gt_eq(first_time(call, time_type, rows, amount, *lookback)?)]
            }
        })
    }
}

/// The first time within `lookback` of the day after the last usable order, as a subquery over the input.
fn first_time(
    call: &Call,
    time_type: &DataType,
    rows: &LogicalPlan,
    amount: &DataType,
    lookback: IntervalMonthDayNano,
) -> Result<Expr> {
    let usable = call.roles.0.iter().map(|given| role(given.name).is_not_null()).reduce(Expr::and);
    let finite = (*amount == DataType::Float64)
        .then(|| role("amount").gt(lit(f64::NEG_INFINITY)).and(role("amount").lt(lit(f64::INFINITY))));
    let mut usable_rows = LogicalPlanBuilder::from(rows.clone());
    for condition in usable.into_iter().chain(finite) {
        usable_rows = usable_rows.filter(condition)?;
    }
    let interval = |interval| lit(ScalarValue::IntervalMonthDayNano(Some(interval)));
    let one_day = || interval(IntervalMonthDayNano::new(0, 1, 0));
    let as_of = cast(role("last_order"), DataType::Date32) + one_day();
    let first_day = cast(as_of - interval(lookback), DataType::Date32) + one_day();
    let first = usable_rows
        .aggregate(Vec::<Expr>::new(), vec![max(role("order_time")).alias("last_order")])?
        .project(vec![cast(first_day, time_type.clone()).alias("first_time")])?
        .build()?;
    Ok(scalar_subquery(Arc::new(first)))
}

fn day_of(instant: &ScalarValue) -> Result<i32> {
    match instant.cast_to(&DataType::Date32)? {
        ScalarValue::Date32(Some(day)) => Ok(day),
        _ => Err(unusable("rfm", format!("{instant} has no calendar day"))),
    }
}

/// Midnight at the end of a day, where the column's zone has it.
fn midnight_after(day: i32, time_type: &DataType) -> Result<ScalarValue> {
    let next = day.checked_add(1).ok_or_else(|| invalid("rfm", "as_of is too far in the future"))?;
    // A timestamp without a zone gives midnight on the wall clock; the zone is added afterwards.
    let wall_clock = ScalarValue::Date32(Some(next)).cast_to(&DataType::Timestamp(TimeUnit::Second, None))?;
    wall_clock.cast_to(time_type)
}

fn in_days(name: &str, lookback: IntervalMonthDayNano) -> Result<IntervalMonthDayNano> {
    const DAY: i64 = 86_400_000_000_000;
    if lookback.nanoseconds % DAY != 0 {
        return Err(invalid(name, "lookback must be whole days unless as_of is a TIMESTAMP"));
    }
    let days = lookback.nanoseconds / DAY + i64::from(lookback.days);
    let days = i32::try_from(days).map_err(|_| invalid(name, "lookback is too long"))?;
    Ok(IntervalMonthDayNano::new(lookback.months, days, 0))
}

fn method(call: &Call) -> Result<ScoringMethod> {
    let (name, options) = (call.doc.name, &call.options);
    let tiers = options.word("scheme")? == "value_tier";
    let method = if tiers && !options.is_given("method") { "percent" } else { options.word("method")? };
    if tiers && method != "percent" {
        let problem = format!("scheme => 'value_tier' reads scores from 0 to 100; write method => 'percent', not '{method}'");
        return Err(invalid(name, problem));
    }
    const CUTS: [&str; 3] = ["recency_cuts", "frequency_cuts", "monetary_cuts"];
    if method != "fixed"
        && let Some(cuts) = CUTS.iter().find(|cuts| options.is_given(cuts))
    {
        return Err(invalid(name, format!("{cuts} needs method => 'fixed'")));
    }
    let bins = options.integer("bins")? as u8;
    Ok(match method {
        "percent" if options.is_given("bins") => {
            return Err(invalid(
                name,
                "bins has no meaning with method => 'percent', whose scores run from 0 to 100; leave it out",
            ));
        }
        "percent" => ScoringMethod::Percent,
        "ntile" => ScoringMethod::Ntile { bins },
        "fixed" => {
            let cuts = CUTS.map(|cuts| options.cuts(cuts).map(<[_]>::to_vec));
            let [Some(recency_cuts), Some(frequency_cuts), Some(monetary_cuts)] = cuts else {
                return Err(invalid(name, "method => 'fixed' needs recency_cuts, frequency_cuts and monetary_cuts"));
            };
            if recency_cuts.len() != frequency_cuts.len() || recency_cuts.len() != monetary_cuts.len() {
                let lengths = format!("got {}, {} and {}", recency_cuts.len(), frequency_cuts.len(), monetary_cuts.len());
                return Err(invalid(name, format!("the three lists of cuts must have the same length, {lengths}")));
            }
            let made = recency_cuts.len() + 1;
            if made > 10 || (options.is_given("bins") && usize::from(bins) != made) {
                let wanted = if made > 10 { "at most 9 cuts".into() } else { format!("{} cuts for bins => {bins}", bins - 1) };
                return Err(invalid(name, format!("{} cuts make {made} bins; give {wanted}", recency_cuts.len())));
            }
            ScoringMethod::Fixed { recency_cuts, frequency_cuts, monetary_cuts }
        }
        _ => ScoringMethod::Quantile { bins },
    })
}
