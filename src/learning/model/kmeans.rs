//! Models of k-means clusters.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::Fields;
use datafusion::common::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::clusters::{StoredScales, matrix, predicts, unscaled};
use super::model_type::{Centroid, Fitted, Learned, ModelType};
use super::stored::{StoredForm, TrainedFeature, exact};
use crate::adapter::arguments::Options;
use crate::docs::{Doc, Kind};
use crate::error::failed;
use crate::kernels::cluster::indices::Indices;
use crate::kernels::cluster::{Scale, assign};
use crate::kernels::control::{Control, Stop};
use crate::learning::clustering::kmeans::{How, INIT, MAX_ITER, N_CLUSTERS, N_INIT, RANDOM_STATE, TOL, cluster};
use crate::learning::clustering::validity::mean_silhouettes;
use crate::learning::clustering::{SCALE, cluster_columns, count, scale, tell_empty};
use crate::learning::features::{Computing, FEATURES, KEY, MISSING, Rows, WEIGHT};

#[derive(Debug)]
pub struct KMeans;

const DOC: Doc = Doc {
    name: "kmeans",
    kind: Kind::Relation,
    arguments: &[KEY, N_CLUSTERS, FEATURES, SCALE, INIT, N_INIT, MAX_ITER, TOL, RANDOM_STATE, WEIGHT, MISSING],
    ..Doc::EMPTY
};

impl ModelType for KMeans {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, options: &Options) -> Result<String> {
        let how = How::read(options, count(options, N_CLUSTERS.name)?)?;
        Ok(how.to_string())
    }

    fn train(
        &self,
        rows: &mut Rows,
        _known: &[TrainedFeature],
        options: &Options,
        running: &Computing<'_>,
    ) -> Result<Learned, Stop> {
        let control = running.worker.control(running.worker.threads);
        let how = count(options, N_CLUSTERS.name).and_then(|clusters| How::read(options, clusters));
        let how = how.map_err(|error| running.worker.fail(error))?;
        let scaled = scale(rows, how.search.scaling, running)?;
        let found = cluster(&rows.numbers, rows, how.n_clusters, &how.search, None, running)?;
        let labels = &found.assigned.labels;
        tell_empty(labels, &found.assigned.squared_distances, how.n_clusters, running);
        let indices = Indices::new(&rows.numbers, labels, Some(&found.centres), how.n_clusters, rows.weights.as_deref(), control)
            .map_err(|stop| running.stopped(stop))?;
        let silhouette = mean_silhouettes(rows, &[labels], how.search.random_state, running)?;
        let metrics = vec![
            ("inertia".into(), Some(found.inertia)),
            ("silhouette".into(), silhouette.first().copied().flatten()),
            ("davies_bouldin".into(), indices.davies_bouldin),
            ("calinski_harabasz".into(), indices.calinski_harabasz),
            ("iterations".into(), Some(found.iterations as f64)),
        ];
        let stored = StoredCentres { scales: StoredScales::new(Some(&scaled)), centres: found.centres, sizes: found.sizes };
        Ok(Learned { metrics, body: json!(stored) })
    }

    fn read(&self, stored: &StoredForm<'_>) -> Result<Box<dyn Fitted>> {
        let StoredCentres { scales, centres, sizes } = stored.body()?;
        let scales = scales.of_columns(stored.trained.features.len()).ok_or_else(|| stored.damaged("scales"))?;
        if scales.is_empty() || centres.is_empty() || centres.len() != sizes.len() * scales.len() {
            return Err(stored.damaged("centres"));
        }
        Ok(Box::new(Centres { scales, centres, sizes }))
    }
}

/// The type's own part of the stored model.
#[derive(Debug, Serialize, Deserialize)]
struct StoredCentres {
    #[serde(flatten)]
    scales: StoredScales,
    /// Clusters × features, scaled.
    #[serde(with = "exact")]
    centres: Vec<f64>,
    #[serde(with = "exact")]
    sizes: Vec<f64>,
}

#[derive(Debug)]
struct Centres {
    scales: Vec<Scale>,
    /// Clusters × features, scaled.
    centres: Vec<f64>,
    sizes: Vec<f64>,
}

impl Fitted for Centres {
    fn predicts(&self) -> Fields {
        predicts()
    }

    fn predict(&self, numbers: &[Vec<f64>], _codes: &[Vec<u32>]) -> Result<Vec<ArrayRef>> {
        let found = assign(&self.centres, &matrix(numbers, &self.scales), Control::alone());
        let found = found.map_err(|_| failed("ml_predict", "was stopped"))?;
        Ok(cluster_columns(&found.labels, &found.squared_distances))
    }

    fn scales(&self) -> &[Scale] {
        &self.scales
    }

    fn centroids(&self) -> Vec<Centroid> {
        let centroid = |(centre, rows): (&[f64], &f64)| Centroid {
            rows: *rows,
            numbers: unscaled(centre, &self.scales),
            categories: vec![],
        };
        self.centres.chunks(self.scales.len()).zip(&self.sizes).map(centroid).collect()
    }
}
