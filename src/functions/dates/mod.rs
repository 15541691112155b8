//! Dates and times: parts, differences and formats, under the names of other systems.

mod between;
mod made;
mod moved;
mod parts;
mod units;
mod written;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("dates", "Dates and times under the names of other dialects")
        .expressions(&parts::ALL)
        .expressions(&made::ALL)
        .expressions(&moved::ALL)
        .expressions(&between::ALL)
        .expressions(&written::ALL)
}
