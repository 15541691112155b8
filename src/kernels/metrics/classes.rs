//! Metrics of classes, where rows from a threshold on are predicted positive.

use super::Z95;

/// The confusion matrix, as weights of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Confusion {
    pub true_positives: f64,
    pub false_positives: f64,
    pub false_negatives: f64,
    pub true_negatives: f64,
}

impl Confusion {
    pub fn new(probabilities: &[f64], outcomes: &[f64], weights: Option<&[f64]>, threshold: f64) -> Self {
        let mut found = Self::default();
        for (row, (probability, outcome)) in probabilities.iter().zip(outcomes).enumerate() {
            let count = match (*probability >= threshold, *outcome > 0.5) {
                (true, true) => &mut found.true_positives,
                (true, false) => &mut found.false_positives,
                (false, true) => &mut found.false_negatives,
                (false, false) => &mut found.true_negatives,
            };
            *count += weights.map_or(1.0, |weights| weights[row]);
        }
        found
    }

    pub fn rows(&self) -> f64 {
        self.true_positives + self.false_positives + self.false_negatives + self.true_negatives
    }

    /// Numerator and denominator of the accuracy: correctly predicted rows, and all rows.
    pub fn right(&self) -> (f64, f64) {
        (self.true_positives + self.true_negatives, self.rows())
    }

    /// Numerator and denominator of the precision: true positives, and rows predicted positive.
    pub fn precise(&self) -> (f64, f64) {
        (self.true_positives, self.true_positives + self.false_positives)
    }

    /// Numerator and denominator of the recall: true positives, and positive rows.
    pub fn recalled(&self) -> (f64, f64) {
        (self.true_positives, self.true_positives + self.false_negatives)
    }

    /// The harmonic mean of precision and recall; `None` if no row is positive or predicted positive.
    pub fn f1(&self) -> Option<f64> {
        let twice = 2.0 * self.true_positives;
        share((twice, twice + self.false_positives + self.false_negatives))
    }
}

/// A ratio given as numerator and denominator; `None` if the denominator is 0.
pub fn share((part, all): (f64, f64)) -> Option<f64> {
    (all > 0.0).then(|| part / all)
}

/// Wilson's 95 % confidence interval of a share.
///
/// E. Wilson: Probable Inference, the Law of Succession, and Statistical Inference (1927).
pub fn wilson(part: f64, all: f64) -> (f64, f64) {
    let (share, square) = (part / all, Z95 * Z95);
    let middle = (share + square / (2.0 * all)) / (1.0 + square / all);
    let reach = Z95 / (1.0 + square / all) * (share * (1.0 - share) / all + square / (4.0 * all * all)).sqrt();
    ((middle - reach).max(0.0), (middle + reach).min(1.0))
}
