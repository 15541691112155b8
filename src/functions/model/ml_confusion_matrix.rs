//! The relation function `ml_confusion_matrix`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use datafusion::common::Result;
use serde::{Deserialize, Serialize};

use super::judged::{Judge, Seen, bind, of_classes, of_rows};
use super::ml_predict::{INPUT, MODEL};
use crate::adapter::arguments::Options;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Binding, ObjectFunction, RelationFunction};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::kernels::control::Stop;
use crate::kernels::metrics::{Confusion, share};
use crate::learning::features::{Compute, Computing, Rows};
use crate::learning::model::Model;

/// Counts how often a classifier predicts each class, by actual class.
#[derive(Debug)]
pub struct MlConfusionMatrix;

const THRESHOLD: Argument = Argument::optional(
    "threshold",
    Takes::Float(0.0, 1.0),
    "",
    "probability from which the positive class is predicted; default: the threshold of the model",
);

const DOC: Doc = Doc {
    name: "ml_confusion_matrix",
    kind: Kind::Relation,
    domain: "model",
    summary: "Counts the rows for each pair of actual and predicted class of a classification model.",
    description: "\
Four rows. The threshold is the model's, unless you give one.

`share` of the two rows of the positive class is recall and the miss rate; of the other two, the false positive rate and the specificity.
A lower threshold finds more positive rows and more false ones.

**Cost.** The model is applied to every row once; two numbers per row are kept in memory.

**Elsewhere.** BigQuery ML: `ML.CONFUSION_MATRIX`, with one column per class; scikit-learn: `confusion_matrix`; R: `confusionMatrix` of
caret.",
    arguments: &[MODEL, INPUT, THRESHOLD],
    columns: &[
        Column { name: "actual", data_type: "VARCHAR", text: "actual class of the rows" },
        Column { name: "predicted", data_type: "VARCHAR", text: "predicted class of the rows" },
        Column { name: "rows", data_type: "BIGINT", text: "number of rows" },
        Column { name: "share", data_type: "DOUBLE", text: "share of the rows of the actual class" },
    ],
    examples: &["CREATE TABLE customers_at_risk AS SELECT customer_id, frequency, CAST(monetary AS DOUBLE) AS monetary, recency_days > 120 AS churned
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
CREATE OR REPLACE MODEL churn WITH (type = 'logistic_regression', key = 'customer_id', target = 'churned') AS SELECT * FROM customers_at_risk;
SELECT actual, predicted, rows FROM ml_confusion_matrix(churn, customers_at_risk) ORDER BY actual, predicted;"],
    source: "the name follows BigQuery ML's ML.CONFUSION_MATRIX",
    ..Doc::EMPTY
};

impl ObjectFunction for MlConfusionMatrix {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn bind(&self, call: &Binding<'_>) -> Result<Arc<dyn RelationFunction>> {
        bind::<Matrix>(call)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Matrix {
    threshold: f64,
    negative: String,
    positive: String,
    seen: Seen,
}

impl Plain for Matrix {
    const NAME: &'static str = "Matrix";
}

impl Judge for Matrix {
    fn read(options: &Options, model: &Model) -> Result<Self> {
        let classes = of_classes(model)?;
        let of_model = model.fitted().predictor().map_or(0.5, |predictor| predictor.threshold);
        let threshold = if options.is_given(THRESHOLD.name) { options.float(THRESHOLD.name)? } else { of_model };
        Ok(Self { threshold, negative: classes.negative.clone(), positive: classes.positive.clone(), seen: Seen::of(model) })
    }
}

impl Compute for Matrix {
    fn compute(&self, rows: Rows, running: &Computing<'_>) -> Result<(), Stop> {
        let judged = of_rows(&rows);
        self.seen.tell(&judged, running);
        let found = Confusion::new(&judged.predictions, &judged.outcomes, None, self.threshold);
        let (negative, positive) = (self.negative.as_str(), self.positive.as_str());
        let cells = [
            (negative, negative, found.true_negatives, found.true_negatives + found.false_positives),
            (negative, positive, found.false_positives, found.true_negatives + found.false_positives),
            (positive, negative, found.false_negatives, found.true_positives + found.false_negatives),
            (positive, positive, found.true_positives, found.true_positives + found.false_negatives),
        ];
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(cells.iter().map(|cell| cell.0))),
            Arc::new(StringArray::from_iter_values(cells.iter().map(|cell| cell.1))),
            Arc::new(Int64Array::from_iter_values(cells.iter().map(|cell| cell.2 as i64))),
            Arc::new(cells.iter().map(|cell| share((cell.2, cell.3))).collect::<Float64Array>()),
        ];
        running.worker.send(Ok(columns))
    }
}
