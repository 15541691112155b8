//! Lists, under the names of other systems.

mod given;
mod plain;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("lists", "Lists under the names of other dialects").expressions(&plain::ALL)
}
