//! Densities that are computed without differences of large logarithms.

use std::f64::consts::PI;

/// The error of Stirling's formula for ln n!: `ln Γ(n + 1) − (n + ½) ln n + n − ½ ln 2π`.
fn stirling_error(mut n: f64) -> f64 {
    // Step small numbers up to larger ones by the recurrence of the error, whose terms are small.
    let mut steps = 0.0;
    while n < 16.0 {
        steps += (n + 0.5) * (1.0 / n).ln_1p() - 1.0;
        n += 1.0;
    }
    let square = 1.0 / (n * n);
    let series = 1.0 / 12.0
        + square
            * (-1.0 / 360.0
                + square * (1.0 / 1260.0 + square * (-1.0 / 1680.0 + square * (1.0 / 1188.0 - square * 691.0 / 360_360.0))));
    series / n + steps
}

/// `x ln(x / m) + m − x`, by a series if x is near m, where the plain form would cancel. `difference` is x − m, which callers may know
/// with more digits than a subtraction leaves.
pub fn deviance(x: f64, m: f64, difference: f64) -> f64 {
    if difference.abs() < 0.1 * (x + m) {
        let ratio = difference / (x + m);
        let mut sum = difference * ratio;
        let square = ratio * ratio;
        let mut term = 2.0 * x * ratio;
        for odd in 1..1_000 {
            term *= square;
            let next = sum + term / f64::from(2 * odd + 1);
            if next == sum {
                return sum;
            }
            sum = next;
        }
        return sum;
    }
    x * (x / m).ln() - difference
}

/// `x^a e^(−x) / Γ(a + 1)`.
pub fn of_gamma(a: f64, x: f64) -> f64 {
    if a < 1e-3 {
        return (a * x.ln() - x - libm::lgamma(a + 1.0)).exp();
    }
    (-stirling_error(a) - deviance(a, x, a - x)).exp() / (2.0 * PI * a).sqrt()
}

/// `x^a y^b / B(a, b)` where `x + y = 1`.
pub fn of_beta(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let sum = a + b;
    if a < 1e-3 || b < 1e-3 {
        let logarithm = a * x.ln() + b * y.ln() + libm::lgamma(sum) - libm::lgamma(a) - libm::lgamma(b);
        return logarithm.exp();
    }
    let errors = stirling_error(sum) - stirling_error(a) - stirling_error(b);
    // a − (a + b) x, of which the smaller share keeps its digits where the other is nearly 1.
    let difference = a * y - b * x;
    let exponent = errors - deviance(a, sum * x, difference) - deviance(b, sum * y, -difference);
    exponent.exp() * (a / sum * b / (2.0 * PI)).sqrt()
}
