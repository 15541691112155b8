//! The relation function `ml_predict`.

use std::sync::Arc;

use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::Result;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};

use super::model;
use crate::adapter::relation::{Binding, Call, ObjectFunction, RelationFunction, Roles};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::learning::model::Model;
use crate::learning::model::predict::predicted;

/// The predictions of a model for rows.
#[derive(Debug)]
pub struct MlPredict;

pub const MODEL: Argument =
    Argument::required("model", Takes::Name("model"), "name of a trained model, as `system.models` lists them");
pub const INPUT: Argument = Argument::required(
    "input",
    Takes::Relation,
    "table or query with the model's features under the names of its training, and with its target where it is measured",
);

const DOC: Doc = Doc {
    name: "ml_predict",
    kind: Kind::Relation,
    domain: "model",
    summary: "Applies a model to rows: returns all their columns and the predictions.",
    description: "\
Uses the newest version of the model at the time when the statement is planned. The input must have the features that the model was trained
on, with the same names, and numbers where there were numbers; other columns are passed through. A row without a value for a feature is
treated as in training: `missing = 'error'`, `'mean'` (the mean of the training rows, or their most frequent category), or `'skip'`, where
the prediction is NULL. A category that was not in the training rows counts as different from every other.

Applied to its training rows, the model returns the clusters found in training.

**Cost.** One pass; memory does not grow with the rows. A linear model or clusters cost a few multiplications per feature and row, trees a walk
from root to leaf per tree.

**Elsewhere.** BigQuery ML: `ML.PREDICT`; MADlib: `logregr_predict`, `kmeans` with `closest_column`; scikit-learn: `predict` and
`predict_proba`; Spark: `model.transform`; Snowflake: `model!PREDICT`.",
    arguments: &[MODEL, INPUT],
    columns: &[
        Column { name: "…", data_type: "of the input", text: "every column of the input" },
        Column { name: "cluster_id", data_type: "INT", text: "for cluster models: the cluster, from 1; the largest first" },
        Column { name: "distance", data_type: "DOUBLE", text: "for cluster models: distance to the centre, on scaled features" },
    ],
    examples: &["CREATE TABLE shoppers AS SELECT customer_id, recency_days, frequency, monetary
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
CREATE OR REPLACE MODEL shopper_groups WITH (type = 'kmeans', key = 'customer_id', n_clusters = 3) AS SELECT * FROM shoppers;
SELECT cluster_id, count(*) AS customers FROM ml_predict(shopper_groups, shoppers) GROUP BY cluster_id ORDER BY cluster_id;"],
    ..Doc::EMPTY
};

impl ObjectFunction for MlPredict {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn bind(&self, call: &Binding<'_>) -> Result<Arc<dyn RelationFunction>> {
        let model = model(call)?;
        let input = call.input()?;
        model.check(input)?;
        Ok(Arc::new(Bound { columns: input.fields().iter().chain(model.predicts()).cloned().collect(), model }))
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
        LogicalPlanBuilder::from(predicted(&self.model, call.input()?)?).alias(DOC.name)?.build()
    }
}
