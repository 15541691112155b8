//! Adjusts p-values for multiple tests.
//!
//! Literature: S. Holm, *A simple sequentially rejective multiple test procedure*, 1979; Y. Hochberg, *A sharper Bonferroni procedure for
//! multiple tests of significance*, 1988; Y. Benjamini, Y. Hochberg, *Controlling the false discovery rate*, 1995; Y. Benjamini,
//! D. Yekutieli, *The control of the false discovery rate in multiple testing under dependency*, 2001.

use serde::{Deserialize, Serialize};

/// A method of adjustment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// No adjustment.
    None,
    /// Multiplies by the number of tests.
    Bonferroni,
    /// Step-down: controls the probability of any false positive, as Bonferroni does, with more power.
    Holm,
    /// Step-up: the same for independent tests, with still more power.
    Hochberg,
    /// Benjamini and Hochberg: controls the false discovery rate.
    Bh,
    /// Benjamini and Yekutieli: the same, for tests with any dependence.
    By,
}

impl Method {
    /// The names in SQL: those of R's `p.adjust`, in lower case.
    pub const NAMES: &'static [&'static str] = &["none", "bonferroni", "holm", "hochberg", "bh", "fdr", "by"];

    /// The method with a name.
    pub fn named(name: &str) -> Self {
        match name {
            "bonferroni" => Self::Bonferroni,
            "holm" => Self::Holm,
            "hochberg" => Self::Hochberg,
            "bh" | "fdr" => Self::Bh,
            "by" => Self::By,
            _ => Self::None,
        }
    }
}

/// The adjusted p-values, in the order of the input.
pub fn adjust(p_values: &[f64], method: Method) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_unstable_by(|one, other| p_values[*one].total_cmp(&p_values[*other]));
    let tests = order.len() as f64;
    let harmonic: f64 = (1..=order.len()).map(|rank| 1.0 / rank as f64).sum();
    let scaled = order.iter().enumerate().map(|(place, test)| {
        let (rank, p) = ((place + 1) as f64, p_values[*test]);
        let scaled = match method {
            Method::None => p,
            Method::Bonferroni => p * tests,
            Method::Holm | Method::Hochberg => p * (tests - rank + 1.0),
            Method::Bh => p * tests / rank,
            Method::By => p * tests / rank * harmonic,
        };
        (*test, scaled.min(1.0))
    });
    let mut adjusted = vec![0.0; p_values.len()];
    match method {
        Method::None | Method::Bonferroni => scaled.for_each(|(test, value)| adjusted[test] = value),
        Method::Holm => {
            let mut greatest = 0.0_f64;
            for (test, value) in scaled {
                greatest = greatest.max(value);
                adjusted[test] = greatest;
            }
        }
        Method::Hochberg | Method::Bh | Method::By => {
            let mut least = 1.0_f64;
            for (test, value) in scaled.rev() {
                least = least.min(value);
                adjusted[test] = least;
            }
        }
    }
    adjusted
}

/// The same where some tests have no p-value: these keep none and are not counted.
pub fn adjust_known(p_values: &[Option<f64>], method: Method) -> Vec<Option<f64>> {
    let known: Vec<f64> = p_values.iter().copied().flatten().collect();
    let mut adjusted = adjust(&known, method).into_iter();
    p_values.iter().map(|p_value| p_value.and_then(|_| adjusted.next())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values are from statsmodels 0.15, `multipletests`.
    #[test]
    fn adjusted_values_are_those_of_statsmodels() {
        let p_values = [0.01, 0.02, 0.03, 0.04, 0.05, 0.0001, 0.9];
        for (method, expected) in [
            (Method::None, p_values),
            (Method::Bonferroni, [0.07, 0.14, 0.21, 0.28, 0.35, 0.0007, 1.0]),
            (Method::Holm, [0.06, 0.1, 0.12, 0.12, 0.12, 0.0007, 0.9]),
            (Method::Hochberg, [0.06, 0.1, 0.1, 0.1, 0.1, 0.0007, 0.9]),
            (Method::Bh, [0.035, 0.04666666666666667, 0.0525, 0.056, 0.05833333333333334, 0.0007, 0.9]),
            (Method::By, [0.09075, 0.121, 0.136125, 0.1452, 0.15125, 0.001815, 1.0]),
        ] {
            let found = adjust(&p_values, method);
            let is_near = |(found, expected): (&f64, &f64)| (found - expected).abs() <= 1e-9 * expected;
            assert!(found.iter().zip(&expected).all(is_near), "{method:?}: {found:?}");
        }
        assert!(adjust(&[], Method::Holm).is_empty());
    }

    #[test]
    fn tests_without_a_p_value_are_not_counted() {
        let p_values = [None, Some(0.02), None, Some(0.03)];
        assert_eq!(adjust_known(&p_values, Method::Bonferroni), [None, Some(0.04), None, Some(0.06)]);
        assert_eq!(adjust_known(&[None], Method::Holm), [None]);
    }
}
