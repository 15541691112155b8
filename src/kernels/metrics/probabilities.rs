//! Metrics of predicted probabilities: log loss, Brier score and calibration.

use super::classes::wilson;

/// Probabilities are clamped to this distance from 0 and 1, as in scikit-learn.
const LEAST: f64 = f64::EPSILON;

/// The weighted mean of a function of each row's probability and outcome.
fn mean(probabilities: &[f64], outcomes: &[f64], weights: Option<&[f64]>, of: impl Fn(f64, f64) -> f64) -> f64 {
    let (mut sum, mut total) = (0.0, 0.0);
    for (row, (probability, outcome)) in probabilities.iter().zip(outcomes).enumerate() {
        let weight = weights.map_or(1.0, |weights| weights[row]);
        (sum, total) = (sum + weight * of(*probability, *outcome), total + weight);
    }
    sum / total
}

/// The mean negative log of the probability that was predicted for the actual outcome.
pub fn log_loss(probabilities: &[f64], outcomes: &[f64], weights: Option<&[f64]>) -> f64 {
    mean(probabilities, outcomes, weights, |probability, outcome| {
        let probability = probability.clamp(LEAST, 1.0 - LEAST);
        if outcome > 0.5 { -libm::log(probability) } else { -libm::log1p(-probability) }
    })
}

/// The mean squared difference between the probability and the outcome.
pub fn brier(probabilities: &[f64], outcomes: &[f64], weights: Option<&[f64]>) -> f64 {
    mean(probabilities, outcomes, weights, |probability, outcome| (probability - outcome) * (probability - outcome))
}

/// A calibration bin: rows with neighbouring probabilities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    pub low: f64,
    pub high: f64,
    pub rows: u64,
    pub mean_predicted: f64,
    pub observed: f64,
    /// Lower end of Wilson's interval of the observed share.
    pub observed_lower: f64,
    pub observed_upper: f64,
}

/// Calibration bins between quantiles (`by_count`) or of equal width from 0 to 1. Empty bins are omitted. Rows with the same probability
/// are always in the same bin. The bins are those of scikit-learn's `calibration_curve`: an edge belongs to the bin below, and quantiles
/// are interpolated, as numpy's `percentile` does.
pub fn calibration(probabilities: &[f64], outcomes: &[f64], bins: usize, by_count: bool) -> Vec<Bin> {
    let mut rows: Vec<(f64, f64)> = probabilities.iter().copied().zip(outcomes.iter().copied()).collect();
    rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    // The edges between bins, as numpy rounds and interpolates them.
    let edge = |bin: usize| {
        let share = bin as f64 * (1.0 / bins as f64);
        if !by_count {
            return share;
        }
        let place = rows.len().saturating_sub(1) as f64 * (share * 100.0 / 100.0);
        let (low, part) = (place.floor() as usize, place.fract());
        let (low, high) = (rows[low].0, rows[(low + 1).min(rows.len() - 1)].0);
        if part < 0.5 { low + (high - low) * part } else { high - (high - low) * (1.0 - part) }
    };
    let edges: Vec<f64> = if rows.is_empty() { vec![] } else { (1..bins).map(edge).collect() };
    let bin_of = |row: &(f64, f64)| edges.partition_point(|edge| *edge < row.0);
    let bin = |own: &[(f64, f64)]| {
        let (rows, positives) = (own.len() as f64, own.iter().map(|row| row.1).sum::<f64>());
        let (observed_lower, observed_upper) = wilson(positives, rows);
        Bin {
            low: own[0].0,
            high: own[own.len() - 1].0,
            rows: own.len() as u64,
            mean_predicted: own.iter().map(|row| row.0).sum::<f64>() / rows,
            observed: positives / rows,
            observed_lower,
            observed_upper,
        }
    };
    rows.chunk_by(|one, next| bin_of(one) == bin_of(next)).map(bin).collect()
}

/// The expected calibration error: the mean absolute difference between the predicted and the observed share of each bin, weighted
/// by rows.
pub fn calibration_error(bins: &[Bin]) -> f64 {
    let rows: u64 = bins.iter().map(|bin| bin.rows).sum();
    bins.iter().map(|bin| bin.rows as f64 * (bin.mean_predicted - bin.observed).abs()).sum::<f64>() / rows as f64
}

/// The same for weighted rows, over bins of equal weight.
pub fn weighted_calibration_error(probabilities: &[f64], outcomes: &[f64], weights: &[f64], bins: usize) -> f64 {
    let mut rows: Vec<(f64, f64, f64)> = probabilities
        .iter()
        .zip(outcomes)
        .zip(weights)
        .map(|((probability, outcome), weight)| (*probability, *outcome, *weight))
        .collect();
    rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2)));
    let total: f64 = rows.iter().map(|row| row.2).sum();
    let (mut seen, mut bin, mut difference, mut error) = (0.0, 1.0, 0.0, 0.0);
    // Rows with the same probability are in the same bin.
    for same in rows.chunk_by(|one, next| one.0 == next.0) {
        seen += same.iter().map(|row| row.2).sum::<f64>();
        difference += same.iter().map(|row| row.2 * (row.0 - row.1)).sum::<f64>();
        if seen >= total * bin / bins as f64 {
            error += f64::abs(difference);
            (difference, bin) = (0.0, (seen * bins as f64 / total).floor() + 1.0);
        }
    }
    (error + f64::abs(difference)) / total
}
