//! Statistics of controlled experiments.
//!
//! | file | what it holds |
//! |---|---|
//! | `assign` | assignment to groups: a hash divided into shares |
//! | `moments` | exact, mergeable sums of a metric, a denominator and a covariate |
//! | `estimate` | the mean, ratio of means or adjusted mean of a group, with its variance |
//! | `compare` | comparison of two groups: difference, relative uplift, tests and intervals |
//! | `ranks` | the Mann–Whitney test |
//! | `ratio` | tests of whether groups have the planned sizes, and whether effects differ |
//! | `sequential` | p-values that stay valid however often they are looked at |
//! | `power` | the sample size that is needed, and the effect that a sample can show |
//! | `differences` | difference in differences within strata |
//! | `uplift` | uplift by ranges of a score, and the Qini curve |
//!
//! Literature: A. Deng, Y. Xu, R. Kohavi, T. Walker, *Improving the sensitivity of online controlled experiments by utilizing
//! pre-experiment data*, 2013; A. Deng, U. Knoblich, J. Lu, *Applying the delta method in metric analytics*, 2018; R. Johari, L. Pekelis,
//! D. Walsh, *Always valid inference*, 2015; N. Radcliffe, *Using control groups to target on predicted lift*, 2007.

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

/// The alternative hypothesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Alternative {
    /// There is an effect in either direction.
    TwoSided,
    /// The treatment is greater.
    Greater,
    /// The treatment is less.
    Less,
}

impl Alternative {
    /// The names in SQL.
    pub const NAMES: &'static [&'static str] = &["two_sided", "greater", "less"];

    /// The alternative with a name.
    pub fn named(name: &str) -> Self {
        match name {
            "greater" => Self::Greater,
            "less" => Self::Less,
            _ => Self::TwoSided,
        }
    }

    /// The same alternative of values with the opposite sign.
    pub fn opposite(self) -> Self {
        match self {
            Self::TwoSided => Self::TwoSided,
            Self::Greater => Self::Less,
            Self::Less => Self::Greater,
        }
    }

    /// The p-value of a statistic whose distribution is symmetric around 0 and has the cumulative distribution function `cdf`.
    pub fn p_value(self, statistic: f64, cdf: impl Fn(f64) -> f64) -> f64 {
        match self {
            Self::TwoSided => (2.0 * cdf(-statistic.abs())).min(1.0),
            Self::Greater => cdf(-statistic),
            Self::Less => cdf(statistic),
        }
    }

    /// The probability of the rejection region, in one tail.
    pub fn tail(self, confidence: f64) -> f64 {
        if self == Self::TwoSided { (1.0 - confidence) / 2.0 } else { 1.0 - confidence }
    }

    /// The interval with this half width; without an upper or lower end for a one-sided alternative.
    pub fn interval(self, middle: f64, half: f64) -> (Option<f64>, Option<f64>) {
        ((self != Self::Less).then_some(middle - half), (self != Self::Greater).then_some(middle + half))
    }
}
