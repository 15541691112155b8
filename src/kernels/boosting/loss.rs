//! The loss functions that trees minimise.

use serde::{Deserialize, Serialize};

/// The loss function, which determines the kind of target and the meaning of a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Targets are 0 or 1; scores are log-odds.
    Logistic,
    /// Targets are numbers; scores are means, which are probabilities for targets of 0 and 1.
    Squared,
    /// Targets are counts; scores are logarithms of rates.
    Poisson,
}

impl Loss {
    /// The prediction for a score: a probability, a number or a rate.
    pub fn mean(self, score: f64) -> f64 {
        match self {
            Self::Logistic => 1.0 / (1.0 + libm::exp(-score)),
            Self::Squared => score,
            Self::Poisson => libm::exp(score),
        }
    }

    /// The score for a mean, the inverse of [`Self::mean`]; always finite.
    pub(super) fn score(self, mean: f64) -> f64 {
        match self {
            Self::Logistic => {
                let mean = mean.clamp(1e-9, 1.0 - 1e-9);
                libm::log(mean / (1.0 - mean))
            }
            Self::Squared => mean,
            Self::Poisson => libm::log(mean.max(1e-9)),
        }
    }

    /// The first and second derivative of the loss with respect to the score, times the weight.
    pub(super) fn gradient(self, score: f64, target: f64, weight: f64) -> [f64; 2] {
        match self {
            Self::Logistic => {
                let mean = self.mean(score);
                [weight * (mean - target), weight * mean * (1.0 - mean)]
            }
            Self::Squared => [weight * (score - target), weight],
            Self::Poisson => {
                let mean = self.mean(score.min(700.0));
                [weight * (mean - target), weight * mean]
            }
        }
    }

    /// The loss of one row: the negative log-likelihood (for counts, without its constant term) or the squared error.
    pub fn of(self, score: f64, target: f64) -> f64 {
        match self {
            Self::Logistic => score.max(0.0) - score * target + libm::log1p(libm::exp(-score.abs())),
            Self::Squared => (score - target) * (score - target),
            Self::Poisson => self.mean(score) - target * score,
        }
    }
}
