//! Models of k-prototypes clusters.

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::Fields;
use datafusion::common::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::clusters::{StoredScales, matrix, predicts, unscaled};
use super::model_type::{Centroid, Fitted, Learned, ModelType};
use super::stored::{Exact, StoredForm, TrainedFeature, exact};
use crate::adapter::arguments::Options;
use crate::docs::{Doc, Kind as Page};
use crate::error::failed;
use crate::kernels::cluster::Scale;
use crate::kernels::cluster::kprototypes::{Mixed, Prototype, assign};
use crate::kernels::control::{Control, Stop};
use crate::learning::clustering::kmeans::{INIT_RUNS, N_CLUSTERS, RANDOM_STATE};
use crate::learning::clustering::kprototypes::{GAMMA, How, MOST_PASSES, fit};
use crate::learning::clustering::{SCALE, cluster_columns, tell_empty};
use crate::learning::features::{Computing, KEY, Kind, MISSING, MIXED_FEATURES, Rows, WEIGHT};

#[derive(Debug)]
pub struct KPrototypes;

const DOC: Doc = Doc {
    name: "kprototypes",
    kind: Page::Relation,
    arguments: &[KEY, N_CLUSTERS, MIXED_FEATURES, GAMMA, SCALE, INIT_RUNS, MOST_PASSES, RANDOM_STATE, WEIGHT, MISSING],
    ..Doc::EMPTY
};

impl ModelType for KPrototypes {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, options: &Options) -> Result<String> {
        Ok(How::read(options)?.to_string())
    }

    fn train(
        &self,
        rows: &mut Rows,
        _known: &[TrainedFeature],
        options: &Options,
        running: &Computing<'_>,
    ) -> Result<Learned, Stop> {
        let how = How::read(options).map_err(|error| running.worker.fail(error))?;
        let fitted = fit(rows, &how, running)?;
        let prototypes = &fitted.fit.prototypes;
        let assignment = &fitted.fit.assignment;
        tell_empty(&assignment.labels, &assignment.distances, how.n_clusters, running);
        let mut sizes = vec![0.0; prototypes.len()];
        for (row, label) in fitted.fit.assignment.labels.iter().enumerate() {
            sizes[*label as usize] += rows.weights.as_ref().map_or(1.0, |weights| weights[row]);
        }
        let stored = StoredPrototypes {
            scales: StoredScales::new(fitted.scaled.as_ref()),
            gamma: Exact(fitted.gamma),
            centres: prototypes.iter().flat_map(|prototype| prototype.centre.iter().copied()).collect(),
            modes: prototypes.iter().map(|prototype| modes(rows, prototype)).collect(),
            sizes,
        };
        Ok(Learned {
            metrics: vec![("cost".into(), Some(fitted.fit.cost)), ("iterations".into(), Some(fitted.fit.iterations as f64))],
            body: json!(stored),
        })
    }

    fn read(&self, stored: &StoredForm<'_>) -> Result<Box<dyn Fitted>> {
        let StoredPrototypes { scales, gamma, centres, modes, sizes } = stored.body()?;
        let numbers = stored.trained.of_kind(Kind::Number).count();
        let scales = scales.of_columns(numbers).ok_or_else(|| stored.damaged("scales"))?;
        if modes.is_empty() || modes.len() != sizes.len() || centres.len() != sizes.len() * numbers {
            return Err(stored.damaged("centres"));
        }
        let categories: Vec<_> = stored.trained.of_kind(Kind::Category).collect();
        let prototype = |(cluster, modes): (usize, &Vec<String>)| {
            let codes = categories.iter().zip(modes).map(|(feature, mode)| feature.code(mode));
            let modes = codes.collect::<Option<Vec<u32>>>().filter(|modes| modes.len() == categories.len())?;
            Some(Prototype { centre: centres[cluster * numbers..][..numbers].to_vec(), modes })
        };
        let prototypes = modes.iter().enumerate().map(prototype).collect::<Option<_>>();
        let prototypes = prototypes.ok_or_else(|| stored.damaged("modes"))?;
        Ok(Box::new(Prototypes { scales, gamma: gamma.0, prototypes, sizes }))
    }
}

/// The most frequent values of a cluster.
fn modes(rows: &Rows, prototype: &Prototype) -> Vec<String> {
    let categories = rows.categories.iter().zip(&prototype.modes);
    categories.map(|(category, code)| category.values.as_string::<i32>().value(*code as usize).to_string()).collect()
}

/// The type's own part of the stored model.
#[derive(Debug, Serialize, Deserialize)]
struct StoredPrototypes {
    #[serde(flatten)]
    scales: StoredScales,
    gamma: Exact,
    /// Clusters × numbers, scaled.
    #[serde(with = "exact")]
    centres: Vec<f64>,
    /// The most frequent values of each cluster.
    modes: Vec<Vec<String>>,
    #[serde(with = "exact")]
    sizes: Vec<f64>,
}

#[derive(Debug)]
struct Prototypes {
    scales: Vec<Scale>,
    gamma: f64,
    prototypes: Vec<Prototype>,
    sizes: Vec<f64>,
}

impl Fitted for Prototypes {
    fn predicts(&self) -> Fields {
        predicts()
    }

    fn predict(&self, numbers: &[Vec<f64>], codes: &[Vec<u32>]) -> Result<Vec<ArrayRef>> {
        let numeric = matrix(numbers, &self.scales);
        let found = assign(Mixed { numeric: &numeric, codes }, &self.prototypes, self.gamma, Control::alone());
        let found = found.map_err(|_| failed("ml_predict", "was stopped"))?;
        Ok(cluster_columns(&found.labels, &found.distances))
    }

    fn scales(&self) -> &[Scale] {
        &self.scales
    }

    fn centroids(&self) -> Vec<Centroid> {
        let centroid = |(prototype, rows): (&Prototype, &f64)| Centroid {
            rows: *rows,
            numbers: unscaled(&prototype.centre, &self.scales),
            categories: prototype.modes.clone(),
        };
        self.prototypes.iter().zip(&self.sizes).map(centroid).collect()
    }
}
