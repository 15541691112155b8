//! Mining of frequent itemsets and rules in plain Rust: slices and threads, nothing of Arrow or DataFusion.
//!
//! Rows become [`runs`]; [`baskets`] brings the runs of each basket together; [`counts`] counts items and pairs;
//! [`database`] keeps the frequent part of the baskets; [`search`] walks the itemsets depth first; [`curve`] counts them
//! at all supports at once; [`rules`] derives and measures rules.

pub(crate) mod baskets;
mod bits;
pub(crate) mod counts;
pub(crate) mod curve;
pub(crate) mod database;
pub(crate) mod itemsets;
pub(crate) mod metrics;
pub(crate) mod rules;
pub(crate) mod runs;
pub(crate) mod search;
