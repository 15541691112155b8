//! Noise for differential privacy with integers only: the discrete Laplace and Gaussian distributions, drawn exactly.
//!
//! Floating-point noise has gaps, and its last bits reveal the number beneath (I. Mironov: On Significance of the Least
//! Significant Bits, 2012). Here every probability is a fraction, and every draw a comparison of integers.
//!
//! C. Canonne, G. Kamath, T. Steinke: The Discrete Gaussian for Differential Privacy (2020), algorithms 1 to 3.

use ring::rand::{SecureRandom, SystemRandom};

/// A source of random bits, which returns `None` if it fails.
pub trait Bits {
    /// 64 random bits.
    fn bits(&mut self) -> Option<u64>;
}

/// The operating system's random number generator, the only source for answers that are shown.
#[derive(Debug)]
pub struct SystemBits {
    system: SystemRandom,
    buffer: Vec<u8>,
}

impl SystemBits {
    /// Creates the source.
    pub fn of_system() -> Self {
        Self { system: SystemRandom::new(), buffer: vec![] }
    }
}

impl Bits for SystemBits {
    fn bits(&mut self) -> Option<u64> {
        if self.buffer.len() < 8 {
            self.buffer.resize(1024, 0);
            self.system.fill(&mut self.buffer).ok()?;
        }
        let rest = self.buffer.len() - 8;
        let bytes: [u8; 8] = self.buffer.get(rest..)?.try_into().ok()?;
        self.buffer.truncate(rest);
        Some(u64::from_le_bytes(bytes))
    }
}

/// A fraction that is not negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fraction {
    pub numerator: u128,
    /// Must be above 0.
    pub denominator: u128,
}

/// A uniform random number below `bound`; `None` for a bound of 0.
fn below(bound: u128, bits: &mut impl Bits) -> Option<u128> {
    // Rejection sampling: all bits up to the highest of the bound are drawn, until the number is below it. A remainder would not be
    // uniform.
    let most = bound.checked_sub(1)?;
    let mask = u128::MAX.checked_shr(most.leading_zeros()).unwrap_or(0);
    loop {
        let high = if mask > u128::from(u64::MAX) { u128::from(bits.bits()?) << 64 } else { 0 };
        let drawn = (high | u128::from(bits.bits()?)) & mask;
        if drawn < bound {
            return Some(drawn);
        }
    }
}

/// True with the probability given by a fraction of at most 1.
fn bernoulli(probability: Fraction, bits: &mut impl Bits) -> Option<bool> {
    Some(below(probability.denominator, bits)? < probability.numerator)
}

/// True with probability exp(−γ).
fn bernoulli_exp(gamma: Fraction, bits: &mut impl Bits) -> Option<bool> {
    let (whole, rest) = (gamma.numerator / gamma.denominator, gamma.numerator % gamma.denominator);
    for _ in 0..whole {
        if !bernoulli_exp_of_one(Fraction { numerator: 1, denominator: 1 }, bits)? {
            return Some(false);
        }
    }
    bernoulli_exp_of_one(Fraction { numerator: rest, denominator: gamma.denominator }, bits)
}

/// The same for γ of at most 1: coins with probability γ / k are tossed for k = 1, 2, …; the first k that fails is odd with probability
/// exp(−γ).
fn bernoulli_exp_of_one(gamma: Fraction, bits: &mut impl Bits) -> Option<bool> {
    let mut count = 1_u128;
    loop {
        let denominator = gamma.denominator.checked_mul(count)?;
        if !bernoulli(Fraction { numerator: gamma.numerator, denominator }, bits)? {
            return Some(count % 2 == 1);
        }
        count += 1;
    }
}

/// Draws from the discrete Laplace distribution: P(y) ∝ exp(−|y| / scale). `None` if there are no random bits, or if the scale is 0 or
/// too large.
pub fn laplace(scale: Fraction, bits: &mut impl Bits) -> Option<i128> {
    let Fraction { numerator: t, denominator: s } = scale;
    if t == 0 || s == 0 {
        return None;
    }
    loop {
        let part = below(t, bits)?;
        if !bernoulli_exp_of_one(Fraction { numerator: part, denominator: t }, bits)? {
            continue;
        }
        let mut whole = 0_u128;
        while bernoulli_exp_of_one(Fraction { numerator: 1, denominator: 1 }, bits)? {
            whole += 1;
        }
        // A negative 0 is rejected, because 0 would otherwise be twice as likely.
        let size = i128::try_from(part.checked_add(t.checked_mul(whole)?)? / s).ok()?;
        let negative = bernoulli(Fraction { numerator: 1, denominator: 2 }, bits)?;
        if !(negative && size == 0) {
            return Some(if negative { -size } else { size });
        }
    }
}

/// Draws from the discrete Gaussian distribution: P(y) ∝ exp(−y² / 2σ²). `None` if there are no random bits, or if the variance is 0 or
/// too large.
#[cfg_attr(not(test), expect(dead_code, reason = "for budgets of concentrated differential privacy"))]
pub fn gaussian(variance: Fraction, bits: &mut impl Bits) -> Option<i128> {
    let Fraction { numerator: n, denominator: d } = variance;
    if n == 0 || d == 0 {
        return None;
    }
    let t = (n / d).isqrt() + 1;
    let line = n.checked_mul(2)?.checked_mul(d)?.checked_mul(t)?.checked_mul(t)?;
    loop {
        let drawn = laplace(Fraction { numerator: t, denominator: 1 }, bits)?;
        // (|y| − σ² / t)² / 2σ², with a common denominator.
        let distance = drawn.unsigned_abs().checked_mul(d)?.checked_mul(t)?.abs_diff(n);
        if bernoulli_exp(Fraction { numerator: distance.checked_mul(distance)?, denominator: line }, bits)? {
            return Some(drawn);
        }
    }
}

/// Adds noise to a total, which makes it ε-differentially private if no person changes it by more than `sensitivity`. `None` if there are
/// no random bits, or if the numbers are too large.
pub fn noisy(total: i128, sensitivity: u64, epsilon: Fraction, bits: &mut impl Bits) -> Option<i128> {
    if sensitivity == 0 {
        return Some(total);
    }
    let scale = Fraction { numerator: epsilon.denominator.checked_mul(u128::from(sensitivity))?, denominator: epsilon.numerator };
    total.checked_add(laplace(scale, bits)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::random::Random;
    use crate::kernels::special::chi2_cdf;

    impl Bits for Random {
        fn bits(&mut self) -> Option<u64> {
            Some(self.next())
        }
    }

    const DRAWS: usize = 60_000;

    /// The χ² p-value of draws against a distribution; values expected fewer than 10 times are combined.
    fn fit(draws: &[i128], weight: impl Fn(i128) -> f64) -> f64 {
        let reach = 400;
        let whole: f64 = (-reach..=reach).map(&weight).sum();
        let (mut statistic, mut cells) = (0.0, 0);
        let (mut rest_found, mut rest_expected) = (0.0, 0.0);
        for value in -reach..=reach {
            let expected = weight(value) / whole * draws.len() as f64;
            let found = draws.iter().filter(|draw| **draw == value).count() as f64;
            if expected < 10.0 {
                rest_found += found;
                rest_expected += expected;
                continue;
            }
            statistic += (found - expected).powi(2) / expected;
            cells += 1;
        }
        if rest_expected > 1.0 {
            statistic += (rest_found - rest_expected).powi(2) / rest_expected;
            cells += 1;
        }
        1.0 - chi2_cdf(statistic, f64::from(cells - 1))
    }

    fn fraction(numerator: u128, denominator: u128) -> Fraction {
        Fraction { numerator, denominator }
    }

    #[test]
    fn draws_follow_the_discrete_laplace_distribution() {
        for (seed, scale) in [(1, fraction(1, 1)), (2, fraction(10, 1)), (3, fraction(1, 2)), (4, fraction(7, 3))] {
            let mut random = Random::new(seed, &[]);
            let draws: Vec<i128> = (0..DRAWS).map(|_| laplace(scale, &mut random).unwrap()).collect();
            let by = scale.numerator as f64 / scale.denominator as f64;
            let p = fit(&draws, |value| (-(value.abs() as f64) / by).exp());
            assert!(p > 0.001, "{scale:?}: {p}");
        }
    }

    #[test]
    fn draws_follow_the_discrete_gaussian_distribution() {
        for (seed, variance) in [(1, fraction(1, 1)), (2, fraction(100, 1)), (3, fraction(1, 3)), (4, fraction(25, 2))] {
            let mut random = Random::new(seed, &[]);
            let draws: Vec<i128> = (0..DRAWS).map(|_| gaussian(variance, &mut random).unwrap()).collect();
            let by = variance.numerator as f64 / variance.denominator as f64;
            let p = fit(&draws, |value| (-(value as f64).powi(2) / (2.0 * by)).exp());
            assert!(p > 0.001, "{variance:?}: {p}");
        }
    }

    #[test]
    fn wrong_noise_is_seen() {
        let mut random = Random::new(9, &[]);
        let draws: Vec<i128> = (0..DRAWS).map(|_| laplace(fraction(10, 1), &mut random).unwrap()).collect();
        assert!(fit(&draws, |value| (-(value.abs() as f64) / 10.5).exp()) < 0.001);
    }

    #[test]
    fn totals_have_noise_around_them_of_the_scale_that_is_said() {
        let mut random = Random::new(5, &[]);
        let epsilon = fraction(1, 2);
        for (total, sensitivity, scale) in [(1000, 1, 2.0), (-40, 3, 6.0)] {
            let draws: Vec<i128> = (0..DRAWS).map(|_| noisy(total, sensitivity, epsilon, &mut random).unwrap() - total).collect();
            let p = fit(&draws, |value| (-(value.abs() as f64) / scale).exp());
            assert!(p > 0.001, "{sensitivity}: {p}");
        }
        assert_eq!(noisy(5, 0, epsilon, &mut random), Some(5));
        assert_eq!(noisy(i128::MAX, u64::MAX, fraction(1, u128::MAX), &mut random), None);
        assert_eq!(laplace(fraction(0, 1), &mut random), None);
        assert_eq!(gaussian(fraction(u128::MAX, 3), &mut random), None);
        assert!(laplace(fraction(3, 1), &mut SystemBits::of_system()).is_some());
    }

    /// For two totals that differ by one person, no answer is more than e^ε times as likely with the person as without.
    #[test]
    fn one_person_more_is_hardly_seen() {
        let mut random = Random::new(11, &[]);
        let (epsilon, by) = (fraction(7, 10), 0.7_f64);
        let mut counts = |total: i128| {
            let mut counts = std::collections::BTreeMap::new();
            (0..200_000).for_each(|_| *counts.entry(noisy(total, 2, epsilon, &mut random).unwrap()).or_insert(0_u32) += 1);
            counts
        };
        let (with, without) = (counts(52), counts(50));
        for (value, one) in with.iter().filter(|(_, count)| **count > 2000) {
            let ratio = f64::from(*one) / f64::from(without[value]);
            assert!(ratio < by.exp() * 1.1 && ratio > (-by).exp() / 1.1, "{value}: {ratio}");
        }
    }
}
