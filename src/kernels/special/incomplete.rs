//! The regularised incomplete gamma and beta functions.

use std::f64::consts::PI;

use super::density;

/// Maximum number of terms, enough for arguments of a billion; if they do not suffice, the result is NaN.
const MOST: u32 = 200_000;
/// Above this `a`, the incomplete gamma function is computed by an expansion around its median, which needs no more terms if `a` is larger.
const LARGE: f64 = 1e6;
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
    if a > LARGE {
        return expanded(a, x);
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

/// The first terms of Temme's uniform expansion, which suffice for a large `a`.
///
/// N. M. Temme: The Asymptotic Expansion of the Incomplete Gamma Functions, SIAM Journal on Mathematical Analysis 10 (1979).
fn expanded(a: f64, x: f64) -> Share {
    let share = |tail: f64| if x < a { Share::Lower(tail) } else { Share::Upper(tail) };
    let deviance = density::deviance(a, x, a - x);
    // exp(−deviance) is 0 as a double; the series below holds only nearer to the median.
    if deviance > 750.0 {
        return share(0.0);
    }
    let eta = (2.0 * deviance / a).sqrt().copysign(x - a);
    let first = -1.0 / 3.0
        + eta * (1.0 / 12.0 + eta * (-2.0 / 135.0 + eta * (1.0 / 864.0 + eta * (1.0 / 2_835.0 - eta * 139.0 / 777_600.0))));
    let second = -1.0 / 540.0 - eta / 288.0;
    let rest = libm::exp(-deviance) / (2.0 * PI * a).sqrt() * (first + second / a);
    let middle = 0.5 * libm::erfc(deviance.sqrt());
    share(if x < a { middle - rest } else { middle + rest })
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

/// The even part of the continued fraction. It is written with `a y − b x`, because 1 − (a + b) x / (a + 1) has few digits if a is large.
fn fraction(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let density = density::of_beta(a, b, x, y);
    let distance = a * y - b * x + 1.0;
    let mut value = not_zero(a * distance / (a + 1.0));
    let mut numerator = value;
    let mut denominator = 0.0;
    for step in 1..MOST {
        let step = f64::from(step);
        let twice = a + 2.0 * step;
        let before = twice - 1.0;
        let top = (a + step - 1.0) / before * ((a + b + step - 1.0) / before) * (step * (b - step)) * (x * x);
        let part = step + step * (b - step) * x / before + (a + step) * (distance + step * (1.0 + y)) / (twice + 1.0);
        denominator = 1.0 / not_zero(part + top * denominator);
        numerator = not_zero(part + top / numerator);
        let change = denominator * numerator;
        value *= change;
        if (change - 1.0).abs() < 1e-16 {
            return density / value;
        }
    }
    f64::NAN
}
