//! Maximum likelihood by Newton's method. A step is halved until the deviance falls.

use super::Options;
use super::design::{Columns, Design};
use super::family::Family;
use super::gram::{Gram, sums};
use crate::kernels::control::{Control, Stop};

/// The inputs of a fit.
pub struct Newton<'a> {
    pub family: Family,
    pub design: &'a Design<'a>,
    pub columns: &'a Columns,
    control: Control<'a>,
}

/// Coefficients of the scaled columns, and the sums at these coefficients.
pub struct Found {
    pub coefficients: Vec<f64>,
    pub sums: Gram,
    pub deviances: Vec<f64>,
    pub converged: bool,
}

/// Number of lengths that are tried for a step, each half of the one before.
const HALVINGS: usize = 30;

/// Sums over many rows that differ by less than this share may be the same but for rounding.
const ROUNDING: f64 = 1e-14;

impl<'a> Newton<'a> {
    pub fn new(family: Family, design: &'a Design<'a>, columns: &'a Columns, control: Control<'a>) -> Self {
        Self { family, design, columns, control }
    }

    /// The coefficients of the null model, which has only an intercept.
    pub fn start(&self) -> Vec<f64> {
        let mut start = vec![0.0; self.columns.len()];
        start[0] = self.family.score(self.mean());
        start
    }

    /// The mean of the target.
    pub fn mean(&self) -> f64 {
        let of = |row: usize| self.design.weight(row) * self.design.target[row];
        (0..self.design.target.len()).map(of).sum::<f64>() / self.weights()
    }

    /// The sum of the weights.
    pub fn weights(&self) -> f64 {
        (0..self.design.target.len()).map(|row| self.design.weight(row)).sum()
    }

    pub fn sums(&self, coefficients: &[f64]) -> Result<Gram, Stop> {
        self.control.check()?;
        sums(self.family, self.design, self.columns, coefficients, self.control)
    }

    /// Fits the coefficients of the kept columns; the others stay 0. `sums` are the sums at `start`.
    pub fn fit(&self, start: Vec<f64>, sums: Gram, kept: &[usize], options: &Options) -> Result<Found, Stop> {
        let mut found = Found { coefficients: start, sums, deviances: vec![], converged: false };
        for _ in 0..options.max_iter {
            let Some(factor) = found.sums.products.part(kept).cholesky() else { break };
            let gradient: Vec<f64> = kept.iter().map(|column| found.sums.gradient[*column]).collect();
            let mut step = vec![0.0; self.columns.len()];
            kept.iter().zip(factor.solve(&gradient)).for_each(|(column, value)| step[*column] = value);
            let before = found.sums.deviance;
            if !self.advance(&mut found, &step, |next| next.sums.deviance)? {
                // No step lowers the deviance: this is the maximum, to the precision of doubles.
                found.converged = true;
                break;
            }
            found.deviances.push(found.sums.deviance);
            if self.family == Family::Binomial && found.sums.deviance < 1e-6 * self.weights() {
                // Perfect separation: every row is predicted without error, and the coefficients would grow for ever.
                found.converged = true;
                break;
            }
            if (before - found.sums.deviance).abs() <= options.tol * (found.sums.deviance.abs() + options.tol) {
                found.converged = true;
                break;
            }
        }
        Ok(found)
    }

    /// Tries the whole step, then half of it, a quarter and so on; false if every one of them raises the objective.
    pub fn advance(&self, found: &mut Found, step: &[f64], objective: impl Fn(&Found) -> f64) -> Result<bool, Stop> {
        let before = objective(found);
        let mut share = 1.0;
        for _ in 0..HALVINGS {
            let coefficients: Vec<f64> = found.coefficients.iter().zip(step).map(|(value, step)| value + share * step).collect();
            let sums = self.sums(&coefficients)?;
            let next = Found { coefficients, sums, deviances: std::mem::take(&mut found.deviances), converged: false };
            // An objective that is equal but for rounding is accepted too: the second step of a least squares fit changes only that,
            // and halving it would achieve nothing.
            if objective(&next) <= before + before.abs() * ROUNDING {
                *found = next;
                return Ok(true);
            }
            found.deviances = next.deviances;
            share /= 2.0;
        }
        Ok(false)
    }
}
