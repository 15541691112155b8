//! Models of k-means clusters.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::Fields;
use datafusion::common::Result;
use serde_json::json;

use super::clusters::{matrix, parts, predicts, scales};
use super::kind::{Centroid, Learned, ModelType, Predictor};
use super::trained::{Trained, numbers};
use crate::adapter::arguments::Options;
use crate::docs::Doc;
use crate::error::failed;
use crate::functions::page;
use crate::kernels::cluster::indices::Indices;
use crate::kernels::cluster::{Scale, assign};
use crate::kernels::control::{Control, Stop};
use crate::learning::clustering::kmeans::{How, N_CLUSTERS, cluster};
use crate::learning::clustering::validity::mean_silhouettes;
use crate::learning::clustering::{cluster_columns, count, scale};
use crate::learning::features::{Computing, Rows};

#[derive(Debug)]
pub struct KMeans;

impl ModelType for KMeans {
    fn name(&self) -> &'static str {
        "kmeans"
    }

    fn doc(&self) -> &'static Doc {
        page("kmeans")
    }

    fn check(&self, options: &Options) -> Result<String> {
        let how = How::read(options, count(options, N_CLUSTERS.name)?)?;
        Ok(how.to_string())
    }

    fn train(&self, rows: &mut Rows, options: &Options, running: &Computing<'_>) -> Result<Learned, Stop> {
        let control = running.worker.control(running.worker.threads);
        let how = count(options, N_CLUSTERS.name).and_then(|clusters| How::read(options, clusters));
        let how = how.map_err(|error| running.worker.fail(error))?;
        let scaled = scale(rows, how.search.scaling, running)?;
        let found = cluster(&rows.numbers, rows, how.n_clusters, &how.search, None, running)?;
        let labels = &found.assigned.labels;
        let indices = Indices::new(&rows.numbers, labels, Some(&found.centres), how.n_clusters, rows.weights.as_deref(), control)
            .map_err(|stop| running.stopped(stop))?;
        let silhouette = mean_silhouettes(rows, &[labels], how.search.random_state, running)?;
        let (offsets, factors) = parts(&scaled);
        Ok(Learned {
            metrics: vec![
                ("inertia", Some(found.inertia)),
                ("silhouette", silhouette.first().copied().flatten()),
                ("davies_bouldin", indices.davies_bouldin),
                ("calinski_harabasz", indices.calinski_harabasz),
                ("iterations", Some(found.iterations as f64)),
            ],
            body: json!({
                "offsets": numbers(&offsets), "factors": numbers(&factors),
                "centres": numbers(&found.centres), "sizes": numbers(&found.sizes),
            }),
        })
    }

    fn predicts(&self) -> Fields {
        predicts()
    }

    fn predictor(&self, model: &Trained) -> Result<Box<dyn Predictor>> {
        Ok(Box::new(Centres::read(model)?))
    }

    fn scales(&self, model: &Trained) -> Result<Vec<Scale>> {
        Ok(Centres::read(model)?.scales)
    }

    fn centroids(&self, model: &Trained) -> Result<Vec<Centroid>> {
        let Centres { scales, centres, sizes } = Centres::read(model)?;
        let centre = |(values, rows): (&[f64], f64)| Centroid {
            rows,
            numbers: values.iter().zip(&scales).map(|(value, scale)| scale.unscale(*value)).collect(),
            categories: vec![],
        };
        Ok(centres.chunks(scales.len().max(1)).zip(sizes).map(centre).collect())
    }
}

#[derive(Debug)]
struct Centres {
    scales: Vec<Scale>,
    /// Clusters × features.
    centres: Vec<f64>,
    sizes: Vec<f64>,
}

impl Centres {
    fn read(model: &Trained) -> Result<Self> {
        let body = model.body()?;
        let list = |name: &str| model.numbers(&body, name);
        let centres = Self {
            scales: scales(&model.label, list("offsets")?, list("factors")?)?,
            centres: list("centres")?,
            sizes: list("sizes")?,
        };
        if centres.scales.len() != model.features.len() || centres.centres.len() != centres.sizes.len() * model.features.len() {
            return Err(failed(&model.label, "the stored model is damaged (centres)"));
        }
        Ok(centres)
    }
}

impl Predictor for Centres {
    fn predict(&self, numbers: &[Vec<f64>], _codes: &[Vec<u32>], _rows: usize) -> Result<Vec<ArrayRef>> {
        let found = assign(&self.centres, &matrix(numbers, &self.scales), Control::alone());
        let found = found.map_err(|_| failed("ml_predict", "was stopped"))?;
        Ok(cluster_columns(&found.labels, &found.squared_distances))
    }
}
