//! What is compared, and which pairs.

use serde::{Deserialize, Serialize};

use crate::kernels::linkage::comparison::Comparison;

/// Comparisons and rules; they refer to columns by position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    pub comparisons: Vec<Named>,
    pub rules: Vec<Blocking>,
}

/// A comparison as it was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Named {
    pub name: String,
    pub comparison: Comparison,
}

/// A blocking rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Blocking {
    /// Columns of the left record, equal to those of the right one.
    pub left: Vec<usize>,
    pub right: Vec<usize>,
    /// For each comparison, whether the rule already decides it because both read the same column.
    pub decides: Vec<bool>,
}

/// What the call returns, and how pairs are chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Options {
    pub gives: Gives,
    pub max_block_size: usize,
    pub max_random_pairs: usize,
    pub random_state: u64,
    pub prior: Option<f64>,
    pub min_probability: f64,
    pub has_sources: bool,
    pub has_parameters: bool,
    pub has_new: bool,
}

/// What a call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gives {
    Pairs,
    Parameters,
    Explanation,
}

impl Gives {
    /// The function that returns it.
    pub fn function(self) -> &'static str {
        match self {
            Self::Pairs => "match_pairs",
            Self::Parameters => "match_parameters",
            Self::Explanation => "explain_match",
        }
    }
}
