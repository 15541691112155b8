//! Models with a target (预测): a class, a number or a count, learned from rows where it is known.
//!
//! | file | what it holds |
//! |---|---|
//! | [`training`] | the sequence of training: holdout, candidates, folds, fit, measures |
//! | [`plan`] | the options that all these models have |
//! | [`target`] | the target to predict |
//! | [`table`] | the rows, in an order that depends only on their contents |
//! | `split` | holdout and folds |
//! | [`algorithm`] | the learning algorithms behind one interface: [`linear`] and [`trees`] |
//! | [`predictor`] | the trained model, as it is stored and applied |
//! | [`measures`] | measures of predictions |
//! | `permutation` | importance of each feature |
//! | `warnings` | warnings of leaks and overfitting |
//!
//! A new algorithm is a file next to [`linear`], a variant of [`algorithm::Algorithm`] and a page in
//! [`model`](super::model).

pub mod algorithm;
pub mod linear;
pub mod measures;
mod permutation;
pub mod plan;
pub mod predictor;
mod rival;
mod split;
pub mod table;
pub mod target;
pub mod training;
pub mod trees;
mod warnings;
