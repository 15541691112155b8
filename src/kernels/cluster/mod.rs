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
pub(crate) mod indices;
mod init;
mod kmeans;
pub(crate) mod kprototypes;
mod lloyd;
mod matrix;
mod race;
mod scale;
pub(crate) mod silhouette;
mod source;
mod sums;
#[cfg(test)]
mod tests;

pub(crate) use assign::assign;
pub(crate) use data::Failure;
pub(crate) use kmeans::{Clustering, Init, Options, Step, kmeans};
pub(crate) use matrix::{CHUNK_ROWS, Matrix};
pub(crate) use race::sample;
pub(crate) use scale::{Moments, Scale, Scaling, Statistics};
pub(crate) use source::Source;
