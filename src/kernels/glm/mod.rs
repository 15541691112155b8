//! Generalised linear models, fitted by Newton's method on sums over blocks of rows.
//!
//! The score of a row is `intercept + Σ coefficient × number + Σ coefficient of the row's level`. Dummy columns are never
//! materialised: a category is one code per row, and the sums of products exploit that only one of its dummy columns is 1.
//!
//! ```text
//! numbers, codes ─▶ gram: X'WX and gradient by blocks ─▶ newton: maximum likelihood ─▶ inference
//!                                                     └▶ penalised: coordinate descent, for a penalty
//! ```
//! Internally, numbers are centred and divided by their standard deviations; coefficients are returned in the numbers' own units.
//! Sums are taken over blocks of a fixed size and added in the order of the blocks, so the result does not depend on the number
//! of workers.
//!
//! P. McCullagh, J. Nelder: Generalized Linear Models (1989). J. Friedman, T. Hastie, R. Tibshirani: Regularization Paths for
//! Generalized Linear Models via Coordinate Descent (2010). W. Venables, B. Ripley: Modern Applied Statistics with S (2002), on
//! separation.

mod dense;
mod design;
mod family;
mod gram;
mod inference;
mod logistic;
mod moments;
mod newton;
mod penalised;
#[cfg(test)]
mod tests;

pub use design::{Design, Levels};
pub use family::Family;
pub use inference::Term;
pub use moments::Moments;

use crate::kernels::control::{Control, Stop};
use newton::Newton;

/// How to fit.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Strength of the penalty (glmnet's lambda). It applies to coefficients of columns with standard deviation 1, and is added to
    /// half the mean deviance.
    pub alpha: f64,
    /// The share of the penalty on absolute values; the rest is on halved squares.
    pub l1_ratio: f64,
    pub max_iter: usize,
    /// The fit ends when the relative change of the deviance, or of the penalised objective, is below this.
    pub tol: f64,
    /// Confidence level of the intervals.
    pub confidence: f64,
}

/// A fitted model.
#[derive(Debug, Clone)]
pub struct Fit {
    pub intercept: Term,
    pub numbers: Vec<Term>,
    /// The levels of each category. The reference level has the value 0 and no other statistics.
    pub categories: Vec<Vec<Term>>,
    pub log_likelihood: f64,
    pub null_log_likelihood: f64,
    pub deviance: f64,
    pub null_deviance: f64,
    /// Number of estimated coefficients, including the intercept.
    pub parameters: usize,
    /// Sum of the weights.
    pub rows: f64,
    /// The square root of the ratio of the largest to the smallest eigenvalue of X′X, with columns scaled to length 1. `None` if
    /// there are too many columns.
    pub condition_number: Option<f64>,
    /// The deviance after each iteration.
    pub iterations: Vec<f64>,
    pub converged: bool,
    /// Whether some combination of columns separates the classes, so that the likelihood has no finite maximum.
    pub separation: Separation,
}

/// Whether the columns separate the classes without error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separation {
    No,
    /// All rows are predicted without error.
    Perfect,
    /// Only some coefficients diverge.
    Partial,
}

impl Fit {
    /// Akaike's information criterion. Like statsmodels, it does not count the variance as a parameter.
    pub fn aic(&self) -> f64 {
        2.0 * (self.parameters as f64 - self.log_likelihood)
    }

    /// Schwarz's (Bayesian) information criterion, with the same count of parameters.
    pub fn bic(&self) -> f64 {
        libm::log(self.rows) * self.parameters as f64 - 2.0 * self.log_likelihood
    }
}

/// Fits a model. Columns must be finite and of the same length.
///
/// # Errors
/// Fails if cancelled, or if the memory limit is reached: the sums take 8 bytes per pair of columns for every 32,768 rows.
pub fn fit(family: Family, design: Design<'_>, options: &Options, control: Control<'_>) -> Result<Fit, Stop> {
    let columns = design.columns();
    let rows = design.target.len();
    // Square matrices of all pairs of columns: one per job, and a few for the sum, its factor, its inverse and copies of them.
    let bytes = columns.len().saturating_mul(columns.len()).saturating_mul(8 * (gram::jobs(rows) + control.workers + 5));
    let _reserved = control.reserve(bytes.saturating_add(8 * 2 * rows))?;
    let newton = Newton::new(family, &design, &columns, control);
    // At the start all rows have the same mean and variance, so the products are proportional to those of the columns themselves.
    let start = newton.start();
    let plain = newton.sums(&start)?;
    let mut kept = dense::independent(&plain.products);
    // There are no more independent columns than rows, even if rounding hides it.
    kept.truncate(rows);
    let found = match options.alpha > 0.0 {
        true => penalised::fit(&newton, start, plain.clone(), &kept, options)?,
        false => newton.fit(start, plain.clone(), &kept, options)?,
    };
    Ok(inference::of(&newton, &found, &plain, &kept, options))
}
