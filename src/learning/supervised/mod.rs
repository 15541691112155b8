//! Models of a target (预测): a class, a number or a count, learned from rows where it is known.
//!
//! | file | what it holds |
//! |---|---|
//! | [`training`] | the order of things: holdout, candidates, folds, fit, measures |
//! | [`plan`] | the options that all such models have |
//! | [`target`] | what is to be predicted |
//! | [`table`] | the rows, in an order that depends on nothing but the rows |
//! | `split` | holdout and folds |
//! | [`algorithm`] | what learns, behind one interface; [`linear`] and [`trees`] are the two |
//! | [`predictor`] | what was learned, as it is stored and applied |
//! | [`measures`] | how good predictions are |
//! | `permutation` | what each feature is worth |
//! | `warnings` | warnings of leaks and of overfitting |
//!
//! A new algorithm is a file beside [`linear`], a variant of [`algorithm::Algorithm`] and a page in
//! [`model`](super::model).

pub mod algorithm;
pub mod linear;
pub mod measures;
mod permutation;
pub mod plan;
pub mod predictor;
mod split;
pub mod table;
pub mod target;
pub mod training;
pub mod trees;
mod warnings;
