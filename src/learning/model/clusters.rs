//! What models of clusters share: their prediction, and their centres in the features' own units.

use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result;

use crate::error::failed;
use crate::kernels::cluster::{Matrix, Scale};
use crate::learning::features::Scaled;

/// The columns of a prediction: cluster and distance; NULL for a row that lacks a feature, of a model that skips such rows.
pub fn predicts() -> Fields {
    Fields::from(vec![Field::new("cluster_id", DataType::Int32, true), Field::new("distance", DataType::Float64, true)])
}

/// How each number was scaled, from lists of offsets and factors.
pub fn scales(label: &str, offsets: Vec<f64>, factors: Vec<f64>) -> Result<Vec<Scale>> {
    if offsets.len() != factors.len() {
        return Err(failed(label, "the stored model is damaged (scales)"));
    }
    Ok(offsets.into_iter().zip(factors).map(|(offset, factor)| Scale { offset, factor }).collect())
}

/// Rows of numbers as they were scaled in training.
pub fn matrix(numbers: &[Vec<f64>], scales: &[Scale]) -> Matrix {
    let mut matrix = Matrix::new(numbers.len());
    matrix.push(&numbers.iter().map(Vec::as_slice).collect::<Vec<_>>());
    matrix.scale(scales);
    matrix
}

/// The factors and offsets of what was scaled.
pub fn parts(scaled: &Scaled) -> (Vec<f64>, Vec<f64>) {
    scaled.scales.iter().map(|scale| (scale.offset, scale.factor)).unzip()
}
