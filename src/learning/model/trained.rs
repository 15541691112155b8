//! The stored form of every model.
//!
//! A JSON text, so that any tool can read it. Numbers that must come back bit for bit stand in it as texts.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use serde_json::{Map, Value, json};

use crate::error::failed;
use crate::kernels::cluster::{Moments, Statistics};
use crate::learning::features::{Kind, Missing, Rows, Wanted};

/// The code of a category that the training rows did not have.
pub const UNSEEN: u32 = u32::MAX;

/// A trained model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Trained {
    /// Its name and version, for messages.
    pub label: String,
    pub model_type: String,
    pub key: String,
    pub missing: Missing,
    pub features: Vec<TrainedFeature>,
    /// The options in full.
    pub options: String,
    pub rows: u64,
    pub skipped: u64,
    /// Measures of the training; texts, as all numbers here.
    pub metrics: Vec<(String, String)>,
    /// What the type needs to predict.
    pub body: String,
}

/// A feature as it was in the training rows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TrainedFeature {
    pub name: String,
    pub kind: Kind,
    /// Rows that lacked it.
    pub missing: u64,
    /// Of a number: mean, standard deviation (of the sample), least, median, greatest, by these names.
    pub statistics: Vec<(String, String)>,
    /// Of a category: its values in ascending order, with the rows that have them.
    pub values: Vec<(String, u64)>,
}

impl TrainedFeature {
    /// A statistic of a number.
    pub fn statistic(&self, name: &str) -> Option<f64> {
        self.statistics.iter().find(|(other, _)| other == name).and_then(|(_, value)| value.parse().ok())
    }

    /// The most frequent value of a category, the first of equals, by its place.
    pub fn mode(&self) -> u32 {
        let most = (0..self.values.len()).rev().max_by_key(|place| self.values[*place].1);
        most.map_or(UNSEEN, |place| place as u32)
    }
}

/// The features of training rows, before the rows are scaled.
pub fn features_of(rows: &Rows, wanted: &Wanted) -> Result<Vec<TrainedFeature>> {
    let (mut numbers, mut categories) = (0, rows.categories.iter());
    let each = wanted.features.iter().enumerate().map(|(place, feature)| {
        let (mut statistics, mut values) = (vec![], vec![]);
        match feature.kind {
            Kind::Number => {
                let mut column: Vec<f64> = rows.numbers.column(numbers).collect();
                numbers += 1;
                if let Some(of) = Statistics::of(&mut column) {
                    let Moments { mean, sample_deviation, min, max, .. } = of.moments;
                    let named = [("mean", mean), ("stddev", sample_deviation), ("min", min), ("median", of.median), ("max", max)];
                    statistics.extend(named.map(|(name, value)| (name.to_string(), exact(value))));
                }
            }
            Kind::Category => {
                if let Some(category) = categories.next() {
                    let mut counts = vec![0_u64; category.values.len()];
                    category.codes.iter().for_each(|code| counts[*code as usize] += 1);
                    let texts = category.values.as_string::<i32>();
                    values.extend(texts.iter().map(|text| text.unwrap_or_default().to_string()).zip(counts));
                }
            }
        }
        let missing = rows.missing.get(place).map_or(0, |missing| *missing as u64);
        Ok(TrainedFeature { name: feature.name.clone(), kind: feature.kind, missing, statistics, values })
    });
    each.collect()
}

/// A number as a text that reads back as the same number.
pub fn exact(value: f64) -> String {
    format!("{value:?}")
}

/// Numbers as a JSON list of texts.
pub fn numbers(values: &[f64]) -> Value {
    Value::Array(values.iter().map(|value| Value::String(exact(*value))).collect())
}

impl Trained {
    /// The text that is stored.
    pub fn to_text(&self) -> String {
        let pairs = |pairs: &[(String, String)]| {
            Value::Object(pairs.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect::<Map<_, _>>())
        };
        let feature = |feature: &TrainedFeature| {
            let values: Vec<Value> = feature.values.iter().map(|(value, rows)| json!([value, rows])).collect();
            json!({
                "name": feature.name, "kind": feature.kind.to_string(), "missing": feature.missing,
                "statistics": pairs(&feature.statistics), "values": values,
            })
        };
        let body: Value = serde_json::from_str(&self.body).unwrap_or(Value::Null);
        json!({
            "type": self.model_type, "key": self.key, "missing": self.missing.word(), "options": self.options,
            "rows": self.rows, "skipped": self.skipped, "metrics": pairs(&self.metrics),
            "features": self.features.iter().map(feature).collect::<Vec<_>>(), "body": body,
        })
        .to_string()
    }

    /// Reads a stored text.
    ///
    /// # Errors
    /// It is not one.
    pub fn read(label: &str, text: &str) -> Result<Self> {
        let damaged = |what: &str| damaged(label, what);
        let value: Value = serde_json::from_str(text).map_err(|error| damaged(&error.to_string()))?;
        let word = |value: &Value, name: &str| -> Result<String> {
            value[name].as_str().map(str::to_string).ok_or_else(|| damaged(name))
        };
        let count = |value: &Value, name: &str| value[name].as_u64().ok_or_else(|| damaged(name));
        let pairs = |value: &Value| -> Vec<(String, String)> {
            let pairs = value.as_object().into_iter().flatten();
            pairs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_string()))).collect()
        };
        let feature = |value: &Value| -> Result<TrainedFeature> {
            let values = value["values"].as_array().into_iter().flatten();
            let values = values.map(|pair| Some((pair[0].as_str()?.to_string(), pair[1].as_u64()?)));
            Ok(TrainedFeature {
                name: word(value, "name")?,
                kind: if word(value, "kind")? == Kind::Number.to_string() { Kind::Number } else { Kind::Category },
                missing: count(value, "missing")?,
                statistics: pairs(&value["statistics"]),
                values: values.collect::<Option<Vec<_>>>().ok_or_else(|| damaged("values"))?,
            })
        };
        Ok(Self {
            label: label.to_string(),
            model_type: word(&value, "type")?,
            key: word(&value, "key")?,
            missing: Missing::of(&word(&value, "missing")?),
            features: value["features"].as_array().into_iter().flatten().map(feature).collect::<Result<_>>()?,
            options: word(&value, "options")?,
            rows: count(&value, "rows")?,
            skipped: count(&value, "skipped")?,
            metrics: pairs(&value["metrics"]),
            body: value["body"].to_string(),
        })
    }

    /// The type's own part.
    pub fn body(&self) -> Result<Value> {
        serde_json::from_str(&self.body).map_err(|error| damaged(&self.label, &error.to_string()))
    }

    /// A list of numbers in the type's own part.
    pub fn numbers(&self, body: &Value, name: &str) -> Result<Vec<f64>> {
        let list = body[name].as_array().ok_or_else(|| damaged(&self.label, name))?;
        let numbers = list.iter().map(|value| value.as_str().and_then(|text| text.parse().ok()));
        numbers.collect::<Option<_>>().ok_or_else(|| damaged(&self.label, name))
    }

    /// The features of one kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &TrainedFeature> {
        self.features.iter().filter(move |feature| feature.kind == kind)
    }
}

fn damaged(label: &str, what: &str) -> DataFusionError {
    failed(label, format!("the stored model is damaged ({what}); train it again with CREATE OR REPLACE MODEL"))
}
