//! Numbers, under the names of other systems, and distribution functions.

mod distributions;
mod given;
mod plain;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("numbers", "Numbers under the names of other dialects")
        .expressions(&plain::ALL)
        .expressions(&distributions::ALL)
}
