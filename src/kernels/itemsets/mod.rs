//! Mines frequent itemsets and association rules.
//!
//! Rows become [`runs`]; [`baskets`] joins the runs of each basket; [`counts`] counts items and pairs; [`database`] keeps the
//! frequent part of the baskets; [`search`] walks the itemsets depth first; [`curve`] counts them at all supports at once;
//! [`rules`] derives rules, and [`metrics`] measures them.

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
