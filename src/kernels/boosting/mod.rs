//! Tree models: gradient boosting, random forests, and single decision trees.
//!
//! J. Friedman: Greedy Function Approximation: A Gradient Boosting Machine (2001); G. Ke and others: LightGBM (2017), for
//! histograms, best-first growth and splits by sets of levels; L. Breiman: Random Forests (2001). Gradients are summed as
//! integers, so that a model is the same for any number of workers.

pub mod bins;
mod boost;
mod ensemble;
mod forest;
mod grow;
mod histogram;
mod loss;
mod shap;
mod split;
#[cfg(test)]
mod tests;
pub mod tree;

pub use bins::Binning;
pub use boost::{BoostOptions, Validation, boost};
pub use ensemble::Ensemble;
pub use forest::{ForestOptions, TreeOptions, decision_tree, random_forest};
pub use loss::Loss;
