//! The relation function `log_rank`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use serde::{Deserialize, Serialize};

use super::input::{Counts, DURATION, EVENT, INPUT, STRATA, check, counts, per_column};
use super::survival_curve::{CONFIDENCE, confidence};
use crate::adapter::offload::offload;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::{Step, StepContext, Streams, only_stream};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::unusable;
use crate::kernels::survival::{Quantile, curve, log_rank, quantile};

#[derive(Debug)]
pub struct LogRank;

/// At each duration, the test takes time proportional to the square of the number of groups.
const MOST_GROUPS: usize = 50;

const DOC: Doc = Doc {
    name: "log_rank",
    kind: Kind::Relation,
    domain: "survival",
    summary: "Tests with the log-rank test whether groups differ in how long they stay, and returns the median of each.",
    description: "\
One row per group, in ascending order. `expected_events` is the number of events that the group would have if all groups were alike; the
test compares it with `events`. `statistic`, `degrees_of_freedom` and `p_value` are for all groups together, the same in every row: a small
`p_value` says that the difference is unlikely to be chance. They are NULL with only one group, or if no event allows a comparison.

With `strata`, groups are compared within each stratum, and the differences are added up: customers of one region only with customers of the
same region.

`median` is the first duration that at most half of the rows outlast. Its interval is where the band of `survival_curve` falls to one half;
NULL where it does not fall so low.

Dropped rows: as in `survival_curve`. At most 50 groups.

**Formula.** For each duration with events, the expected events of group g are d · n_g / n; the statistic is (O − E)ᵀ V⁻¹ (O − E) over all
groups but one, with χ² of groups − 1 degrees of freedom.

**Cost.** One pass; memory grows with the number of groups times distinct durations.

**Limits.** The test has little power if the curves cross.

**Elsewhere.** R: `survdiff`; lifelines: `multivariate_logrank_test`; SAS: `PROC LIFETEST` with `STRATA`.",
    arguments: &[
        INPUT,
        DURATION,
        EVENT,
        Argument::required("per", Takes::Column, "column of the groups"),
        Argument::optional(STRATA, Takes::Column, "", "column within whose values the groups are compared"),
        CONFIDENCE,
    ],
    columns: &[
        Column { name: "(per)", data_type: "as the role", text: "the group, under the column's own name" },
        Column { name: "rows", data_type: "BIGINT", text: "rows of the group" },
        Column { name: "events", data_type: "BIGINT", text: "rows with the event" },
        Column { name: "expected_events", data_type: "DOUBLE", text: "events that the group would have if all groups were alike" },
        Column { name: "median", data_type: "DOUBLE", text: "first duration that at most half of the group outlasts" },
        Column { name: "median_lower", data_type: "DOUBLE", text: "lower end of the interval" },
        Column { name: "median_upper", data_type: "DOUBLE", text: "upper end of the interval" },
        Column { name: "statistic", data_type: "DOUBLE", text: "χ² of the test" },
        Column { name: "degrees_of_freedom", data_type: "BIGINT", text: "number of groups that can differ, minus one" },
        Column { name: "p_value", data_type: "DOUBLE", text: "probability of a difference at least this large by chance" },
    ],
    examples: &["SELECT plan, rows, events, round(expected_events, 4) AS expected_events, median, round(statistic, 4) AS statistic, round(p_value, 4) AS p_value
FROM log_rank((SELECT * FROM (VALUES ('a', 5, true), ('a', 6, false), ('a', 8, true), ('b', 2, true), ('b', 3, true), ('b', 12, false)) AS t(plan, months, has_left)),
  duration => months, event => has_left, per => plan);", "SELECT channel, rows, events, round(expected_events, 1) AS expected_events, median, round(p_value, 4) AS p_value
FROM log_rank((
  SELECT customer_id, first(channel ORDER BY ordered_at) AS channel, date_diff('month', min(ordered_at), max(ordered_at)) AS months,
    max(ordered_at) < DATE '2025-01-01' AS has_left
  FROM sample_orders(rows => 10000) WHERE customer_id IS NOT NULL GROUP BY customer_id), duration => months, event => has_left, per => channel);"],
    source: "N. Mantel: Evaluation of survival data and two new rank order statistics (1966); R. Peto, J. Peto: Asymptotically efficient rank invariant test procedures (1972)",
    ..Doc::EMPTY
};

impl RelationFunction for LogRank {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        check(DOC.name, roles)?;
        let field =
            |name: &str, data_type: DataType, nullable: bool| -> FieldRef { Arc::new(Field::new(name, data_type, nullable)) };
        let mut columns: Vec<FieldRef> = per_column(roles).into_iter().collect();
        columns.extend(["rows", "events"].map(|name| field(name, DataType::Int64, false)));
        columns.push(field("expected_events", DataType::Float64, false));
        columns.extend(["median", "median_lower", "median_upper", "statistic"].map(|name| field(name, DataType::Float64, true)));
        columns.push(field("degrees_of_freedom", DataType::Int64, false));
        columns.push(field("p_value", DataType::Float64, true));
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        Test { confidence: confidence(&call)? }.over([counts(&call)?], call.schema)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Test {
    confidence: f64,
}

impl Plain for Test {
    const NAME: &'static str = "LogRank";
}

impl Step for Test {
    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let input = only_stream(inputs)?;
        let confidence = self.confidence;
        offload(
            DOC.name,
            context,
            |_, memory| async move { Counts::collect(input, DOC.name, &memory).await },
            move |counts, worker| {
                let control = worker.control(1);
                let of_input = counts.groups().and_then(|groups| match groups.len() {
                    0..=MOST_GROUPS => Ok((groups, counts.strata()?)),
                    many => {
                        let problem =
                            format!("there are {many} groups, at most {MOST_GROUPS} can be compared; group by something coarser");
                        Err(unusable(DOC.name, problem))
                    }
                });
                let (groups, strata) = of_input.map_err(|error| worker.fail(error))?;
                let medians: Vec<Quantile> = groups.iter().map(|(_, at)| quantile(&curve(at, confidence), 0.5)).collect();
                let test = log_rank(&strata, control)?;
                let rows: Vec<usize> = groups.iter().map(|(row, _)| *row).collect();
                let whole = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
                let real = |values: Vec<Option<f64>>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
                worker.send(counts.per(&rows).map(|per| {
                    vec![
                        per,
                        whole(test.groups.iter().map(|(rows, _, _)| *rows as i64).collect()),
                        whole(test.groups.iter().map(|(_, events, _)| *events as i64).collect()),
                        real(test.groups.iter().map(|(_, _, expected)| Some(*expected)).collect()),
                        real(medians.iter().map(|median| median.estimate).collect()),
                        real(medians.iter().map(|median| median.lower).collect()),
                        real(medians.iter().map(|median| median.upper).collect()),
                        real(vec![test.statistic; rows.len()]),
                        whole(vec![test.degrees_of_freedom as i64; rows.len()]),
                        real(vec![test.p_value; rows.len()]),
                    ]
                }))
            },
        )
    }
}
