//! Families of distributions, with their link, variance and likelihood.

use serde::{Deserialize, Serialize};

/// The distribution of the target, with its canonical link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// A number with normal errors; the score is the mean.
    Gaussian,
    /// 0 or 1; the score is the log-odds.
    Binomial,
    /// A count; the score is the logarithm of the mean.
    Poisson,
}

/// Poisson scores are clamped to ± this value, because `exp` would overflow beyond it.
const FARTHEST: f64 = 700.0;

impl Family {
    /// The mean for a score. Uses `libm`, so that a model predicts the same on every machine.
    pub fn mean(self, score: f64) -> f64 {
        match self {
            Self::Gaussian => score,
            Self::Binomial => {
                // The argument of `exp` is at most 0, so nothing overflows and both tails keep their digits.
                let small = libm::exp(-score.abs());
                if score >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) }
            }
            Self::Poisson => libm::exp(score.clamp(-FARTHEST, FARTHEST)),
        }
    }

    /// The score for a mean.
    pub fn score(self, mean: f64) -> f64 {
        match self {
            Self::Gaussian => mean,
            Self::Binomial => libm::log(mean / (1.0 - mean)),
            Self::Poisson => libm::log(mean),
        }
    }

    /// The variance at a mean, which for a canonical link is the derivative of the mean with respect to the score.
    pub fn variance(self, mean: f64) -> f64 {
        match self {
            Self::Gaussian => 1.0,
            Self::Binomial => mean * (1.0 - mean),
            Self::Poisson => mean,
        }
    }

    /// The contribution of a row to the deviance.
    pub fn deviance(self, target: f64, score: f64, mean: f64) -> f64 {
        match self {
            Self::Gaussian => (target - mean) * (target - mean),
            Self::Binomial => {
                // −2 ln of the probability of the outcome: for a 1 that is 2 ln(1 + exp(−score)).
                let signed = if target > 0.5 { score } else { -score };
                2.0 * (libm::log1p(libm::exp(-signed.abs())) + (-signed).max(0.0))
            }
            Self::Poisson => {
                let grown = if target > 0.0 { target * (libm::log(target) - score.clamp(-FARTHEST, FARTHEST)) } else { 0.0 };
                2.0 * (grown - (target - mean))
            }
        }
    }

    /// The log-likelihood for a deviance; `saturated` is the log-likelihood of the model that predicts every row exactly.
    pub fn log_likelihood(self, deviance: f64, rows: f64, saturated: f64) -> f64 {
        match self {
            Self::Gaussian => -0.5 * rows * (libm::log(2.0 * std::f64::consts::PI * deviance / rows) + 1.0),
            Self::Binomial | Self::Poisson => saturated - 0.5 * deviance,
        }
    }

    /// The contribution of a row to the log-likelihood of the saturated model, which predicts every row exactly.
    pub fn saturated(self, target: f64) -> f64 {
        match self {
            Self::Gaussian | Self::Binomial => 0.0,
            Self::Poisson if target > 0.0 => target * libm::log(target) - target - libm::lgamma(target + 1.0),
            Self::Poisson => 0.0,
        }
    }
}
