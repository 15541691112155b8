//! Special functions and distributions, to about 13 digits.
//!
//! The incomplete gamma and beta functions are computed as a density times a series or a continued fraction. The density uses
//! Loader's method, which never forms differences of large logarithms and so is accurate for large arguments too.
//!
//! Literature: C. Loader, *Fast and accurate computation of binomial probabilities*, 2000; M. J. Wichura, *Algorithm AS 241*,
//! Applied Statistics 37, 1988; W. J. Lentz's evaluation of continued fractions as in *Numerical Recipes*.

mod density;
mod incomplete;
mod noncentral;
mod normal;
#[cfg(test)]
mod tests;

pub use noncentral::noncentral_t_cdf;
pub use normal::{normal_cdf, normal_quantile};

use incomplete::{beta, lower_gamma, upper_gamma};

/// The cumulative distribution function of Student's t distribution.
pub fn t_cdf(t: f64, df: f64) -> f64 {
    if t.is_nan() || df.is_nan() {
        return f64::NAN;
    }
    if df.is_infinite() {
        return normal_cdf(t);
    }
    let square = t * t;
    if square.is_infinite() {
        return if t > 0.0 { 1.0 } else { 0.0 };
    }
    let (of_df, of_square) = (df / (df + square), square / (df + square));
    // Far from 0, compute the tail itself: subtracting from a half would lose the digits of a small tail.
    if square < 1.0 {
        let middle = 0.5 * beta(0.5, df / 2.0, of_square, of_df);
        return if t < 0.0 { 0.5 - middle } else { 0.5 + middle };
    }
    let tail = 0.5 * beta(df / 2.0, 0.5, of_df, of_square);
    if t < 0.0 { tail } else { 1.0 - tail }
}

/// The `p` quantile of Student's t distribution, by bisection.
pub fn t_quantile(p: f64, df: f64) -> f64 {
    if p.is_nan() || !(0.0..=1.0).contains(&p) || df.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    if df.is_infinite() || p == 0.0 || p == 1.0 || p == 0.5 {
        return normal_quantile(p);
    }
    let (mut low, mut high) = (0.0, 1.0);
    let upper = p.max(1.0 - p);
    while t_cdf(high, df) < upper && high < 1e300 {
        (low, high) = (high, high * 2.0);
    }
    for _ in 0..200 {
        let middle = low + (high - low) / 2.0;
        if middle == low || middle == high {
            break;
        }
        if t_cdf(middle, df) < upper { low = middle } else { high = middle }
    }
    if p < 0.5 { -high } else { high }
}

/// The cumulative distribution function of the χ² distribution.
pub fn chi2_cdf(x: f64, df: f64) -> f64 {
    lower_gamma(df / 2.0, x / 2.0)
}

/// The upper tail of the χ² distribution, P(X > x), with all its digits where it is small.
pub fn chi2_upper(x: f64, df: f64) -> f64 {
    upper_gamma(df / 2.0, x / 2.0)
}

/// The cumulative distribution function of the F distribution.
pub fn f_cdf(x: f64, df1: f64, df2: f64) -> f64 {
    if x.is_nan() {
        return f64::NAN;
    }
    if x <= 0.0 {
        return 0.0;
    }
    let (one, two) = (df1 * x, df2);
    if one.is_infinite() {
        return 1.0;
    }
    beta(df1 / 2.0, df2 / 2.0, one / (one + two), two / (one + two))
}
