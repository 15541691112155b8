//! Models of the time until an event: Cox's proportional hazards.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::described::Weight;
use super::model_type::{Fitted, Learned, ModelType};
use super::stored::{Exact, StoredForm, TrainedFeature};
use crate::adapter::arguments::Options;
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::invalid;
use crate::kernels::control::Stop;
use crate::kernels::survival::{Cox, CoxModel, CoxOptions, Ties, fit_cox};
use crate::learning::features::{ALL_FEATURES, Computing, KEY_OF_ROWS, Kind as FeatureKind, MISSING, Rows, WEIGHT};
use crate::learning::supervised::table::order;

/// The type `cox`.
#[derive(Debug)]
pub struct CoxType;

/// The matrix of second derivatives grows with the square of the coefficients, and the work with the cube.
const MOST_COEFFICIENTS: usize = 1000;

const DURATION: Argument =
    Argument::required("duration", Takes::Number, "column with the time that a row was observed; 0 or more");
const EVENT: Argument = Argument::required(
    "event",
    Takes::Column,
    "column that says whether the event happened at the end of that time: a boolean, or 1 and 0; if not, the row is censored",
);
const TIES: Argument =
    Argument::optional("ties", Takes::Choice(&["efron", "breslow"]), "'efron'", "how events at the same duration are counted");
const PENALIZER: Argument = Argument::optional(
    "penalizer",
    Takes::Float(0.0, f64::INFINITY),
    "0",
    "half of this, times the sum of the squared coefficients (of features divided by their standard deviation), is subtracted from the mean log-likelihood",
);
const HORIZON: Argument =
    Argument::optional("horizon", Takes::Float(0.0, f64::INFINITY), "30", "duration for which `ml_predict` returns `survival`");
const CONFIDENCE: Argument =
    Argument::optional("confidence", Takes::Float(0.5, 0.9999), "0.95", "confidence level of the intervals in `ml_weights`");

const DOC: Doc = Doc {
    name: "cox",
    kind: Kind::Model,
    domain: "model",
    summary: "Models the time until an event: which features speed it up, and the share without the event after a given time.",
    syntax: "CREATE MODEL name WITH (type = 'cox', key = 'column', duration = 'column', event = 'column', [option = value, …]) AS query",
    description: "\
Rows are customers. Each was observed for `duration`, and at its end the event happened or did not: a customer who has not left yet shows
that leaving takes at least as long. The rate of the event is a baseline, which can change with time, multiplied by a factor that depends on
the features. For a category, each value except the first in ascending order has a coefficient.

`ml_weights` returns coefficients with standard errors, z, p-values and intervals; the ratio is the hazard ratio: by what factor the rate of
the event changes for one unit more of the feature. `ml_predict` returns `hazard_ratio` of the row against a row with the means of the
features, `survival`, the share of such rows that lasts longer than `horizon`, and `median_duration`, NULL if it is not reached.

`metrics` contains `concordance`, the share of pairs that the model puts in the right order (0.5 is chance), the log-likelihood, and the
test that no feature matters. A column that is a combination of others is rejected. If a column separates the rows with the event, its
coefficient grows without end, and the training reports that it did not converge.

A row of weight 2 counts twice in the likelihood and in the baseline; events at the same duration count with their mean weight, as in R's
coxph. `events` and `concordance` count rows, whatever their weights.

**Limits.** The factor of a feature is assumed to be the same at all durations; that is not tested. Each row has one value per feature,
and all rows are observed from duration 0: values that change with time, late entry, strata, several events of one customer and robust
errors are not supported. At most 1000 coefficients can be estimated. Nothing is held out: `concordance` is that of the training rows, and
`ml_evaluate` and `ml_explain` take other types. Censoring must have nothing to do with the risk.

**Cost.** The rows are in memory and sorted by duration once. Each step of the fit is one pass over them, which grows with rows ·
coefficients².

**Elsewhere.** R: `coxph` of survival; Python: `CoxPHFitter` of lifelines, `CoxPHSurvivalAnalysis` of scikit-survival; MADlib:
`coxph_train`; SAS: `PROC PHREG`.",
    arguments: &[KEY_OF_ROWS, DURATION, EVENT, ALL_FEATURES, WEIGHT, MISSING, TIES, PENALIZER, HORIZON, CONFIDENCE],
    examples: &["CREATE TABLE contracts AS SELECT n AS contract, 1 + (n * 7 + n * n) % 24 AS months, n % 3 > 0 AS has_left, n % 5 AS calls, CASE n % 2 WHEN 0 THEN 'card' ELSE 'cash' END AS payment
FROM generate_series(1, 60) AS s(n);
CREATE OR REPLACE MODEL leaving WITH (type = 'cox', key = 'contract', duration = 'months', event = 'has_left', horizon = 12) AS SELECT * FROM contracts;
SELECT name, round(value, 4) AS value, round(std_err, 4) AS std_err FROM ml_weights(leaving);"],
    source: "D. R. Cox: Regression Models and Life-Tables (1972); B. Efron: The Efficiency of Cox's Likelihood Function for Censored Data (1977)",
    ..Doc::EMPTY
};

impl ModelType for CoxType {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn label(&self, _options: &Options) -> Result<Option<&'static str>> {
        Ok(Some(EVENT.name))
    }

    fn check(&self, options: &Options) -> Result<String> {
        read(options)?;
        Ok(options.to_string())
    }

    fn train(
        &self,
        rows: &mut Rows,
        _known: &[TrainedFeature],
        options: &Options,
        running: &Computing<'_>,
    ) -> Result<Learned, Stop> {
        let how = read(options).map_err(|error| running.worker.fail(error))?;
        let (Some(durations), Some(label)) = (rows.beside(DURATION.name), &rows.label) else {
            return Err(running.refuse("needs duration = 'column' and event = 'column'"));
        };
        let happened = cast(&label.values, &DataType::Boolean).ok().filter(|values| values.null_count() == 0);
        let Some(happened) = happened else {
            return Err(running.refuse("event must be a boolean, or 1 and 0; make it one in the query: status = 'left' AS event"));
        };
        let happened = happened.as_boolean();
        if durations.iter().any(|duration| *duration < 0.0) {
            return Err(running.refuse("duration must be 0 or more; leave out rows that end before they begin"));
        }
        // Sorted, so that the result does not depend on the order of the input.
        let weight = |row: usize| rows.weights.as_ref().map_or(1.0, |weights| weights[row]);
        let order = order(rows, durations).into_iter().map(|row| row as usize);
        // A row of weight 0 is not there, also where ties are counted.
        let order: Vec<usize> = order.filter(|row| weight(*row) > 0.0).collect();
        let width = rows.numbers.columns()
            + rows.categories.iter().map(|category| category.values.len().saturating_sub(1)).sum::<usize>();
        let categories = running.wanted.of_kind(FeatureKind::Category).zip(&rows.categories);
        if let Some(((_, feature), category)) = categories.max_by_key(|(_, category)| category.values.len())
            && width > MOST_COEFFICIENTS
        {
            let (name, values) = (&feature.name, category.values.len());
            return Err(running.refuse(format!(
                "{name} has {values} values, each with a coefficient, and at most {MOST_COEFFICIENTS} can be estimated; group the values in the query"
            )));
        }
        let _reserved = running.take(rows.len() * 8 * (width + 3))?;
        let mut features: Vec<Vec<f64>> = (0..rows.numbers.columns())
            .map(|column| order.iter().map(|row| rows.numbers.value(*row, column)).collect())
            .collect();
        for category in &rows.categories {
            for value in 1..category.values.len() {
                features.push(order.iter().map(|row| f64::from(u8::from(category.codes[*row] as usize == value))).collect());
            }
        }
        let duration: Vec<f64> = order.iter().map(|row| durations[*row]).collect();
        let event: Vec<bool> = order.iter().map(|row| happened.value(label.codes[*row] as usize)).collect();
        let weights: Option<Vec<f64>> = rows.weights.is_some().then(|| order.iter().map(|row| weight(*row)).collect());
        let control = running.worker.control(running.worker.threads);
        let fitted = fit_cox(&control, &features, &duration, &event, weights.as_deref(), how.options);
        let fitted = fitted.map_err(|stop| running.stopped(stop))?;
        let counts: Vec<usize> = rows.categories.iter().map(|category| category.values.len()).collect();
        let terms = || {
            running.wanted.of_kind(FeatureKind::Number).map(|(_, feature)| feature.name.clone()).chain(
                running
                    .wanted
                    .of_kind(FeatureKind::Category)
                    .zip(&counts)
                    .flat_map(|((_, feature), count)| std::iter::repeat_n(feature.name.clone(), count.saturating_sub(1))),
            )
        };
        let model = match fitted {
            Cox::Fitted(model) => model,
            Cox::NoEvents => return Err(running.refuse("no row has the event; there is nothing to learn from")),
            Cox::Redundant(place) => {
                let name = terms().nth(place).unwrap_or_default();
                return Err(
                    running.refuse(format!("{name} has only one value, or follows from the other features; leave it out"))
                );
            }
        };
        if !model.converged {
            running.note("cox has not converged: a feature separates the rows with the event from the others; leave it out, or give a penalizer".into());
        }
        let metrics = vec![
            ("concordance".into(), model.concordance),
            ("log_likelihood".into(), Some(model.log_likelihood)),
            ("log_likelihood_null".into(), Some(model.log_likelihood_null)),
            ("likelihood_ratio".into(), Some(model.likelihood_ratio)),
            ("likelihood_ratio_p_value".into(), Some(model.likelihood_ratio_p_value)),
            ("events".into(), Some(model.events as f64)),
            ("iterations".into(), Some(model.iterations as f64)),
            ("converged".into(), Some(f64::from(u8::from(model.converged)))),
        ];
        let texts = |category: &ArrayRef| -> Vec<String> {
            let texts = cast(category, &DataType::Utf8).ok();
            texts
                .map(|texts| texts.as_string::<i32>().iter().map(|text| text.unwrap_or_default().to_string()).collect())
                .unwrap_or_default()
        };
        let mut named: Vec<(String, Option<String>)> =
            running.wanted.of_kind(FeatureKind::Number).map(|(_, feature)| (feature.name.clone(), None)).collect();
        for ((_, feature), category) in running.wanted.of_kind(FeatureKind::Category).zip(&rows.categories) {
            named.extend(texts(&category.values).into_iter().skip(1).map(|value| (feature.name.clone(), Some(value))));
        }
        Ok(Learned { metrics, body: json!(Hazards { horizon: how.horizon, counts, named, model: *model }) })
    }

    fn read(&self, stored: &StoredForm<'_>) -> Result<Box<dyn Fitted>> {
        let hazards: Hazards = stored.body()?;
        let numbers = stored.trained.of_kind(FeatureKind::Number).count();
        let width = numbers + hazards.counts.iter().map(|count| count.saturating_sub(1)).sum::<usize>();
        let whole = hazards.model.terms.len() == width && hazards.model.means.len() == width && hazards.named.len() == width;
        if !whole || hazards.counts.len() != stored.trained.of_kind(FeatureKind::Category).count() {
            return Err(stored.damaged("coefficients"));
        }
        Ok(Box::new(hazards))
    }
}

struct How {
    options: CoxOptions,
    horizon: f64,
}

fn read(options: &Options) -> Result<How> {
    let horizon = options.float(HORIZON.name)?;
    if !horizon.is_finite() {
        return Err(invalid(DOC.name, "horizon must be finite; give a duration"));
    }
    let ties = if options.word(TIES.name)? == "breslow" { Ties::Breslow } else { Ties::Efron };
    let options = CoxOptions { ties, penalizer: options.float(PENALIZER.name)?, confidence: options.float(CONFIDENCE.name)? };
    Ok(How { options, horizon })
}

/// The type's own part of the stored model.
#[derive(Debug, Serialize, Deserialize)]
struct Hazards {
    horizon: f64,
    /// The number of values of each category.
    counts: Vec<usize>,
    /// For each coefficient, its feature, and for a category also the value.
    named: Vec<(String, Option<String>)>,
    model: CoxModel,
}

impl Fitted for Hazards {
    fn predicts(&self) -> Fields {
        let number = |name: &str| Field::new(name, DataType::Float64, true);
        Fields::from(vec![number("hazard_ratio"), number("survival"), number("median_duration")])
    }

    fn predict(&self, numbers: &[Vec<f64>], codes: &[Vec<u32>]) -> Result<Vec<ArrayRef>> {
        let rows = numbers.first().map_or_else(|| codes.first().map_or(0, Vec::len), Vec::len);
        let mut features = vec![0.0; self.model.terms.len()];
        let mut risks = Vec::with_capacity(rows);
        for row in 0..rows {
            let mut place = 0;
            for column in numbers {
                features[place] = column[row];
                place += 1;
            }
            for (column, count) in codes.iter().zip(&self.counts) {
                // A value that was not in training is treated like the first value.
                for value in 1..*count {
                    features[place] = f64::from(u8::from(column[row] as usize == value));
                    place += 1;
                }
            }
            risks.push(self.model.log_risk(&features));
        }
        let ratio = risks.iter().map(|risk| Some(libm::exp(*risk)));
        let survival = risks.iter().map(|risk| Some(self.model.survival(*risk, self.horizon)));
        let median = risks.iter().map(|risk| self.model.median(*risk));
        Ok(vec![
            Arc::new(ratio.collect::<Float64Array>()),
            Arc::new(survival.collect::<Float64Array>()),
            Arc::new(median.collect::<Float64Array>()),
        ])
    }

    fn weights(&self) -> Vec<Weight> {
        let weight = self.named.iter().zip(&self.model.terms).map(|((feature, category), term)| Weight {
            name: category.as_ref().map_or_else(|| feature.clone(), |value| format!("{feature} = {value}")),
            feature: Some(feature.clone()),
            category: category.clone(),
            value: Some(Exact(term.coefficient)),
            std_err: term.std_err.map(Exact),
            z: term.z.map(Exact),
            p_value: term.p_value.map(Exact),
            ci_lower: term.lower.map(Exact),
            ci_upper: term.upper.map(Exact),
            ratio: term.hazard_ratio.map(Exact),
            ..Weight::default()
        });
        weight.collect()
    }
}
