//! Difference in differences within strata: how much more the treated changed than the controls of the same stratum.

use super::moments::{Moments, Of};

/// One stratum. The metric is the change of each customer, the covariate its level.
#[derive(Debug, Clone, Default)]
pub struct Stratum {
    /// The treated customers.
    pub treated: Moments,
    /// The controls.
    pub control: Moments,
}

impl Stratum {
    /// Whether both sides have at least two customers, which a variance needs.
    pub fn is_matched(&self) -> bool {
        self.treated.rows > 1 && self.control.rows > 1
    }
}

/// The gain of the treated over the controls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gain {
    /// The number of treated customers in matched strata.
    pub treated: i64,
    /// The number of controls in these strata.
    pub control: i64,
    /// The mean level of the treated.
    pub treated_mean: f64,
    /// The mean level of the controls; each stratum is weighted by its number of treated.
    pub control_mean: f64,
    /// The mean change of the treated minus that of the controls, weighted in the same way.
    pub difference: f64,
    /// The standard error of the difference.
    pub std_err: f64,
}

/// Computes the gain over all matched strata; `None` if there are none.
pub fn gain<'a>(strata: impl Iterator<Item = &'a Stratum> + Clone) -> Option<Gain> {
    let matched = strata.filter(|stratum| stratum.is_matched());
    let treated: i64 = matched.clone().map(|stratum| stratum.treated.rows).sum();
    if treated == 0 {
        return None;
    }
    let mut gain = Gain { treated, control: 0, treated_mean: 0.0, control_mean: 0.0, difference: 0.0, std_err: 0.0 };
    let mut variance = 0.0;
    for Stratum { treated: one, control: other } in matched {
        let weight = one.rows as f64 / treated as f64;
        let of_mean =
            |moments: &Moments| moments.deviations(Of::Metric, Of::Metric) / (moments.rows - 1) as f64 / moments.rows as f64;
        gain.control += other.rows;
        gain.treated_mean += weight * one.mean(Of::Covariate);
        gain.control_mean += weight * other.mean(Of::Covariate);
        gain.difference += weight * (one.mean(Of::Metric) - other.mean(Of::Metric));
        variance += weight * weight * (of_mean(one) + of_mean(other));
    }
    gain.std_err = variance.sqrt();
    Some(gain)
}
