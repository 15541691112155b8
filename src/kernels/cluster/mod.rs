//! K-means whose result is bit for bit the same for any order of rows, number of threads and chunking.
//!
//! Two things make this possible: every sum is computed with integers ([`exact`]), and every random choice depends on the key
//! of a row, not on its position ([`race`]).

#![expect(clippy::needless_range_loop, reason = "counted loops over lanes become vector instructions, zipped arrays not always")]

mod assign;
mod bounds;
mod columns;
mod data;
mod distance;
mod exact;
pub mod indices;
mod init;
mod kmeans;
pub mod kprototypes;
mod lloyd;
mod matrix;
mod race;
mod rehearsal;
mod scale;
pub mod silhouette;
mod source;
mod sums;
#[cfg(test)]
mod tests;

pub use assign::assign;
pub use data::Failure;
pub use kmeans::{Clustering, Init, Options, Step, kmeans};
pub use matrix::{CHUNK_ROWS, Matrix};
pub use race::sample;
pub use scale::{Moments, Scale, Scaling, Statistics, statistics};
pub use source::Source;
