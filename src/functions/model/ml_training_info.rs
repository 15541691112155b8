//! The relation function `ml_training_info`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use datafusion::common::Result;

use super::listing::Listing;
use super::ml_predict::MODEL;
use super::{hides_values, model};
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
    summary: "Shows how a model was trained: iterations, candidates tried, and the measures on each part of the rows.",
    description: "\
One row per measure. `iteration` rows show the loss during the fit, `candidate` rows what `search` tried, `fold` rows the measures of
cross-validation and `folds` their mean and standard deviation, `training` and `holdout` rows the measures of the stored model.
`earlier` rows are the measures of the version before it on the same rows, if it was trained with `keep_if_better`. `metric` rows are what `system.models` shows of the model. `note` rows are the notes of the training: features that leak the target, columns that
were dropped, a fit that did not converge.

**Cost.** Reads the stored model, no rows.

**Elsewhere.** BigQuery ML: `ML.TRAINING_INFO` and `ML.TRIAL_INFO`; scikit-learn: `cv_results_` of a search and `n_iter_`; xgboost:
`evals_result`.",
    arguments: &[MODEL],
    columns: &[
        Column { name: "step", data_type: "VARCHAR", text: "`iteration`, `candidate`, `fold`, `folds`, `training`, `holdout`, `earlier`, `metric` or `note`" },
        Column { name: "number", data_type: "BIGINT", text: "number of the iteration, candidate or fold, from 1; for `earlier`, the version" },
        Column { name: "detail", data_type: "VARCHAR", text: "what was tried; `mean` or `stddev` for folds; the text of a note" },
        Column { name: "measure", data_type: "VARCHAR", text: "`auc`, `log_loss`, …; NULL for a note" },
        Column { name: "value", data_type: "DOUBLE", text: "value of the measure; NULL for a note" },
    ],
    examples: &["CREATE TABLE customers_at_risk AS SELECT customer_id, frequency, CAST(monetary AS DOUBLE) AS monetary, recency_days > 120 AS churned
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
CREATE OR REPLACE MODEL churn WITH (type = 'logistic_regression', key = 'customer_id', target = 'churned', folds = 5) AS SELECT * FROM customers_at_risk;
SELECT step, number, detail, measure, round(value, 4) AS value FROM ml_training_info(churn) WHERE measure = 'auc' ORDER BY step, number, detail;"],
    source: "the name follows BigQuery ML's ML.TRAINING_INFO",
    ..Doc::EMPTY
};

impl ObjectFunction for MlTrainingInfo {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn bind(&self, call: &Binding<'_>) -> Result<Arc<dyn RelationFunction>> {
        let model = model(call)?;
        let Trained { metrics, notes, .. } = &model.trained;
        // Notes name values, and steps measure rows that may be hidden.
        let hidden = hides_values(call)?;
        let notes: &[String] = if hidden { &[] } else { notes };
        let mut steps = model.fitted().described().steps;
        let metric = |(number, (measure, value)): (u64, (&String, &Exact))| TrainingStep {
            step: "metric".into(),
            number,
            detail: String::new(),
            measure: measure.clone(),
            value: *value,
        };
        steps.extend((1..).zip(metrics).map(metric));
        steps.retain(|_| !hidden);
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
