//! Cox's proportional hazards model, fitted by Newton's method on the partial likelihood.

use serde::{Deserialize, Serialize};

use super::dense::{cholesky, inverse, solve};
use crate::kernels::control::{Control, Stop};
use crate::kernels::special::{chi2_upper, normal_cdf, normal_quantile};

/// How the partial likelihood treats several events at the same duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ties {
    #[default]
    Efron,
    Breslow,
}

/// How the model is fitted.
#[derive(Debug, Clone, Copy)]
pub struct CoxOptions {
    pub ties: Ties,
    /// Penalty: half of this times the sum of the squared coefficients of standardised features is subtracted from the mean
    /// log-likelihood.
    pub penalizer: f64,
    pub confidence: f64,
}

impl Default for CoxOptions {
    fn default() -> Self {
        Self { ties: Ties::Efron, penalizer: 0.0, confidence: 0.95 }
    }
}

/// A coefficient and its statistics. Values that would not be finite are `None`: the information matrix may be singular, or a ratio
/// too large.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Term {
    pub coefficient: f64,
    pub std_err: Option<f64>,
    pub z: Option<f64>,
    pub p_value: Option<f64>,
    pub lower: Option<f64>,
    pub upper: Option<f64>,
    /// exp(coefficient): the factor by which the hazard changes if the feature increases by 1.
    pub hazard_ratio: Option<f64>,
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoxModel {
    pub terms: Vec<Term>,
    /// The means of the features; the baseline is that of a row with these features.
    pub means: Vec<f64>,
    /// Durations with an event, ascending, and the cumulative baseline hazard up to each.
    pub baseline: Vec<(f64, f64)>,
    pub rows: u64,
    pub events: u64,
    pub log_likelihood: f64,
    /// The log-likelihood without any feature.
    pub log_likelihood_null: f64,
    /// Likelihood ratio statistic of the test that no feature matters.
    pub likelihood_ratio: f64,
    pub likelihood_ratio_p_value: f64,
    /// Among pairs with a known order, the share in which the row with the higher risk has the event first; ties of risk count half.
    pub concordance: Option<f64>,
    pub iterations: usize,
    pub converged: bool,
}

/// The model, or the reason why there is none.
#[derive(Debug, Clone, PartialEq)]
pub enum Cox {
    Fitted(Box<CoxModel>),
    /// No row has the event.
    NoEvents,
    /// This feature is constant, or a linear combination of the features before it.
    Redundant(usize),
}

const MOST: usize = 100;
/// Smaller changes of a log-likelihood, relative to it, may be due to rounding.
const NOISE: f64 = 1e-12;
const PART: usize = 2_048;

struct Sorted {
    /// Row numbers by descending duration; among equal durations, rows with the event come first.
    order: Vec<u32>,
    /// Standardised features of the rows in this order, row-major.
    features: Vec<f64>,
    duration: Vec<f64>,
    event: Vec<bool>,
    /// How much each row counts.
    weight: Vec<f64>,
    width: usize,
}

/// Fits the model to columns of features. Durations are finite and 0 or more; features are finite; weights are above 0, and all 1 if there
/// are none. The caller puts the rows into a canonical order, because sums of doubles depend on it.
pub fn fit_cox(
    control: &Control<'_>,
    features: &[Vec<f64>],
    duration: &[f64],
    event: &[bool],
    weights: Option<&[f64]>,
    options: CoxOptions,
) -> Result<Cox, Stop> {
    let (rows, width) = (duration.len(), features.len());
    let places = u32::try_from(rows).map_err(|_| Stop::TooLarge)?;
    let _memory = control.reserve(rows * (width * 8 + 8 + 8 + 1 + 4 + 16))?;
    if !event.iter().any(|event| *event) {
        return Ok(Cox::NoEvents);
    }
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let total: f64 = (0..rows).map(weight).sum();
    let (mut means, mut scales) = (vec![], vec![]);
    for (place, feature) in features.iter().enumerate() {
        let each = || feature.iter().enumerate();
        let mean = each().map(|(row, value)| weight(row) * value).sum::<f64>() / total;
        let scale = (each().map(|(row, value)| weight(row) * (value - mean) * (value - mean)).sum::<f64>() / total).sqrt();
        if scale.is_nan() || scale <= 1e-12 * mean.abs().max(f64::MIN_POSITIVE) {
            return Ok(Cox::Redundant(place));
        }
        means.push(mean);
        scales.push(scale);
    }
    let mut order: Vec<u32> = (0..places).collect();
    order.sort_by(|one, other| {
        let (one, other) = (*one as usize, *other as usize);
        duration[other].total_cmp(&duration[one]).then(event[other].cmp(&event[one]))
    });
    let mut sorted =
        Sorted { order, features: Vec::with_capacity(rows * width), duration: vec![], event: vec![], weight: vec![], width };
    for row in &sorted.order {
        let row = *row as usize;
        sorted.features.extend((0..width).map(|place| (features[place][row] - means[place]) / scales[place]));
        sorted.duration.push(duration[row]);
        sorted.event.push(event[row]);
        sorted.weight.push(weight(row));
    }
    search(control, &sorted, &means, &scales, options)
}

/// The log partial likelihood with its gradient and its information matrix, the negative Hessian.
struct Likelihood {
    value: f64,
    gradient: Vec<f64>,
    information: Vec<f64>,
}

fn search(control: &Control<'_>, sorted: &Sorted, means: &[f64], scales: &[f64], options: CoxOptions) -> Result<Cox, Stop> {
    let (rows, width) = (sorted.duration.len(), sorted.width);
    let penalty = options.penalizer * sorted.weight.iter().sum::<f64>();
    let evaluate = |beta: &[f64]| -> Result<Likelihood, Stop> {
        let mut at = likelihood(control, sorted, beta, options.ties)?;
        for (place, value) in beta.iter().enumerate() {
            at.value -= 0.5 * penalty * value * value;
            at.gradient[place] -= penalty * value;
            at.information[place * width + place] += penalty;
        }
        Ok(at)
    };
    let mut beta = vec![0.0; width];
    let mut at = evaluate(&beta)?;
    let without = at.value;
    let (mut iterations, mut converged) = (0, width == 0);
    while width > 0 && iterations < MOST {
        iterations += 1;
        let factor = match cholesky(&at.information, width) {
            Ok(factor) => factor,
            Err(place) if iterations == 1 => return Ok(Cox::Redundant(place)),
            Err(_) => break,
        };
        let step = solve(&factor, width, &at.gradient);
        let decrement: f64 = step.iter().zip(&at.gradient).map(|(step, slope)| step * slope).sum();
        let Some(better) = shortened(evaluate, &beta, &step, at.value)? else {
            converged = decrement < NOISE * (1.0 + at.value.abs());
            break;
        };
        (beta, at) = better;
        if decrement < 1e-14 * (1.0 + at.value.abs()) {
            converged = true;
            break;
        }
        // A hazard ratio of e^30 per standard deviation: the feature separates the rows with the event, and the coefficient would
        // grow for ever.
        if beta.iter().any(|value| value.abs() > 30.0) {
            break;
        }
    }
    let variances = cholesky(&at.information, width).map(|factor| inverse(&factor, width)).ok();
    let z = normal_quantile(0.5 + options.confidence / 2.0);
    let terms = (0..width).map(|place| {
        let coefficient = beta[place] / scales[place];
        let std_err =
            variances.as_ref().map(|all| all[place * width + place].sqrt() / scales[place]).filter(|error| error.is_finite());
        let score = std_err.map(|error| coefficient / error);
        Term {
            coefficient,
            std_err,
            z: score,
            p_value: score.map(|score| 2.0 * normal_cdf(-score.abs())),
            lower: std_err.map(|error| coefficient - z * error),
            upper: std_err.map(|error| coefficient + z * error),
            hazard_ratio: Some(libm::exp(coefficient)).filter(|ratio| ratio.is_finite()),
        }
    });
    let terms: Vec<Term> = terms.collect();
    let risks: Vec<f64> = (0..rows).map(|row| score(sorted, row, &beta)).collect();
    let own = likelihood(control, sorted, &beta, options.ties)?.value;
    let ratio = (2.0 * (own - without)).max(0.0);
    Ok(Cox::Fitted(Box::new(CoxModel {
        terms,
        means: means.to_vec(),
        baseline: baseline(sorted, &risks),
        rows: rows as u64,
        events: sorted.event.iter().filter(|event| **event).count() as u64,
        log_likelihood: own,
        log_likelihood_null: without,
        likelihood_ratio: ratio,
        likelihood_ratio_p_value: chi2_upper(ratio, width as f64),
        concordance: concordance(control, sorted, &risks)?,
        iterations,
        converged,
    })))
}

/// Halves a step until the likelihood does not fall from this value. `None` if it falls, or is not a number, however short the step is.
fn shortened(
    evaluate: impl Fn(&[f64]) -> Result<Likelihood, Stop>,
    beta: &[f64],
    step: &[f64],
    value: f64,
) -> Result<Option<(Vec<f64>, Likelihood)>, Stop> {
    let mut share = 1.0;
    while share > 1e-6 {
        let next: Vec<f64> = beta.iter().zip(step).map(|(value, step)| value + share * step).collect();
        let there = evaluate(&next)?;
        if there.value.is_finite() && there.value >= value - NOISE * value.abs() {
            return Ok(Some((next, there)));
        }
        share /= 2.0;
    }
    Ok(None)
}

fn score(sorted: &Sorted, row: usize, beta: &[f64]) -> f64 {
    let features = &sorted.features[row * sorted.width..(row + 1) * sorted.width];
    features.iter().zip(beta).map(|(feature, beta)| feature * beta).sum()
}

fn likelihood(control: &Control<'_>, sorted: &Sorted, beta: &[f64], ties: Ties) -> Result<Likelihood, Stop> {
    let (rows, width) = (sorted.duration.len(), sorted.width);
    let mut result = Likelihood { value: 0.0, gradient: vec![0.0; width], information: vec![0.0; width * width] };
    // Rows are visited by descending duration, so the risk set only grows.
    let mut risk = Moments::new(width);
    let mut row = 0;
    let mut checked = 0;
    while row < rows {
        if row >= checked + PART {
            control.check()?;
            checked = row;
        }
        let duration = sorted.duration[row];
        let mut dying = Moments::new(width);
        let (mut count, mut of_events) = (0_u32, 0.0_f64);
        while row < rows && sorted.duration[row] == duration {
            let features = &sorted.features[row * width..(row + 1) * width];
            let log = score(sorted, row, beta);
            let own = sorted.weight[row];
            let weight = own * libm::exp(log);
            risk.add(features, weight);
            if sorted.event[row] {
                dying.add(features, weight);
                count += 1;
                of_events += own;
                result.value += own * log;
                for (gradient, feature) in result.gradient.iter_mut().zip(features) {
                    *gradient += own * feature;
                }
            }
            row += 1;
        }
        // Each of the tied events counts with their mean weight, as in R's coxph.
        let each = of_events / f64::from(count.max(1));
        for number in 0..count {
            // Efron: tied events leave the risk set one after another, in an average order.
            let share = if ties == Ties::Efron { f64::from(number) / f64::from(count) } else { 0.0 };
            let all = risk.all - share * dying.all;
            result.value -= each * libm::log(all);
            for i in 0..width {
                let mean = (risk.first[i] - share * dying.first[i]) / all;
                result.gradient[i] -= each * mean;
                for j in 0..=i {
                    let other = (risk.first[j] - share * dying.first[j]) / all;
                    let second = (risk.second[i * width + j] - share * dying.second[i * width + j]) / all;
                    result.information[i * width + j] += each * (second - mean * other);
                }
            }
        }
    }
    for i in 0..width {
        for j in i + 1..width {
            result.information[i * width + j] = result.information[j * width + i];
        }
    }
    Ok(result)
}

/// Sums over rows of 1, the features and their products, weighted by risk.
struct Moments {
    all: f64,
    first: Vec<f64>,
    /// The lower triangle.
    second: Vec<f64>,
}

impl Moments {
    fn new(width: usize) -> Self {
        Self { all: 0.0, first: vec![0.0; width], second: vec![0.0; width * width] }
    }

    fn add(&mut self, features: &[f64], weight: f64) {
        let width = features.len();
        self.all += weight;
        for (i, feature) in features.iter().enumerate() {
            let weighted = weight * feature;
            self.first[i] += weighted;
            for (sum, other) in self.second[i * width..=i * width + i].iter_mut().zip(features) {
                *sum += weighted * other;
            }
        }
    }
}

/// Breslow's estimate of the cumulative hazard of a row whose features are the means.
fn baseline(sorted: &Sorted, risks: &[f64]) -> Vec<(f64, f64)> {
    let mut steps = vec![];
    let (mut all, mut row) = (0.0, 0);
    while row < risks.len() {
        let duration = sorted.duration[row];
        let mut events = 0.0;
        while row < risks.len() && sorted.duration[row] == duration {
            all += sorted.weight[row] * libm::exp(risks[row]);
            if sorted.event[row] {
                events += sorted.weight[row];
            }
            row += 1;
        }
        if events > 0.0 {
            steps.push((duration, events / all));
        }
    }
    steps.reverse();
    let mut sum = 0.0;
    for (_, hazard) in &mut steps {
        sum += *hazard;
        *hazard = sum;
    }
    steps
}

/// Harrell's concordance index, counted with a Fenwick tree over the ranks of the risks.
fn concordance(control: &Control<'_>, sorted: &Sorted, risks: &[f64]) -> Result<Option<f64>, Stop> {
    let rows = risks.len();
    let _memory = control.reserve(rows * 24)?;
    let mut levels: Vec<f64> = risks.to_vec();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let rank = |risk: f64| levels.partition_point(|level| *level < risk);
    let mut tree = vec![0_u64; levels.len() + 1];
    let below = |tree: &[u64], mut place: usize| {
        let mut sum = 0;
        while place > 0 {
            sum += tree[place];
            place &= place - 1;
        }
        sum
    };
    let (mut pairs, mut right, mut tied, mut seen) = (0_u64, 0_u64, 0_u64, 0_u64);
    let mut row = 0;
    while row < rows {
        control.check()?;
        let duration = sorted.duration[row];
        let start = row;
        while row < rows && sorted.duration[row] == duration {
            row += 1;
        }
        let add = |tree: &mut [u64], at: usize| {
            let mut place = rank(risks[at]) + 1;
            while place < tree.len() {
                tree[place] += 1;
                place += place & place.wrapping_neg();
            }
        };
        // Rows are visited by descending duration, so the tree holds the rows that outlived the current ones. Rows censored at this
        // duration outlived the events at it.
        for at in (start..row).filter(|at| !sorted.event[*at]) {
            add(&mut tree, at);
            seen += 1;
        }
        for at in (start..row).filter(|at| sorted.event[*at]) {
            let place = rank(risks[at]);
            let (less, not_more) = (below(&tree, place), below(&tree, place + 1));
            pairs += seen;
            right += less;
            tied += not_more - less;
        }
        for at in (start..row).filter(|at| sorted.event[*at]) {
            add(&mut tree, at);
            seen += 1;
        }
    }
    Ok((pairs > 0).then(|| (right as f64 + 0.5 * tied as f64) / pairs as f64))
}

impl CoxModel {
    /// The logarithm of a row's risk relative to a row whose features are the means.
    pub fn log_risk(&self, features: &[f64]) -> f64 {
        let terms = self.terms.iter().zip(&self.means).zip(features);
        terms.map(|((term, mean), feature)| term.coefficient * (feature - mean)).sum()
    }

    /// The probability that a row with this log risk survives longer than a duration.
    pub fn survival(&self, log_risk: f64, duration: f64) -> f64 {
        let place = self.baseline.partition_point(|(at, _)| *at <= duration);
        let hazard = if place == 0 { 0.0 } else { self.baseline[place - 1].1 };
        libm::exp(-hazard * libm::exp(log_risk))
    }

    /// The median duration of a row with this log risk: the first one that it survives with a probability of at most one half.
    /// `None` if the survival does not fall that far.
    pub fn median(&self, log_risk: f64) -> Option<f64> {
        let wanted = std::f64::consts::LN_2 / libm::exp(log_risk);
        self.baseline.iter().find(|(_, hazard)| *hazard >= wanted).map(|(duration, _)| *duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_shortened_and_never_lead_down() {
        let along = |value: fn(f64) -> f64| {
            let evaluate = |beta: &[f64]| Ok(Likelihood { value: value(beta[0]), gradient: vec![], information: vec![] });
            shortened(evaluate, &[0.0], &[8.0], value(0.0)).unwrap().map(|(beta, there)| (beta[0], there.value))
        };
        assert_eq!(along(|beta| -(beta - 1.0) * (beta - 1.0)), Some((2.0, -1.0)));
        assert_eq!(along(|beta| -1.0 - beta), None);
        assert_eq!(along(|beta| if beta > 0.0 { f64::NAN } else { -1.0 }), None);
        assert_eq!(along(|beta| if beta > 3.0 { f64::INFINITY } else { beta - 1.0 }), Some((2.0, 1.0)));
    }
}
