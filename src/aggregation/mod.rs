//! GROUP BY of one or two integers, times or strings: the aggregation that customer profiling runs all day.
//!
//! DataFusion aggregates each partition in its own hash table, repartitions the rows of these tables by key, and aggregates them again in
//! a second hash table. If most customers occur in every partition, nearly all work is done twice. Here, all partitions share one
//! numbering of the groups ([`crate::kernels::grouping`]), so the second step only adds arrays from front to back.
//!
//! ```text
//! partition 1 ─▶ number each row's group ─▶ update accumulators ─▶ states ─┐
//!                        ║ shared                                          ├─▶ merge a range of groups ─▶ results
//! partition 2 ─▶ number each row's group ─▶ update accumulators ─▶ states ─┘
//! ```
//! The accumulators are those of the aggregate functions themselves, both DataFusion's and ours. While a partition is read, the common
//! aggregates are kept side by side instead ([`partial`]), because looking up a group in many arrays costs more than adding to it. These
//! rows and some accumulators of ours lie in chunks of groups, which are merged one after another without states of all groups.
//!
//! When memory runs out, known groups continue but no new ones are admitted. The rows of all other keys are spilled to temporary files,
//! partitioned by the hash of the key, and each file is aggregated in the same way once the known groups are done.
//!
//! [`rule`] selects the plans, [`exec`] is the plan node, [`gather`] reads the input, [`inputs`] computes arguments, [`emit`] computes the results, [`waiting`] holds
//! the spilled rows.

mod emit;
mod exec;
mod gather;
mod inputs;
mod partial;
mod rule;
mod waiting;

pub use rule::{AggregateByGroups, ReasonsOfAggregations};
