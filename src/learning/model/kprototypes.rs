//! Models of k-prototypes clusters.

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::Fields;
use datafusion::common::Result;
use serde_json::{Value, json};

use super::clusters::{matrix, parts, predicts, scales};
use super::kind::{Centroid, Learned, ModelType, Predictor};
use super::trained::{Trained, exact, numbers};
use crate::adapter::arguments::Options;
use crate::docs::Doc;
use crate::error::failed;
use crate::functions::page;
use crate::kernels::cluster::Scale;
use crate::kernels::cluster::kprototypes::{Mixed, Prototype, assign};
use crate::kernels::control::{Control, Stop};
use crate::learning::clustering::cluster_columns;
use crate::learning::clustering::kprototypes::{How, fit};
use crate::learning::features::{Computing, Kind, Rows};

#[derive(Debug)]
pub struct KPrototypes;

impl ModelType for KPrototypes {
    fn name(&self) -> &'static str {
        "kprototypes"
    }

    fn doc(&self) -> &'static Doc {
        page("kprototypes")
    }

    fn check(&self, options: &Options) -> Result<String> {
        Ok(How::read(options)?.to_string())
    }

    fn train(&self, rows: &mut Rows, options: &Options, running: &Computing<'_>) -> Result<Learned, Stop> {
        let how = How::read(options).map_err(|error| running.worker.fail(error))?;
        let fitted = fit(rows, &how, running)?;
        let (offsets, factors) = fitted.scaled.as_ref().map(parts).unwrap_or_default();
        let mut sizes = vec![0.0; fitted.fit.prototypes.len()];
        for (row, label) in fitted.fit.assignment.labels.iter().enumerate() {
            sizes[*label as usize] += rows.weights.as_ref().map_or(1.0, |weights| weights[row]);
        }
        let centres: Vec<f64> = fitted.fit.prototypes.iter().flat_map(|prototype| prototype.centre.iter().copied()).collect();
        let modes: Vec<Value> = fitted.fit.prototypes.iter().map(|prototype| json!(texts(rows, prototype))).collect();
        Ok(Learned {
            metrics: vec![("cost", Some(fitted.fit.cost)), ("iterations", Some(fitted.fit.iterations as f64))],
            body: json!({
                "offsets": numbers(&offsets), "factors": numbers(&factors), "gamma": exact(fitted.gamma),
                "centres": numbers(&centres), "modes": modes, "sizes": numbers(&sizes),
            }),
        })
    }

    fn predicts(&self) -> Fields {
        predicts()
    }

    fn predictor(&self, model: &Trained) -> Result<Box<dyn Predictor>> {
        Ok(Box::new(Prototypes::read(model)?))
    }

    fn scales(&self, model: &Trained) -> Result<Vec<Scale>> {
        Ok(Prototypes::read(model)?.scales)
    }

    fn centroids(&self, model: &Trained) -> Result<Vec<Centroid>> {
        let Prototypes { scales, prototypes, sizes, .. } = Prototypes::read(model)?;
        let centroid = |(prototype, rows): (&Prototype, f64)| Centroid {
            rows,
            numbers: prototype.centre.iter().zip(&scales).map(|(value, scale)| scale.unscale(*value)).collect(),
            categories: model
                .of_kind(Kind::Category)
                .zip(&prototype.modes)
                .map(|(feature, code)| feature.values.get(*code as usize).map_or_else(String::new, |(value, _)| value.clone()))
                .collect(),
        };
        Ok(prototypes.iter().zip(sizes).map(centroid).collect())
    }
}

/// The most frequent values of a cluster.
fn texts(rows: &Rows, prototype: &Prototype) -> Vec<String> {
    let categories = rows.categories.iter().zip(&prototype.modes);
    categories.map(|(category, code)| category.values.as_string::<i32>().value(*code as usize).to_string()).collect()
}

#[derive(Debug)]
struct Prototypes {
    scales: Vec<Scale>,
    gamma: f64,
    prototypes: Vec<Prototype>,
    sizes: Vec<f64>,
}

impl Prototypes {
    fn read(model: &Trained) -> Result<Self> {
        let damaged = |what: &str| failed(&model.label, format!("the stored model is damaged ({what})"));
        let body = model.body()?;
        let list = |name: &str| model.numbers(&body, name);
        let scales = scales(&model.label, list("offsets")?, list("factors")?)?;
        let gamma = body["gamma"].as_str().and_then(|text| text.parse().ok()).ok_or_else(|| damaged("gamma"))?;
        let (centres, sizes) = (list("centres")?, list("sizes")?);
        let modes = body["modes"].as_array().ok_or_else(|| damaged("modes"))?;
        if modes.len() != sizes.len() || centres.len() != sizes.len() * scales.len() {
            return Err(damaged("centres"));
        }
        let prototype = |(cluster, modes): (usize, &Value)| {
            let codes = model.of_kind(Kind::Category).enumerate().map(|(place, feature)| {
                let mode = modes[place].as_str()?;
                feature.values.iter().position(|(value, _)| value == mode).map(|code| code as u32)
            });
            let modes = codes.collect::<Option<Vec<u32>>>().ok_or_else(|| damaged("modes"))?;
            Ok(Prototype { centre: centres[cluster * scales.len()..][..scales.len()].to_vec(), modes })
        };
        let prototypes = modes.iter().enumerate().map(prototype).collect::<Result<_>>()?;
        Ok(Self { gamma, prototypes, sizes, scales })
    }
}

impl Predictor for Prototypes {
    fn predict(&self, numbers: &[Vec<f64>], codes: &[Vec<u32>], _rows: usize) -> Result<Vec<ArrayRef>> {
        let numeric = matrix(numbers, &self.scales);
        let found = assign(Mixed { numeric: &numeric, codes }, &self.prototypes, self.gamma, Control::alone());
        let found = found.map_err(|_| failed("ml_predict", "was stopped"))?;
        Ok(cluster_columns(&found.labels, &found.distances))
    }
}
