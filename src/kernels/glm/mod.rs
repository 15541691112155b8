//! Generalised linear models: Newton's method on sums over blocks of rows.
//!
//! The score of a row is `intercept + Σ coefficient × number + Σ coefficient of the row's level`. Dummy columns are never made: a category is a
//! code for each row, and the sums of products use that only one of its columns is 1.
//!
//! ```text
//! numbers, codes ─▶ gram: X'WX and X'Wz by blocks ─▶ newton: maximum likelihood ─▶ inference
//!                                                 └▶ penalised: coordinate descent, for a penalty
//! ```
//! Numbers are centred and divided by their deviations inside, and coefficients given back in the numbers' own units. Sums are over blocks of a
//! fixed size, added in the order of the blocks: the result does not depend on the number of workers.
//!
//! P. McCullagh, J. Nelder: Generalized Linear Models (1989). J. Friedman, T. Hastie, R. Tibshirani: Regularization Paths for Generalized
//! Linear Models via Coordinate Descent (2010). W. Venables, B. Ripley: Modern Applied Statistics with S (2002), on separation.

mod dense;
mod design;
mod family;
mod gram;
mod inference;
mod newton;
mod penalised;
#[cfg(test)]
mod tests;

pub use design::{Design, Levels};
pub use family::Family;
pub use inference::Term;

use crate::kernels::control::{Control, Stop};
use newton::Newton;

/// How to fit.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How strong the penalty is: glmnet's lambda, on coefficients of columns with deviation 1, beside the mean deviance over two.
    pub alpha: f64,
    /// The share of it that is on absolute values; the rest is on squares, halved.
    pub l1_ratio: f64,
    pub max_iter: usize,
    /// The fit ends when the deviance changes by less than this share.
    pub tol: f64,
    /// Of the intervals.
    pub confidence: f64,
}

/// A fitted model.
#[derive(Debug, Clone)]
pub struct Fit {
    pub intercept: Term,
    pub numbers: Vec<Term>,
    /// Of each category the levels; the reference has the value 0 and nothing else.
    pub categories: Vec<Vec<Term>>,
    pub log_likelihood: f64,
    pub null_log_likelihood: f64,
    pub deviance: f64,
    pub null_deviance: f64,
    /// Coefficients that were estimated, with the intercept.
    pub parameters: usize,
    /// Sum of the weights.
    pub rows: f64,
    /// The root of the ratio of the largest to the least eigenvalue of the products of columns of length 1; `None` of many columns.
    pub condition_number: Option<f64>,
    /// The deviance after each iteration.
    pub iterations: Vec<f64>,
    pub converged: bool,
    /// Some combination of columns tells the classes apart without error, or nearly so: coefficients have no finite maximum.
    pub separation: Separation,
}

/// Whether classes can be distinguished without error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separation {
    No,
    /// By all columns together.
    Perfect,
    /// Some coefficients alone grow without end.
    Partial,
}

impl Fit {
    /// Akaike's criterion, without a parameter for the variance, as statsmodels counts.
    pub fn aic(&self) -> f64 {
        2.0 * (self.parameters as f64 - self.log_likelihood)
    }

    /// Schwarz's criterion, counted likewise.
    pub fn bic(&self) -> f64 {
        libm::log(self.rows) * self.parameters as f64 - 2.0 * self.log_likelihood
    }
}

/// Fits a model. Columns must be finite, and of one length.
///
/// # Errors
/// It was cancelled, or the memory limit is reached: the sums take 8 bytes for each pair of columns and 32,768 rows.
pub fn fit(family: Family, design: Design<'_>, options: &Options, control: Control<'_>) -> Result<Fit, Stop> {
    let columns = design.columns();
    let rows = design.target.len();
    // The products of each pair of columns: of each job, the sum, its factor and its inverse.
    let bytes = columns.len().saturating_mul(columns.len()).saturating_mul(8 * (gram::jobs(rows) + control.workers + 5));
    let _reserved = control.reserve(bytes.saturating_add(8 * 2 * rows))?;
    let newton = Newton::new(family, &design, &columns, control);
    // Before anything is learned all rows count alike: the products are those of the columns themselves.
    let start = newton.start();
    let plain = newton.sums(&start)?;
    let kept = dense::independent(&plain.products);
    let found = match options.alpha > 0.0 {
        true => penalised::fit(&newton, start, plain.clone(), &kept, options)?,
        false => newton.fit(start, plain.clone(), &kept, options)?,
    };
    Ok(inference::of(&newton, &found, &plain, &kept, options))
}
