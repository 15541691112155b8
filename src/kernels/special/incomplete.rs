//! The regularised incomplete gamma and beta functions.

use super::density;

/// Maximum number of terms, enough for arguments of a billion; if they do not suffice, the result is NaN.
const MOST: u32 = 200_000;
/// Replaces denominators near 0 in a continued fraction (Lentz's method).
const TINY: f64 = 1e-300;

fn not_zero(value: f64) -> f64 {
    if value.abs() < TINY { TINY } else { value }
}

/// The regularised lower incomplete gamma function P(a, x).
pub fn lower_gamma(a: f64, x: f64) -> f64 {
    match gamma(a, x) {
        Share::Lower(share) => share,
        Share::Upper(share) => 1.0 - share,
    }
}

/// The regularised upper incomplete gamma function Q(a, x) = 1 − P(a, x), with all its digits where it is small.
pub fn upper_gamma(a: f64, x: f64) -> f64 {
    match gamma(a, x) {
        Share::Lower(share) => 1.0 - share,
        Share::Upper(share) => share,
    }
}

/// The probability below x or above x, whichever is computed directly, without a subtraction.
enum Share {
    Lower(f64),
    Upper(f64),
}

fn gamma(a: f64, x: f64) -> Share {
    if a.is_nan() || x.is_nan() {
        return Share::Lower(f64::NAN);
    }
    if x <= 0.0 {
        return Share::Lower(0.0);
    }
    if x.is_infinite() {
        return Share::Upper(0.0);
    }
    let density = density::of_gamma(a, x);
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0, 1.0);
        for step in 1..MOST {
            term *= x / (a + f64::from(step));
            let next = sum + term;
            if next == sum {
                return Share::Lower(density * sum);
            }
            sum = next;
        }
        return Share::Lower(f64::NAN);
    }
    let mut part = x + 1.0 - a;
    let mut numerator = 1.0 / TINY;
    let mut denominator = 1.0 / not_zero(part);
    let mut fraction = denominator;
    for step in 1..MOST {
        let step = f64::from(step);
        let factor = -step * (step - a);
        part += 2.0;
        denominator = 1.0 / not_zero(factor * denominator + part);
        numerator = not_zero(part + factor / numerator);
        let change = denominator * numerator;
        fraction *= change;
        if (change - 1.0).abs() < 1e-16 {
            return Share::Upper(density * a * fraction);
        }
    }
    Share::Lower(f64::NAN)
}

/// The regularised incomplete beta function I_x(a, b), where `y` is 1 − x.
pub fn beta(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if y <= 0.0 {
        return 1.0;
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - fraction(b, a, y, x);
    }
    fraction(a, b, x, y)
}

fn fraction(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let density = density::of_beta(a, b, x, y);
    let mut numerator = 1.0;
    let mut denominator = 1.0 / not_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut value = denominator;
    for step in 1..MOST {
        let step = f64::from(step);
        let twice = 2.0 * step;
        let mut change = 1.0;
        for factor in [
            step * (b - step) * x / ((a - 1.0 + twice) * (a + twice)),
            -(a + step) * (a + b + step) * x / ((a + twice) * (a + 1.0 + twice)),
        ] {
            denominator = 1.0 / not_zero(1.0 + factor * denominator);
            numerator = not_zero(1.0 + factor / numerator);
            change = denominator * numerator;
            value *= change;
        }
        if (change - 1.0).abs() < 1e-16 {
            return density * value / a;
        }
    }
    f64::NAN
}
