//! Lifetime models of customers: how often they buy, how long they stay, and the value of a purchase.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::described::Weight;
use super::model_type::{Fitted, Learned, ModelType};
use super::stored::{Exact, StoredForm, TrainedFeature};
use crate::adapter::arguments::Options;
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::kernels::clv::{Estimate, FitOptions, Process, Transactions, Values, WrongRow, check_values, fit_values};
use crate::kernels::control::Stop;
use crate::learning::features::{Computing, FEATURES, KEY, Kind as FeatureKind, MISSING, Rows, WEIGHT};

/// A type of lifetime model.
#[derive(Debug)]
pub struct LifetimeType {
    doc: &'static Doc,
    /// `None` for a model of the value of purchases.
    process: Option<Process>,
}

const PENALIZER: Argument = Argument::optional(
    "penalizer",
    Takes::Float(0.0, f64::INFINITY),
    "0",
    "regularizes the parameters if there are few customers: the mean negative log-likelihood grows by this times the sum of their squares, where times are divided by the longest \"T\"; 0.001 to 0.1 helps. With it there are no standard errors",
);
const HORIZON: Argument = Argument::optional(
    "horizon",
    Takes::Float(0.0, f64::INFINITY),
    "30",
    "time after the end of observation for which `ml_predict` returns `expected_purchases`, in the unit of \"T\"",
);

const FREQUENCY: &str = "frequency";
const RECENCY: &str = "recency";
const AGE: &str = "T";
const MONETARY: &str = "monetary_value";

const TYPE: Doc = Doc { kind: Kind::Model, domain: "model", ..Doc::EMPTY };
const ARGUMENTS: &[Argument] = &[KEY, FEATURES, WEIGHT, MISSING, HORIZON, PENALIZER];

pub const BG_NBD: LifetimeType = LifetimeType {
    doc: &Doc {
        name: "bg_nbd",
        summary: "Models repeat purchases: who is still a customer, and how many purchases to expect.",
        syntax: "CREATE MODEL name WITH (type = 'bg_nbd', key = 'column', [option = value, …]) AS SELECT key, frequency, recency, \"T\" …",
        description: "\
The query must return the columns of `clv_summary` by name: `frequency`, `recency` and `\"T\"`. As long as they stay, customers buy at
random times, each at their own rate; after each purchase they may leave for good. Over the customers, rates follow a gamma distribution
with the parameters r and alpha, and the probabilities of leaving a beta distribution with a and b.

`ml_predict` returns `probability_alive`, the probability that the customer has not left, and `expected_purchases` within `horizon`; both
are NULL for impossible histories, such as a recency above \"T\". `ml_weights` returns the parameters with standard errors. In this model a
customer without a repeat purchase is always alive; `mbg_nbd` and `pareto_nbd` do not assume this.

Parameters are estimated by maximum likelihood, from several starts. If the rows do not determine all of them, for example because nobody
ever leaves, the training reports that it did not converge: predictions still use the highest likelihood found, but the parameters mean
little; a `penalizer` helps.

**Cost.** Equal rows are counted together, so time and memory depend on the number of distinct histories, not of customers. A larger
`time_unit` in `clv_summary` makes them fewer.

**Elsewhere.** Python: `BetaGeoModel` of PyMC-Marketing, `BetaGeoFitter` of lifetimes, which is no longer maintained; R:
`bgnbd.EstimateParameters` of BTYD, `bgnbd` of CLVTools.",
        arguments: ARGUMENTS,
        examples: &["CREATE TABLE histories AS SELECT customer_id, frequency, recency, \"T\" FROM clv_summary((SELECT * FROM sample_orders(rows => 3000) WHERE status = 'paid'),
  customer => customer_id, order_time => ordered_at, observation_end => DATE '2025-06-30');
CREATE OR REPLACE MODEL purchases WITH (type = 'bg_nbd', key = 'customer_id', horizon = 90) AS SELECT * FROM histories;
SELECT customer_id, frequency, round(probability_alive, 4) AS probability_alive, round(expected_purchases, 4) AS expected_purchases
FROM ml_predict(purchases, histories) ORDER BY expected_purchases DESC, customer_id LIMIT 5;"],
        source: "P. S. Fader, B. G. S. Hardie, K. L. Lee: \"Counting Your Customers\" the Easy Way, Marketing Science 24 (2005)",
        ..TYPE
    },
    process: Some(Process::BgNbd),
};

pub const MBG_NBD: LifetimeType = LifetimeType {
    doc: &Doc {
        name: "mbg_nbd",
        summary: "The BG/NBD model where customers can also leave right after their first purchase.",
        syntax: "CREATE MODEL name WITH (type = 'mbg_nbd', key = 'column', [option = value, …]) AS SELECT key, frequency, recency, \"T\" …",
        description: "\
Columns, options and predictions are those of `bg_nbd`. Customers without a repeat purchase may have left.

**Cost.** As `bg_nbd`.

**Elsewhere.** Python: `ModifiedBetaGeoModel` of PyMC-Marketing, `ModifiedBetaGeoFitter` of lifetimes; R: `mbgnbd.EstimateParameters` of
BTYDplus.",
        arguments: ARGUMENTS,
        examples: &["CREATE TABLE histories AS SELECT customer_id, frequency, recency, \"T\" FROM clv_summary((SELECT * FROM sample_orders(rows => 3000) WHERE status = 'paid'),
  customer => customer_id, order_time => ordered_at, observation_end => DATE '2025-06-30');
CREATE OR REPLACE MODEL purchases WITH (type = 'mbg_nbd', key = 'customer_id', horizon = 90) AS SELECT * FROM histories;
SELECT frequency, count(*) AS customers, round(avg(probability_alive), 4) AS probability_alive FROM ml_predict(purchases, histories) GROUP BY frequency ORDER BY frequency LIMIT 3;"],
        source: "E. P. Batislam, M. Denizel, A. Filiztekin: Empirical validation and comparison of models for customer base analysis, IJRM 24 (2007)",
        ..TYPE
    },
    process: Some(Process::MbgNbd),
};

pub const PARETO_NBD: LifetimeType = LifetimeType {
    doc: &Doc {
        name: "pareto_nbd",
        summary: "Models repeat purchases where customers can leave at any time.",
        syntax: "CREATE MODEL name WITH (type = 'pareto_nbd', key = 'column', [option = value, …]) AS SELECT key, frequency, recency, \"T\" …",
        description: "\
Columns, options and predictions are those of `bg_nbd`. Lifetimes follow an exponential distribution; over the customers, its rate has a
gamma distribution with the parameters s and beta.

**Cost.** About ten times that of `bg_nbd`.

**Elsewhere.** Python: `ParetoNBDModel` of PyMC-Marketing, `ParetoNBDFitter` of lifetimes; R: `pnbd.EstimateParameters` of BTYD, `pnbd`
of CLVTools, also with covariates.",
        arguments: ARGUMENTS,
        examples: &["CREATE TABLE histories AS SELECT customer_id, frequency, recency, \"T\" FROM clv_summary((SELECT * FROM sample_orders(rows => 3000) WHERE status = 'paid'),
  customer => customer_id, order_time => ordered_at, observation_end => DATE '2025-06-30');
CREATE OR REPLACE MODEL purchases WITH (type = 'pareto_nbd', key = 'customer_id', penalizer = 0.001) AS SELECT * FROM histories;
SELECT count(*) AS parameters FROM ml_weights(purchases);"],
        source: "D. C. Schmittlein, D. G. Morrison, R. Colombo: Counting Your Customers, Management Science 33 (1987)",
        ..TYPE
    },
    process: Some(Process::ParetoNbd),
};

pub const BG_BB: LifetimeType = LifetimeType {
    doc: &Doc {
        name: "bg_bb",
        summary: "Models customers who can buy only at given opportunities: once a year, at each event.",
        syntax: "CREATE MODEL name WITH (type = 'bg_bb', key = 'column', [option = value, …]) AS SELECT key, frequency, recency, \"T\" …",
        description: "\
Options and predictions are those of `bg_nbd`. `\"T\"` is the number of opportunities after the first purchase, `frequency` the number of
those that were used, `recency` the number of the last one used: this is what `clv_summary` returns if `time_unit` is the time between two
opportunities. `horizon` counts opportunities. Parameters: alpha and beta for using an opportunity, gamma and delta for leaving.

**Cost.** As `bg_nbd`; there are few distinct histories, so it is quick.

**Elsewhere.** Python: `BetaGeoBetaBinomModel` of PyMC-Marketing, `BetaGeoBetaBinomFitter` of lifetimes; R: `bgbb.EstimateParameters` of
BTYD.",
        arguments: ARGUMENTS,
        examples: &["CREATE TABLE donors AS SELECT customer_id, frequency, recency, \"T\" FROM clv_summary((SELECT * FROM sample_orders(rows => 3000) WHERE status = 'paid'),
  customer => customer_id, order_time => ordered_at, observation_end => DATE '2025-06-30', time_unit => 'month');
CREATE OR REPLACE MODEL donations WITH (type = 'bg_bb', key = 'customer_id', horizon = 6) AS SELECT * FROM donors;
SELECT frequency, count(*) AS customers, round(avg(expected_purchases), 4) AS expected_purchases FROM ml_predict(donations, donors) GROUP BY frequency ORDER BY frequency LIMIT 3;"],
        source: "P. S. Fader, B. G. S. Hardie, J. Shang: Customer-Base Analysis in a Discrete-Time Noncontractual Setting, Marketing Science 29 (2010)",
        ..TYPE
    },
    process: Some(Process::BgBb),
};

pub const GAMMA_GAMMA: LifetimeType = LifetimeType {
    doc: &Doc {
        name: "gamma_gamma",
        summary: "Models the value of purchases: the expected mean value for each customer.",
        syntax: "CREATE MODEL name WITH (type = 'gamma_gamma', key = 'column', [option = value, …]) AS SELECT key, frequency, monetary_value …",
        description: "\
The query must return `frequency` and `monetary_value` of `clv_summary`. Customers without a repeat purchase are not used in training.
`ml_predict` returns `expected_average_value`: a value between the mean of all customers and the customer's own mean; the more purchases,
the nearer to the own mean. For customers without a repeat purchase it is NULL if the distribution over the customers has no mean (q at most
1).

The model assumes that customers who buy often do not spend more or less per purchase; check `corr(frequency, monetary_value)` first.
`ml_weights` returns the parameters p, q and v.

**Cost.** As `bg_nbd`, over distinct pairs of frequency and value; values with cents are mostly distinct, so time grows with the
customers.

**Elsewhere.** Python: `GammaGammaModel` of PyMC-Marketing, `GammaGammaFitter` of lifetimes; R: `spend.EstimateParameters` of BTYD, `gg`
of CLVTools.",
        arguments: &[KEY, FEATURES, WEIGHT, MISSING, PENALIZER],
        examples: &["CREATE TABLE spenders AS SELECT customer_id, frequency, monetary_value FROM clv_summary((SELECT * FROM sample_orders(rows => 3000) WHERE status = 'paid'),
  customer => customer_id, order_time => ordered_at, amount => amount, observation_end => DATE '2025-06-30');
CREATE OR REPLACE MODEL spending WITH (type = 'gamma_gamma', key = 'customer_id') AS SELECT * FROM spenders;
SELECT customer_id, frequency, round(monetary_value, 2) AS monetary_value, round(expected_average_value, 2) AS expected_average_value
FROM ml_predict(spending, spenders) ORDER BY frequency DESC, customer_id LIMIT 5;"],
        source: "P. S. Fader, B. G. S. Hardie, K. L. Lee: RFM and CLV, Journal of Marketing Research 42 (2005)",
        ..TYPE
    },
    process: None,
};

impl LifetimeType {
    fn wanted(&self) -> &'static [&'static str] {
        match self.process {
            Some(_) => &[FREQUENCY, RECENCY, AGE],
            None => &[FREQUENCY, MONETARY],
        }
    }
}

impl ModelType for LifetimeType {
    fn doc(&self) -> &'static Doc {
        self.doc
    }

    fn check(&self, options: &Options) -> Result<String> {
        Ok(options.to_string())
    }

    fn train(
        &self,
        rows: &mut Rows,
        _known: &[TrainedFeature],
        options: &Options,
        running: &Computing<'_>,
    ) -> Result<Learned, Stop> {
        let mut places = vec![];
        let given = || running.wanted.of_kind(FeatureKind::Number).map(|(_, feature)| feature.name.as_str());
        for wanted in self.wanted() {
            let Some(place) = given().position(|name| name == *wanted) else {
                let quoted = self.wanted().iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
                let problem = format!("needs the columns {quoted} of clv_summary, as numbers; there is no \"{wanted}\"");
                return Err(running.refuse(problem));
            };
            places.push(place);
        }
        let _reserved = running.take(8 * rows.len() * places.len())?;
        let columns: Vec<Vec<f64>> = places.iter().map(|place| rows.numbers.column(*place).collect()).collect();
        let fit = FitOptions { penalizer: options.float(PENALIZER.name).map_err(|error| running.worker.fail(error))? };
        let control = running.worker.control(running.worker.threads);
        let weights = rows.weights.as_deref();
        let refuse = |wrong: Option<WrongRow>| wrong.map_or(Ok(()), |row| Err(running.refuse(row.wrong.rule())));
        let model = match (self.process, columns.as_slice()) {
            (Some(process), [frequency, recency, age]) => {
                refuse(process.check(frequency, recency, age))?;
                let fitted = process.fit(&control, frequency, recency, age, weights, fit);
                fitted.map_err(|stop| running.stopped(stop))?.map(Lifetime::Transactions)
            }
            (_, [frequency, value, ..]) => {
                refuse(check_values(frequency, value))?;
                let fitted = fit_values(&control, frequency, value, weights, fit);
                fitted.map_err(|stop| running.stopped(stop))?.map(Lifetime::Values)
            }
            _ => None,
        };
        let Some(model) = model else {
            return Err(running.refuse(
                "there are no customers to learn from; it needs rows with a weight above 0, and for gamma_gamma with repeat purchases",
            ));
        };
        let estimate = model.estimate();
        if !estimate.converged {
            running.note(format!(
                "{} has not converged: the likelihood still rises as a parameter nears 0 or grows without end. The rows do not determine all parameters; a penalizer keeps them within bounds",
                self.doc.name
            ));
        }
        let metrics = vec![
            ("log_likelihood".into(), Some(estimate.log_likelihood)),
            ("iterations".into(), Some(estimate.iterations as f64)),
            ("converged".into(), Some(f64::from(u8::from(estimate.converged)))),
        ];
        let horizon =
            self.process.map(|_| options.float(HORIZON.name)).transpose().map_err(|error| running.worker.fail(error))?;
        let body = json!(FittedLifetime { places, horizon: horizon.unwrap_or(0.0), model });
        Ok(Learned { metrics, body })
    }

    fn read(&self, stored: &StoredForm<'_>) -> Result<Box<dyn Fitted>> {
        let body: FittedLifetime = stored.body()?;
        let numbers = stored.trained.of_kind(FeatureKind::Number).count();
        let parameters = match &body.model {
            Lifetime::Transactions(_) => 4,
            Lifetime::Values(_) => 3,
        };
        let whole = body.model.estimate().parameters.len() == parameters && body.places.len() == self.wanted().len();
        if !whole || body.places.iter().any(|place| *place >= numbers) {
            return Err(stored.damaged("parameters"));
        }
        Ok(Box::new(body))
    }
}

/// A model of purchases, or of their values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifetime {
    Transactions(Transactions),
    Values(Values),
}

impl Lifetime {
    fn estimate(&self) -> &Estimate {
        match self {
            Self::Transactions(model) => &model.estimate,
            Self::Values(model) => &model.estimate,
        }
    }
}

/// The types' own part of the stored model.
#[derive(Debug, Serialize, Deserialize)]
pub struct FittedLifetime {
    /// The positions of its columns among the number features.
    pub places: Vec<usize>,
    horizon: f64,
    pub model: Lifetime,
}

/// True for possible histories. Fractions are allowed, because a missing value may have been replaced by a mean.
fn can_be(frequency: f64, recency: f64, age: f64) -> bool {
    frequency >= 0.0
        && recency >= 0.0
        && recency <= age
        && age.is_finite()
        && frequency.is_finite()
        && (frequency > 0.0 || recency == 0.0)
}

impl Fitted for FittedLifetime {
    fn predicts(&self) -> Fields {
        let number = |name: &str| Field::new(name, DataType::Float64, true);
        Fields::from(match self.model {
            Lifetime::Transactions(_) => vec![number("probability_alive"), number("expected_purchases")],
            Lifetime::Values(_) => vec![number("expected_average_value")],
        })
    }

    fn predict(&self, numbers: &[Vec<f64>], _codes: &[Vec<u32>]) -> Result<Vec<ArrayRef>> {
        let columns: Vec<&[f64]> = self.places.iter().filter_map(|place| numbers.get(*place).map(Vec::as_slice)).collect();
        Ok(match (&self.model, columns.as_slice()) {
            (Lifetime::Transactions(model), [frequency, recency, age]) => {
                let histories =
                    || frequency.iter().zip(*recency).zip(*age).map(|((frequency, recency), age)| (*frequency, *recency, *age));
                let alive = histories()
                    .map(|(x, recency, age)| can_be(x, recency, age).then(|| model.probability_alive(x, recency, age)));
                let expected = histories().map(|(x, recency, age)| {
                    can_be(x, recency, age).then(|| model.expected_purchases(self.horizon, x, recency, age))
                });
                vec![Arc::new(alive.collect::<Float64Array>()), Arc::new(expected.collect::<Float64Array>())]
            }
            (Lifetime::Values(model), [frequency, value]) => {
                let expected = frequency.iter().zip(*value).map(|(frequency, value)| {
                    let can_be = *frequency == 0.0 || (*frequency > 0.0 && *value > 0.0);
                    if can_be { model.expected_average_value(*frequency, *value) } else { None }
                });
                vec![Arc::new(expected.collect::<Float64Array>())]
            }
            _ => vec![],
        })
    }

    fn weights(&self) -> Vec<Weight> {
        let parameters = self.model.estimate().parameters.iter();
        let weight = parameters.map(|parameter| {
            // Parameters are positive, so the interval is computed on the logarithm.
            let end = |z: f64| parameter.std_err.map(|error| Exact(parameter.value * libm::exp(z * error / parameter.value)));
            Weight {
                name: parameter.name.clone(),
                value: Some(Exact(parameter.value)),
                std_err: parameter.std_err.map(Exact),
                ci_lower: end(-1.959_963_984_540_054),
                ci_upper: end(1.959_963_984_540_054),
                ..Weight::default()
            }
        });
        weight.collect()
    }

    fn lifetime(&self) -> Option<&Self> {
        Some(self)
    }
}
