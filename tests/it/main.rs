//! The one integration binary.

mod command_line;
mod database;
mod documents;
mod layers;
mod library;
mod reference_data;
mod robustness;
mod stores;
mod support;
