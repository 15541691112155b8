//! ln Γ and its derivatives, and the hypergeometric terms that expectations need.

/// ln Γ(x).
pub fn ln_gamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// The derivative of ln Γ, for x > 0: recurrence up to 10, then the asymptotic series.
pub fn digamma(mut x: f64) -> f64 {
    let mut sum = 0.0;
    while x < 10.0 {
        sum -= 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = square
        * (1.0 / 12.0
            - square
                * (1.0 / 120.0
                    - square * (1.0 / 252.0 - square * (1.0 / 240.0 - square * (1.0 / 132.0 - square * (691.0 / 32_760.0))))));
    sum + libm::log(x) - 0.5 / x - series
}

/// The second derivative of ln Γ, for x > 0.
pub fn trigamma(mut x: f64) -> f64 {
    let mut sum = 0.0;
    while x < 10.0 {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = 1.0 / 6.0
        - square
            * (1.0 / 30.0 - square * (1.0 / 42.0 - square * (1.0 / 30.0 - square * (5.0 / 66.0 - square * (691.0 / 2_730.0)))));
    sum + 1.0 / x + 0.5 * square + square / x * series
}

/// ln B(a, b).
pub fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// The most terms of a series. Terms shrink by z, and z nears 1 only for horizons of thousands of times what was observed.
const MOST_TERMS: u32 = 2_000_000;

/// c / (a − 1) · [1 − (1 − z)^A · ₂F₁(A, B; c; z)] with B = c − a + 1: what the BG/NBD expectation is made of, for 0 ≤ z < 1.
///
/// By Euler's transformation the bracket is 1 − (1 − z)^(a−1) · ₂F₁(c − A, a − 1; c; z). Every term of that series but the first has the
/// factor a − 1 and the divisor c, so that both are taken out, and neither a = 1 nor c = 0 is a pole. No term overflows: c grows with the
/// purchases.
pub fn expectation(purchases: f64, a: f64, c: f64, z: f64) -> f64 {
    if z <= 0.0 {
        return 0.0;
    }
    let log = libm::log1p(-z);
    let power = (a - 1.0) * log;
    // (1 − (1 − z)^(a−1)) / (a − 1), which is −ln(1 − z) where a is 1.
    let first = if power.abs() < 1e-12 { -log * (1.0 + power / 2.0) } else { -libm::expm1(power) / (a - 1.0) };
    let other = c - purchases;
    // Terms k ≥ 1: (other)_k (a)_{k−1} / ((c + 1)_{k−1} k!) z^k.
    let mut term = other * z;
    let mut sum = term;
    for step in 1..MOST_TERMS {
        let k = f64::from(step);
        term *= (other + k) * (a + k - 1.0) / ((c + k) * (k + 1.0)) * z;
        sum += term;
        if term == 0.0 || (term.abs() <= 1e-17 * sum.abs() && (other + k).abs() * z < c + k + 1.0) {
            break;
        }
    }
    c * first - libm::exp(power) * sum
}
