//! K-means whose answer is the same bit for bit, whatever the order of the rows, the number of threads and the chunking.
//!
//! Two things make it so: every sum is taken in whole numbers ([`exact`]), and every random choice hangs on the key of a
//! row, not on its place ([`race`]).

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
