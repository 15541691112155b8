//! Metrics that compare predictions with the actual outcomes.
//!
//! | file | contents |
//! |---|---|
//! | `ranking` | metrics of the order of the scores: ROC curve, AUC with DeLong's interval, average precision, Kolmogorov–Smirnov, lift |
//! | `probabilities` | log loss, Brier score, calibration |
//! | `classes` | the confusion matrix at a threshold, metrics derived from it, and Wilson's interval |
//! | `numbers` | errors of predicted numbers and counts |
//!
//! Outcomes are 1 or 0, or any value for numbers. Rows with equal scores count as one step, so their order does not matter.

mod classes;
mod numbers;
mod probabilities;
mod ranking;
#[cfg(test)]
mod tests;

pub use classes::{Confusion, share, wilson};
pub use numbers::{Errors, poisson_deviance};
pub use probabilities::{Bin, brier, calibration, calibration_error, log_loss, weighted_calibration_error};
pub use ranking::{Decile, Point, Ranked, area, auc, auc_interval, average_precision, deciles, ks, roc_curve, top_rate};

/// The normal quantile for 95 % confidence intervals.
const Z95: f64 = 1.959_963_984_540_054;
