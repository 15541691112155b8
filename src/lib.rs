//! Portrait.
mod catalog;
mod docs;
mod engine;
mod error;
mod functions;
mod kernels;
mod settings;
mod sql;
pub use docs::{Argument, Column, Doc, Kind, Takes};
pub use engine::{Answer, Engine, EngineOptions, Progress, Session, Staged, THREAD_NAME, pages, reference};
pub use error::message;
pub use settings::PortraitSettings;
pub use sql::parser::Statement;
pub use sql::{extension_planners, register, sql};
