//! Linear algebra for small symmetric matrices.

/// A square matrix in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Square {
    pub size: usize,
    pub values: Vec<f64>,
}

impl Square {
    pub fn zero(size: usize) -> Self {
        Self { size, values: vec![0.0; size * size] }
    }

    pub fn at(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.size + column]
    }

    pub fn set(&mut self, row: usize, column: usize, value: f64) {
        self.values[row * self.size + column] = value;
    }

    /// The submatrix of some rows and the same columns.
    pub fn part(&self, kept: &[usize]) -> Self {
        let values = kept.iter().flat_map(|row| kept.iter().map(|column| self.at(*row, *column)));
        Self { size: kept.len(), values: values.collect() }
    }

    /// The lower factor L, where the matrix is L·L′; `None` if the matrix is not positive definite.
    pub fn cholesky(&self) -> Option<Factor> {
        let size = self.size;
        let mut lower = self.clone();
        for column in 0..size {
            for row in column..size {
                let (upper, below) = (column * size, row * size);
                let product: f64 = (0..column).map(|k| lower.values[upper + k] * lower.values[below + k]).sum();
                let left = lower.at(row, column) - product;
                if row == column {
                    if left.is_nan() || left <= 0.0 {
                        return None;
                    }
                    lower.set(row, column, left.sqrt());
                } else {
                    lower.set(row, column, left / lower.at(column, column));
                }
            }
        }
        Some(Factor(lower))
    }
}

/// A lower triangular Cholesky factor.
#[derive(Debug)]
pub struct Factor(Square);

impl Factor {
    /// Solves L·L′·x = b.
    pub fn solve(&self, right: &[f64]) -> Vec<f64> {
        let lower = &self.0;
        let mut x = right.to_vec();
        for row in 0..lower.size {
            let sum: f64 = (0..row).map(|k| lower.at(row, k) * x[k]).sum();
            x[row] = (x[row] - sum) / lower.at(row, row);
        }
        for row in (0..lower.size).rev() {
            let sum: f64 = (row + 1..lower.size).map(|k| lower.at(k, row) * x[k]).sum();
            x[row] = (x[row] - sum) / lower.at(row, row);
        }
        x
    }

    /// The inverse of L·L′.
    pub fn inverse(&self) -> Square {
        let size = self.0.size;
        let mut inverse = Square::zero(size);
        for column in 0..size {
            let mut unit = vec![0.0; size];
            unit[column] = 1.0;
            for (row, value) in self.solve(&unit).into_iter().enumerate() {
                inverse.set(row, column, value);
            }
        }
        inverse
    }
}

/// The share of a column's square that must remain after projecting out the columns before it; below this, the column counts as a
/// linear combination of them.
const LEAST: f64 = 1e-11;

/// Given the products of columns, X′X, returns the columns that are not a linear combination of earlier ones, as R does.
pub fn independent(products: &Square) -> Vec<usize> {
    let size = products.size;
    let mut lower = Square::zero(size);
    let mut kept: Vec<usize> = vec![];
    for column in 0..size {
        let mut left = products.at(column, column);
        for (k, before) in kept.iter().enumerate() {
            let sum: f64 = (0..k).map(|j| lower.at(*before, j) * lower.at(column, j)).sum();
            let value = (products.at(column, *before) - sum) / lower.at(*before, k);
            lower.set(column, k, value);
            left -= value * value;
        }
        if left > LEAST * products.at(column, column) && products.at(column, column) > 0.0 {
            lower.set(column, kept.len(), left.sqrt());
            kept.push(column);
        }
    }
    kept
}

/// The eigenvalues of a symmetric matrix, by Jacobi rotations.
pub fn eigenvalues(matrix: &Square) -> Vec<f64> {
    let (size, mut a) = (matrix.size, matrix.clone());
    for _ in 0..60 {
        let off: f64 =
            (0..size).flat_map(|row| (0..row).map(move |column| (row, column))).map(|(r, c)| a.at(r, c) * a.at(r, c)).sum();
        if off < 1e-26 * size as f64 {
            break;
        }
        for p in 0..size {
            for q in p + 1..size {
                let pivot = a.at(p, q);
                if pivot == 0.0 {
                    continue;
                }
                let theta = (a.at(q, q) - a.at(p, p)) / (2.0 * pivot);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let t = if theta == 0.0 { 1.0 } else { t };
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                for k in 0..size {
                    let (one, two) = (a.at(k, p), a.at(k, q));
                    a.set(k, p, c * one - s * two);
                    a.set(k, q, s * one + c * two);
                }
                for k in 0..size {
                    let (one, two) = (a.at(p, k), a.at(q, k));
                    a.set(p, k, c * one - s * two);
                    a.set(q, k, s * one + c * two);
                }
            }
        }
    }
    (0..size).map(|k| a.at(k, k)).collect()
}
