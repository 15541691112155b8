//! The plan below a comparison: columns as numbers, caps, and exact sums per group.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit, when};

use super::moments::{Measured, moments};
use crate::adapter::once::once;
use crate::adapter::relation::{Call, role};
use crate::adapter::usable_rows::usable_by_first;
use crate::builtins::percentiles::percentile_cont;
use crate::error::invalid;

/// A column of numbers or booleans as DOUBLE; NULL where it is not finite.
fn number(name: &str) -> Result<Expr> {
    let value = cast(role(name), DataType::Float64);
    when(value.clone().between(lit(f64::MIN), lit(f64::MAX)), value).end()
}

/// How many columns a role has: none, one for all metrics, or one per metric.
fn partners(call: &Call, name: &str, metrics: usize) -> Result<usize> {
    let given = call.roles.list(name).count();
    if given > 1 && given != metrics {
        let problem = format!(
            "{name} must be one column for all metrics, or one for each: there are {metrics} metrics and {given} columns"
        );
        return Err(invalid(call.doc.name, problem));
    }
    Ok(given)
}

/// The plan below a comparison.
#[derive(Debug)]
pub struct Prepared {
    /// Rows of the grouping roles and `metric i`, `denominator i`, `pre i`, and `cap i` if there are caps.
    rows: LogicalPlan,
    metrics: usize,
    denominators: usize,
    covariates: usize,
    capped: bool,
}

impl Prepared {
    /// Reads a call with the roles metric, denominator and pre. Rows that lack one of `keys` are left out; rows that only lack one of
    /// `others` are kept. `twice` says that the rows are read more than once.
    pub fn of(call: &Call, keys: &[&str], others: &[String], winsorize: Option<f64>, twice: bool) -> Result<Self> {
        let metrics = call.roles.list("metric").count();
        let (denominators, covariates) = (partners(call, "denominator", metrics)?, partners(call, "pre", metrics)?);
        let mut columns: Vec<Expr> = keys.iter().copied().chain(others.iter().map(String::as_str)).map(role).collect();
        for (name, many) in [("metric", metrics), ("denominator", denominators), ("pre", covariates)] {
            for place in 0..many {
                let own = format!("{name} {place}");
                columns.push(number(&own)?.alias(own));
            }
        }
        let rows = LogicalPlanBuilder::from(call.input()?).project(columns)?.build()?;
        let mut rows = usable_by_first(rows, keys.len())?;
        if twice || winsorize.is_some() {
            rows = once(rows);
        }
        let capped = winsorize.is_some();
        if let Some(share) = winsorize {
            let cap = |place: usize| {
                let value = role(&format!("metric {place}"));
                let order = value.clone().sort(true, false);
                Expr::AggregateFunction(AggregateFunction::new_udf(
                    Arc::new(percentile_cont()),
                    vec![value, lit(share)],
                    false,
                    None,
                    vec![order],
                    None,
                ))
                .alias(format!("cap {place}"))
            };
            let caps = LogicalPlanBuilder::from(rows.clone())
                .aggregate(Vec::<Expr>::new(), (0..metrics).map(cap).collect::<Vec<_>>())?
                .alias("caps")?
                .build()?;
            let mut columns: Vec<Expr> = rows.schema().columns().into_iter().map(Expr::Column).collect();
            columns.extend((0..metrics).map(|place| {
                let name = format!("cap {place}");
                Expr::Column(Column::new(Some("caps"), &name)).alias(name)
            }));
            rows = LogicalPlanBuilder::from(rows).cross_join(caps)?.project(columns)?.build()?;
        }
        Ok(Self { rows, metrics, denominators, covariates, capped })
    }

    /// Rows of (keys …, rows, sums of each metric …).
    pub fn sums(&self, keys: &[&str]) -> Result<LogicalPlan> {
        let partner = |name: &str, many: usize, place: usize| match many {
            0 => None,
            1 => Some(role(&format!("{name} 0"))),
            _ => Some(role(&format!("{name} {place}"))),
        };
        let sums = (0..self.metrics).map(|place| {
            let measured = Measured {
                metric: role(&format!("metric {place}")),
                denominator: partner("denominator", self.denominators, place),
                covariate: partner("pre", self.covariates, place),
                cap: self.capped.then(|| role(&format!("cap {place}"))),
            };
            moments(measured).alias(format!("sums {place}"))
        });
        let measures: Vec<Expr> = std::iter::once(count(lit(1_i64)).alias("rows")).chain(sums).collect();
        LogicalPlanBuilder::from(self.rows.clone())
            .aggregate(keys.iter().map(|key| role(key)).collect::<Vec<_>>(), measures)?
            .build()
    }

    /// Rows of (keys …, metric, value, rows): how often each value of each metric occurs.
    pub fn values(&self, keys: &[&str]) -> Result<LogicalPlan> {
        let mut all: Option<LogicalPlanBuilder> = None;
        for place in 0..self.metrics {
            let mut value = role(&format!("metric {place}"));
            if self.capped {
                let cap = role(&format!("cap {place}"));
                value = when(value.clone().gt(cap.clone()), cap).otherwise(value)?;
            }
            let mut columns: Vec<Expr> = keys.iter().map(|key| role(key)).collect();
            let mut grouped = columns.clone();
            columns.push(lit(ScalarValue::Int64(Some(place as i64))).alias("metric"));
            columns.push(value.alias("value"));
            grouped.extend([role("metric"), role("value")]);
            let counted = LogicalPlanBuilder::from(self.rows.clone())
                .project(columns)?
                .filter(role("value").is_not_null())?
                .aggregate(grouped, vec![count(lit(1_i64)).alias("rows")])?;
            all = Some(match all {
                None => counted,
                Some(before) => before.union(counted.build()?)?,
            });
        }
        all.ok_or_else(|| invalid("metric", "needs at least one column"))?.build()
    }
}
