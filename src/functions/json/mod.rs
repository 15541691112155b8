//! Values as JSON strings, and values read from them.

mod plain;
mod read;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("json", "Values as JSON, and values from JSON").expressions(&plain::ALL).expressions(&read::ALL)
}
