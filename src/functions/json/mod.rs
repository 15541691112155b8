//! Values as JSON strings.

mod plain;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("json", "Values as JSON").expressions(&plain::ALL)
}
