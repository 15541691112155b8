//! The noncentral t distribution: the distribution of a t statistic if there is an effect.
//!
//! Literature: R. V. Lenth, *Algorithm AS 243*, Applied Statistics 38, 1989.

use super::incomplete::beta;
use super::{normal_cdf, t_cdf};

/// Beyond this noncentrality, the first weight of the series is too small for a normal double.
const MOST_SHIFT: f64 = 37.0;
const MOST_TERMS: u32 = 10_000;

/// The cumulative distribution function of the noncentral t distribution with `df` degrees of freedom and noncentrality `shift`.
pub fn noncentral_t_cdf(t: f64, df: f64, shift: f64) -> f64 {
    if t.is_nan() || df.is_nan() || shift.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    if shift == 0.0 {
        return t_cdf(t, df);
    }
    if t < 0.0 {
        return 1.0 - positive(-t, df, -shift);
    }
    positive(t, df, shift)
}

fn positive(t: f64, df: f64, shift: f64) -> f64 {
    if shift.abs() > MOST_SHIFT || df.is_infinite() || df > 1e9 {
        // In these cases t is nearly normal (Johnson and Welch's approximation).
        let spread = (1.0 + t * t / (2.0 * df)).sqrt();
        return normal_cdf((t * (1.0 - 1.0 / (4.0 * df)) - shift) / spread);
    }
    let square = t * t;
    let (x, y) = (square / (square + df), df / (square + df));
    let half = shift * shift / 2.0;
    let mut even = 0.5 * (-half).exp();
    let mut odd = even * shift * (2.0 / std::f64::consts::PI).sqrt();
    // The sum of the weights that are still to come.
    let mut left = 0.5 - even;
    let mut share = 0.0;
    for step in 0..MOST_TERMS {
        let place = f64::from(step);
        share += even * beta(place + 0.5, df / 2.0, x, y) + odd * beta(place + 1.0, df / 2.0, x, y);
        even *= half / (place + 1.0);
        odd *= half / (place + 1.5);
        left -= even;
        if place > half && (left.abs() < 1e-17 || even < 1e-18) {
            break;
        }
    }
    (normal_cdf(-shift) + share).clamp(0.0, 1.0)
}
