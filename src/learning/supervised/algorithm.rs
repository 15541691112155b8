//! The learning algorithms, linear models and trees, behind one interface.

use datafusion::common::Result;
use serde::{Deserialize, Serialize};

use super::linear::{Linear, LinearSettings};
use super::table::Table;
use super::trees::{TreeSettings, Trees};
use crate::kernels::control::{Control, Stop};
use crate::learning::features::{Computing, Kind};
use crate::learning::model::described::{TrainingStep, Weight};
use crate::learning::model::stored::TrainedFeature;

/// An algorithm with its options.
#[derive(Debug, Clone)]
pub enum Algorithm {
    Linear(LinearSettings),
    Trees(TreeSettings),
}

/// The result of fitting.
#[derive(Debug)]
pub struct Fit {
    pub learner: Learner,
    /// Measures taken during the fit.
    pub steps: Vec<TrainingStep>,
    /// Metrics of the fit, such as the log-likelihood and the number of iterations.
    pub metrics: Vec<(&'static str, Option<f64>)>,
    /// Notes for the user.
    pub notes: Vec<String>,
}

impl Algorithm {
    pub fn fit(&self, table: &Table, features: &Features, running: &Computing<'_>) -> Result<Fit, Stop> {
        match self {
            Self::Linear(settings) => settings.fit(table, features, running),
            Self::Trees(settings) => settings.fit(table, running),
        }
    }
}

/// The fitted model, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Learner {
    Linear(Linear),
    Trees(Trees),
}

/// An explanation of scores: a base that is the same for all rows, and the contribution of each feature. Their sum is the score.
#[derive(Debug, Clone)]
pub struct Contributions {
    pub base: f64,
    /// By feature (numbers first), then by row.
    pub by_feature: Vec<Vec<f64>>,
}

impl Learner {
    /// The score of each row, before it is converted to a prediction by [`mean`](Self::mean).
    pub fn scores(&self, numbers: &[Vec<f64>], codes: &[Vec<u32>], rows: usize, control: Control<'_>) -> Result<Vec<f64>, Stop> {
        match self {
            Self::Linear(linear) => Ok(linear.scores(numbers, codes, rows)),
            Self::Trees(trees) => trees.scores(numbers, codes, rows, control),
        }
    }

    /// Converts a score to a probability, a number or a rate.
    pub fn mean(&self, score: f64) -> f64 {
        match self {
            Self::Linear(linear) => linear.mean(score),
            Self::Trees(trees) => trees.mean(score),
        }
    }

    pub fn contributions(
        &self,
        numbers: &[Vec<f64>],
        codes: &[Vec<u32>],
        rows: usize,
        control: Control<'_>,
    ) -> Result<Contributions, Stop> {
        match self {
            Self::Linear(linear) => Ok(linear.contributions(numbers, codes)),
            Self::Trees(trees) => trees.contributions(numbers, codes, rows, control),
        }
    }

    /// The coefficients; empty for trees.
    pub fn weights(&self) -> &[Weight] {
        match self {
            Self::Linear(linear) => &linear.weights,
            Self::Trees(_) => &[],
        }
    }

    /// The importance of each feature, as a share of the total, and its number of splits.
    pub fn gains(&self) -> Vec<(f64, u64)> {
        match self {
            Self::Linear(linear) => linear.gains(),
            Self::Trees(trees) => trees.gains(),
        }
    }

    /// True if the model expects this many number and categorical features, and its parts are consistent.
    pub fn is_whole(&self, numbers: usize, categories: usize) -> bool {
        match self {
            Self::Linear(linear) => linear.is_whole(numbers, categories),
            Self::Trees(trees) => trees.is_whole(numbers, categories),
        }
    }
}

/// The features of a table: the names of the numbers, and the names and values of the categories.
#[derive(Debug, Clone, Default)]
pub struct Features {
    pub numbers: Vec<String>,
    pub categories: Vec<(String, Vec<String>)>,
}

impl Features {
    pub fn of(features: &[TrainedFeature]) -> Self {
        let of_kind = |kind| features.iter().filter(move |feature| feature.kind == kind);
        let values = |feature: &TrainedFeature| feature.values.iter().map(|(value, _)| value.clone()).collect();
        Self {
            numbers: of_kind(Kind::Number).map(|feature| feature.name.clone()).collect(),
            categories: of_kind(Kind::Category).map(|feature| (feature.name.clone(), values(feature))).collect(),
        }
    }

    /// The names, in the order of [`Contributions::by_feature`].
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.numbers.iter().chain(self.categories.iter().map(|(name, _)| name)).map(String::as_str)
    }
}
