//! Maximum likelihood: from several starts on some of the rows, and from the best of these on all.

use serde::{Deserialize, Serialize};

use super::newton::{Least, inverse, least};
use super::number::{Dual, Number};
use super::process::Likelihood;
use super::rows::{Compressed, Row};
use crate::kernels::control::{Control, Stop};

/// A parameter that was estimated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    pub name: String,
    pub value: f64,
    /// From the Hessian, by the delta method; none where the likelihood does not tell the parameters apart, or with a penalty.
    pub std_err: Option<f64>,
}

/// What maximum likelihood found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub parameters: Vec<Parameter>,
    /// Without the penalty.
    pub log_likelihood: f64,
    /// The sum of the weights.
    pub customers: f64,
    pub iterations: usize,
    /// Whether it is a maximum; where it is not, the likelihood still rises as a parameter nears 0 or grows without end.
    pub converged: bool,
}

/// How it is estimated.
#[derive(Debug, Clone, Copy, Default)]
pub struct FitOptions {
    /// The mean negative log-likelihood grows by this times the sum of the squared parameters, times over the longest age.
    pub penalizer: f64,
}

/// Rows of a part of the work: parts are added in their order, however many workers there are.
const PART: usize = 4_096;
/// The starts are tried on about this many rows.
const TRIED: usize = 4_096;
/// The most steps of a search.
const MOST: usize = 200;
/// Searches that are tried on all rows where the first does not end.
const TRIED_IN_FULL: usize = 3;

/// What a fit needs beside the rows.
pub struct Search<'a, const N: usize> {
    pub names: [&'a str; N],
    /// Values from which the search starts.
    pub starts: &'a [[f64; N]],
    /// What each parameter is divided by in the penalty.
    pub scales: [f64; N],
    pub options: FitOptions,
}

/// Fits a likelihood to rows; of no rows there is no estimate.
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
    // The best first; ties: the first tried.
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

/// A parameter whose logarithm has a standard error above 10 is not known: the likelihood still rises a little as it nears 0 or grows without end.
fn tells_parameters<const N: usize>(found: &Least<N>, weight: f64) -> bool {
    inverse(&found.at.hessian).is_some_and(|variances| (0..N).all(|place| variances[place][place] / weight < 100.0))
}

fn estimate<const N: usize>(weight: f64, search: &Search<'_, N>, best: &Least<N>, iterations: usize) -> Estimate {
    // Of the mean: the variance is of the sum.
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
    // Rows of one frequency stand together.
    for alike in rows.chunk_by(|one, other| one.frequency == other.frequency) {
        let weight: f64 = alike.iter().map(|row| row.weight).sum();
        sum = sum + L::of_rows(parameters, alike);
        sum = sum + L::of_frequency(parameters, alike[0].frequency).times(weight);
    }
    sum
}
