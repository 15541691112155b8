//! Statistics: of the values of a list, which aggregates collect, and distributions.

pub mod distributions;
pub mod lists;

use super::scalar::Scalar;

/// The functions of this module.
pub fn all() -> impl Iterator<Item = &'static Scalar> {
    let of_lists =
        [&lists::KURTOSIS, &lists::SKEWNESS, &lists::PRODUCT, &lists::MOST_FREQUENT, &lists::DEVIATION, &lists::ENTROPY];
    of_lists.into_iter().chain(distributions::ALL)
}
