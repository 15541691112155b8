//! Maximum likelihood: searches from several starts on a subset of the rows, and from the best results on all rows.

use serde::{Deserialize, Serialize};

use super::newton::{Least, inverse, least};
use super::number::{Dual, Number};
use super::process::Likelihood;
use super::rows::{Compressed, Row};
use crate::kernels::control::{Control, Stop};

/// An estimated parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    pub name: String,
    pub value: f64,
    /// Standard error from the Hessian, by the delta method. `None` if the likelihood does not identify the parameters, or with a
    /// penalty.
    pub std_err: Option<f64>,
}

/// The result of maximum likelihood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub parameters: Vec<Parameter>,
    /// The log-likelihood without the penalty.
    pub log_likelihood: f64,
    /// The sum of the weights.
    pub customers: f64,
    pub iterations: usize,
    /// True if it is a maximum. Otherwise the likelihood still rises as some parameter goes to 0 or infinity.
    pub converged: bool,
}

/// Options of the fit.
#[derive(Debug, Clone, Copy, Default)]
pub struct FitOptions {
    /// Penalty added to the mean negative log-likelihood: this times the sum of the squared parameters. Parameters in units of time
    /// are first divided by the longest age.
    pub penalizer: f64,
}

/// Rows per job. The sums of jobs are added in order, so that the result does not depend on the number of workers.
const PART: usize = 4_096;
/// Approximate number of rows on which the starts are tried.
const TRIED: usize = 4_096;
/// Maximum number of iterations of a search.
const MOST: usize = 200;
/// Maximum number of searches on all rows; further ones are only tried if the earlier ones did not converge.
const TRIED_IN_FULL: usize = 3;

/// The inputs of a fit other than the rows.
pub struct Search<'a, const N: usize> {
    pub names: [&'a str; N],
    /// Initial values of the parameters, one array per search.
    pub starts: &'a [[f64; N]],
    /// The divisor of each parameter in the penalty.
    pub scales: [f64; N],
    pub options: FitOptions,
}

/// Fits a likelihood to the rows; `None` if there are no rows.
pub fn fit<const N: usize, L: Likelihood<N>>(
    control: &Control<'_>,
    rows: &Compressed<'_>,
    search: &Search<'_, N>,
) -> Result<Option<Estimate>, Stop> {
    if rows.rows.is_empty() {
        return Ok(None);
    }
    let stride = rows.rows.len().div_ceil(TRIED);
    let few: Vec<Row> = rows.rows.iter().step_by(stride).copied().collect();
    let weight: f64 = few.iter().map(|row| row.weight).sum();
    let mut tried: Vec<Least<N>> = vec![];
    for start in search.starts {
        let objective = |logs: &[f64; N]| objective::<N, L>(control, &few, weight, search, logs);
        tried.push(least(start.map(libm::log), MOST, objective)?);
    }
    // The best first. The sort is stable, so the first start wins ties.
    tried.sort_by(|one, other| {
        (!one.at.value.is_finite(), one.at.value)
            .partial_cmp(&(!other.at.value.is_finite(), other.at.value))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    let mut best: Option<Least<N>> = None;
    let mut iterations = 0;
    for start in tried.iter().take(TRIED_IN_FULL) {
        let mut found = if stride == 1 {
            *start
        } else {
            least(start.logs, MOST, |logs| objective::<N, L>(control, &rows.rows, rows.weight, search, logs))?
        };
        iterations += found.iterations;
        found.converged = found.converged && tells_parameters(&found, rows.weight);
        let better = best.is_none_or(|best| (found.converged, -found.at.value) > (best.converged, -best.at.value));
        if better {
            best = Some(found);
        }
        if found.converged {
            break;
        }
    }
    Ok(best.map(|best| estimate(rows.weight, search, &best, iterations)))
}

/// True if the likelihood identifies all parameters. If the logarithm of one has a standard error of 10 or more, the likelihood is
/// almost flat: it still rises a little as the parameter goes to 0 or infinity.
fn tells_parameters<const N: usize>(found: &Least<N>, weight: f64) -> bool {
    inverse(&found.at.hessian).is_some_and(|variances| (0..N).all(|place| variances[place][place] / weight < 100.0))
}

fn estimate<const N: usize>(weight: f64, search: &Search<'_, N>, best: &Least<N>, iterations: usize) -> Estimate {
    // The Hessian is that of the mean negative log-likelihood; dividing by the weight below gives the variances for the sum.
    let variances = inverse(&best.at.hessian).filter(|_| best.converged && search.options.penalizer == 0.0);
    let parameters = search.names.iter().enumerate().map(|(place, name)| {
        let value = libm::exp(best.logs[place]);
        let std_err = variances.map(|variances| value * (variances[place][place] / weight).sqrt());
        Parameter { name: (*name).to_string(), value, std_err }
    });
    let penalty = penalty(search, &best.logs).value;
    Estimate {
        parameters: parameters.collect(),
        log_likelihood: -(best.at.value - penalty) * weight,
        customers: weight,
        iterations,
        converged: best.converged,
    }
}

fn penalty<const N: usize>(search: &Search<'_, N>, logs: &[f64; N]) -> Dual<N> {
    let mut sum = Dual::of(0.0);
    if search.options.penalizer > 0.0 {
        for (place, (log, scale)) in logs.iter().zip(&search.scales).enumerate() {
            let scaled = Dual::parameter(place, *log).times(1.0 / scale);
            sum = sum + scaled * scaled;
        }
    }
    sum.times(search.options.penalizer)
}

/// The mean negative log-likelihood of the rows, with the penalty.
fn objective<const N: usize, L: Likelihood<N>>(
    control: &Control<'_>,
    rows: &[Row],
    weight: f64,
    search: &Search<'_, N>,
    logs: &[f64; N],
) -> Result<Dual<N>, Stop> {
    let parameters: [Dual<N>; N] = std::array::from_fn(|place| Dual::parameter(place, logs[place]));
    let parts = rows.len().div_ceil(PART);
    let done = control.share(parts, Vec::new, |sums: &mut Vec<(usize, Dual<N>)>, part| {
        let rows = &rows[part * PART..((part + 1) * PART).min(rows.len())];
        sums.push((part, sum_of::<N, L>(&parameters, rows)));
        Ok(())
    })?;
    let mut sums: Vec<(usize, Dual<N>)> = done.into_iter().flatten().collect();
    sums.sort_unstable_by_key(|(part, _)| *part);
    let sum = sums.into_iter().fold(Dual::of(0.0), |sum, (_, part)| sum + part);
    Ok(sum.times(-1.0 / weight) + penalty(search, logs))
}

fn sum_of<const N: usize, L: Likelihood<N>>(parameters: &[Dual<N>; N], rows: &[Row]) -> Dual<N> {
    let mut sum = Dual::of(0.0);
    // Rows are sorted, so rows with the same frequency are adjacent.
    for alike in rows.chunk_by(|one, other| one.frequency == other.frequency) {
        let weight: f64 = alike.iter().map(|row| row.weight).sum();
        sum = sum + L::of_rows(parameters, alike);
        sum = sum + L::of_frequency(parameters, alike[0].frequency).times(weight);
    }
    sum
}
