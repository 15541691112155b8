//! Probabilistic matching: `match_pairs`, `match_parameters` and `explain_match`.
//!
//! ```text
//! macros ──▶ reading ─────────▶ functions ───▶ step ─────▶ kernels::linkage
//! pages      comparisons and     typed columns   rows, pairs,
//!            rules as columns                    model, answer
//! ```
//! Comparisons and blocking rules are read while the statement is planned. Their columns become roles of a relation function
//! that only these macros call; a [`Spec`](spec::Spec) describes what to do with the columns.

mod explain_match;
mod functions;
mod macros;
mod match_pairs;
mod match_parameters;
mod reading;
mod spec;
mod step;
mod training;

pub use explain_match::ExplainMatch;
pub use functions::{Explain, Pairs, Parameters};
pub use match_pairs::MatchPairs;
pub use match_parameters::MatchParameters;
pub use step::LinkRecords;
