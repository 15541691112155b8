//! Learning from rows: features in memory, what is computed from them, and models that are stored and applied.
//!
//! | part | what it knows |
//! |---|---|
//! | [`features`] | the columns of a relation as a matrix of numbers and codes, read once, beyond the memory limit on disk |
//! | [`clustering`] | options, scaling and measures that the clustering functions and models share |
//! | [`model`] | types of model: how each is trained, stored, applied and described |

pub mod clustering;
pub mod features;
pub mod model;

use crate::adapter::kinds::StepKind;
use features::Gather;

/// The steps of training.
pub fn steps() -> Vec<StepKind> {
    vec![StepKind::of::<Gather<model::Train>>()]
}
