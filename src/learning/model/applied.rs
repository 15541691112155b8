//! A stored model after it has been read: predicts, and describes itself.

use std::hash::{Hash, Hasher};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StructArray};
use datafusion::arrow::compute::{can_cast_types, cast, nullif};
use datafusion::arrow::datatypes::{DataType, Fields, Float64Type};
use datafusion::common::{DFSchema, Result};

use super::model_type;
use super::model_type::{Centroid, Fitted};
use super::stored::{StoredForm, Trained, TrainedFeature, UNSEEN};
use crate::catalog::models::StoredModel;
use crate::error::{did_you_mean, failed, invalid, unusable};
use crate::kernels::cluster::Scale;
use crate::learning::features::{Kind, LARGEST, Missing, is_time};

/// A model of the database, in memory.
///
/// Reading a model takes time and memory in proportion to its size. It is read once per call that names it, during planning, and shared
/// by all partitions.
#[derive(Debug)]
pub struct Model {
    /// Name and version, for EXPLAIN and errors.
    pub label: String,
    pub trained: Trained,
    predicts: Fields,
    fitted: Box<dyn Fitted>,
    stored: StoredModel,
}

/// Rows of features in the form that [`Fitted`] takes.
#[derive(Debug)]
pub struct FeatureRows {
    pub numbers: Vec<Vec<f64>>,
    pub codes: Vec<Vec<u32>>,
    /// Whether the model skips the row.
    pub skipped: BooleanArray,
}

impl Model {
    /// Reads a stored model.
    ///
    /// # Errors
    /// The text is damaged, or its type is not known to this version.
    pub fn read(stored: StoredModel) -> Result<Self> {
        let label = format!("model {}, version {}", stored.name, stored.version);
        let trained = Trained::read(&label, &stored.trained)?;
        let Some(model_type) = model_type(&trained.model_type) else {
            let problem = format!(
                "is of type '{}', which this version does not support; use the version that created it",
                trained.model_type
            );
            return Err(failed(&label, problem));
        };
        let fitted = model_type.read(&StoredForm { label: &label, trained: &trained, text: &stored.trained })?;
        #[cfg(test)]
        readings::count(&label);
        Ok(Self { label, trained, predicts: fitted.predicts(), fitted, stored })
    }

    /// The model as it is stored.
    pub fn stored(&self) -> &StoredModel {
        &self.stored
    }

    /// The columns that a prediction adds.
    pub fn predicts(&self) -> &Fields {
        &self.predicts
    }

    /// How each number was scaled in training, if they were.
    pub fn scales(&self) -> &[Scale] {
        self.fitted.scales()
    }

    /// The result of training.
    pub fn fitted(&self) -> &dyn Fitted {
        self.fitted.as_ref()
    }

    /// The centres of its clusters, if any.
    pub fn centroids(&self) -> Vec<Centroid> {
        self.fitted.centroids()
    }

    /// Checks that an input has all features, and no column with the name of a prediction.
    ///
    /// # Errors
    /// The message lists everything that is wrong.
    pub fn check(&self, input: &DFSchema) -> Result<()> {
        let names = || input.fields().iter().map(|field| field.name().as_str());
        let (mut problems, mut lacking) = (vec![], None);
        for feature in &self.trained.features {
            let (name, kind) = (&feature.name, feature.kind);
            match input.fields().iter().find(|field| field.name() == name).map(|field| field.data_type()) {
                None => {
                    let suggestion = did_you_mean(name, names());
                    problems.push(format!("the input has no column \"{name}\", which the model needs as a {kind}{suggestion}"));
                    lacking = lacking.or(Some(name));
                }
                Some(found) if feature.is_time && !is_time(found) => {
                    problems.push(format!(
                        "{name} was a date or time when the model was trained, here it is {found}; write CAST({name} AS DATE)"
                    ));
                }
                Some(found) if kind == Kind::Number && !feature.is_time && !found.is_numeric() => {
                    problems.push(format!(
                        "{name} was a number when the model was trained, here it is {found}; write CAST({name} AS DOUBLE)"
                    ));
                }
                Some(found) if kind == Kind::Category && !can_cast_types(found, &DataType::Utf8) => {
                    problems
                        .push(format!("{name} was a category when the model was trained, here it is {found}; write it as text"));
                }
                Some(_) => {}
            }
        }
        if let Some(taken) = self.predicts.iter().find(|field| names().any(|name| name == field.name())) {
            problems.push(format!("the input has a column {} already; leave it out", taken.name()));
        }
        let twice = names().enumerate().find(|(place, name)| names().take(*place).any(|other| other == *name));
        if let Some((_, name)) = twice {
            problems.push(format!("the input has two columns \"{name}\"; rename one in (SELECT … AS …)"));
        }
        // Said once, however many are lacking.
        problems.extend(lacking.map(|name| format!("give each feature under its name: (SELECT …, … AS {name} FROM …)")));
        if problems.is_empty() { Ok(()) } else { Err(invalid(&self.label, problems.join("; "))) }
    }

    /// The predictions for rows of the features, in the model's order; a row that the model skips has NULL in every column.
    ///
    /// # Errors
    /// A row lacks a feature and the model was created with `missing = 'error'`, or a number is too large.
    pub fn predict(&self, features: &[ArrayRef], rows: usize) -> Result<StructArray> {
        let FeatureRows { numbers, codes, skipped } = self.feature_rows(features, rows)?;
        let columns = self.fitted.predict(&numbers, &codes)?;
        let columns = columns.iter().map(|column| Ok(nullif(column, &skipped)?)).collect::<Result<Vec<_>>>()?;
        Ok(StructArray::try_new(self.predicts.clone(), columns, None)?)
    }

    /// Converts features, in the model's order, into the form that the model takes.
    ///
    /// # Errors
    /// Those of [`predict`](Self::predict).
    pub fn feature_rows(&self, features: &[ArrayRef], rows: usize) -> Result<FeatureRows> {
        if features.len() != self.trained.features.len() {
            let (wanted, given) = (self.trained.features.len(), features.len());
            return Err(failed(&self.label, format!("has {wanted} features, got {given}")));
        }
        let mut skipped = vec![false; rows];
        let (mut numbers, mut codes) = (vec![], vec![]);
        for (feature, column) in self.trained.features.iter().zip(features) {
            match feature.kind {
                Kind::Number => numbers.push(self.numbers(feature, column, &mut skipped)?),
                Kind::Category => codes.push(self.codes(feature, column, &mut skipped)?),
            }
        }
        Ok(FeatureRows { numbers, codes, skipped: BooleanArray::from(skipped) })
    }

    /// Reads a number feature; a missing value becomes the mean of the training rows, or NaN if missing values are kept.
    fn numbers(&self, feature: &TrainedFeature, column: &ArrayRef, skipped: &mut [bool]) -> Result<Vec<f64>> {
        let column = cast(column, &DataType::Float64)?;
        let column = column.as_primitive::<Float64Type>();
        let (mean, is_kept) = (feature.mean(), self.trained.missing == Missing::Keep);
        let mut values = Vec::with_capacity(skipped.len());
        for (row, skipped) in skipped.iter_mut().enumerate() {
            let value = if column.is_valid(row) { column.value(row) } else { f64::NAN };
            if !value.is_finite() {
                self.missing(&feature.name, skipped)?;
                values.push(if is_kept { f64::NAN } else { mean });
                continue;
            }
            if value.abs() > LARGEST {
                let problem = format!("a row has the {} {value:e}, too large to be squared", feature.name);
                return Err(unusable(&self.label, problem));
            }
            values.push(value);
        }
        Ok(values)
    }

    /// Reads a categorical feature; a missing value becomes the most frequent value of the training rows, or [`UNSEEN`] if missing values
    /// are kept.
    fn codes(&self, feature: &TrainedFeature, column: &ArrayRef, skipped: &mut [bool]) -> Result<Vec<u32>> {
        let column = cast(column, &DataType::Utf8)?;
        let column = column.as_string::<i32>();
        let (mode, is_kept) = (feature.mode(), self.trained.missing == Missing::Keep);
        let mut codes = Vec::with_capacity(skipped.len());
        for (row, skipped) in skipped.iter_mut().enumerate() {
            if column.is_null(row) {
                self.missing(&feature.name, skipped)?;
                codes.push(if is_kept { UNSEEN } else { mode });
            } else {
                codes.push(feature.code(column.value(row)).unwrap_or(UNSEEN));
            }
        }
        Ok(codes)
    }

    /// Applies the model's `missing` option to a row that lacks a feature.
    fn missing(&self, feature: &str, skipped: &mut bool) -> Result<()> {
        match self.trained.missing {
            Missing::Mean | Missing::Keep => Ok(()),
            Missing::Skip => {
                *skipped = true;
                Ok(())
            }
            Missing::Error => {
                let problem = format!(
                    "a row has no {feature} (NULL, NaN or infinite); leave such rows out with WHERE, or train with missing = 'mean' or 'skip'"
                );
                Err(unusable(&self.label, problem))
            }
        }
    }
}

/// Two models are equal if their stored forms are.
impl PartialEq for Model {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || self.stored == other.stored
    }
}

impl Eq for Model {}

/// Hashes only the label: plans are hashed often, and a model may be large.
impl Hash for Model {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.label.hash(state);
    }
}

/// Counts how often models are read, for a test that a query reads each model only once.
#[cfg(test)]
pub mod readings {
    use std::collections::BTreeMap;

    use parking_lot::Mutex;

    static COUNTS: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());

    pub fn count(label: &str) {
        *COUNTS.lock().entry(label.to_string()).or_default() += 1;
    }

    pub fn of(label: &str) -> usize {
        COUNTS.lock().get(label).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Float64Array, Int32Array, StringArray};

    use super::*;
    use crate::error::message;

    fn stored(text: &str) -> StoredModel {
        StoredModel { name: "m".into(), version: 3, trained: text.into(), took: 0 }
    }

    /// Models as stored by earlier versions, with every number as a string.
    const OLD_KMEANS: &str = r#"{"body":{"centres":["0.8156473902861876","-1.2234710854292814"],"factors":["0.0509779618928866"],"offsets":["45.0"],"sizes":["3.0","2.0"]},
        "features":[{"kind":"number","missing":0,"name":"age","statistics":{"max":"62.0","mean":"45.0","median":"60.0","min":"20.0","stddev":"21.93171219946131"},"values":[]}],
        "key":"id","metrics":{"calinski_harabasz":"inf","davies_bouldin":"NaN","inertia":"0.010395010395010399"},"missing":"skip",
        "options":"n_clusters => 2","rows":5,"skipped":0,"type":"kmeans"}"#;
    const OLD_KPROTOTYPES: &str = r#"{"body":{"centres":["0.8156473902861876","-1.2234710854292814"],"factors":["0.0509779618928866"],"gamma":"0.49999999999999994","modes":[["store"],["app"]],"offsets":["45.0"],"sizes":["3.0","2.0"]},
        "features":[{"kind":"number","missing":0,"name":"age","statistics":{"max":"62.0","mean":"45.0","median":"60.0","min":"20.0","stddev":"21.93171219946131"},"values":[]},
                    {"kind":"category","missing":1,"name":"channel","statistics":{},"values":[["app",3],["store",2]]}],
        "key":"id","metrics":{"cost":"0.5103950103950297","iterations":"2.0"},"missing":"mean","options":"n_clusters => 2","rows":5,"skipped":0,"type":"kprototypes"}"#;

    fn clusters(prediction: &StructArray) -> Vec<Option<i32>> {
        prediction.column(0).as_any().downcast_ref::<Int32Array>().unwrap().iter().collect()
    }

    #[test]
    fn models_of_earlier_versions_predict() {
        let ages: ArrayRef = Arc::new(Float64Array::from(vec![Some(20.0), None, Some(61.0)]));
        let model = Model::read(stored(OLD_KMEANS)).unwrap();
        let prediction = model.predict(&[Arc::clone(&ages)], 3).unwrap();
        assert_eq!(clusters(&prediction), [Some(2), None, Some(1)]);
        let distance = prediction.column(1).as_primitive::<Float64Type>().value(0);
        assert!((distance - 0.050_977_961_892_883_616).abs() < 1e-15, "{distance}");
        assert_eq!(model.trained.metrics["calinski_harabasz"].0, f64::INFINITY);
        assert!(model.trained.metrics["davies_bouldin"].0.is_nan());

        let model = Model::read(stored(OLD_KPROTOTYPES)).unwrap();
        let channels: ArrayRef = Arc::new(StringArray::from(vec![Some("app"), Some("fax"), None]));
        assert_eq!(clusters(&model.predict(&[ages, channels], 3).unwrap()), [Some(2), Some(1), Some(1)]);
        let centroids = model.centroids();
        assert_eq!((centroids[0].rows, centroids[1].categories.as_slice()), (3.0, [0].as_slice()));
        assert!((centroids[0].numbers[0] - 61.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_written_now_predicts_the_same() {
        for old in [OLD_KMEANS, OLD_KPROTOTYPES] {
            let model = Model::read(stored(old)).unwrap();
            let body: serde_json::Value = serde_json::from_str(old).unwrap();
            let again = Model::read(stored(&model.trained.to_text(&body["body"]).unwrap())).unwrap();
            assert_eq!(format!("{:?}", again.trained), format!("{:?}", model.trained));
            assert_eq!(format!("{:?}", again.fitted), format!("{:?}", model.fitted));
        }
    }

    #[test]
    fn what_is_damaged_is_named() {
        for (from, to, problem) in [
            ("[\"45.0\"]", "[]", "(scales)"),
            ("\"3.0\",", "", "(centres)"),
            ("\"45.0\"],\"sizes\"", "\"4,5\"],\"sizes\"", "'4,5' is not a number"),
            ("\"kmeans\"", "\"trees\"", "is of type 'trees', which this version does not support"),
            ("\"rows\":5,", "", "missing field `rows`"),
            ("\"skip\"", "\"leap\"", "unknown variant `leap`"),
        ] {
            let text = OLD_KMEANS.replace(from, to);
            assert_ne!(text, OLD_KMEANS);
            let error = message(&Model::read(stored(&text)).unwrap_err());
            assert!(error.starts_with("model m, version 3: ") && error.contains(problem), "{error}");
        }
        let text = OLD_KPROTOTYPES.replace("[[\"store\"]", "[[\"shop\"]");
        let error = message(&Model::read(stored(&text)).unwrap_err());
        assert!(error.contains("damaged (modes)"), "{error}");
    }
}
