//! Errors of predicted numbers and counts.

use super::Z95;

/// Errors of predictions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Errors {
    pub rows: f64,
    pub rmse: f64,
    /// 95 % confidence interval: the square roots of the normal interval of the mean squared error.
    pub rmse_interval: (f64, f64),
    pub mae: f64,
    pub mae_interval: (f64, f64),
    /// Coefficient of determination; `None` if all outcomes are the same.
    pub r2: Option<f64>,
}

impl Errors {
    pub fn new(predictions: &[f64], outcomes: &[f64], weights: Option<&[f64]>) -> Self {
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let rows: f64 = (0..outcomes.len()).map(weight).sum();
        let mean_of = |of: &dyn Fn(usize) -> f64| (0..outcomes.len()).map(|row| weight(row) * of(row)).sum::<f64>() / rows;
        let error = |row: usize| predictions[row] - outcomes[row];
        let interval = |mean: f64, of: &dyn Fn(usize) -> f64| {
            let variance = mean_of(&|row| (of(row) - mean) * (of(row) - mean)) * rows / (rows - 1.0);
            let reach = Z95 * (variance / rows).sqrt();
            // A single row has no standard deviation.
            if reach.is_nan() { (f64::NAN, f64::NAN) } else { ((mean - reach).max(0.0), mean + reach) }
        };
        let squared = |row: usize| error(row) * error(row);
        let absolute = |row: usize| error(row).abs();
        let (mse, mae) = (mean_of(&squared), mean_of(&absolute));
        let (low, high) = interval(mse, &squared);
        let mean = mean_of(&|row| outcomes[row]);
        let variance = mean_of(&|row| (outcomes[row] - mean) * (outcomes[row] - mean));
        Self {
            rows,
            rmse: mse.sqrt(),
            rmse_interval: (low.sqrt(), high.sqrt()),
            mae,
            mae_interval: interval(mae, &absolute),
            r2: (variance > 0.0).then(|| 1.0 - mse / variance),
        }
    }
}

/// The mean Poisson deviance of predicted counts, as in scikit-learn. `None` if a prediction is not above 0.
pub fn poisson_deviance(predictions: &[f64], outcomes: &[f64], weights: Option<&[f64]>) -> Option<f64> {
    let (mut sum, mut total) = (0.0, 0.0);
    for (row, (mean, outcome)) in predictions.iter().zip(outcomes).enumerate() {
        if mean.is_nan() || *mean <= 0.0 {
            return None;
        }
        let weight = weights.map_or(1.0, |weights| weights[row]);
        let grown = if *outcome > 0.0 { outcome * libm::log(outcome / mean) } else { 0.0 };
        (sum, total) = (sum + weight * 2.0 * (grown - outcome + mean), total + weight);
    }
    Some(sum / total)
}
