//! Models (模型): trained once, stored in the database, applied to later rows.
//!
//! | file | what it holds |
//! |---|---|
//! | [`mod@model_type`] | the interface of a type of model; [`model_types`] lists the types |
//! | `kmeans`, `kprototypes` | cluster models, based on `clusters` |
//! | `lifetime` | lifetime models of customers: purchases and their value |
//! | `cox` | models of the time until an event |
//! | `predictive` | models that predict a target, based on [`supervised`](super::supervised) |
//! | [`described`] | how a model describes itself |
//! | `train` | the plan that trains: it returns one row, the model as text |
//! | [`stored`] | the stored form: the part that is the same for all types |
//! | [`erased`] | the values of an erased person leave a stored model |
//! | [`applied`] | a stored model after reading: predicts and describes |
//! | [`predict`] | the plan that predicts |
//! | [`explain`] | the plan that explains predictions |

pub mod applied;
mod clusters;
mod cox;
pub mod described;
pub mod erased;
pub mod explain;
mod kmeans;
mod kprototypes;
mod lifetime;
pub mod model_type;
pub mod predict;
mod predictive;
pub mod stored;
mod train;

pub use applied::Model;
pub use lifetime::Lifetime;
pub use stored::Trained;
pub use train::{Train, Training, plan};

pub use model_type::ModelType;

/// All types of models.
const TYPES: [&dyn ModelType; 14] = [
    &kmeans::KMeans,
    &kprototypes::KPrototypes,
    &predictive::LOGISTIC_REGRESSION,
    &predictive::LINEAR_REGRESSION,
    &predictive::POISSON_REGRESSION,
    &predictive::DECISION_TREE,
    &predictive::RANDOM_FOREST,
    &predictive::GRADIENT_BOOSTING,
    &lifetime::BG_NBD,
    &lifetime::MBG_NBD,
    &lifetime::PARETO_NBD,
    &lifetime::GAMMA_GAMMA,
    &lifetime::BG_BB,
    &cox::CoxType,
];

pub fn model_types() -> impl Iterator<Item = &'static dyn ModelType> + Clone {
    TYPES.into_iter()
}

/// The type with a name.
pub fn model_type(name: &str) -> Option<&'static dyn ModelType> {
    model_types().find(|model_type| model_type.name() == name)
}

/// The names of all types.
pub fn type_names() -> impl Iterator<Item = &'static str> + Clone {
    model_types().map(|model_type| model_type.name())
}
