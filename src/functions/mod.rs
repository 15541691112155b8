//! What users call: one folder per domain, one file per function.
//!
//! A domain lists its functions in its `mod.rs`, one line each; [`all`] lists the domains. Each function is in its own file
//! with its [`Doc`]; registration, `system.functions`, help, completion and the reference are derived from these lists.

mod audience;
mod basket;
mod clean;
mod cluster;
mod clv;
mod conditions;
mod dates;
mod experiment;
mod feedback;
mod identity;
mod journey;
mod json;
mod lists;
mod model;
mod numbers;
mod privacy;
mod quality;
mod rfm;
mod sample;
mod statistics;
mod survival;
mod tags;
mod texts;

use std::sync::LazyLock;

pub use privacy::{DETOKENIZE, suppress_below};

use crate::adapter::FunctionSet;
use crate::docs::Doc;

static DOMAINS: LazyLock<Vec<FunctionSet>> = LazyLock::new(|| {
    vec![
        rfm::functions(),
        basket::functions(),
        tags::functions(),
        cluster::functions(),
        audience::functions(),
        identity::functions(),
        model::functions(),
        clv::functions(),
        journey::functions(),
        feedback::functions(),
        experiment::functions(),
        survival::functions(),
        clean::functions(),
        quality::functions(),
        privacy::functions(),
        sample::functions(),
        conditions::functions(),
        statistics::functions(),
        numbers::functions(),
        lists::functions(),
        json::functions(),
        texts::functions(),
        dates::functions(),
    ]
});

/// Every domain. Built once per process.
pub fn all() -> &'static [FunctionSet] {
    &DOMAINS
}

/// The page of a function; an empty page if no function has that name.
pub fn page(name: &str) -> &'static Doc {
    all().iter().flat_map(FunctionSet::docs).find(|doc| doc.name == name).unwrap_or(&Doc::EMPTY)
}

#[cfg(test)]
pub use crate::learning::model::applied::readings;
