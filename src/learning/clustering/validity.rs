//! Validity indices of clusterings.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, Float64Array, Int32Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use serde::{Deserialize, Serialize};

use super::scale;
use crate::adapter::plain::Plain;
use crate::kernels::cluster::indices::Indices;
use crate::kernels::cluster::silhouette::{MOST_ROWS, mean, silhouettes};
use crate::kernels::cluster::{Scaling, sample};
use crate::kernels::control::Stop;
use crate::learning::features::{Compute, Computing, Rows};

/// The columns for the indices of a clustering; they may be NULL.
pub const INDICES: [(&str, DataType); 5] = [
    ("inertia", DataType::Float64),
    ("silhouette", DataType::Float64),
    ("davies_bouldin", DataType::Float64),
    ("calinski_harabasz", DataType::Float64),
    ("smallest_share", DataType::Float64),
];

/// All measures of a clustering except the silhouette.
pub struct Measured {
    pub indices: Indices,
    pub labels: Vec<u32>,
}

impl Measured {
    /// The share of the rows in the smallest cluster.
    pub fn smallest_share(&self) -> f64 {
        let rows: u64 = self.indices.sizes.iter().sum();
        self.indices.smallest() as f64 / rows as f64
    }
}

/// The mean silhouette of each labeling; if there are many rows, of a sample.
pub fn mean_silhouettes(
    rows: &Rows,
    labelings: &[&[u32]],
    random_state: u64,
    running: &Computing<'_>,
) -> Result<Vec<Option<f64>>, Stop> {
    let control = running.worker.control(running.worker.threads);
    let sampled = sample(&rows.identity, random_state, MOST_ROWS);
    let each = silhouettes(&rows.numbers, &sampled, labelings, control).map_err(|stop| running.stopped(stop))?;
    // With a single cluster, there is no other cluster to compare with.
    let is_defined = |labels: &[u32]| labels.iter().any(|label| Some(label) != labels.first());
    Ok(each.iter().zip(labelings).map(|(each, labels)| mean(each).filter(|_| is_defined(labels))).collect())
}

/// The columns of [`INDICES`].
pub fn index_columns(measured: &[Measured], silhouettes: &[Option<f64>]) -> Vec<ArrayRef> {
    let column =
        |value: &dyn Fn(&Measured) -> Option<f64>| -> ArrayRef { Arc::new(measured.iter().map(value).collect::<Float64Array>()) };
    vec![
        column(&|one| Some(one.indices.inertia)),
        Arc::new(silhouettes.iter().copied().collect::<Float64Array>()),
        column(&|one| one.indices.davies_bouldin),
        column(&|one| one.indices.calinski_harabasz),
        column(&|one| Some(one.smallest_share())),
    ]
}

/// Computes the indices of existing groups, as one row.
#[derive(Debug, Serialize, Deserialize)]
pub struct Validity {
    #[serde(rename = "scale")]
    pub scaling: Scaling,
    pub random_state: u64,
}

impl Validity {
    /// The columns of its row.
    pub fn columns() -> Vec<FieldRef> {
        let column = |name: &str, data_type: DataType| FieldRef::from(Field::new(name, data_type, true));
        let mut columns = vec![column("clusters", DataType::Int32), column("rows", DataType::Int64)];
        columns.extend(INDICES.map(|(name, data_type)| column(name, data_type)));
        columns
    }
}

impl Plain for Validity {
    const NAME: &'static str = "ClusterValidity";
}

impl Compute for Validity {
    fn compute(&self, mut rows: Rows, running: &Computing<'_>) -> Result<(), Stop> {
        let control = running.worker.control(running.worker.threads);
        scale(&mut rows, self.scaling, running)?;
        let label = rows.label.take().unwrap_or_default();
        let clusters = label.values.len();
        let indices =
            Indices::new(&rows.numbers, &label.codes, None, clusters, None, control).map_err(|stop| running.stopped(stop))?;
        let silhouettes = mean_silhouettes(&rows, &[&label.codes], self.random_state, running)?;
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(Int32Array::from(vec![clusters as i32])), Arc::new(Int64Array::from(vec![rows.len() as i64]))];
        columns.extend(index_columns(&[Measured { indices, labels: vec![] }], &silhouettes));
        running.worker.send(Ok(columns))
    }
}
