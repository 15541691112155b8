//! Models (模型): prediction, evaluation, and what they are made of. How they are trained and stored is in [`learning`](crate::learning::model).

mod ml_centroids;
mod ml_evaluate;
mod ml_feature_info;
mod ml_predict;

use crate::adapter::FunctionSet;
use crate::learning::model::apply;

pub fn functions() -> FunctionSet {
    FunctionSet::new("model", "Models: prediction, evaluation, what they are made of")
        .table_macro(ml_predict::MlPredict)
        .table_macro(ml_evaluate::MlEvaluate)
        .table_macro(ml_centroids::MlCentroids)
        .table_macro(ml_feature_info::MlFeatureInfo)
        .scalar(apply::MlApply)
        .internal_scalar::<apply::ApplyUdf>()
}
