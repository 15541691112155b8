//! The relation function `ml_feature_importance`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use datafusion::common::Result;

use super::listing::Listing;
use super::ml_predict::MODEL;
use super::{hides_values, model, not_predictive};
use crate::adapter::relation::{Binding, ObjectFunction, RelationFunction};
use crate::docs::{Column, Doc, Kind};
use crate::learning::model::described::Importance;

/// How important each feature is to a model.
#[derive(Debug)]
pub struct MlFeatureImportance;

const DOC: Doc = Doc {
    name: "ml_feature_importance",
    kind: Kind::Relation,
    domain: "model",
    summary: "Measures how much each feature matters in a predictive model.",
    description: "\
One row per feature. `gain` is how much its splits reduce the loss on the training rows; it overrates features with many values. For a
linear model it is the share of the feature's coefficients, each multiplied by the standard deviation of its column. `permutation` is
measured on the holdout rows: how much `auc` (or `r2` for a number) falls when the values of the feature are shuffled. Features that carry
the same information share the importance.

Importance says what the model uses, not what causes the outcome.

**Cost.** Reads what was stored with the model, no rows: the shuffling was done in the training.

**Elsewhere.** BigQuery ML: `ML.FEATURE_IMPORTANCE`; scikit-learn: `feature_importances_` and `permutation_importance`; xgboost:
`get_score(importance_type='gain')`; R: `varImp` of caret.",
    arguments: &[MODEL],
    columns: &[
        Column { name: "feature", data_type: "VARCHAR", text: "name of the feature" },
        Column { name: "gain", data_type: "DOUBLE", text: "share of the total gain, 0 to 1" },
        Column { name: "splits", data_type: "BIGINT", text: "splits on the feature; 0 for a linear model" },
        Column { name: "permutation", data_type: "DOUBLE", text: "mean loss of `auc` or `r2` over the repetitions; NULL with `permutations = 0`" },
        Column { name: "permutation_stddev", data_type: "DOUBLE", text: "standard deviation over the repetitions" },
    ],
    examples: &["CREATE TABLE customers_at_risk AS SELECT customer_id, frequency, CAST(monetary AS DOUBLE) AS monetary, recency_days > 120 AS churned
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
CREATE OR REPLACE MODEL churn_boosted WITH (type = 'gradient_boosting', key = 'customer_id', target = 'churned', iterations = 20) AS SELECT * FROM customers_at_risk;
SELECT feature, round(gain, 4) AS gain, splits FROM ml_feature_importance(churn_boosted) ORDER BY gain DESC;"],
    source: "L. Breiman: Random Forests (2001); name after BigQuery ML's ML.FEATURE_IMPORTANCE",
    ..Doc::EMPTY
};

impl ObjectFunction for MlFeatureImportance {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn bind(&self, call: &Binding<'_>) -> Result<Arc<dyn RelationFunction>> {
        let model = model(call)?;
        let mut importance = model.fitted().described().importance;
        if importance.is_empty() {
            return Err(not_predictive(&model));
        }
        let hidden = hides_values(call)?;
        if hidden {
            // Their order would tell which are important.
            importance.sort_by(|one, other| one.feature.cmp(&other.feature));
        }
        let number = |of: fn(&Importance) -> Option<f64>| -> ArrayRef {
            Arc::new(importance.iter().map(|one| of(one).filter(|_| !hidden)).collect::<Float64Array>())
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(importance.iter().map(|feature| &feature.feature))),
            number(|feature| Some(feature.gain.0)),
            Arc::new(importance.iter().map(|feature| (!hidden).then_some(feature.splits as i64)).collect::<Int64Array>()),
            number(|feature| feature.permutation.map(|value| value.0)),
            number(|feature| feature.permutation_stddev.map(|value| value.0)),
        ];
        Ok(Arc::new(Listing::new(&DOC, columns)?))
    }
}
