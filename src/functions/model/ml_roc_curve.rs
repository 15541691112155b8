//! The relation function `ml_roc_curve`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array};
use datafusion::common::Result;
use serde::{Deserialize, Serialize};

use super::judged::{Judge, Seen, bind, of_classes, of_rows};
use super::ml_predict::{INPUT, MODEL};
use crate::adapter::arguments::Options;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Binding, ObjectFunction, RelationFunction};
use crate::docs::{Column, Doc, Kind};
use crate::kernels::control::Stop;
use crate::kernels::metrics::{Point, roc_curve};
use crate::learning::features::{Compute, Computing, Rows};
use crate::learning::model::Model;

/// Lists the points of a model's ROC curve: what each threshold finds, and what it gets wrong.
#[derive(Debug)]
pub struct MlRocCurve;

const DOC: Doc = Doc {
    name: "ml_roc_curve",
    kind: Kind::Relation,
    domain: "model",
    summary: "Lists the points of a model's ROC curve: the true and false positives at each threshold.",
    description: "\
One row per distinct probability, from the highest down, after a first row where nothing is predicted positive. The area under the curve is `auc` in `ml_evaluate`.

recall = true_positives / positives; false_positive_rate = false_positives / negatives; precision = true_positives / (true_positives +
false_positives).

**Cost.** The model is applied to every row once; two numbers per row are kept in memory and sorted. With distinct probabilities the result
has as many rows as the input, and one more.

**Elsewhere.** BigQuery ML: `ML.ROC_CURVE`, at about a hundred thresholds; scikit-learn: `roc_curve`, which by default drops points on a
straight line; R: `roc` of pROC.",
    arguments: &[MODEL, INPUT],
    columns: &[
        Column { name: "threshold", data_type: "DOUBLE", text: "rows with at least this probability are predicted positive; infinite in the first row" },
        Column { name: "recall", data_type: "DOUBLE", text: "true positive rate: share of the positive rows that are predicted positive" },
        Column { name: "false_positive_rate", data_type: "DOUBLE", text: "share of the negative rows that are predicted positive" },
        Column { name: "precision", data_type: "DOUBLE", text: "share of the rows predicted positive that are positive" },
        Column { name: "true_positives", data_type: "BIGINT", text: "number of true positives" },
        Column { name: "false_positives", data_type: "BIGINT", text: "number of false positives" },
    ],
    examples: &["CREATE TABLE customers_at_risk AS SELECT customer_id, frequency, CAST(monetary AS DOUBLE) AS monetary, recency_days > 120 AS churned
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
CREATE OR REPLACE MODEL churn WITH (type = 'logistic_regression', key = 'customer_id', target = 'churned') AS SELECT * FROM customers_at_risk;
SELECT round(threshold, 4) AS threshold, round(recall, 4) AS recall, round(false_positive_rate, 4) AS false_positive_rate
FROM ml_roc_curve(churn, customers_at_risk) ORDER BY threshold DESC LIMIT 5;"],
    source: "T. Fawcett: An Introduction to ROC Analysis (2006); the name follows BigQuery ML's ML.ROC_CURVE",
    ..Doc::EMPTY
};

impl ObjectFunction for MlRocCurve {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn bind(&self, call: &Binding<'_>) -> Result<Arc<dyn RelationFunction>> {
        bind::<Roc>(call)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Roc {
    seen: Seen,
}

impl Plain for Roc {
    const NAME: &'static str = "Roc";
}

impl Judge for Roc {
    fn read(_options: &Options, model: &Model) -> Result<Self> {
        of_classes(model)?;
        Ok(Self { seen: Seen::of(model) })
    }
}

impl Compute for Roc {
    fn compute(&self, rows: Rows, running: &Computing<'_>) -> Result<(), Stop> {
        let judged = of_rows(&rows);
        self.seen.tell(&judged, running);
        let curve = roc_curve(&judged.ranked());
        let number = |of: fn(&Point) -> f64| -> ArrayRef {
            // Without rows of a class its rate is not known.
            Arc::new(curve.iter().map(|point| Some(of(point)).filter(|value| !value.is_nan())).collect::<Float64Array>())
        };
        let count = |of: fn(&Point) -> f64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(curve.iter().map(|point| of(point) as i64)))
        };
        let columns = vec![
            number(|point| point.threshold),
            number(|point| point.true_positive_rate),
            number(|point| point.false_positive_rate),
            number(|point| point.precision),
            count(|point| point.true_positives),
            count(|point| point.false_positives),
        ];
        running.worker.send(Ok(columns))
    }
}
