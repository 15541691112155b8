//! Features: the columns that clusters, trees and models are computed from, as numbers in memory.
//!
//! ```text
//! features => [age, city, …] ─▶ FeatureSpec: which columns, of which kind  when the call is planned
//!                               gather: rows ─▶ Rows                      a matrix of numbers, codes of categories, keys
//!                               Compute: what a function does with them   on threads of its own
//! ```
//! Integers, decimals and floats are numbers; text and booleans are categories. Dates are rejected where distances count, because only
//! the user knows what distance a day is; models with a target use the number of days. Where only the order counts, dates, times and
//! numbers with more digits than a double are kept unconverted.

mod days;
mod exact;
mod gather;
mod keys;
mod scale;
mod spec;
mod spill;
mod step;

pub use crate::adapter::arguments::is_time;
pub use days::days;
pub use exact::Exact;
pub use gather::{Category, Filled, LARGEST, Rows};
pub use scale::{Scaled, scaled};
pub use spec::{
    ALL_FEATURES, FEATURES, Feature, FeatureSpec, KEY, KEY_OF_ROWS, Kind, MISSING, MISSING_KEPT, MISSING_OR_KEPT, MIXED_FEATURES,
    Missing, ORDERED_FEATURES, OWN_KEY, WEIGHT, key_column,
};
pub use spill::Spilled;
pub use step::{Compute, Computing, Gather};
