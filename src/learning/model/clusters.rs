//! What cluster models share: their predictions, and their centres in the features' original units.

use datafusion::arrow::datatypes::{DataType, Field, Fields};
use serde::{Deserialize, Serialize};

use super::stored::exact;
use crate::kernels::cluster::{Matrix, Scale};
use crate::learning::features::Scaled;

/// The columns of a prediction: cluster and distance. Both are NULL for rows that lack a feature, if the model skips such rows.
pub fn predicts() -> Fields {
    Fields::from(vec![Field::new("cluster_id", DataType::Int32, true), Field::new("distance", DataType::Float64, true)])
}

/// The scaling of the numbers, as stored: (number − offset) · factor, of the number or of its logarithm.
#[derive(Debug, Serialize, Deserialize)]
pub struct StoredScales {
    #[serde(with = "exact")]
    offsets: Vec<f64>,
    #[serde(with = "exact")]
    factors: Vec<f64>,
    /// Whether the logarithms were scaled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    logarithms: bool,
}

impl StoredScales {
    pub fn new(scaled: Option<&Scaled>) -> Self {
        let scales = || scaled.iter().flat_map(|scaled| &scaled.scales);
        let (offsets, factors) = scales().map(|scale| (scale.offset, scale.factor)).unzip();
        Self { offsets, factors, logarithms: scales().any(|scale| scale.is_of_logarithm) }
    }

    /// The scales of this many columns; `None` if the stored number differs.
    pub fn of_columns(&self, columns: usize) -> Option<Vec<Scale>> {
        let fits = self.offsets.len() == columns && self.factors.len() == columns;
        let scale = |(offset, factor): (&f64, &f64)| Scale { offset: *offset, factor: *factor, is_of_logarithm: self.logarithms };
        let scales = self.offsets.iter().zip(&self.factors).map(scale);
        fits.then(|| scales.collect())
    }
}

/// Rows of numbers, scaled as in training.
pub fn matrix(numbers: &[Vec<f64>], scales: &[Scale]) -> Matrix {
    let mut matrix = Matrix::new(numbers.len());
    matrix.push(&numbers.iter().map(Vec::as_slice).collect::<Vec<_>>());
    matrix.scale(scales);
    matrix
}

/// Converts a centre to the features' original units.
pub fn unscaled(centre: &[f64], scales: &[Scale]) -> Vec<f64> {
    centre.iter().zip(scales).map(|(value, scale)| scale.unscale(*value)).collect()
}
