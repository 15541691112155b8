//! The relation function `ml_evaluate`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::{Column as ColumnName, DFSchema, Result, ScalarValue};
use datafusion::functions::expr_fn::{abs, ln, signum};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit, when};

use serde::{Deserialize, Serialize};

use super::judged::{COUNTED, Judge, Seen, bind_model, of_rows};
use super::ml_predict::{INPUT, MODEL};
use super::{key_of, model};
use crate::adapter::arguments::Options;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Binding, Call, ObjectFunction, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::builtins::avg;
use crate::docs::{Column, Doc, Kind};
use crate::error::invalid;
use crate::kernels::cluster::Scaling;
use crate::kernels::control::Stop;
use crate::kernels::metrics::{
    Confusion, Errors, auc_interval, average_precision, brier, calibration, calibration_error, deciles, ks, log_loss, share,
    top_rate, weighted_calibration_error, wilson,
};
use crate::learning::clustering::validity::Validity;
use crate::learning::features::{
    Compute, Computing, FEATURES, Feature, FeatureSpec, Gather, KEY, Kind as FeatureKind, Missing, Rows,
};
use crate::learning::model::Model;
use crate::learning::model::predict::{column, predicted};

/// How well a model fits rows.
#[derive(Debug)]
pub struct MlEvaluate;

/// For a clustering model.
const OF_CLUSTERS: [Column; 6] = [
    Column { name: "rows", data_type: "BIGINT", text: "rows with a prediction" },
    Column {
        name: "mean_squared_distance",
        data_type: "DOUBLE",
        text: "for clusters: mean squared distance of the rows to their centres",
    },
    Column { name: "silhouette", data_type: "DOUBLE", text: "mean silhouette" },
    Column { name: "davies_bouldin", data_type: "DOUBLE", text: "Davies-Bouldin index" },
    Column { name: "calinski_harabasz", data_type: "DOUBLE", text: "Calinski-Harabasz index" },
    Column { name: "smallest_share", data_type: "DOUBLE", text: "share of the rows in the smallest cluster" },
];

/// For a classifier.
const OF_CLASSES: [Column; 26] = [
    Column { name: "rows", data_type: "BIGINT", text: "rows with a prediction and an actual value" },
    Column { name: "positives", data_type: "BIGINT", text: "for classes: rows of the positive class" },
    Column { name: "threshold", data_type: "DOUBLE", text: "probability from which the positive class is predicted" },
    Column { name: "true_positives", data_type: "BIGINT", text: "predicted positive, actually positive" },
    Column { name: "false_positives", data_type: "BIGINT", text: "predicted positive, actually negative" },
    Column { name: "false_negatives", data_type: "BIGINT", text: "predicted negative, actually positive" },
    Column { name: "true_negatives", data_type: "BIGINT", text: "predicted negative, actually negative" },
    Column { name: "accuracy", data_type: "DOUBLE", text: "share of correct predictions" },
    Column { name: "accuracy_lower", data_type: "DOUBLE", text: "lower end of the 95 % interval (Wilson)" },
    Column { name: "accuracy_upper", data_type: "DOUBLE", text: "upper end of the interval" },
    Column { name: "precision", data_type: "DOUBLE", text: "share of the rows predicted positive that are positive" },
    Column { name: "precision_lower", data_type: "DOUBLE", text: "lower end of its interval (Wilson)" },
    Column { name: "precision_upper", data_type: "DOUBLE", text: "upper end of the interval" },
    Column { name: "recall", data_type: "DOUBLE", text: "share of the positive rows that are predicted positive" },
    Column { name: "recall_lower", data_type: "DOUBLE", text: "lower end of its interval (Wilson)" },
    Column { name: "recall_upper", data_type: "DOUBLE", text: "upper end of the interval" },
    Column { name: "f1", data_type: "DOUBLE", text: "harmonic mean of precision and recall" },
    Column {
        name: "auc",
        data_type: "DOUBLE",
        text: "area under the ROC curve: probability that a positive row gets a higher score than a negative one",
    },
    Column { name: "auc_lower", data_type: "DOUBLE", text: "lower end of its interval (DeLong)" },
    Column { name: "auc_upper", data_type: "DOUBLE", text: "upper end of the interval" },
    Column {
        name: "pr_auc",
        data_type: "DOUBLE",
        text: "average precision: area under the precision-recall curve, computed by steps",
    },
    Column { name: "log_loss", data_type: "DOUBLE", text: "mean of −ln(predicted probability of the actual class)" },
    Column {
        name: "brier",
        data_type: "DOUBLE",
        text: "mean squared difference between the probability and the outcome (0 or 1)",
    },
    Column {
        name: "ks",
        data_type: "DOUBLE",
        text: "Kolmogorov-Smirnov: the largest distance between the score distributions of the two classes",
    },
    Column {
        name: "lift_top_decile",
        data_type: "DOUBLE",
        text: "share of positive rows in the top tenth of probabilities / share in all rows",
    },
    Column {
        name: "calibration_error",
        data_type: "DOUBLE",
        text: "mean difference between predicted probability and observed share, over ten bins with equal numbers of rows",
    },
];

/// For a model that predicts numbers or counts.
const OF_NUMBERS: [Column; 8] = [
    Column { name: "rows", data_type: "BIGINT", text: "rows with a prediction and an actual value" },
    Column { name: "rmse", data_type: "DOUBLE", text: "for numbers: root mean squared error" },
    Column { name: "rmse_lower", data_type: "DOUBLE", text: "lower end of the 95 % interval" },
    Column { name: "rmse_upper", data_type: "DOUBLE", text: "upper end of the interval" },
    Column { name: "mae", data_type: "DOUBLE", text: "mean absolute error" },
    Column { name: "mae_lower", data_type: "DOUBLE", text: "lower end of its interval" },
    Column { name: "mae_upper", data_type: "DOUBLE", text: "upper end of the interval" },
    Column { name: "r2", data_type: "DOUBLE", text: "share of the variance that is explained" },
];

/// The columns for all kinds of models, one kind after another.
const ALL: [Column; 38] = {
    let mut all = [OF_CLUSTERS[0]; 38];
    let mut place = 0;
    while place < all.len() {
        all[place] = match place {
            0..6 => OF_CLUSTERS[place],
            6..31 => OF_CLASSES[place - 5],
            _ => OF_NUMBERS[place - 30],
        };
        place += 1;
    }
    all
};

const DOC: Doc = Doc {
    name: "ml_evaluate",
    kind: Kind::Relation,
    domain: "model",
    summary: "Measures how good a model is on given rows: for clusters, how compact and separate they are; for a target, how accurate the predictions.",
    description: "\
One row. Give rows that the model was not trained on, for example those of a later month: on its own training rows, every model looks better than it is, and a note
tells if all of them were given again.
The measures on the rows that were held out of the training are in `ml_training_info`.
Rows without a prediction, or with a NULL target, are ignored. Every row counts once here and in the other functions that measure a model,
also if it was trained with a weight. With `weight`, a row counts here as often as the column says, in all measures and in the numbers of
rows, which are rounded; the intervals are then those of rows that were written out as often.

For clusters, distances are between features scaled as in training, and the indices are those of `cluster_validity` over the number
features; they are NULL if there are none. A classification model has the columns from `positives` on; a model of numbers or counts has
those from `rmse` on. A measure is NULL where it is not defined: `precision` if no row is predicted positive, `auc` if all rows are of one
class.

**Cost.** The model is applied to every row once. For a target, two numbers per row are kept in memory; for clusters the features of the
rows, and the indices cost what they cost in `cluster_validity`.

**Elsewhere.** BigQuery ML: `ML.EVALUATE`; scikit-learn: `roc_auc_score`, `precision_score`, `mean_squared_error` and the like, one measure
per call; R: `yardstick`; Spark: the evaluators of `pyspark.ml.evaluation`.",
    arguments: &[MODEL, INPUT, COUNTED],
    columns: &ALL,
    examples: &["CREATE TABLE shoppers AS SELECT customer_id, recency_days, frequency, monetary
FROM rfm(sample_orders(rows => 3000), customer => customer_id, order_time => ordered_at, amount => amount);
CREATE OR REPLACE MODEL shopper_groups WITH (type = 'kmeans', key = 'customer_id', n_clusters = 3) AS SELECT * FROM shoppers;
SELECT rows, round(mean_squared_distance, 4) AS distance, round(silhouette, 4) AS silhouette FROM ml_evaluate(shopper_groups, shoppers);"],
    source: "column names follow BigQuery ML's ML.EVALUATE; E. Wilson: Probable Inference (1927); E. DeLong et al.: Comparing the Areas under Two or More Correlated Receiver Operating Characteristic Curves (1988)",
    ..Doc::EMPTY
};

impl ObjectFunction for MlEvaluate {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn bind(&self, call: &Binding<'_>) -> Result<Arc<dyn RelationFunction>> {
        let (model, input) = (model(call)?, call.input()?);
        match model.fitted().predictor() {
            Some(predictor) if predictor.target.classes.is_some() => return bind_model::<Classes>(call, model, &OF_CLASSES),
            Some(_) => return bind_model::<Numbers>(call, model, &OF_NUMBERS),
            None => model.check(input)?,
        }
        if model.fitted().centroids().is_empty() {
            let problem = format!("is of type '{}', which predicts neither clusters nor a target", model.trained.model_type);
            return Err(invalid(&model.label, problem));
        }
        if !model.scales().is_empty() {
            key_of(&model, input)?;
        }
        Ok(Arc::new(Bound(model)))
    }
}

/// The indices of [`Validity`] that are columns of the result.
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
        if call.options.text(COUNTED.name).is_some() {
            let problem = "weight is for models of a target; every row counts once in the measures of clusters";
            return Err(invalid(&self.0.label, problem));
        }
        let predictions = predicted(&self.0, call.input()?)?;
        let own = |name: &str| Expr::Column(ColumnName::new_unqualified(name));
        let measures = [
            count(own("cluster_id")).alias("rows"),
            avg().call(vec![own("distance") * own("distance")]).alias("mean_squared_distance"),
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

/// The validity indices of the predicted clusters, computed over the model's numeric features, scaled as in training.
fn validity(model: &Model, predictions: LogicalPlan) -> Result<LogicalPlan> {
    let schema = Arc::clone(predictions.schema());
    let features: Vec<_> = model.trained.of_kind(FeatureKind::Number).collect();
    let mut columns = vec![column(model, &schema, &model.trained.key)?.alias(KEY.name)];
    for ((number, feature), scale) in features.iter().enumerate().zip(model.scales()) {
        let value = cast(column(model, &schema, &feature.name)?, DataType::Float64);
        // A missing value becomes the training mean, as in prediction. NaN is greater than every number.
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
    let features =
        features.iter().map(|feature| Feature { name: feature.name.clone(), kind: FeatureKind::Number, is_time: false });
    let spec = FeatureSpec {
        function: DOC.name.into(),
        key: model.trained.key.clone(),
        features: features.collect(),
        has_weight: false,
        beside: vec![],
        may_repeat: false,
        label: Some("cluster_id".into()),
        missing: Missing::Error,
        may_spill: false,
        exact: false,
    };
    let schema = DFSchema::try_from_qualified_schema("validity", &Schema::new(Validity::columns()))?;
    Gather::new(spec, Validity { scaling: Scaling::None, random_state: 0 }).over([input], Arc::new(schema))
}

/// One row of a result, in the order of its columns.
fn one_row(counts: &[f64], columns: impl IntoIterator<Item = Option<f64>>, are_counts: impl Fn(usize) -> bool) -> Vec<ArrayRef> {
    let all = counts.iter().map(|count| Some(*count)).chain(columns).enumerate();
    let column = |(place, value): (usize, Option<f64>)| -> ArrayRef {
        match are_counts(place) {
            true => Arc::new(Int64Array::from(vec![value.map(|value| value.round() as i64)])),
            false => Arc::new(Float64Array::from(vec![value])),
        }
    };
    all.map(column).collect()
}

/// The metrics of a classifier.
#[derive(Debug, Serialize, Deserialize)]
pub struct Classes {
    threshold: f64,
    seen: Seen,
}

impl Plain for Classes {
    const NAME: &'static str = "EvaluateClasses";
}

impl Judge for Classes {
    fn read(_options: &Options, model: &Model) -> Result<Self> {
        let threshold = model.fitted().predictor().map_or(0.5, |predictor| predictor.threshold);
        Ok(Self { threshold, seen: Seen::of(model) })
    }
}

impl Compute for Classes {
    fn compute(&self, rows: Rows, running: &Computing<'_>) -> Result<(), Stop> {
        let threshold = self.threshold;
        let judged = of_rows(&rows);
        self.seen.tell(&judged, running);
        let (predictions, outcomes) = (judged.predictions.as_slice(), judged.outcomes.as_slice());
        let ranked = judged.ranked();
        let weights = judged.weights.as_deref();
        let confusion = Confusion::new(predictions, outcomes, weights, threshold);
        let positives = confusion.true_positives + confusion.false_negatives;
        let with_interval = |part: (f64, f64)| {
            let interval = (part.1 > 0.0).then(|| wilson(part.0, part.1));
            [share(part), interval.map(|interval| interval.0), interval.map(|interval| interval.1)]
        };
        let auc = auc_interval(&ranked);
        let (top, calibration_error) = match weights {
            Some(weights) => (Some(top_rate(&ranked, 0.1)), weighted_calibration_error(predictions, outcomes, weights, 10)),
            None => {
                let top = deciles(&ranked, 10).first().map(|top| top.positives / top.rows as f64);
                (top, calibration_error(&calibration(predictions, outcomes, 10, true)))
            }
        };
        let lift = top.filter(|_| positives > 0.0).map(|top| top / (positives / confusion.rows()));
        let columns = [Some(threshold)]
            .into_iter()
            .chain(
                [confusion.true_positives, confusion.false_positives, confusion.false_negatives, confusion.true_negatives]
                    .map(Some),
            )
            .chain(with_interval(confusion.right()))
            .chain(with_interval(confusion.precise()))
            .chain(with_interval(confusion.recalled()))
            .chain([confusion.f1()])
            .chain([auc.map(|auc| auc.0), auc.map(|auc| auc.1), auc.map(|auc| auc.2)])
            .chain([
                average_precision(&ranked),
                Some(log_loss(predictions, outcomes, weights)),
                Some(brier(predictions, outcomes, weights)),
                ks(&ranked),
                lift,
                Some(calibration_error),
            ]);
        running.worker.send(Ok(one_row(&[confusion.rows(), positives], columns, |place| OF_CLASSES[place].data_type == "BIGINT")))
    }
}

/// The metrics of a model that predicts numbers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Numbers {
    seen: Seen,
    /// Whether the weights are exposures, not numbers of rows.
    are_rates: bool,
}

impl Plain for Numbers {
    const NAME: &'static str = "EvaluateNumbers";
}

impl Judge for Numbers {
    fn read(_options: &Options, model: &Model) -> Result<Self> {
        let are_rates = model.fitted().predictor().is_some_and(|predictor| predictor.target.exposure.is_some());
        Ok(Self { seen: Seen::of(model), are_rates })
    }
}

impl Compute for Numbers {
    fn compute(&self, rows: Rows, running: &Computing<'_>) -> Result<(), Stop> {
        let judged = of_rows(&rows);
        self.seen.tell(&judged, running);
        let errors = Errors::new(&judged.predictions, &judged.outcomes, judged.weights.as_deref());
        // Exposures do not say how many rows there are, which an interval needs.
        let finite = |value: f64| Some(value).filter(|value| value.is_finite() && !self.are_rates);
        let rows = if self.are_rates { judged.outcomes.len() as f64 } else { errors.rows };
        let (rmse, mae) = (errors.rmse_interval, errors.mae_interval);
        let columns =
            [Some(errors.rmse), finite(rmse.0), finite(rmse.1), Some(errors.mae), finite(mae.0), finite(mae.1), errors.r2];
        running.worker.send(Ok(one_row(&[rows], columns, |place| OF_NUMBERS[place].data_type == "BIGINT")))
    }
}
