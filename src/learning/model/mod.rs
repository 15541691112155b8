//! Models (模型): trained once, stored in the database, applied to what comes later.
//!
//! ```text
//! CREATE MODEL … AS SELECT … ─▶ train: one row, the model as text ─▶ catalog
//! ml_predict(model, input)   ─▶ SELECT *, ml_apply('the model', features) FROM input
//! ```
//! A [`ModelType`](kind::ModelType) says how a model of its sort is trained, applied and described; [`kind::TYPES`] lists them, a line each. What is
//! stored is the same for all: a [`Trained`].

pub mod apply;
mod clusters;
pub mod kind;
mod kmeans;
mod kprototypes;
mod train;
pub mod trained;

pub use kind::{model_type, type_names};
pub use train::{Train, Training, plan};
pub use trained::Trained;
