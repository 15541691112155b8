//! The interface of a type of model.

use std::fmt::Debug;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::Fields;
use datafusion::common::Result;
use serde_json::Value;

use super::applied::Model;
use super::described::{Described, Weight};
use super::lifetime::FittedLifetime;
use super::stored::{StoredForm, TrainedFeature};
use crate::adapter::arguments::Options;
use crate::docs::Doc;
use crate::kernels::cluster::Scale;
use crate::kernels::control::Stop;
use crate::learning::features::{Computing, Rows};
use crate::learning::supervised::predictor::Predictor;

/// A type of model.
pub trait ModelType: Debug + Send + Sync {
    /// Its name in `WITH (type = '…')`.
    fn name(&self) -> &'static str {
        self.doc().name
    }

    /// The options allowed in `WITH (…)`, as the arguments of a page. If a function computes the same without storing a model, the
    /// arguments are those of that function. Roles other than `key`, `features` and `weight` are passed to training as [`Rows::beside`],
    /// in the order of the page, except the [`label`](Self::label).
    fn doc(&self) -> &'static Doc;

    /// The role that is read as classes: [`Rows::label`].
    fn label(&self, _options: &Options) -> Result<Option<&'static str>> {
        Ok(None)
    }

    /// Checks the options, and returns all of them, including defaults, as text to be stored.
    fn check(&self, options: &Options) -> Result<String>;

    /// Trains on rows, which may be modified; `known` are their features, as they are stored.
    fn train(
        &self,
        rows: &mut Rows,
        known: &[TrainedFeature],
        options: &Options,
        running: &Computing<'_>,
    ) -> Result<Learned, Stop>;

    /// The same; a type that measures itself on rows also measures an earlier version on them.
    fn train_against(
        &self,
        _rival: &Model,
        rows: &mut Rows,
        known: &[TrainedFeature],
        options: &Options,
        running: &Computing<'_>,
    ) -> Result<Learned, Stop> {
        self.train(rows, known, options, running)
    }

    /// Reads the result of training from the stored text.
    ///
    /// # Errors
    /// A part of the text is missing, or the parts are inconsistent.
    fn read(&self, stored: &StoredForm<'_>) -> Result<Box<dyn Fitted>>;
}

/// The result of training.
#[derive(Debug, Clone)]
pub struct Learned {
    /// Measures of the training, by name.
    pub metrics: Vec<(String, Option<f64>)>,
    /// The type's own part of the stored form.
    pub body: Value,
}

/// The result of training, ready to be applied.
pub trait Fitted: Debug + Send + Sync {
    /// The columns of a prediction.
    fn predicts(&self) -> Fields;

    /// The columns of [`predicts`](Self::predicts) for rows of features: the numbers, and for categories the position of each value among
    /// the model's values, or [`super::stored::UNSEEN`].
    fn predict(&self, numbers: &[Vec<f64>], codes: &[Vec<u32>]) -> Result<Vec<ArrayRef>>;

    /// How each number was scaled, if they were.
    fn scales(&self) -> &[Scale] {
        &[]
    }

    /// The centres of its clusters, if it has any.
    fn centroids(&self) -> Vec<Centroid> {
        vec![]
    }

    /// Its coefficients or parameters, if it has any.
    fn weights(&self) -> Vec<Weight> {
        vec![]
    }

    /// A record of its training, in addition to its metrics.
    fn described(&self) -> Described {
        Described::default()
    }

    /// The model as a predictor of a target, if it is one.
    fn predictor(&self) -> Option<&Predictor> {
        None
    }

    /// The model as a lifetime model, if it is one.
    fn lifetime(&self) -> Option<&FittedLifetime> {
        None
    }
}

/// The centre of a cluster, in the features' original units.
#[derive(Debug, Clone)]
pub struct Centroid {
    /// The total weight of the training rows in the cluster.
    pub rows: f64,
    /// The means of the number features, in their order.
    pub numbers: Vec<f64>,
    /// The most frequent values of the categorical features, by their positions among the feature's values.
    pub categories: Vec<u32>,
}
