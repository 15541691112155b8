//! Finds the minimum of a smooth function of a few parameters, by Newton's method with a damped Hessian.

use super::number::Dual;
use crate::kernels::control::Stop;

/// The minimum that was found.
#[derive(Debug, Clone, Copy)]
pub struct Least<const N: usize> {
    /// The logarithms of the parameters.
    pub logs: [f64; N],
    /// The value there, with its derivatives.
    pub at: Dual<N>,
    pub iterations: usize,
    /// True if it is a proper minimum: the gradient vanishes, the Hessian is positive definite, and no parameter is at its bound.
    pub converged: bool,
}

/// Parameters are kept between e⁻³⁰ and e³⁰.
const FARTHEST: f64 = 30.0;
/// Maximum change of a logarithm in one step.
const LONGEST: f64 = 3.0;

/// Minimises `function` from the start, in at most `most` iterations.
pub fn least<const N: usize>(
    start: [f64; N],
    most: usize,
    mut function: impl FnMut(&[f64; N]) -> Result<Dual<N>, Stop>,
) -> Result<Least<N>, Stop> {
    let mut logs = start;
    let mut at = function(&logs)?;
    let mut damping = 0.0;
    let mut iterations = 0;
    while iterations < most && at.value.is_finite() {
        iterations += 1;
        let Some((step, used)) = downhill(&at, damping) else { break };
        damping = used;
        let descent: f64 = step.iter().zip(at.gradient).map(|(step, slope)| step * slope).sum();
        if descent.abs() <= 1e-15 * (1.0 + at.value.abs()) && damping <= 1e-8 {
            // Try a last step, and keep it only if rounding does not make it worse.
            let last = moved(&logs, &step);
            let there = function(&last)?;
            if there.value <= at.value {
                (logs, at) = (last, there);
            }
            break;
        }
        let next = moved(&logs, &step);
        let there = function(&next)?;
        if there.value.is_finite() && there.value <= at.value + 1e-4 * descent + 1e-15 * at.value.abs() {
            let gained = at.value - there.value;
            (logs, at) = (next, there);
            damping = if damping < 1e-10 { 0.0 } else { damping / 10.0 };
            // Far out, on a slope that flattens for ever, there is nothing more to gain.
            if gained <= 1e-15 * at.value.abs() && damping > 0.0 && descent.abs() < 1e-12 {
                break;
            }
        } else {
            damping = (damping * 10.0).max(1e-4);
            if damping > 1e12 {
                break;
            }
        }
    }
    let flat = at.gradient.iter().all(|slope| slope.abs() < 1e-6);
    let inside = logs.iter().all(|log| log.abs() < FARTHEST - 1e-9);
    let converged = at.value.is_finite() && flat && inside && inverse(&at.hessian).is_some();
    Ok(Least { logs, at, iterations, converged })
}

fn moved<const N: usize>(logs: &[f64; N], step: &[f64; N]) -> [f64; N] {
    std::array::from_fn(|i| (logs[i] + step[i]).clamp(-FARTHEST, FARTHEST))
}

/// A descent step, and the damping that was needed to make the Hessian positive definite.
fn downhill<const N: usize>(at: &Dual<N>, damping: f64) -> Option<([f64; N], f64)> {
    let mut damping = damping;
    for _ in 0..40 {
        let mut hessian = at.hessian;
        for (i, row) in hessian.iter_mut().enumerate() {
            row[i] += damping * (1.0 + row[i].abs());
        }
        if let Some(factor) = cholesky(&hessian) {
            let mut step = solve(&factor, &at.gradient).map(|value| -value);
            let longest = step.iter().fold(0.0, |longest: f64, part| longest.max(part.abs()));
            if longest > LONGEST {
                step = step.map(|part| part * (LONGEST / longest));
            }
            return step.iter().all(|part| part.is_finite()).then_some((step, damping));
        }
        damping = (damping * 10.0).max(1e-6);
    }
    None
}

/// The lower Cholesky factor of the matrix; `None` if the matrix is not positive definite.
pub fn cholesky<const N: usize>(matrix: &[[f64; N]; N]) -> Option<[[f64; N]; N]> {
    let mut factor = [[0.0; N]; N];
    for i in 0..N {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| factor[i][k] * factor[j][k]).sum();
            let rest = matrix[i][j] - known;
            if i == j {
                if rest.is_nan() || rest <= 1e-14 * matrix[i][i].abs() {
                    return None;
                }
                factor[i][i] = rest.sqrt();
            } else {
                factor[i][j] = rest / factor[j][j];
            }
        }
    }
    Some(factor)
}

fn solve<const N: usize>(factor: &[[f64; N]; N], right: &[f64; N]) -> [f64; N] {
    let mut solution = *right;
    for i in 0..N {
        let known: f64 = (0..i).map(|k| factor[i][k] * solution[k]).sum();
        solution[i] = (solution[i] - known) / factor[i][i];
    }
    for i in (0..N).rev() {
        let known: f64 = (i + 1..N).map(|k| factor[k][i] * solution[k]).sum();
        solution[i] = (solution[i] - known) / factor[i][i];
    }
    solution
}

/// The inverse of a positive definite matrix; `None` if it is not positive definite.
pub fn inverse<const N: usize>(matrix: &[[f64; N]; N]) -> Option<[[f64; N]; N]> {
    let factor = cholesky(matrix)?;
    let mut inverse = [[0.0; N]; N];
    for (i, column) in inverse.iter_mut().enumerate() {
        let mut unit = [0.0; N];
        unit[i] = 1.0;
        *column = solve(&factor, &unit);
    }
    Some(inverse)
}
