//! Compares two groups: difference, relative uplift, statistic, p-value and intervals.

use super::Alternative;
use super::estimate::Estimate;
use super::power::detectable;
use crate::kernels::special::{chi2_upper, normal_cdf, normal_quantile, t_cdf, t_quantile};

/// The test that compares two groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// Welch's t-test of two means.
    Welch,
    /// The z-test of two proportions, with the pooled proportion in the denominator.
    Proportions,
    /// The χ² test of a 2 × 2 table, without Yates' correction.
    ChiSquare,
    /// The normal distribution, with variances by the delta method, for ratios.
    Delta,
}

/// The comparison of a treatment with the control.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Treatment minus control.
    pub difference: f64,
    /// The standard error of the difference, from the separate variances of the groups.
    pub std_err: f64,
    /// The confidence interval of the difference.
    pub interval: (Option<f64>, Option<f64>),
    /// The difference relative to the control; `None` if the control is 0.
    pub uplift: Option<f64>,
    /// The confidence interval of the uplift, by the delta method.
    pub uplift_interval: (Option<f64>, Option<f64>),
    /// The test statistic; `None` if nothing varies.
    pub statistic: Option<f64>,
    /// The degrees of freedom, for t and χ².
    pub degrees_of_freedom: Option<f64>,
    pub p_value: Option<f64>,
    /// The smallest true difference that such groups detect with the given power.
    pub detectable: Option<f64>,
}

/// Compares two groups; `None` if either has fewer than two rows.
pub fn compare(
    control: &Estimate,
    treatment: &Estimate,
    test: Test,
    alternative: Alternative,
    confidence: f64,
    power: f64,
) -> Option<Comparison> {
    if control.rows < 2.0 || treatment.rows < 2.0 {
        return None;
    }
    let difference = treatment.mean - control.mean;
    let (of_control, of_treatment) = match test {
        // Population variances, not sample variances.
        Test::Proportions | Test::ChiSquare => (binomial(control), binomial(treatment)),
        Test::Welch | Test::Delta => (control.of_mean(), treatment.of_mean()),
    };
    let variance = of_control + of_treatment;
    let std_err = variance.sqrt();
    let df = match test {
        Test::Welch if variance > 0.0 => {
            // Computed from the shares of the variance, because squares of tiny variances underflow.
            let (one, other) = (of_control / variance, of_treatment / variance);
            Some(1.0 / (one * one / (control.rows - 1.0) + other * other / (treatment.rows - 1.0)))
        }
        _ => None,
    };
    let quantile = |share: f64| df.map_or_else(|| normal_quantile(share), |df| t_quantile(share, df));
    let factor = -quantile(alternative.tail(confidence));
    let pooled = (control.rows * control.mean + treatment.rows * treatment.mean) / (control.rows + treatment.rows);
    let of_pooled = (pooled * (1.0 - pooled) * (1.0 / control.rows + 1.0 / treatment.rows)).sqrt();
    let (statistic, degrees_of_freedom, p_value) = match test {
        Test::Welch | Test::Delta => {
            let statistic = (std_err > 0.0).then(|| difference / std_err);
            let cdf = |value| df.map_or_else(|| normal_cdf(value), |df| t_cdf(value, df));
            (statistic, df, statistic.map(|statistic| alternative.p_value(statistic, cdf)))
        }
        Test::Proportions => {
            let statistic = (of_pooled > 0.0).then(|| difference / of_pooled);
            (statistic, None, statistic.map(|statistic| alternative.p_value(statistic, normal_cdf)))
        }
        Test::ChiSquare => {
            let statistic = (of_pooled > 0.0).then(|| (difference / of_pooled).powi(2));
            (statistic, statistic.map(|_| 1.0), statistic.map(|statistic| chi2_upper(statistic, 1.0)))
        }
    };
    let uplift = Some(difference / control.mean).filter(|uplift| uplift.is_finite());
    let ratio = treatment.mean / control.mean;
    let of_uplift = (of_treatment + ratio * ratio * of_control).sqrt() / control.mean.abs();
    // Dividing by a negative mean turns the direction round.
    let of_ratio = if control.mean < 0.0 { alternative.opposite() } else { alternative };
    let uplift_interval = uplift.map_or((None, None), |uplift| of_ratio.interval(uplift, factor * of_uplift));
    // The search is left out where nothing varies.
    let detectable = if std_err > 0.0 { detectable(alternative, confidence, power, df) } else { None };
    Some(Comparison {
        difference,
        std_err,
        interval: alternative.interval(difference, factor * std_err),
        uplift,
        uplift_interval,
        statistic,
        degrees_of_freedom,
        p_value,
        detectable: detectable.map(|shift| shift * std_err),
    })
}

/// The variance of an estimated proportion.
fn binomial(estimate: &Estimate) -> f64 {
    estimate.mean * (1.0 - estimate.mean) / estimate.rows
}

/// True if the normal approximation of a proportion is unreliable: in one of the groups, fewer than five rows are expected with the
/// outcome or without it.
pub fn is_rare(control: &Estimate, treatment: &Estimate) -> bool {
    let pooled = (control.rows * control.mean + treatment.rows * treatment.mean) / (control.rows + treatment.rows);
    control.rows.min(treatment.rows) * pooled.min(1.0 - pooled) < 5.0
}
