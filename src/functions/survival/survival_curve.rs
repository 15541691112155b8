//! The relation function `survival_curve`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use serde::{Deserialize, Serialize};

use super::input::{Counts, DURATION, EVENT, INPUT, PER_COLUMN, check, counts, per_column};
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::{Step, StepContext, Streams, only_stream};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::kernels::survival::{Point, curve};

#[derive(Debug)]
pub struct SurvivalCurve;

pub const CONFIDENCE: Argument =
    Argument::optional("confidence", Takes::Float(0.0, 1.0), "0.95", "confidence level of the intervals; above 0 and below 1");

/// A confidence strictly between 0 and 1.
pub fn confidence(call: &Call) -> Result<f64> {
    let confidence = call.options.float(CONFIDENCE.name)?;
    if confidence <= 0.0 || confidence >= 1.0 {
        return Err(invalid(call.doc.name, "confidence must be above 0 and below 1; write 0.95"));
    }
    Ok(confidence)
}

const DOC: Doc = Doc {
    name: "survival_curve",
    kind: Kind::Relation,
    domain: "survival",
    summary: "Estimates the share of customers still there after each duration (Kaplan-Meier), also if some were not observed to the end.",
    description: "\
One row per group and duration, in ascending order of both: the share of rows that stay longer than `duration`. A customer who has not left
yet is not treated as one who never leaves: the row counts in `at_risk` only as long as it was observed. Before the first row, `survival` is
1.

`std_err` is Greenwood's. The band `lower` to `upper` is computed for ln(−ln survival), so it stays between 0 and 1; it is NULL before the
first event and where nobody is left. `cumulative_hazard` is the Nelson-Aalen estimate. Rows censored at a duration are at risk at that
duration. `log_rank` tests whether groups differ, and returns their medians.

Rows whose duration, event or group is NULL, and rows whose duration is NaN or infinite, are dropped and counted.

**Formula.** With dᵢ events and nᵢ rows at risk at duration tᵢ: S(t) = ∏ (1 − dᵢ/nᵢ) over tᵢ ≤ t; Greenwood's variance is S(t)² · Σ dᵢ / (nᵢ
(nᵢ − dᵢ)); the cumulative hazard is Σ dᵢ/nᵢ.

**Limits.** Censoring must have nothing to do with leaving: a customer who is no longer observed because they left is an event. To see how
features change the risk, train a model of type `cox`.

**Cost.** The input is read once; memory grows with the number of distinct durations per group, not with the rows.

**Elsewhere.** R: `survfit(…, conf.type = \"log-log\")`; lifelines: `KaplanMeierFitter`; SAS: `PROC LIFETEST`. In R the default band is on the
log scale.",
    arguments: &[INPUT, DURATION, EVENT, Argument::optional("per", Takes::Column, "", "groups with their own curves"), CONFIDENCE],
    columns: &[
        PER_COLUMN,
        Column { name: "duration", data_type: "DOUBLE", text: "duration at which an event or the end of an observation occurs" },
        Column { name: "at_risk", data_type: "BIGINT", text: "rows observed at least up to the duration" },
        Column { name: "events", data_type: "BIGINT", text: "rows with the event at the duration" },
        Column { name: "censored", data_type: "BIGINT", text: "rows whose observation ended at the duration without the event" },
        Column { name: "survival", data_type: "DOUBLE", text: "share that stays longer than the duration" },
        Column { name: "std_err", data_type: "DOUBLE", text: "standard error of `survival`" },
        Column { name: "lower", data_type: "DOUBLE", text: "lower end of the interval" },
        Column { name: "upper", data_type: "DOUBLE", text: "upper end of the interval" },
        Column { name: "cumulative_hazard", data_type: "DOUBLE", text: "sum of events / rows at risk up to the duration" },
    ],
    examples: &["SELECT duration, at_risk, events, round(survival, 4) AS survival, round(lower, 4) AS lower, round(upper, 4) AS upper
FROM survival_curve((SELECT * FROM (VALUES (5, true), (6, false), (8, true), (8, true), (12, false)) AS t(months, has_left)),
  duration => months, event => has_left);", "SELECT duration, at_risk, events, round(survival, 4) AS survival, round(lower, 4) AS lower, round(upper, 4) AS upper
FROM survival_curve((
  SELECT customer_id, date_diff('month', min(ordered_at), max(ordered_at)) AS months, max(ordered_at) < DATE '2025-01-01' AS has_left
  FROM sample_orders(rows => 10000) WHERE customer_id IS NOT NULL GROUP BY customer_id), duration => months, event => has_left)
WHERE duration IN (0, 6, 12, 18) ORDER BY duration;"],
    source: "E. L. Kaplan, P. Meier: Nonparametric Estimation from Incomplete Observations (1958); J. D. Kalbfleisch, R. L. Prentice: The Statistical Analysis of Failure Time Data (1980)",
    ..Doc::EMPTY
};

impl RelationFunction for SurvivalCurve {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        check(DOC.name, roles)?;
        let field =
            |name: &str, data_type: DataType, nullable: bool| -> FieldRef { Arc::new(Field::new(name, data_type, nullable)) };
        let mut columns: Vec<FieldRef> = per_column(roles).into_iter().collect();
        columns.push(field("duration", DataType::Float64, false));
        columns.extend(["at_risk", "events", "censored"].map(|name| field(name, DataType::Int64, false)));
        columns.extend(["survival", "std_err"].map(|name| field(name, DataType::Float64, false)));
        columns.extend(["lower", "upper"].map(|name| field(name, DataType::Float64, true)));
        columns.push(field("cumulative_hazard", DataType::Float64, false));
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let step = Curves { confidence: confidence(&call)?, grouped: call.roles.get("per").is_some() };
        step.over([counts(&call)?], call.schema)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Curves {
    confidence: f64,
    grouped: bool,
}

impl Plain for Curves {
    const NAME: &'static str = "SurvivalCurve";
}

impl Step for Curves {
    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let (input, schema) = (only_stream(inputs)?, Arc::clone(&context.schema));
        let Self { confidence, grouped } = *self;
        let result = async move {
            let counts = Counts::collect(input, DOC.name, &context.memory).await?;
            let timer = context.timer();
            let _running = timer.timer();
            let (mut points, mut rows): (Vec<Point>, Vec<usize>) = (vec![], vec![]);
            for (row, at) in counts.groups()? {
                let of_group = curve(&at, confidence);
                context.memory.try_grow(of_group.len() * 2 * (size_of::<Point>() + 8))?;
                rows.extend(std::iter::repeat_n(row, of_group.len()));
                points.extend(of_group);
            }
            let mut columns = vec![];
            if grouped {
                columns.push(counts.per(&rows)?);
            }
            columns.extend(shown(&points));
            Ok(RecordBatch::try_new(Arc::clone(&context.schema), columns)?)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::once(result))))
    }
}

fn shown(points: &[Point]) -> Vec<ArrayRef> {
    let whole = |of: &dyn Fn(&Point) -> u64| -> ArrayRef {
        Arc::new(points.iter().map(|point| Some(of(point) as i64)).collect::<Int64Array>())
    };
    let real = |of: &dyn Fn(&Point) -> Option<f64>| -> ArrayRef { Arc::new(points.iter().map(of).collect::<Float64Array>()) };
    vec![
        real(&|point| Some(point.at.duration)),
        whole(&|point| point.at_risk),
        whole(&|point| point.at.events),
        whole(&|point| point.at.censored),
        real(&|point| Some(point.survival)),
        real(&|point| Some(point.std_err)),
        real(&|point| point.lower),
        real(&|point| point.upper),
        real(&|point| Some(point.cumulative_hazard)),
    ]
}
