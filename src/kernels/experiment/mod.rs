//! Statistics of controlled experiments.
//!
//! | file | what it holds |
//! |---|---|
//! | `assign` | who is in which group: a hash cut into shares |
//! | `moments` | exact sums of a metric, a denominator and a covariate, which merge |
//! | `estimate` | mean, ratio of means or adjusted mean of a group, with its variance |
//! | `compare` | two groups: difference, relative uplift, tests and intervals |
//! | `ranks` | the Mann–Whitney test |
//! | `ratio` | whether groups are of the planned sizes; whether effects differ |
//! | `sequential` | p-values that may be looked at any time |
//! | `adjust` | p-values of several tests together |
//! | `power` | how many rows are needed, and what they can show |
//! | `differences` | how much more some changed than others of the same stratum |
//! | `uplift` | uplift by parts of a score, and the Qini curve |
//!
//! Literature: A. Deng, Y. Xu, R. Kohavi, T. Walker, *Improving the sensitivity of online controlled experiments by utilizing pre-experiment
//! data*, 2013; A. Deng, U. Knoblich, J. Lu, *Applying the delta method in metric analytics*, 2018; R. Johari, L. Pekelis, D. Walsh, *Always
//! valid inference*, 2015; S. Holm, 1979; Y. Benjamini, Y. Hochberg, 1995; N. Radcliffe, *Using control groups to target on predicted lift*, 2007.

pub mod adjust;
pub mod assign;
pub mod compare;
pub mod differences;
pub mod estimate;
pub mod moments;
pub mod power;
pub mod ranks;
pub mod ratio;
pub mod sequential;
pub mod uplift;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

/// What is held against "no effect".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Alternative {
    /// An effect up or down.
    TwoSided,
    /// The treatment is greater.
    Greater,
    /// The treatment is less.
    Less,
}

impl Alternative {
    /// Their names.
    pub const NAMES: &'static [&'static str] = &["two_sided", "greater", "less"];

    /// The one of that name.
    pub fn named(name: &str) -> Self {
        match name {
            "greater" => Self::Greater,
            "less" => Self::Less,
            _ => Self::TwoSided,
        }
    }

    /// The p-value of a statistic by the distribution around 0 whose lower share is `cdf`.
    pub fn p_value(self, statistic: f64, cdf: impl Fn(f64) -> f64) -> f64 {
        match self {
            Self::TwoSided => (2.0 * cdf(-statistic.abs())).min(1.0),
            Self::Greater => cdf(-statistic),
            Self::Less => cdf(statistic),
        }
    }

    /// The share of the distribution beyond which a result is significant, on one side.
    pub fn tail(self, confidence: f64) -> f64 {
        if self == Self::TwoSided { (1.0 - confidence) / 2.0 } else { 1.0 - confidence }
    }

    /// An interval of that half width; without an end where the alternative looks to the other side only.
    pub fn interval(self, middle: f64, half: f64) -> (Option<f64>, Option<f64>) {
        ((self != Self::Less).then_some(middle - half), (self != Self::Greater).then_some(middle + half))
    }
}
