//! Statistics: of the values of a list, which aggregates collect, and distributions.

mod aggregated;
pub mod distributions;
pub mod lists;

use super::scalar::Scalar;

/// True for a function of a list, which may be NULL where its argument is not: for a list without values.
pub fn may_give_null(name: &str) -> bool {
    name.ends_with("_of") && all().any(|scalar| scalar.name == name)
}

/// The functions of this module.
pub fn all() -> impl Iterator<Item = &'static Scalar> {
    let of_lists =
        [&lists::KURTOSIS, &lists::SKEWNESS, &lists::PRODUCT, &lists::MOST_FREQUENT, &lists::DEVIATION, &lists::ENTROPY];
    of_lists.into_iter().chain(aggregated::ALL).chain(distributions::ALL)
}
