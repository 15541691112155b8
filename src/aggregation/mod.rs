//! GROUP BY of one or two integers, times or texts: the aggregation that customer profiling runs all day.
//!
//! DataFusion aggregates each partition in a hash table of its own, sends the tables' rows to the partition that their key belongs to,
//! and there puts them into a second hash table. When most customers are in every partition, that is most of the work done twice. Here
//! the partitions share one numbering of the groups ([`crate::kernels::grouping`]), so that the second step adds arrays from front to back.
//!
//! ```text
//! partition 1 ─▶ number each row's group ─▶ update accumulators ─▶ states ─┐
//!                        ║ shared                                          ├─▶ merge a range of groups ─▶ results
//! partition 2 ─▶ number each row's group ─▶ update accumulators ─▶ states ─┘
//! ```
//! The accumulators are those of the aggregate functions themselves, DataFusion's and ours.
//!
//! When memory is short, the groups that are known go on and no more are let in: the rows of other keys go to temporary files,
//! divided by the hash of the key, and each file is aggregated in the same way once the known groups are done.
//!
//! [`rule`] says which plans are taken, [`exec`] is the plan's node, [`gather`] reads the input, [`emit`] makes the results,
//! [`waiting`] keeps the rows that found no room.

mod emit;
mod exec;
mod gather;
mod rule;
mod waiting;

pub use rule::AggregateByGroups;
