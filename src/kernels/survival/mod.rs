//! Survival analysis: the time until an event that has not happened yet for some rows (these are censored).
//!
//! | file | contents |
//! |---|---|
//! | `curve` | Kaplan–Meier curve with confidence bands, medians |
//! | `log_rank` | test whether groups differ |
//! | `cox` | proportional hazards |
//! | `dense` | small systems of linear equations |
//!
//! Literature: E. L. Kaplan, P. Meier, *Nonparametric Estimation from Incomplete Observations*, JASA 53, 1958; J. D. Kalbfleisch,
//! R. L. Prentice, *The Statistical Analysis of Failure Time Data*, 1980, for the bands; D. R. Cox, *Regression Models and
//! Life-Tables*, JRSS B 34, 1972; B. Efron, *The Efficiency of Cox's Likelihood Function for Censored Data*, JASA 72, 1977.

mod cox;
mod curve;
mod dense;
mod log_rank;
#[cfg(test)]
mod tests;

pub use cox::{Cox, CoxModel, CoxOptions, Ties, fit_cox};
pub use curve::{At, Point, Quantile, curve, quantile};
pub use log_rank::log_rank;
