//! The relation function `ml_lift`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array};
use datafusion::common::Result;
use serde::{Deserialize, Serialize};

use super::judged::{Judge, Seen, bind, of_classes, of_rows};
use super::ml_predict::{INPUT, MODEL};
use crate::adapter::arguments::Options;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Binding, ObjectFunction, RelationFunction};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::kernels::control::Stop;
use crate::kernels::metrics::{Decile, deciles};
use crate::learning::features::{Compute, Computing, Rows};
use crate::learning::model::Model;

/// Says how many more positive rows there are among those with the highest probabilities: lift and gain by tenths.
#[derive(Debug)]
pub struct MlLift;

const BINS: Argument =
    Argument::optional("bins", Takes::Integer(1, 1000), "10", "number of parts with equal numbers of rows; 10 gives tenths");

const DOC: Doc = Doc {
    name: "ml_lift",
    kind: Kind::Relation,
    domain: "model",
    summary: "Shows how many more positive rows there are among the highest probabilities: lift and gain, by default by tenths.",
    description: "\
The rows are divided into parts with equal numbers of rows, from the highest probabilities down; if they do not divide evenly, the first parts have one row more. Where equal probabilities fall into two parts, their positive rows are shared in proportion.

lift = (positives in the part / rows in the part) / (positives / rows); cumulative_gain = positives in this part and before / positives. A
lift of 3 in the first tenth: writing to that tenth reaches three times as many as writing to a tenth by chance.

**Cost.** The model is applied to every row once; two numbers per row are kept in memory and sorted.

**Elsewhere.** scikit-plot: `plot_lift_curve` and `plot_cumulative_gain`; R: `gains`, `lift_curve` of yardstick; SAS: the gains table of
Enterprise Miner; in SQL `ntile(10) OVER (ORDER BY probability DESC)`, which parts equal probabilities by chance.",
    arguments: &[MODEL, INPUT, BINS],
    columns: &[
        Column { name: "bin", data_type: "INT", text: "number of the part, from 1; the highest probabilities first" },
        Column { name: "rows", data_type: "BIGINT", text: "rows in the part" },
        Column { name: "low", data_type: "DOUBLE", text: "smallest probability" },
        Column { name: "high", data_type: "DOUBLE", text: "largest probability" },
        Column { name: "mean_predicted", data_type: "DOUBLE", text: "mean probability" },
        Column { name: "positives", data_type: "DOUBLE", text: "positive rows" },
        Column { name: "rate", data_type: "DOUBLE", text: "share of positive rows in the part" },
        Column { name: "lift", data_type: "DOUBLE", text: "that share / the share in all rows" },
        Column { name: "cumulative_gain", data_type: "DOUBLE", text: "share of all positive rows that are in this part and those before it" },
        Column { name: "cumulative_lift", data_type: "DOUBLE", text: "lift of this part and those before it together" },
    ],
    examples: &["CREATE TABLE customers_at_risk AS SELECT customer_id, frequency, CAST(monetary AS DOUBLE) AS monetary, recency_days > 120 AS churned
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
CREATE OR REPLACE MODEL churn WITH (type = 'logistic_regression', key = 'customer_id', target = 'churned') AS SELECT * FROM customers_at_risk;
SELECT bin, rows, round(rate, 4) AS rate, round(lift, 2) AS lift, round(cumulative_gain, 4) AS gain FROM ml_lift(churn, customers_at_risk) ORDER BY bin;"],
    source: "gains charts as in database marketing",
    ..Doc::EMPTY
};

impl ObjectFunction for MlLift {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn bind(&self, call: &Binding<'_>) -> Result<Arc<dyn RelationFunction>> {
        bind::<Lift>(call)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Lift {
    bins: usize,
    seen: Seen,
}

impl Plain for Lift {
    const NAME: &'static str = "Lift";
}

impl Judge for Lift {
    fn read(options: &Options, model: &Model) -> Result<Self> {
        of_classes(model)?;
        Ok(Self { bins: options.integer(BINS.name)?.unsigned_abs() as usize, seen: Seen::of(model) })
    }
}

impl Compute for Lift {
    fn compute(&self, rows: Rows, running: &Computing<'_>) -> Result<(), Stop> {
        let judged = of_rows(&rows);
        self.seen.tell(&judged, running);
        let parts = deciles(&judged.ranked(), self.bins);
        let all = |of: fn(&Decile) -> f64| parts.iter().map(of).sum::<f64>();
        let (all_rows, positives) = (all(|part| part.rows as f64), all(|part| part.positives));
        let (mut so_far, mut rows_so_far) = (0.0, 0.0);
        let running_sums = parts.iter().map(|part| {
            (so_far, rows_so_far) = (so_far + part.positives, rows_so_far + part.rows as f64);
            (so_far, rows_so_far)
        });
        let running_sums: Vec<(f64, f64)> = running_sums.collect();
        let number = |of: &dyn Fn(&Decile) -> f64| -> ArrayRef {
            Arc::new(parts.iter().map(|part| Some(of(part)).filter(|value| value.is_finite())).collect::<Float64Array>())
        };
        let cumulative = |of: &dyn Fn(f64, f64) -> f64| -> ArrayRef {
            let each = running_sums.iter().map(|(positive, rows)| Some(of(*positive, *rows)).filter(|value| value.is_finite()));
            Arc::new(each.collect::<Float64Array>())
        };
        let rate = positives / all_rows;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from_iter_values(1..=parts.len() as i32)),
            Arc::new(Int64Array::from_iter_values(parts.iter().map(|part| part.rows as i64))),
            number(&|part| part.low),
            number(&|part| part.high),
            number(&|part| part.mean),
            number(&|part| part.positives),
            number(&|part| part.positives / part.rows as f64),
            number(&|part| part.positives / part.rows as f64 / rate),
            cumulative(&|positive, _| positive / positives),
            cumulative(&|positive, rows| positive / rows / rate),
        ];
        running.worker.send(Ok(columns))
    }
}
