//! χ² tests across groups: whether they have the planned sizes, and whether their effects differ.

use crate::kernels::special::chi2_upper;

/// The p-value of the groups' numbers of rows against their planned shares, which need not add up to 1. `None` if there is one group, or
/// no rows.
pub fn sample_ratio(rows: &[u64], shares: &[f64]) -> Option<f64> {
    let all = rows.iter().sum::<u64>() as f64;
    let whole: f64 = shares.iter().sum();
    if rows.len() < 2 || all == 0.0 {
        return None;
    }
    let part = |(rows, share): (&u64, &f64)| {
        let expected = all * share / whole;
        (*rows as f64 - expected).powi(2) / expected
    };
    let statistic: f64 = rows.iter().zip(shares).map(part).sum();
    Some(chi2_upper(statistic, (rows.len() - 1) as f64))
}

/// Cochran's Q test of whether effects differ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heterogeneity {
    /// The sum of squared distances from the common effect, each divided by its variance.
    pub statistic: f64,
    /// The number of effects minus one.
    pub degrees_of_freedom: f64,
    /// The probability of such differences by chance.
    pub p_value: f64,
}

/// Tests whether effects differ, given as (effect, standard error); `None` if fewer than two have a standard error.
pub fn heterogeneity(effects: &[(f64, f64)]) -> Option<Heterogeneity> {
    let known: Vec<(f64, f64)> =
        effects.iter().filter(|(_, error)| *error > 0.0).map(|(effect, error)| (*effect, error.powi(-2))).collect();
    if known.len() < 2 {
        return None;
    }
    let weights: f64 = known.iter().map(|(_, weight)| weight).sum();
    let common = known.iter().map(|(effect, weight)| effect * weight).sum::<f64>() / weights;
    let statistic: f64 = known.iter().map(|(effect, weight)| weight * (effect - common).powi(2)).sum();
    let degrees_of_freedom = (known.len() - 1) as f64;
    Some(Heterogeneity { statistic, degrees_of_freedom, p_value: chi2_upper(statistic, degrees_of_freedom) })
}
