//! Statistical comparison of the shares of two groups.

use crate::kernels::special::normal_cdf;

/// Returns the statistic and the two-sided p-value of the z-test for two proportions with pooled variance. `None` if a group is empty, or
/// if both shares are 0 or both are 1.
pub fn two_proportions(counts: [i64; 2], totals: [i64; 2]) -> Option<(f64, f64)> {
    let [a, b] = counts.map(|count| count as f64);
    let [of_a, of_b] = totals.map(|total| total as f64);
    let pooled = (a + b) / (of_a + of_b);
    let variance = pooled * (1.0 - pooled) * (1.0 / of_a + 1.0 / of_b);
    if !variance.is_finite() || variance <= 0.0 {
        return None;
    }
    let z = (a / of_a - b / of_b) / variance.sqrt();
    Some((z, (2.0 * normal_cdf(-z.abs())).min(1.0)))
}

/// Adjusts p-values for the false discovery rate by the Benjamini–Hochberg procedure. The result is in the order of the input.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*b].total_cmp(&p[*a]));
    let (mut adjusted, mut least) = (vec![1.0; p.len()], 1.0_f64);
    // From the largest p-value down: each adjusted value is the minimum of its own and those of all larger p-values.
    for (after, place) in order.into_iter().enumerate() {
        let rank = p.len() - after;
        least = least.min(p[place] * p.len() as f64 / rank as f64);
        adjusted[place] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_statsmodels() {
        // proportions_ztest([30, 45], [200, 210])
        let (z, p) = two_proportions([30, 45], [200, 210]).unwrap();
        assert!((z + 1.682_976_346_138_920_4).abs() < 1e-9, "{z}");
        assert!((p - 0.092_379_670_559_945_93).abs() < 1e-9, "{p}");
        assert_eq!(two_proportions([0, 0], [5, 5]), None);
        assert_eq!(two_proportions([1, 0], [5, 0]), None);
        // multipletests([0.01, 0.04, 0.03, 0.5], method='fdr_bh')
        let adjusted = benjamini_hochberg(&[0.01, 0.04, 0.03, 0.5]);
        for (own, other) in adjusted.iter().zip([0.04, 0.160 / 3.0, 0.160 / 3.0, 0.5]) {
            assert!((own - other).abs() < 1e-12, "{adjusted:?}");
        }
    }
}
