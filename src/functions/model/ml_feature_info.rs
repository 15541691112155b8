//! The table macro `ml_feature_info`.

use datafusion::common::Result;

use super::ml_predict::MODEL;
use crate::adapter::definitions::Definitions;
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::docs::{Column, Doc, Kind};
use crate::text::literal;

/// What a model's features were like.
#[derive(Debug)]
pub struct MlFeatureInfo;

const DOC: Doc = Doc {
    name: "ml_feature_info",
    kind: Kind::Relation,
    domain: "model",
    summary: "Says what the features of a model were like in the rows it was trained on.",
    description: "One row a feature, in the order of the model. Compare it with later rows to see how customers have changed since.",
    arguments: &[MODEL],
    columns: &[
        Column { name: "feature", data_type: "VARCHAR", text: "name" },
        Column { name: "kind", data_type: "VARCHAR", text: "`number` or `category`" },
        Column { name: "missing", data_type: "BIGINT", text: "rows that lacked it" },
        Column { name: "mean", data_type: "DOUBLE", text: "of a number" },
        Column { name: "stddev", data_type: "DOUBLE", text: "of a number, of the sample" },
        Column { name: "min", data_type: "DOUBLE", text: "of a number" },
        Column { name: "median", data_type: "DOUBLE", text: "of a number" },
        Column { name: "max", data_type: "DOUBLE", text: "of a number" },
        Column { name: "category_count", data_type: "BIGINT", text: "of a category: different values" },
        Column { name: "most_frequent", data_type: "VARCHAR", text: "of a category" },
    ],
    examples: &["CREATE OR REPLACE MODEL shopper_groups WITH (type = 'kmeans', key = 'customer_id', n_clusters = 3) AS
SELECT customer_id, recency_days, frequency, monetary
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
SELECT feature, kind, missing, round(mean, 2) AS mean, min, max FROM ml_feature_info(shopper_groups);"],
    source: "names after BigQuery ML's ML.FEATURE_INFO",
    ..Doc::EMPTY
};

const STATISTICS: [&str; 5] = ["mean", "stddev", "min", "median", "max"];

impl TableMacro for MlFeatureInfo {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn expand(&self, call: MacroCall, definitions: &dyn Definitions) -> Result<String> {
        let model = definitions.model(call.required_name(MODEL.name)?)?;
        let rows = model.features.iter().enumerate().map(|(place, feature)| {
            let statistic = |name| {
                let found = feature.statistics.iter().find(|(other, _)| other == name);
                format!("CAST({} AS DOUBLE)", found.map_or("NULL", |(_, value)| value.as_str()))
            };
            let statistics = STATISTICS.map(statistic).join(", ");
            let (count, most) = match feature.values.get(feature.mode() as usize) {
                Some((value, _)) => (feature.values.len().to_string(), literal(value)),
                None => ("NULL".to_string(), "NULL".to_string()),
            };
            format!(
                "({place}, {}, {}, CAST({} AS BIGINT), {statistics}, CAST({count} AS BIGINT), CAST({most} AS VARCHAR))",
                literal(&feature.name),
                literal(&feature.kind.to_string()),
                feature.missing
            )
        });
        Ok(format!(
            "SELECT feature, kind, missing, {}, category_count, most_frequent FROM (VALUES {}) AS features \
             (place, feature, kind, missing, {}, category_count, most_frequent) ORDER BY place",
            STATISTICS.join(", "),
            rows.collect::<Vec<_>>().join(", "),
            STATISTICS.join(", "),
        ))
    }
}
