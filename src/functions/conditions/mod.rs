//! Conditions and NULL handling, under the names of other systems.

mod decode;
mod plain;
mod type_of;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("conditions", "Conditions and NULL under the names of other dialects")
        .expressions(&plain::ALL)
        .scalar(type_of::TypeOf)
}
