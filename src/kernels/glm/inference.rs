//! Standard errors, tests and intervals of the coefficients, from the curvature at the maximum.

use super::dense::{Square, eigenvalues};
use super::gram::Gram;
use super::newton::{Found, Newton};
use super::{Family, Fit, Options, Separation};
use crate::kernels::special::{normal_cdf, normal_quantile, t_cdf, t_quantile};

/// A coefficient in the units of its column.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Term {
    /// `None` for a column that is a linear combination of earlier columns.
    pub value: Option<f64>,
    /// `None` with a penalty or if the classes are separated; then the statistics derived from it are `None` too.
    pub std_err: Option<f64>,
    /// value / std_err. It is standard normal, or follows Student's t for the Gaussian family.
    pub z: Option<f64>,
    /// Two-sided p-value of the hypothesis that the coefficient is 0.
    pub p_value: Option<f64>,
    pub lower: Option<f64>,
    pub upper: Option<f64>,
    /// Variance inflation factor: 1 / (1 − R²) of the regression of this column on all others.
    pub vif: Option<f64>,
    /// True if the coefficient diverges, because the column separates the classes, or rows whose counts are all 0.
    pub is_endless: bool,
}

/// A coefficient with a standard error above this is considered divergent, in units of the score per standard deviation.
const ENDLESS: f64 = 50.0;
/// Eigenvalues are not computed for more columns than this.
const MANY: usize = 200;

/// Builds the model in the columns' own units.
pub fn of(newton: &Newton<'_>, found: &Found, plain: &Gram, kept: &[usize], options: &Options) -> Fit {
    let (family, size) = (newton.family, newton.columns.len());
    let rows = newton.weights();
    let parameters = kept.len();
    let saturated: f64 =
        newton.design.target.iter().enumerate().map(|(row, target)| newton.design.weight(row) * family.saturated(*target)).sum();
    let log_likelihood = |deviance: f64| family.log_likelihood(deviance, rows, saturated);
    let free = rows - parameters as f64;
    let variance = if family == Family::Gaussian { found.sums.deviance / free } else { 1.0 };
    let is_perfect = family == Family::Binomial && found.sums.deviance < 1e-6 * rows;

    // Scaled columns are (x − offset) · factor, so the intercept absorbs the contribution of the offsets.
    let mut own = Square::zero(size);
    for column in 0..size {
        own.set(column, column, 1.0);
    }
    for (number, (offset, factor)) in newton.columns.scales.iter().enumerate() {
        own.set(1 + number, 1 + number, *factor);
        own.set(0, 1 + number, -offset * factor);
    }
    let transformed = |values: &[f64]| -> Vec<f64> {
        (0..size).map(|row| (0..size).map(|column| own.at(row, column) * values[column]).sum()).collect()
    };
    let values = transformed(&found.coefficients);
    let inverse =
        (options.alpha == 0.0 && !is_perfect && free > 0.0).then(|| found.sums.products.part(kept).cholesky()).flatten();
    let inverse = inverse.map(|factor| spread(&factor.inverse(), kept, size));
    let scaled_errors: Vec<f64> =
        (0..size).map(|column| inverse.as_ref().map_or(0.0, |inverse| (variance * inverse.at(column, column)).sqrt())).collect();
    let is_endless =
        |column: usize| family != Family::Gaussian && scaled_errors[column] > ENDLESS && found.coefficients[column].abs() > 5.0;
    let errors = inverse.as_ref().map(|inverse| {
        // The intercept's error needs the covariances; the other errors only need rescaling.
        let of = |row: usize| -> f64 {
            if row > 0 {
                return variance * inverse.at(row, row) * own.at(row, row) * own.at(row, row);
            }
            let with = |column: usize| (0..size).map(|other| inverse.at(column, other) * own.at(0, other)).sum::<f64>();
            variance * (0..size).map(|column| own.at(0, column) * with(column)).sum::<f64>()
        };
        (0..size).map(|row| of(row).max(0.0).sqrt()).collect::<Vec<f64>>()
    });
    let two_sided = |z: f64| if family == Family::Gaussian { 2.0 * t_cdf(-z.abs(), free) } else { 2.0 * normal_cdf(-z.abs()) };
    let tail = 0.5 + options.confidence / 2.0;
    let reach = if family == Family::Gaussian { t_quantile(tail, free) } else { normal_quantile(tail) };
    let inflation = inflation(plain, kept, size);
    let term = |column: usize| -> Term {
        if !kept.contains(&column) {
            return Term::default();
        }
        let value = values[column];
        let std_err = errors.as_ref().map(|errors| errors[column]).filter(|error| *error > 0.0 && !is_endless(column));
        Term {
            value: Some(value),
            std_err,
            z: std_err.map(|error| value / error),
            p_value: std_err.map(|error| two_sided(value / error)),
            lower: std_err.map(|error| value - reach * error),
            upper: std_err.map(|error| value + reach * error),
            vif: inflation[column],
            is_endless: is_endless(column),
        }
    };
    let categories = newton.columns.levels.iter().map(|levels| {
        let reference = || Term { value: Some(0.0), ..Term::default() };
        levels.iter().map(|column| column.map_or_else(reference, |column| term(column as usize))).collect::<Vec<Term>>()
    });
    let categories: Vec<_> = categories.collect();
    let separation = match is_perfect {
        true => Separation::Perfect,
        false if (1..size).any(|column| kept.contains(&column) && is_endless(column)) => Separation::Partial,
        false => Separation::No,
    };
    Fit {
        intercept: term(0),
        numbers: (0..newton.columns.scales.len()).map(|number| term(1 + number)).collect(),
        categories,
        log_likelihood: log_likelihood(found.sums.deviance),
        null_log_likelihood: log_likelihood(plain.deviance),
        deviance: found.sums.deviance,
        null_deviance: plain.deviance,
        parameters,
        rows,
        condition_number: condition(plain, kept),
        iterations: found.deviances.clone(),
        converged: found.converged,
        separation,
    }
}

/// Expands a matrix of the kept columns to all columns, with 0 elsewhere.
fn spread(part: &Square, kept: &[usize], size: usize) -> Square {
    let mut whole = Square::zero(size);
    for (row, own) in kept.iter().enumerate() {
        for (column, other) in kept.iter().enumerate() {
            whole.set(*own, *other, part.at(row, column));
        }
    }
    whole
}

/// The products of the columns after scaling them to length 1.
fn lengthened(products: &Square) -> Square {
    let mut unit = products.clone();
    for row in 0..unit.size {
        for column in 0..unit.size {
            unit.set(row, column, products.at(row, column) / (products.at(row, row) * products.at(column, column)).sqrt());
        }
    }
    unit
}

/// The variance inflation factor of each column: its sum of squares about its mean, times its diagonal element in the inverse of
/// the products (with an intercept).
fn inflation(plain: &Gram, kept: &[usize], size: usize) -> Vec<Option<f64>> {
    let products = plain.products.part(kept);
    let mut all = vec![None; size];
    let Some(inverse) = products.cholesky().map(|factor| factor.inverse()) else { return all };
    let total = products.at(0, 0);
    for (place, column) in kept.iter().enumerate().skip(1) {
        let about_mean = products.at(place, place) - products.at(0, place) * products.at(0, place) / total;
        all[*column] = Some(about_mean * inverse.at(place, place));
    }
    all
}

fn condition(plain: &Gram, kept: &[usize]) -> Option<f64> {
    if kept.len() > MANY {
        return None;
    }
    let values = eigenvalues(&lengthened(&plain.products.part(kept)));
    let greatest = values.iter().copied().fold(0.0, f64::max);
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    (least > 0.0).then(|| (greatest / least).sqrt())
}
