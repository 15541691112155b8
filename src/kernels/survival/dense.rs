//! Small symmetric systems of linear equations.

/// The lower Cholesky factor of a matrix, in row-major order. If the matrix is not positive definite, the error is the row at which
/// that shows.
pub fn cholesky(matrix: &[f64], size: usize) -> Result<Vec<f64>, usize> {
    let mut factor = vec![0.0; size * size];
    for i in 0..size {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| factor[i * size + k] * factor[j * size + k]).sum();
            let rest = matrix[i * size + j] - known;
            if i == j {
                if rest.is_nan() || rest <= 1e-11 * matrix[i * size + i].abs() {
                    return Err(i);
                }
                factor[i * size + i] = rest.sqrt();
            } else {
                factor[i * size + j] = rest / factor[j * size + j];
            }
        }
    }
    Ok(factor)
}

/// Solves the system whose matrix has this factor.
pub fn solve(factor: &[f64], size: usize, right: &[f64]) -> Vec<f64> {
    let mut solution = right.to_vec();
    for i in 0..size {
        let known: f64 = (0..i).map(|k| factor[i * size + k] * solution[k]).sum();
        solution[i] = (solution[i] - known) / factor[i * size + i];
    }
    for i in (0..size).rev() {
        let known: f64 = (i + 1..size).map(|k| factor[k * size + i] * solution[k]).sum();
        solution[i] = (solution[i] - known) / factor[i * size + i];
    }
    solution
}

/// The inverse of the matrix that has this factor.
pub fn inverse(factor: &[f64], size: usize) -> Vec<f64> {
    let mut inverse = vec![0.0; size * size];
    for i in 0..size {
        let mut unit = vec![0.0; size];
        unit[i] = 1.0;
        inverse[i * size..(i + 1) * size].copy_from_slice(&solve(factor, size, &unit));
    }
    inverse
}
