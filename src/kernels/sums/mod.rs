//! Exact sums of doubles for many groups: the same to the last bit in any order, however the rows are divided.
//!
//! Every group has a [`window`]: a wide integer that counts a small power of two. It holds all doubles of ordinary size without rounding,
//! and takes 32 bytes for a sum of numbers and 64 for a sum of products. The few doubles outside of it (below 10⁻²³, above 10²⁶) go to a
//! [`Superaccumulator`](super::superaccumulator::Superaccumulator) of the group, and NaN and infinities are counted ([`groups`]).
//! [`moments`] computes variances, covariances and regressions from such sums: exactly up to the final division.
//!
//! U. Kulisch: Computer Arithmetic and Validity (2013) describes the integers, there as wide as all doubles need.

pub mod groups;
pub mod moments;
mod window;

#[cfg(test)]
mod tests;
