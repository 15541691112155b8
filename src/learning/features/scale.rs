//! Scaling that makes numbers comparable.

use crate::kernels::cluster::{Failure, Matrix, Scale, Scaling};
use crate::kernels::control::Control;

/// The scaling of each column.
#[derive(Debug, Clone)]
pub struct Scaled {
    pub scales: Vec<Scale>,
}

impl Scaled {
    /// Scales a value as its column was scaled.
    pub fn scale(&self, column: usize, value: f64) -> f64 {
        self.scales[column].scale(value)
    }
}

/// Scales a matrix in place.
pub fn scaled(numbers: &mut Matrix, scaling: Scaling, control: Control<'_>) -> Result<Scaled, Failure> {
    let scales = scaling.fit(numbers, control)?;
    numbers.scale(&scales);
    Ok(Scaled { scales })
}
