//! Models (模型): trained once, stored in the database, applied to what comes later.
//!
//! ```text
//! CREATE MODEL … AS SELECT … ─▶ train: one row, the model as text ─▶ catalog
//! ml_predict(model, input)   ─▶ SELECT *, ml_apply('the model', features) FROM input
//! ```
//! A [`ModelType`](kind::ModelType) says how a model of its sort is trained, applied and described; [`kind::TYPES`] lists them, a line each. What is
//! stored is the same for all: a [`Trained`].

mod apply;
mod clusters;
mod kind;
mod kmeans;
mod kprototypes;
mod ml_centroids;
mod ml_evaluate;
mod ml_feature_info;
mod ml_predict;
mod train;
mod trained;

use super::FunctionSet;

pub(crate) use kind::{model_type, type_names};
pub(crate) use train::{Training, plan};
pub(crate) use trained::Trained;

pub(super) fn functions() -> FunctionSet {
    FunctionSet::new("model", "Models: prediction, evaluation, what they are made of")
        .table_macro(ml_predict::MlPredict)
        .table_macro(ml_evaluate::MlEvaluate)
        .table_macro(ml_centroids::MlCentroids)
        .table_macro(ml_feature_info::MlFeatureInfo)
        .scalar(apply::MlApply)
}
