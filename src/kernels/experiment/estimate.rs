//! Estimates for one group: its mean, or the ratio of two means, optionally adjusted by a covariate from before the experiment.

use super::moments::{Moments, Of};

/// The mean of a group, and its variance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The number of rows.
    pub rows: f64,
    /// The mean, or the ratio.
    pub mean: f64,
    /// The variance of one row's contribution.
    pub variance: f64,
}

impl Estimate {
    /// The variance of the mean.
    pub fn of_mean(&self) -> f64 {
        self.variance / self.rows
    }
}

/// The adjustment by a covariate (CUPED): the mean is reduced by `theta` for each unit by which the group's covariate exceeds the mean of
/// both groups.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adjustment {
    /// The covariance of metric and covariate, divided by the variance of the covariate, in both groups together.
    pub theta: f64,
    /// The mean of the covariate in both groups together.
    pub mean: f64,
}

impl Adjustment {
    /// Computes it from the rows of control and treatment together; `None` if the covariate does not vary.
    pub fn of(both: &Moments, is_ratio: bool) -> Option<Self> {
        let spread = both.deviations(Of::Covariate, Of::Covariate);
        if both.rows < 2 || spread <= 0.0 || !spread.is_finite() {
            return None;
        }
        let together = if is_ratio {
            let (ratio, denominator) = ratio_of(both)?;
            let of_denominator = both.deviations(Of::Denominator, Of::Covariate);
            (both.deviations(Of::Metric, Of::Covariate) - ratio * of_denominator) / denominator
        } else {
            both.deviations(Of::Metric, Of::Covariate)
        };
        Some(Self { theta: together / spread, mean: both.mean(Of::Covariate) })
    }
}

/// The ratio of metric and denominator, and the mean of the denominator.
fn ratio_of(moments: &Moments) -> Option<(f64, f64)> {
    let denominator = moments.sum(Of::Denominator);
    if denominator == 0.0 {
        return None;
    }
    Some((moments.sum(Of::Metric) / denominator, moments.mean(Of::Denominator)))
}

/// The estimate of a group. The variance of a ratio is computed by the delta method, as that of `(metric − ratio × denominator) / mean
/// denominator`. `None` if there are no rows, or if the denominators add up to 0. The variance is NaN for a single row.
pub fn estimate(moments: &Moments, is_ratio: bool, adjustment: Option<Adjustment>) -> Option<Estimate> {
    if moments.rows == 0 {
        return None;
    }
    let deviations = |one, other| moments.deviations(one, other) / (moments.rows - 1) as f64;
    let of_metric = deviations(Of::Metric, Of::Metric);
    let (mut mean, mut variance, mut scale, mut ratio) = (moments.mean(Of::Metric), of_metric, 1.0, 0.0);
    if is_ratio {
        (ratio, scale) = ratio_of(moments)?;
        mean = ratio;
        let of_both = deviations(Of::Metric, Of::Denominator);
        variance =
            (of_metric - 2.0 * ratio * of_both + ratio * ratio * deviations(Of::Denominator, Of::Denominator)) / (scale * scale);
    }
    if let Some(Adjustment { theta, mean: middle }) = adjustment {
        let mut together = deviations(Of::Metric, Of::Covariate);
        if is_ratio {
            together -= ratio * deviations(Of::Denominator, Of::Covariate);
        }
        variance += theta * theta * deviations(Of::Covariate, Of::Covariate) - 2.0 * theta * together / scale;
        mean -= theta * (moments.mean(Of::Covariate) - middle);
    }
    if variance < 0.0 {
        variance = 0.0;
    }
    Some(Estimate { rows: moments.rows as f64, mean, variance })
}
