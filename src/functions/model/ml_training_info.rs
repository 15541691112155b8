//! The relation function `ml_training_info`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use datafusion::common::Result;

use super::listing::Listing;
use super::ml_predict::MODEL;
use super::model;
use crate::adapter::relation::{Binding, ObjectFunction, RelationFunction};
use crate::docs::{Column, Doc, Kind};
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
`holdout` those of the model that is stored; `metric` what is shown of a model in `system.models`.",
    arguments: &[MODEL],
    columns: &[
        Column { name: "step", data_type: "VARCHAR", text: "`iteration`, `candidate`, `fold`, `folds`, `training`, `holdout` or `metric`" },
        Column { name: "number", data_type: "BIGINT", text: "from 1" },
        Column { name: "detail", data_type: "VARCHAR", text: "what was tried; `mean` or `stddev` of folds" },
        Column { name: "measure", data_type: "VARCHAR", text: "`auc`, `log_loss`, …" },
        Column { name: "value", data_type: "DOUBLE", text: "its value" },
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
        let mut steps = model.fitted().described().steps;
        let metric = |(number, (measure, value)): (u64, (&String, &Exact))| TrainingStep {
            step: "metric".into(),
            number,
            detail: String::new(),
            measure: measure.clone(),
            value: *value,
        };
        steps.extend((1..).zip(&model.trained.metrics).map(metric));
        let detail = |step: &TrainingStep| (!step.detail.is_empty()).then(|| step.detail.clone());
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(steps.iter().map(|step| &step.step))),
            Arc::new(Int64Array::from_iter_values(steps.iter().map(|step| step.number as i64))),
            Arc::new(steps.iter().map(detail).collect::<StringArray>()),
            Arc::new(StringArray::from_iter_values(steps.iter().map(|step| &step.measure))),
            Arc::new(Float64Array::from_iter_values(steps.iter().map(|step| step.value.0))),
        ];
        Ok(Arc::new(Listing::new(&DOC, columns)?))
    }
}
