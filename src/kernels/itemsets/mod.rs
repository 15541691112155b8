//! Mining of frequent itemsets and rules in plain Rust: slices and threads, without Arrow or DataFusion.
//!
//! Rows become [`runs`]; [`baskets`] joins the runs of each basket; [`counts`] counts items and pairs; [`database`] keeps the
//! frequent part of the baskets; [`search`] walks the itemsets depth first; [`curve`] counts them at all supports at once;
//! [`rules`] derives and measures rules.

pub mod baskets;
mod bits;
pub mod counts;
pub mod curve;
pub mod database;
#[expect(clippy::module_inception, reason = "the sets that the search finds")]
pub mod itemsets;
pub mod metrics;
pub mod rules;
pub mod runs;
pub mod search;
