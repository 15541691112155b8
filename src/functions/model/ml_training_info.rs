//! The relation function `ml_training_info`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use datafusion::common::Result;

use super::listing::Listing;
use super::ml_predict::MODEL;
use super::model;
use crate::adapter::relation::{Binding, ObjectFunction, RelationFunction};
use crate::docs::{Column, Doc, Kind};
use crate::learning::model::Trained;
use crate::learning::model::described::TrainingStep;
use crate::learning::model::stored::Exact;

/// How the training of a model went.
#[derive(Debug)]
pub struct MlTrainingInfo;

const DOC: Doc = Doc {
    name: "ml_training_info",
    kind: Kind::Relation,
    domain: "model",
    summary: "Says how the training of a model went: iterations, what was tried, and measures of each part of the rows.",
    description: "\
One row per measure. `iteration` tells the loss as the fit went on, `candidate` what `search` has tried, `fold` the measures of cross-validation and `folds` their mean and deviation, `training` and
`holdout` those of the model that is stored; `metric` what is shown of a model in `system.models`; `note` what was told of the training: features that know too much, columns that
were left out, a fit without end.",
    arguments: &[MODEL],
    columns: &[
        Column { name: "step", data_type: "VARCHAR", text: "`iteration`, `candidate`, `fold`, `folds`, `training`, `holdout`, `metric` or `note`" },
        Column { name: "number", data_type: "BIGINT", text: "from 1" },
        Column { name: "detail", data_type: "VARCHAR", text: "what was tried; `mean` or `stddev` of folds; the sentence of a note" },
        Column { name: "measure", data_type: "VARCHAR", text: "`auc`, `log_loss`, …; NULL of a note" },
        Column { name: "value", data_type: "DOUBLE", text: "its value; NULL of a note" },
    ],
    examples: &["CREATE TABLE customers_at_risk AS SELECT customer_id, frequency, CAST(monetary AS DOUBLE) AS monetary, recency_days > 120 AS churned
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
CREATE OR REPLACE MODEL churn WITH (type = 'logistic_regression', key = 'customer_id', target = 'churned', folds = 5) AS SELECT * FROM customers_at_risk;
SELECT step, number, detail, measure, round(value, 4) AS value FROM ml_training_info(churn) WHERE measure = 'auc' ORDER BY step, number, detail;"],
    source: "name after BigQuery ML's ML.TRAINING_INFO",
    ..Doc::EMPTY
};

impl ObjectFunction for MlTrainingInfo {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn bind(&self, call: &Binding<'_>) -> Result<Arc<dyn RelationFunction>> {
        let model = model(call)?;
        let Trained { metrics, notes, .. } = &model.trained;
        let mut steps = model.fitted().described().steps;
        let metric = |(number, (measure, value)): (u64, (&String, &Exact))| TrainingStep {
            step: "metric".into(),
            number,
            detail: String::new(),
            measure: measure.clone(),
            value: *value,
        };
        steps.extend((1..).zip(metrics).map(metric));
        let detail = |step: &TrainingStep| (!step.detail.is_empty()).then(|| step.detail.clone());
        let (words, numbers) = (steps.iter().map(|step| step.step.as_str()), steps.iter().map(|step| step.number as i64));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(words.chain(notes.iter().map(|_| "note")))),
            Arc::new(Int64Array::from_iter_values(numbers.chain((1..).zip(notes).map(|(number, _)| number)))),
            Arc::new(steps.iter().map(detail).chain(notes.iter().cloned().map(Some)).collect::<StringArray>()),
            Arc::new(
                steps.iter().map(|step| Some(step.measure.clone())).chain(notes.iter().map(|_| None)).collect::<StringArray>(),
            ),
            Arc::new(steps.iter().map(|step| Some(step.value.0)).chain(notes.iter().map(|_| None)).collect::<Float64Array>()),
        ];
        Ok(Arc::new(Listing::new(&DOC, columns)?))
    }
}
