//! A model's description of itself, in forms that all types share.

use serde::{Deserialize, Serialize};

use super::stored::Exact;

/// A coefficient or parameter, with its standard error if known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Weight {
    /// The name as shown: `intercept`, `tenure`, `contract = One year`.
    pub name: String,
    /// For a coefficient: its feature, and for a category also the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// `None` if it cannot be determined, because the column is a combination of others.
    pub value: Option<Exact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub std_err: Option<Exact>,
    /// The statistic of the test that the value is 0: z, or Student's t.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub z: Option<Exact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_value: Option<Exact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ci_lower: Option<Exact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ci_upper: Option<Exact>,
    /// exp(value), if that is a ratio of odds, rates or hazards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Exact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vif: Option<Exact>,
}

/// A record of the training.
#[derive(Debug, Clone, Default)]
pub struct Described {
    /// Measures taken during training.
    pub steps: Vec<TrainingStep>,
    /// The importance of each feature.
    pub importance: Vec<Importance>,
}

/// The step of the measures of an earlier version on the rows that the new one is measured on; its number is the version.
pub const EARLIER: &str = "earlier";

/// A measure of one step of training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingStep {
    /// `iteration`, `fold`, `candidate`, `holdout`, [`EARLIER`], …
    pub step: String,
    /// Its number, from 1.
    pub number: u64,
    /// What was tried or done, if there is something to report.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    pub measure: String,
    pub value: Exact,
}

/// The importance of a feature in a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Importance {
    pub feature: String,
    /// The reduction of the loss by its splits, as a share of the total; for a linear model, the share of its standardised coefficients.
    pub gain: Exact,
    /// The number of splits on it; 0 for a linear model.
    pub splits: u64,
    /// How much worse the measure becomes if its values are shuffled, and the standard deviation over the repetitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permutation: Option<Exact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permutation_stddev: Option<Exact>,
}
