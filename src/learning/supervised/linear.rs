//! Linear models: converts a table for the kernel, and the kernel's result to a model.
//!
//! A number becomes one column. A category becomes one column per value except the reference, which is the first in ascending order; rare
//! values are combined. If missing values are kept, a number gets its mean and an additional indicator column, and a category gets the
//! value "missing".

use datafusion::common::Result;
use serde::{Deserialize, Serialize};

use super::algorithm::{Contributions, Features, Fit, Learner};
use super::table::Table;
use crate::adapter::arguments::Options;
use crate::docs::{Argument, Takes};
use crate::kernels::control::Stop;
use crate::kernels::glm::{self, Design, Levels, Moments, Separation};
use crate::learning::features::Computing;
use crate::learning::model::described::{TrainingStep, Weight};
use crate::learning::model::stored::{Exact, exact};

pub use crate::kernels::glm::Family;

pub const ALPHA: Argument = Argument::optional(
    "alpha",
    Takes::Float(0.0, f64::INFINITY),
    "0",
    "strength of the penalty on the coefficients of features divided by their standard deviation, like glmnet's lambda; 0 for maximum likelihood",
);
pub const L1_RATIO: Argument = Argument::optional(
    "l1_ratio",
    Takes::Float(0.0, 1.0),
    "0",
    "share of the penalty on absolute values (lasso); the rest is on squares (ridge)",
);
pub const CONFIDENCE: Argument =
    Argument::optional("confidence", Takes::Float(0.5, 0.9999), "0.95", "confidence level of the intervals in `ml_weights`");
pub const RARE_SHARE: Argument = Argument::optional(
    "rare_share",
    Takes::Float(0.0, 0.5),
    "0.001",
    "values of a category that are rarer than this share of the rows are combined into one value",
);
pub const MAX_VALUES: Argument = Argument::optional(
    "max_values",
    Takes::Integer(2, 1000),
    "100",
    "maximum number of values of a category, the most frequent ones; the others are combined into one value",
);
pub const MAX_ITER: Argument = Argument::optional("max_iter", Takes::Integer(1, 100_000), "100", "maximum number of iterations");
pub const TOL: Argument =
    Argument::optional("tol", Takes::Float(0.0, 1.0), "1e-10", "the fit ends when the deviance changes by less than this share");

/// The options of a linear model.
#[derive(Debug, Clone)]
pub struct LinearSettings {
    pub family: Family,
    options: glm::Options,
    rare_share: f64,
    max_values: usize,
}

impl LinearSettings {
    pub fn read(family: Family, options: &Options) -> Result<Self> {
        Ok(Self {
            family,
            options: glm::Options {
                alpha: options.float(ALPHA.name)?,
                l1_ratio: options.float(L1_RATIO.name)?,
                max_iter: options.integer(MAX_ITER.name)?.unsigned_abs() as usize,
                tol: options.float(TOL.name)?,
                confidence: options.float(CONFIDENCE.name)?,
            },
            rare_share: options.float(RARE_SHARE.name)?,
            max_values: options.integer(MAX_VALUES.name)?.unsigned_abs() as usize,
        })
    }
}

/// A linear model, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Linear {
    family: Family,
    intercept: Exact,
    numbers: Vec<NumberTerm>,
    categories: Vec<CategoryTerm>,
    pub weights: Vec<Weight>,
}

/// Rows whose scores are computed together.
const BLOCK: usize = 1024;

/// The contribution of a number to the score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct NumberTerm {
    coefficient: Exact,
    /// The mean over the training rows, which replaces a missing value.
    mean: Exact,
    deviation: Exact,
    /// What a missing value contributes in addition.
    gap: Exact,
    /// The share of training rows with a missing value.
    gap_share: Exact,
}

/// The contributions of the values of a category to the score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct CategoryTerm {
    /// By position of the value.
    #[serde(with = "exact")]
    coefficients: Vec<f64>,
    /// For a missing value, and for a value that did not occur in training.
    other: Exact,
    /// The mean and the standard deviation of the contribution over the training rows.
    mean: Exact,
    deviation: Exact,
}

impl NumberTerm {
    fn score(&self, value: f64) -> f64 {
        if value.is_nan() { self.coefficient.0 * self.mean.0 + self.gap.0 } else { self.coefficient.0 * value }
    }

    /// The mean contribution over the training rows.
    fn base(&self) -> f64 {
        self.coefficient.0 * self.mean.0 + self.gap.0 * self.gap_share.0
    }
}

impl CategoryTerm {
    fn score(&self, code: u32) -> f64 {
        self.coefficients.get(code as usize).copied().unwrap_or(self.other.0)
    }
}

impl Linear {
    pub fn scores(&self, numbers: &[Vec<f64>], codes: &[Vec<u32>], rows: usize) -> Vec<f64> {
        let mut scores = vec![self.intercept.0; rows];
        // All terms of a few rows, while their scores are in the cache.
        for (block, scores) in scores.chunks_mut(BLOCK).enumerate() {
            let own = block * BLOCK..block * BLOCK + scores.len();
            for (term, column) in self.numbers.iter().zip(numbers) {
                let (coefficient, missing) = (term.coefficient.0, term.score(f64::NAN));
                for (score, value) in scores.iter_mut().zip(&column[own.clone()]) {
                    *score += if value.is_nan() { missing } else { coefficient * value };
                }
            }
            for (term, column) in self.categories.iter().zip(codes) {
                scores.iter_mut().zip(&column[own.clone()]).for_each(|(score, code)| *score += term.score(*code));
            }
        }
        scores
    }

    pub fn mean(&self, score: f64) -> f64 {
        self.family.mean(score)
    }

    pub fn contributions(&self, numbers: &[Vec<f64>], codes: &[Vec<u32>]) -> Contributions {
        let of_numbers = self.numbers.iter().zip(numbers);
        let of_numbers = of_numbers.map(|(term, column)| column.iter().map(|value| term.score(*value) - term.base()).collect());
        let of_categories = self.categories.iter().zip(codes);
        let of_categories =
            of_categories.map(|(term, column)| column.iter().map(|code| term.score(*code) - term.mean.0).collect());
        let base = self.numbers.iter().map(NumberTerm::base).chain(self.categories.iter().map(|term| term.mean.0));
        Contributions {
            base: base.fold(self.intercept.0, |sum, base| sum + base),
            by_feature: of_numbers.chain(of_categories).collect(),
        }
    }

    /// For each feature, the standard deviation of its contribution over the training rows, as a share of the total.
    pub fn gains(&self) -> Vec<(f64, u64)> {
        let numbers = self.numbers.iter().map(|term| (term.coefficient.0 * term.deviation.0).abs());
        let all: Vec<f64> = numbers.chain(self.categories.iter().map(|term| term.deviation.0)).collect();
        let sum: f64 = all.iter().sum();
        all.into_iter().map(|gain| (if sum > 0.0 { gain / sum } else { 0.0 }, 0)).collect()
    }

    pub fn is_whole(&self, numbers: usize, categories: usize) -> bool {
        self.numbers.len() == numbers && self.categories.len() == categories
    }
}

/// A categorical feature, coded for the kernel.
struct Coded {
    codes: Vec<u32>,
    /// The names of the codes.
    names: Vec<String>,
    /// The code of each original value of the feature.
    code_of: Vec<u32>,
    /// Whether all values are combined into one.
    is_pooled: bool,
    /// The code of a missing value, if any is missing.
    gap: Option<u32>,
    /// The code of a value that does not occur in these rows.
    unknown: u32,
    reference: u32,
}

/// The most names that a note lists.
const LISTED: usize = 5;

/// The name of a missing value.
const MISSING: &str = "missing";
/// The name of the combined rare values.
const OTHER: &str = "other";

impl LinearSettings {
    pub fn fit(&self, table: &Table, features: &Features, running: &Computing<'_>) -> Result<Fit, Stop> {
        let rows = table.len();
        let weights = table.weights.as_deref();
        let means: Vec<Moments> = table.numbers.iter().map(|column| Moments::of(column, weights)).collect();
        let with_gaps = means.iter().filter(|moments| moments.gaps > 0).count();
        let _reserved = running.take(rows * (2 * 8 * with_gaps + 4 * table.codes.len()))?;
        // A number with missing values becomes two columns: the values filled with the mean, and an indicator of the missing ones.
        let filled: Vec<Option<(Vec<f64>, Vec<f64>)>> = table
            .numbers
            .iter()
            .zip(&means)
            .map(|(column, moments)| {
                (moments.gaps > 0).then(|| {
                    let filled = column.iter().map(|value| if value.is_nan() { moments.mean } else { *value });
                    (filled.collect(), column.iter().map(|value| f64::from(u8::from(value.is_nan()))).collect())
                })
            })
            .collect();
        let mut numbers: Vec<&[f64]> = table
            .numbers
            .iter()
            .zip(&filled)
            .map(|(column, filled)| filled.as_ref().map_or(column.as_slice(), |(filled, _)| filled))
            .collect();
        numbers.extend(filled.iter().flatten().map(|(_, is_gap)| is_gap.as_slice()));
        let coded = table.codes.iter().zip(&features.categories).map(|(codes, (_, values))| self.coded(codes, values));
        let coded: Vec<Coded> = coded.collect();
        let levels: Vec<Levels<'_>> = coded
            .iter()
            .map(|coded| Levels { codes: &coded.codes, levels: coded.names.len(), reference: coded.reference })
            .collect();
        // Columns that are filled, or added, have moments of their own.
        let moments = numbers.iter().zip(means.iter().map(Some).chain(std::iter::repeat(None)));
        let moments = moments.map(|(column, known)| match known {
            Some(moments) if moments.gaps == 0 => *moments,
            _ => Moments::of(column, weights),
        });
        let moments: Vec<Moments> = moments.collect();
        let design = Design { numbers: &numbers, moments: &moments, categories: &levels, target: &table.target, weights };
        let control = running.worker.control(running.worker.threads);
        let mut fit = glm::fit(self.family, design, &self.options, control).map_err(|stop| running.stopped(stop))?;
        // Rates weighted by their exposures have the coefficients, errors and deviance of the counts.
        if let Some((weight, more)) = table.of_counts(|count| self.family.saturated(count)) {
            fit.rows = weight;
            fit.log_likelihood += more;
            fit.null_log_likelihood += more;
        }
        Ok(self.fitted(&fit, table, features, &means, &coded))
    }

    /// Codes the values of a category for the kernel: rare values are combined, and missing values become a value of their own.
    fn coded(&self, codes: &[u32], values: &[String]) -> Coded {
        let mut counts = vec![0_usize; values.len()];
        let mut gaps = 0;
        for code in codes {
            match counts.get_mut(*code as usize) {
                Some(count) => *count += 1,
                None => gaps += 1,
            }
        }
        let mut order: Vec<usize> = (0..values.len()).filter(|value| counts[*value] > 0).collect();
        order.sort_by_key(|value| (std::cmp::Reverse(counts[*value]), *value));
        let least = self.rare_share * codes.len() as f64;
        let is_kept = |(rank, value): (usize, &usize)| rank < self.max_values && counts[*value] as f64 >= least;
        let mut kept: Vec<usize> =
            order.iter().enumerate().filter(|(rank, value)| is_kept((*rank, value))).map(|(_, value)| *value).collect();
        kept.sort_unstable();
        let mut names: Vec<String> = kept.iter().map(|value| values[*value].clone()).collect();
        let has_other = kept.len() < order.len();
        let other = names.len() as u32;
        if has_other {
            names.push(OTHER.into());
        }
        let gap = (gaps > 0).then(|| {
            names.push(MISSING.into());
            names.len() as u32 - 1
        });
        // A value that occurs only in another fold counts as one of the combined values, or else as the reference.
        let unknown = if has_other { other } else { 0 };
        let code_of: Vec<u32> =
            (0..values.len()).map(|value| kept.binary_search(&value).map_or(unknown, |place| place as u32)).collect();
        let codes = codes.iter().map(|code| code_of.get(*code as usize).copied().or(gap).unwrap_or(unknown)).collect();
        Coded { codes, names, code_of, is_pooled: kept.is_empty() && order.len() > 1, gap, unknown, reference: 0 }
    }

    /// Converts the kernel's fit to a model.
    fn fitted(&self, fit: &glm::Fit, table: &Table, features: &Features, means: &[Moments], coded: &[Coded]) -> Fit {
        let value = |term: &glm::Term| term.value.unwrap_or(0.0);
        let (terms, gap_terms) = fit.numbers.split_at(table.numbers.len());
        let mut weights = vec![self.weight("intercept".into(), None, None, &fit.intercept)];
        let (mut numbers, mut gap_terms) = (vec![], gap_terms.iter());
        for ((name, term), moments) in features.numbers.iter().zip(terms).zip(means) {
            weights.push(self.weight(name.clone(), Some(name), None, term));
            let gap_term = if moments.gaps > 0 { gap_terms.next() } else { None };
            weights.extend(gap_term.map(|term| self.weight(format!("{name} = {MISSING}"), Some(name), Some(MISSING), term)));
            numbers.push(NumberTerm {
                coefficient: Exact(value(term)),
                mean: Exact(moments.mean),
                deviation: Exact(moments.deviation),
                gap: Exact(gap_term.map_or(0.0, value)),
                gap_share: Exact(moments.gap_share),
            });
        }
        let mut categories = vec![];
        for (((name, _), terms), coded) in features.categories.iter().zip(&fit.categories).zip(coded) {
            for ((code, level), term) in (0..).zip(&coded.names).zip(terms) {
                if code != coded.reference {
                    weights.push(self.weight(format!("{name} = {level}"), Some(name), Some(level), term));
                }
            }
            let of_code = |code: u32| terms.get(code as usize).map_or(0.0, value);
            let added: Vec<f64> = coded.codes.iter().map(|code| of_code(*code)).collect();
            let moments = Moments::of(&added, table.weights.as_deref());
            categories.push(CategoryTerm {
                coefficients: coded.code_of.iter().map(|code| of_code(*code)).collect(),
                other: Exact(of_code(coded.gap.unwrap_or(coded.unknown))),
                mean: Exact(moments.mean),
                deviation: Exact(moments.deviation),
            });
        }
        let linear = Linear { family: self.family, intercept: Exact(value(&fit.intercept)), numbers, categories, weights };
        let step = |(number, deviance): (u64, &f64)| TrainingStep {
            step: "iteration".into(),
            number,
            detail: String::new(),
            measure: "deviance".into(),
            value: Exact(*deviance),
        };
        let steps = (1..).zip(&fit.iterations).map(step).collect();
        let explained = 1.0 - fit.deviance / fit.null_deviance;
        let pseudo = if self.family == Family::Gaussian { explained } else { 1.0 - fit.log_likelihood / fit.null_log_likelihood };
        let metrics = vec![
            ("log_likelihood", Some(fit.log_likelihood)),
            ("null_log_likelihood", Some(fit.null_log_likelihood)),
            ("deviance", Some(fit.deviance)),
            ("null_deviance", Some(fit.null_deviance)),
            ("aic", Some(fit.aic())),
            ("bic", Some(fit.bic())),
            (if self.family == Family::Gaussian { "training_r2" } else { "pseudo_r2" }, Some(pseudo)),
            ("condition_number", fit.condition_number),
            ("iterations", Some(fit.iterations.len() as f64)),
        ];
        let mut notes = self.notes(fit, &linear, table.len());
        for ((name, _), coded) in features.categories.iter().zip(coded).filter(|(_, coded)| coded.is_pooled) {
            notes.push(format!(
                "no coefficient for {name}: each of its {} values is rarer than rare_share = {}; group the values, or give a smaller share",
                coded.code_of.len(),
                self.rare_share
            ));
        }
        Fit { learner: Learner::Linear(linear), steps, metrics, notes }
    }

    /// The notes for the user about a fit.
    fn notes(&self, fit: &glm::Fit, linear: &Linear, rows: usize) -> Vec<String> {
        let mut notes = vec![];
        let named = |names: Vec<&str>| {
            let more = if names.len() > LISTED { ", …" } else { "" };
            names.iter().take(LISTED).copied().collect::<Vec<_>>().join(", ") + more
        };
        let without: Vec<&str> =
            linear.weights.iter().filter(|weight| weight.value.is_none()).map(|weight| weight.name.as_str()).collect();
        if fit.parameters >= rows {
            notes.push(format!("{} coefficients are estimated from {rows} rows, so standard errors cannot be computed; give more rows, fewer features or a penalty (alpha)", fit.parameters));
        }
        if !without.is_empty() {
            notes.push(format!("no coefficient for {}: constant, or a combination of earlier features", named(without)));
        }
        match fit.separation {
            Separation::No => {}
            Separation::Perfect => notes.push(
                "the features tell the classes apart without error: coefficients have no finite best value, and no errors; look for a leak, or give a penalty (alpha)".into(),
            ),
            Separation::Partial => {
                let endless = linear.weights.iter().skip(1).filter(|weight| weight.value.is_some() && weight.std_err.is_none());
                let names = named(endless.map(|weight| weight.name.as_str()).collect());
                notes.push(if self.family == Family::Poisson {
                    format!("{names}: all counts there, or in the reference value, are 0, so the coefficient has no finite optimum and no standard error; give a penalty (alpha), or leave it out")
                } else {
                    format!("{names}: all rows there belong to one class, so the coefficient has no finite optimum and no standard error; give a penalty (alpha), or leave it out")
                });
            }
        }
        if !fit.converged && fit.iterations.len() < self.options.max_iter {
            notes.push(format!(
                "the fit stopped after {} iterations: these rows do not determine all coefficients; give more rows, fewer features or a penalty (alpha)",
                fit.iterations.len()
            ));
        } else if !fit.converged {
            notes.push(format!(
                "the fit did not converge within max_iter = {} iterations; allow more, or give a penalty (alpha)",
                self.options.max_iter
            ));
        }
        notes
    }

    fn weight(&self, name: String, feature: Option<&str>, category: Option<&str>, term: &glm::Term) -> Weight {
        let exact = |value: Option<f64>| value.map(Exact);
        Weight {
            name,
            feature: feature.map(str::to_string),
            category: category.map(str::to_string),
            value: exact(term.value),
            std_err: exact(term.std_err),
            z: exact(term.z),
            p_value: exact(term.p_value),
            ci_lower: exact(term.lower),
            ci_upper: exact(term.upper),
            ratio: if self.family == Family::Gaussian { None } else { exact(term.value.map(libm::exp)) },
            vif: exact(term.vif),
        }
    }
}
