//! Measures of predictions against the actual outcomes.
//!
//! | file | what it holds |
//! |---|---|
//! | `ranking` | what depends only on the order of the scores: ROC curve, its area with DeLong's error, average precision, Kolmogorov–Smirnov, lift |
//! | `probabilities` | log loss, Brier, calibration |
//! | `classes` | the confusion matrix at a threshold, and its measures, with Wilson's intervals |
//! | `numbers` | errors of numbers and counts |
//!
//! Outcomes are 1 or 0; for numbers, any value. Rows with equal scores count as one step, so their order does not matter.

mod classes;
mod numbers;
mod probabilities;
mod ranking;
#[cfg(test)]
mod tests;

pub use classes::{Confusion, share, wilson};
pub use numbers::{Errors, poisson_deviance};
pub use probabilities::{Bin, brier, calibration, calibration_error, log_loss};
pub use ranking::{Decile, Point, Ranked, auc, auc_interval, average_precision, deciles, ks, roc_curve};

/// The standard normal value of intervals of 95 %.
const Z95: f64 = 1.959_963_984_540_054;
