//! The table macro `ml_evaluate`.

use datafusion::common::Result;

use super::ml_predict::{INPUT, MODEL};
use crate::adapter::definitions::Definitions;
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::docs::{Column, Doc, Kind};
use crate::error::invalid;
use crate::learning::features::Kind as FeatureKind;
use crate::learning::model::kind::model_type;
use crate::learning::model::trained::exact;
use crate::text::identifier;

/// How well a model fits rows.
#[derive(Debug)]
pub struct MlEvaluate;

const DOC: Doc = Doc {
    name: "ml_evaluate",
    kind: Kind::Relation,
    domain: "model",
    summary: "Says how well a model fits rows: of clusters, how near the rows are, and how far apart the clusters.",
    description: "\
Rows of another time than those of the training show whether the clusters still hold. Distances are of the features as they were scaled in training. The indices are those of
`cluster_validity`, over the features that are numbers; NULL where none is. Rows without a prediction are left out.",
    arguments: &[MODEL, INPUT],
    columns: &[
        Column { name: "rows", data_type: "BIGINT", text: "that have a prediction" },
        Column { name: "mean_squared_distance", data_type: "DOUBLE", text: "of the rows to their centres" },
        Column { name: "silhouette", data_type: "DOUBLE", text: "mean" },
        Column { name: "davies_bouldin", data_type: "DOUBLE", text: "index" },
        Column { name: "calinski_harabasz", data_type: "DOUBLE", text: "index" },
        Column { name: "smallest_share", data_type: "DOUBLE", text: "share of the rows in the smallest cluster" },
    ],
    examples: &["CREATE TABLE shoppers AS SELECT customer_id, recency_days, frequency, monetary
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
CREATE OR REPLACE MODEL shopper_groups WITH (type = 'kmeans', key = 'customer_id', n_clusters = 3) AS SELECT * FROM shoppers;
SELECT rows, round(mean_squared_distance, 4) AS distance, round(silhouette, 4) AS silhouette FROM ml_evaluate(shopper_groups, shoppers);"],
    source: "names after BigQuery ML's ML.EVALUATE for k-means",
    ..Doc::EMPTY
};

impl TableMacro for MlEvaluate {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn expand(&self, call: MacroCall, definitions: &dyn Definitions) -> Result<String> {
        let name = call.required_name(MODEL.name)?;
        let model = definitions.model(name)?;
        let Some(query) = call.query(INPUT.name) else { return Err(invalid(DOC.name, "input is missing; write input => …")) };
        let predicted = format!("ml_predict({}, ({query}))", identifier(name));
        let totals =
            format!("SELECT count(cluster_id) AS rows, avg(distance * distance) AS mean_squared_distance FROM {predicted}");
        let kind = model_type(&model.model_type);
        let scales = kind.map(|kind| kind.scales(&model)).transpose()?.unwrap_or_default();
        if scales.is_empty() {
            let empty = ["silhouette", "davies_bouldin", "calinski_harabasz", "smallest_share"]
                .map(|name| format!("CAST(NULL AS DOUBLE) AS {name}"));
            return Ok(format!("SELECT *, {} FROM ({totals}) AS totals", empty.join(", ")));
        }
        let numbers: Vec<&str> = model.of_kind(FeatureKind::Number).map(|feature| feature.name.as_str()).collect();
        let features = model.of_kind(FeatureKind::Number).zip(&scales).map(|(feature, scale)| {
            let mean = exact(feature.statistic("mean").unwrap_or(0.0));
            let column = format!("CAST({} AS DOUBLE)", identifier(&feature.name));
            // What is missing has the mean of the training, as in the prediction.
            let filled = format!("CASE WHEN {column} IS NULL OR isnan({column}) THEN {mean} ELSE {column} END");
            format!("({filled} - {}) * {} AS {}", exact(scale.offset), exact(scale.factor), identifier(&feature.name))
        });
        let scaled = format!(
            "SELECT {key}, cluster_id AS \"cluster of the model\", {} FROM {predicted} WHERE cluster_id IS NOT NULL",
            features.collect::<Vec<_>>().join(", "),
            key = identifier(&model.key),
        );
        Ok(format!(
            "SELECT totals.rows, mean_squared_distance, silhouette, davies_bouldin, calinski_harabasz, smallest_share \
             FROM ({totals}) AS totals CROSS JOIN cluster_validity(({scaled}), key => {}, cluster => \"cluster of the model\", \
               features => [{}], scale => 'none') AS validity",
            identifier(&model.key),
            numbers.iter().map(|name| identifier(name)).collect::<Vec<_>>().join(", "),
        ))
    }
}
