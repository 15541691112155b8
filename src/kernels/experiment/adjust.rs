//! Adjusts p-values for multiple tests.

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

/// The adjusted p-values, in the order of the input. Tests without a p-value keep none and are not counted.
pub fn adjust(p_values: &[Option<f64>], method: Method) -> Vec<Option<f64>> {
    let mut order: Vec<(usize, f64)> = p_values.iter().enumerate().filter_map(|(place, p)| Some((place, (*p)?))).collect();
    order.sort_by(|one, other| one.1.total_cmp(&other.1));
    let tests = order.len() as f64;
    let harmonic: f64 = (1..=order.len()).map(|rank| 1.0 / rank as f64).sum();
    let scaled: Vec<f64> = order
        .iter()
        .enumerate()
        .map(|(place, (_, p))| {
            let rank = (place + 1) as f64;
            match method {
                Method::None => *p,
                Method::Bonferroni => p * tests,
                Method::Holm | Method::Hochberg => p * (tests - rank + 1.0),
                Method::Bh => p * tests / rank,
                Method::By => p * tests / rank * harmonic,
            }
        })
        .collect();
    let mut adjusted = p_values.to_vec();
    let mut take = |place: usize, value: f64| adjusted[order[place].0] = Some(value.min(1.0));
    match method {
        Method::None | Method::Bonferroni => (0..scaled.len()).for_each(|place| take(place, scaled[place])),
        Method::Holm => {
            let mut greatest = 0.0_f64;
            for (place, value) in scaled.iter().enumerate() {
                greatest = greatest.max(*value);
                take(place, greatest);
            }
        }
        Method::Hochberg | Method::Bh | Method::By => {
            let mut least = f64::INFINITY;
            for (place, value) in scaled.iter().enumerate().rev() {
                least = least.min(*value);
                take(place, least);
            }
        }
    }
    adjusted
}
