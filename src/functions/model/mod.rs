//! Models (模型): prediction, evaluation, and what they are made of. How they are trained and stored is in [`learning`](crate::learning).

mod exact_mean;
mod listing;
mod ml_centroids;
mod ml_evaluate;
mod ml_feature_info;
mod ml_predict;

use std::sync::Arc;

use datafusion::common::Result;

use crate::adapter::FunctionSet;
use crate::adapter::relation::Binding;
use crate::learning::model::{Model, predict};

pub fn functions() -> FunctionSet {
    FunctionSet::new("model", "Models: prediction, evaluation, what they are made of")
        .object_function(ml_predict::MlPredict)
        .object_function(ml_evaluate::MlEvaluate)
        .object_function(ml_centroids::MlCentroids)
        .object_function(ml_feature_info::MlFeatureInfo)
        .internal_aggregate::<exact_mean::ExactMean>()
        .internal_scalar::<predict::Predict>()
        .internal_scalar::<predict::Part>()
}

/// The model that a call names, read.
fn model(call: &Binding<'_>) -> Result<Arc<Model>> {
    Ok(Arc::new(Model::read(call.objects.model(call.name(ml_predict::MODEL.name)?)?)?))
}
