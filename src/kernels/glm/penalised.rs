//! Fits with a penalty on the coefficients: Newton's quadratic approximation, minimised by coordinate descent.
//!
//! The objective is that of glmnet: deviance / (2 · Σ weights) + alpha · (l1_ratio · Σ|b| + (1 − l1_ratio) / 2 · Σb²), where b are
//! the coefficients of columns with standard deviation 1.

use super::Options;
use super::gram::Gram;
use super::newton::{Found, Newton};
use crate::kernels::control::Stop;

/// Maximum number of passes over the coefficients for one quadratic.
const PASSES: usize = 10_000;

/// Fits the coefficients of the kept columns; the intercept has no penalty. `sums` are the sums at `start`.
pub fn fit(newton: &Newton<'_>, start: Vec<f64>, sums: Gram, kept: &[usize], options: &Options) -> Result<Found, Stop> {
    let total = newton.weights();
    let lengths = lengths(newton, total);
    let (l1, l2) = (options.alpha * options.l1_ratio, options.alpha * (1.0 - options.l1_ratio));
    let penalty = |coefficients: &[f64]| -> f64 {
        let each = coefficients.iter().zip(&lengths).skip(1).map(|(value, length)| {
            let scaled = value * length;
            l1 * scaled.abs() + 0.5 * l2 * scaled * scaled
        });
        each.sum()
    };
    let objective = |found: &Found| found.sums.deviance / (2.0 * total) + penalty(&found.coefficients);
    let mut found = Found { coefficients: start, sums, deviances: vec![], converged: false };
    for _ in 0..options.max_iter {
        // The quadratic approximation around the coefficients: ½ d′Hd − g′d, where d is the step.
        let size = newton.columns.len();
        let curvature = |row: usize, column: usize| found.sums.products.at(row, column) / total;
        let mut step = vec![0.0; size];
        // H·d, updated with each change of d.
        let mut moved = vec![0.0; size];
        for _ in 0..PASSES {
            let mut greatest: f64 = 0.0;
            for column in kept {
                let (column, own) = (*column, curvature(*column, *column));
                let at = found.coefficients[column] + step[column];
                let slope = found.sums.gradient[column] / total - moved[column];
                let next = if column == 0 {
                    at + slope / own
                } else {
                    let length = lengths[column];
                    soft(own * at + slope, l1 * length) / (own + l2 * length * length)
                };
                let change = next - at;
                if change != 0.0 {
                    step[column] += change;
                    kept.iter().for_each(|row| moved[*row] += curvature(*row, column) * change);
                    greatest = greatest.max(own * change * change);
                }
            }
            if greatest < 1e-24 {
                break;
            }
        }
        let before = objective(&found);
        if !newton.advance(&mut found, &step, objective)? {
            found.converged = true;
            break;
        }
        found.deviances.push(found.sums.deviance);
        if (before - objective(&found)).abs() <= options.tol * options.tol.max(before.abs()) {
            found.converged = true;
            break;
        }
    }
    Ok(found)
}

/// The standard deviation of each column; numbers are already scaled to 1.
fn lengths(newton: &Newton<'_>, total: f64) -> Vec<f64> {
    let mut lengths = vec![1.0; newton.columns.len()];
    for (category, levels) in newton.design.categories.iter().zip(&newton.columns.levels) {
        let mut shares = vec![0.0; category.levels];
        category.codes.iter().enumerate().for_each(|(row, code)| shares[*code as usize] += newton.design.weight(row) / total);
        for (share, column) in shares.iter().zip(levels) {
            if let Some(column) = column {
                lengths[*column as usize] = (share * (1.0 - share)).sqrt();
            }
        }
    }
    lengths
}

/// The soft-thresholding operator, which sets small values to 0.
fn soft(value: f64, threshold: f64) -> f64 {
    value.signum() * (value.abs() - threshold).max(0.0)
}
