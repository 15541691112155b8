//! The table macro `ml_centroids`.

use datafusion::common::Result;

use super::ml_predict::MODEL;
use crate::adapter::definitions::Definitions;
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::docs::{Column, Doc, Kind};
use crate::error::invalid;
use crate::learning::features::Kind as FeatureKind;
use crate::learning::model::kind::model_type;
use crate::learning::model::trained::exact;
use crate::text::literal;

/// The middles of a model's clusters.
#[derive(Debug)]
pub struct MlCentroids;

const DOC: Doc = Doc {
    name: "ml_centroids",
    kind: Kind::Relation,
    domain: "model",
    summary: "Lists the centres of a model's clusters, in the units of the features.",
    description: "One row a cluster and feature.",
    arguments: &[MODEL],
    columns: &[
        Column { name: "cluster_id", data_type: "INT", text: "from 1" },
        Column { name: "rows", data_type: "DOUBLE", text: "of the training in the cluster, by weight" },
        Column { name: "feature", data_type: "VARCHAR", text: "name" },
        Column { name: "numerical_value", data_type: "DOUBLE", text: "of a number: the mean" },
        Column { name: "categorical_value", data_type: "VARCHAR", text: "of a category: the most frequent value" },
    ],
    examples: &["CREATE OR REPLACE MODEL shopper_groups WITH (type = 'kmeans', key = 'customer_id', n_clusters = 3) AS
SELECT customer_id, recency_days, frequency, monetary
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
SELECT cluster_id, rows, feature, round(numerical_value, 2) AS mean FROM ml_centroids(shopper_groups) ORDER BY cluster_id, feature;"],
    source: "names after BigQuery ML's ML.CENTROIDS",
    ..Doc::EMPTY
};

impl TableMacro for MlCentroids {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn expand(&self, call: MacroCall, definitions: &dyn Definitions) -> Result<String> {
        let model = definitions.model(call.required_name(MODEL.name)?)?;
        let centroids = model_type(&model.model_type).map(|kind| kind.centroids(&model)).transpose()?.unwrap_or_default();
        let mut rows = vec![];
        for (cluster, centroid) in centroids.iter().enumerate() {
            let numbers = model
                .of_kind(FeatureKind::Number)
                .zip(&centroid.numbers)
                .map(|(feature, value)| (feature, exact(*value), "NULL".to_string()));
            let categories = model
                .of_kind(FeatureKind::Category)
                .zip(&centroid.categories)
                .map(|(feature, value)| (feature, "NULL".to_string(), literal(value)));
            for (feature, number, category) in numbers.chain(categories) {
                let (id, size, name) = (cluster + 1, exact(centroid.rows), literal(&feature.name));
                rows.push(format!(
                    "(CAST({id} AS INT), CAST({size} AS DOUBLE), {name}, CAST({number} AS DOUBLE), CAST({category} AS VARCHAR))"
                ));
            }
        }
        if rows.is_empty() {
            return Err(invalid(&model.label, format!("is of type '{}', which has no centres", model.model_type)));
        }
        Ok(format!(
            "SELECT * FROM (VALUES {}) AS centroids (cluster_id, rows, feature, numerical_value, categorical_value)",
            rows.join(", ")
        ))
    }
}
