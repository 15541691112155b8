//! The relation function `ml_feature_info`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use datafusion::common::Result;

use super::listing::Listing;
use super::ml_predict::MODEL;
use super::{hides_values, model};
use crate::adapter::relation::{Binding, ObjectFunction, RelationFunction};
use crate::docs::{Column, Doc, Kind};
use crate::learning::model::stored::{Exact, Statistics, TrainedFeature};

/// Describes a model's features as they were in training.
#[derive(Debug)]
pub struct MlFeatureInfo;

const DOC: Doc = Doc {
    name: "ml_feature_info",
    kind: Kind::Relation,
    domain: "model",
    summary: "Describes the features of a model in the rows it was trained on.",
    description: "\
One row per feature, in the order of the model. Compare it with later rows to see how customers have changed.

**Cost.** Reads the stored model, no rows.

**Elsewhere.** BigQuery ML: `ML.FEATURE_INFO`; pandas: `describe` of the training rows, kept by yourself.",
    arguments: &[MODEL],
    columns: &[
        Column { name: "feature", data_type: "VARCHAR", text: "name of the feature" },
        Column { name: "kind", data_type: "VARCHAR", text: "`number` or `category`" },
        Column { name: "missing", data_type: "BIGINT", text: "rows where it was missing" },
        Column { name: "mean", data_type: "DOUBLE", text: "for a number: mean" },
        Column { name: "stddev", data_type: "DOUBLE", text: "for a number: sample standard deviation" },
        Column { name: "min", data_type: "DOUBLE", text: "for a number: minimum" },
        Column { name: "median", data_type: "DOUBLE", text: "for a number: median" },
        Column { name: "max", data_type: "DOUBLE", text: "for a number: maximum" },
        Column { name: "category_count", data_type: "BIGINT", text: "for a category: number of distinct values" },
        Column { name: "most_frequent", data_type: "VARCHAR", text: "for a category: the most frequent value" },
    ],
    examples: &["CREATE OR REPLACE MODEL shopper_groups WITH (type = 'kmeans', key = 'customer_id', n_clusters = 3) AS
SELECT customer_id, recency_days, frequency, monetary
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
SELECT feature, kind, missing, round(mean, 2) AS mean, min, max FROM ml_feature_info(shopper_groups);"],
    source: "column names follow BigQuery ML's ML.FEATURE_INFO",
    ..Doc::EMPTY
};

impl ObjectFunction for MlFeatureInfo {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn bind(&self, call: &Binding<'_>) -> Result<Arc<dyn RelationFunction>> {
        let model = model(call)?;
        let features = &model.trained.features;
        let hidden = hides_values(call)?;
        // Each may be the value of one row.
        let statistic = |of: fn(&Statistics) -> Option<Exact>| -> ArrayRef {
            let values = features.iter().map(|feature| of(&feature.statistics).map(|value| value.0).filter(|_| !hidden));
            Arc::new(values.collect::<Float64Array>())
        };
        let mode = |feature: &'_ TrainedFeature| feature.value(feature.mode()).filter(|_| !hidden).map(str::to_string);
        let count = |feature: &TrainedFeature| (!feature.values.is_empty()).then_some(feature.values.len() as i64);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(features.iter().map(|feature| &feature.name))),
            Arc::new(StringArray::from_iter_values(features.iter().map(|feature| feature.kind.to_string()))),
            Arc::new(Int64Array::from_iter_values(features.iter().map(|feature| feature.missing as i64))),
            statistic(|statistics| statistics.mean),
            statistic(|statistics| statistics.stddev),
            statistic(|statistics| statistics.min),
            statistic(|statistics| statistics.median),
            statistic(|statistics| statistics.max),
            Arc::new(features.iter().map(count).collect::<Int64Array>()),
            Arc::new(features.iter().map(mode).collect::<StringArray>()),
        ];
        Ok(Arc::new(Listing::new(&DOC, columns)?))
    }
}
