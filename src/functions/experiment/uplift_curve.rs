//! The relation function `uplift_curve`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, Int32Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, cast, lit};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use super::cells::{CONTROL, GROUP};
use super::moments::{Measured, moments, read};
use super::result::INPUT;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles, role};
use crate::adapter::step::{Step, StepContext, Streams, only_stream};
use crate::adapter::usable_rows::usable_rows;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::kernels::experiment::moments::Of;
use crate::kernels::experiment::uplift::{Curve, Part, Scored, curve};

/// Finds out whether a score picks those who react to a treatment.
#[derive(Debug)]
pub struct UpliftCurve;

const DOC: Doc = Doc {
    name: "uplift_curve",
    kind: Kind::Relation,
    domain: "experiment",
    summary: "Returns uplift by parts of a score, and the Qini curve: whether a score finds the customers whom a treatment influences.",
    description: "\
The rows are divided into `bins` parts with equal numbers of rows, from the highest scores down. If rows with the same score fall into two
parts, they are shared in proportion, so the result does not depend on their order. `uplift` is the mean outcome of the treated rows of the
part minus that of its control rows: a good score has most uplift in the first parts.

The Qini curve is `incremental_outcome`: the outcome of the treated rows up to this part beyond what the control suggests, Y(treated) −
Y(control) · n(treated) / n(control). `random_outcome` is the straight line to its end, the result of a score without information.
`qini_coefficient` is the area between curve and line, over the share of rows, per treated row; `relative_qini` is that area / the area
below the line. Both describe the whole score, not the parts, and are the same in every row; they are 0 if all scores are equal.

Every group that is not the control counts as treated, unless `treatment` names one. Rows whose group, score or outcome is NULL or not
finite are dropped and counted. Round scores that have many digits.

A model of who buys is not a score for this: those who buy anyway need no coupon. Rank by the difference that the treatment makes, or try
existing scores here, on an experiment whose groups were drawn at random.

**Cost.** One pass; then one entry, two sums, per distinct score and side, sorted in memory.

**Elsewhere.** `qini_curve` and `qini_auc_score` of scikit-uplift, which divides by the area of a perfect score; `plot_qini` of causalml.
Their curves end at the same point; areas are normalised differently, so compare coefficients of one tool only.",
    arguments: &[
        INPUT,
        GROUP,
        CONTROL,
        Argument::required("outcome", Takes::Metrics, "outcome that the treatment should change: a number column or a condition"),
        Argument::required("score", Takes::Number, "the score: customers with the highest scores are treated first"),
        Argument::optional(
            "treatment",
            Takes::Text,
            "",
            "the only treatment that counts; default: every group except the control",
        ),
        Argument::optional("bins", Takes::Integer(1, 1000), "10", "number of parts of equal size: 10 are deciles"),
    ],
    columns: &[
        Column { name: "bin", data_type: "INT", text: "number of the part, from 1; the highest scores first" },
        Column { name: "low", data_type: "DOUBLE", text: "smallest score" },
        Column { name: "high", data_type: "DOUBLE", text: "largest score" },
        Column {
            name: "treated_rows",
            data_type: "DOUBLE",
            text: "treated rows; fractions of a row where equal scores are shared",
        },
        Column { name: "control_rows", data_type: "DOUBLE", text: "control rows" },
        Column { name: "treated_mean", data_type: "DOUBLE", text: "mean outcome of the treated rows" },
        Column { name: "control_mean", data_type: "DOUBLE", text: "mean outcome of the control rows" },
        Column { name: "uplift", data_type: "DOUBLE", text: "treated minus control" },
        Column { name: "cumulative_uplift", data_type: "DOUBLE", text: "treated minus control in this part and those before it" },
        Column { name: "incremental_outcome", data_type: "DOUBLE", text: "Qini curve at the end of this part" },
        Column { name: "random_outcome", data_type: "DOUBLE", text: "straight line at the end of this part" },
        Column { name: "qini_coefficient", data_type: "DOUBLE", text: "area between curve and line, per treated row" },
        Column { name: "relative_qini", data_type: "DOUBLE", text: "that area / the area below the line" },
    ],
    examples: &[
        "SELECT bin, low, high, round(uplift, 4) AS uplift, round(incremental_outcome, 2) AS incremental, round(random_outcome, 2) AS random, round(qini_coefficient, 4) AS qini
FROM uplift_curve((SELECT i % 2 AS variant, i % 20 AS score, (i % 20 > 9 AND i % 2 = 1) OR i % 7 = 0 AS bought FROM generate_series(1, 2000) AS t(i)),
  group => variant, control => '0', outcome => bought, score => score, bins => 4);",
        "-- How often a customer ordered says nothing about an offer that nobody got: the coefficient is near 0.
SELECT bin, round(treated_rows) AS treated, round(control_rows) AS control, round(uplift, 3) AS uplift, round(relative_qini, 3) AS relative_qini
FROM uplift_curve((SELECT assign(customer_id, salt => 'coupon') AS variant, frequency AS score, monetary > 10000 AS bought
    FROM rfm(sample_orders(rows => 10000), customer => customer_id, order_time => ordered_at, amount => amount)),
  group => variant, control => 'control', outcome => bought, score => score, bins => 4);",
    ],
    source: "N. J. Radcliffe: Using control groups to target on predicted lift (2007)",
    ..Doc::EMPTY
};

impl RelationFunction for UpliftCurve {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        if roles.list("outcome").count() > 1 {
            return Err(invalid(DOC.name, "outcome must be one column; write a query for each"));
        }
        let field = |name: &str, data_type, nullable| -> FieldRef { Arc::new(Field::new(name, data_type, nullable)) };
        let mut columns = vec![field("bin", DataType::Int32, false)];
        columns.extend(["low", "high", "treated_rows", "control_rows"].map(|name| field(name, DataType::Float64, false)));
        let others = [
            "treated_mean",
            "control_mean",
            "uplift",
            "cumulative_uplift",
            "incremental_outcome",
            "random_outcome",
            "qini_coefficient",
            "relative_qini",
        ];
        columns.extend(others.map(|name| field(name, DataType::Float64, true)));
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let control = call.options.text(CONTROL.name).unwrap_or_default().to_string();
        let group = cast(role(GROUP.name), DataType::Utf8);
        let columns = vec![
            group.alias(GROUP.name),
            cast(role("outcome 0"), DataType::Float64).alias("outcome"),
            cast(role("score"), DataType::Float64).alias("score"),
        ];
        let rows = LogicalPlanBuilder::from(call.input()?).project(columns)?.build()?;
        let mut rows = LogicalPlanBuilder::from(usable_rows(rows)?);
        if let Some(treatment) = call.options.text("treatment") {
            if treatment == control {
                return Err(invalid(DOC.name, format!("treatment must differ from the control, got '{treatment}' for both")));
            }
            rows = rows.filter(role(GROUP.name).in_list(vec![lit(control.as_str()), lit(treatment)], false))?;
        }
        let measured = Measured { metric: role("outcome"), denominator: None, covariate: None, cap: None };
        let is_control = role(GROUP.name).eq(lit(control.as_str())).alias("is_control");
        let scores = rows
            .project(vec![role("score"), is_control, role("outcome")])?
            .aggregate(vec![role("score"), role("is_control")], vec![moments(measured).alias("sums")])?
            .build()?;
        let bins = call.options.integer("bins")?.unsigned_abs() as usize;
        Curves { bins, control }.over([scores], call.schema)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Curves {
    bins: usize,
    control: String,
}

impl Plain for Curves {
    const NAME: &'static str = "UpliftCurve";
}

impl Step for Curves {
    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let (mut input, schema) = (only_stream(inputs)?, Arc::clone(&context.schema));
        let (bins, control) = (self.bins, self.control.clone());
        let result = async move {
            let mut scores: Vec<Scored> = vec![];
            while let Some(batch) = input.next().await {
                let batch = batch?;
                context.memory.try_grow(batch.num_rows() * 2 * size_of::<Scored>())?;
                let of_score = batch.column(0).as_primitive::<Float64Type>();
                let of_control: &BooleanArray = batch.column(1).as_boolean();
                for row in 0..batch.num_rows() {
                    let sums = read(batch.column(2), row);
                    let (rows, sum) = (sums.rows as f64, sums.sum(Of::Metric));
                    // −0 becomes 0.
                    let scored = Scored { score: of_score.value(row) + 0.0, ..Scored::default() };
                    scores.push(if of_control.value(row) {
                        Scored { control: rows, control_sum: sum, ..scored }
                    } else {
                        Scored { treated: rows, treated_sum: sum, ..scored }
                    });
                }
            }
            let timer = context.timer();
            let _running = timer.timer();
            // Among rows with equal scores the treated come first, so that sums are always added in the same order.
            scores.sort_by(|one, other| other.score.total_cmp(&one.score).then(one.control.total_cmp(&other.control)));
            let mut merged: Vec<Scored> = vec![];
            for scored in scores {
                match merged.last_mut() {
                    Some(last) if last.score == scored.score => {
                        last.treated += scored.treated;
                        last.treated_sum += scored.treated_sum;
                        last.control += scored.control;
                        last.control_sum += scored.control_sum;
                    }
                    _ => merged.push(scored),
                }
            }
            if !merged.is_empty() && merged.iter().all(|scored| scored.control == 0.0) {
                let problem = format!("control must be one of the groups, got '{control}', which no row has");
                return Err(invalid(DOC.name, problem));
            }
            let curve = curve(&merged, bins);
            Ok(RecordBatch::try_new(Arc::clone(&context.schema), shown(&curve))?)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::once(result))))
    }
}

fn shown(curve: &Curve) -> Vec<ArrayRef> {
    let real = |of: &dyn Fn(&Part) -> Option<f64>| -> ArrayRef {
        Arc::new(curve.parts.iter().map(|part| of(part).filter(|value| value.is_finite())).collect::<Float64Array>())
    };
    let whole = curve.parts.last().map_or_else(Scored::default, |part| part.so_far);
    vec![
        Arc::new(Int32Array::from_iter_values(1..=curve.parts.len() as i32)),
        real(&|part| Some(part.low)),
        real(&|part| Some(part.high)),
        real(&|part| Some(part.own.treated)),
        real(&|part| Some(part.own.control)),
        real(&|part| Some(part.own.treated_sum / part.own.treated)),
        real(&|part| Some(part.own.control_sum / part.own.control)),
        real(&|part| part.own.uplift()),
        real(&|part| part.so_far.uplift()),
        real(&|part| Some(part.so_far.incremental())),
        real(&|part| Some(whole.incremental() * part.so_far.rows() / whole.rows())),
        real(&|_| curve.qini),
        real(&|_| curve.relative),
    ]
}
