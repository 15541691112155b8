//! Lists, under the names that people bring with them.

mod given;
mod plain;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("lists", "Lists under the names of other dialects").expressions(&plain::ALL)
}
