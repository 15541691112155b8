//! Difference in differences over strata: how much more the treated changed than controls of the same stratum.

use super::moments::{Moments, Of};

/// One stratum: the change of each customer as the metric, the level as the covariate.
#[derive(Debug, Clone, Default)]
pub struct Stratum {
    /// Those who were treated.
    pub treated: Moments,
    /// Those who were not.
    pub control: Moments,
}

impl Stratum {
    /// Whether both sides have the two customers that a variance needs.
    pub fn is_matched(&self) -> bool {
        self.treated.rows > 1 && self.control.rows > 1
    }
}

/// What the treated gained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gain {
    /// Treated customers in strata with controls.
    pub treated: i64,
    /// The controls there.
    pub control: i64,
    /// The treated's mean level.
    pub treated_mean: f64,
    /// The controls', each stratum with the weight of its treated.
    pub control_mean: f64,
    /// The treated's mean change less that of the controls, weighted likewise.
    pub difference: f64,
    /// Its standard error.
    pub std_err: f64,
}

/// The gain over all matched strata; none when there is none.
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
