//! The relation function `ml_explain`.

use std::sync::Arc;

use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::Result;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};

use super::ml_predict::{INPUT, MODEL};
use super::{key_of, model, not_predictive};
use crate::adapter::relation::{Binding, Call, ObjectFunction, RelationFunction, Roles};
use crate::docs::{Column, Doc, Kind};
use crate::learning::model::Model;
use crate::learning::model::explain::{columns, explained};

/// Explains predictions of a model.
#[derive(Debug)]
pub struct MlExplain;

const DOC: Doc = Doc {
    name: "ml_explain",
    kind: Kind::Relation,
    domain: "model",
    summary: "Explains predictions: how much each feature adds to a customer's score.",
    description: "\
One row per input row and feature, the feature that moves the score most first. `base_value` and the contributions of a row add up to its
`score`. The score is the log-odds for logistic regression and boosted trees, the log of the rate for Poisson regression, the probability
for a single tree or a forest, and the number itself for other models of numbers. Calibration is applied after the score.

For a linear model, the contribution is exactly the coefficient times the distance from the mean of the training rows. For trees it is the
Shapley value along the paths of the trees: the mean of what the feature adds over all orders in which features can become known. A row that
the model skips has no rows here.

score = base_value + Σ contribution. For a linear model: contribution = coefficient · (value − mean), summed over the columns of a category.

**Cost.** One result row per input row and feature. Linear models cost as much as a prediction; trees grow with the number of trees, their
leaves and the square of their depth: explain the customers that you look at, not all of them.

**Elsewhere.** BigQuery ML: `ML.EXPLAIN_PREDICT`; Python: `shap.TreeExplainer` and `shap.LinearExplainer`; xgboost: `pred_contribs`; R:
`fastshap`, `predict(…, type = 'terms')` for linear models.",
    arguments: &[MODEL, INPUT],
    columns: &[
        Column { name: "…", data_type: "of the key", text: "key of the model, under its own name" },
        Column { name: "feature", data_type: "VARCHAR", text: "name of the feature" },
        Column { name: "value", data_type: "VARCHAR", text: "value in the row, as a string" },
        Column { name: "contribution", data_type: "DOUBLE", text: "what the feature adds to the score" },
        Column { name: "rank", data_type: "INT", text: "from 1; by size of the contribution, positive or negative" },
        Column { name: "base_value", data_type: "DOUBLE", text: "mean score of the training rows" },
        Column { name: "score", data_type: "DOUBLE", text: "score of the row" },
    ],
    examples: &["CREATE TABLE customers_at_risk AS SELECT customer_id, frequency, CAST(monetary AS DOUBLE) AS monetary, recency_days > 120 AS churned
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
CREATE OR REPLACE MODEL churn WITH (type = 'logistic_regression', key = 'customer_id', target = 'churned') AS SELECT * FROM customers_at_risk;
SELECT customer_id, feature, value, round(contribution, 4) AS contribution FROM ml_explain(churn, customers_at_risk) WHERE customer_id = 1 ORDER BY rank;"],
    source: "S. Lundberg, G. Erion, S.-I. Lee: Consistent Individualized Feature Attribution for Tree Ensembles (2018); name after BigQuery ML's ML.EXPLAIN_PREDICT",
    ..Doc::EMPTY
};

impl ObjectFunction for MlExplain {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn bind(&self, call: &Binding<'_>) -> Result<Arc<dyn RelationFunction>> {
        let (model, input) = (model(call)?, call.input()?);
        if model.fitted().predictor().is_none() {
            return Err(not_predictive(&model));
        }
        model.check(input)?;
        let key = key_of(&model, input)?;
        Ok(Arc::new(Bound { columns: std::iter::once(key).chain(columns().iter().cloned()).collect(), model }))
    }
}

#[derive(Debug)]
struct Bound {
    model: Arc<Model>,
    columns: Vec<FieldRef>,
}

impl RelationFunction for Bound {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, _roles: &Roles) -> Result<Vec<FieldRef>> {
        Ok(self.columns.clone())
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        LogicalPlanBuilder::from(explained(&self.model, call.input()?)?).alias(DOC.name)?.build()
    }
}
