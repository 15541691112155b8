//! The relation function `ml_calibration`.

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
use crate::kernels::metrics::{Bin, calibration};
use crate::learning::features::{Compute, Computing, Rows};
use crate::learning::model::Model;

/// Checks probabilities in bins: the predicted probability next to the observed share.
#[derive(Debug)]
pub struct MlCalibration;

const BINS: Argument = Argument::optional(
    "bins",
    Takes::Integer(1, 1000),
    "10",
    "maximum number of bins; fewer where equal probabilities fall into one",
);
const STRATEGY: Argument = Argument::optional(
    "strategy",
    Takes::Choice(&["quantile", "uniform"]),
    "'quantile'",
    "bins with equal numbers of rows, or of equal width",
);

const DOC: Doc = Doc {
    name: "ml_calibration",
    kind: Kind::Relation,
    domain: "model",
    summary: "Checks probabilities by bins: the predicted probability next to the observed share.",
    description: "\
Bins have equal numbers of rows, or equal width from 0 to 1, as in scikit-learn's `calibration_curve`: quantiles are interpolated, and an
edge belongs to the bin below. Rows with the same probability are in one bin, and empty bins are omitted.

`observed_lower` and `observed_upper` are Wilson's interval of the share p = positives / n, with z = 1.96:
(p + z²/2n ± z·√(p(1 − p)/n + z²/4n²)) / (1 + z²/n). If `mean_predicted` lies outside of it, the probabilities of the bin are too high or
too low.

**Cost.** The model is applied to every row once; two numbers per row are kept in memory and sorted.

**Elsewhere.** scikit-learn: `calibration_curve`, without intervals; R: `val.prob` of rms; BigQuery ML has no such function.",
    arguments: &[MODEL, INPUT, BINS, STRATEGY],
    columns: &[
        Column { name: "bin", data_type: "INT", text: "number of the bin, from 1; the lowest probabilities first" },
        Column { name: "rows", data_type: "BIGINT", text: "rows in the bin" },
        Column { name: "low", data_type: "DOUBLE", text: "smallest probability" },
        Column { name: "high", data_type: "DOUBLE", text: "largest probability" },
        Column { name: "mean_predicted", data_type: "DOUBLE", text: "mean probability" },
        Column { name: "observed", data_type: "DOUBLE", text: "share of positive rows" },
        Column { name: "observed_lower", data_type: "DOUBLE", text: "lower end of the 95 % interval (Wilson)" },
        Column { name: "observed_upper", data_type: "DOUBLE", text: "upper end of the interval" },
    ],
    examples: &["CREATE TABLE customers_at_risk AS SELECT customer_id, frequency, CAST(monetary AS DOUBLE) AS monetary, recency_days > 120 AS churned
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
CREATE OR REPLACE MODEL churn WITH (type = 'logistic_regression', key = 'customer_id', target = 'churned') AS SELECT * FROM customers_at_risk;
SELECT bin, rows, round(mean_predicted, 4) AS predicted, round(observed, 4) AS observed FROM ml_calibration(churn, customers_at_risk, bins => 5) ORDER BY bin;"],
    source: "reliability diagrams; as scikit-learn's calibration_curve",
    ..Doc::EMPTY
};

impl ObjectFunction for MlCalibration {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn bind(&self, call: &Binding<'_>) -> Result<Arc<dyn RelationFunction>> {
        bind::<Calibration>(call)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Calibration {
    bins: usize,
    by_count: bool,
    seen: Seen,
}

impl Plain for Calibration {
    const NAME: &'static str = "Calibration";
}

impl Judge for Calibration {
    fn read(options: &Options, model: &Model) -> Result<Self> {
        of_classes(model)?;
        Ok(Self {
            bins: options.integer(BINS.name)?.unsigned_abs() as usize,
            by_count: options.word(STRATEGY.name)? == "quantile",
            seen: Seen::of(model),
        })
    }
}

impl Compute for Calibration {
    fn compute(&self, rows: Rows, running: &Computing<'_>) -> Result<(), Stop> {
        let judged = of_rows(&rows);
        self.seen.tell(&judged, running);
        let bins = calibration(&judged.predictions, &judged.outcomes, self.bins, self.by_count);
        let number = |of: fn(&Bin) -> f64| -> ArrayRef { Arc::new(Float64Array::from_iter_values(bins.iter().map(of))) };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from_iter_values(1..=bins.len() as i32)),
            Arc::new(Int64Array::from_iter_values(bins.iter().map(|bin| bin.rows as i64))),
            number(|bin| bin.low),
            number(|bin| bin.high),
            number(|bin| bin.mean_predicted),
            number(|bin| bin.observed),
            number(|bin| bin.observed_lower),
            number(|bin| bin.observed_upper),
        ];
        running.worker.send(Ok(columns))
    }
}
