//! Models (模型): prediction, evaluation, and their contents. Training and storage are in [`learning`](crate::learning).

mod judged;
mod listing;
mod ml_calibration;
mod ml_centroids;
mod ml_confusion_matrix;
mod ml_evaluate;
mod ml_explain;
mod ml_feature_importance;
mod ml_feature_info;
mod ml_lift;
mod ml_predict;
mod ml_roc_curve;
mod ml_training_info;
mod ml_weights;
mod training_set;

use std::sync::Arc;

use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::{DFSchema, Result};
use datafusion::error::DataFusionError;

use crate::adapter::FunctionSet;
use crate::adapter::relation::Binding;
use crate::docs::Kind;
use crate::error::{did_you_mean, invalid};
use crate::learning::features::Gather;
use crate::learning::model::{Model, explain, model_types, predict};

pub fn functions() -> FunctionSet {
    let set = FunctionSet::new("model", "Models: prediction, evaluation, what they are made of")
        .object_function(ml_predict::MlPredict)
        .object_function(ml_evaluate::MlEvaluate)
        .object_function(ml_roc_curve::MlRocCurve)
        .object_function(ml_lift::MlLift)
        .object_function(ml_calibration::MlCalibration)
        .object_function(ml_confusion_matrix::MlConfusionMatrix)
        .object_function(ml_weights::MlWeights)
        .object_function(ml_feature_importance::MlFeatureImportance)
        .object_function(ml_explain::MlExplain)
        .object_function(ml_training_info::MlTrainingInfo)
        .object_function(ml_centroids::MlCentroids)
        .object_function(ml_feature_info::MlFeatureInfo)
        .table_macro(training_set::TrainingSet)
        .step::<Gather<ml_evaluate::Classes>>()
        .step::<Gather<ml_evaluate::Numbers>>()
        .step::<Gather<ml_roc_curve::Roc>>()
        .step::<Gather<ml_lift::Lift>>()
        .step::<Gather<ml_calibration::Calibration>>()
        .step::<Gather<ml_confusion_matrix::Matrix>>()
        .internal_scalar::<predict::Predict>()
        .internal_scalar::<predict::Part>()
        .internal_scalar::<explain::Explain>()
        .internal_scalar::<judged::Outcome>();
    // Clustering types share their pages with the functions that compute the same.
    let pages = model_types().map(|model_type| model_type.doc()).filter(|doc| doc.kind == Kind::Model);
    pages.fold(set, FunctionSet::page)
}

/// Loads the model that a call names.
fn model(call: &Binding<'_>) -> Result<Arc<Model>> {
    Ok(Arc::new(Model::read(call.objects.model(call.name(ml_predict::MODEL.name)?)?)?))
}

/// True when the reader must not see the values that the model of a call learned.
fn hides_values(call: &Binding<'_>) -> Result<bool> {
    call.objects.hides_values(call.name(ml_predict::MODEL.name)?)
}

/// The error for a model without a target.
fn not_predictive(model: &Model) -> DataFusionError {
    invalid(&model.label, format!("is of type '{}', which predicts no target", model.trained.model_type))
}

/// The key of a model among the columns of an input.
fn key_of(model: &Model, input: &DFSchema) -> Result<FieldRef> {
    let key = model.trained.key.as_str();
    input.fields().iter().find(|field| field.name() == key).cloned().ok_or_else(|| {
        let suggestion = did_you_mean(key, input.fields().iter().map(|field| field.name().as_str()));
        invalid(&model.label, format!("the input has no column \"{key}\", the key of the model{suggestion}"))
    })
}
