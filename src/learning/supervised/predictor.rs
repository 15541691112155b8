//! A trained model with a target, ready to be applied.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result;
use serde::{Deserialize, Serialize};

use super::algorithm::{Contributions, Learner};
use super::plan::Calibrated;
use super::table::Table;
use super::target::Target;
use crate::error::failed;
use crate::kernels::calibration::{Isotonic, Sigmoid};
use crate::kernels::control::{Control, Stop};
use crate::learning::model::described::{Described, Importance, TrainingStep, Weight};
use crate::learning::model::model_type::Fitted;

/// A model with a target, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Predictor {
    pub target: Target,
    /// The probability from which the positive class is predicted.
    pub threshold: f64,
    pub learner: Learner,
    #[serde(default)]
    pub calibration: Calibration,
    pub importance: Vec<Importance>,
    pub steps: Vec<TrainingStep>,
}

/// The correction of probabilities.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calibration {
    #[default]
    None,
    Sigmoid(Sigmoid),
    Isotonic(Isotonic),
}

impl Calibration {
    /// Fits the calibration to predictions for rows that the models making them did not see in training.
    pub fn fit(how: Calibrated, means: &[f64], table: &Table) -> Self {
        let weights = table.weights.as_deref();
        match how {
            Calibrated::Not => Self::None,
            Calibrated::Sigmoid => Self::Sigmoid(Sigmoid::fit(means, &table.target, weights)),
            Calibrated::Isotonic => Self::Isotonic(Isotonic::fit(means, &table.target, weights)),
        }
    }

    fn apply(&self, mean: f64) -> f64 {
        match self {
            Self::None => mean,
            Self::Sigmoid(sigmoid) => sigmoid.apply(mean),
            Self::Isotonic(isotonic) => isotonic.apply(mean),
        }
    }
}

impl Predictor {
    /// The prediction of each row: a probability, a number or a rate.
    pub fn means(&self, numbers: &[Vec<f64>], codes: &[Vec<u32>], rows: usize, control: Control<'_>) -> Result<Vec<f64>, Stop> {
        let mut scores = self.learner.scores(numbers, codes, rows, control)?;
        // The mean of many trees may be beyond 0 or 1 in its last digit.
        let is_class = self.target.classes.is_some();
        let within = |mean: f64| if is_class { mean.clamp(0.0, 1.0) } else { mean };
        scores.iter_mut().for_each(|score| *score = self.calibration.apply(within(self.learner.mean(*score))));
        Ok(scores)
    }

    /// Explains the score of each row.
    ///
    /// # Errors
    /// None in practice: this computation is never cancelled.
    pub fn contributions(&self, numbers: &[Vec<f64>], codes: &[Vec<u32>], rows: usize) -> Result<Contributions> {
        let found = self.learner.contributions(numbers, codes, rows, Control::alone());
        found.map_err(|_| failed("ml_explain", "was stopped"))
    }
}

impl Fitted for Predictor {
    fn predicts(&self) -> Fields {
        let number = |name: &str| Field::new(name, DataType::Float64, true);
        Fields::from(match &self.target.classes {
            Some(classes) => vec![Field::new("class", classes.data_type().clone(), true), number("probability")],
            None => vec![number("prediction")],
        })
    }

    fn predict(&self, numbers: &[Vec<f64>], codes: &[Vec<u32>]) -> Result<Vec<ArrayRef>> {
        let rows = numbers.first().map_or_else(|| codes.first().map_or(0, Vec::len), Vec::len);
        let means = self.means(numbers, codes, rows, Control::alone());
        let means = means.map_err(|_| failed("ml_predict", "was stopped"))?;
        let classes = self.target.classes.as_ref();
        let classes = classes.map(|classes| classes.column(means.iter().map(|mean| *mean >= self.threshold))).transpose()?;
        let means: ArrayRef = Arc::new(Float64Array::from(means));
        Ok(classes.into_iter().chain([means]).collect())
    }

    fn weights(&self) -> Vec<Weight> {
        self.learner.weights().to_vec()
    }

    fn described(&self) -> Described {
        Described { steps: self.steps.clone(), importance: self.importance.clone() }
    }

    fn predictor(&self) -> Option<&Predictor> {
        Some(self)
    }
}
