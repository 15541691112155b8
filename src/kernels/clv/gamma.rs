//! ln Γ and its derivatives, and the hypergeometric terms that expectations need.

/// ln Γ(x).
pub fn ln_gamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// The derivative of ln Γ, for x > 0: the recurrence raises x to at least 10, where the asymptotic series applies.
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

/// Maximum number of terms of a series. Terms shrink by a factor of about z, which is near 1 only if the horizon is thousands of
/// times as long as the observation.
const MOST_TERMS: u32 = 2_000_000;

/// c / (a − 1) · [1 − (1 − z)^A · ₂F₁(A, B; c; z)] with A = `purchases` and B = c − a + 1, for 0 ≤ z < 1: the core of the BG/NBD
/// expectation.
///
/// It is computed in one of three forms, whichever neither cancels nor overflows. In the first two, the divisors a − 1 and c are
/// cancelled analytically, so that a = 1 and c = 0 are no poles:
/// - Pfaff's transformation, A·w·Σ (A + 1)_j (a)_j / ((c + 1)_j (j + 1)!) (−w)^j with w = z / (1 − z), if c is large compared to the
///   rest: hardly anybody leaves, or everybody leaves at the same rate;
/// - Euler's transformation, with (1 − z)^(a−1) · ₂F₁(c − A, a − 1; c; z), in general;
/// - the plain series, if (1 − z)^(a−1) is so small that Euler's form would overflow.
pub fn expectation(purchases: f64, a: f64, c: f64, z: f64) -> f64 {
    if z <= 0.0 {
        return 0.0;
    }
    let w = z / (1.0 - z);
    let ratio = |j: f64| (purchases + 1.0 + j) * (a + j) / ((c + 1.0 + j) * (j + 2.0)) * w;
    if c > 0.0 && ratio(0.0) < 0.5 && ratio(64.0) < 0.5 {
        let (mut term, mut sum) = (1.0_f64, 1.0_f64);
        for step in 0..64 {
            term *= -ratio(f64::from(step));
            sum += term;
            if term.abs() <= 1e-17 * sum.abs() {
                break;
            }
        }
        return purchases * w * sum;
    }
    let log = libm::log1p(-z);
    let power = (a - 1.0) * log;
    if power < -30.0 {
        return c / (a - 1.0) * (1.0 - libm::exp(purchases * log + ln_series(purchases, c - a + 1.0, c, z)));
    }
    // (1 − (1 − z)^(a−1)) / (a − 1), whose limit at a = 1 is −ln(1 − z).
    let first = if power.abs() < 1e-12 { -log * (1.0 + power / 2.0) } else { -libm::expm1(power) / (a - 1.0) };
    let other = c - purchases;
    // Terms k ≥ 1: (other)_k (a)_{k−1} / ((c + 1)_{k−1} k!) z^k.
    let mut term = other * z;
    let mut sum = term;
    for step in 1..MOST_TERMS {
        let k = f64::from(step);
        let factor = (other + k) * (a + k - 1.0) / ((c + k) * (k + 1.0)) * z;
        term *= factor;
        sum += term;
        if term == 0.0 || (term.abs() <= 1e-17 * sum.abs() && factor.abs() < 1.0) {
            break;
        }
    }
    c * first - libm::exp(power) * sum
}

/// ln ₂F₁(a, b; c; z) for positive arguments, by its series, which is rescaled along the way so that it does not overflow.
fn ln_series(a: f64, b: f64, c: f64, z: f64) -> f64 {
    let (mut term, mut sum, mut scale) = (1.0_f64, 1.0_f64, 0.0);
    for step in 0..MOST_TERMS {
        let k = f64::from(step);
        let factor = (a + k) * (b + k) / ((c + k) * (k + 1.0)) * z;
        term *= factor;
        sum += term;
        if term <= 1e-17 * sum && factor < 1.0 {
            break;
        }
        if sum > 1e200 {
            term *= 1e-200;
            sum *= 1e-200;
            scale += 200.0 * std::f64::consts::LN_10;
        }
    }
    libm::log(sum) + scale
}
