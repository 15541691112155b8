//! The relation function `ml_evaluate`.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::{Column as ColumnName, DFSchema, Result, ScalarValue};
use datafusion::functions::expr_fn::{abs, ln, signum};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit, when};

use super::exact_mean::exact_mean;
use super::ml_predict::{INPUT, MODEL};
use super::model;
use crate::adapter::relation::{Binding, Call, ObjectFunction, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Column, Doc, Kind};
use crate::error::{did_you_mean, invalid};
use crate::kernels::cluster::Scaling;
use crate::learning::clustering::validity::Validity;
use crate::learning::features::{FEATURES, Feature, FeatureSpec, Gather, KEY, Kind as FeatureKind, Missing};
use crate::learning::model::Model;
use crate::learning::model::predict::{column, predicted};

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

impl ObjectFunction for MlEvaluate {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn bind(&self, call: &Binding<'_>) -> Result<Arc<dyn RelationFunction>> {
        let (model, input) = (model(call)?, call.input()?);
        model.check(input)?;
        let key = model.trained.key.as_str();
        if !model.scales().is_empty() && !input.fields().iter().any(|field| field.name() == key) {
            let suggestion = did_you_mean(key, input.fields().iter().map(|field| field.name().as_str()));
            return Err(invalid(&model.label, format!("the input has no column \"{key}\", the key of the model{suggestion}")));
        }
        Ok(Arc::new(Bound(model)))
    }
}

/// The columns of the indices, of those of [`Validity`].
const INDICES: [&str; 4] = ["silhouette", "davies_bouldin", "calinski_harabasz", "smallest_share"];

#[derive(Debug)]
struct Bound(Arc<Model>);

impl RelationFunction for Bound {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, _roles: &Roles) -> Result<Vec<FieldRef>> {
        let column = |name: &str| FieldRef::from(Field::new(name, DataType::Float64, true));
        let mut columns = vec![Field::new("rows", DataType::Int64, false).into(), column("mean_squared_distance")];
        columns.extend(INDICES.map(column));
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let predictions = predicted(&self.0, call.input()?)?;
        let own = |name: &str| Expr::Column(ColumnName::new_unqualified(name));
        let measures = [
            count(own("cluster_id")).alias("rows"),
            exact_mean(own("distance") * own("distance")).alias("mean_squared_distance"),
        ];
        let totals = LogicalPlanBuilder::from(predictions.clone()).aggregate(Vec::<Expr>::new(), measures)?.alias("totals")?;
        let of_totals = |name: &str| Expr::Column(ColumnName::new(Some("totals"), name)).alias(name);
        let mut columns = vec![of_totals("rows"), of_totals("mean_squared_distance")];
        let whole = if self.0.scales().is_empty() {
            columns.extend(INDICES.map(|name| lit(ScalarValue::Float64(None)).alias(name)));
            totals
        } else {
            columns.extend(INDICES.map(|name| Expr::Column(ColumnName::new(Some("validity"), name)).alias(name)));
            totals.cross_join(validity(&self.0, predictions)?)?
        };
        whole.project(columns)?.alias(DOC.name)?.build()
    }
}

/// The indices of the clusters that a model predicts, over its numbers, scaled as in training.
fn validity(model: &Model, predictions: LogicalPlan) -> Result<LogicalPlan> {
    let schema = Arc::clone(predictions.schema());
    let features: Vec<_> = model.trained.of_kind(FeatureKind::Number).collect();
    let mut columns = vec![column(model, &schema, &model.trained.key)?.alias(KEY.name)];
    for ((number, feature), scale) in features.iter().enumerate().zip(model.scales()) {
        let value = cast(column(model, &schema, &feature.name)?, DataType::Float64);
        // What is missing has the mean of the training, as in the prediction. NaN is greater than every number.
        let filled = when(abs(value.clone()).lt_eq(lit(f64::MAX)), value).otherwise(lit(feature.mean()))?;
        let filled = match scale.is_of_logarithm {
            true => signum(filled.clone()) * ln(abs(filled) + lit(1.0)),
            false => filled,
        };
        columns.push(((filled - lit(scale.offset)) * lit(scale.factor)).alias(format!("{} {number}", FEATURES.name)));
    }
    let cluster = Expr::Column(ColumnName::new_unqualified("cluster_id"));
    columns.push(cluster.clone());
    let input = LogicalPlanBuilder::from(predictions).filter(cluster.is_not_null())?.project(columns)?.build()?;
    let features = features.iter().map(|feature| Feature { name: feature.name.clone(), kind: FeatureKind::Number });
    let spec = FeatureSpec {
        function: DOC.name.into(),
        key: model.trained.key.clone(),
        features: features.collect(),
        has_weight: false,
        label: Some("cluster_id".into()),
        missing: Missing::Error,
        may_spill: false,
        exact: false,
    };
    let schema = DFSchema::try_from_qualified_schema("validity", &Schema::new(Validity::columns()))?;
    Gather::new(spec, Validity { scaling: Scaling::None, random_state: 0 }).over([input], Arc::new(schema))
}
