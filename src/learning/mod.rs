//! Learning from rows: features in memory, computations on them, and models that are stored and applied.
//!
//! ```text
//! CREATE MODEL … AS SELECT …                 ml_predict(name, input)
//!        │                                          │
//!        ▼                                          ▼
//!  features: rows ─▶ matrix                   catalog: the newest version, as text
//!        │                                          │
//!        ▼                                          ▼
//!  model type: train                          Model: read once for each call in a query
//!        │                                          │
//!        ▼                                          ▼
//!  Trained + the type's own part, as JSON     a projection of the input that holds the Model
//!        │                                          │
//!        ▼                                          ▼
//!  catalog: a new version                     cluster and distance of each row
//! ```
//!
//! | part | what it knows |
//! |---|---|
//! | [`features`] | the columns of a relation as a matrix of numbers and codes, read once; beyond the memory limit, on disk |
//! | [`clustering`] | options, scaling and measures shared by the clustering functions and models |
//! | [`supervised`] | models with a target: holdout, search, measures and warnings; linear models and trees |
//! | [`model`] | types of models, the stored form, training and prediction |
//!
//! A new type of model is a file in [`model`] and a line in its list: it defines its options, its training, its own part of the stored
//! form, and its predictions. Statement, storage, `ml_predict` and `system.models` work for all types.

pub mod clustering;
pub mod features;
pub mod model;
pub mod supervised;

use crate::adapter::kinds::StepKind;
use features::Gather;

/// The training step.
pub fn steps() -> Vec<StepKind> {
    vec![StepKind::of::<Gather<model::Train>>()]
}
