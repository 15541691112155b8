//! The stored form of every model: JSON, so that any tool can read it.
//!
//! Numbers are restored bit for bit. JSON has no infinity or NaN, so these are written as strings. Earlier versions wrote all numbers as
//! strings; both forms can be read.

use std::collections::BTreeMap;
use std::fmt;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use serde::de::{DeserializeOwned, Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::error::failed;
use crate::kernels::cluster::Moments;
use crate::kernels::control::{Control, Stop};
use crate::learning::features::{Computing, Kind, Missing, Rows};

/// The code of a category value that did not occur in training.
pub const UNSEEN: u32 = u32::MAX;

/// The part that is the same for all types of models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trained {
    #[serde(rename = "type")]
    pub model_type: String,
    pub key: String,
    pub missing: Missing,
    /// All options, including defaults.
    pub options: String,
    /// The number of training rows that were used.
    pub rows: u64,
    /// The number of training rows that were dropped because they lacked a feature.
    pub skipped: u64,
    /// Whether the rows had weights. Earlier versions did not store it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_weighted: bool,
    /// Metrics of the training.
    pub metrics: BTreeMap<String, Exact>,
    pub features: Vec<TrainedFeature>,
    /// Notes of the training: warnings, and what was dropped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A feature, with statistics of the training rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainedFeature {
    pub name: String,
    pub kind: Kind,
    /// Whether the number was a date or time: it is then in days since 1970.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_time: bool,
    /// The number of rows that lacked it.
    pub missing: u64,
    /// For a number.
    pub statistics: Statistics,
    /// For a category: its values in ascending order, with their numbers of rows.
    pub values: Vec<(String, u64)>,
}

/// Statistics of a number in the training rows; all `None` for a category.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Statistics {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<Exact>,
    /// The sample standard deviation; one row has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stddev: Option<Exact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<Exact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median: Option<Exact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Exact>,
}

impl Statistics {
    fn of(column: &mut [f64]) -> Self {
        let Some((moments, median)) = Moments::and_median(column) else { return Self::default() };
        let Moments { mean, sample_deviation, min, max, .. } = moments;
        let exact = |value| Some(Exact(value));
        let stddev = sample_deviation.map(Exact);
        Self { mean: exact(mean), stddev, min: exact(min), median: exact(median), max: exact(max) }
    }
}

impl TrainedFeature {
    /// The replacement for a missing number, if the model has one.
    pub fn mean(&self) -> f64 {
        self.statistics.mean.map_or(0.0, |mean| mean.0)
    }

    /// The position of the most frequent value of a category; ties: the first one.
    pub fn mode(&self) -> u32 {
        let most = (0..self.values.len()).rev().max_by_key(|place| self.values[*place].1);
        most.map_or(UNSEEN, |place| place as u32)
    }

    /// The value of a category at a position.
    pub fn value(&self, place: u32) -> Option<&str> {
        self.values.get(place as usize).map(|(value, _)| value.as_str())
    }

    /// The position of a value of a category; `None` if the training rows did not have it.
    pub fn code(&self, value: &str) -> Option<u32> {
        self.values.binary_search_by(|(other, _)| other.as_str().cmp(value)).ok().map(|place| place as u32)
    }
}

/// Columns whose statistics are computed by one job, which reads each row once: as many as are in a cache line.
const TOGETHER: usize = 8;

/// The features of training rows, before the rows are scaled.
///
/// # Errors
/// The memory limit is reached, or the query was cancelled.
pub fn features_of(rows: &Rows, running: &Computing<'_>) -> Result<Vec<TrainedFeature>, Stop> {
    let threads = running.worker.threads;
    let reserved = running.take(rows.len() * 8 * TOGETHER.min(rows.numbers.columns()) * threads)?;
    let numbers = statistics(rows, running.worker.control(threads)).map_err(|stop| running.stopped(stop))?;
    drop(reserved);
    let (mut numbers, mut categories) = (numbers.into_iter(), rows.categories.iter());
    let each = running.wanted.features.iter().enumerate().map(|(place, feature)| {
        let (mut statistics, mut values) = (Statistics::default(), vec![]);
        match feature.kind {
            Kind::Number => statistics = numbers.next().unwrap_or_default(),
            Kind::Category => {
                if let Some(category) = categories.next() {
                    let mut counts = vec![0_u64; category.values.len()];
                    for code in &category.codes {
                        // A missing value that is kept has no code.
                        if let Some(count) = counts.get_mut(*code as usize) {
                            *count += 1;
                        }
                    }
                    let texts = category.values.as_string::<i32>();
                    values.extend(texts.iter().map(|text| text.unwrap_or_default().to_string()).zip(counts));
                }
            }
        }
        let missing = rows.missing.get(place).map_or(0, |missing| *missing as u64);
        TrainedFeature { name: feature.name.clone(), kind: feature.kind, is_time: feature.is_time, missing, statistics, values }
    });
    Ok(each.collect())
}

/// The statistics of the number columns, without their missing values.
fn statistics(rows: &Rows, control: Control<'_>) -> Result<Vec<Statistics>, Stop> {
    let columns = rows.numbers.columns();
    // Each thread keeps its columns from job to job: new ones would be cleared by the system first.
    let state = || (vec![], vec![vec![]; TOGETHER.min(columns)]);
    type Found = Vec<(usize, Vec<Statistics>)>;
    let work = |(found, columns): &mut (Found, Vec<Vec<f64>>), job: usize| {
        let own = job * TOGETHER..rows.numbers.columns().min((job + 1) * TOGETHER);
        let columns = &mut columns[..own.len()];
        for column in columns.iter_mut() {
            column.clear();
            column.reserve(rows.len());
        }
        for row in 0..rows.numbers.rows() {
            for (column, value) in columns.iter_mut().zip(&rows.numbers.row(row)[own.clone()]) {
                if !value.is_nan() {
                    column.push(*value);
                }
            }
        }
        found.push((job, columns.iter_mut().map(|column| Statistics::of(column)).collect()));
        Ok(())
    };
    let states = control.share(columns.div_ceil(TOGETHER), state, work)?;
    let mut found: Vec<_> = states.into_iter().flat_map(|(found, _)| found).collect();
    found.sort_unstable_by_key(|(job, _)| *job);
    Ok(found.into_iter().flat_map(|(_, statistics)| statistics).collect())
}

impl Trained {
    /// The text to store; `body` is the type's own part.
    ///
    /// # Errors
    /// None in practice: all parts are strings and numbers.
    pub fn to_text(&self, body: &Value) -> Result<String> {
        #[derive(Serialize)]
        struct Whole<'a> {
            #[serde(flatten)]
            trained: &'a Trained,
            body: &'a Value,
        }
        let text = serde_json::to_string(&Whole { trained: self, body });
        text.map_err(|error| failed("model", format!("cannot be written as JSON: {error}")))
    }

    /// Reads the part that is the same for all types of models; `label` names the model in errors.
    ///
    /// # Errors
    /// The text is not a model.
    pub fn read(label: &str, text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| damaged(label, &error))
    }

    /// The features of one kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &TrainedFeature> {
        self.features.iter().filter(move |feature| feature.kind == kind)
    }
}

/// A stored model, from which its type reads its own part.
#[derive(Debug)]
pub struct StoredForm<'a> {
    /// Name and version, for errors.
    pub label: &'a str,
    pub trained: &'a Trained,
    pub text: &'a str,
}

impl StoredForm<'_> {
    /// The type's own part.
    ///
    /// # Errors
    /// It is missing, or has another form.
    pub fn body<B: DeserializeOwned>(&self) -> Result<B> {
        #[derive(Deserialize)]
        struct Whole<B> {
            body: B,
        }
        // Read directly from the text, not from a tree of values: megabytes of numbers would take many times their size.
        let whole: Whole<B> = serde_json::from_str(self.text).map_err(|error| self.damaged(error))?;
        Ok(whole.body)
    }

    /// The error for a text that is not a model of its type.
    pub fn damaged(&self, what: impl fmt::Display) -> DataFusionError {
        damaged(self.label, what)
    }
}

fn damaged(label: &str, what: impl fmt::Display) -> DataFusionError {
    failed(label, format!("the stored model is damaged ({what}); train it again with CREATE OR REPLACE MODEL"))
}

/// A number stored exactly to the last bit, also infinity and NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exact(pub f64);

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() { serializer.serialize_f64(self.0) } else { serializer.collect_str(self) }
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrText;
        impl Visitor<'_> for NumberOrText {
            type Value = Exact;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or a string that can be read as one")
            }

            fn visit_f64<E>(self, value: f64) -> Result<Exact, E> {
                Ok(Exact(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Exact, E> {
                Ok(Exact(value as f64))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Exact, E> {
                Ok(Exact(value as f64))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Exact, E> {
                text.parse().map(Exact).map_err(|_| E::custom(format!("'{text}' is not a number")))
            }
        }
        deserializer.deserialize_any(NumberOrText)
    }
}

/// Lists of [`Exact`] numbers: `#[serde(with = "exact")]`.
pub mod exact {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Exact;

    pub fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|value| Exact(*value)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        Vec::<Exact>::deserialize(deserializer).map(|values| values.into_iter().map(|value| value.0).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_bit_for_bit() {
        let values = [
            0.1,
            -0.0,
            f64::MIN_POSITIVE / 2.0_f64.powi(52),
            f64::MAX,
            1.0 / 3.0,
            1e300,
            12_345_678.9,
            2.0,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
        ];
        for value in values {
            let text = serde_json::to_string(&Exact(value)).unwrap();
            let back: Exact = serde_json::from_str(&text).unwrap();
            assert_eq!(back.0.to_bits(), value.to_bits(), "{text}");
            // As written by earlier versions.
            let back: Exact = serde_json::from_str(&format!("\"{value:?}\"")).unwrap();
            assert_eq!(back.0.to_bits(), value.to_bits(), "{value:?} as a text");
        }
        assert_eq!(serde_json::from_str::<Exact>("7").unwrap(), Exact(7.0));
        assert!(serde_json::from_str::<Exact>("\"seven\"").is_err());
        assert!(serde_json::from_str::<Exact>("null").is_err());
    }

    #[test]
    fn what_is_written_is_read() {
        let feature = |name: &str, kind, statistics, values: &[(&str, u64)]| TrainedFeature {
            name: name.into(),
            kind,
            is_time: false,
            missing: 1,
            statistics,
            values: values.iter().map(|(value, rows)| ((*value).to_string(), *rows)).collect(),
        };
        let trained = Trained {
            model_type: "kprototypes".into(),
            key: "客户".into(),
            missing: Missing::Mean,
            options: "n_clusters => 2".into(),
            rows: 5,
            skipped: 0,
            is_weighted: false,
            metrics: BTreeMap::from([("cost".into(), Exact(f64::INFINITY)), ("iterations".into(), Exact(2.0))]),
            features: vec![
                feature("age", Kind::Number, Statistics::of(&mut [1.0, 2.0, 4.0]), &[]),
                feature("channel", Kind::Category, Statistics::default(), &[("app", 3), ("store", 3)]),
            ],
            notes: vec!["a 是 too good".into()],
        };
        let text = trained.to_text(&Value::from(vec![1.5])).unwrap();
        assert_eq!(Trained::read("m", &text).unwrap(), trained);
        let form = StoredForm { label: "m", trained: &trained, text: &text };
        assert_eq!(form.body::<Vec<f64>>().unwrap(), [1.5]);
        let error = form.body::<String>().unwrap_err().to_string();
        assert!(error.contains("m: the stored model is damaged (invalid type"), "{error}");
        assert_eq!((trained.features[1].mode(), trained.features[1].code("store")), (0, Some(1)));
        assert_eq!((trained.features[0].mode(), trained.features[1].code("fax")), (UNSEEN, None));
    }
}
