//! What a type of model has to say; one line registers it.

use std::fmt::Debug;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::Fields;
use datafusion::common::Result;
use serde_json::Value;

use super::kmeans::KMeans;
use super::kprototypes::KPrototypes;
use super::trained::Trained;
use crate::adapter::arguments::Options;
use crate::docs::Doc;
use crate::kernels::cluster::Scale;
use crate::kernels::control::Stop;
use crate::learning::features::{Computing, Rows};

/// Every type of model.
const TYPES: [&dyn ModelType; 2] = [&KMeans, &KPrototypes];

/// A type of model.
pub trait ModelType: Debug + Send + Sync {
    /// Its name in `WITH (type = '…')`.
    fn name(&self) -> &'static str;

    /// The page of the function that computes the same without keeping it; its options are those of the model.
    fn doc(&self) -> &'static Doc;

    /// What is wrong with the options, if anything; and the options in full, for the record.
    fn check(&self, options: &Options) -> Result<String>;

    /// Trains on rows, which it may change.
    fn train(&self, rows: &mut Rows, options: &Options, running: &Computing<'_>) -> Result<Learned, Stop>;

    /// The columns of a prediction.
    fn predicts(&self) -> Fields;

    /// What is needed to predict.
    ///
    /// # Errors
    /// The stored model lacks something.
    fn predictor(&self, model: &Trained) -> Result<Box<dyn Predictor>>;

    /// How the numbers were scaled, if they were.
    fn scales(&self, _model: &Trained) -> Result<Vec<Scale>> {
        Ok(vec![])
    }

    /// The centres of its clusters, if it has any.
    fn centroids(&self, _model: &Trained) -> Result<Vec<Centroid>> {
        Ok(vec![])
    }
}

/// What training gives.
#[derive(Debug, Clone)]
pub struct Learned {
    /// Measures of the training, by name.
    pub metrics: Vec<(&'static str, Option<f64>)>,
    /// What prediction needs, in the type's own form.
    pub body: Value,
}

/// Predicts.
pub trait Predictor: Debug + Send + Sync {
    /// The columns of [`ModelType::predicts`] for rows of features: numbers first, then codes of categories by their place
    /// among the model's values, [`super::trained::UNSEEN`] for others.
    fn predict(&self, numbers: &[Vec<f64>], codes: &[Vec<u32>], rows: usize) -> Result<Vec<ArrayRef>>;
}

/// The middle of a cluster, in the features' own units.
#[derive(Debug, Clone)]
pub struct Centroid {
    pub rows: f64,
    pub numbers: Vec<f64>,
    pub categories: Vec<String>,
}

/// The type of that name.
pub fn model_type(name: &str) -> Option<&'static dyn ModelType> {
    TYPES.into_iter().find(|kind| kind.name() == name)
}

/// The names of all types.
pub fn type_names() -> impl Iterator<Item = &'static str> + Clone {
    TYPES.into_iter().map(|kind| kind.name())
}
