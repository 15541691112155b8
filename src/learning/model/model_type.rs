//! What a type of model must be able to do.

use std::fmt::Debug;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::Fields;
use datafusion::common::Result;
use serde_json::Value;

use super::stored::StoredForm;
use crate::adapter::arguments::Options;
use crate::docs::Doc;
use crate::kernels::cluster::Scale;
use crate::kernels::control::Stop;
use crate::learning::features::{Computing, Rows};

/// A type of model.
pub trait ModelType: Debug + Send + Sync {
    /// Its name in `WITH (type = '…')`.
    fn name(&self) -> &'static str;

    /// What `WITH (…)` may hold, as the arguments of a page. They are those of the function that computes the same without keeping it.
    fn doc(&self) -> &'static Doc;

    /// What is wrong with the options, if anything; and the options in full, for the record.
    fn check(&self, options: &Options) -> Result<String>;

    /// Trains on rows, which it may change.
    fn train(&self, rows: &mut Rows, options: &Options, running: &Computing<'_>) -> Result<Learned, Stop>;

    /// The columns of a prediction.
    fn predicts(&self) -> Fields;

    /// What training gave, read from the stored text.
    ///
    /// # Errors
    /// The text lacks something, or its parts do not fit together.
    fn read(&self, stored: &StoredForm<'_>) -> Result<Box<dyn Fitted>>;
}

/// What training gives.
#[derive(Debug, Clone)]
pub struct Learned {
    /// Measures of the training, by name.
    pub metrics: Vec<(&'static str, Option<f64>)>,
    /// The type's own part of the stored form.
    pub body: Value,
}

/// What a model has learned, ready to be applied.
pub trait Fitted: Debug + Send + Sync {
    /// The columns of [`ModelType::predicts`] for rows of features: numbers first, then codes of categories by their place
    /// among the model's values, [`super::stored::UNSEEN`] for others.
    fn predict(&self, numbers: &[Vec<f64>], codes: &[Vec<u32>]) -> Result<Vec<ArrayRef>>;

    /// How each number was scaled, if they were.
    fn scales(&self) -> &[Scale] {
        &[]
    }

    /// The centres of its clusters, if it has any.
    fn centroids(&self) -> Vec<Centroid> {
        vec![]
    }
}

/// The middle of a cluster, in the features' own units.
#[derive(Debug, Clone)]
pub struct Centroid {
    /// The training rows in the cluster, by weight.
    pub rows: f64,
    /// The means of the features that are numbers, in their order.
    pub numbers: Vec<f64>,
    /// The most frequent values of the features that are categories, by their places among the feature's values.
    pub categories: Vec<u32>,
}
