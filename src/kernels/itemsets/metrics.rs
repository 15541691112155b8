//! Measures of a rule, computed from four counts.
//!
//! Products and differences are computed with integers, so that the only rounding is in the one division at the end.
//!
//! T. Zhang: Association Rules (2000); S. Brin et al.: Dynamic Itemset Counting (1997); T. Wu, Y. Chen, J. Han:
//! Re-examination of interestingness measures (2010); C. Loader: Fast and Accurate Computation of Binomial Probabilities (2000).

/// Number of all baskets, and of the baskets that contain the antecedents, the consequents, and both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub baskets: u32,
    pub antecedents: u32,
    pub consequents: u32,
    pub both: u32,
}

fn ratio(numerator: i128, denominator: i128) -> f64 {
    numerator as f64 / denominator as f64
}

impl Counts {
    fn wide(self) -> [i128; 4] {
        [self.baskets, self.antecedents, self.consequents, self.both].map(i128::from)
    }

    /// A count as a share of all baskets.
    pub fn share(self, count: u32) -> f64 {
        f64::from(count) / f64::from(self.baskets)
    }

    /// P(C | A).
    pub fn confidence(self) -> f64 {
        f64::from(self.both) / f64::from(self.antecedents)
    }

    /// P(A, C) / (P(A) P(C)).
    pub fn lift(self) -> f64 {
        let [n, a, c, both] = self.wide();
        ratio(both * n, a * c)
    }

    /// P(A, C) − P(A) P(C).
    pub fn leverage(self) -> f64 {
        let [n, a, c, both] = self.wide();
        ratio(both * n - a * c, n * n)
    }

    /// (1 − P(C)) / (1 − confidence); infinite at confidence 1.
    pub fn conviction(self) -> f64 {
        let [n, a, c, both] = self.wide();
        if a == both { f64::INFINITY } else { ratio((n - c) * a, n * (a - both)) }
    }

    /// Leverage / max(P(A, C) (1 − P(A)), P(A) (P(C) − P(A, C))), from −1 to 1; 0 if the denominator is 0.
    pub fn zhangs_metric(self) -> f64 {
        let [n, a, c, both] = self.wide();
        let most = (both * (n - a)).max(a * (c - both));
        if most == 0 { 0.0 } else { ratio(both * n - a * c, most) }
    }

    /// P(A, C) / P(A or C).
    pub fn jaccard(self) -> f64 {
        let [_, a, c, both] = self.wide();
        ratio(both, a + c - both)
    }

    /// (confidence − P(C)) / (1 − P(C)); 0 when P(C) is 1.
    pub fn certainty(self) -> f64 {
        let [n, a, c, both] = self.wide();
        if n == c { 0.0 } else { ratio(both * n - a * c, a * (n - c)) }
    }

    /// Mean of P(C | A) and P(A | C).
    pub fn kulczynski(self) -> f64 {
        let [_, a, c, both] = self.wide();
        ratio(both * (a + c), 2 * a * c)
    }

    /// |P(A) − P(C)| / P(A or C).
    pub fn imbalance_ratio(self) -> f64 {
        let [_, a, c, both] = self.wide();
        ratio((a - c).abs(), a + c - both)
    }

    /// Fisher's exact test, one-sided: the probability of at least as many common baskets if A and C were independent.
    pub fn p_value(self) -> f64 {
        let [n, a, c, both] = [self.baskets, self.antecedents, self.consequents, self.both].map(f64::from);
        if a == n || c == n || both == 0.0 || both <= a + c - n {
            return 1.0;
        }
        // Sum the tail that does not contain the mean: its terms decrease, so the sum can stop early.
        if both * n > a * c {
            let mut term = ln_hypergeometric(both, n, a, c).exp();
            let (mut sum, mut x) = (term, both);
            while x < a && x < c && term > sum * f64::EPSILON {
                term *= (a - x) * (c - x) / ((x + 1.0) * (n - a - c + x + 1.0));
                sum += term;
                x += 1.0;
            }
            sum.min(1.0)
        } else {
            let mut x = both - 1.0;
            let mut term = ln_hypergeometric(x, n, a, c).exp();
            let mut sum = term;
            while x > 0.0 && x > a + c - n && term > sum * f64::EPSILON {
                term *= x * (n - a - c + x) / ((a - x + 1.0) * (c - x + 1.0));
                sum += term;
                x -= 1.0;
            }
            (1.0 - sum).max(0.0)
        }
    }
}

/// The logarithm of the hypergeometric probability that `x` of `c` baskets drawn from `n` are among `a` given ones.
fn ln_hypergeometric(x: f64, n: f64, a: f64, c: f64) -> f64 {
    let (p, q) = (c / n, (n - c) / n);
    ln_binomial(x, a, p, q) + ln_binomial(c - x, n - a, p, q) - ln_binomial(c, n, p, q)
}

/// The logarithm of the binomial probability in Loader's form, which avoids the cancellation of large factorials.
fn ln_binomial(x: f64, n: f64, p: f64, q: f64) -> f64 {
    if n == 0.0 {
        return 0.0;
    }
    if x == 0.0 {
        return n * (-p).ln_1p();
    }
    if x == n {
        return n * p.ln();
    }
    let correction = stirling_error(n) - stirling_error(x) - stirling_error(n - x) - deviance(x, n * p) - deviance(n - x, n * q);
    correction - 0.5 * (std::f64::consts::TAU.ln() + x.ln() + (-x / n).ln_1p())
}

/// The error of Stirling's formula: ln n! minus the formula.
fn stirling_error(n: f64) -> f64 {
    const S: [f64; 5] = [1.0 / 12.0, 1.0 / 360.0, 1.0 / 1260.0, 1.0 / 1680.0, 1.0 / 1188.0];
    if n < 16.0 {
        let factorial: f64 = (1..=n as u32).map(f64::from).product();
        return factorial.ln() - ((n + 0.5) * n.ln() - n + 0.5 * std::f64::consts::TAU.ln());
    }
    let square = n * n;
    (S[0] - (S[1] - (S[2] - (S[3] - S[4] / square) / square) / square) / square) / n
}

/// x ln(x / m) + m − x, by a series if x is near m, where the plain form would cancel.
fn deviance(x: f64, m: f64) -> f64 {
    if (x - m).abs() >= 0.1 * (x + m) {
        return x * (x / m).ln() + m - x;
    }
    let v = (x - m) / (x + m);
    let (mut sum, mut term) = ((x - m) * v, 2.0 * x * v);
    for odd in 1..1000 {
        term *= v * v;
        let next = sum + term / f64::from(2 * odd + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(baskets: u32, antecedents: u32, consequents: u32, both: u32) -> Counts {
        Counts { baskets, antecedents, consequents, both }
    }

    /// The p-value from exact integer terms of the hypergeometric distribution.
    fn exact_p_value(rule: Counts) -> f64 {
        let choose = |n: u32, k: u32| (0..k).fold(1_u128, |all, i| all * u128::from(n - i) / u128::from(i + 1));
        let (n, a, c) = (rule.baskets, rule.antecedents, rule.consequents);
        let ways = |x: u32| if c - x <= n - a { choose(a, x) * choose(n - a, c - x) } else { 0 };
        let above: u128 = (rule.both..=a.min(c)).map(ways).sum();
        above as f64 / choose(n, c) as f64
    }

    #[test]
    fn p_values_are_those_of_all_tables() {
        let mut checked = 0;
        for n in [1_u32, 2, 7, 20, 60] {
            for a in 1..=n {
                for c in (1..=n).step_by(1 + n as usize / 12) {
                    for both in (a + c).saturating_sub(n)..=a.min(c) {
                        let rule = counts(n, a, c, both);
                        let (found, exact) = (rule.p_value(), exact_p_value(rule));
                        assert!((found - exact).abs() <= 1e-12 * exact.max(1e-3), "{rule:?}: {found} and {exact}");
                        checked += 1;
                    }
                }
            }
        }
        assert!(checked > 5000);
    }

    /// Expected values from the definition, computed with 60 digits.
    #[test]
    fn p_values_of_large_tables() {
        for (rule, expected) in [
            (counts(20_000_000, 200_000, 150_000, 1_600), 5.106_882_031_524_288e-3),
            (counts(20_000_000, 1_000_000, 500_000, 25_100), 2.564_263_105_849_081e-1),
            (counts(88_162, 4_000, 3_000, 150), 1.170_232_877_168_510_3e-1),
            (counts(88_162, 4_000, 3_000, 130), 7.197_228_237_015_062e-1),
        ] {
            let found = rule.p_value();
            assert!((found / expected - 1.0).abs() < 1e-11, "{rule:?}: {found:e} and {expected:e}");
        }
    }

    #[test]
    fn edges_have_the_values_of_the_field() {
        let sure = counts(10, 4, 5, 4);
        assert_eq!((sure.confidence(), sure.conviction(), sure.lift()), (1.0, f64::INFINITY, 2.0));
        assert_eq!((sure.zhangs_metric(), sure.certainty(), sure.leverage()), (20.0 / 24.0, 1.0, 0.2));
        let always = counts(10, 4, 10, 4);
        assert_eq!((always.certainty(), always.zhangs_metric(), always.p_value()), (0.0, 0.0, 1.0));
        assert_eq!((always.kulczynski(), always.imbalance_ratio(), always.jaccard()), (0.7, 0.6, 0.4));
        let apart = counts(10, 5, 5, 1);
        assert_eq!((apart.lift(), apart.conviction(), apart.zhangs_metric()), (0.4, 0.625, -0.75));
    }
}
