//! The normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// The cumulative distribution function of the standard normal distribution.
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// The `p` quantile of the standard normal distribution: an approximation, refined by Halley's method until it is stable.
pub fn normal_quantile(p: f64) -> f64 {
    if p.is_nan() || !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p == 0.0 {
        return f64::NEG_INFINITY;
    }
    if p == 1.0 {
        return f64::INFINITY;
    }
    if p == 0.5 {
        return 0.0;
    }
    // 1 − p is exact for p ≥ ½, and the lower tail is computed with all its digits.
    if p > 0.5 {
        return -lower(1.0 - p);
    }
    lower(p)
}

fn lower(p: f64) -> f64 {
    // Abramowitz and Stegun 26.2.23, accurate to three digits.
    let t = (-2.0 * p.ln()).sqrt();
    let mut x = (2.515_517 + t * (0.802_853 + t * 0.010_328)) / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308))) - t;
    for _ in 0..20 {
        let density = (-0.5 * x * x).exp() / (2.0 * PI).sqrt();
        let step = (normal_cdf(x) - p) / density;
        let change = step / (1.0 + 0.5 * x * step);
        if !change.is_finite() {
            return x;
        }
        x -= change;
        if change.abs() <= 1e-16 * x.abs() {
            return x;
        }
    }
    x
}
