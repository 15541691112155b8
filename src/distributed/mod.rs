//! Plans on other machines: what of a plan is ours is found by its name, and made again from its bytes.
//!
//! Nothing is sent yet. What a worker will need is here, and a test sends every step and function of every example through it.

mod registry;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use crate::adapter;
use crate::functions;
use crate::learning;
use crate::refresh;
use registry::Registry;

static REGISTRY: LazyLock<Registry> =
    LazyLock::new(|| Registry::new(functions::all(), [adapter::steps(), learning::steps(), refresh::steps()].concat()));

/// Every step and function of ours, by name. Built once per process.
pub fn registry() -> &'static Registry {
    &REGISTRY
}
