//! The relation function `ml_centroids`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int32Array, StringArray};
use datafusion::common::Result;

use super::listing::Listing;
use super::ml_predict::MODEL;
use super::{hides_values, model};
use crate::adapter::relation::{Binding, ObjectFunction, RelationFunction};
use crate::docs::{Column, Doc, Kind};
use crate::error::invalid;
use crate::learning::features::Kind as FeatureKind;

/// The centres of a model's clusters.
#[derive(Debug)]
pub struct MlCentroids;

const DOC: Doc = Doc {
    name: "ml_centroids",
    kind: Kind::Relation,
    domain: "model",
    summary: "Lists the centres of a model's clusters, in the units of the features.",
    description: "\
One row per cluster and feature; number features come first.

**Cost.** Reads the stored model, no rows: the same for any number of customers.

**Elsewhere.** BigQuery ML: `ML.CENTROIDS`; scikit-learn: `KMeans.cluster_centers_`, in scaled units if the features were scaled; R:
`kmeans(…)$centers`. `cluster_profile` compares the clusters with all customers.",
    arguments: &[MODEL],
    columns: &[
        Column { name: "cluster_id", data_type: "INT", text: "from 1" },
        Column { name: "rows", data_type: "DOUBLE", text: "training rows in the cluster, by weight" },
        Column { name: "feature", data_type: "VARCHAR", text: "name of the feature" },
        Column { name: "numerical_value", data_type: "DOUBLE", text: "for a number: the mean" },
        Column { name: "categorical_value", data_type: "VARCHAR", text: "for a category: the most frequent value" },
    ],
    examples: &["CREATE OR REPLACE MODEL shopper_groups WITH (type = 'kmeans', key = 'customer_id', n_clusters = 3) AS
SELECT customer_id, recency_days, frequency, monetary
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
SELECT cluster_id, rows, feature, round(numerical_value, 2) AS mean FROM ml_centroids(shopper_groups) ORDER BY cluster_id, feature;"],
    source: "column names follow BigQuery ML's ML.CENTROIDS",
    ..Doc::EMPTY
};

impl ObjectFunction for MlCentroids {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn bind(&self, call: &Binding<'_>) -> Result<Arc<dyn RelationFunction>> {
        let model = model(call)?;
        let centroids = model.centroids();
        if centroids.is_empty() {
            return Err(invalid(&model.label, format!("is of type '{}', which has no centres", model.trained.model_type)));
        }
        let hidden = hides_values(call)?;
        let (mut ids, mut rows, mut features) = (vec![], vec![], vec![]);
        let (mut numbers, mut categories) = (vec![], vec![]);
        for (id, centroid) in (1..).zip(&centroids) {
            let means = model.trained.of_kind(FeatureKind::Number).zip(&centroid.numbers);
            // The centre of a cluster of one row is that row.
            let means = means.map(|(feature, mean)| (feature, (!hidden).then_some(*mean), None));
            let modes = model.trained.of_kind(FeatureKind::Category).zip(&centroid.categories);
            let modes = modes.map(|(feature, mode)| (feature, None, feature.value(*mode).filter(|_| !hidden)));
            for (feature, mean, mode) in means.chain(modes) {
                ids.push(id);
                rows.push((!hidden).then_some(centroid.rows));
                features.push(feature.name.as_str());
                numbers.push(mean);
                categories.push(mode);
            }
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from(ids)),
            Arc::new(Float64Array::from(rows)),
            Arc::new(StringArray::from(features)),
            Arc::new(Float64Array::from(numbers)),
            Arc::new(StringArray::from(categories)),
        ];
        Ok(Arc::new(Listing::new(&DOC, columns)?))
    }
}
